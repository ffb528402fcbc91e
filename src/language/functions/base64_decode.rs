//! `base64_decode`: Base64 as text.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::evaluate::quote;
use base64::{Engine, engine::general_purpose::STANDARD};

pub static FUNCTION: Function = Function {
    name: "base64_decode",
    area: Area::Encodings,
    signatures: &["(t: text) -> text"],
    summary: "The text whose UTF-8 bytes a Base64 text holds.",
    doc: "RFC 4648: the usual alphabet with `+` and `/`, padded with `=`, without line breaks. An error where it is not that, or where the bytes are no UTF-8.",
    examples: &[
        Example { source: "base64_decode(\"Wm/Dqw==\")", result: "\"Zoë\"" },
        Example { source: "base64_decode(\"\")", result: "\"\"" },
        Example { source: "base64_decode(\"Wm_Dqw==\")", result: "error value" },
        Example { source: "base64_decode(\"Wm/Dqw\")", result: "error value" },
        Example { source: "base64_decode(\"/w==\")", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    let bytes = STANDARD.decode(text.as_bytes());
    let bytes = bytes.map_err(|_| Failure::value(format!("{} is no Base64", quote(text))))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Value::from(text)),
        Err(_) => Err(Failure::value("the bytes are no UTF-8, so they are no text")),
    }
}
