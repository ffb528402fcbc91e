//! `base64_decode`: Base64 as text.

use super::{Area, Call, Example, Failure, Function, Value};
use super::base64_encode::ALPHABET;
use crate::language::evaluate::quote;

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
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    let bytes = decoded(text.as_bytes()).ok_or_else(|| Failure::value(format!("{} is no Base64", quote(&text))))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Value::from(text)),
        Err(_) => Err(Failure::value("the bytes are no UTF-8, so they are no text")),
    }
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() % 4 != 0 {
        return None;
    }
    let padding = text.iter().rev().take(2).take_while(|sign| **sign == b'=').count();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for four in text[..text.len() - padding].chunks(4) {
        let mut bits = 0u32;
        for sign in four {
            bits = bits << 6 | ALPHABET.iter().position(|known| known == sign)? as u32;
        }
        let unused = 6 * four.len() % 8;
        if bits & ((1 << unused) - 1) != 0 {
            return None;
        }
        let count = four.len() * 6 / 8;
        let whole = bits >> unused;
        bytes.extend((0..count).rev().map(|n| (whole >> (8 * n)) as u8));
    }
    Some(bytes)
}
