//! A number as it passes through: its own text where it came from JSON, an exact value where it was calculated.
use super::Text;

/// A number, with the text it was written with where that must come out again byte for byte.
#[derive(Clone, Debug)]
pub struct Number {
    text: Text,
}
