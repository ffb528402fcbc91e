//! The built-in functions, one file each: signature, documentation, examples that are its tests, and the work.
//!
//! To add one: copy the nearest file, edit it, and add its line to [`ALL`].

use super::evaluate::{Call, Failure};
use crate::value::Value;
use std::any::Any;
use std::sync::Arc;

/// A built-in function of the mapping language.
pub struct Function {
    pub name: &'static str,
    /// One or more overloads in the language's own type syntax: `"(xs: list<T>, f: (T) => U) -> list<U>"`.
    ///
    /// Beside the named types: `T U K` stand for any one type each; `N` for int or decimal (the result is int only
    /// where all are int); `O` for what `<` compares (numbers, dates, times, monies, texts); `(A, B) => C` is a lambda;
    /// `"a" | "b"` a constant text out of a set; `const text` a constant text that `prepare` looks at; `x: T = …` is
    /// not offered: write two overloads. A parameter takes null or missing only where its type says `?`.
    pub signatures: &'static [&'static str],
    /// One sentence for completion and lists.
    pub summary: &'static str,
    /// The rest of its documentation: units, limits, errors.
    pub doc: &'static str,
    /// `source` evaluates to `result` (an expression, or `error CODE` with a code of `error.code`). They run as tests.
    pub examples: &'static [Example],
    /// Looks at constant arguments while compiling: a pattern, a path, a zone. `Err((argument, why))`.
    pub prepare: Option<fn(&[Option<Value>]) -> Result<Prepared, (usize, String)>>,
    pub run: fn(&mut Call<'_, '_>) -> Result<Value, Failure>,
}

/// What [`Function::prepare`] made of constant arguments, for [`Function::run`] to use.
pub type Prepared = Arc<dyn Any + Send + Sync>;

pub struct Example {
    pub source: &'static str,
    pub result: &'static str,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Every function, in alphabetical order.
pub const ALL: &[&Function] = &[];

/// The function with that name.
pub fn find(name: &str) -> Option<&'static Function> {
    ALL.iter().find(|function| function.name == name).copied()
}
