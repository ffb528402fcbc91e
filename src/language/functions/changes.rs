//! `changes`: what an update has to write.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::types::{Field, Kind, RecordType, Type};
use crate::value::Record;

pub static FUNCTION: Function = Function {
    name: "changes",
    area: Area::Records,
    signatures: &["(current: T?, wanted: U) -> U"],
    summary: "The fields of `wanted` that differ from `current`.",
    doc: "Nested records field by field; null equals absent; numbers by value. An update whose body is empty is not sent.",
    examples: &[
        Example { source: "json(changes({ a = 1, b = \"x\" }, { a = 1.0, b = \"y\" }))", result: "'{\"b\":\"y\"}'" },
        Example { source: "json(changes(missing, { a = 1 }))", result: "'{\"a\":1}'" },
        Example { source: "json(changes({ a = { b = 1, c = 2 }, d = 1 }, { a = { b = 1, c = 3 } }))", result: "'{\"a\":{\"c\":3}}'" },
        Example { source: "json(changes({ a = 1 }, { b = null }))", result: "'{}'" },
    ],
    prepare: None,
    gives: Some(gives),
    run: |call, out| give(run(call), out),
};

/// `wanted`, each of whose fields may be left out.
fn gives(types: &[Type], _: &[Option<Value>]) -> Result<Option<Type>, (usize, String)> {
    let Some(wanted) = types.get(1) else { return Ok(None) };
    let Kind::Record(record) = &wanted.kind else { return Ok(Some(wanted.clone())) };
    let optional = |field: &Field| Field { ty: field.ty.clone().or_missing(), ..field.clone() };
    let fields = record.fields.iter().map(|(name, field)| (name.clone(), optional(field))).collect();
    Ok(Some(Type::record(RecordType { name: record.name.clone(), fields })))
}

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let wanted = call.record(1)?;
    let nothing = Record::default();
    let current = match call.peek(0) {
        Some(Value::Missing | Value::Null) => &nothing,
        _ => call.record(0)?,
    };
    call.charge(wanted.len())?;
    Ok(Value::Record(differing(current, wanted)))
}

fn differing(current: &Record, wanted: &Record) -> Record {
    let fields = wanted.iter().filter_map(|(name, wanted)| {
        let value = match (current.get(name).unwrap_or(&Value::Null), wanted) {
            (Value::Null | Value::Missing, Value::Null) => return None,
            (Value::Record(current), Value::Record(wanted)) => {
                let inner = differing(current, wanted);
                if inner.is_empty() {
                    return None;
                }
                Value::Record(inner)
            }
            (current, wanted) if current == wanted => return None,
            (_, wanted) => wanted.clone(),
        };
        Some((name.clone(), value))
    });
    fields.collect()
}
