//! `chunk`: a list in pieces.

use super::{Area, Call, Example, Failure, Function, Value, give, list};

pub static FUNCTION: Function = Function {
    name: "chunk",
    area: Area::Lists,
    signatures: &["(xs: list<T>, n: int) -> list<list<T>>"],
    summary: "Cuts a list into lists of `n` elements; the last one may be shorter.",
    doc: "For systems that take only so many rows at a time. `n` is at least 1.",
    examples: &[
        Example { source: "[1, 2, 3, 4, 5].chunk(2)", result: "[[1, 2], [3, 4], [5]]" },
        Example { source: "[1].chunk(0)", result: "error value" },
        Example { source: "[].chunk(2)", result: "[]" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let items = call.list(0)?;
    let size = call.size(1)?;
    if size == 0 {
        return Err(Failure::value("expected at least 1 element a piece, got 0"));
    }
    call.charge(items.len())?;
    Ok(list(items.chunks(size).map(|piece| list(piece.to_vec())).collect()))
}
