//! What holds of every finding.

use flowctl::diagnostics::{Diagnostic, Sources, Span, explain, render};

/// Rules of the grammar that no reader knows. Those that are also words of the language do not stand here.
const RULES: &[&str] = &[
    "kw_",
    "op_",
    "open_",
    "close_",
    "lone_",
    "_slot",
    "slot_chars",
    "shape_field",
    "type_name",
    "lambda_names",
    "word_value",
    "else_arm",
    "else_row",
    "if_entry",
    "type_def",
    "EOI",
    "SOI",
    "ASCII",
    "WHITESPACE",
];

/// Places inside the file and between characters, a code with a page, and words of ours.
pub fn hold(findings: &[Diagnostic], sources: &Sources, text: &str) {
    for finding in findings {
        let labels = finding.primary.iter().chain(&finding.secondary);
        for span in labels.clone().map(|label| label.span).chain(finding.fix.iter().map(|fix| fix.span)) {
            inside(span, sources, &finding.message);
        }
        assert!(explain(finding.code.0).is_some(), "{} has no page", finding.code);
        let sentences = labels.map(|label| &label.text).chain(&finding.help).chain([&finding.message]);
        for sentence in sentences {
            let leaked = RULES.iter().find(|rule| sentence.contains(**rule) && !text.contains(**rule));
            assert!(leaked.is_none(), "a rule of the grammar is named: {sentence}");
        }
        assert!(!finding.message.trim().is_empty());
    }
    let _ = render::text(findings, sources, false);
}

/// A place of one of the sources, between two characters.
pub fn inside(span: Span, sources: &Sources, what: &str) {
    let source = sources.get(span.file);
    let (start, end) = (span.start as usize, span.end as usize);
    assert!(start <= end, "{what}: {start}..{end}");
    let whole = source.text.is_char_boundary(start) && source.text.is_char_boundary(end);
    assert!(whole, "{what}: {start}..{end} of {} bytes of {} is no place", source.text.len(), source.path);
}
