//! `length`: how long a text is.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "length",
    area: Area::Text,
    signatures: &["(t: text) -> int"],
    summary: "How many characters (code points) a text has.",
    doc: "The limit of a type counts what its system counts: UTF-16 units in Dataverse and F&O. `count` is for lists.",
    examples: &[Example { source: "\"Zoë\".length()", result: "3" }, Example { source: "\"\".length()", result: "0" },
        Example { source: "\"e\\u{301}\".length()", result: "2" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    Ok(Value::from(call.text(0)?.chars().count() as i64))
}
