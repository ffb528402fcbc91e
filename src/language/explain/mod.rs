//! How a value came about: facts for whoever asks, no rendering.
//!
//! - [`payload`] what a payload's type says otherwise

mod payload;

pub use payload::{Misfit, misfits};

use crate::value::Text;

/// A step into a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Field(Text),
    /// Of a map, or a field whose name is no word.
    Key(Text),
    Index(usize),
}

impl std::fmt::Display for Step {
    /// As it is written behind what it steps into: `.amount`, `["order id"]`, `[0]`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Step::Field(name) if is_word(name) => write!(f, ".{name}"),
            Step::Field(name) | Step::Key(name) => write!(f, "[{:?}]", &**name),
            Step::Index(at) => write!(f, "[{at}]"),
        }
    }
}

fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
