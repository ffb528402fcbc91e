//! Any text is read to its end, with findings that a person can use.

use super::choices::Choices;
use super::{findings, texts};
use flowctl::diagnostics::{Severity, Sources};
use flowctl::language::{SourceText, parse as parser};

/// Reads a text of any kind as a file and as each kind of slot.
pub fn parse(data: &[u8]) {
    let text = texts::any_text(&mut Choices::new(data));
    read(&text);
}

/// The real files, cut anywhere.
pub fn cut(data: &[u8]) {
    let mut choices = Choices::new(data);
    let file = choices.one_of(texts::FILES);
    let mut end = choices.below(file.len() + 1);
    while !file.is_char_boundary(end) {
        end -= 1;
    }
    read(&file[..end]);
}

fn read(text: &str) {
    let mut sources = Sources::default();
    let file = sources.add("a.map", text);
    let source = SourceText::file(file, text.into());
    let (_, found) = parser::file(&source);
    findings::hold(&found, &sources, text);
    let slots = [parser::slot(&source).err(), parser::text_slot(&source).err(), parser::type_slot(&source).err()];
    for found in slots.into_iter().flatten() {
        assert!(found.iter().any(|finding| finding.severity == Severity::Error), "refused without a word");
        findings::hold(&found, &sources, text);
    }
}
