//! `omit`: a record without some fields.

use super::{Area, Call, Example, Failure, Function, Value, give};
use super::pick::{of_known, select};
use crate::language::types::Type;

pub static FUNCTION: Function = Function {
    name: "omit",
    area: Area::Records,
    signatures: &["(r: map<T>, names: list<text>) -> map<T>", "(r: map<any>, names: list<text>) -> map<any>"],
    summary: "A record without these fields.",
    doc: "Names that it has not change nothing. Of a record whose type is known, names that are written out give a record of the other fields, and one that it cannot have does not compile.",
    examples: &[
        Example { source: "{ id = \"a\", note = \"x\" }.omit([\"note\"])", result: "{ id = \"a\" }" },
        Example { source: "parse_json(\"\\{\\\"a\\\":1,\\\"b\\\":2}\").omit([\"b\", \"c\"])", result: "parse_json(\"\\{\\\"a\\\":1}\")" },
        Example { source: "parse_json(\"null\").omit([\"b\"])", result: "error type" },
    ],
    prepare: None,
    gives: Some(gives),
    run: |call, out| give(run(call), out),
};

fn gives(types: &[Type], constants: &[Option<Value>]) -> Result<Option<Type>, (usize, String)> {
    of_known(types, constants, |names, name| !names.contains(&name))
}

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    select(call, false)
}
