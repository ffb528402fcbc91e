//! `replace`: a part of a text by another.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "replace",
    area: Area::Text,
    signatures: &["(t: text, part: text, by: text) -> text"],
    summary: "The text with every occurrence of a part replaced.",
    doc: "The part is plain text, no pattern, and not empty.",
    examples: &[
        Example { source: "\"1 000 000\".replace(\" \", \"\")", result: "\"1000000\"" },
        Example { source: "\"a\".replace(\"\", \"b\")", result: "error value" },
        Example { source: "\"aaa\".replace(\"aa\", \"b\")", result: "\"ba\"" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let (text, part, by) = (call.text(0)?, call.text(1)?.as_str(), call.text(2)?);
    if part.is_empty() {
        return Err(Failure::value("expected a part to replace, got an empty text"));
    }
    let found = text.matches(part).count();
    if found == 0 {
        return Ok(Value::Text(text.clone()));
    }
    call.room((text.len() - found * part.len()).saturating_add(found.saturating_mul(by.len())))?;
    Ok(Value::Text(text.replace(part, by).into()))
}
