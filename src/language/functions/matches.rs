//! `matches`: a pattern somewhere in a text.

use super::{Area, Call, Example, Failure, Function, Prepared, Value, give};
use regex::{Regex, RegexBuilder};
use std::sync::Arc;

pub static FUNCTION: Function = Function {
    name: "matches",
    area: Area::Text,
    signatures: &["(t: text, pattern: const text) -> bool"],
    summary: "Whether a regular expression finds something in a text.",
    doc: "The pattern is compiled with the mapping, in linear time, without look-around. `^…$` for the whole text; `(?i)` \
          in front makes capitals equal; raw quotes `'…'` spare escapes.",
    examples: &[
        Example { source: "\"INV-0042\".matches('^INV-[0-9]+$')", result: "true" },
        Example { source: "\"0042\".matches('^INV')", result: "false" },
        Example { source: "\"inv-1\".matches('(?i)^INV')", result: "true" },
    ],
    prepare: Some(prepare),
    gives: None,
    run: |call, out| give(run(call), out),
};

/// Keeps the compiled pattern of a payload-sized automaton out of reach.
const SIZE: usize = 1 << 20;

fn prepare(args: &[Option<Value>]) -> Result<Prepared, (usize, String)> {
    Ok(Arc::new(regex(args)?))
}

/// The second argument as a regular expression.
pub(super) fn regex(args: &[Option<Value>]) -> Result<Regex, (usize, String)> {
    let Some(Some(Value::Text(pattern))) = args.get(1) else {
        return Err((1, "the pattern must be a constant text".into()));
    };
    RegexBuilder::new(pattern).size_limit(SIZE).build().map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
        (1, format!("no regular expression: {reason}"))
    })
}

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    match call.prepared::<Regex>() {
        Some(regex) => Ok(Value::Bool(regex.is_match(text))),
        None => Err(Failure::kind("the pattern must be a constant text")),
    }
}
