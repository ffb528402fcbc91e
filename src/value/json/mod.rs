//! JSON in and out. Reads strictly (a body with a name twice in one object, half a surrogate pair or too much nesting
//! is not JSON), keeps every number's text, and writes compact UTF-8.
//!
//! The tagged form is for the journal: it also carries what JSON has no kind for, and reads back as it was.

mod read;
mod tagged;
mod write;

#[cfg(test)]
mod tests;

pub use read::{JsonError, parse, parse_file, parse_limited};
pub use tagged::{parse_tagged, write_tagged};
pub use write::{WriteError, write, write_limited, write_pretty};

/// Levels of lists and objects that a body may have, unless a setting says otherwise.
pub const NESTING: usize = 128;

/// Levels that no setting exceeds: what a thread's stack certainly holds.
pub const MOST_NESTING: usize = 512;

/// Bytes that are written at most, unless a setting says otherwise.
pub const OUTPUT: usize = 16 << 20;
