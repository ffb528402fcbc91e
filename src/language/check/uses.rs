//! What a file's `use` lines and names mean for it: paths, names that stand twice, names that hide others.

use super::files::{Loaded, function_defs, table_defs, type_defs};
use super::resolve::built_in;
use super::scripts::ScriptInfo;
use crate::diagnostics::{Code as Number, Diagnostic, Span, did_you_mean};
use crate::language::ast::Name;
use crate::language::{Inputs, functions};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// `written` seen from the file at `from`, as a path from the project's root. `None` where it leaves the project.
pub(super) fn relative(from: &str, written: &str) -> Option<String> {
    if written.starts_with("std:") {
        return Some(written.to_string());
    }
    if written.starts_with('/') || written.contains('\\') {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The path that a `use` or a table names, or the finding why there is none.
pub(super) fn find_path(from: &str, written: &Name, known: &BTreeSet<&str>) -> Result<String, Box<Diagnostic>> {
    let Some(path) = relative(from, &written.text) else {
        let message = format!("{:?} leaves the project", &*written.text);
        return Err(Box::new(
            Diagnostic::error(Number::F0227, message, written.span).help("paths are relative to this file, with `/`"),
        ));
    };
    if known.contains(path.as_str()) {
        return Ok(path);
    }
    let finding = Diagnostic::error(Number::F0227, format!("there is no file {path}"), written.span);
    Err(Box::new(match did_you_mean(&path, known.iter().copied()) {
        Some(near) => finding.help(format!("did you mean {near}?")),
        None => finding.help("paths are relative to the file that names them"),
    }))
}

/// Finds the files of all `use` lines.
pub(super) fn resolve_uses(files: &mut [Loaded], standard: &[String], inputs: &Inputs<'_>) {
    let places: HashMap<String, usize> = files.iter().enumerate().map(|(at, file)| (file.path.clone(), at)).collect();
    let known: BTreeSet<&str> = standard.iter().chain(inputs.files.keys()).map(String::as_str).collect();
    for file in files.iter_mut() {
        for import in &file.tree.imports {
            let script = import.path.text.ends_with(".rhai");
            let path = match find_path(&file.path, &import.path, &known) {
                Ok(path) => path,
                Err(finding) => {
                    file.findings.push(*finding);
                    file.incomplete |= !script;
                    if let Some(alias) = &import.alias {
                        // Calls of it say nothing more.
                        let info = ScriptInfo { index: 0, functions: None };
                        file.scripts.insert(alias.text.clone(), (Arc::new(info), import.span));
                    }
                    continue;
                }
            };
            match (&import.alias, script) {
                (Some(_), true) => {}
                (None, true) => {
                    let finding = Diagnostic::error(Number::F0227, "a script needs a name", import.path.span);
                    file.findings.push(finding.help(format!("use {:?} as name", &*import.path.text)));
                }
                (Some(alias), false) => {
                    let finding = Diagnostic::error(Number::F0227, "only a script gets a name with `as`", alias.span);
                    file.findings.push(finding.help("the names of a mapping file join the scope as they are"));
                }
                (None, false) => match places.get(&path).copied() {
                    Some(_) if path == file.path => {
                        file.findings.push(Diagnostic::error(
                            Number::F0227,
                            "a file does not use itself",
                            import.path.span,
                        ));
                    }
                    Some(at) => file.uses.push((at, import.span)),
                    None => {
                        let message = format!("{path} is no mapping file");
                        file.findings.push(Diagnostic::error(Number::F0227, message, import.path.span));
                    }
                },
            }
        }
    }
}

/// Names that stand twice in a file, and names that hide a used or a built-in one.
pub(super) fn check_names(files: &mut [Loaded]) {
    for at in 0..files.len() {
        let mut findings = vec![];
        let file = &files[at];
        let functions: Vec<&Name> = function_defs(file).map(|one| &one.name).collect();
        let types: Vec<&Name> = type_defs(file).map(|one| &one.name).collect();
        let aliases = file.tree.imports.iter().filter_map(|import| import.alias.as_ref());
        let values: Vec<&Name> = table_defs(file).map(|one| &one.name).chain(aliases).collect();
        for (what, names) in [("function", &functions), ("type", &types), ("value", &values)] {
            let mut seen: HashMap<&str, Span> = HashMap::new();
            for name in names.iter() {
                if let Some(first) = seen.insert(&name.text, name.span) {
                    let message = format!("the {what} `{}` is defined twice", name.text);
                    findings
                        .push(Diagnostic::error(Number::F0211, message, name.span).also(first, "first defined here"));
                }
            }
        }
        let hides = |name: &Name, hidden: Option<String>| {
            let hidden = hidden?;
            let message = format!("`{}` hides {hidden}", name.text);
            Some(
                Diagnostic::warning(Number::F0210, message, name.span)
                    .help("a file's own name wins; another name says which is meant"),
            )
        };
        let from_used = |defines: &dyn Fn(&Loaded) -> bool| {
            file.uses
                .iter()
                .map(|(used, _)| &files[*used])
                .find(|used| defines(used))
                .map(|used| format!("that of {}", used.path))
        };
        for name in functions {
            let used = from_used(&|file| function_defs(file).any(|one| one.name.text == name.text));
            let hidden = used.or_else(|| functions::find(&name.text).map(|_| "the built-in function".to_string()));
            findings.extend(hides(name, hidden));
        }
        for name in types {
            let used = from_used(&|file| type_defs(file).any(|one| one.name.text == name.text));
            findings
                .extend(hides(name, used.or_else(|| built_in(&name.text).map(|_| "the built-in type".to_string()))));
        }
        for name in values {
            let used = from_used(&|file| table_defs(file).any(|one| one.name.text == name.text));
            let settings = (&*name.text == "settings").then(|| "the project's settings".to_string());
            findings.extend(hides(name, used.or(settings)));
        }
        files[at].findings.extend(findings);
    }
}
