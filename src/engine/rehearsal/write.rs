//! Values as YAML on one line, as a person would write them into a test.

use crate::value::{Text, Value, json, time};
use std::fmt::Write;

/// The quotes that a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotes {
    /// None where the text can do without.
    Fewest,
    Single,
    Double,
}

/// `{ a: 1, b: [x, y] }`. The value has nothing that JSON has no form for.
pub fn inline(value: &Value, quotes: Quotes) -> Result<String, json::WriteError> {
    Ok(match value {
        Value::Missing => "missing".to_owned(),
        Value::Text(text) => self::text(text, quotes)?,
        Value::List(items) => {
            let items: Result<Vec<String>, _> = items.iter().map(|item| inline(item, Quotes::Fewest)).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Record(record) if record.is_empty() => "{}".to_owned(),
        Value::Record(record) => {
            let fields: Result<Vec<String>, _> = record.iter().map(|(name, value)| field(name, value)).collect();
            format!("{{ {} }}", fields?.join(", "))
        }
        other => {
            let written = json::write(other)?;
            match written.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')) {
                // A day, an instant: in JSON they are texts.
                Some(inner) => self::text(inner, quotes)?,
                None => written,
            }
        }
    })
}

/// `name: value`.
pub fn field(name: &str, value: &Value) -> Result<String, json::WriteError> {
    Ok(format!("{}: {}", text(name, Quotes::Fewest)?, inline(value, Quotes::Fewest)?))
}

fn text(text: &str, quotes: Quotes) -> Result<String, json::WriteError> {
    if quotes == Quotes::Fewest && needs_none(text) {
        return Ok(text.to_owned());
    }
    if quotes != Quotes::Double && !text.chars().any(|c| c.is_control() || unprinted(c)) {
        return Ok(format!("'{}'", text.replace('\'', "''")));
    }
    double_quoted(text)
}

/// A text between double quotes, as both JSON and YAML read it.
pub fn double_quoted(text: &str) -> Result<String, json::WriteError> {
    let written = json::write(&Value::Text(Text::from(text)))?;
    let mut out = String::with_capacity(written.len());
    for c in written.chars() {
        if unprinted(c) {
            let _ = write!(out, "\\u{:04x}", c as u32);
        } else {
            out.push(c);
        }
    }
    Ok(out)
}

/// What YAML does not print, or reads as the end of a line.
fn unprinted(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A text that nobody, person or parser, takes for anything else: words, names, paths, days and lengths of time.
fn needs_none(text: &str) -> bool {
    const TAKEN: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n", "missing"];
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@');
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.split(' ').all(|part| !part.is_empty() && part.chars().all(inside))
        && !TAKEN.contains(&text.to_ascii_lowercase().as_str());
    let length = text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(['s', 'm', 'h', 'd'])
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, 's' | 'm' | 'h' | 'd'));
    word || length || time::parse_date(text).is_some_and(|day| time::write_date(day).is_ok_and(|day| day == text))
}
