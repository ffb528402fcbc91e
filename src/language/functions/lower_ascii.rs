//! `lower_ascii`: small letters, A–Z only.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "lower_ascii",
    area: Area::Text,
    signatures: &["(t: text) -> text"],
    summary: "The text with A–Z in small letters, everything else untouched.",
    doc: "For codes; `lower` does all letters.",
    examples: &[
        Example { source: "\"USD\".lower_ascii()", result: "\"usd\"" },
        Example { source: "\"ÅSE\".lower_ascii()", result: "\"Åse\"" },
        Example { source: "\"\".lower_ascii()", result: "\"\"" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    let same = !text.bytes().any(|letter| letter.is_ascii_uppercase());
    Ok(Value::Text(if same { text.clone() } else { text.to_ascii_lowercase().into() }))
}
