//! `merge`: two records in one.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::check::join;
use crate::language::types::{Field, Kind, RecordType, Type};

pub static FUNCTION: Function = Function {
    name: "merge",
    area: Area::Records,
    signatures: &["(a: map<any>, b: map<any>) -> map<any>"],
    summary: "One record with the fields of two; where both have one, it is the second's.",
    doc: "As `{ ...a ...b }` writes it out: null replaces, what is missing does not, fields of fields are not merged. Keeps the types of records and maps.",
    examples: &[
        Example { source: "json(merge({ a = 1, b = 1 }, { b = 2, c = 2 }))", result: "'{\"a\":1,\"b\":2,\"c\":2}'" },
        Example { source: "json(merge({ a = 1 }, { a = null }))", result: "'{\"a\":null}'" },
        Example { source: "merge({ a = 1 }, { a = missing }).a", result: "1" },
        Example { source: "merge(parse_json(\"1\"), { a = 1 })", result: "error type" },
    ],
    prepare: None,
    gives: Some(gives),
    run: |call, out| give(run(call), out),
};

fn gives(types: &[Type], _: &[Option<Value>]) -> Result<Option<Type>, (usize, String)> {
    let [a, b] = types else { return Ok(None) };
    if let (Kind::Record(a), Kind::Record(b)) = (&a.kind, &b.kind) {
        let mut fields = a.fields.clone();
        for (name, second) in &b.fields {
            let field = match a.fields.get(name) {
                Some(first) if second.ty.missing => {
                    let Some(both) = join(&first.ty, &second.ty) else {
                        return Err((1, format!("`{name}` is {}, and {} in the first", second.ty, first.ty)));
                    };
                    Field::plain(Type { missing: first.ty.missing, ..both })
                }
                _ => second.clone(),
            };
            fields.insert(name.clone(), field);
        }
        return Ok(Some(Type::record(RecordType { name: None, fields })));
    }
    Ok(join(a, b))
}

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let (mut merged, second) = (call.record(0)?.clone(), call.record(1)?);
    call.charge(merged.len() + second.len())?;
    for (name, value) in second.iter() {
        merged.set(name.clone(), value.clone());
    }
    Ok(Value::Record(merged))
}
