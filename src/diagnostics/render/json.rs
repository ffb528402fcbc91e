//! For programs: a list of findings, stable between versions.

use super::{clamp, ordered};
use crate::diagnostics::{Diagnostic, Severity, Sources, Span};
use serde::Serialize;

#[derive(Serialize)]
struct Finding<'a> {
    code: &'a str,
    severity: &'static str,
    message: &'a str,
    #[serde(flatten)]
    place: Option<Place>,
    label: &'a str,
    help: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<Fix<'a>>,
    related: Vec<Related<'a>>,
}

/// Lines and columns from 1, columns in characters, the end behind the last character.
#[derive(Serialize)]
struct Place {
    path: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
struct Fix<'a> {
    #[serde(flatten)]
    place: Place,
    replacement: &'a str,
}

#[derive(Serialize)]
struct Related<'a> {
    #[serde(flatten)]
    place: Place,
    message: &'a str,
}

/// All findings as a JSON list. Findings about no place in particular have none of its keys.
pub fn json(findings: &[Diagnostic], sources: &Sources) -> String {
    let list: Vec<Finding> = ordered(findings, sources)
        .into_iter()
        .map(|finding| Finding {
            code: finding.code.0,
            severity: match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            },
            message: &finding.message,
            place: finding.primary.as_ref().map(|label| place(label.span, sources)),
            label: finding.primary.as_ref().map_or("", |label| &label.text),
            help: &finding.help,
            fix: finding.fix.as_ref().map(|fix| Fix { place: place(fix.span, sources), replacement: &fix.replacement }),
            related: finding
                .secondary
                .iter()
                .map(|label| Related { place: place(label.span, sources), message: &label.text })
                .collect(),
        })
        .collect();
    // Writing texts and numbers into memory cannot fail.
    let mut text = serde_json::to_string_pretty(&list).unwrap_or_default();
    text.push('\n');
    text
}

fn place(span: Span, sources: &Sources) -> Place {
    let range = clamp(span, &sources.get(span.file).text);
    let (start, end) = (Span::new(span.file, range.start, range.end), Span::new(span.file, range.end, range.end));
    let (start, end) = (sources.position(start), sources.position(end));
    Place {
        path: start.path.to_string(),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
    }
}
