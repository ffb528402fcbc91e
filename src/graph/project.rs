//! A whole project: its payload types, mappings and flows compiled together, and the sources that make up a revision.
//!
//! A flow with an error gives no graph and holds up no other. A revision is a flow's sources and nothing compiled:
//! [`recompile`] makes the graph of one again, whatever the files say by then.

use super::compile::calls::{self, Signature, Signatures};
use super::compile::{CompiledFlow, Compiler, ConnectionFacts, Declared};
use super::{ExecutionGraph, TriggerKind};
use crate::catalog::{Catalog, Own, Types};
use crate::diagnostics::{Code, Diagnostic, FileId, Severity, Source, Sources};
use crate::language::ast::{Definition, Rows};
use crate::language::{Inputs, Library, SourceText, parse};
use crate::model::cores::on_all_cores;
use crate::model::flow::{Flow as ModelFlow, TriggerSource};
use crate::model::project::{Privacy, ProjectFile};
use crate::model::rates::Rates;
use crate::model::{Effective, FlowFile, Project};
use crate::value::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Names of the parts of a revision that are no files: what connections the flow resolved to, the values of settings.
const CONNECTIONS: &str = "#connections";
const SETTINGS: &str = "#settings";
/// Which of a revision's flow files is its own: the others are those of flows that it calls.
const FLOW: &str = "#flow";

/// The version of the mapping language that this binary compiles and writes into revisions.
pub const LANGUAGE_VERSION: u32 = 1;

/// What a project's files were compiled to.
pub struct Compilation {
    pub flows: Vec<Flow>,
    /// The mappings, for `eval` and for tests of a mapping alone.
    pub library: Library,
    pub types: Types,
    /// The catalogue with the project's own tables.
    pub catalog: Catalog,
    /// The exchange rates that could be read.
    pub rates: Rates,
    /// What is masked, what is dropped, who is meant.
    pub privacy: Arc<Privacy>,
    pub sources: Arc<Sources>,
    pub findings: Vec<Diagnostic>,
}

/// One flow of a compilation.
pub struct Flow {
    pub name: String,
    pub path: String,
    /// `None` where it has an error.
    pub graph: Option<Arc<ExecutionGraph>>,
    /// Name → text of everything that it was compiled from, in order.
    pub revision: Vec<(String, String)>,
}

/// Compiles everything. Findings of all files, those of reading them not among them.
pub fn compile(project: &Project, effective: &Effective, mut sources: Sources, catalog: &Catalog) -> Compilation {
    let mut findings = effective.check(catalog);
    findings.extend(project.file.as_ref().into_iter().filter_map(unknown_version));
    findings.extend(project.file.as_ref().and_then(ProjectFile::check));
    let connections = connection_facts(effective, catalog);
    let Compiled { flows: mut compiled, types, library, catalog } =
        compile_files(project, effective, &connections, &mut sources, catalog, &mut findings);
    findings.extend(unnamed_selves(&mut compiled, project, effective, &catalog));
    // What has errors may be what uses a table; and mappings may be all that there is.
    if project.broken.is_empty() && !compiled.is_empty() && compiled.iter().all(|flow| flow.graph.is_some()) {
        findings.extend(library.unused_tables());
        findings.extend(library.unused_functions());
    }
    let (rates, more) = project.rates(effective, &sources);
    findings.extend(more);
    let sources = Arc::new(sources);
    let mut flows = Vec::new();
    let by_name: BTreeMap<&str, &ModelFlow> =
        project.flows.iter().map(|file| (&**file.flow.flow, &file.flow)).collect();
    let uses: BTreeMap<&str, Vec<String>> =
        project.flows.iter().zip(&compiled).map(|(file, flow)| (&**file.flow.flow, flow.uses.clone())).collect();
    let mut ways = Ways { files: &effective.files, sources: &sources, known: BTreeMap::new() };
    let parts = match Parts::of(project, effective, &connections, &sources) {
        Ok(parts) => Some(parts),
        Err(why) => {
            let message = format!("the settings cannot be kept with the revision: {why}");
            findings.extend(project.file.as_ref().map(|file| Diagnostic::error(Code::F0403, message, file.span)));
            None
        }
    };
    for (file, compiled) in project.flows.iter().zip(compiled) {
        let called = calls::reached(&file.flow, &by_name);
        let used = called.iter().filter_map(|name| uses.get(name)).flatten().chain(&compiled.uses);
        let reach = ways.reach(&used.cloned().collect::<Vec<_>>());
        let Some(revision) = parts.as_ref().map(|parts| parts.revision(file, &called, &reach)) else { continue };
        let graph = compiled.finish(&sources).map(Arc::new);
        flows.push(Flow { name: file.flow.flow.to_string(), path: file.path.clone(), graph, revision });
    }
    let privacy = Arc::new(project.file.as_ref().map(ProjectFile::privacy).unwrap_or_default());
    Compilation { flows, library, types, catalog, rates, privacy, sources, findings }
}

/// A language version that this binary does not know.
fn unknown_version(file: &ProjectFile) -> Option<Diagnostic> {
    (file.version.value.0 != LANGUAGE_VERSION).then(|| {
        let message = format!("version {} of the language is not known", file.version.value.0);
        let finding = Diagnostic::error(Code::F0353, message, file.version.span);
        finding.help(format!("this flowctl knows version {LANGUAGE_VERSION}"))
    })
}

/// The graph of a revision, compiled again from its sources. Its `std:` texts are not among what is compiled: they make
/// it another revision where a newer binary has others, and whoever reads it sees them, but the library is always the
/// binary's own.
pub fn recompile(revision: &[(String, String)], catalog: &Catalog) -> Result<ExecutionGraph, Vec<Diagnostic>> {
    let texts = revision.iter().filter(|(name, _)| !name.starts_with('#') && !name.starts_with("std:"));
    let texts: BTreeMap<String, Arc<str>> = texts.map(|(name, text)| (name.clone(), text.as_str().into())).collect();
    let part = |name: &str| revision.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
    let (project, mut sources, mut findings) = Project::from_files(&texts);
    let mut effective = project.effective(None).map_err(|finding| vec![finding])?;
    if let Some(Ok(settings)) = part(SETTINGS).map(json::parse_tagged) {
        effective.settings = settings;
    }
    let connections = part(CONNECTIONS).map(read_facts).unwrap_or_default();
    let own = part(FLOW).and_then(|path| project.flows.iter().position(|file| file.path == path)).unwrap_or_default();
    let compiled = compile_files(&project, &effective, &connections, &mut sources, catalog, &mut findings);
    let graph = compiled.flows.into_iter().nth(own).and_then(|compiled| compiled.finish(&Arc::new(sources)));
    findings.retain(|finding| finding.severity == Severity::Error);
    graph.ok_or(findings)
}

/// What came of a project's files.
struct Compiled {
    /// In the project's order.
    flows: Vec<CompiledFlow>,
    types: Types,
    library: Library,
    catalog: Catalog,
}

/// Flows that drop what we caused ourselves, and connections that do not say who we are: nothing would ever be dropped.
fn unnamed_selves(
    compiled: &mut [CompiledFlow],
    project: &Project,
    effective: &Effective,
    catalog: &Catalog,
) -> Vec<Diagnostic> {
    let mut findings = vec![];
    for (flow, file) in compiled.iter_mut().zip(&project.flows) {
        let Some(graph) = flow.graph.as_ref().filter(|graph| graph.trigger.ignore_own) else { continue };
        let TriggerKind::Webhook { connection, events, .. } = &graph.trigger.kind else { continue };
        let TriggerSource::Webhook(written) = &file.flow.trigger.source else { continue };
        let Some(known) = effective.connections.get(connection.as_str()) else { continue };
        let Some(system) = catalog.system(&known.system) else { continue };
        let needed = events.iter().find_map(|event| match &system.event(event)?.0.own {
            Own::User { key, .. } if known.params.get(key).is_none() => Some(key),
            _ => None,
        });
        if let Some(key) = needed {
            let span = written.ignore_own.as_ref().map_or(written.span, |flag| flag.span);
            let message = format!("connection `{connection}` does not say who we are in {}", system.title);
            let finding = Diagnostic::error(Code::F0469, message, span);
            let help = format!("write `{key}:` in connections.yaml: the user that our own writes name");
            findings.push(finding.help(help));
            flow.graph = None;
        }
    }
    findings
}

/// The payload types and mappings, and with them each flow.
fn compile_files(
    project: &Project,
    effective: &Effective,
    connections: &BTreeMap<String, ConnectionFacts>,
    sources: &mut Sources,
    catalog: &Catalog,
    findings: &mut Vec<Diagnostic>,
) -> Compiled {
    let is_type = |path: &str| path.starts_with("types/") && path.ends_with(".json");
    let type_files: Vec<(FileId, Source)> =
        effective.files.iter().filter(|(path, _)| is_type(path)).map(|(_, file)| (*file, sources.get(*file))).collect();
    let (catalog, more) = catalog.of_project(type_files.iter().map(|(file, source)| (*file, source)));
    let (catalog, types) = (&catalog, Types::bundled(&catalog));
    findings.extend(more);
    let drop = project.file.as_ref().map(ProjectFile::privacy).unwrap_or_default().drop;
    let types = if drop.is_empty() { types } else { types.dropping(&drop, catalog) };
    let inputs = Inputs { files: &effective.files, types: &types, settings: effective.settings_type.clone() };
    let uses: Vec<&str> =
        project.flows.iter().flat_map(|file| &file.flow.uses).map(|used| used.value.0.as_ref()).collect();
    let (library, more) = Library::compile_using(&inputs, &uses, sources);
    findings.extend(more);
    let settings = &effective.settings;
    let declared = &Declared::of(project.file.as_ref());
    let none = Signatures::new();
    let compiler = Compiler {
        catalog,
        types: &types,
        library: &library,
        inputs: &inputs,
        declared,
        connections,
        settings,
        flows: &none,
    };
    let signed = |file: &FlowFile| (file.flow.flow.to_string(), compiler.signature(&file.path, &file.flow));
    let mut signatures: Signatures = project.flows.iter().map(signed).collect();
    let broken = project.broken.values().flatten();
    signatures.extend(broken.map(|name| (name.clone(), Signature::Broken)));
    let (stages, circles) = calls::stages(&project.flows.iter().map(|file| &file.flow).collect::<Vec<_>>());
    let mut flows: Vec<Option<(CompiledFlow, Vec<Diagnostic>)>> = project.flows.iter().map(|_| None).collect();
    for stage in stages {
        let files: Vec<&FlowFile> = stage.iter().filter_map(|place| project.flows.get(*place)).collect();
        let compile = |library: &mut Library, n: usize| {
            let file = files.get(n)?;
            Some(Compiler { flows: &signatures, library, ..compiler }.flow(&file.path, &file.flow))
        };
        let compiled = on_all_cores(files.len(), || library.clone(), compile);
        for ((place, file), compiled) in stage.iter().zip(files).zip(compiled) {
            let gives = compiled.as_ref().and_then(|(compiled, _)| compiled.gives.clone());
            if let Some(Signature::Callable { gives: known, .. }) = signatures.get_mut(&**file.flow.flow) {
                *known = gives;
            }
            if let Some(flow) = flows.get_mut(*place) {
                *flow = compiled;
            }
        }
    }
    let mut in_order = Vec::with_capacity(flows.len());
    for (mut compiled, more) in flows.into_iter().flatten() {
        let file = project.flows.get(in_order.len()).map(|file| file.file);
        let in_circle = |finding: &&Diagnostic| finding.primary.as_ref().map(|label| label.span.file) == file;
        if circles.iter().any(|finding| in_circle(&finding)) {
            compiled.graph = None;
        }
        findings.extend(more);
        findings.extend(circles.iter().filter(in_circle).cloned());
        in_order.push(compiled);
    }
    Compiled { flows: in_order, types, library, catalog: catalog.clone() }
}

fn connection_facts(effective: &Effective, catalog: &Catalog) -> BTreeMap<String, ConnectionFacts> {
    let mut facts = BTreeMap::new();
    for (name, connection) in &effective.connections {
        let system = connection.system.to_string();
        if catalog.system(&system).is_none() {
            continue; // said where connections are checked
        }
        let settle = connection.limits.as_ref().and_then(|limits| limits.settle.as_ref()).map(|settle| settle.value.0);
        facts.insert(name.clone(), ConnectionFacts { system, settle });
    }
    facts
}

/// Which files lead to which: mappings to what they use, their scripts and tables. Each file is read once for all flows.
struct Ways<'a> {
    files: &'a BTreeMap<String, FileId>,
    sources: &'a Sources,
    known: BTreeMap<String, Vec<String>>,
}

impl Ways<'_> {
    /// All files that a flow's mappings lead to.
    fn reach(&mut self, uses: &[String]) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<String> = uses.to_vec();
        while let Some(path) = next.pop() {
            if path.starts_with("std:") {
                reached.insert(path);
            } else if self.files.contains_key(&path) && reached.insert(path.clone()) {
                next.extend(self.from(&path).iter().cloned());
            }
        }
        reached
    }

    fn from(&mut self, path: &str) -> &[String] {
        if !self.known.contains_key(path) {
            let leads = self.files.get(path).filter(|_| path.ends_with(".map")).map(|file| self.read(path, *file));
            self.known.insert(path.to_owned(), leads.unwrap_or_default());
        }
        self.known.get(path).map_or(&[], Vec::as_slice)
    }

    fn read(&self, path: &str, file: FileId) -> Vec<String> {
        let (tree, _) = parse::file(&SourceText::file(file, self.sources.get(file).text));
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let imports = tree.imports.iter().map(|import| import.path.text.clone());
        let tables = tree.definitions.iter().filter_map(|definition| match definition {
            Definition::Table(table) => match &table.rows {
                Rows::Csv { path, .. } => Some(path.text.clone()),
                Rows::Inline { .. } => None,
            },
            _ => None,
        });
        let found = imports.chain(tables).filter_map(|relative| match relative.starts_with("std:") {
            true => Some(relative.to_string()),
            false => super::compile::join(folder, &relative),
        });
        found.collect()
    }
}

/// What revisions are made of, looked up once for all flows.
struct Parts<'a> {
    files: &'a BTreeMap<String, FileId>,
    sources: &'a Sources,
    flows: BTreeMap<&'a str, &'a FlowFile>,
    /// The library's files.
    library: BTreeMap<String, FileId>,
    /// What belongs to every revision.
    ground: Vec<(String, String)>,
}

impl<'a> Parts<'a> {
    fn of(
        project: &'a Project,
        effective: &'a Effective,
        connections: &BTreeMap<String, ConnectionFacts>,
        sources: &'a Sources,
    ) -> Result<Parts<'a>, json::WriteError> {
        let text = |file: FileId| sources.get(file).text.to_string();
        let mut ground: Vec<(String, String)> = project
            .file
            .iter()
            .map(|project| (crate::model::load::PROJECT_FILE.to_string(), text(project.span.file)))
            .collect();
        let types = effective.files.iter().filter(|(path, _)| path.starts_with("types/"));
        ground.extend(types.map(|(path, file)| (path.clone(), text(*file))));
        let facts: Vec<String> = connections
            .iter()
            .map(|(name, facts)| {
                let settle = facts.settle.map(|settle| format!(" {}", settle.as_millis())).unwrap_or_default();
                format!("{name} {}{settle}", facts.system)
            })
            .collect();
        ground.push((CONNECTIONS.to_string(), facts.join("\n")));
        ground.push((SETTINGS.to_string(), json::write_tagged(&effective.settings)?));
        let library = sources.iter().filter(|(_, source)| source.path.starts_with("std:"));
        let library = library.map(|(file, source)| (source.path.to_string(), file)).collect();
        let flows = project.flows.iter().map(|file| (&**file.flow.flow, file)).collect();
        Ok(Parts { files: &effective.files, sources, flows, library, ground })
    }

    /// Everything that a flow is compiled from, in order.
    fn revision(&self, file: &FlowFile, called: &BTreeSet<&str>, reach: &BTreeSet<String>) -> Vec<(String, String)> {
        let text = |file: FileId| self.sources.get(file).text.to_string();
        let mut parts = self.ground.clone();
        parts.push((file.path.clone(), text(file.file)));
        let called: Vec<&FlowFile> = called.iter().filter_map(|name| self.flows.get(name).copied()).collect();
        if !called.is_empty() {
            parts.extend(called.iter().map(|other| (other.path.clone(), text(other.file))));
            parts.push((FLOW.to_string(), file.path.clone()));
        }
        // Those of the library that it uses belong to it, too: a newer binary may have others, and then the revision is
        // another. Types are there already.
        for path in reach.iter().filter(|path| !path.starts_with("types/")) {
            let found = self.files.get(path).or_else(|| self.library.get(path));
            parts.extend(found.map(|file| (path.clone(), text(*file))));
        }
        parts.sort();
        parts
    }
}

fn read_facts(text: &str) -> BTreeMap<String, ConnectionFacts> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (name, system) = (words.next()?, words.next()?);
            let settle = words.next().and_then(|milliseconds| milliseconds.parse().ok()).map(Duration::from_millis);
            Some((name.to_string(), ConnectionFacts { system: system.to_string(), settle }))
        })
        .collect()
}
