//! `pad_left`: a text of fixed width.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::evaluate::quote;

pub static FUNCTION: Function = Function {
    name: "pad_left",
    area: Area::Text,
    signatures: &["(t: text, length: int, fill: text) -> text"],
    summary: "The text, filled up on its left to so many characters.",
    doc: "Characters are code points. A longer text stays as it is. What it is filled with is one character.",
    examples: &[
        Example { source: "\"42\".pad_left(6, \"0\")", result: "\"000042\"" },
        Example { source: "\"1234567\".pad_left(6, \"0\")", result: "\"1234567\"" },
        Example { source: "text(7).pad_left(3, \" \")", result: "\"  7\"" },
        Example { source: "\"a\".pad_left(3, \"\")", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let (text, length, fill) = (call.text(0)?, call.size(1)?, call.text(2)?);
    if fill.chars().count() != 1 {
        return Err(Failure::value(format!("expected one character to fill with, got {}", quote(fill))));
    }
    let lacking = length.saturating_sub(text.chars().count());
    call.room(lacking.saturating_mul(fill.len()).saturating_add(text.len()))?;
    Ok(Value::from(format!("{}{text}", fill.repeat(lacking))))
}
