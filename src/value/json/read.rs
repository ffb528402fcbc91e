//! JSON in: one pass over the bytes of a text that is known to be UTF-8.
//!
//! Fields and elements are gathered on two stacks that all levels share, so that a record or list is allocated once
//! and at its size.

use super::super::{Number, Place, Range, Record, Text, Value, excerpt, number};
use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;

/// Where the reader stopped, and why.
pub(super) type Stop = Box<(usize, String)>;

/// From this many fields on, names are found by hash, so that a hostile body costs no more than its length.
const MANY: usize = 64;

/// Most fields, and elements, that a thread keeps places for between bodies.
const KEPT: usize = 1024;

thread_local! {
    /// Empty places, which one body leaves to the next of its thread.
    static PLACES: Cell<(Vec<Place>, Vec<Value>)> = Cell::default();
}

/// Reads the whole of a text.
pub(super) fn document(text: &str, nesting: usize) -> Result<Value, Stop> {
    let owner = Arc::from(text);
    let (fields, items) = PLACES.take();
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        owner: &owner,
        at: 0,
        left: nesting,
        fields,
        open: 0,
        spelt: vec![],
        items,
    };
    let value = reader.document()?;
    // Whatever was gathered in them is in its record or list now.
    let (fields, items) = (reader.fields, reader.items);
    if fields.len() <= KEPT && items.capacity() <= KEPT {
        PLACES.set((fields, items));
    }
    Ok(value)
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    /// The same text, shared: what is read are slices of it.
    owner: &'t Arc<str>,
    at: usize,
    /// How much deeper it may get.
    left: usize,
    /// The records that are open, each with the owner of its names in front of its fields; then empty places.
    fields: Vec<Place>,
    /// How many of them are in use.
    open: usize,
    /// Names with escapes, which are no parts of the body, by their place among the fields.
    spelt: Vec<(usize, Text)>,
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

/// Different for most names that stand together: by their length, and both ends of the longer ones.
#[inline]
fn mix(name: &[u8]) -> u32 {
    let ends = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(first), Some(last)) => u64::from_le_bytes(*first).rotate_left(5) ^ u64::from_le_bytes(*last),
        _ => name.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    ((ends ^ name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as u32
}

/// The digits that eight bytes begin with, as a number, and how many they are.
#[inline]
fn eight_digits(bytes: &[u8; 8]) -> (i64, usize) {
    const ONES: u64 = u64::MAX / 0xff;
    let word = u64::from_le_bytes(*bytes);
    let digits = word.wrapping_sub(ONES * 0x30);
    // The highest bit of each byte that is no digit; wrongly also of some behind the first of them.
    let others = (digits | word.wrapping_add(ONES * 0x46) | word) & (ONES << 7);
    let count = others.trailing_zeros() as usize / 8;
    let Some(mut value) = digits.checked_shl(64 - 8 * count as u32) else { return (0, 0) };
    // Pairs, fours, eight: the lower of two neighbours stands for the higher digits.
    value = value.wrapping_mul(10).wrapping_add(value >> 8) & 0x00ff_00ff_00ff_00ff;
    value = value.wrapping_mul(100).wrapping_add(value >> 16) & 0x0000_ffff_0000_ffff;
    value = value.wrapping_mul(10_000).wrapping_add(value >> 32) & 0xffff_ffff;
    (value as i64, count)
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Value, Stop> {
        self.blanks();
        let value = self.value()?;
        self.blanks();
        if self.at < self.text.len() { self.unexpected("the end of the text") } else { Ok(value) }
    }

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
            Some(b'"') => match self.plain_text() {
                Some((start, end)) => Ok(Value::Text(Text::slice(self.owner, start, end))),
                None => Ok(Value::Text(self.escaped()?)),
            },
            Some(b'{') => Ok(Value::Record(self.nested(|reader| reader.record())?)),
            Some(b'[') => self.nested(|reader| reader.list()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true", Value::Bool(true)),
            Some(b'f') => self.word(b"false", Value::Bool(false)),
            Some(b'n') => self.word(b"null", Value::Null),
            _ => self.unexpected("a value"),
        }
    }

    #[inline]
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
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

    #[inline(never)]
    fn record(&mut self) -> Result<Record, Stop> {
        let start = self.open;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Record::new());
        }
        let owner = self.owner;
        put(self.next(), Place::owner(owner));
        let mut names = Names::default();
        loop {
            let place = self.at;
            if self.peek() != Some(b'"') {
                return self.unexpected("a name in quotes");
            }
            self.begin()?;
            if self.stands_twice(&mut names, start + 1) {
                return self.twice(place);
            }
            self.blanks();
            if self.peek() != Some(b':') {
                return self.unexpected("`:`");
            }
            self.at += 1;
            self.blanks();
            match self.peek() {
                Some(b'"') => match self.plain_text() {
                    Some((start, end)) => {
                        let owner = self.owner;
                        put(self.field(), Value::Text(Text::slice(owner, start, end)));
                    }
                    None => {
                        let text = self.escaped()?;
                        put(self.field(), Value::Text(text));
                    }
                },
                Some(b'{') => {
                    let record = self.nested(|reader| reader.record())?;
                    put(self.field(), Value::Record(record));
                }
                _ => match self.whole() {
                    Some(number) => put(self.field(), Value::from(number)),
                    None => {
                        let value = self.value()?;
                        put(self.field(), value);
                    }
                },
            }
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(self.finish(start));
                }
                _ => return self.unexpected("`,` or `}`"),
            }
            self.blanks();
        }
    }

    /// Begins a field with its name.
    #[inline]
    fn begin(&mut self) -> Result<(), Stop> {
        let name = match self.plain_text() {
            Some((start, end)) => Range::new(start, end),
            None => {
                let name = self.escaped()?;
                self.spelt.push((self.open, name));
                Range::OUTSIDE
            }
        };
        self.next().call(name);
        Ok(())
    }

    /// Takes the first empty place.
    #[inline]
    fn next(&mut self) -> &mut Place {
        if self.open == self.fields.len() {
            self.fields.resize_with(2 * self.open + 16, || Place::EMPTY);
        }
        self.open += 1;
        &mut self.fields[self.open - 1]
    }

    /// The value of the field that began last.
    #[inline]
    fn field(&mut self) -> &mut Value {
        self.fields[self.open - 1].value_mut()
    }

    /// The name of a field.
    #[inline]
    fn name(&self, place: usize) -> &[u8] {
        match self.fields[place].name() {
            Range::OUTSIDE => self.spelt(place).as_bytes(),
            range => range.bytes(self.bytes),
        }
    }

    fn spelt(&self, place: usize) -> &str {
        self.spelt.iter().rfind(|(at, _)| *at == place).map_or("", |(_, name)| name)
    }

    /// Whether the last field's name is one of those of the fields from `first` on; from now on it counts as one.
    #[inline]
    fn stands_twice(&self, names: &mut Names, first: usize) -> bool {
        let last = self.open - 1;
        let name = self.name(last);
        let bit = 1 << (mix(name) % u64::BITS);
        let is_new = names.met & bit == 0;
        names.met |= bit;
        if last - first < MANY {
            return !is_new && (first..last).any(|place| self.name(place) == name);
        }
        let all = names.all.get_or_insert_with(|| (first..last).map(|place| self.name_text(place)).collect());
        !all.insert(self.name_text(last))
    }

    fn name_text(&self, place: usize) -> Text {
        match self.fields[place].name() {
            Range::OUTSIDE => self.spelt(place).into(),
            range => Text::at(self.owner, range),
        }
    }

    #[cold]
    fn twice<T>(&self, place: usize) -> Result<T, Stop> {
        let name = self.name_text(self.open - 1);
        stop(place, format!("the name {:?} stands twice in one object", excerpt(&name)))
    }

    /// The record that begins at `start`.
    #[inline]
    fn finish(&mut self, start: usize) -> Record {
        if self.spelt.last().is_some_and(|(place, _)| *place > start) {
            return self.finish_spelt(start);
        }
        let end = std::mem::replace(&mut self.open, start);
        Record::gathered(&mut self.fields[start..end])
    }

    #[inline(never)]
    fn finish_spelt(&mut self, start: usize) -> Record {
        let names: Vec<Text> = (start + 1..self.open).map(|place| self.name_text(place)).collect();
        self.spelt.retain(|(place, _)| *place < start);
        let end = std::mem::replace(&mut self.open, start);
        let values = self.fields[start..end].iter_mut().map(|place| std::mem::take(place.take().value_mut())).skip(1);
        Record::from_distinct(names.into_iter().zip(values).collect())
    }

    fn list(&mut self) -> Result<Value, Stop> {
        let start = self.items.len();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::from(vec![]));
        }
        loop {
            let at = self.items.len();
            if self.peek() == Some(b'{') {
                let record = self.nested(|reader| reader.record())?;
                self.items.push(Value::Missing);
                put(&mut self.items[at], Value::Record(record));
            } else {
                let value = self.value()?;
                self.items.push(value);
            }
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(self.items.drain(start..).collect());
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
        let (mut value, mut count) = rest.first_chunk().map_or((0, 0), eight_digits);
        if count % 8 == 0 {
            for byte in rest.iter().take(19).skip(count) {
                let digit = byte.wrapping_sub(b'0');
                if digit > 9 {
                    break;
                }
                value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
                count += 1;
            }
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

    /// Where a text begins and ends which stands in the body as it is, as most do. `None`: [`Reader::escaped`] reads it.
    #[inline(always)]
    fn plain_text(&mut self) -> Option<(usize, usize)> {
        let start = self.at + 1;
        let mut rest = self.bytes.get(start..)?;
        let mut end = start;
        // Most end within a few words, long before the body does.
        while let Some((word, more)) = rest.split_first_chunk::<8>() {
            let special = super::special(u64::from_le_bytes(*word));
            if special != 0 {
                end += special.trailing_zeros() as usize / 8;
                break;
            }
            end += 8;
            rest = more;
        }
        if self.bytes.get(end) != Some(&b'"') {
            end = self.plain_to_the_end(start)?;
        }
        self.at = end + 1;
        Some((start, end))
    }

    /// The same near the end of the body.
    #[inline(never)]
    fn plain_to_the_end(&self, start: usize) -> Option<usize> {
        let end = start + super::plain(self.bytes.get(start..)?);
        (self.bytes.get(end) == Some(&b'"')).then_some(end)
    }

    /// A text that is not plain to its end.
    #[inline(never)]
    fn escaped(&mut self) -> Result<Text, Stop> {
        self.at += 1;
        let mut text = String::new();
        let mut plain = self.at;
        self.at += super::plain(self.rest());
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

/// Fills an empty place. Not by assigning, which drops what is there first: whatever that might do, the new one would have to
/// lie somewhere else until it is done.
#[inline]
fn put<T>(place: &mut T, content: T) {
    std::mem::forget(std::mem::replace(place, content));
}

#[cold]
fn stop<T>(at: usize, message: impl Into<String>) -> Result<T, Stop> {
    Err(Box::new((at, message.into())))
}
