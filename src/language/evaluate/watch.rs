//! Which sides of a program were taken, and what if one of them were another: what coverage asks.
//!
//! A watch hangs on a [`Program`](crate::language::code::Program); every evaluation of it is then told to the watch,
//! wherever it comes from. Without one an evaluation costs what it always did. Never on a program that does real work.

use super::machine::{Machine, Run, Stop, fail};
use super::{Context, ErrorCode, EvalError, Witness};
use crate::diagnostics::Span;
use crate::language::Expression;
use crate::language::code::{Argument, Code, Op, Part, Statement};
use crate::value::{Exact, Money, Number, Text, Value};
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A side that may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    pub span: Span,
    pub role: Role,
}

/// What a unit is to the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A whole expression that decides: it holds.
    Condition,
    /// A whole expression that gives what it is asked for.
    Whole,
    /// An arm of `if` or `match`.
    Arm,
    /// What stands before `??`, and is there.
    Present,
    /// What stands before `catch`, and did not fail.
    Good,
    /// What stands behind `??` or `catch`, and was needed.
    Otherwise,
    /// An assignment.
    Field,
    /// A row of a table, or its `else`.
    Row,
}

/// What stands in for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// As if it were not there: a condition does not hold, a value is missing, the other side is taken.
    Nothing,
    /// A value of the same kind.
    Another,
}

impl Role {
    /// What can stand in for a unit of this role.
    pub fn instead(self) -> &'static [Instead] {
        match self {
            Role::Condition | Role::Present | Role::Good => &[Instead::Nothing],
            Role::Whole | Role::Arm | Role::Otherwise | Role::Field | Role::Row => {
                &[Instead::Another, Instead::Nothing]
            }
        }
    }
}

/// Knows what was taken since it was last asked, and puts something else in the place of at most one unit.
#[derive(Default)]
pub struct Watch(Mutex<State>);

#[derive(Default)]
struct State {
    taken: HashSet<Unit>,
    instead: Option<(Unit, Instead)>,
}

impl Watch {
    /// What was taken since the last call. From now on `instead` stands in for its unit.
    pub fn turn(&self, instead: Option<(Unit, Instead)>) -> HashSet<Unit> {
        let mut state = self.state();
        state.instead = instead;
        std::mem::take(&mut state.taken)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, unit: Unit) -> Option<Instead> {
        let mut state = self.state();
        state.taken.insert(unit);
        state.instead.filter(|(other, _)| *other == unit).map(|(_, instead)| instead)
    }

    pub(super) fn evaluate(
        &self,
        expression: &Expression,
        inputs: &[Value],
        context: &Context<'_>,
    ) -> Result<Value, EvalError> {
        let value = Machine::run(expression, inputs, context, &mut Told(self))?;
        let unit = |role| Unit { span: expression.routine.code.span, role };
        if value == Value::Bool(true) && self.take(unit(Role::Condition)).is_some() {
            return Ok(Value::Bool(false));
        }
        Ok(match self.take(unit(Role::Whole)) {
            None => value,
            Some(Instead::Nothing) => Value::Missing,
            Some(Instead::Another) => another(&value),
        })
    }
}

struct Told<'a>(&'a Watch);

impl Witness for Told<'_> {
    fn instead(&mut self, unit: Unit) -> Option<Instead> {
        self.0.take(unit)
    }
}

impl<'e, W: Witness> Machine<'e, '_, W> {
    /// Something else stands in for a side that is being taken.
    #[inline]
    pub(super) fn instead(&mut self, role: Role, span: Span) -> Option<Instead> {
        if W::HEARS { self.witness.instead(Unit { span, role }) } else { None }
    }

    /// What a side gave that was taken, or what stands in for it.
    #[inline]
    pub(super) fn taken(&mut self, role: Role, span: Span, done: Run<()>, out: &mut Value) -> Run<()> {
        if !W::HEARS {
            return done;
        }
        *out = match (self.instead(role, span), done) {
            (None, done) => return done,
            (Some(Instead::Nothing), _) => Value::Missing,
            (Some(Instead::Another), Ok(())) => another(out),
            (Some(Instead::Another), Err(Stop::Nothing)) => another(&Value::Missing),
            (Some(Instead::Another), Err(Stop::Error(_))) => {
                return Err(fail(ErrorCode::Failed, "another error", span));
            }
        };
        Ok(())
    }
}

/// A value of the same kind that is not the same.
fn another(value: &Value) -> Value {
    let one = Exact::from(1i64);
    match value {
        Value::Missing | Value::Null => Value::from("?"),
        Value::Text(text) => Value::Text(Text::from(format!("{text}?"))),
        Value::Bool(value) => Value::Bool(!value),
        Value::Number(number) => {
            let more = number.exact().and_then(|number| number.add(one));
            more.map_or(Value::Missing, |more| Value::Number(Number::from(more)))
        }
        Value::Money(money) => money.add(&Money::new(one, money.currency)).map_or(Value::Missing, Value::Money),
        Value::Date(date) => date.tomorrow().map_or(Value::Missing, Value::Date),
        Value::Time(time) => {
            let later = time.checked_add(jiff::SignedDuration::from_hours(24));
            later.map_or(Value::Missing, Value::Time)
        }
        Value::List(items) => match items.split_last() {
            Some((_, but_last)) => Value::from(but_last.to_vec()),
            None => Value::from(vec![Value::Null]),
        },
        Value::Record(record) if record.is_empty() => Value::Missing,
        Value::Record(_) => Value::Record(Default::default()),
        _ => Value::Missing,
    }
}

/// Every unit that stands in some code.
pub fn units(code: &Code, out: &mut Vec<Unit>) {
    let mut side = |role: Role, code: &Code| out.push(Unit { span: code.span, role });
    match &code.op {
        Op::If { then, otherwise, .. } => {
            [then, otherwise].into_iter().filter(|arm| !decides(arm)).for_each(|arm| side(Role::Arm, arm));
        }
        Op::Match { arms, otherwise, .. } => {
            let arms = arms.iter().map(|arm| &arm.result).chain(otherwise.as_deref());
            arms.filter(|arm| !decides(arm)).for_each(|arm| side(Role::Arm, arm));
        }
        Op::Coalesce(value, otherwise) => {
            side(Role::Present, value);
            side(Role::Otherwise, otherwise);
        }
        Op::Catch { value, otherwise, .. } => {
            side(Role::Good, value);
            side(Role::Otherwise, otherwise);
        }
        _ => {}
    }
    inside(code, &mut |code| units(code, out));
    if let Op::Record(statements) = &code.op {
        assigned(statements, out);
    }
}

/// An arm that is nothing but another decision is covered by the arms of that one.
fn decides(code: &Code) -> bool {
    matches!(code.op, Op::If { .. } | Op::Match { .. })
}

fn assigned(statements: &[Statement], out: &mut Vec<Unit>) {
    for statement in statements {
        match statement {
            Statement::Assign { span, .. } => out.push(Unit { span: *span, role: Role::Field }),
            Statement::If { then, otherwise, .. } => [then, otherwise].iter().for_each(|list| assigned(list, out)),
            Statement::Let { .. } | Statement::Spread { .. } | Statement::Require { .. } => {}
        }
    }
}

/// The operations directly inside of one.
fn inside(code: &Code, visit: &mut dyn FnMut(&Code)) {
    match &code.op {
        Op::Const(_) | Op::Local(_) | Op::Settings => {}
        Op::Template(parts) => parts.iter().for_each(|part| match part {
            Part::Plain(_) => {}
            Part::Hole(hole) => visit(hole),
        }),
        Op::List(items) => items.iter().for_each(visit),
        Op::Record(statements) => inside_all(statements, visit),
        Op::Field { base, .. } => visit(base),
        Op::Index { base, index, .. } => [base, index].into_iter().for_each(|code| visit(code)),
        Op::Chain(inner) | Op::Maybe(inner) | Op::Not(inner) | Op::Negate(inner) | Op::Fail(inner) => visit(inner),
        Op::Coalesce(left, right) | Op::And(left, right) | Op::Or(left, right) => {
            [left, right].into_iter().for_each(|code| visit(code));
        }
        Op::Catch { value, otherwise, .. } => [value, otherwise].into_iter().for_each(|code| visit(code)),
        Op::Compare { left, right, .. } | Op::Arithmetic { left, right, .. } => {
            [left, right].into_iter().for_each(|code| visit(code));
        }
        Op::In { value, list } => [value, list].into_iter().for_each(|code| visit(code)),
        Op::If { condition, then, otherwise } => [condition, then, otherwise].into_iter().for_each(|code| visit(code)),
        Op::Match { subject, arms, otherwise } => {
            subject.iter().for_each(|(subject, _)| visit(subject));
            arms.iter().flat_map(|arm| arm.values.iter().chain([&arm.result])).for_each(&mut *visit);
            otherwise.iter().for_each(|code| visit(code));
        }
        Op::For(each) => {
            visit(&each.list);
            each.condition.iter().for_each(&mut *visit);
            visit(&each.body);
        }
        Op::Let { value, body, .. } => [value, body].into_iter().for_each(|code| visit(code)),
        Op::Call { args, .. } | Op::Script { args, .. } => args.iter().for_each(visit),
        Op::Builtin { args, .. } => args.iter().for_each(|arg| match arg {
            Argument::Value(code) | Argument::Lambda { body: code, .. } => visit(code),
        }),
        Op::Table { keys, .. } => keys.iter().for_each(visit),
        Op::View { value, .. } => visit(value),
    }
}

fn inside_all(statements: &[Statement], visit: &mut dyn FnMut(&Code)) {
    for statement in statements {
        match statement {
            Statement::Let { value, .. } | Statement::Assign { value, .. } | Statement::Spread { value } => {
                visit(value)
            }
            Statement::If { condition, then, otherwise } => {
                visit(condition);
                [then, otherwise].iter().for_each(|list| inside_all(list, visit));
            }
            Statement::Require { condition, message, .. } => [condition, message].into_iter().for_each(&mut *visit),
        }
    }
}
