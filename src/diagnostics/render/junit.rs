//! JUnit's XML, which every CI shows: a file is a case, and has failed where it has findings that fail.

use super::{Part, ordered, text};
use crate::diagnostics::{Diagnostic, Severity};
use std::collections::BTreeMap;

/// Every file of the projects with its findings; those that are at least as bad as `fails` fail it. What is about no file
/// is a case of the project's.
pub fn junit(parts: &[Part<'_>], fails: Severity) -> String {
    let mut cases = String::new();
    let (mut count, mut failed) = (0, 0);
    for part in parts {
        let mut files: BTreeMap<String, Vec<Diagnostic>> = BTreeMap::new();
        let own = part.sources.iter().filter(|(_, source)| !source.path.starts_with("std:"));
        files.extend(own.map(|(_, source)| (part.under(&source.path), vec![])));
        for finding in ordered(part.findings, part.sources) {
            let path = finding.primary.as_ref().map_or("(project)".into(), |label| part.path(label.span));
            files.entry(path).or_default().push(finding.clone());
        }
        for (path, findings) in files {
            count += 1;
            let (bad, fine): (Vec<_>, Vec<_>) = findings.into_iter().partition(|one| one.severity <= fails);
            let head = format!("    <testcase classname=\"flowctl validate\" name=\"{0}\" file=\"{0}\"", xml(&path));
            let mut inside = String::new();
            if let Some(first) = bad.first() {
                failed += 1;
                inside.push_str(&format!(
                    "      <failure type=\"{}\" message=\"{}\">{}</failure>\n",
                    first.code,
                    xml(&first.message),
                    xml(text(&bad, part.sources, false).trim_end())
                ));
            }
            if !fine.is_empty() {
                let shown = text(&fine, part.sources, false);
                inside.push_str(&format!("      <system-out>{}</system-out>\n", xml(shown.trim_end())));
            }
            cases.push_str(&match inside.is_empty() {
                true => format!("{head}/>\n"),
                false => format!("{head}>\n{inside}    </testcase>\n"),
            });
        }
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"flowctl validate\" tests=\"{count}\" failures=\"{failed}\">\n  \
         <testsuite name=\"flowctl validate\" tests=\"{count}\" failures=\"{failed}\">\n{cases}  </testsuite>\n</testsuites>\n"
    )
}

/// A text inside XML; what XML cannot hold is replaced.
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            c if (c as u32) < 0x20 => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}
