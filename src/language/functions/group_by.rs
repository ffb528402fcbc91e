//! `group_by`: elements with one key together.

use super::{Area, Call, Example, Failure, Function, Value, canonical, give, list, record};
use indexmap::IndexMap;

pub static FUNCTION: Function = Function {
    name: "group_by",
    area: Area::Lists,
    signatures: &["(xs: list<T>, f: (T) => K) -> list<{ key: K, items: list<T> }>"],
    summary: "Groups elements by key: `{ key, items }` in order of first appearance.",
    doc: "Keys are compared by value: `1.0` and `1` are the same.",
    examples: &[
        Example { source: "[1, 2, 3].group_by(n => n % 2).map(g => g.items.count())", result: "[2, 1]" },
        Example { source: "[\"b\", \"a\", \"b\"].group_by(t => t).map(g => g.key)", result: "[\"b\", \"a\"]" },
        Example { source: "[].group_by(n => n)", result: "[]" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let mut groups: IndexMap<String, (Value, Vec<Value>)> = IndexMap::new();
    for item in call.list(0)?.iter() {
        let key = call.lambda(1, std::slice::from_ref(item))?;
        let name = canonical(&key);
        call.charge(name.len() / 64)?;
        groups.entry(name).or_insert_with(|| (key, vec![])).1.push(item.clone());
    }
    Ok(list(groups.into_values().map(|(key, items)| record([("key", key), ("items", list(items))])).collect()))
}
