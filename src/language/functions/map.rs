//! `map`: something for every element.

use super::{Area, Call, Example, Failure, Function, Value, give, list};

pub static FUNCTION: Function = Function {
    name: "map",
    area: Area::Lists,
    signatures: &["(xs: list<T>, f: (T) => U) -> list<U>"],
    summary: "What the lambda gives for every element, in their order.",
    doc: "`for x in xs => …` says the same and can filter and count.",
    examples: &[Example { source: "[1, 2].map(n => n * 10)", result: "[10, 20]" },
        Example { source: "[1, 2].map(n => { id = n })", result: "[{ id = 1 }, { id = 2 }]" },
        Example { source: "[].map(n => n)", result: "[]" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let items = call.list(0)?;
    let mut mapped = Vec::with_capacity(items.len());
    for item in items.iter() {
        mapped.push(call.lambda(1, std::slice::from_ref(item))?);
    }
    Ok(list(mapped))
}
