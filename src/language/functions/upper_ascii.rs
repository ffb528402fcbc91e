//! `upper_ascii`: capital letters, a–z only.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "upper_ascii",
    area: Area::Text,
    signatures: &["(t: text) -> text"],
    summary: "The text with a–z in capital letters, everything else untouched.",
    doc: "For codes; `upper` does all letters.",
    examples: &[
        Example { source: "\"usd\".upper_ascii()", result: "\"USD\"" },
        Example { source: "\"åse\".upper_ascii()", result: "\"åSE\"" },
        Example { source: "\"\".upper_ascii()", result: "\"\"" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    let same = !text.bytes().any(|letter| letter.is_ascii_lowercase());
    Ok(Value::Text(if same { text.clone() } else { text.to_ascii_uppercase().into() }))
}
