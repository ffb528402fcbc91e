//! GitHub's workflow commands: a line each, which a pull request shows at its line of the file.

use super::{Part, clamp, ordered, sentences};
use crate::diagnostics::{Severity, Span};

/// All findings as `::error file=…,line=…,col=…,title=…::message`.
pub fn github(part: &Part<'_>) -> String {
    let mut out = String::new();
    for finding in ordered(part.findings, part.sources) {
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut properties = vec![];
        if let Some(label) = &finding.primary {
            let span = label.span;
            let range = clamp(span, &part.sources.get(span.file).text);
            let at = |place: usize| part.sources.position(Span::new(span.file, place, place));
            let (start, end) = (at(range.start), at(range.end));
            properties.push(format!("file={}", property(&part.path(span))));
            properties.push(format!("line={}", start.line));
            properties.push(format!("endLine={}", end.line));
            // Columns count only on one line.
            if start.line == end.line {
                properties.push(format!("col={}", start.column));
                properties.push(format!("endColumn={}", end.column));
            }
        }
        properties.push(format!("title={}", property(finding.code.0)));
        out.push_str(&format!("::{level} {}::{}\n", properties.join(","), data(&sentences(finding))));
    }
    out
}

/// A text behind `::`: what would end the line or be read as an escape is escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property's value: also what would end it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
