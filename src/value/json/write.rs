//! JSON out: compact UTF-8, or a line for every field; only `"`, `\` and control characters are escaped.

use super::super::{Number, Record, Text, Value, time};
use super::{WriteError, plain};
use std::cell::Cell;

/// Most bytes that a thread keeps room for between texts.
const KEPT: usize = 64 << 10;

thread_local! {
    /// Room that one text leaves to the next of its thread: none is moved while it grows, and each takes no more than it is.
    static OUT: Cell<Vec<u8>> = const { Cell::new(vec![]) };
}

pub(super) struct Writer {
    /// UTF-8: only whole texts go in.
    out: Vec<u8>,
    indent: Option<usize>,
    tagged: bool,
}

impl Writer {
    pub(super) fn new(indent: Option<usize>, tagged: bool) -> Writer {
        Writer { out: OUT.take(), indent, tagged }
    }

    pub(super) fn bytes(mut self, value: &Value) -> Result<Vec<u8>, WriteError> {
        self.value(value, 0)?;
        if self.out.capacity() > KEPT {
            return Ok(self.out);
        }
        let bytes = self.out.as_slice().to_vec();
        self.out.clear();
        OUT.set(self.out);
        Ok(bytes)
    }

    pub(super) fn text(self, value: &Value) -> Result<String, WriteError> {
        let bytes = self.bytes(value)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), WriteError> {
        match value {
            Value::Missing if self.tagged => self.push(r#"{"$missing":true}"#),
            Value::Missing => return Err(WriteError::Missing),
            Value::Null => self.push("null"),
            Value::Bool(value) => self.push(if *value { "true" } else { "false" }),
            Value::Number(number) => number.append(&mut self.out),
            Value::Text(text) => self.quoted(text.as_bytes()),
            Value::Date(date) => self.tagged("$date", |out| time::append_date(*date, out))?,
            Value::Time(at) => self.tagged("$time", |out| time::append_time(*at, out))?,
            Value::Local(_) => return Err(WriteError::Local),
            Value::Money(money) if self.tagged => self.tagged("$money", |out| {
                out.extend_from_slice(format!("{} {}", money.amount, money.currency).as_bytes());
                Ok(())
            })?,
            Value::Money(money) => {
                let record = Record::from_distinct(vec![
                    (Text::from("amount"), Value::Number(Number::from(money.written_amount()?))),
                    (Text::from("currency"), Value::Text(Text::from(money.currency.code()))),
                ]);
                self.record(&record, depth)?;
            }
            Value::List(items) => {
                self.out.push(b'[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        self.out.push(b',');
                    }
                    self.line(depth + 1);
                    self.value(item, depth + 1)?;
                }
                if !items.is_empty() {
                    self.line(depth);
                }
                self.out.push(b']');
            }
            Value::Record(record) => self.record(record, depth)?,
        }
        Ok(())
    }

    fn record(&mut self, record: &Record, depth: usize) -> Result<(), WriteError> {
        self.out.push(b'{');
        let mut first = true;
        record.each(|name, value| {
            if matches!(value, Value::Missing) && !self.tagged {
                return Ok(());
            }
            if !std::mem::take(&mut first) {
                self.out.push(b',');
            }
            self.line(depth + 1);
            match name.written() {
                Some(written) if !self.tagged => self.out.extend_from_slice(written),
                _ => self.name(name.bytes()),
            }
            if self.indent.is_some() {
                self.out.push(b' ');
            }
            self.value(value, depth + 1)
        })?;
        if !first {
            self.line(depth);
        }
        self.out.push(b'}');
        Ok(())
    }

    fn name(&mut self, name: &[u8]) {
        match self.tagged && name.starts_with(b"$") {
            true => self.quoted(&[b"$", name].concat()),
            false => self.quoted(name),
        }
        self.out.push(b':');
    }

    /// A text that needs no escapes, in its tag where tags are written.
    fn tagged(
        &mut self,
        tag: &str,
        append: impl FnOnce(&mut Vec<u8>) -> Result<(), time::YearError>,
    ) -> Result<(), WriteError> {
        if self.tagged {
            self.push("{\"");
            self.push(tag);
            self.push("\":");
        }
        self.out.push(b'"');
        append(&mut self.out)?;
        self.out.push(b'"');
        if self.tagged {
            self.out.push(b'}');
        }
        Ok(())
    }

    fn line(&mut self, depth: usize) {
        if let Some(indent) = self.indent {
            self.out.push(b'\n');
            self.out.extend(std::iter::repeat_n(b' ', indent * depth));
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        let length = plain(text);
        self.out.reserve(text.len() + 2);
        self.out.push(b'"');
        match length == text.len() {
            true => self.out.extend_from_slice(text),
            false => self.escaped(text),
        }
        self.out.push(b'"');
    }

    #[inline(never)]
    fn escaped(&mut self, mut text: &[u8]) {
        loop {
            let (run, rest) = text.split_at(plain(text));
            self.out.extend_from_slice(run);
            let [byte, after @ ..] = rest else { break };
            match byte {
                b'"' => self.push("\\\""),
                b'\\' => self.push("\\\\"),
                0x08 => self.push("\\b"),
                0x0c => self.push("\\f"),
                b'\n' => self.push("\\n"),
                b'\r' => self.push("\\r"),
                b'\t' => self.push("\\t"),
                byte => self.push(&format!("\\u{byte:04x}")),
            }
            text = after;
        }
    }
}
