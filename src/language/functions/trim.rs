//! `trim`: white space off both ends.

use super::{Area, Call, Example, Failure, Function, Value, give, is_space};

pub static FUNCTION: Function = Function {
    name: "trim",
    area: Area::Text,
    signatures: &["(t: text) -> text"],
    summary: "The text without white space at its ends.",
    doc: "White space is space, tab, CR and LF.",
    examples: &[
        Example { source: "\" a b \".trim()", result: "\"a b\"" },
        Example { source: "\"\\r\\n\".trim()", result: "\"\"" },
        Example { source: "\"\\u{a0}a\".trim().length()", result: "2" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    let end = text.trim_end_matches(is_space).len();
    let start = end - text.as_str()[..end].trim_start_matches(is_space).len();
    Ok(Value::Text(text.part(start, end)))
}
