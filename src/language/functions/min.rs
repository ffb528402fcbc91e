//! `min`: the smallest.

use super::{Area, Call, Example, Failure, Function, Value, give};
use super::max::extreme;
use std::cmp::Ordering;

pub static FUNCTION: Function = Function {
    name: "min",
    area: Area::Numbers,
    signatures: &["(xs: list<O>) -> O?", "(xs: list<T>, f: (T) => O) -> O?", "(a: O, b: O) -> O"],
    summary: "The smallest of a list, of what a lambda gives, or of two values.",
    doc: "Compares as `<` does: numbers, dates, times, monies of one currency, texts by code point. Missing for an empty list; of equal ones the first. The element that has the smallest key: `xs.sort_by(f).first()`.",
    examples: &[
        Example { source: "[1, 3, 2].min() ?? 0", result: "1" },
        Example { source: "min(0, 2)", result: "0" },
        Example { source: "[\"a\", \"b\"].min(t => t.upper()) ?? \"none\"", result: "\"A\"" },
        Example { source: "[].min() ?? \"nothing\"", result: "\"nothing\"" },
        Example { source: "[money(1, \"USD\"), money(2, \"EUR\")].min()", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    extreme(call, Ordering::Less)
}
