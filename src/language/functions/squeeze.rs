//! `squeeze`: white space reduced.

use super::{Area, Call, Example, Failure, Function, Value, is_space};

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
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    let words: Vec<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
    Ok(Value::Text(words.join(" ").into()))
}
