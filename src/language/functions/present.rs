//! `present`: the value, or missing where there is nothing in it.

use super::{Area, Call, Example, Failure, Function, Value, give, list};

pub static FUNCTION: Function = Function {
    name: "present",
    area: Area::Absence,
    signatures: &["(xs: list<T?>) -> list<T>", "(x: T?) -> T?"],
    summary: "Missing for missing, null and blank text; a list without such elements.",
    doc: "Blank is empty, or only space, tab, CR and LF.",
    examples: &[
        Example { source: "present(\" \") ?? \"none\"", result: "\"none\"" },
        Example { source: "present(\"a\") ?? \"none\"", result: "\"a\"" },
        Example { source: "[\"a\", \"\", \"b\"].present()", result: "[\"a\", \"b\"]" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    if let Some(Value::List(items)) = call.peek(0) {
        call.charge(items.len())?;
        return Ok(list(items.iter().filter(|item| !item.is_blank()).cloned().collect()));
    }
    match call.value(0)? {
        value if value.is_blank() => Ok(Value::Missing),
        value => Ok(value),
    }
}
