//! `replace_pattern`: what a pattern finds, by a text.

use super::{Area, Call, Example, Failure, Function, Prepared, Value, give};
use super::matches::regex;
use regex::Regex;
use std::sync::Arc;

pub static FUNCTION: Function = Function {
    name: "replace_pattern",
    area: Area::Text,
    signatures: &["(t: text, pattern: const text, by: text) -> text"],
    summary: "The text with everything that a regular expression finds replaced.",
    doc: "The pattern is that of `matches`; what it is replaced by is plain text, the same for every find. To use what was found: `capture`.",
    examples: &[
        Example { source: "\"+47 22 00 11 22\".replace_pattern('[^0-9]', \"\")", result: "\"4722001122\"" },
        Example { source: "\"a  b\\tc\".replace_pattern('\\s+', \" \")", result: "\"a b c\"" },
        Example { source: "\"abc\".replace_pattern('[0-9]', \"\")", result: "\"abc\"" },
        Example { source: "\"a1\".replace_pattern('([0-9])', \"$1\")", result: "\"a$1\"" },
    ],
    prepare: Some(prepare),
    gives: None,
    run: |call, out| give(run(call), out),
};

fn prepare(args: &[Option<Value>]) -> Result<Prepared, (usize, String)> {
    Ok(Arc::new(regex(args)?))
}

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let (text, by) = (call.text(0)?, call.text(2)?);
    let Some(regex) = call.prepared::<Regex>() else {
        return Err(Failure::kind("the pattern must be a constant text"));
    };
    let (mut replaced, mut kept) = (String::new(), 0);
    for found in regex.find_iter(text) {
        replaced.push_str(&text[kept..found.start()]);
        replaced.push_str(by);
        kept = found.end();
        call.room(replaced.len())?;
    }
    replaced.push_str(&text[kept..]);
    Ok(Value::from(replaced))
}
