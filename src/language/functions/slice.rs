//! `slice`: a part by position.

use super::{Area, Call, Example, Failure, Function, Value, give, list};
use crate::language::evaluate::describe;

pub static FUNCTION: Function = Function {
    name: "slice",
    area: Area::Text,
    signatures: &["(t: text, from: int) -> text", "(t: text, from: int, to: int) -> text", "(xs: list<T>, from: int) -> list<T>", "(xs: list<T>, from: int, to: int) -> list<T>"],
    summary: "The part of a text or list from one position up to another, or to the end.",
    doc: "Positions count characters (code points) or elements from 0; what stands at `to` is not in it. Cut at the end where there are not so many; a negative position, or `to` before `from`, is an error.",
    examples: &[
        Example { source: "\"INV-0042\".slice(4)", result: "\"0042\"" },
        Example { source: "\"20260301\".slice(4, 6)", result: "\"03\"" },
        Example { source: "[1, 2, 3].slice(1, 2)", result: "[2]" },
        Example { source: "\"abc\".slice(2, 9)", result: "\"c\"" },
        Example { source: "\"abc\".slice(2, 1)", result: "error value" },
        Example { source: "\"abc\".slice(-1)", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let from = call.size(1)?;
    let to = if call.len() > 2 { call.size(2)? } else { usize::MAX };
    let Some(length) = to.checked_sub(from) else {
        return Err(Failure::value(format!("expected an end from {from}, got {to}")));
    };
    match call.value(0)? {
        Value::Text(text) => {
            let place = |rest: &str, n| rest.char_indices().nth(n).map_or(rest.len(), |(at, _)| at);
            let rest = text.split_at(place(&text, from)).1;
            Ok(Value::from(rest.split_at(place(rest, length)).0))
        }
        Value::List(items) => {
            let part: Vec<Value> = items.iter().skip(from).take(length).cloned().collect();
            call.charge(part.len())?;
            Ok(list(part))
        }
        other => Err(Failure::kind(format!("expected text or a list, got {}", describe(&other)))),
    }
}
