//! What can be wrong with a text as YAML, in the reader's words at the place where it is wrong.

use super::MAX_DEPTH;
use crate::diagnostics::{Code, Diagnostic, FileId, Span};
use granit_parser::{ErrorKind, ScanError};
use serde::de::IgnoredAny;

const QUOTE_IT: &str = "put the whole value between '…' (a ' inside is written ''), or on lines of its own below `|`";

/// A syntax error at the parser's place.
pub(super) fn error(file: FileId, text: &str, error: &ScanError) -> Diagnostic {
    let at = error.marker().byte_offset().unwrap_or_default();
    let here = character(file, text, at);
    let at_end = text.get(at..).is_none_or(|rest| rest.trim().is_empty());
    let say = |message: &str| Diagnostic::error(Code::F0300, message, here);
    match error.kind() {
        ErrorKind::UnclosedFlowCollection { open } => {
            let close = if *open == '[' { ']' } else { '}' };
            say(&format!("this `{open}` is never closed")).label(format!("no `{close}` follows"))
        }
        ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent if at_end => {
            say("a quote is never closed").label("the text ends here")
        }
        ErrorKind::InvalidColonPlacement if left_open(text, at).is_some() => {
            let open = left_open(text, at).unwrap_or_default();
            let bracket = text.get(open..=open).unwrap_or_default();
            Diagnostic::error(Code::F0300, format!("this `{bracket}` is never closed"), character(file, text, open))
                .also(here, "so that this `:` cannot be where it is")
        }
        ErrorKind::ExpectedFlowMappingSeparator => say("expected `,` or `}`").help(QUOTE_IT),
        ErrorKind::ExpectedFlowSequenceSeparator => say("expected `,` or `]`").help(QUOTE_IT),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            say(&format!("`{open}` cannot be closed by `{close}`"))
        }
        ErrorKind::MisplacedFlowCollectionEnd => say("this bracket closes nothing"),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            say("expected `key: value` here").label("no `: ` on this line")
        }
        ErrorKind::MappingValueNotAllowed => say("`: ` cannot stand inside a value").help(QUOTE_IT),
        ErrorKind::InvalidTrailingDoubleQuotedScalar | ErrorKind::InvalidTrailingSingleQuotedScalar => {
            say("the value ended with the quote before this")
                .label("nothing may follow on this line")
                .help("to YAML, a value that begins with a quote ends with it")
                .help(QUOTE_IT)
        }
        ErrorKind::ExpectedBlockMappingKey if behind_bracket(text, at) => {
            say("the value ended with the bracket before this")
                .label("nothing may follow on this line")
                .help("to YAML, a value that begins with { or [ ends with its bracket")
                .help(QUOTE_IT)
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::InvalidIndentation => {
            say("this line is indented like nothing above it")
                .help("keys of one mapping and entries of one list begin in the same column")
        }
        ErrorKind::InvalidBlockScalarIndent => say("this line of the `|` block is indented differently from the first")
            .help("the first line that is not blank says how far a block is indented"),
        ErrorKind::TabInBlockIndentation | ErrorKind::TabNotAllowed | ErrorKind::TabInIndentation => {
            let before = text.get(..at).unwrap_or_default();
            let tab = before.rfind('\t').filter(|tab| !before[*tab..].contains('\n'));
            self::tab(character(file, text, tab.unwrap_or(at)))
        }
        ErrorKind::TabInPlainScalar => {
            let tab = text.get(at..).and_then(|rest| rest.find('\t')).unwrap_or_default();
            self::tab(character(file, text, at + tab))
        }
        ErrorKind::UnexpectedCharacter { character } => {
            say(&format!("a value cannot begin with `{character}`")).help(QUOTE_IT)
        }
        ErrorKind::UnknownQuotedScalarEscape => say("this text has an escape that YAML does not know")
            .help(r#"between "…" a \ begins an escape: write \\, or use '…', which has none"#),
        ErrorKind::UnknownAnchor => say("this alias names nothing").label("no such `&name` above"),
        ErrorKind::RecursionLimitExceeded => too_deep(here),
        ErrorKind::BlockSequenceEntryNotAllowed | ErrorKind::BlockEntryInFlowCollection => {
            say("a list entry (`- `) cannot begin here").help("put it on a line of its own")
        }
        ErrorKind::UndeclaredTagHandle => tag(here, "!"),
        _ => say(&format!("this is not YAML: {}", error.info())),
    }
}

/// What the other parser says of a text that the first accepted.
pub(super) fn second_opinion(file: FileId, text: &str) -> Option<Diagnostic> {
    let error = serde_yaml::from_str::<IgnoredAny>(text).err()?;
    let at = error.location().map_or(0, |place| offset(text, place.line(), place.column()));
    Some(Diagnostic::error(Code::F0300, format!("this is not YAML: {error}"), character(file, text, at)))
}

/// The byte where a line (from 1) and column in characters (from 1) stand.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}

/// The character at `at`, or the empty place at the end of its line.
fn character(file: FileId, text: &str, at: usize) -> Span {
    let width =
        text.get(at..).and_then(|rest| rest.chars().next()).filter(|c| !c.is_control()).map_or(0, char::len_utf8);
    Span::new(file, at, at + width)
}

/// The last bracket before `at` that its own line does not close: most likely the one that was meant to be.
fn left_open(text: &str, at: usize) -> Option<usize> {
    let mut end = at;
    for line in text.get(..at)?.rsplit('\n') {
        let start = end - line.len();
        let mut open = vec![];
        for (place, character) in line.char_indices() {
            match character {
                '[' | '{' => open.push(start + place),
                ']' | '}' => drop(open.pop()),
                _ => {}
            }
        }
        if let Some(last) = open.pop() {
            return Some(last);
        }
        end = start.saturating_sub(1);
    }
    None
}

fn behind_bracket(text: &str, at: usize) -> bool {
    let line = text.get(..at).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
    line.trim_end().ends_with(['}', ']'])
}

pub(super) fn tab(span: Span) -> Diagnostic {
    Diagnostic::error(Code::F0306, "a tab cannot indent a line", span)
        .help("indent with spaces; most editors can convert the file")
}

pub(super) fn tag(span: Span, written: &str) -> Diagnostic {
    Diagnostic::error(Code::F0303, format!("`{written}`: YAML tags are not used here"), span)
        .label("the value that has the tag")
        .help("take the tag away; what kind a value has is known from its key")
}

pub(super) fn directive(span: Span) -> Diagnostic {
    Diagnostic::error(Code::F0303, "YAML directives (`%…`) are not used here", span).help("take the line away")
}

pub(super) fn second_document(span: Span) -> Diagnostic {
    Diagnostic::error(Code::F0304, "a second document begins here", span)
        .help("one file holds one document: move this part to a file of its own, or take `---` away")
}

pub(super) fn merge_key(span: Span) -> Diagnostic {
    Diagnostic::error(Code::F0302, "merge keys (`<<`) are not used here", span)
        .help("write the keys out; a plain alias (`key: *name`) may repeat a whole value")
}

pub(super) fn key_is_not_text(span: Span) -> Diagnostic {
    Diagnostic::error(Code::F0307, "a key must be a text", span)
        .help("a value that begins with { or [ is quoted: '{…}'")
}

pub(super) fn alias_of_itself(span: Span) -> Diagnostic {
    Diagnostic::error(Code::F0305, "this alias stands inside of what it repeats", span)
}

pub(super) fn too_large(span: Span) -> Diagnostic {
    Diagnostic::error(Code::F0305, format!("more than {} values in one file", super::MAX_NODES), span)
        .help("aliases count with everything they repeat; put large data into a file of its own")
}

pub(super) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(Code::F0305, format!("more than {MAX_DEPTH} lists and mappings inside each other"), span)
}
