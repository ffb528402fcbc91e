//! `entries`: keys and values of a map.

use super::{Area, Call, Example, Failure, Function, Value, give, list, record};
use crate::value::Text;

pub static FUNCTION: Function = Function {
    name: "entries",
    area: Area::Records,
    signatures: &["(m: map<T>) -> list<{ key: text, value: T }>", "(m: map<any>) -> list<{ key: text, value: any }>"],
    summary: "The entries of a map or record, `{ key, value }`, in their order.",
    doc: "Of a record whose fields differ in type the values are `any`. `index_by(e => e.key, e => e.value)` makes a map of entries again.",
    examples: &[
        Example { source: "{ a = 1, b = 2 }.entries().map(e => \"{e.key}={e.value}\")", result: "[\"a=1\", \"b=2\"]" },
        Example { source: "{ a = 1, b = 2 }.entries().filter(e => e.value > 1).index_by(e => e.key, e => e.value)[\"b\"]", result: "2" },
        Example { source: "{ a = missing }.entries()", result: "[]" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let map = call.record(0)?;
    call.charge(map.len())?;
    let entry = |(key, value): (&Text, &Value)| record([("key", Value::Text(key.clone())), ("value", value.clone())]);
    Ok(list(map.iter().map(entry).collect()))
}
