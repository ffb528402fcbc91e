//! Scalars: their text, how they were written, and where each character of the text stands in the file.

use crate::diagnostics::{FileId, Span};
use crate::language::SourceText;
use std::sync::Arc;

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// A text, number, boolean or null. What it is, is decided by [`Scalar::core`]; its text is always kept.
#[derive(Clone, Debug)]
pub struct Scalar {
    pub text: Arc<str>,
    pub style: Style,
    /// It was written on one line, or as a `|` block: each of its characters has a place of its own.
    pub traceable: bool,
    /// The comment directly behind a plain scalar on the same line: where ` #` may have cut an expression.
    pub comment: Option<Span>,
    file: FileId,
    runs: Vec<(u32, u32)>,
}

/// What a scalar is in the core schema of YAML 1.2, as `serde_yaml` reads it too: `on`, `NO`, `0123`, `1_000` and
/// dates are text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    Null,
    Bool(bool),
    Number,
    /// `.inf`, `.nan`: numbers to YAML, not to us.
    NotFinite,
    Text,
}

impl Scalar {
    /// Of the scalar's `text` as parsed, `span` the place of its content (quotes included).
    pub(super) fn new(file: FileId, source: &str, span: Span, text: &str, style: Style) -> Scalar {
        let written = source.get(span.start as usize..span.end as usize).unwrap_or_default();
        let one_line = !written.contains(['\n', '\r']);
        let runs = match style {
            Style::Literal => literal_runs(source, span.start as usize, text),
            Style::SingleQuoted if one_line => quoted_runs(written, span.start, text, single_quoted),
            Style::DoubleQuoted if one_line => quoted_runs(written, span.start, text, double_quoted),
            _ => vec![(0, span.start)],
        };
        Scalar {
            text: text.into(),
            style,
            traceable: style == Style::Literal || (one_line && style != Style::Folded),
            comment: if style == Style::Plain { comment_behind(file, source, span.end as usize) } else { None },
            file,
            runs,
        }
    }

    /// The text with the place of every character: indentation of a `|` block and escapes taken into account. Where the
    /// scalar is not [`traceable`](Scalar::traceable), everything is at its start.
    pub fn source_text(&self) -> SourceText {
        SourceText { file: self.file, text: self.text.clone(), runs: self.runs.clone() }
    }

    /// What it is.
    pub fn core(&self) -> Core {
        if self.style != Style::Plain {
            return Core::Text;
        }
        match &*self.text {
            "" | "~" | "null" | "Null" | "NULL" => Core::Null,
            "true" | "True" | "TRUE" => Core::Bool(true),
            "false" | "False" | "FALSE" => Core::Bool(false),
            ".nan" | ".NaN" | ".NAN" => Core::NotFinite,
            text => match text.strip_prefix(['+', '-']).unwrap_or(text) {
                ".inf" | ".Inf" | ".INF" => Core::NotFinite,
                rest if is_number(rest) => Core::Number,
                _ => Core::Text,
            },
        }
    }

    /// What it is, for messages: "the number 12".
    pub fn describe(&self) -> String {
        let text = excerpt(&self.text);
        match self.core() {
            Core::Null => "nothing".into(),
            Core::Bool(_) => text,
            Core::Number | Core::NotFinite => format!("the number {text}"),
            Core::Text => format!("the text `{text}`"),
        }
    }
}

/// At most the first forty characters of the first line.
pub(crate) fn excerpt(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let short: String = line.chars().take(40).collect();
    if short.len() < text.trim_end().len() { format!("{short}…") } else { short }
}

/// `12`, `1.10`, `.5`, `5.`, `1e3`, `0x1F`, `0o17`, `0b1`; not `0123` and not `1_000`.
fn is_number(text: &str) -> bool {
    let digits = |text: &str, radix: u32| !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return digits(rest, radix);
        }
    }
    if digits(text, 10) {
        return text.len() == 1 || !text.starts_with('0');
    }
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let good_mantissa = digits(&format!("{whole}{fraction}"), 10);
    let good_exponent = exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e), 10));
    good_mantissa && good_exponent
}

fn comment_behind(file: FileId, source: &str, end: usize) -> Option<Span> {
    let rest = source.get(end..)?.split(['\n', '\r']).next()?;
    let comment = rest.trim_start_matches([' ', '\t']);
    (comment.starts_with('#') && comment.len() < rest.len())
        .then(|| Span::new(file, end + rest.len() - comment.len(), end + rest.len()))
}

/// A `|` block: line by line, without the indentation. `start` is where the content of the first line begins.
fn literal_runs(source: &str, start: usize, text: &str) -> Vec<(u32, u32)> {
    let line_start = |at: usize| source[..at].rfind('\n').map_or(0, |i| i + 1);
    let Some(before) = source.get(..start) else { return vec![(0, start as u32)] };
    let mut line = line_start(before.len());
    // The parser points at the first line that is not blank; the blank ones above it belong to the text, too.
    let above = text.bytes().take_while(|b| *b == b'\n').count();
    if above < text.len() && !source[line..].lines().next().unwrap_or_default().trim().is_empty() {
        for _ in 0..above {
            line = line_start(line.saturating_sub(1));
        }
    }
    let mut indent = None;
    let mut runs = vec![];
    let mut offset = 0;
    for content in text.split('\n') {
        let rest = source.get(line..).unwrap_or_default();
        let written = rest.split('\n').next().unwrap_or_default();
        let width = written.strip_suffix('\r').unwrap_or(written).len();
        if indent.is_none() && !content.is_empty() {
            indent = Some(width.saturating_sub(content.len()));
        }
        let column = indent.unwrap_or(width).min(width);
        runs.push((offset as u32, (line + column) as u32));
        offset += content.len() + 1;
        line = (line + written.len() + 1).min(source.len());
    }
    runs
}

/// How many bytes of `written` give the next character `c` of the text.
type Escape = fn(written: &str, c: char) -> usize;

fn single_quoted(_: &str, c: char) -> usize {
    if c == '\'' { 2 } else { c.len_utf8() }
}

fn double_quoted(written: &str, c: char) -> usize {
    let mut chars = written.chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), Some('x')) => 4,
        (Some('\\'), Some('u')) => 6,
        (Some('\\'), Some('U')) => 10,
        (Some('\\'), Some(other)) => 1 + other.len_utf8(),
        _ => c.len_utf8(),
    }
}

fn quoted_runs(written: &str, start: u32, text: &str, escape: Escape) -> Vec<(u32, u32)> {
    let mut runs = vec![(0, start + 1)];
    let mut at = 1;
    let mut run = 1i64; // `at - offset` of the run under way
    for (offset, c) in text.char_indices() {
        if at as i64 - offset as i64 != run {
            run = at as i64 - offset as i64;
            runs.push((offset as u32, start + at as u32));
        }
        at += escape(written.get(at..).unwrap_or_default(), c);
    }
    if at as i64 - text.len() as i64 != run {
        runs.push((text.len() as u32, start + at as u32));
    }
    runs
}
