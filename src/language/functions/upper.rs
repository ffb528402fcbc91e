//! `upper`: capital letters.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "upper",
    area: Area::Text,
    signatures: &["(t: text) -> text"],
    summary: "The text in capital letters, as Unicode says, without a locale.",
    doc: "A letter can become several: `ß` becomes `SS`. `upper_ascii` touches a–z only.",
    examples: &[
        Example { source: "\"usd\".upper()", result: "\"USD\"" },
        Example { source: "\"straße\".upper()", result: "\"STRASSE\"" },
        Example { source: "\"ŉ\".upper().length()", result: "2" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    Ok(Value::Text(call.text(0)?.to_uppercase().into()))
}
