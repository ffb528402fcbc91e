//! The reader: RFC 8259 and nothing else. Texts and numbers without escapes are slices of one shared copy of the body.

use super::{MOST_NESTING, NESTING};
use crate::value::{Number, Record, Text, Value};
use std::collections::HashSet;
use std::sync::Arc;

/// Why a body is not JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct JsonError {
    /// Bytes before it.
    pub offset: usize,
    /// Counted from 1.
    pub line: usize,
    /// Code points, counted from 1.
    pub column: usize,
    /// In plain words, without the place.
    pub message: String,
}

/// Reads a body with at most [`NESTING`] levels.
pub fn parse(body: &[u8]) -> Result<Value, JsonError> {
    parse_limited(body, NESTING)
}

/// Reads a file, in which a byte order mark is skipped.
pub fn parse_file(body: &[u8]) -> Result<Value, JsonError> {
    parse(body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body))
}

/// Reads a body with at most that many levels of lists and objects (never more than [`MOST_NESTING`]).
pub fn parse_limited(body: &[u8], nesting: usize) -> Result<Value, JsonError> {
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(error) => {
            let valid = body.get(..error.valid_up_to()).unwrap_or_default();
            return Err(JsonError::at(valid, valid.len(), "the body is not UTF-8"));
        }
    };
    if u32::try_from(text.len()).is_err() {
        return Err(JsonError::at(body, 0, "the body is larger than 4 GiB"));
    }
    let mut reader = Reader { shared: text.into(), body, at: 0, depth: 0, nesting: nesting.min(MOST_NESTING) };
    reader.document().map_err(|(offset, message)| JsonError::at(body, offset, message))
}

impl JsonError {
    pub(super) fn at(body: &[u8], offset: usize, message: impl Into<String>) -> JsonError {
        let before = body.get(..offset).unwrap_or(body);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        // A code point is as many bytes as it has, of which only the first is no continuation.
        let characters = before.iter().skip(start).filter(|byte| **byte & 0xc0 != 0x80).count();
        JsonError { offset, line, column: 1 + characters, message: message.into() }
    }
}

/// Where and why it stopped.
type Stop = (usize, String);

struct Reader<'a> {
    shared: Arc<str>,
    body: &'a [u8],
    at: usize,
    depth: usize,
    nesting: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Value, Stop> {
        if self.body.starts_with("\u{feff}".as_bytes()) {
            return self.stop("the body begins with a byte order mark, which JSON does not allow");
        }
        self.space();
        let value = self.value()?;
        self.space();
        if self.peek().is_some() {
            return self.unexpected("nothing more after the value");
        }
        Ok(value)
    }

    fn value(&mut self) -> Result<Value, Stop> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::list),
            Some(b'"') => Ok(Value::Text(self.text()?)),
            Some(b'-' | b'0'..=b'9') => Ok(Value::Number(self.number()?)),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => self.unexpected("a value"),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, Stop>) -> Result<Value, Stop> {
        if self.depth >= self.nesting {
            return self.stop(format!("lists and objects are nested more than {} deep", self.nesting));
        }
        self.depth += 1;
        self.at += 1;
        self.space();
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn list(&mut self) -> Result<Value, Stop> {
        let mut values = Vec::new();
        if self.take(b']') {
            return Ok(values.into());
        }
        loop {
            values.push(self.value()?);
            self.space();
            if self.take(b']') {
                return Ok(values.into());
            }
            if !self.take(b',') {
                return self.unexpected("`,` or `]`");
            }
            self.space();
        }
    }

    fn object(&mut self) -> Result<Value, Stop> {
        let mut entries: Vec<(Text, Value)> = Vec::new();
        let mut names = Names::default();
        if self.take(b'}') {
            return Ok(Value::Record(Record::new()));
        }
        loop {
            let start = self.at;
            if self.peek() != Some(b'"') {
                return self.unexpected("a name in quotes");
            }
            let name = self.text()?;
            if !names.insert(&name, &entries) {
                return Err((start, format!("the name {:?} stands twice in one object", excerpt(&name))));
            }
            self.space();
            if !self.take(b':') {
                return self.unexpected("`:`");
            }
            self.space();
            let value = self.value()?;
            entries.push((name, value));
            self.space();
            if self.take(b'}') {
                return Ok(Value::Record(Record::distinct(entries)));
            }
            if !self.take(b',') {
                return self.unexpected("`,` or `}`");
            }
            self.space();
        }
    }

    fn number(&mut self) -> Result<Number, Stop> {
        let start = self.at;
        self.take(b'-');
        let first = self.peek();
        if self.digits() == 0 {
            return self.unexpected("a digit");
        }
        if first == Some(b'0') && self.body.get(start..self.at).is_some_and(|text| !matches!(text, b"0" | b"-0")) {
            return Err((start, "a number begins with a needless 0".into()));
        }
        if self.take(b'.') && self.digits() == 0 {
            return self.unexpected("a digit after the point");
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'-') {
                self.take(b'+');
            }
            let exponent = self.at;
            if self.digits() == 0 {
                return self.unexpected("a digit of the exponent");
            }
            let digits = self.shared.get(exponent..self.at).unwrap_or_default();
            if digits.trim_start_matches('0').len() > 18 {
                return Err((start, "a number's exponent has more than 18 digits".into()));
            }
        }
        Ok(Number::checked(Text::slice(&self.shared, start, self.at)))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn text(&mut self) -> Result<Text, Stop> {
        self.at += 1;
        let start = self.at;
        self.plain_characters();
        if self.take(b'"') {
            return Ok(Text::slice(&self.shared, start, self.at - 1));
        }
        let mut text = String::new();
        let mut piece = start;
        loop {
            text.push_str(self.shared.get(piece..self.at).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text.into());
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return self.stop("a control character stands in a text: it must be escaped"),
                None => return Err((start - 1, "a text does not end".into())),
            }
            piece = self.at;
            self.plain_characters();
        }
    }

    /// Passes over what stands for itself in a text.
    fn plain_characters(&mut self) {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
        self.at += rest.iter().position(special).unwrap_or(rest.len());
    }

    fn escape(&mut self) -> Result<char, Stop> {
        let start = self.at;
        self.at += 1;
        let Some(letter) = self.peek() else { return Err((start, "a text does not end".into())) };
        self.at += 1;
        let half = || (start, "half a surrogate pair: `\\u` escapes from D800 to DFFF only stand in pairs".to_string());
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => match self.four_digits()? {
                high @ 0xd800..0xdc00 => {
                    if !(self.take(b'\\') && self.take(b'u')) {
                        return Err(half());
                    }
                    match self.four_digits()? {
                        low @ 0xdc00..0xe000 => {
                            char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).ok_or_else(half)?
                        }
                        _ => return Err(half()),
                    }
                }
                code => char::from_u32(code).ok_or_else(half)?,
            },
            _ => return Err((start, "an unknown escape: a `\\` in a text must be written `\\\\`".into())),
        })
    }

    fn four_digits(&mut self) -> Result<u32, Stop> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return self.unexpected("four hexadecimal digits after `\\u`");
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Stop> {
        if !self.body.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            return self.unexpected("a value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn stop<T>(&self, message: impl Into<String>) -> Result<T, Stop> {
        Err((self.at, message.into()))
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T, Stop> {
        match self.shared.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(character) => self.stop(format!("expected {expected}, found `{}`", character.escape_debug())),
            None => self.stop(format!("expected {expected}, but the body ends here")),
        }
    }
}

/// The names of one object so far: compared one by one while they are few.
#[derive(Default)]
struct Names(HashSet<Text>);

impl Names {
    /// Whether the name is new.
    fn insert(&mut self, name: &Text, entries: &[(Text, Value)]) -> bool {
        const FEW: usize = 32;
        if entries.len() < FEW {
            return entries.iter().all(|(known, _)| known != name);
        }
        if self.0.is_empty() {
            self.0.extend(entries.iter().map(|(known, _)| known.clone()));
        }
        self.0.insert(name.clone())
    }
}

fn excerpt(name: &str) -> String {
    name.chars().take(40).collect()
}
