//! `keys`: the keys of a map or record.

use super::{Call, Example, Failure, Function, Value, list};

pub static FUNCTION: Function = Function {
    name: "keys",
    signatures: &["(m: map<any>) -> list<text>"],
    summary: "The keys of a map or record, in their order.",
    doc: "",
    examples: &[Example { source: "{ a = 1, b = 2 }.keys()", result: "[\"a\", \"b\"]" }],
    prepare: None,
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let record = call.record(0)?;
    call.charge(record.len())?;
    Ok(list(record.iter().map(|(name, _)| Value::Text(name.clone())).collect()))
}
