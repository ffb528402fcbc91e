//! What a `.map` file holds: its mappings and fns with their signatures.

use super::Format;
use crate::diagnostics::{Diagnostic, FileId, Sources, Span};
use crate::language::ast::{Definition, FunctionDef};
use crate::language::{SourceText, parse};

/// The list, and what keeps parts of the file from being read.
pub(super) fn list(written_path: &str, file: FileId, sources: &Sources, format: Format) -> (String, Vec<Diagnostic>) {
    let text = sources.get(file).text;
    let (tree, findings) = parse::file(&SourceText::file(file, text.clone()));
    let functions: Vec<&FunctionDef> = tree
        .definitions
        .iter()
        .filter_map(|definition| match definition {
            Definition::Function(written) => Some(written),
            _ => None,
        })
        .collect();
    let listing = match format {
        Format::Text => people(written_path, &functions, &text),
        Format::Json => {
            let list: Vec<serde_json::Value> = functions.iter().map(|one| for_programs(one, &text, sources)).collect();
            format!("{}\n", serde_json::Value::from(list))
        }
    };
    (listing, findings)
}

fn people(path: &str, functions: &[&FunctionDef], text: &str) -> String {
    let mut out = String::new();
    for (heading, is_mapping) in [("mappings", true), ("fns", false)] {
        let of_kind: Vec<_> = functions.iter().filter(|one| one.is_mapping == is_mapping).collect();
        if of_kind.is_empty() {
            continue;
        }
        out.push_str(&format!("{}{heading}\n", if out.is_empty() { "" } else { "\n" }));
        for one in of_kind {
            out.push_str(&format!("  {}\n", signature(one, text)));
            for line in &one.doc.0 {
                out.push_str(&format!("      {}\n", line.text.trim()));
            }
        }
    }
    let example = functions.iter().find(|one| one.is_mapping).or(functions.first());
    match example {
        Some(one) => {
            let inputs: Vec<String> =
                one.params.iter().map(|param| format!(" --input {}=FILE.json", param.name.text)).collect();
            out.push_str(&format!("\nTry one: flowctl eval '{path}#{}'{}\n", one.name.text, inputs.concat()));
        }
        None => out.push_str("no mapping and no fn\n"),
    }
    out
}

fn for_programs(one: &FunctionDef, text: &str, sources: &Sources) -> serde_json::Value {
    let params: Vec<serde_json::Value> = one
        .params
        .iter()
        .map(|param| serde_json::json!({ "name": &*param.name.text, "type": slice(text, param.ty.span) }))
        .collect();
    let doc: Vec<&str> = one.doc.0.iter().map(|line| line.text.trim()).collect();
    serde_json::json!({
        "name": &*one.name.text,
        "kind": if one.is_mapping { "mapping" } else { "fn" },
        "params": params,
        "result": slice(text, one.result.span),
        "doc": doc.join("\n"),
        "line": sources.position(one.name.span).line,
    })
}

/// As it is written, on one line.
fn signature(one: &FunctionDef, text: &str) -> String {
    slice(text, one.name.span.to(one.result.span))
}

fn slice(text: &str, span: Span) -> String {
    let written = text.get(span.start as usize..span.end as usize).unwrap_or("");
    written.split_whitespace().collect::<Vec<_>>().join(" ")
}
