//! Secrets written into a file where only their names belong. Known by their form, anywhere in a text, comments too:
//! whoever reads the file has them.

use crate::diagnostics::{Code, Diagnostic, FileId, Span};

/// How a secret begins that its provider marks, and how many characters follow at least.
const MARKED: &[(&str, usize)] = &[
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("sk_test_", 16),
    ("rk_test_", 16),
    ("whsec_", 24),
    ("-----BEGIN PRIVATE KEY", 0),
    ("-----BEGIN RSA PRIVATE KEY", 0),
    ("-----BEGIN EC PRIVATE KEY", 0),
];

/// The secrets that stand in this text. The findings show where, never what.
pub(super) fn secrets(file: FileId, text: &str) -> Vec<Diagnostic> {
    let mut found = vec![];
    for (mark, least) in MARKED {
        for (start, _) in text.match_indices(mark) {
            let rest = &text[start + mark.len()..];
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            if length >= *least {
                let span = Span::new(file, start, start + mark.len() + length);
                found.push(
                    Diagnostic::error(Code::F0400, "a secret stands here in clear", span)
                        .help("name it in connections.yaml: `secret://NAME`, `env://NAME` or `file://PATH`, and write the secret there")
                        .help("whoever has read this file knows it: make a new one at the provider"),
                );
            }
        }
    }
    found
}
