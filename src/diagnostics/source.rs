//! The texts that diagnostics point into, and places inside them.

use std::sync::Arc;

/// Which of the texts in [`Sources`] is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileId(pub u32);

/// A range of bytes in one file. Always in the real file, also for mapping text inside a YAML block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// Bytes `start..end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        Span { file, start: start as u32, end: end as u32 }
    }

    /// From the start of `self` to the end of `other`, which must be of the same file.
    pub fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The empty place where `self` ends: where something is missing.
    pub fn end_point(self) -> Span {
        Span { start: self.end, ..self }
    }
}

/// One text with the name that a person knows it by.
#[derive(Clone, Debug)]
pub struct Source {
    /// Relative to the project root, with `/`; `std:NAME` for the library in the binary; `<expression>` and the like otherwise.
    pub path: Arc<str>,
    pub text: Arc<str>,
}

/// A place as people count: line and column from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    pub path: Arc<str>,
    pub line: u32,
    pub column: u32,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}

/// All texts of one compilation.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Keeps a text and gives it its id.
    pub fn add(&mut self, path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        self.files.push(Source { path: path.into(), text: text.into() });
        FileId(self.files.len() as u32 - 1)
    }

    /// Puts another text in the place of one.
    pub(super) fn replace(&mut self, file: FileId, text: impl Into<Arc<str>>) {
        if let Some(source) = self.files.get_mut(file.0 as usize) {
            source.text = text.into();
        }
    }

    /// The text with that id. An id of another `Sources` gives an empty text, never a panic.
    pub fn get(&self, file: FileId) -> Source {
        self.files.get(file.0 as usize).cloned().unwrap_or_else(|| Source { path: "<unknown>".into(), text: "".into() })
    }

    /// All texts in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        self.files.iter().enumerate().map(|(i, source)| (FileId(i as u32), source))
    }

    /// Line and column of the start of `span`.
    pub fn position(&self, span: Span) -> Position {
        let source = self.get(span.file);
        let mut end = (span.start as usize).min(source.text.len());
        while !source.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &source.text[..end];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Position {
            path: source.path,
            line: before.bytes().filter(|b| *b == b'\n').count() as u32 + 1,
            column: before[line_start..].chars().count() as u32 + 1,
        }
    }
}
