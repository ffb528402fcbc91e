//! `contains`: a part of a text, an element of a list.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::evaluate::{describe, equal};

pub static FUNCTION: Function = Function {
    name: "contains",
    area: Area::Text,
    signatures: &["(t: text, part: text) -> bool", "(xs: list<T>, x: T) -> bool"],
    summary: "Whether a text has that part, or a list that element.",
    doc: "Texts are compared letter by letter, capitals differ. Elements are compared by value, as `==` does.",
    examples: &[
        Example { source: "\"credit limit exceeded\".contains(\"limit\")", result: "true" },
        Example { source: "\"Limit\".contains(\"limit\")", result: "false" },
        Example { source: "[1, 2].contains(2.0)", result: "true" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    match call.value(0)? {
        Value::Text(text) => Ok(Value::Bool(text.contains(call.text(1)?.as_str()))),
        Value::List(items) => {
            let wanted = call.value(1)?;
            call.charge(items.len())?;
            for item in items.iter() {
                if equal(item, &wanted)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        other => Err(Failure::kind(format!("expected text or a list, got {}", describe(&other)))),
    }
}
