//! Paths by reference: `invoice.customer_address?.line1?` points into the data, and only what is found at its end is
//! copied.
//!
//! This is a short way and nothing else: it gives up on all that needs an operation, a conversion or an error, and then
//! the operation itself is run, which says the same of everything else.

use super::Witness;
use super::machine::{DEPTH, Machine};
use super::see::{self, Look};
use crate::language::code::{Code, Op, Step};
use crate::value::Value;

/// What an expression points at.
pub(super) enum Peek<'v> {
    At(&'v Value),
    /// A `?` found nothing.
    Nothing,
    /// It has to be worked out.
    Unknown,
}

impl<'e, W: Witness> Machine<'e, '_, W> {
    /// Looks where an expression points. A witness is told of every operation, so that there is no short way with one.
    pub(super) fn peek(&self, code: &'e Code) -> Peek<'_> {
        match W::HEARS {
            true => Peek::Unknown,
            false => self.look(code, DEPTH.saturating_sub(self.depth)),
        }
    }

    /// `left`: how much deeper it may go.
    fn look(&self, code: &'e Code, left: usize) -> Peek<'_> {
        let Some(left) = left.checked_sub(1) else { return Peek::Unknown };
        match &code.op {
            Op::Const(value) => Peek::At(value),
            Op::Local(slot) => Peek::At(self.slot(*slot)),
            Op::Settings => Peek::At(self.context.settings),
            Op::Field { base, name, step } => {
                // A path begins with a variable: one look less.
                let base = match &base.op {
                    Op::Local(slot) => Peek::At(self.slot(*slot)),
                    _ => self.look(base, left),
                };
                match base {
                    Peek::At(Value::Record(record)) => found(step.find(record, name), step),
                    Peek::Nothing => Peek::Nothing,
                    _ => Peek::Unknown,
                }
            }
            Op::Index { base, index, step } => match (self.look(base, left), &index.op) {
                (Peek::At(Value::List(items)), Op::Const(index)) => found(see::element(items, index), step),
                (Peek::Nothing, _) => Peek::Nothing,
                _ => Peek::Unknown,
            },
            Op::Maybe(inner) => match self.look(inner, left) {
                Peek::At(Value::Missing | Value::Null) => Peek::Nothing,
                other => other,
            },
            Op::Chain(inner) => match self.look(inner, left) {
                Peek::Nothing => Peek::At(&Value::Missing),
                other => other,
            },
            Op::Coalesce(value, otherwise) => match self.look(value, left) {
                Peek::At(Value::Missing | Value::Null) | Peek::Nothing => self.look(otherwise, left),
                other => other,
            },
            _ => Peek::Unknown,
        }
    }
}

#[inline]
fn found<'v>(found: Option<&'v Value>, step: &Step) -> Peek<'v> {
    let value = found.unwrap_or(&Value::Missing);
    if step.is_plain(value) {
        return Peek::At(value);
    }
    match see::look(value, &step.ty) {
        Look::Same => Peek::At(value),
        Look::Absent if step.tolerant => Peek::Nothing,
        Look::Absent if step.ty.missing => Peek::At(&Value::Missing),
        _ => Peek::Unknown,
    }
}
