//! `lines`: the lines of a text.

use super::{Area, Call, Example, Failure, Function, Value, give, list};

pub static FUNCTION: Function = Function {
    name: "lines",
    area: Area::Text,
    signatures: &["(t: text) -> list<text>"],
    summary: "The lines of a text, without their ends.",
    doc: "A line ends with LF, CR LF or CR; the last one may do without. An empty text has no line. `xs.join(\"\\n\")` puts lines together.",
    examples: &[
        Example { source: "\"1 Main St\\r\\nFlat 2\".lines()", result: "[\"1 Main St\", \"Flat 2\"]" },
        Example { source: "\"a\\n\\nb\\n\".lines()", result: "[\"a\", \"\", \"b\"]" },
        Example { source: "\"\".lines()", result: "[]" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    let mut lines = vec![];
    let mut rest = text.as_str();
    while !rest.is_empty() {
        call.charge(1)?;
        let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
        let (line, behind) = rest.split_at(end);
        lines.push(Value::from(line));
        rest = behind.strip_prefix("\r\n").or(behind.get(1..)).unwrap_or_default();
    }
    Ok(list(lines))
}
