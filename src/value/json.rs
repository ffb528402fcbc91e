//! JSON in and out. Reads strictly (a body with a name twice in one object, half a surrogate pair or too much nesting
//! is not JSON), keeps every number's text, and writes compact UTF-8.
//!
//! Texts without escapes and all numbers are slices of one shared copy of the body. The tagged form at the end is for
//! the journal: it carries every value there and back, missing and times included.

use super::{Currency, Money, Number, Record, Text, Value, number, time};
use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

/// How deep lists and records may stand in each other, unless said otherwise.
pub const NESTING: usize = 128;

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub struct JsonError {
    /// In bytes.
    pub offset: usize,
    /// From 1; columns in bytes.
    pub line: usize,
    pub column: usize,
    pub message: String,
}

/// Why a value cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    #[error("a missing value cannot be written")]
    Missing,
    #[error("a local time cannot be written: use `.format(…)` or `.date()`")]
    Local,
    #[error(transparent)]
    Number(#[from] super::NumberError),
    #[error(transparent)]
    Year(#[from] time::YearError),
}

/// Reads one JSON text.
pub fn parse(body: &[u8]) -> Result<Value, JsonError> {
    parse_limited(body, NESTING)
}

/// Reads one JSON text whose lists and records stand at most `nesting` deep.
pub fn parse_limited(body: &[u8], nesting: usize) -> Result<Value, JsonError> {
    let fail = |offset: usize, message: &str| {
        let before = &body[..offset.min(body.len())];
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        JsonError { offset, line, column: offset - line_start + 1, message: message.into() }
    };
    let text = std::str::from_utf8(body).map_err(|error| fail(error.valid_up_to(), "the text is not UTF-8"))?;
    if u32::try_from(text.len()).is_err() {
        return Err(fail(0, "the text is longer than 4 GiB"));
    }
    let mut reader = Reader { text: Arc::from(text), at: 0, left: nesting };
    let value = reader.document().map_err(|(offset, message)| fail(offset, &message))?;
    Ok(value)
}

type Stop = (usize, String);

struct Reader {
    text: Arc<str>,
    at: usize,
    /// How much deeper it may get.
    left: usize,
}

impl Reader {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn stop<T>(&self, message: impl Into<String>) -> Result<T, Stop> {
        Err((self.at, message.into()))
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T, Stop> {
        match self.text[self.at..].chars().next() {
            Some(c) => self.stop(format!("expected {expected}, got {c:?}")),
            None => self.stop(format!("expected {expected}, the text ends here")),
        }
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn document(&mut self) -> Result<Value, Stop> {
        self.blanks();
        let value = self.value()?;
        self.blanks();
        if self.at < self.text.len() { self.unexpected("the end of the text") } else { Ok(value) }
    }

    fn value(&mut self) -> Result<Value, Stop> {
        match self.peek() {
            Some(b'{') => self.nested(Reader::record),
            Some(b'[') => self.nested(Reader::list),
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => self.unexpected("a value"),
        }
    }

    fn nested(&mut self, read: fn(&mut Reader) -> Result<Value, Stop>) -> Result<Value, Stop> {
        if self.left == 0 {
            return self.stop("the text is nested too deeply");
        }
        self.left -= 1;
        self.at += 1;
        self.blanks();
        let value = read(self)?;
        self.left += 1;
        Ok(value)
    }

    fn record(&mut self) -> Result<Value, Stop> {
        let mut record = Record::new();
        // A small record is searched; a large one remembers its names, so that a hostile body costs no more.
        let mut names: HashSet<Text> = HashSet::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Record(record));
        }
        loop {
            let place = self.at;
            if self.peek() != Some(b'"') {
                return self.unexpected("a name in quotes");
            }
            let name = self.string()?;
            let twice = if record.len() < 16 {
                record.contains(&name)
            } else {
                if names.is_empty() {
                    names.extend(record.keys().cloned());
                }
                !names.insert(name.clone())
            };
            if twice {
                return Err((place, format!("the name {:?} stands twice in one object", super::excerpt(&name))));
            }
            self.blanks();
            if self.peek() != Some(b':') {
                return self.unexpected("`:`");
            }
            self.at += 1;
            self.blanks();
            let value = self.value()?;
            record.push(name, value);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Record(record));
                }
                _ => return self.unexpected("`,` or `}`"),
            }
            self.blanks();
        }
    }

    fn list(&mut self) -> Result<Value, Stop> {
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(Arc::new(items)));
        }
        loop {
            items.push(self.value()?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(Arc::new(items)));
                }
                _ => return self.unexpected("`,` or `]`"),
            }
            self.blanks();
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Stop> {
        if !self.text[self.at..].starts_with(word) {
            return self.unexpected("a value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Stop> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            let digits = self.at;
            self.digits()?;
            if self.text[digits..self.at].trim_start_matches('0').len() > number::EXPONENT_DIGITS {
                let most = number::EXPONENT_DIGITS;
                return Err((start, format!("the number's exponent has more than {most} digits")));
            }
        }
        Ok(Value::Number(Number::from_json(Text::slice(&self.text, start, self.at))))
    }

    fn digits(&mut self) -> Result<(), Stop> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.unexpected("a digit");
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<Text, Stop> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let text = Text::slice(&self.text, start, self.at);
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => return self.escaped(start),
                Some(0..=0x1f) => return self.stop("a control character stands in a text"),
                Some(_) => self.at += 1,
                None => return self.unexpected("`\"` at the end of a text"),
            }
        }
    }

    /// A text with escapes, from its first one on.
    fn escaped(&mut self, start: usize) -> Result<Text, Stop> {
        let mut text = self.text[start..self.at].to_string();
        loop {
            let plain = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            text.push_str(&self.text[plain..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Text::from(text));
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return self.stop("a control character stands in a text"),
                None => return self.unexpected("`\"` at the end of a text"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Stop> {
        let place = self.at;
        self.at += 1;
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(place),
            _ => return Err((place, "an unknown escape stands in a text".into())),
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode(&mut self, place: usize) -> Result<char, Stop> {
        let first = self.four_digits(place)?;
        let code = match first {
            0xd800..=0xdbff => {
                if self.peek() != Some(b'\\') || self.text.as_bytes().get(self.at + 1) != Some(&b'u') {
                    return Err((place, "half a surrogate pair stands in a text".into()));
                }
                self.at += 1;
                match self.four_digits(place)? {
                    second @ 0xdc00..=0xdfff => 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                    _ => return Err((place, "half a surrogate pair stands in a text".into())),
                }
            }
            code => code,
        };
        char::from_u32(code).ok_or_else(|| (place, "half a surrogate pair stands in a text".into()))
    }

    /// The digits behind `\u`; `at` stands on the `u`.
    fn four_digits(&mut self, place: usize) -> Result<u32, Stop> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5).unwrap_or_default();
        let mut code = 0;
        for digit in digits {
            let digit =
                (*digit as char).to_digit(16).ok_or((place, "an escape needs four hexadecimal digits".to_string()))?;
            code = code * 16 + digit;
        }
        if digits.len() < 4 {
            return Err((place, "an escape needs four hexadecimal digits".into()));
        }
        self.at += 5;
        Ok(code)
    }
}

/// Compact JSON. Missing fields are left out.
pub fn write(value: &Value) -> Result<String, WriteError> {
    let mut out = String::new();
    Writer { out: &mut out, indent: None, tagged: false }.value(value, 0)?;
    Ok(out)
}

/// JSON for people: two spaces, a field or element per line.
pub fn write_pretty(value: &Value) -> Result<String, WriteError> {
    let mut out = String::new();
    Writer { out: &mut out, indent: Some(2), tagged: false }.value(value, 0)?;
    Ok(out)
}

/// JSON from which [`parse_tagged`] gives the same value again: missing, dates, times and money are tagged
/// (`{"$time":"…"}`), a real name that begins with `$` gets a second one. Only a local time and a year that has no
/// written form are refused.
pub fn write_tagged(value: &Value) -> Result<String, WriteError> {
    let mut out = String::new();
    Writer { out: &mut out, indent: None, tagged: true }.value(value, 0)?;
    Ok(out)
}

/// Reads what [`write_tagged`] wrote.
pub fn parse_tagged(text: &str) -> Result<Value, JsonError> {
    // Tags stand one level deeper than what they tag.
    let value = parse_limited(text.as_bytes(), 2 * NESTING)?;
    untag(value).map_err(|message| JsonError { offset: 0, line: 1, column: 1, message })
}

fn untag(value: Value) -> Result<Value, String> {
    match value {
        Value::List(items) => Ok(Value::List(Arc::new(items.iter().cloned().map(untag).collect::<Result<_, _>>()?))),
        Value::Record(record) => {
            if let (1, Some((name, inner))) = (record.len(), record.iter().next())
                && name.starts_with('$')
                && !name.starts_with("$$")
            {
                return tagged_value(name, inner);
            }
            let fields = record.iter().map(|(name, value)| {
                let name = match name.strip_prefix("$$") {
                    Some(rest) => Text::from(format!("${rest}")),
                    None => name.clone(),
                };
                Ok((name, untag(value.clone())?))
            });
            Ok(Value::Record(fields.collect::<Result<_, String>>()?))
        }
        other => Ok(other),
    }
}

fn tagged_value(name: &str, inner: &Value) -> Result<Value, String> {
    let bad = || format!("a value tagged {name:?} is not well formed");
    let text = || inner.as_text().ok_or_else(bad);
    match name {
        "$missing" => Ok(Value::Missing),
        "$date" => time::parse_date(text()?).map(Value::Date).ok_or_else(bad),
        "$time" => time::parse_time(text()?).map(Value::Time).ok_or_else(bad),
        "$money" => {
            let (amount, code) = text()?.split_once(' ').ok_or_else(bad)?;
            let currency = Currency::parse(code).ok_or_else(bad)?;
            let amount = super::Exact::parse(amount).map_err(|_| bad())?;
            Ok(Value::Money(Money { amount, currency }))
        }
        _ => Err(bad()),
    }
}

struct Writer<'o> {
    out: &'o mut String,
    indent: Option<usize>,
    tagged: bool,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), WriteError> {
        match value {
            Value::Missing if self.tagged => self.out.push_str(r#"{"$missing":true}"#),
            Value::Missing => return Err(WriteError::Missing),
            Value::Null => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => self.out.push_str(&number.written()),
            Value::Text(text) => write_text(self.out, text),
            Value::Date(date) => self.written("$date", &time::write_date(*date)?),
            Value::Time(at) => self.written("$time", &time::write_time(*at)?),
            Value::Local(_) => return Err(WriteError::Local),
            Value::Money(money) if self.tagged => {
                self.written("$money", &format!("{} {}", money.amount, money.currency))
            }
            Value::Money(money) => {
                let fields = [
                    ("amount", Value::Number(Number::from(money.written_amount()?))),
                    ("currency", Value::Text(Text::from(money.currency.code()))),
                ];
                let record = fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect();
                self.record(&record, depth)?;
            }
            Value::List(items) => {
                self.out.push('[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        self.out.push(',');
                    }
                    self.line(depth + 1);
                    self.value(item, depth + 1)?;
                }
                if !items.is_empty() {
                    self.line(depth);
                }
                self.out.push(']');
            }
            Value::Record(record) => self.record(record, depth)?,
        }
        Ok(())
    }

    fn record(&mut self, record: &Record, depth: usize) -> Result<(), WriteError> {
        self.out.push('{');
        let mut first = true;
        for (name, value) in record.iter() {
            if matches!(value, Value::Missing) && !self.tagged {
                continue;
            }
            if !std::mem::take(&mut first) {
                self.out.push(',');
            }
            self.line(depth + 1);
            if self.tagged && name.starts_with('$') {
                write_text(self.out, &format!("${name}"));
            } else {
                write_text(self.out, name);
            }
            self.out.push_str(if self.indent.is_some() { ": " } else { ":" });
            self.value(value, depth + 1)?;
        }
        if !first {
            self.line(depth);
        }
        self.out.push('}');
        Ok(())
    }

    fn written(&mut self, tag: &str, text: &str) {
        if self.tagged {
            // Dates, times and amounts need no escapes.
            let _ = write!(self.out, "{{\"{tag}\":\"{text}\"}}");
        } else {
            write_text(self.out, text);
        }
    }

    fn line(&mut self, depth: usize) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', indent * depth));
        }
    }
}

/// Only `"`, `\` and control characters are escaped.
fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(place) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') {
        out.push_str(&rest[..place]);
        let c = rest.as_bytes()[place];
        match c {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            c => {
                let _ = write!(out, "\\u{c:04x}");
            }
        }
        rest = &rest[place + 1..];
    }
    out.push_str(rest);
    out.push('"');
}
