//! `index_by`: a map of elements by key.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::evaluate::{describe, quote};
use crate::value::Record;

pub static FUNCTION: Function = Function {
    name: "index_by",
    area: Area::Lists,
    signatures: &["(xs: list<T>, f: (T) => text) -> map<T>", "(xs: list<T>, f: (T) => text, g: (T) => U) -> map<U>"],
    summary: "A map of the elements by key; with a second lambda, of what it gives.",
    doc: "For looking up many times: `let by_sku = rows.index_by(r => r.sku)`, then `by_sku[sku]?`. A key that comes twice is an error: `distinct(f)` keeps the first, `group_by(f)` all.",
    examples: &[
        Example { source: "[{ sku = \"a\", price = 1 }, { sku = \"b\", price = 2 }].index_by(p => p.sku, p => p.price)[\"b\"]", result: "2" },
        Example { source: "json([\"x\", \"y\"].index_by(t => t.upper()))", result: "'{\"X\":\"x\",\"Y\":\"y\"}'" },
        Example { source: "[\"a\", \"a\"].index_by(t => t)", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let mut map = Record::new();
    for item in call.list(0)?.iter() {
        let key = match call.lambda(1, std::slice::from_ref(item))? {
            Value::Text(key) => key,
            other => return Err(Failure::kind(format!("expected text as key, got {}", describe(&other)))),
        };
        if map.contains(&key) {
            let twice = quote(&key);
            return Err(Failure::value(format!("the key {twice} comes twice: `distinct(f)` keeps the first, `group_by(f)` all")));
        }
        let value = if call.len() > 2 { call.lambda(2, std::slice::from_ref(item))? } else { item.clone() };
        if value != Value::Missing {
            map.set(key, value);
        }
    }
    Ok(Value::Record(map))
}
