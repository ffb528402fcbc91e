//! Paths by reference: `invoice.customer_address?.line1?` points into the data, and only what is found at its end is
//! copied.
//!
//! This is a short way and nothing else: it gives up on all that needs an operation, a conversion or an error, and then
//! the operation itself is run, which says the same of everything else.

use super::Witness;
use super::machine::{DEPTH, Machine};
use super::see::{self, Look};
use crate::language::code::{Code, Op, Step};
use crate::language::path::{Path, PathStep, Root};
use crate::value::Value;

/// What an expression points at.
pub(super) enum Peek<'v> {
    At(&'v Value),
    /// A `?` found nothing.
    Nothing,
    /// It has to be worked out.
    Unknown,
}

/// What there is to point at.
#[derive(Clone, Copy)]
pub(super) struct Scene<'v> {
    /// The variables of a routine.
    pub(super) frame: &'v [Value],
    pub(super) settings: &'v Value,
    /// How many operations deep it may still get.
    pub(super) left: usize,
}

impl<'e, W: Witness> Machine<'e, '_, W> {
    /// Looks where an expression points. A witness is told of every operation, so that there is no short way with one.
    #[inline]
    pub(super) fn peek(&self, code: &'e Code) -> Peek<'_> {
        match &code.op {
            _ if W::HEARS => Peek::Unknown,
            Op::Const(value) => Peek::At(value),
            Op::Local(slot) => self.scene().local(*slot),
            Op::Settings | Op::Coalesce(..) => self.scene().peek(code),
            _ => match code.path() {
                Some(path) => self.walk(path),
                None => Peek::Unknown,
            },
        }
    }

    #[inline(never)]
    pub(super) fn walk(&self, path: &'e Path) -> Peek<'_> {
        self.scene().walk(path)
    }

    #[inline]
    fn scene(&self) -> Scene<'_> {
        Scene { frame: self.frame(), settings: self.context.settings, left: DEPTH.saturating_sub(self.depth) }
    }
}

impl<'v> Scene<'v> {
    pub(super) fn peek(self, code: &'v Code) -> Peek<'v> {
        match &code.op {
            Op::Const(value) => Peek::At(value),
            Op::Local(slot) => self.local(*slot),
            Op::Settings => Peek::At(self.settings),
            Op::Coalesce(value, otherwise) => self.either(value, otherwise),
            _ => match code.path() {
                Some(path) => self.walk(path),
                None => Peek::Unknown,
            },
        }
    }

    fn either(self, value: &'v Code, otherwise: &'v Code) -> Peek<'v> {
        let Some(left) = self.left.checked_sub(1) else { return Peek::Unknown };
        let below = Scene { left, ..self };
        match below.peek(value) {
            Peek::At(Value::Missing | Value::Null) | Peek::Nothing => below.peek(otherwise),
            other => other,
        }
    }

    #[inline]
    fn local(self, slot: usize) -> Peek<'v> {
        self.frame.get(slot).map_or(Peek::Unknown, Peek::At)
    }

    #[inline]
    fn walk(self, path: &'v Path) -> Peek<'v> {
        if path.depth > self.left {
            return Peek::Unknown;
        }
        let mut at = match path.root {
            Root::Local(slot) => match self.frame.get(slot) {
                Some(value) => value,
                None => return Peek::Unknown,
            },
            Root::Settings => self.settings,
        };
        for step in &path.steps {
            let found = match (step, at) {
                (PathStep::Field(name, step), Value::Record(record)) => match step.find(record, name) {
                    Some(value) if step.is_plain(value) => {
                        at = value;
                        continue;
                    }
                    other => found(other, step),
                },
                (PathStep::Element(place, step), Value::List(items)) => {
                    found(place.and_then(|place| items.get(place)), step)
                }
                (PathStep::Maybe, Value::Missing | Value::Null) => Peek::Nothing,
                (PathStep::Maybe, value) => Peek::At(value),
                _ => return Peek::Unknown,
            };
            at = match found {
                Peek::At(value) => value,
                Peek::Nothing if path.whole => return Peek::At(&Value::Missing),
                other => return other,
            };
        }
        Peek::At(at)
    }
}

#[inline(never)]
fn found<'v>(found: Option<&'v Value>, step: &Step) -> Peek<'v> {
    let value = found.unwrap_or(&Value::Missing);
    match see::look(value, &step.ty) {
        Look::Same => Peek::At(value),
        Look::Absent if step.tolerant => Peek::Nothing,
        Look::Absent if step.ty.missing => Peek::At(&Value::Missing),
        _ => Peek::Unknown,
    }
}
