//! JSON in: one pass over the bytes of a text that is known to be UTF-8.
//!
//! Fields and elements are gathered on two stacks that all levels share, so that a record or list is allocated once
//! and at its size.

use super::super::{Number, Record, Text, Value, excerpt, number};
use std::collections::HashSet;
use std::sync::Arc;

/// Where the reader stopped, and why.
pub(super) type Stop = Box<(usize, String)>;

/// From this many fields on, names are found by hash, so that a hostile body costs no more than its length.
const MANY: usize = 64;

/// How many fields, and elements, are open at once in most bodies: what they take is given back when the body is read.
const OPEN: usize = 64;

/// Reads the whole of a text.
pub(super) fn document(text: &str, nesting: usize) -> Result<Value, Stop> {
    let owner = Arc::from(text);
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        owner: &owner,
        at: 0,
        left: nesting,
        fields: Vec::with_capacity(OPEN),
        items: Vec::with_capacity(OPEN),
    };
    reader.blanks();
    let value = reader.value()?;
    reader.blanks();
    if reader.at < text.len() { reader.unexpected("the end of the text") } else { Ok(value) }
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    /// The same text, shared: what is read are slices of it.
    owner: &'t Arc<str>,
    at: usize,
    /// How much deeper it may get.
    left: usize,
    /// The fields of the records that are open.
    fields: Vec<(Text, Value)>,
    /// The elements of the lists that are open.
    items: Vec<Value>,
}

/// The names of a record that is being read, to see that none stands twice.
#[derive(Default)]
struct Names {
    /// A bit for each name met: most new ones are seen to be new by theirs.
    met: u64,
    /// Those of a large record.
    all: Option<HashSet<Text>>,
}

impl Names {
    /// Whether the name is among those of the fields; from now on it counts as one.
    fn are_with(&mut self, name: &Text, fields: &[(Text, Value)]) -> bool {
        let bit = 1 << (mix(name.as_bytes()) % u64::BITS);
        let is_new = self.met & bit == 0;
        self.met |= bit;
        if fields.len() < MANY {
            return !is_new && fields.iter().any(|(known, _)| known == name);
        }
        let all = self.all.get_or_insert_with(|| fields.iter().map(|(known, _)| known.clone()).collect());
        !all.insert(name.clone())
    }
}

/// Different for most names that stand together: by their length, beginning, middle and end.
fn mix(name: &[u8]) -> u32 {
    let byte = |at: usize| name.get(at).copied().map_or(0, u32::from);
    let length = name.len();
    let (first, middle, last) = (byte(0), byte(length / 2), byte(length.wrapping_sub(1)));
    (length as u32 * 29) ^ (first * 7) ^ (middle * 3) ^ (last * 13)
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn stop<T>(&self, message: impl Into<String>) -> Result<T, Stop> {
        stop(self.at, message)
    }

    #[cold]
    fn unexpected<T>(&self, expected: &str) -> Result<T, Stop> {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) => self.stop(format!("expected {expected}, got {c:?}")),
            None => self.stop(format!("expected {expected}, the text ends here")),
        }
    }

    #[inline]
    fn blanks(&mut self) {
        // Bodies are mostly written without: one look then.
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.all_blanks();
        }
    }

    fn all_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Value, Stop> {
        match self.peek() {
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'{') => self.nested(|reader| reader.record()),
            Some(b'[') => self.nested(|reader| reader.list()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true", Value::Bool(true)),
            Some(b'f') => self.word(b"false", Value::Bool(false)),
            Some(b'n') => self.word(b"null", Value::Null),
            _ => self.unexpected("a value"),
        }
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Value, Stop>) -> Result<Value, Stop> {
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
        let start = self.fields.len();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Record(Record::new()));
        }
        let mut names = Names::default();
        loop {
            let place = self.at;
            if self.peek() != Some(b'"') {
                return self.unexpected("a name in quotes");
            }
            let name = self.string()?;
            if names.are_with(&name, self.fields.get(start..).unwrap_or_default()) {
                return stop(place, format!("the name {:?} stands twice in one object", excerpt(&name)));
            }
            self.fields.push((name, Value::Missing));
            self.blanks();
            if self.peek() != Some(b':') {
                return self.unexpected("`:`");
            }
            self.at += 1;
            self.blanks();
            // What is no list or record is put where it belongs at once: moved there in one piece, after it was written in
            // several, it makes the processor wait for its own writes.
            match self.peek() {
                Some(b'"') => {
                    let text = self.string()?;
                    self.put(Value::Text(text));
                }
                _ => match self.whole() {
                    Some(number) => self.put(Value::from(number)),
                    None => {
                        let value = self.value()?;
                        self.put(value);
                    }
                },
            }
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Record(Record::read(&mut self.fields, start)));
                }
                _ => return self.unexpected("`,` or `}`"),
            }
            self.blanks();
        }
    }

    /// The value of the field whose name came last.
    #[inline]
    fn put(&mut self, value: Value) {
        if let Some((_, place)) = self.fields.last_mut() {
            *place = value;
        }
    }

    fn list(&mut self) -> Result<Value, Stop> {
        let start = self.items.len();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::from(vec![]));
        }
        loop {
            let value = self.value()?;
            self.items.push(value);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::from(self.items.drain(start..).collect::<Vec<_>>()));
                }
                _ => return self.unexpected("`,` or `]`"),
            }
            self.blanks();
        }
    }

    fn word(&mut self, word: &[u8], value: Value) -> Result<Value, Stop> {
        if !self.rest().starts_with(word) {
            return self.unexpected("a value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Stop> {
        match self.whole() {
            Some(number) => Ok(Value::from(number)),
            None => self.any_number(),
        }
    }

    /// A whole number of at most 18 digits, as most are, in one pass. `None`, nothing read: it is none, or not well formed.
    #[inline]
    fn whole(&mut self) -> Option<i64> {
        let negative = self.peek() == Some(b'-');
        let start = self.at + usize::from(negative);
        let rest = self.bytes.get(start..)?;
        let (mut value, mut count) = (0i64, 0);
        for byte in rest.iter().take(19) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
            count += 1;
        }
        let more = matches!(rest.get(count), Some(b'.' | b'e' | b'E'));
        // `-0` keeps its text, and `01` is no number.
        let zero = rest.first() == Some(&b'0') && (negative || count > 1);
        if more || zero || !(1..=18).contains(&count) {
            return None;
        }
        self.at = start + count;
        Some(if negative { -value } else { value })
    }

    fn any_number(&mut self) -> Result<Value, Stop> {
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
            let zeros = self.bytes[digits..self.at].iter().take_while(|byte| **byte == b'0').count();
            if self.at - digits - zeros > number::EXPONENT_DIGITS {
                let most = number::EXPONENT_DIGITS;
                return stop(start, format!("the number's exponent has more than {most} digits"));
            }
        }
        let source = || Text::slice(self.owner, start, self.at);
        Ok(Value::Number(Number::read(&self.bytes[start..self.at], source)))
    }

    fn digits(&mut self) -> Result<(), Stop> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return self.unexpected("a digit");
        }
        self.at += count;
        Ok(())
    }

    #[inline]
    fn string(&mut self) -> Result<Text, Stop> {
        self.at += 1;
        let start = self.at;
        let rest = self.rest();
        let length = super::plain(rest);
        let closed = rest.get(length) == Some(&b'"');
        self.at = start + length;
        if !closed {
            // Not handed on as it is: the plain text would have to lie where this one is written.
            let text = self.escaped(start)?;
            return Ok(text);
        }
        self.at += 1;
        Ok(Text::slice(self.owner, start, start + length))
    }

    /// A text that is not plain to its end: `at` stands on the first byte that stopped it.
    #[inline(never)]
    fn escaped(&mut self, start: usize) -> Result<Text, Stop> {
        let mut text = String::new();
        let mut plain = start;
        loop {
            text.push_str(self.text.get(plain..self.at).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Text::from(text));
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return self.stop("a control character stands in a text"),
                None => return self.unexpected("`\"` at the end of a text"),
            }
            plain = self.at;
            self.at += super::plain(self.rest());
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
            _ => return stop(place, "an unknown escape stands in a text"),
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode(&mut self, place: usize) -> Result<char, Stop> {
        let first = self.four_digits(place)?;
        let code = match first {
            0xd800..=0xdbff => {
                if !self.rest().starts_with(b"\\u") {
                    return stop(place, "half a surrogate pair stands in a text");
                }
                self.at += 1;
                match self.four_digits(place)? {
                    second @ 0xdc00..=0xdfff => 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                    _ => return stop(place, "half a surrogate pair stands in a text"),
                }
            }
            code => code,
        };
        char::from_u32(code).ok_or_else(|| Box::new((place, "half a surrogate pair stands in a text".into())))
    }

    /// The digits behind `\u`; `at` stands on the `u`.
    fn four_digits(&mut self, place: usize) -> Result<u32, Stop> {
        let digits = self.bytes.get(self.at + 1..self.at + 5).unwrap_or_default();
        let mut code = 0;
        for digit in digits {
            let digit = (*digit as char)
                .to_digit(16)
                .ok_or_else(|| Box::new((place, "an escape needs four hexadecimal digits".to_string())))?;
            code = code * 16 + digit;
        }
        if digits.len() < 4 {
            return stop(place, "an escape needs four hexadecimal digits");
        }
        self.at += 5;
        Ok(code)
    }
}

#[cold]
fn stop<T>(at: usize, message: impl Into<String>) -> Result<T, Stop> {
    Err(Box::new((at, message.into())))
}
