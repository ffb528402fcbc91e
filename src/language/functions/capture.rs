//! `capture`: what a pattern finds.

use super::{Area, Call, Example, Failure, Function, Prepared, Text, Value, give};
use super::matches::regex;
use crate::language::types::{Field, RecordType, Type};
use regex::Regex;
use std::sync::Arc;

pub static FUNCTION: Function = Function {
    name: "capture",
    area: Area::Text,
    signatures: &["(t: text, pattern: const text) -> text?"],
    summary: "The part of a text that a regular expression finds; missing where it finds nothing.",
    doc: "The pattern is that of `matches`. Without a group it gives what was found, with one group `(…)` what stands in it. Several groups are named, `(?<year>[0-9]{4})`, and give a record of texts by those names. A group that took no part in the match is missing.",
    examples: &[
        Example { source: "\"Order INV-0042 of May\".capture('INV-[0-9]+') ?? \"none\"", result: "\"INV-0042\"" },
        Example { source: "\"Order INV-0042\".capture('INV-([0-9]+)') ?? \"none\"", result: "\"0042\"" },
        Example { source: "\"2026-03\".capture('^(?<year>[0-9]{4})-(?<month>[0-9]{2})$').month", result: "\"03\"" },
        Example { source: "\"none here\".capture('INV-([0-9]+)') ?? \"none\"", result: "\"none\"" },
    ],
    prepare: Some(prepare),
    gives: Some(gives),
    run: |call, out| give(run(call), out),
};

/// The names of the groups, empty where the pattern has at most one group.
fn groups(regex: &Regex) -> Result<Vec<Text>, String> {
    let names: Vec<Option<&str>> = regex.capture_names().skip(1).collect();
    match names.as_slice() {
        [] | [None] => Ok(vec![]),
        names => names
            .iter()
            .map(|name| name.map(Text::from).ok_or("several groups have names, as in (?<year>[0-9]{4})".into()))
            .collect(),
    }
}

struct Capture {
    regex: Regex,
    groups: Vec<Text>,
}

fn prepare(args: &[Option<Value>]) -> Result<Prepared, (usize, String)> {
    let regex = regex(args)?;
    let groups = groups(&regex).map_err(|why| (1, why))?;
    Ok(Arc::new(Capture { regex, groups }))
}

fn gives(_: &[Type], constants: &[Option<Value>]) -> Result<Option<Type>, (usize, String)> {
    let groups = groups(&regex(constants)?).map_err(|why| (1, why))?;
    if groups.is_empty() {
        return Ok(None);
    }
    let fields = groups.into_iter().map(|name| (name, Field::plain(Type::text().or_missing()))).collect();
    Ok(Some(Type::record(RecordType { name: None, fields }).or_missing()))
}

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    let Some(Capture { regex, groups }) = call.prepared() else {
        return Err(Failure::kind("the pattern must be a constant text"));
    };
    let Some(found) = regex.captures(text) else { return Ok(Value::Missing) };
    if groups.is_empty() {
        let part = found.get(if found.len() > 1 { 1 } else { 0 });
        return Ok(part.map_or(Value::Missing, |part| Value::from(part.as_str())));
    }
    let fields = groups.iter().filter_map(|name| Some((name.clone(), Value::from(found.name(name)?.as_str()))));
    Ok(Value::Record(fields.collect()))
}
