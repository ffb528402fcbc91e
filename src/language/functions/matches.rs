//! `matches`: a pattern somewhere in a text.

use super::{Call, Example, Failure, Function, Prepared, Value};
use regex::{Regex, RegexBuilder};
use std::sync::Arc;

pub static FUNCTION: Function = Function {
    name: "matches",
    signatures: &["(t: text, pattern: const text) -> bool"],
    summary: "Whether a regular expression finds something in a text.",
    doc: "The pattern is compiled with the mapping, in linear time, without look-around. `^…$` for the whole text; raw quotes \
          `'…'` spare escapes.",
    examples: &[
        Example { source: "\"INV-0042\".matches('^INV-[0-9]+$')", result: "true" },
        Example { source: "\"0042\".matches('^INV')", result: "false" },
    ],
    prepare: Some(prepare),
    run,
};

/// Keeps the compiled pattern of a payload-sized automaton out of reach.
const SIZE: usize = 1 << 20;

fn prepare(args: &[Option<Value>]) -> Result<Prepared, (usize, String)> {
    let Some(Some(Value::Text(pattern))) = args.get(1) else {
        return Err((1, "the pattern must be a constant text".into()));
    };
    let regex = RegexBuilder::new(pattern).size_limit(SIZE).build().map_err(|error| {
        let reason = error.to_string();
        (
            1,
            format!(
                "no regular expression: {}",
                reason.lines().last().unwrap_or_default().trim_start_matches("error: ")
            ),
        )
    })?;
    Ok(Arc::new(regex))
}

fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    match call.prepared::<Regex>() {
        Some(regex) => Ok(Value::Bool(regex.is_match(&text))),
        None => Err(Failure::kind("the pattern must be a constant text")),
    }
}
