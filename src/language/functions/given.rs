//! `given`: whether there is something.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "given",
    area: Area::Absence,
    signatures: &["(x: T?) -> bool"],
    summary: "False for missing, null and blank text, else true.",
    doc: "Blank is empty, or only space, tab, CR and LF. Narrows: behind it the value is there.",
    examples: &[
        Example { source: "given(\" \")", result: "false" },
        Example { source: "given(missing)", result: "false" },
        Example { source: "given(0)", result: "true" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    Ok(Value::Bool(!call.value(0)?.is_blank()))
}
