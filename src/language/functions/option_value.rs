//! `option_value`: the value behind what people call an option.

use super::option_label::{Options, WRITTEN_OUT};
use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::evaluate::ErrorCode;

pub static FUNCTION: Function = Function {
    name: "option_value",
    area: Area::Records,
    signatures: &["(column: const text, label: text) -> any"],
    summary: "The value of an option that people know by its label.",
    doc: "The column is named by its type: `SYSTEM.TABLE.COLUMN`, the project's own columns among them (`x-options` of its types). A label that is written out is looked for while compiling; one that is calculated and not there is a `data` error (`no_row`). Capitals count. Its type is the column's.",
    examples: &[
        Example { source: "option_value(\"dataverse.incidents.prioritycode\", \"High\")", result: "1" },
        Example { source: "option_value(\"dataverse.incidents.prioritycode\", trim(\" Low \"))", result: "3" },
        Example { source: "option_value(\"dataverse.incidents.prioritycode\", trim(\" low \"))", result: "error no_row" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let label = call.text(1)?;
    let Some(set) = call.prepared::<Options>() else { return Err(Failure::kind(WRITTEN_OUT)) };
    set.value(label).map_err(|why| Failure::new(ErrorCode::NoRow, why))
}
