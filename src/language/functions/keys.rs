//! `keys`: the keys of a map or record.

use super::{Area, Call, Example, Failure, Function, Value, give, list};

pub static FUNCTION: Function = Function {
    name: "keys",
    area: Area::Records,
    signatures: &["(m: map<any>) -> list<text>"],
    summary: "The keys of a map or record, in their order.",
    doc: "",
    examples: &[Example { source: "{ a = 1, b = 2 }.keys()", result: "[\"a\", \"b\"]" },
        Example { source: "{ a = 1, b = missing }.keys()", result: "[\"a\"]" },
        Example { source: "parse_json(\"[1]\").keys()", result: "error type" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let record = call.record(0)?;
    call.charge(record.len())?;
    Ok(list(record.iter().map(|(name, _)| Value::Text(name.clone())).collect()))
}
