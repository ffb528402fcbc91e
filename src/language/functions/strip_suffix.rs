//! `strip_suffix`: a text without its end.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "strip_suffix",
    area: Area::Text,
    signatures: &["(t: text, end: text) -> text"],
    summary: "The text without that end; as it is where it has another.",
    doc: "Capitals differ. Once only. `ends_with` tells whether it was there.",
    examples: &[
        Example { source: "\"invoice.pdf\".strip_suffix(\".pdf\")", result: "\"invoice\"" },
        Example { source: "\"invoice.PDF\".strip_suffix(\".pdf\")", result: "\"invoice.PDF\"" },
        Example { source: "\"a//\".strip_suffix(\"/\")", result: "\"a/\"" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let (text, part) = (call.text(0)?, call.text(1)?);
    let end = text.strip_suffix(part.as_str()).unwrap_or(text).len();
    Ok(Value::Text(text.part(0, end)))
}
