//! SARIF 2.1.0: what code scanning reads.

use super::{Part, clamp, ordered};
use crate::diagnostics::{Code, Diagnostic, Severity, Sources, Span, explain};
use serde_json::{Value, json};

/// All findings as one run of one tool: a service that takes the file wants a single one.
pub fn sarif(parts: &[Part<'_>]) -> String {
    let shown: Vec<(&Part<'_>, &Diagnostic)> = parts
        .iter()
        .flat_map(|part| ordered(part.findings, part.sources).into_iter().map(move |one| (part, one)))
        .collect();
    let mut codes: Vec<Code> = shown.iter().map(|(_, finding)| finding.code).collect();
    codes.sort();
    codes.dedup();
    let rules: Vec<Value> = codes.iter().map(|code| rule(*code)).collect();
    let results: Vec<Value> = shown
        .iter()
        .map(|(part, finding)| {
            let index = codes.iter().position(|code| *code == finding.code);
            result(part, finding, index.unwrap_or_default())
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "flowctl",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    // Writing texts and numbers into memory cannot fail.
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    text
}

fn rule(code: Code) -> Value {
    let page = explain(code.0).unwrap_or_default();
    let title = page.lines().next().unwrap_or_default();
    let title = title.trim_start_matches("# ").trim_start_matches(code.0).trim_start_matches(": ");
    let told = page.split_once('\n').map_or("", |(_, rest)| rest.trim());
    json!({
        "id": code.0,
        "shortDescription": { "text": title },
        "help": { "text": told, "markdown": told },
    })
}

fn result(part: &Part<'_>, finding: &Diagnostic, rule: usize) -> Value {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let mut result = json!({
        "ruleId": finding.code.0,
        "ruleIndex": rule,
        "level": level,
        "message": { "text": super::sentences(finding) },
        "locations": finding.primary.iter().map(|label| json!({ "physicalLocation": place(part, label.span) })).collect::<Vec<_>>(),
    });
    let related = finding.secondary.iter().enumerate().map(
        |(n, label)| json!({ "id": n, "physicalLocation": place(part, label.span), "message": { "text": label.text } }),
    );
    let related: Vec<Value> = related.collect();
    let Some(fields) = result.as_object_mut() else { return result };
    if !related.is_empty() {
        fields.insert("relatedLocations".into(), related.into());
    }
    if let Some(fix) = &finding.fix {
        let change = json!({
            "artifactLocation": artifact(part, fix.span),
            "replacements": [{ "deletedRegion": region(part.sources, fix.span), "insertedContent": { "text": fix.replacement } }],
        });
        fields.insert("fixes".into(), json!([{ "artifactChanges": [change] }]));
    }
    result
}

fn place(part: &Part<'_>, span: Span) -> Value {
    json!({ "artifactLocation": artifact(part, span), "region": region(part.sources, span) })
}

fn artifact(part: &Part<'_>, span: Span) -> Value {
    json!({ "uri": uri(&part.path(span)), "uriBaseId": "%SRCROOT%" })
}

fn region(sources: &Sources, span: Span) -> Value {
    let range = clamp(span, &sources.get(span.file).text);
    let (start, end) = (Span::new(span.file, range.start, range.end), Span::new(span.file, range.end, range.end));
    let (start, end) = (sources.position(start), sources.position(end));
    json!({ "startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column })
}

/// A path as a relative reference: what a URI cannot hold is encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => out.push(byte as char),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
