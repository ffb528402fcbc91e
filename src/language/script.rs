//! rhai scripts: sandboxed, typed by the signatures in the comment above their `use`.

/// A compiled `.rhai` file.
#[derive(Debug)]
pub struct Script {}
