//! How a value came about: facts for whoever asks, no rendering.
//!
//! - [`recorder`] looks on while an expression is evaluated
//! - [`account`] says of every field of the result what it came from: its assignment, the inputs that were read, rows,
//!   functions, and which way was taken
//! - [`payload`] what a payload's type says otherwise
//!
//! An explained evaluation gives what a plain one gives.

mod account;
mod payload;
mod recorder;

pub use account::{Account, Callee, Choice, Condition, Dropped, Fact, Field, Operand, Read, Way, explain};
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
