//! Tree → code: names, types, narrowing. Every finding of every file, no cascades.

use super::filter::Filter;
use super::types::Type;
use super::{Expression, Inputs, Library, SourceText};
use crate::diagnostics::{Diagnostic, Sources};
use crate::value::Text;

/// The names that one file defines and uses.
pub struct FileScope {}

/// What a flow's slot sees beside the built-ins.
pub struct SlotScope<'a> {
    pub library: &'a Library,
    pub inputs: &'a Inputs<'a>,
    /// The flow's `use:` entries, resolved to paths from the project root (or `std:NAME`).
    pub uses: &'a [String],
    /// The slot's inputs in their order: `event`, `trigger`, `steps`, `run`, loop variables, `error`, `row`.
    pub variables: &'a [(Text, Type)],
    /// What a `when` of the step or of the case has established.
    pub facts: &'a [Fact],
}

/// Something that holds of a path, for narrowing: `steps.known` is not missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// `steps`, `known`: a variable and constant steps from it.
    pub path: Vec<Text>,
    /// `true`: is certainly there; `false`: is certainly missing.
    pub not_missing: Option<bool>,
    /// `true`: is certainly not null; `false`: is certainly null.
    pub not_null: Option<bool>,
}

/// A checked slot.
pub struct Checked {
    pub expression: Expression,
    /// What holds where a condition was true, and where it was false.
    pub when_true: Vec<Fact>,
    pub when_false: Vec<Fact>,
    /// Paths from variables that the expression reads (`steps.order.id` → `["steps", "order", "id"]`), for the graph's edges.
    pub reads: Vec<Vec<Text>>,
    /// Record written out or a mapping's call: fields that are assigned on every path, and on some path. `None` where
    /// the checker cannot tell (a value of type `any`, a variable: then the type's fields that may be missing count).
    pub assigns: Option<Assigned>,
}

/// Which fields of a result are always, and which ever, assigned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assigned {
    pub always: Vec<Text>,
    pub sometimes: Vec<Text>,
}

pub(super) fn library(_inputs: &Inputs<'_>, _sources: &mut Sources) -> (Library, Vec<Diagnostic>) {
    unimplemented!()
}

impl SlotScope<'_> {
    /// Compiles an expression slot. With `want`, its value has to fit that type (and the type reaches into branches).
    pub fn expression(&self, _text: &SourceText, _want: Option<&Type>) -> (Option<Checked>, Vec<Diagnostic>) {
        unimplemented!()
    }

    /// Compiles a text slot: gives text.
    pub fn text(&self, _text: &SourceText) -> (Option<Checked>, Vec<Diagnostic>) {
        unimplemented!()
    }

    /// Compiles a `where`: a condition over `row` of that type. Whether the system can express it is the caller's to ask.
    pub fn filter(&self, _text: &SourceText, _row: &Type) -> (Option<Filter>, Vec<Diagnostic>) {
        unimplemented!()
    }

    /// The `mapping` or `fn` of that name in that file, as something to evaluate with its parameters as inputs.
    pub fn routine(&self, _file: &str, _name: &str) -> Option<Expression> {
        unimplemented!()
    }
}
