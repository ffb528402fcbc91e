//! For people: the lines of the file with what is wrong under them.

use super::{clamp, ordered, summary};
use crate::diagnostics::{Code, Diagnostic, Label, Severity, Sources};
use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use std::borrow::Cow;

/// All findings with the lines they are about, and how many they are. Ends with a line break, unless there is nothing.
pub fn text(findings: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let sources = &without_secrets(findings, sources);
    let mut out = String::new();
    for finding in ordered(findings, sources) {
        out.push_str(&renderer.render(&groups(finding, sources)));
        out.push_str("\n\n");
    }
    if !out.is_empty() {
        out.push_str(&summary(findings, sources));
        out.push('\n');
    }
    out
}

/// The texts with stars where secrets stand in clear: a log is read by more people than the file.
fn without_secrets<'s>(findings: &[Diagnostic], sources: &'s Sources) -> Cow<'s, Sources> {
    let mut shown = Cow::Borrowed(sources);
    for label in findings.iter().filter(|one| one.code == Code::F0400).filter_map(|one| one.primary.as_ref()) {
        let text = shown.get(label.span.file).text;
        let place = clamp(label.span, &text);
        let stars = "*".repeat(place.len());
        shown.to_mut().replace(label.span.file, format!("{}{stars}{}", &text[..place.start], &text[place.end..]));
    }
    shown
}

fn groups<'a>(finding: &'a Diagnostic, sources: &Sources) -> Vec<Group<'a>> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(&*finding.message).id(finding.code.0));
    let mut places: Vec<(AnnotationKind, &Label)> =
        finding.primary.iter().map(|label| (AnnotationKind::Primary, label)).collect();
    places.extend(finding.secondary.iter().map(|label| (AnnotationKind::Context, label)));
    while let Some((_, first)) = places.first() {
        let file = first.span.file;
        let source = sources.get(file);
        let here = places.extract_if(.., |(_, label)| label.span.file == file);
        let annotations: Vec<_> = here
            .map(|(kind, label)| {
                let place = kind.span(clamp(label.span, &source.text));
                if label.text.is_empty() { place } else { place.label(&*label.text) }
            })
            .collect();
        group = group
            .element(Snippet::source(source.text.to_string()).path(source.path.to_string()).annotations(annotations));
    }
    // The last sentence of help introduces the replacement, where there is one.
    let (help, introduction) = match (&finding.fix, finding.help.split_last()) {
        (Some(_), Some((last, rest))) => (rest, last.as_str()),
        _ => (&finding.help[..], "write this instead"),
    };
    for sentence in help {
        group = group.element(Level::HELP.message(sentence));
    }
    let mut groups = vec![group];
    if let Some(fix) = &finding.fix {
        let source = sources.get(fix.span.file);
        let patch = Patch::new(clamp(fix.span, &source.text), &*fix.replacement);
        let snippet = Snippet::source(source.text.to_string()).path(source.path.to_string()).patch(patch);
        groups.push(Level::HELP.secondary_title(introduction).element(snippet));
    }
    groups
}
