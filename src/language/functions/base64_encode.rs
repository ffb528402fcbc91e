//! `base64_encode`: text as Base64.

use super::{Area, Call, Example, Failure, Function, Value, give};
use base64::{Engine, engine::general_purpose::STANDARD};

pub static FUNCTION: Function = Function {
    name: "base64_encode",
    area: Area::Encodings,
    signatures: &["(t: text) -> text"],
    summary: "The UTF-8 bytes of a text in Base64.",
    doc: "RFC 4648: the usual alphabet with `+` and `/`, padded with `=`, on one line.",
    examples: &[
        Example { source: "base64_encode(\"Zoë\")", result: "\"Wm/Dqw==\"" },
        Example { source: "base64_encode(\"abc\")", result: "\"YWJj\"" },
        Example { source: "base64_encode(\"\")", result: "\"\"" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    call.room(text.len().div_ceil(3) * 4)?;
    Ok(Value::from(STANDARD.encode(text.as_bytes())))
}
