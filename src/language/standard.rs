//! What the library in the binary offers (`use "std:NAME"`), read from its files: for lists and pages, not for compiling.
//!
//! A definition with a `///` comment is offered; one without is the file's own affair. Paragraphs of the comment that hold
//! `// => …`, `// json …` or `// error …` are examples in the notation of `tests/specification`.

use super::SourceText;
use super::ast::{Definition, Doc};
use super::check::STANDARD;
use super::parse;
use crate::diagnostics::{FileId, Span};

/// One file: `std:address`.
pub struct Module {
    /// As it stands behind `std:`.
    pub name: &'static str,
    /// The comment at its top.
    pub about: String,
    pub functions: Vec<Function>,
}

/// A `fn` or `mapping` of the library.
pub struct Function {
    pub name: String,
    /// `(country: text?) -> text?`.
    pub signature: String,
    /// The first sentence of its comment.
    pub summary: String,
    /// The other sentences.
    pub doc: String,
    /// Expressions and what they give.
    pub examples: String,
}

/// All files, in alphabetical order.
pub fn modules() -> Vec<Module> {
    STANDARD.iter().map(|(name, text)| module(name, text)).collect()
}

fn module(name: &'static str, text: &str) -> Module {
    let (tree, _) = parse::file(&SourceText::file(FileId::default(), text.into()));
    let functions = tree.definitions.iter().filter_map(|definition| match definition {
        Definition::Function(written) if !written.doc.0.is_empty() => {
            let (prose, examples) = comment(&written.doc);
            let (summary, doc) = match prose.split_once(". ") {
                Some((first, rest)) => (format!("{first}."), rest.to_string()),
                None => (prose, String::new()),
            };
            let signature = between(text, written.name.span, written.result.span);
            Some(Function { name: written.name.text.to_string(), signature, summary, doc, examples })
        }
        _ => None,
    });
    let top = text.lines().take_while(|line| line.starts_with("//") && !line.starts_with("///"));
    let top: Vec<&str> = top.map(|line| line.trim_start_matches('/').trim()).collect();
    Module { name, about: paragraphs(&top).join("\n\n"), functions: functions.collect() }
}

/// Prose and examples of a comment.
fn comment(doc: &Doc) -> (String, String) {
    let lines: Vec<&str> = doc.0.iter().map(|line| line.text.strip_prefix(' ').unwrap_or(&line.text)).collect();
    let shown = |line: &&str| ["// =>", "// json ", "// error "].iter().any(|mark| line.contains(mark));
    let (examples, prose): (Vec<_>, Vec<_>) =
        lines.split(|line| line.trim().is_empty()).partition(|part| part.iter().any(shown));
    let prose: Vec<String> = prose.iter().map(|part| part.join(" ")).filter(|part| !part.is_empty()).collect();
    (prose.join(" "), examples.concat().join("\n"))
}

/// Lines as paragraphs, each in one line.
fn paragraphs(lines: &[&str]) -> Vec<String> {
    lines.split(|line| line.is_empty()).map(|part| part.join(" ")).filter(|part| !part.is_empty()).collect()
}

/// What is written from behind a name to the end of the result's type, in one line.
fn between(text: &str, name: Span, result: Span) -> String {
    let written = text.get(name.end as usize..result.end as usize).unwrap_or_default();
    let words: Vec<&str> = written.split_whitespace().collect();
    words.join(" ").replace("( ", "(").replace(" )", ")")
}
