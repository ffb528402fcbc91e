//! Scripts: `use "risk.rhai" as risk`, typed by the comment directly above. A line is `(order: paypal.order) -> bool`
//! for the only function of the script, or has the function's name in front of it.

use super::scope::Names;
use crate::diagnostics::{Code as Number, Diagnostic, Span};
use crate::language::ast::{Import, Name};
use crate::language::script::{self, Script};
use crate::language::types::Type;
use crate::language::{SourceText, parse};
use crate::value::Text;
use indexmap::IndexMap;
use std::sync::Arc;

/// A script as its callers see it.
pub(super) struct ScriptInfo {
    /// Its place among the program's scripts.
    pub index: usize,
    /// `None` where the script or its comment had a finding.
    pub functions: Option<IndexMap<Text, ScriptFunction>>,
}

pub(super) struct ScriptFunction {
    pub params: Vec<(Text, Type)>,
    pub result: Type,
}

/// Reads the signatures above a `use` and holds them against the script.
pub(super) fn typed(
    import: &Import,
    script: &Script,
    names: &Names<'_>,
    findings: &mut Vec<Diagnostic>,
) -> Option<IndexMap<Text, ScriptFunction>> {
    let defined: Vec<(String, usize)> =
        script.functions().into_iter().map(|(name, arity)| (name.to_string(), arity)).collect();
    let mut functions = IndexMap::new();
    let mut whole = true;
    for line in &import.doc.0 {
        let Some(open) = line.text.find('(') else { continue };
        let name = line.text[..open].trim();
        let named = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !named || !line.text.contains("->") {
            continue;
        }
        let name = match (name, defined.as_slice()) {
            ("", [(only, _)]) => only.clone(),
            ("", _) => {
                let message = "a signature without a name is for a script with one function".to_string();
                let mut names: Vec<&str> = defined.iter().map(|(name, _)| name.as_str()).collect();
                names.sort_unstable();
                let help = format!("write the name in front: {}", names.join(", "));
                findings.push(Diagnostic::error(Number::F0250, message, line.span).help(help));
                whole = false;
                continue;
            }
            (name, _) => name.to_string(),
        };
        match signature(line, open, names, findings) {
            Some(function) => {
                let arity = function.params.len();
                if !defined.iter().any(|(known, takes)| *known == name && *takes == arity) {
                    let message = format!("{} has no function `{name}` of {arity} parameters", import.path.text);
                    findings.push(Diagnostic::error(Number::F0250, message, line.span));
                    whole = false;
                }
                functions.insert(Text::from(name), function);
            }
            None => whole = false,
        }
    }
    if functions.is_empty() && whole {
        findings.push(
            Diagnostic::error(Number::F0250, "a script is typed by a comment directly above its `use`", import.span)
                .help("/// (order: paypal.order, limit: decimal) -> bool"),
        );
        return None;
    }
    whole.then_some(functions)
}

/// `name(a: T, b: U) -> R` as it stands in a comment.
fn signature(line: &Name, open: usize, names: &Names<'_>, findings: &mut Vec<Diagnostic>) -> Option<ScriptFunction> {
    let text = &*line.text;
    let mut params = vec![];
    let mut at = open + 1;
    let close = loop {
        let end = end_of_part(text, at)?;
        let part = &text[at..end];
        if !part.trim().is_empty() {
            let Some((name, _)) = part.split_once(':') else {
                findings.push(unreadable(line, at, end));
                return None;
            };
            let ty = written_type(line, at + name.len() + 1, end, names, findings)?;
            params.push((Text::from(name.trim()), ty));
        }
        match text[end..].chars().next() {
            Some(',') => at = end + 1,
            Some(')') => break end,
            _ => {
                findings.push(unreadable(line, open, text.len()));
                return None;
            }
        }
    };
    let Some(arrow) = text[close..].find("->") else {
        findings.push(unreadable(line, close, text.len()));
        return None;
    };
    let result = written_type(line, close + arrow + 2, text.len(), names, findings)?;
    Some(ScriptFunction { params, result })
}

/// Where the part that begins at `at` ends: at a `,` or `)` outside of nested brackets, or with the line.
fn end_of_part(text: &str, at: usize) -> Option<usize> {
    let mut depth = 0;
    for (offset, c) in text.get(at..)?.char_indices() {
        match c {
            '<' | '{' | '(' => depth += 1,
            ',' | ')' if depth == 0 => return Some(at + offset),
            '>' | '}' | ')' => depth -= 1,
            _ => {}
        }
    }
    Some(text.len())
}

fn written_type(
    line: &Name,
    start: usize,
    end: usize,
    names: &Names<'_>,
    findings: &mut Vec<Diagnostic>,
) -> Option<Type> {
    let raw = line.text.get(start..end)?;
    let trimmed = raw.trim();
    let offset = start + raw.find(trimmed).unwrap_or(0);
    let runs = vec![(0, line.span.start + offset as u32)];
    let text = SourceText { file: line.span.file, text: trimmed.into(), runs };
    match parse::type_slot(&text) {
        Ok(written) => names.resolve(&written, findings),
        Err(errors) => {
            findings.extend(errors);
            None
        }
    }
}

fn unreadable(line: &Name, start: usize, end: usize) -> Diagnostic {
    let place = |offset: usize| line.span.start as usize + offset;
    let span = Span::new(line.span.file, place(start), place(end));
    Diagnostic::error(Number::F0250, "this is no signature", span)
        .help("/// (order: paypal.order, limit: decimal) -> bool")
}

/// Compiles a script's text; its error points into the script.
pub(super) fn compiled(
    path: &str,
    file: crate::diagnostics::FileId,
    text: &Arc<str>,
) -> Result<Arc<Script>, Box<Diagnostic>> {
    let compiled = Script::compile(path, file, text.clone()).map(Arc::new);
    compiled.map_err(|(line, column, message)| {
        Box::new(Diagnostic::error(Number::F0251, message, script::place(file, text, line, column)))
    })
}
