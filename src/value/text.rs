//! Shared text: a slice of the body it was read from, or a text of its own.

use std::ops::Deref;
use std::sync::Arc;

/// A text that is cheap to clone. A slice keeps the whole body it came from alive, which a run does anyway.
#[derive(Clone)]
pub struct Text {
    owner: Arc<str>,
    start: u32,
    end: u32,
}

impl Text {
    /// The part `start..end` (bytes, on character boundaries) of a shared text.
    pub fn slice(owner: &Arc<str>, start: usize, end: usize) -> Text {
        Text { owner: owner.clone(), start: start as u32, end: end as u32 }
    }

    pub fn as_str(&self) -> &str {
        &self.owner[self.start as usize..self.end as usize]
    }

    /// Without asking where characters begin, which slicing a `str` does: for comparing.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.owner.as_bytes()[self.start as usize..self.end as usize]
    }

    /// Whether it is this text. Most that differ differ in length, which is seen without looking at the owner.
    pub(super) fn is(&self, text: &str) -> bool {
        (self.end - self.start) as usize == text.len() && self.as_bytes() == text.as_bytes()
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
        Text { start: 0, end: text.len() as u32, owner: text.into() }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text { start: 0, end: text.len() as u32, owner: text.into() }
    }
}

impl std::borrow::Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.end - self.start == other.end - other.start && self.as_bytes() == other.as_bytes()
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
