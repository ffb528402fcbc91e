//! Findings as text for people and as data for programs.
//!
//! Every renderer takes the same findings and shows them in the same order: by file and place, those about the whole
//! project first, those that only follow from another file's errors (F0228) last, each once. Renderers never fail: a place outside its text is moved into it.

mod github;
mod json;
mod junit;
mod sarif;
mod text;

pub use github::github;
pub use json::json;
pub use junit::{junit, xml};
pub use sarif::sarif;
pub use text::text;

use super::{Code, Diagnostic, Severity, Sources, Span};
use std::ops::Range;
use std::sync::Arc;

/// The findings in the order in which they are shown, without repetitions.
fn ordered<'d>(findings: &'d [Diagnostic], sources: &Sources) -> Vec<&'d Diagnostic> {
    let place = |finding: &Diagnostic| -> Option<(Arc<str>, u32, u32)> {
        finding.primary.as_ref().map(|label| (sources.get(label.span.file).path, label.span.start, label.span.end))
    };
    let follows = |finding: &Diagnostic| finding.code == Code::F0228;
    let mut keyed: Vec<_> =
        findings.iter().map(|finding| ((follows(finding), place(finding), finding.severity), finding)).collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    let mut shown: Vec<&Diagnostic> = vec![];
    for (_, finding) in keyed {
        // Equal findings have equal places, so an earlier one is not far.
        let same_place = shown
            .iter()
            .rev()
            .take_while(|other| other.primary.as_ref().map(|p| p.span) == finding.primary.as_ref().map(|p| p.span));
        if same_place.into_iter().all(|other| *other != finding) {
            shown.push(finding);
        }
    }
    shown
}

/// The bytes of `text` that `span` means: inside the text and on character boundaries.
fn clamp(span: Span, text: &str) -> Range<usize> {
    let floor = |at: u32| {
        let mut at = (at as usize).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    start..floor(span.end).max(start)
}

/// The findings of one project, where programs find its files.
pub struct Part<'a> {
    pub findings: &'a [Diagnostic],
    pub sources: &'a Sources,
    /// What stands before the paths of the project, so that they hold where the program looks: `flows/`, or nothing.
    pub prefix: &'a str,
}

impl Part<'_> {
    fn path(&self, span: Span) -> String {
        self.under(&self.sources.get(span.file).path)
    }

    fn under(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

/// A finding as sentences without its lines: message, label, what to do.
fn sentences(finding: &Diagnostic) -> String {
    let mut out = finding.message.clone();
    if let Some(label) = finding.primary.as_ref().filter(|label| !label.text.is_empty()) {
        out.push_str(&format!(": {}", label.text));
    }
    finding.help.iter().for_each(|help| out.push_str(&format!("\n{help}")));
    if let Some(fix) = &finding.fix {
        out.push_str(&format!("\nwrite `{}`", fix.replacement));
    }
    out
}

/// `2 errors, 1 warning`; nothing where there is nothing.
pub fn summary(findings: &[Diagnostic], sources: &Sources) -> String {
    let shown = ordered(findings, sources);
    let count = |severity: Severity, name: &str| match shown.iter().filter(|one| one.severity == severity).count() {
        0 => None,
        1 => Some(format!("1 {name}")),
        n => Some(format!("{n} {name}s")),
    };
    let parts = [count(Severity::Error, "error"), count(Severity::Warning, "warning"), count(Severity::Note, "note")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
