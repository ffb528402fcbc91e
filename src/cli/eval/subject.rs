//! What is evaluated, with its values: an expression, or a mapping of a project.

use super::input::{self, Input};
use super::{Args, listing};
use crate::catalog::{Catalog, Types};
use crate::cli::project::{self, Compiled};
use crate::diagnostics::{Diagnostic, Severity, Sources, did_you_mean};
use crate::language::check::SlotScope;
use crate::language::types::{RecordType, Type};
use crate::language::{Expression, Inputs, Library, SourceText};
use crate::model::load::{PROJECT_FILE, find_root};
use crate::model::read::{self, Keyed};
use crate::model::settings::SettingType;
use crate::model::test::Data;
use crate::model::yaml;
use crate::value::{Text, Value};
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What was made of the arguments.
pub(super) struct Subject {
    pub what: Prepared,
    pub findings: Vec<Diagnostic>,
    pub sources: Arc<Sources>,
    /// The project's root.
    pub root: Option<PathBuf>,
}

pub(super) enum Prepared {
    Evaluate {
        expression: Expression,
        values: Vec<Value>,
        settings: Value,
    },
    /// What a file holds.
    List(String),
    /// The findings say why.
    Nothing,
}

/// A mapping of a file, or the file.
struct Named<'a> {
    file: &'a str,
    name: Option<&'a str>,
}

/// Reads and compiles what the arguments name.
pub(super) fn prepare(args: &Args, inputs: &[Input]) -> anyhow::Result<Subject> {
    if let Some(named) = named(args)? {
        return in_project(args, &named, inputs);
    }
    let text = args.what.as_deref().context("nothing to evaluate")?;
    let file = args.r#use.iter().find(|used| !used.starts_with("std:"));
    match file {
        Some(file) => {
            let project = open(args, Path::new(file))?;
            let uses = args.r#use.iter().map(|used| project.path_of(used)).collect::<anyhow::Result<Vec<_>>>()?;
            with_project(text, inputs, &uses, project)
        }
        // Settings are those of the project in which one stands.
        None if args.env.is_some() || !args.settings.is_empty() => {
            with_project(text, inputs, &args.r#use, open(args, Path::new("."))?)
        }
        None => alone(text, inputs, &args.r#use),
    }
}

/// `FILE#NAME`, or `FILE.map` where there is such a file: no expression can be the one, and hardly any is the other.
fn named(args: &Args) -> anyhow::Result<Option<Named<'_>>> {
    if let Some(mapping) = &args.mapping {
        let (file, name) = mapping.split_once('#').unwrap_or((mapping, ""));
        return Ok(Some(Named { file, name: Some(name).filter(|name| !name.is_empty()) }));
    }
    let Some(what) = &args.what else { return Ok(None) };
    Ok(match what.split_once('#') {
        Some((file, name)) if file.ends_with(".map") => Some(Named { file, name: Some(name) }),
        None if what.ends_with(".map") && Path::new(what).is_file() => Some(Named { file: what, name: None }),
        _ => None,
    })
}

/// A project, its settings as the arguments want them.
struct Opened {
    compiled: Compiled,
    settings: Value,
    root: PathBuf,
    /// About `--set`.
    findings: Vec<Diagnostic>,
    sources: Sources,
}

fn open(args: &Args, path: &Path) -> anyhow::Result<Opened> {
    let root = match find_root(path) {
        Some(root) => root,
        None if path.exists() => anyhow::bail!("{} stands in no project: {PROJECT_FILE} marks one", path.display()),
        None => anyhow::bail!("{} does not exist", path.display()),
    };
    let compiled = project::load(path, args.env.as_deref())?;
    let mut sources = compiled.compilation.sources.as_ref().clone();
    let (settings, findings) = settings(args, &compiled, &mut sources)?;
    Ok(Opened { settings, root, findings, sources, compiled })
}

/// The project's settings with what `--set` says.
fn settings(args: &Args, compiled: &Compiled, sources: &mut Sources) -> anyhow::Result<(Value, Vec<Diagnostic>)> {
    let mut text = String::new();
    for written in &args.settings {
        let (name, value) =
            written.split_once('=').with_context(|| format!("--set takes NAME=VALUE, got {written}"))?;
        let declared = compiled.project.file.as_ref().and_then(|file| file.settings.get(name));
        match declared.map(|setting| setting.ty.value) {
            // On a command line a text is not quoted again.
            Some(SettingType::Text) => text.push_str(&format!("{name}: '{}'\n", value.replace('\'', "''"))),
            _ => text.push_str(&format!("{name}: {value}\n")),
        }
    }
    if text.is_empty() {
        return Ok((compiled.effective.settings.clone(), vec![]));
    }
    let file = sources.add("<--set>", text.as_str());
    let written = yaml::parse(file, &text).and_then(|node| read::read::<Keyed<Data>>(&node));
    Ok(match written {
        Ok(written) => {
            let (effective, findings) = compiled.project.with_settings(&compiled.effective, &written);
            (effective.settings, findings)
        }
        Err(findings) => (Value::Missing, findings),
    })
}

impl Opened {
    /// A path from here as one from the project's root.
    fn path_of(&self, written: &str) -> anyhow::Result<String> {
        if written.starts_with("std:") {
            return Ok(written.to_string());
        }
        let path = Path::new(written).canonicalize().with_context(|| format!("cannot read {written}"))?;
        let inside = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
        let inside = inside.map(|path| path.replace('\\', "/"));
        inside.with_context(|| format!("{written} does not stand in the project {}", self.root.display()))
    }

    fn inputs(&self) -> Inputs<'_> {
        let (files, types) = (&self.compiled.effective.files, &self.compiled.compilation.types);
        Inputs { files, types, settings: self.compiled.effective.settings_type.clone() }
    }

    /// The errors of what mappings are compiled from: flows and tests have no part in them.
    fn errors(&self) -> Vec<Diagnostic> {
        let of_flows = |finding: &&Diagnostic| {
            let path = finding.primary.as_ref().map(|label| self.sources.get(label.span.file).path);
            path.is_some_and(|path| path.ends_with(".flow.yaml") || path.ends_with(".test.yaml"))
        };
        let errors = self.compiled.findings.iter().filter(|finding| finding.severity == Severity::Error);
        errors.filter(|finding| !of_flows(finding)).cloned().collect()
    }

    fn done(self, what: Prepared, findings: Vec<Diagnostic>) -> Subject {
        Subject { what, findings, sources: Arc::new(self.sources), root: Some(self.root) }
    }
}

fn in_project(args: &Args, named: &Named<'_>, inputs: &[Input]) -> anyhow::Result<Subject> {
    let mut project = open(args, Path::new(named.file))?;
    let path = project.path_of(named.file)?;
    let Some(file) = project.compiled.effective.files.get(&path).copied() else {
        anyhow::bail!("{} is no mapping file of the project", named.file);
    };
    let Some(name) = named.name else {
        if !inputs.is_empty() {
            anyhow::bail!("say which mapping takes the input: {}#NAME", named.file);
        }
        let (listing, findings) = listing::list(named.file, file, &project.sources, args.format);
        return Ok(project.done(Prepared::List(listing), findings));
    };
    let library = &project.compiled.compilation.library;
    let scope_inputs = project.inputs();
    let scope = SlotScope { library, inputs: &scope_inputs, uses: &[], variables: &[], facts: &[] };
    let Some(expression) = scope.routine(&path, name) else {
        let known = library.routines(&path);
        if !known.iter().any(|known| &**known == name) && !known.is_empty() {
            let hint = match did_you_mean(name, known.iter().map(|known| &**known)) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("there are: {}", known.iter().map(|known| &**known).collect::<Vec<_>>().join(", ")),
            };
            anyhow::bail!("{} has no mapping or fn {name}; {hint}", named.file);
        }
        let errors = project.errors();
        if errors.is_empty() {
            anyhow::bail!("{} has no mapping or fn {name}", named.file);
        }
        return Ok(project.done(Prepared::Nothing, errors));
    };
    let mut findings = std::mem::take(&mut project.findings);
    let taken = input::arrange(name, &expression.routine.params, inputs)?;
    let mut values = Vec::with_capacity(taken.len());
    for ((name, ty), taken) in expression.routine.params.iter().zip(taken) {
        let read = taken.and_then(|input| input.value(&mut project.sources, &mut findings));
        let value = read.map_or(Value::Missing, |(value, file)| {
            findings.extend(input::warn(name, &value, ty, file, &project.sources.get(file).text));
            value
        });
        values.push(value);
    }
    Ok(ready(project, expression, values, findings))
}

fn ready(project: Opened, expression: Expression, values: Vec<Value>, findings: Vec<Diagnostic>) -> Subject {
    let settings = project.settings.clone();
    let fine = findings.iter().all(|finding| finding.severity != Severity::Error);
    let what = if fine { Prepared::Evaluate { expression, values, settings } } else { Prepared::Nothing };
    project.done(what, findings)
}

/// An expression with a project's mappings and settings.
fn with_project(text: &str, inputs: &[Input], uses: &[String], mut project: Opened) -> anyhow::Result<Subject> {
    let mut findings = std::mem::take(&mut project.findings);
    let (variables, values) = variables(inputs, &mut project.sources, &mut findings)?;
    let file = project.sources.add("<expression>", text);
    let library = &project.compiled.compilation.library;
    let scope_inputs = project.inputs();
    let scope = SlotScope { library, inputs: &scope_inputs, uses, variables: &variables, facts: &[] };
    let (checked, more) = scope.expression(&SourceText::file(file, text.into()), None);
    findings.extend(more);
    match checked {
        Some(checked) => Ok(ready(project, checked.expression, values, findings)),
        None => {
            findings.extend(project.errors());
            Ok(project.done(Prepared::Nothing, findings))
        }
    }
}

/// An expression by itself, outside any project.
fn alone(text: &str, inputs: &[Input], uses: &[String]) -> anyhow::Result<Subject> {
    let types = Types::bundled(&Catalog::bundled());
    let (mut sources, mut findings) = (Sources::default(), vec![]);
    let (variables, values) = variables(inputs, &mut sources, &mut findings)?;
    let file = sources.add("<expression>", text);
    let files = Default::default();
    let scope_inputs = Inputs { files: &files, types: &types, settings: Arc::new(RecordType::shape([])) };
    let (library, more) = Library::compile(&scope_inputs, &mut sources);
    findings.extend(more);
    let scope = SlotScope { library: &library, inputs: &scope_inputs, uses, variables: &variables, facts: &[] };
    let (checked, more) = scope.expression(&SourceText::file(file, text.into()), None);
    findings.extend(more);
    let fine = findings.iter().all(|finding| finding.severity != Severity::Error);
    let what = match checked.filter(|_| fine) {
        Some(checked) => {
            let settings = Value::Record(Default::default());
            Prepared::Evaluate { expression: checked.expression, values, settings }
        }
        None => Prepared::Nothing,
    };
    Ok(Subject { what, findings, sources: Arc::new(sources), root: None })
}

/// Names with their types.
type Variables = Vec<(Text, Type)>;

/// The expression's variables with their values: by name, or `event`, `input2`, … by their place.
fn variables(
    inputs: &[Input],
    sources: &mut Sources,
    findings: &mut Vec<Diagnostic>,
) -> anyhow::Result<(Variables, Vec<Value>)> {
    let (mut variables, mut values): (Variables, Vec<Value>) = (vec![], vec![]);
    for (n, input) in inputs.iter().enumerate() {
        let name = input.name.clone().unwrap_or_else(|| match n {
            0 => "event".to_string(),
            n => format!("input{}", n + 1),
        });
        if variables.iter().any(|(known, _)| **known == *name) {
            anyhow::bail!("`{name}` is given twice");
        }
        let value = input.value(sources, findings);
        variables.push((Text::from(name), Type::any()));
        values.push(value.map_or(Value::Missing, |(value, _)| value));
    }
    Ok((variables, values))
}
