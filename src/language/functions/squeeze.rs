//! `squeeze`: white space reduced.

use super::{Area, Call, Example, Failure, Function, Value, give, is_space};

pub static FUNCTION: Function = Function {
    name: "squeeze",
    area: Area::Text,
    signatures: &["(t: text) -> text"],
    summary: "The text without white space at its ends, and with one space for each run inside.",
    doc: "White space is space, tab, CR and LF.",
    examples: &[
        Example { source: "\"  Ada   King \".squeeze()", result: "\"Ada King\"" },
        Example { source: "\"a\\n\\tb\".squeeze()", result: "\"a b\"" },
        Example { source: "\"a\\u{a0} b\".squeeze()", result: "\"a\\u{a0} b\"" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    if is_squeezed(text) {
        return Ok(Value::Text(text.clone()));
    }
    let words: Vec<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
    Ok(Value::Text(words.join(" ").into()))
}

/// Without leaving at the first that is found: so the compiler looks at many bytes at once.
fn is_squeezed(text: &str) -> bool {
    let bytes = text.as_bytes();
    let odd = bytes.iter().fold(false, |odd, byte| odd | matches!(byte, b'\t' | b'\r' | b'\n'));
    let twice = bytes.iter().zip(bytes.iter().skip(1)).fold(false, |twice, (a, b)| twice | (*a == b' ' && *b == b' '));
    !odd && !twice && !text.starts_with(' ') && !text.ends_with(' ')
}
