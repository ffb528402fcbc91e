//! The writer: compact UTF-8, only what must be is escaped, numbers as they stand.

use super::{MOST_NESTING, OUTPUT};
use crate::value::{Money, Value, time};

/// Why a value cannot be written, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteError {
    /// The way to the value: `lines[2].amount`, empty for the whole.
    pub path: String,
    pub message: String,
}

/// Compact, at most [`OUTPUT`] bytes.
pub fn write(value: &Value) -> Result<String, WriteError> {
    write_limited(value, OUTPUT)
}

/// Compact, at most that many bytes.
pub fn write_limited(value: &Value, output: usize) -> Result<String, WriteError> {
    Writer { out: String::new(), output, pretty: false, tagged: false }.document(value)
}

/// One field or element per line, two spaces a level.
pub fn write_pretty(value: &Value) -> Result<String, WriteError> {
    Writer { out: String::new(), output: OUTPUT, pretty: true, tagged: false }.document(value)
}

pub(super) struct Writer {
    pub(super) out: String,
    pub(super) output: usize,
    pub(super) pretty: bool,
    /// Journal form: what JSON has no kind for as `{"$kind":…}`.
    pub(super) tagged: bool,
}

impl Writer {
    pub(super) fn document(mut self, value: &Value) -> Result<String, WriteError> {
        let written = self.value(value, 0);
        // Too long is the whole, not the place where that showed.
        self.within_limit()?;
        written.map(|()| self.out)
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), WriteError> {
        self.within_limit()?;
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(bool) => self.out.push_str(if *bool { "true" } else { "false" }),
            Value::Number(number) => self.out.push_str(&number.written()),
            Value::Text(text) => self.text(text),
            Value::List(list) => self.list(list, depth)?,
            Value::Record(record) => {
                let fields = record.iter().map(|(name, value)| (name.as_str(), value));
                self.record(fields, depth)?;
            }
            Value::Missing if self.tagged => self.tag("missing", "true"),
            Value::Missing => return Err(WriteError::new("a missing value cannot be written")),
            Value::Date(date) if self.tagged => self.tag("date", &quoted(&time::write_date(*date))),
            Value::Date(date) => self.text(&time::write_date(*date)),
            Value::Time(instant) if self.tagged => self.tag("time", &quoted(&time::write_time(*instant))),
            Value::Time(instant) => self.text(&time::write_time(*instant)),
            Value::Local(local) if self.tagged => self.tag("local", &quoted(&local.to_string())),
            Value::Local(_) => {
                let ways = "take its `.date()`, `.format(…)` it, or write the time itself";
                return Err(WriteError::new(format!("a local time cannot be written: {ways}")));
            }
            Value::Money(money) if self.tagged => self.tag("money", &quoted(&money.to_string())),
            Value::Money(money) => self.money(*money)?,
        }
        Ok(())
    }

    fn within_limit(&self) -> Result<(), WriteError> {
        if self.out.len() > self.output {
            return Err(WriteError::new(format!("the value is longer than {} bytes as JSON", self.output)));
        }
        Ok(())
    }

    fn list(&mut self, list: &[Value], depth: usize) -> Result<(), WriteError> {
        self.open('[', depth)?;
        for (at, element) in list.iter().enumerate() {
            self.separate(at, depth + 1);
            self.value(element, depth + 1).map_err(|error| error.inside(&format!("[{at}]")))?;
        }
        self.close(']', list.is_empty(), depth);
        Ok(())
    }

    fn record<'v>(
        &mut self,
        fields: impl ExactSizeIterator<Item = (&'v str, &'v Value)>,
        depth: usize,
    ) -> Result<(), WriteError> {
        self.open('{', depth)?;
        let empty = fields.len() == 0;
        for (at, (name, value)) in fields.enumerate() {
            self.separate(at, depth + 1);
            if self.tagged && name.starts_with('$') {
                self.text(&format!("${name}"));
            } else {
                self.text(name);
            }
            self.out.push_str(if self.pretty { ": " } else { ":" });
            self.value(value, depth + 1).map_err(|error| error.inside(&format!(".{name}")))?;
        }
        self.close('}', empty, depth);
        Ok(())
    }

    fn money(&mut self, money: Money) -> Result<(), WriteError> {
        let amount = money.written().map_err(|error| WriteError::new(error.to_string()))?;
        let text = format!(r#"{{"amount":{amount},"currency":"{}"}}"#, money.currency);
        self.out.push_str(&text);
        Ok(())
    }

    fn tag(&mut self, kind: &str, json: &str) {
        self.out.push_str(&format!(r#"{{"${kind}":{json}}}"#));
    }

    fn text(&mut self, text: &str) {
        push_quoted(&mut self.out, text);
    }

    fn open(&mut self, bracket: char, depth: usize) -> Result<(), WriteError> {
        if depth >= MOST_NESTING {
            return Err(WriteError::new(format!("lists and records are nested more than {MOST_NESTING} deep")));
        }
        self.out.push(bracket);
        Ok(())
    }

    fn separate(&mut self, at: usize, depth: usize) {
        if at > 0 {
            self.out.push(',');
        }
        self.line(depth);
    }

    fn close(&mut self, bracket: char, empty: bool, depth: usize) {
        if !empty {
            self.line(depth);
        }
        self.out.push(bracket);
    }

    fn line(&mut self, depth: usize) {
        if self.pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", depth));
        }
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_quoted(&mut out, text);
    out
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = special.chars();
        match characters.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(control) => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            None => {}
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

impl WriteError {
    fn new(message: impl Into<String>) -> WriteError {
        WriteError { path: String::new(), message: message.into() }
    }

    fn inside(mut self, step: &str) -> WriteError {
        self.path.insert_str(0, step);
        self
    }
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.path.trim_start_matches('.') {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

impl std::error::Error for WriteError {}
