//! `values`: the values of a map.

use super::{Area, Call, Example, Failure, Function, Value, give, list};

pub static FUNCTION: Function = Function {
    name: "values",
    area: Area::Records,
    signatures: &["(m: map<T>) -> list<T>", "(m: map<any>) -> list<any>"],
    summary: "The values of a map or record, in their order.",
    doc: "Of a record whose fields differ in type it is a list of `any`. `entries` gives the keys too.",
    examples: &[
        Example { source: "{ a = 1, b = 2 }.values()", result: "[1, 2]" },
        Example { source: "{ a = 1, b = \"x\" }.values().count()", result: "2" },
        Example { source: "{ a = missing }.values()", result: "[]" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let record = call.record(0)?;
    call.charge(record.len())?;
    Ok(list(record.values().cloned().collect()))
}
