//! `trim`: white space off both ends.

use super::{Area, Call, Example, Failure, Function, Value, is_space};
use crate::value::Text;

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
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    Ok(Value::Text(Text::from(call.text(0)?.trim_matches(is_space))))
}
