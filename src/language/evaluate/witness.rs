//! Who looks on while an expression is evaluated: `flowctl eval --explain`, coverage. A witness is told what happens and
//! changes nothing of it; only a watch, which asks what would be missed, puts something else in the place of a side.
//!
//! The evaluator is compiled once for each kind of witness; for `()`, which hears nothing, that costs nothing. Events
//! nest: between `enter` and `leave` of an operation lie those of its operands, in the order in which they are worked
//! out. What is not worked out (the other branch, the right side of a `??` that is not needed) is not told.

use super::{Context, EvalError, Instead, Unit, machine::Machine};
use crate::diagnostics::Span;
use crate::language::Expression;
use crate::language::code::{Code, Routine, Row, Table};
use crate::value::{Record, Text, Value};

/// Hears what an evaluation does. Every method may be left as it is.
pub trait Witness {
    /// `false`: hears nothing, so that nothing needs to be told and short ways may be taken.
    const HEARS: bool = true;

    /// An operation begins.
    fn enter(&mut self, _code: &Code) {}

    /// The operation that was entered last ends with its value; with `None` where it has none: an error, a `?` that
    /// found nothing, a fraction inside a tree of arithmetic that does not end as a decimal.
    fn leave(&mut self, _code: &Code, _value: Option<&Value>) {}

    /// A `fn` or mapping begins: inside the `enter` and `leave` of its call, behind the arguments, whose values are its
    /// first slots. First of all the evaluated expression itself, whose inputs are its first slots.
    fn call(&mut self, _routine: &Routine) {}

    /// The routine that was called last ends.
    fn back(&mut self) {}

    /// A variable of the routine takes a value.
    fn bind(&mut self, _slot: usize, _value: &Value, _from: Bound) {}

    /// An assignment begins: `a.b = …`.
    fn assign(&mut self, _path: &[Text], _span: Span) {}

    /// The assignment that began last ends; `None` after an error.
    fn assigned(&mut self, _value: Option<&Value>) {}

    /// `...record` of the value that was just left.
    fn spread(&mut self, _record: &Record) {}

    /// A table is asked for the keys that were just left; `None`: no row fits, its `else` decides.
    fn row(&mut self, _table: &Table, _row: Option<&Row>) {}

    /// A side is taken. Only a [`Watch`](super::Watch) ever puts something else in its place.
    fn instead(&mut self, _unit: Unit) -> Option<Instead> {
        None
    }
}

/// Where a variable has its value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The operation that was just left: a `let`, what a `match` looks at.
    Value,
    /// That element of the list that a `for` goes through.
    Element(usize),
    /// The count of a `for`.
    Count,
    /// A built-in that calls its lambda.
    Lambda,
    /// The error that a `catch` took.
    Error,
}

/// Nobody.
impl Witness for () {
    const HEARS: bool = false;
}

impl Expression {
    /// As [`Expression::evaluate`], told to a witness.
    pub fn witness(
        &self,
        inputs: &[Value],
        context: &Context<'_>,
        witness: &mut impl Witness,
    ) -> Result<Value, EvalError> {
        Machine::run(self, inputs, context, witness)
    }
}
