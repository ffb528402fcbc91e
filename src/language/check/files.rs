//! A project's mappings together: which names stand where, in which order bodies are compiled, and what is unused.

use super::scope::{FileScope, FunctionInfo, Lookup, Names, TableInfo, Used};
use super::scripts::{self, ScriptInfo};
use super::uses::{check_names, find_path, relative, resolve_uses};
use super::{Library, has_errors, routine, standard, tables, typedefs};
use crate::diagnostics::{Code as Number, Diagnostic, FileId, Sources, Span};
use crate::language::ast::{Definition, File, FunctionDef, Import, Name, Outcome, Rows, TableDef, TypeDef};
use crate::language::code::{Code, Op, Program, Routine, Table};
use crate::language::types::Type;
use crate::language::{Inputs, SourceText, parse};
use crate::value::{Text, Value};
use indexmap::IndexMap;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// A `.map` file while the library is built.
pub(super) struct Loaded {
    pub path: String,
    pub tree: File,
    pub findings: Vec<Diagnostic>,
    /// The files it uses and where it says so.
    pub uses: Vec<(usize, Span)>,
    pub scripts: IndexMap<Text, (Arc<ScriptInfo>, Span)>,
    /// Some of its definitions, or of what it uses, are not known even by name.
    pub incomplete: bool,
}

/// Compiles all mappings of a project; of the library in the binary all, or what files use and `uses` names.
pub(in crate::language) fn library(
    inputs: &Inputs<'_>,
    uses: Option<&[&str]>,
    sources: &mut Sources,
) -> (Library, Vec<Diagnostic>) {
    library_with(standard::ALL, inputs, uses, sources)
}

/// The same, with other files in the place of those in the binary.
pub(super) fn library_with(
    standard: &[(&str, &str)],
    inputs: &Inputs<'_>,
    uses: Option<&[&str]>,
    sources: &mut Sources,
) -> (Library, Vec<Diagnostic>) {
    let mut program = Program::default();
    let mut files = load(standard, inputs, uses, sources);
    let standard: Vec<String> = standard.iter().map(|(name, _)| format!("std:{name}")).collect();
    resolve_uses(&mut files, &standard, inputs);
    check_names(&mut files);
    let mut findings: Vec<Vec<Diagnostic>> = files.iter_mut().map(|file| std::mem::take(&mut file.findings)).collect();
    let (mut scopes, mut used) = typedefs::resolve_all(&files, inputs.types, &mut findings);
    signatures(&files, inputs, &mut scopes, &mut findings, &mut used);
    load_scripts(&mut files, inputs, sources, &scopes, &mut findings, &mut program);

    let names: Vec<Names<'_>> = (0..files.len()).map(|file| names_of(file, &files, &scopes, inputs)).collect();
    let definitions = Definitions::of(&files);
    for (file, written, info) in definitions.tables(&scopes) {
        let csv = csv_text(&files[file].path, written, inputs, sources, &mut findings[file]);
        let (table, more) = tables::load(&names[file], written, info, csv);
        findings[file].extend(more);
        let empty = || Table { name: info.name.clone(), rows: Default::default(), otherwise: None, span: written.span };
        program.tables.push(table.unwrap_or_else(empty));
    }
    let bodies = definitions.functions(&scopes);
    let order = call_order(&bodies, &names, &mut findings);
    let mut routines: Vec<Option<Routine>> = bodies.iter().map(|_| None).collect();
    for at in order {
        let (file, written, info) = &bodies[at];
        let (compiled, more) = routine::compile(&names[*file], written, info);
        findings[*file].extend(more);
        let assigned = match compiled {
            Some((routine, assigned)) => {
                routines[at] = Some(routine);
                assigned
            }
            None => None,
        };
        let _ = info.assigned.set(assigned);
    }
    program.routines = routines
        .into_iter()
        .zip(&bodies)
        .map(|(routine, (_, written, info))| routine.unwrap_or_else(|| unusable(info, written.span)))
        .collect();
    for (file, names) in names.iter().enumerate() {
        for (at, one) in names.used.iter().enumerate() {
            if one.used.get() {
                used.insert((file, files[file].uses[at].0));
            }
        }
        let scripts_used = names.scripts_used.get();
        warn_unused(file, &files[file], &used, scripts_used, &mut findings[file]);
    }
    drop(names);
    let mut broken: Vec<bool> = findings.iter().map(|findings| has_errors(findings)).collect();
    spread_broken(&files, &mut broken);
    for ((scope, file), broken) in scopes.iter_mut().zip(&files).zip(broken) {
        scope.broken = broken;
        scope.incomplete = file.incomplete;
    }
    let scopes: BTreeMap<String, FileScope> = files.into_iter().map(|file| file.path).zip(scopes).collect();
    for findings in &mut findings {
        findings.sort_by_key(|finding| finding.primary.as_ref().map(|label| (label.span.file, label.span.start)));
    }
    (Library { program: Arc::new(program), scopes }, findings.into_iter().flatten().collect())
}

impl Library {
    /// How often the slots compiled so far, and other files, have found a name in the file at `path`.
    pub fn asked(&self, path: &str) -> usize {
        self.scopes.get(path).map_or(0, |scope| scope.asked.load(Ordering::Relaxed))
    }

    /// Tables that no mapping and no slot compiled so far looks into: warnings, once all flows are compiled.
    pub fn unused_tables(&self) -> Vec<Diagnostic> {
        let unused = self.own().flat_map(|scope| scope.tables.values());
        let unused = unused.filter(|table| !table.used.load(Ordering::Relaxed));
        unused
            .map(|table| {
                Diagnostic::warning(Number::F0226, format!("the table `{}` is never used", table.name), table.span)
            })
            .collect()
    }

    /// Mappings and fns that no other and no slot compiled so far calls: warnings, once all flows are compiled.
    pub fn unused_functions(&self) -> Vec<Diagnostic> {
        let unused = self.own().flat_map(|scope| scope.functions.values());
        let unused = unused.filter(|function| !function.used.load(Ordering::Relaxed));
        unused
            .map(|function| {
                let message = format!("no flow and no mapping uses `{}`", function.name);
                Diagnostic::warning(Number::F0442, message, function.span).help("take it out, or use it")
            })
            .collect()
    }

    /// The scopes of the project's own files.
    fn own(&self) -> impl Iterator<Item = &super::scope::FileScope> {
        self.scopes.iter().filter(|(path, _)| !path.starts_with("std:")).map(|(_, scope)| scope)
    }
}

fn load(standard: &[(&str, &str)], inputs: &Inputs<'_>, uses: Option<&[&str]>, sources: &mut Sources) -> Vec<Loaded> {
    let own = inputs.files.iter().filter(|(path, _)| path.ends_with(".map"));
    let mut files: Vec<Loaded> = own.map(|(path, file)| loaded(path.clone(), *file, sources.get(*file).text)).collect();
    let mut wanted: BTreeSet<String> = match uses {
        Some(uses) => uses.iter().map(|path| path.to_string()).collect(),
        None => standard.iter().map(|(name, _)| format!("std:{name}")).collect(),
    };
    // Those that are wanted may use others.
    let mut from = 0;
    loop {
        let imports = files.iter().skip(from).flat_map(|file| &file.tree.imports);
        wanted.extend(imports.map(|import| import.path.text.to_string()));
        from = files.len();
        for (name, text) in standard {
            let path = format!("std:{name}");
            if wanted.contains(&path) && files.iter().all(|file| file.path != path) {
                let text: Arc<str> = Arc::from(*text);
                let file = sources.add(path.as_str(), text.clone());
                files.push(loaded(path, file, text));
            }
        }
        if files.len() == from {
            return files;
        }
    }
}

fn loaded(path: String, file: FileId, text: Arc<str>) -> Loaded {
    let (tree, findings) = parse::file(&SourceText::file(file, text));
    let incomplete = has_errors(&findings) && tree.unread.is_empty();
    Loaded { path, tree, findings, uses: vec![], scripts: IndexMap::new(), incomplete }
}

pub(super) fn function_defs(file: &Loaded) -> impl Iterator<Item = &FunctionDef> {
    file.tree.definitions.iter().filter_map(|one| match one {
        Definition::Function(written) => Some(written),
        _ => None,
    })
}

pub(super) fn table_defs(file: &Loaded) -> impl Iterator<Item = &TableDef> {
    file.tree.definitions.iter().filter_map(|one| match one {
        Definition::Table(written) => Some(written),
        _ => None,
    })
}

pub(super) fn type_defs(file: &Loaded) -> impl Iterator<Item = &TypeDef> {
    file.tree.definitions.iter().filter_map(|one| match one {
        Definition::Type(written) => Some(written),
        _ => None,
    })
}

fn names_of<'a>(file: usize, files: &'a [Loaded], scopes: &'a [FileScope], inputs: &'a Inputs<'_>) -> Names<'a> {
    let used =
        |(used, _): &(usize, Span)| Used { path: &files[*used].path, scope: &scopes[*used], used: Cell::new(false) };
    let used_incomplete = files[file].uses.iter().any(|(used, _)| files[*used].incomplete);
    Names {
        own: Some(&scopes[file]),
        incomplete: (used_incomplete || files[file].incomplete).then(|| files[file].path.clone()),
        used: files[file].uses.iter().map(used).collect(),
        scripts: files[file].scripts.iter().map(|(name, (script, _))| (name.clone(), script.clone())).collect(),
        scripts_used: Cell::new(0),
        types: inputs.types,
        settings: inputs.settings.clone(),
    }
}

/// What callers and readers see of functions and tables.
fn signatures(
    files: &[Loaded],
    inputs: &Inputs<'_>,
    scopes: &mut [FileScope],
    findings: &mut [Vec<Diagnostic>],
    used: &mut BTreeSet<(usize, usize)>,
) {
    let (mut routines, mut tables) = (0, 0);
    let mut all = vec![];
    for (at, file) in files.iter().enumerate() {
        let names = names_of(at, files, scopes, inputs);
        let (mut functions, mut own_tables) = (IndexMap::new(), IndexMap::new());
        for written in function_defs(file) {
            let param = |param: &crate::language::ast::Param, findings: &mut Vec<Diagnostic>| {
                (param.name.text.clone(), names.resolve(&param.ty, findings))
            };
            let params = written.params.iter().map(|one| param(one, &mut findings[at])).collect();
            let result = names.resolve(&written.result, &mut findings[at]);
            let (name, span) = (written.name.text.clone(), written.name.span);
            let (assigned, used) = (OnceLock::new(), AtomicBool::new(false));
            let info = FunctionInfo { name: name.clone(), span, routine: routines, params, result, assigned, used };
            routines += 1;
            functions.entry(name).or_insert(Arc::new(info));
        }
        for written in table_defs(file) {
            let keys = written.keys.iter().map(|key| names.resolve(key, &mut findings[at])).collect();
            let otherwise = match &written.rows {
                Rows::Inline { otherwise, .. } | Rows::Csv { otherwise, .. } => otherwise,
            };
            let missing = matches!(otherwise, Outcome::Value(expr) if matches!(expr.kind, crate::language::ast::ExprKind::Missing));
            let value = names.resolve(&written.value, &mut findings[at]);
            let value = value.map(|ty| if missing { ty.or_missing() } else { ty });
            let (name, span) = (written.name.text.clone(), written.name.span);
            let fails = matches!(otherwise, Outcome::Fail(_));
            let (used, values) = (AtomicBool::new(false), OnceLock::new());
            let info = TableInfo { name: name.clone(), span, table: tables, keys, value, fails, used, values };
            tables += 1;
            own_tables.entry(name).or_insert(Arc::new(info));
        }
        for (n, one) in names.used.iter().enumerate() {
            if one.used.get() {
                used.insert((at, file.uses[n].0));
            }
        }
        all.push((functions, own_tables));
    }
    for (scope, (functions, tables)) in scopes.iter_mut().zip(all) {
        scope.functions = functions;
        scope.tables = tables;
    }
}

fn load_scripts(
    files: &mut [Loaded],
    inputs: &Inputs<'_>,
    sources: &Sources,
    scopes: &[FileScope],
    findings: &mut [Vec<Diagnostic>],
    program: &mut Program,
) {
    for at in 0..files.len() {
        let mut found: Vec<(Text, Arc<ScriptInfo>, Span)> = vec![];
        {
            let names = names_of(at, files, scopes, inputs);
            for import in &files[at].tree.imports {
                let Some((alias, path, file)) = script_of(&files[at], import, inputs) else { continue };
                let text = sources.get(file).text;
                let index = program.scripts.len();
                let functions = match scripts::compiled(&path, file, &text) {
                    Ok(script) => {
                        let functions = scripts::typed(import, &script, &names, &mut findings[at]);
                        program.scripts.push(script);
                        functions
                    }
                    Err(finding) => {
                        findings[at].push(*finding);
                        None
                    }
                };
                found.push((alias, Arc::new(ScriptInfo { index, functions }), import.span));
            }
        }
        for (alias, info, span) in found {
            files[at].scripts.insert(alias, (info, span));
        }
    }
}

fn script_of(file: &Loaded, import: &Import, inputs: &Inputs<'_>) -> Option<(Text, String, FileId)> {
    let alias = import.alias.as_ref().filter(|_| import.path.text.ends_with(".rhai"))?;
    let path = relative(&file.path, &import.path.text)?;
    let id = *inputs.files.get(&path)?;
    Some((alias.text.clone(), path, id))
}

fn csv_text(
    from: &str,
    written: &TableDef,
    inputs: &Inputs<'_>,
    sources: &Sources,
    findings: &mut Vec<Diagnostic>,
) -> Option<(FileId, Arc<str>)> {
    let Rows::Csv { path, .. } = &written.rows else { return None };
    if let Some(file) = relative(from, &path.text).and_then(|path| inputs.files.get(&path)) {
        return Some((*file, sources.get(*file).text));
    }
    let known = inputs.files.keys().map(String::as_str).filter(|path| path.ends_with(".csv")).collect();
    findings.extend(find_path(from, path, &known).err().map(|finding| *finding));
    None
}

/// Definitions in the order of their numbers.
struct Definitions<'a> {
    files: &'a [Loaded],
}

impl<'a> Definitions<'a> {
    fn of(files: &'a [Loaded]) -> Definitions<'a> {
        Definitions { files }
    }

    fn functions<'s>(&self, scopes: &'s [FileScope]) -> Vec<(usize, &'a FunctionDef, &'s Arc<FunctionInfo>)> {
        let of = |(at, file): (usize, &'a Loaded)| {
            function_defs(file)
                .filter_map(move |written| Some((at, written, scopes[at].functions.get(&written.name.text)?)))
        };
        self.files.iter().enumerate().flat_map(of).collect()
    }

    fn tables<'s>(&self, scopes: &'s [FileScope]) -> Vec<(usize, &'a TableDef, &'s Arc<TableInfo>)> {
        let of = |(at, file): (usize, &'a Loaded)| {
            table_defs(file).filter_map(move |written| Some((at, written, scopes[at].tables.get(&written.name.text)?)))
        };
        self.files.iter().enumerate().flat_map(of).collect()
    }
}

type Body<'a, 's> = (usize, &'a FunctionDef, &'s Arc<FunctionInfo>);

/// Callees before their callers; a call that closes a circle is a finding.
fn call_order(bodies: &[Body<'_, '_>], names: &[Names<'_>], findings: &mut [Vec<Diagnostic>]) -> Vec<usize> {
    let calls: Vec<Vec<(usize, Span)>> = bodies
        .iter()
        .map(|(file, written, _)| {
            let mut calls = vec![];
            routine::calls(written, &mut |name: &Name, receiver: Option<&Text>| {
                if receiver.is_some_and(|receiver| names[*file].scripts.contains_key(receiver)) {
                    return;
                }
                if let Lookup::Found(callee) = names[*file].function(&name.text) {
                    calls.push((callee.routine, name.span));
                }
            });
            calls
        })
        .collect();
    let mut order = vec![];
    let mut state = vec![State::New; bodies.len()];
    for start in 0..bodies.len() {
        // A walk without recursion: chains of calls can be as long as the project is large.
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some((at, next)) = path.pop() {
            if next == 0 {
                if state[at] != State::New {
                    continue;
                }
                state[at] = State::Open;
            }
            let Some((callee, span)) = calls[at].get(next).copied() else {
                state[at] = State::Done;
                order.push(at);
                continue;
            };
            path.push((at, next + 1));
            match state.get(callee) {
                Some(State::New) => path.push((callee, 0)),
                Some(State::Open) => findings[bodies[at].0].push(recursion(bodies, at, callee, span)),
                _ => {}
            }
        }
    }
    order
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

fn recursion(bodies: &[Body<'_, '_>], at: usize, callee: usize, span: Span) -> Diagnostic {
    let (_, caller, _) = bodies[at];
    let (_, called, info) = bodies[callee];
    let message = match at == callee {
        true => format!("`{}` calls itself", called.name.text),
        false => format!("`{}` calls `{}`, which leads back to it", caller.name.text, called.name.text),
    };
    Diagnostic::error(Number::F0213, message, span)
        .also(info.span, "defined here")
        .help("there is no recursion: `for`, `filter`, `group_by` and `sum` go over lists")
}

fn unusable(info: &FunctionInfo, span: Span) -> Routine {
    let code = Code::new(Op::Const(Value::Missing), span);
    Routine { name: info.name.clone(), params: vec![], slots: 0, result: Type::never(), code, span }
}

fn warn_unused(
    at: usize,
    file: &Loaded,
    used: &BTreeSet<(usize, usize)>,
    scripts_used: u64,
    findings: &mut Vec<Diagnostic>,
) {
    // What had a finding was not looked at to its end.
    if has_errors(findings) {
        return;
    }
    for (other, span) in &file.uses {
        if !used.contains(&(at, *other)) {
            findings.push(Diagnostic::warning(Number::F0225, "nothing of this file is used", *span));
        }
    }
    for (index, (name, (_, span))) in file.scripts.iter().enumerate() {
        if scripts_used & (1 << index.min(63)) == 0 {
            findings.push(Diagnostic::warning(Number::F0225, format!("the script `{name}` is never used"), *span));
        }
    }
}

/// A file that uses a broken one is broken.
fn spread_broken(files: &[Loaded], broken: &mut [bool]) {
    loop {
        let mut changed = false;
        for (at, file) in files.iter().enumerate() {
            if !broken[at] && file.uses.iter().any(|(used, _)| broken[*used]) {
                broken[at] = true;
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}
