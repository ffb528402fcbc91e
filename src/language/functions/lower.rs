//! `lower`: small letters.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "lower",
    area: Area::Text,
    signatures: &["(t: text) -> text"],
    summary: "The text in small letters, as Unicode says, without a locale.",
    doc: "`lower_ascii` touches A–Z only.",
    examples: &[
        Example { source: "\"USD\".lower()", result: "\"usd\"" },
        Example { source: "\"ÅSE\".lower()", result: "\"åse\"" },
        Example { source: "\"ΑΣ\".lower()", result: "\"ας\"" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    Ok(Value::Text(call.text(0)?.to_lowercase().into()))
}
