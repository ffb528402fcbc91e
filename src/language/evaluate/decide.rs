//! What is true or false, and what is decided by it: conditions, comparisons, `if`, `match`, `catch`.

use super::machine::{Machine, Run, Stop, fail, place};
use super::peek::Peek;
use super::quantity::{self, Quantity};
use super::see::describe;
use super::watch::Role;
use super::{Bound, ErrorCode, Failure, Witness};
use crate::diagnostics::Span;
use crate::language::code::{Code, CompareOp, MatchArm, Op};
use crate::value::{Record, Text, Value};
use std::cmp::Ordering;

impl<'e, W: Witness> Machine<'e, '_, W> {
    /// What is true or false.
    pub(super) fn decision(&mut self, code: &'e Code) -> Run<bool> {
        match &code.op {
            // `or` is decided by a true left side, `and` by a false one.
            Op::And(left, right) => Ok(self.condition(left)? && self.condition(right)?),
            Op::Or(left, right) => Ok(self.condition(left)? || self.condition(right)?),
            Op::Not(inner) => self.condition(inner).map(|holds| !holds),
            Op::Compare { op, left, right } => self.compare(*op, left, right, code.span),
            Op::In { value, list } => self.contained(value, list, code.span),
            _ => self.condition(code),
        }
    }

    pub(super) fn decide(
        &mut self,
        condition: &'e Code,
        then: &'e Code,
        otherwise: &'e Code,
        out: &mut Value,
    ) -> Run<()> {
        let taken = if self.condition(condition)? { then } else { otherwise };
        let done = self.eval(taken, out);
        self.taken(Role::Arm, taken.span, done, out)
    }

    pub(super) fn condition(&mut self, code: &'e Code) -> Run<bool> {
        if let Peek::At(Value::Bool(value)) = self.peek(code) {
            return Ok(*value);
        }
        if !W::HEARS && code.op.decides() {
            self.sink(code.span)?;
            let holds = self.decision(code);
            self.depth -= 1;
            return holds;
        }
        match self.value(code)? {
            Value::Bool(value) => Ok(value),
            other => {
                let message = format!("{} is {}, expected bool", self.what(code), describe(&other));
                Err(fail(ErrorCode::Type, message, code.span))
            }
        }
    }

    pub(super) fn compare(&mut self, op: CompareOp, left: &'e Code, right: &'e Code, span: Span) -> Run<bool> {
        if let (Peek::At(a), Peek::At(b)) = (self.peek(left), self.peek(right))
            && (is_one(a) || is_one(b))
        {
            let holds = match op {
                CompareOp::Equal => quantity::same(a, b),
                CompareOp::NotEqual => quantity::same(a, b).map(|same| !same),
                _ => quantity::rank(a, b).map(|order| ordered(op, order)),
            };
            return holds.map_err(|failure| place(failure, span));
        }
        let left = self.operands(left)?;
        let right = self.operands(right)?;
        let weight = left.weight(self.steps + 1);
        if weight > 0 && right.weight(weight) > 0 {
            self.charge(weight, span)?;
        }
        holds(op, &left, &right).map_err(|failure| place(failure, span))
    }

    pub(super) fn contained(&mut self, value: &'e Code, list: &'e Code, span: Span) -> Run<bool> {
        let value = self.operands(value)?;
        let items = self.items(list)?;
        let weight = value.weight(self.steps + 1) + 1;
        for item in items.iter() {
            self.charge(weight, span)?;
            let same = match &value {
                Quantity::Other(value) => quantity::same(value, item),
                value => quantity::equal(value, &Quantity::Other(item.clone())),
            };
            if same.map_err(|failure| place(failure, span))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn choose(
        &mut self,
        span: Span,
        subject: &'e Option<(Box<Code>, usize)>,
        arms: &'e [MatchArm],
        otherwise: &'e Option<Box<Code>>,
        out: &mut Value,
    ) -> Run<()> {
        let subject = match subject {
            Some((code, slot)) => {
                let value = self.value(code)?;
                self.set(*slot, value.clone(), Bound::Value);
                Some(value)
            }
            None => None,
        };
        for arm in arms {
            for value in &arm.values {
                let taken = match &subject {
                    None => self.condition(value)?,
                    Some(subject) => match self.peek(value) {
                        Peek::At(arm) => quantity::same(subject, arm),
                        _ => quantity::same(subject, &self.value(value)?),
                    }
                    .map_err(|failure| place(failure, value.span))?,
                };
                if taken {
                    let done = self.eval(&arm.result, out);
                    return self.taken(Role::Arm, arm.result.span, done, out);
                }
            }
        }
        match otherwise {
            Some(otherwise) => {
                let done = self.eval(otherwise, out);
                self.taken(Role::Arm, otherwise.span, done, out)
            }
            None => {
                let got = subject.as_ref().map_or("nothing".into(), describe);
                let message = format!("no arm fits {got}; add an arm for it, or `else`");
                Err(fail(ErrorCode::Value, message, span))
            }
        }
    }

    pub(super) fn catch(&mut self, value: &'e Code, otherwise: &'e Code, slot: usize, out: &mut Value) -> Run<()> {
        let tried = match self.eval(value, out) {
            Ok(()) if self.instead(Role::Good, value.span).is_some() => {
                Err(fail(ErrorCode::Failed, "as if it had failed", value.span))
            }
            tried => tried,
        };
        match tried {
            Err(Stop::Error(error)) if error.code != ErrorCode::Limit => {
                let fields = [("code", error.code.as_str().into()), ("message", Text::from(error.message))];
                let record: Record =
                    fields.into_iter().map(|(name, text)| (Text::from(name), Value::Text(text))).collect();
                self.set(slot, Value::Record(record), Bound::Error);
                *out = Value::Missing;
                self.otherwise(otherwise, out)
            }
            other => other,
        }
    }
}

/// Whether it holds no other values, so that comparing with it is one step.
fn is_one(value: &Value) -> bool {
    !matches!(value, Value::List(_) | Value::Record(_))
}

fn holds(op: CompareOp, left: &Quantity, right: &Quantity) -> Result<bool, Failure> {
    Ok(match op {
        CompareOp::Equal => quantity::equal(left, right)?,
        CompareOp::NotEqual => !quantity::equal(left, right)?,
        _ => ordered(op, quantity::order(left, right)?),
    })
}

fn ordered(op: CompareOp, order: Ordering) -> bool {
    match op {
        CompareOp::Equal => order.is_eq(),
        CompareOp::NotEqual => order.is_ne(),
        CompareOp::Less => order.is_lt(),
        CompareOp::LessEqual => order.is_le(),
        CompareOp::Greater => order.is_gt(),
        CompareOp::GreaterEqual => order.is_ge(),
    }
}
