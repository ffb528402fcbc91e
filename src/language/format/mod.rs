//! How a `.map` file looks: text in, text out.
//!
//! - `source` the tokens with their comments, and which of them begin and end definitions, entries, arms and rows
//! - `lines` where lines end: the author's breaks, and those that the rules ask for
//! - `align` `=` and `=>` over consecutive lines, rows in columns
//! - `write` indentation, spaces, comments
//!
//! It never decides what an expression means and never breaks a line inside one. Invariants: the result has the tokens of
//! the source but for optional commas and quotes on targets, its comments, and so the same tree, which [`file`] makes
//! sure of; formatting it again changes nothing.

mod align;
mod lines;
mod source;
#[cfg(test)]
mod tests;
mod write;

use super::SourceText;
use super::parse;
use crate::diagnostics::{Code, Diagnostic};
use source::Source;
use std::hash::{DefaultHasher, Hasher};

/// What several entries, arms or rows on one line have to fit into.
const WIDTH: usize = 120;

/// The text as `flowctl fmt` leaves it: lines end with LF, no byte order mark. Syntax errors are the findings, and F0130
/// where the result would not have meant the same.
pub fn file(text: &SourceText) -> Result<String, Vec<Diagnostic>> {
    let unplaced = unplaced(&text.text);
    match read(&unplaced) {
        Some((meaning, source)) => unless_changed(text, &meaning, write::text(&source)),
        None => Err(parse::file(text).1),
    }
}

/// The formatted text, if it still says what was read.
fn unless_changed(text: &SourceText, meaning: &Meaning<'_>, formatted: String) -> Result<String, Vec<Diagnostic>> {
    if read(&unplaced(&formatted)).is_some_and(|(now, _)| now == *meaning) {
        return Ok(formatted);
    }
    let finding = Diagnostic::error(Code::F0130, "formatting would have changed what this file says", text.span(0, 0))
        .help("the file is left as it is; this is a mistake in flowctl: please report it with the file");
    Err(vec![finding])
}

/// What must stay: the tree without its places, and the comments.
#[derive(Debug, PartialEq)]
struct Meaning<'t> {
    tree: u64,
    comments: Vec<&'t str>,
}

/// `None` for a text with syntax errors.
fn read(text: &SourceText) -> Option<(Meaning<'_>, Source<'_>)> {
    let (tree, pairs) = parse::pairs(text)?;
    let source = Source::read(text.text.strip_prefix('\u{feff}').unwrap_or(&text.text), pairs);
    let mut hash = Fingerprint(DefaultHasher::new());
    std::fmt::write(&mut hash, format_args!("{tree:?}")).ok()?;
    Some((Meaning { tree: hash.0.finish(), comments: source.comments().collect() }, source))
}

/// The text with every byte standing at 0, so that trees are equal wherever their parts stand.
fn unplaced(text: &str) -> SourceText {
    let runs = (0..=text.len() as u32).map(|at| (at, 0)).collect();
    SourceText { file: Default::default(), text: text.into(), runs }
}

/// Takes a text of any length and keeps a number of it.
struct Fingerprint(DefaultHasher);

impl std::fmt::Write for Fingerprint {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
