//! Shared text: a slice of the body it was read from, or a text of its own.

use std::ops::Deref;
use std::sync::Arc;

/// A text that is cheap to clone. A slice keeps the whole body it came from alive, which a run does anyway.
#[derive(Clone)]
pub struct Text {
    owner: Arc<str>,
    range: Range,
}

/// Where a part begins and, in the upper half, ends. One word: two halves that are written one by one and read as one make the
/// processor wait for its own writes, which took a tenth of reading a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range(u64);

impl Range {
    pub(super) const NONE: Range = Range(0);
    /// No part of any text.
    pub(super) const OUTSIDE: Range = Range(1);

    #[inline]
    pub(super) fn new(start: usize, end: usize) -> Range {
        Range((end as u64) << 32 | start as u64)
    }

    #[inline]
    fn start(self) -> usize {
        self.0 as u32 as usize
    }

    #[inline]
    fn end(self) -> usize {
        (self.0 >> 32) as usize
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        self.end() - self.start()
    }

    #[inline]
    pub(super) fn bytes(self, owner: &[u8]) -> &[u8] {
        &owner[self.start()..self.end()]
    }

    /// Where it lies with a character before it and two behind.
    #[inline]
    pub(super) fn around(self) -> Option<std::ops::Range<usize>> {
        Some(self.start().checked_sub(1)?..self.end() + 2)
    }
}

impl Text {
    /// The part `start..end` (bytes, on character boundaries) of a shared text.
    pub fn slice(owner: &Arc<str>, start: usize, end: usize) -> Text {
        Text::new(owner.clone(), start, end)
    }

    fn new(owner: Arc<str>, start: usize, end: usize) -> Text {
        Text { owner, range: Range::new(start, end) }
    }

    /// What it is a part of.
    pub(crate) fn owner(&self) -> &Arc<str> {
        &self.owner
    }

    /// Which part of its owner it is.
    pub(crate) fn range(&self) -> Range {
        self.range
    }

    /// That part of an owner.
    pub(super) fn at(owner: &Arc<str>, range: Range) -> Text {
        Text { owner: owner.clone(), range }
    }

    fn start(&self) -> usize {
        self.range.start()
    }

    fn end(&self) -> usize {
        self.range.end()
    }

    /// In bytes. Seen without looking at the owner, as a `str` would.
    #[inline]
    pub fn len(&self) -> usize {
        self.range.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes `start..end` of this text, on character boundaries, as a text of their own: the same memory.
    pub fn part(&self, start: usize, end: usize) -> Text {
        debug_assert!(self.as_str().get(start..end).is_some());
        Text::new(self.owner.clone(), self.start() + start, self.start() + end)
    }

    pub fn as_str(&self) -> &str {
        &self.owner[self.start()..self.end()]
    }

    /// Without asking where characters begin, which slicing a `str` does: for comparing.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.owner.as_bytes()[self.start()..self.end()]
    }

    /// Whether it is this text. Most that differ differ in length, which is seen without looking at the owner.
    pub(super) fn is(&self, text: &str) -> bool {
        self.len() == text.len() && same(self.as_bytes(), text.as_bytes())
    }
}

/// Whether two runs of equal length are the same. Nearly all are names of up to 16 bytes: two words each, which may
/// overlap, where the general comparison is a call.
#[inline]
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    if let (Some(x), Some(y), 8..=16) = (a.first_chunk::<8>(), b.first_chunk::<8>(), a.len()) {
        return x == y && a.last_chunk::<8>() == b.last_chunk::<8>();
    }
    if let (Some(x), Some(y), 4..8) = (a.first_chunk::<4>(), b.first_chunk::<4>(), a.len()) {
        return x == y && a.last_chunk::<4>() == b.last_chunk::<4>();
    }
    a == b
}

/// A name that texts are compared with again and again: its bytes in two words, which overlap in the middle.
#[derive(Clone, Debug)]
pub struct Name {
    text: Text,
    first: u64,
    last: u64,
}

impl Name {
    /// The name as a text.
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// Whether it is this part of a text.
    #[inline]
    pub(super) fn is(&self, owner: &str, range: Range) -> bool {
        let length = self.text.len();
        if length != range.len() {
            return false;
        }
        let bytes = range.bytes(owner.as_bytes());
        match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (Some(first), Some(last)) if length <= 16 => {
                u64::from_le_bytes(*first) == self.first && u64::from_le_bytes(*last) == self.last
            }
            _ => same(bytes, self.text.as_bytes()),
        }
    }
}

impl From<&Text> for Name {
    fn from(text: &Text) -> Name {
        let bytes = text.as_bytes();
        let word = |chunk: Option<&[u8; 8]>| chunk.map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Name { text: text.clone(), first: word(bytes.first_chunk()), last: word(bytes.last_chunk()) }
    }
}

impl Default for Text {
    fn default() -> Text {
        Text::from("")
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text::new(text.into(), 0, text.len())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        let length = text.len();
        Text::new(text.into(), 0, length)
    }
}

impl std::borrow::Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.len() == other.len() && same(self.as_bytes(), other.as_bytes())
    }
}
impl Eq for Text {}
impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Text) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Text {
    fn cmp(&self, other: &Text) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}
impl std::hash::Hash for Text {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}
impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), f)
    }
}
impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self)
    }
}
