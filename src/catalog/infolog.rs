//! The one thing that F&O says about an error, as text inside a text: "Write failed for table row of type 'T'.
//! Infolog: Warning: …; Error: …". The first entry that is not a general one is the cause.

use super::error::Found;
use crate::value::Value;

/// What a table writes to use it: `{ code: infolog }`.
pub const NAME: &str = "infolog";

/// Entries that follow from another one and explain nothing.
const GENERAL: [&str; 4] =
    ["Update has been canceled", "Validation failed", "Write failed", "The operation cannot be completed"];

/// The cause in an F&O error body: from the Infolog, else the innermost message there is.
pub(super) fn read(body: &Value) -> Option<Found> {
    let inner = text_at(body, &["error", "innererror", "message"]);
    let whole = inner.or_else(|| text_at(body, &["error", "message"]))?;
    let whole = whole.replace("\\n", " ").replace(['\r', '\n'], " ");
    let said = match whole.split_once("Infolog:") {
        Some((_, entries)) => cause(entries),
        None => tidy(&whole),
    };
    Some(Found { said: said.to_owned(), whole })
}

fn cause(entries: &str) -> &str {
    let mut first = "";
    for entry in split(entries) {
        let entry = tidy(entry);
        if !entry.is_empty() && !GENERAL.iter().any(|general| entry.starts_with(general)) {
            return entry;
        }
        if first.is_empty() {
            first = entry;
        }
    }
    first
}

/// Entries begin with their severity; a `;` inside a message is none of them.
fn split(entries: &str) -> impl Iterator<Item = &str> {
    const SEVERITIES: [&str; 3] = ["Error:", "Warning:", "Info:"];
    let mut rest = Some(entries);
    std::iter::from_fn(move || {
        let text = rest?.trim_start();
        let text = SEVERITIES.iter().find_map(|severity| text.strip_prefix(severity)).unwrap_or(text);
        let end = text
            .match_indices(';')
            .map(|(at, _)| at)
            .find(|at| SEVERITIES.iter().any(|severity| text[at + 1..].trim_start().starts_with(severity)));
        match end {
            Some(end) => {
                rest = Some(&text[end + 1..]);
                Some(&text[..end])
            }
            None => {
                rest = None;
                Some(text)
            }
        }
    })
}

/// Without the full stops and spaces at its ends.
fn tidy(text: &str) -> &str {
    text.trim().trim_end_matches(['.', ';', ' '])
}

fn text_at<'v>(body: &'v Value, path: &[&str]) -> Option<&'v str> {
    let found = path.iter().try_fold(body, |at, name| match at {
        Value::Record(record) => record.get(name),
        _ => None,
    })?;
    match found {
        Value::Text(text) if !text.trim().is_empty() => Some(text.as_str()),
        _ => None,
    }
}
