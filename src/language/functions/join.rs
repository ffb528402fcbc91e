//! `join`: texts as one.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::evaluate::describe;

pub static FUNCTION: Function = Function {
    name: "join",
    area: Area::Lists,
    signatures: &["(xs: list<text>, between: text) -> text"],
    summary: "The texts of a list as one, with a text between them.",
    doc: "",
    examples: &[
        Example { source: "[\"a\", \"b\", \"c\"].join(\", \")", result: "\"a, b, c\"" },
        Example { source: "[].join(\", \")", result: "\"\"" },
        Example { source: "[\"a\", \"\", \"b\"].present().join(\"-\")", result: "\"a-b\"" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let between = call.text(1)?;
    let items = call.list(0)?;
    let mut text = String::new();
    for (n, item) in items.iter().enumerate() {
        let Value::Text(part) = item else {
            return Err(Failure::kind(format!("expected a list of texts, got {} at {n}", describe(item))));
        };
        if n > 0 {
            text.push_str(between);
        }
        text.push_str(part);
        call.room(text.len())?;
    }
    Ok(Value::Text(text.into()))
}
