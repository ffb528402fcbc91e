//! `changes`: what an update has to write.

use super::{Call, Example, Failure, Function, Value};
use crate::value::Record;

pub static FUNCTION: Function = Function {
    name: "changes",
    signatures: &["(current: T?, wanted: U) -> U"],
    summary: "The fields of `wanted` that differ from `current`.",
    doc: "Nested records field by field; null equals absent; numbers by value. An update whose body is empty is not sent.",
    examples: &[
        Example { source: "json(changes({ a = 1, b = \"x\" }, { a = 1.0, b = \"y\" }))", result: "'{\"b\":\"y\"}'" },
        Example { source: "json(changes(missing, { a = 1 }))", result: "'{\"a\":1}'" },
    ],
    prepare: None,
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let wanted = call.record(1)?;
    let current = match call.value(0)? {
        Value::Missing | Value::Null => Record::default(),
        _ => call.record(0)?,
    };
    call.charge(wanted.len())?;
    Ok(Value::Record(differing(&current, &wanted)))
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
