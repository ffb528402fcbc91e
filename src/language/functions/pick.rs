//! `pick`: some fields of a record.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::diagnostics::did_you_mean;
use crate::language::evaluate::describe;
use crate::language::types::{Kind, RecordType, Type};
use std::collections::HashSet;

pub static FUNCTION: Function = Function {
    name: "pick",
    area: Area::Records,
    signatures: &["(r: map<T>, names: list<text>) -> map<T>", "(r: map<any>, names: list<text>) -> map<any>"],
    summary: "A record with only these fields, in the order in which it has them.",
    doc: "Names that it has not are left out. Of a record whose type is known, names that are written out give a record of just those fields, and one that it cannot have does not compile.",
    examples: &[
        Example { source: "{ id = \"a\", note = \"x\", n = 1 }.pick([\"n\", \"id\"])", result: "{ id = \"a\", n = 1 }" },
        Example { source: "parse_json(\"\\{\\\"a\\\":1}\").pick([\"b\"])", result: "parse_json(\"\\{}\")" },
        Example { source: "parse_json(\"[1]\").pick([\"b\"])", result: "error type" },
    ],
    prepare: None,
    gives: Some(gives),
    run: |call, out| give(run(call), out),
};

fn gives(types: &[Type], constants: &[Option<Value>]) -> Result<Option<Type>, (usize, String)> {
    of_known(types, constants, |names, name| names.contains(&name))
}

/// The fields of a record that stay where their names are written out.
pub(super) fn of_known(
    types: &[Type],
    constants: &[Option<Value>],
    stays: fn(&[&str], &str) -> bool,
) -> Result<Option<Type>, (usize, String)> {
    let Some(Type { kind: Kind::Record(record), .. }) = types.first() else { return Ok(None) };
    let Some(Some(Value::List(names))) = constants.get(1) else { return Ok(None) };
    let names: Vec<&str> = names.iter().filter_map(Value::as_text).map(|name| &**name).collect();
    if let Some(unknown) = names.iter().find(|name| !record.fields.contains_key(**name)) {
        let near = did_you_mean(unknown, record.fields.keys().map(|name| &**name));
        let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        let of = record.name.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        return Err((1, format!("{unknown:?} is no field{of}{near}")));
    }
    let fields = record.fields.iter().filter(|(name, _)| stays(&names, name));
    let fields = fields.map(|(name, field)| (name.clone(), field.clone())).collect();
    Ok(Some(Type::record(RecordType { name: None, fields })))
}

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    select(call, true)
}

/// The fields that are named, or all others.
pub(super) fn select(call: &mut Call<'_, '_>, named: bool) -> Result<Value, Failure> {
    let (record, list) = (call.record(0)?, call.list(1)?);
    call.charge(record.len() + list.len())?;
    let mut names = HashSet::new();
    for name in list.iter() {
        match name {
            Value::Text(name) => names.insert(&**name),
            other => return Err(Failure::kind(format!("expected a list of texts, got {} in it", describe(other)))),
        };
    }
    let fields = record.iter().filter(|(name, _)| names.contains(&***name) == named);
    Ok(Value::Record(fields.map(|(name, value)| (name.clone(), value.clone())).collect()))
}
