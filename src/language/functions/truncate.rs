//! `truncate`: no more than so many characters.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "truncate",
    area: Area::Text,
    signatures: &["(t: text, n: int) -> text"],
    summary: "The first `n` characters (code points) of a text.",
    doc: "Systems that count UTF-16 units count a character outside the basic plane (most emoji) as two.",
    examples: &[
        Example { source: "\"abcdef\".truncate(3)", result: "\"abc\"" },
        Example { source: "\"Zoë\".truncate(3)", result: "\"Zoë\"" },
        Example { source: "\"abc\".truncate(-1)", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let (text, most) = (call.text(0)?, call.size(1)?);
    if text.len() <= most {
        return Ok(Value::Text(text.clone()));
    }
    let end = text.char_indices().nth(most).map_or(text.len(), |(end, _)| end);
    Ok(Value::Text(text.part(0, end)))
}
