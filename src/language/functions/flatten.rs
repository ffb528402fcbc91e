//! `flatten`: lists in a list as one list.

use super::{Area, Call, Example, Failure, Function, Value, give, list};
use crate::language::evaluate::describe;

pub static FUNCTION: Function = Function {
    name: "flatten",
    area: Area::Lists,
    signatures: &["(xs: list<list<T>>) -> list<T>"],
    summary: "The elements of the lists in a list, one after the other.",
    doc: "One level only.",
    examples: &[
        Example { source: "[[1, 2], [3]].flatten()", result: "[1, 2, 3]" },
        Example { source: "[[[1]], [[2]]].flatten()", result: "[[1], [2]]" },
        Example { source: "[].flatten()", result: "[]" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let mut flat = vec![];
    for inner in call.list(0)?.iter() {
        match inner {
            Value::List(items) => {
                call.charge(1 + items.len())?;
                flat.extend(items.iter().cloned());
            }
            other => return Err(Failure::kind(format!("expected a list of lists, got {} in it", describe(other)))),
        }
    }
    Ok(list(flat))
}
