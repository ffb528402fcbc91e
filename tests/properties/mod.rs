//! What always holds of the language, as plain functions over bytes: `tests/properties.rs` runs them on bytes of
//! proptest's, `fuzz/` on a fuzzer's. A property panics where it does not hold, and shows the text.

mod choices;
pub mod evaluate;
mod findings;
pub mod format;
pub mod json;
mod kinds;
mod layouts;
pub mod parse;
mod programs;
mod texts;
