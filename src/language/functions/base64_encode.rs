//! `base64_encode`: text as Base64.

use super::{Area, Call, Example, Failure, Function, Value};

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
    run,
};

pub(super) const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    let length = text.len().div_ceil(3) * 4;
    call.room(length)?;
    let mut encoded = String::with_capacity(length);
    for three in text.as_bytes().chunks(3) {
        let bits = three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for n in 0..4 {
            let sign = ALPHABET[(bits >> (18 - 6 * n)) as usize & 63];
            encoded.push(if n <= three.len() { sign.into() } else { '=' });
        }
    }
    Ok(Value::from(encoded))
}
