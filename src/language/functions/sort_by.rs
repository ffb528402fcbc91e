//! `sort_by`: elements by a key.

use super::{Area, Call, Example, Failure, Function, Value, give, list};
use crate::language::evaluate::order;
use std::cmp::Ordering;

pub static FUNCTION: Function = Function {
    name: "sort_by",
    area: Area::Lists,
    signatures: &["(xs: list<T>, f: (T) => O) -> list<T>"],
    summary: "The elements in ascending order of a key; equal ones keep their order.",
    doc: "Orders as `<` does: numbers, dates, times, monies of one currency, texts by code point.",
    examples: &[
        Example { source: "[3, 1, 2].sort_by(n => n)", result: "[1, 2, 3]" },
        Example { source: "[1, 2, 3].sort_by(n => -n)", result: "[3, 2, 1]" },
        Example { source: "[parse_json(\"1\"), parse_json(\"\\\"a\\\"\")].sort_by(v => v)", result: "error type" },
        Example { source: "[\"b\", \"Z\", \"a\"].sort_by(t => t)", result: "[\"Z\", \"a\", \"b\"]" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let mut keyed = vec![];
    for item in call.list(0)?.iter() {
        keyed.push((call.lambda(1, std::slice::from_ref(item))?, item.clone()));
    }
    // A key of another kind fails the whole; which pair is met first does not matter to anybody.
    let mut failure = None;
    keyed.sort_by(|(a, _), (b, _)| {
        order(a, b).unwrap_or_else(|unfit| {
            failure.get_or_insert(unfit);
            Ordering::Equal
        })
    });
    match failure {
        Some(failure) => Err(failure),
        None => Ok(list(keyed.into_iter().map(|(_, item)| item).collect())),
    }
}
