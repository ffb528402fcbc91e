//! The machine that runs code: one stack of slots, one counter of steps, one of depth.
//!
//! `?` finding nothing is a signal ([`Stop::Nothing`]), not an error: the chain around it takes it. Every operation has
//! its own small function, so that the frames of a deep evaluation stay small in debug builds too.

use super::fields::Fields;
use super::naming::{dot, instead, step_span};
use super::peek::Peek;
use super::quantity::{self, Quantity};
use super::see::{self, Look, Misfit, Seen, describe};
use super::{Bound, Context, ErrorCode, EvalError, Failure, Witness};
use crate::diagnostics::Span;
use crate::language::Expression;
use crate::language::code::{Code, CompareOp, For, MatchArm, Op, Part, Program, Routine, Statement, Step};
use crate::language::types::{Kind, Type};
use crate::value::{Record, Text, Value};
use std::cmp::Ordering;
use std::sync::Arc;

/// How deep operations nest: through expressions, fns that call fns, and lambdas. With the frames of a debug build this
/// stays below 1 MiB, half of a worker thread's stack; a test runs it on that much.
pub(super) const DEPTH: usize = 400;

/// Slots that are there from the start: more than most expressions and all they call need.
const SLOTS: usize = 64;

/// What ends an operation early.
#[derive(Debug)]
pub(super) enum Stop {
    /// A `?` found nothing: the chain around it is missing.
    Nothing,
    Error(Box<EvalError>),
}

pub(super) type Run<T> = Result<T, Stop>;

pub(super) struct Machine<'e, 'w, W> {
    pub(super) program: &'e Program,
    pub(super) context: &'e Context<'e>,
    pub(super) routine: &'e Routine,
    pub(super) witness: &'w mut W,
    /// Steps that are left.
    steps: u64,
    pub(super) depth: usize,
    slots: Vec<Value>,
    /// Where templates are put together.
    buffer: String,
    /// Where the frame of `routine` begins in `slots`.
    base: usize,
}

impl<'e, 'w, W: Witness> Machine<'e, 'w, W> {
    pub(super) fn run(
        expression: &'e Expression,
        inputs: &[Value],
        context: &'e Context<'e>,
        witness: &'w mut W,
    ) -> Result<Value, EvalError> {
        let routine = &*expression.routine;
        let mut machine = Machine {
            program: &expression.program,
            context,
            routine,
            witness,
            steps: context.limits.steps,
            depth: 0,
            slots: Vec::with_capacity(SLOTS),
            buffer: String::new(),
            base: 0,
        };
        match machine.start(routine, inputs) {
            Ok(value) => Ok(value),
            Err(Stop::Nothing) => Ok(Value::Missing),
            Err(Stop::Error(error)) => Err(*error),
        }
    }

    fn start(&mut self, routine: &'e Routine, inputs: &[Value]) -> Run<Value> {
        for (n, (name, ty)) in routine.params.iter().enumerate() {
            let input = inputs.get(n).unwrap_or(&Value::Missing);
            let input = self.fit(input.clone(), ty, routine.span, || format!("`{name}`"))?;
            self.slots.push(input);
        }
        let value = self.enter(routine, 0)?;
        see::measure(&value, self.context.limits)
            .map_err(|message| fail(ErrorCode::Limit, message, routine.code.span))?;
        Ok(value)
    }

    /// Runs a routine whose parameters lie on the stack from `base` on; the caller's frame is there again afterwards.
    pub(super) fn enter(&mut self, routine: &'e Routine, base: usize) -> Run<Value> {
        let caller = (self.routine, self.base);
        (self.routine, self.base) = (routine, base);
        self.slots.resize_with(base + routine.slots.max(routine.params.len()), || Value::Missing);
        self.witness.call(routine);
        let mut result = self.eval(&routine.code);
        if let Ok(value) = &result
            && !matches!(see::look(value, &routine.result), Look::Same)
        {
            let what = || format!("the result of `{}`", routine.name);
            result = self.read(value, &routine.result, routine.code.span, what);
        }
        (self.routine, self.base) = caller;
        self.slots.truncate(base);
        self.witness.back();
        result
    }

    /// How high the stack is.
    pub(super) fn top(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn push(&mut self, value: Value) {
        self.slots.push(value);
    }

    /// Takes what lies above `top` off the stack.
    pub(super) fn drop_to(&mut self, top: usize) {
        self.slots.truncate(top);
    }

    pub(super) fn eval(&mut self, code: &'e Code) -> Run<Value> {
        match &code.op {
            Op::Const(value) if !W::HEARS => return constant(value),
            Op::Local(slot) if !W::HEARS => return self.local(*slot),
            Op::Field { .. } | Op::Index { .. } | Op::Chain(_) | Op::Maybe(_) => match self.peek(code) {
                Peek::At(value) => return Ok(value.clone()),
                Peek::Nothing => return Err(Stop::Nothing),
                Peek::Unknown => {}
            },
            _ => {}
        }
        self.deeper(code)?;
        let result = self.operate(code);
        self.depth -= 1;
        self.witness.leave(code, result.as_ref().ok());
        result
    }

    /// Begins an operation.
    pub(super) fn deeper(&mut self, code: &'e Code) -> Run<()> {
        self.sink(code.span)?;
        self.witness.enter(code);
        Ok(())
    }

    #[inline]
    fn sink(&mut self, span: Span) -> Run<()> {
        if self.depth >= DEPTH {
            return Err(too_deep(span));
        }
        self.depth += 1;
        Ok(())
    }

    /// Only calls: in a debug build a frame holds the temporaries of every arm.
    fn operate(&mut self, code: &'e Code) -> Run<Value> {
        let span = code.span;
        match &code.op {
            Op::Const(value) => constant(value),
            Op::Local(slot) => self.local(*slot),
            Op::Settings => constant(self.context.settings),
            Op::Template(parts) => self.template(parts, span),
            Op::List(items) => self.list(items),
            Op::Record(statements) => self.record(statements),
            Op::Field { base, name, step } => self.field(code, base, name, step),
            Op::Index { base, index, step } => self.index(code, base, index, step),
            Op::Chain(inner) => self.chain(inner),
            Op::Maybe(inner) => self.maybe(inner),
            Op::Coalesce(value, otherwise) => self.coalesce(value, otherwise),
            Op::Catch { value, otherwise, slot } => self.catch(value, otherwise, *slot),
            Op::And(left, right) => self.logic(false, left, right),
            Op::Or(left, right) => self.logic(true, left, right),
            Op::Not(inner) => self.not(inner),
            Op::Compare { op, left, right } => self.compare(*op, left, right, span),
            Op::In { value, list } => self.contained(value, list, span),
            Op::Arithmetic { .. } | Op::Negate(_) => self.arithmetic(code),
            Op::If { condition, then, otherwise } => self.decide(condition, then, otherwise),
            Op::Match { subject, arms, otherwise } => self.choose(span, subject, arms, otherwise),
            Op::For(body) => self.each(body),
            Op::Let { slot, value, body } => self.bind(*slot, value, body),
            Op::Call { routine, args } => self.call(*routine, args, span),
            Op::Builtin { args, .. } => self.builtin(code, args),
            Op::Script { script, function, args, result } => self.script(*script, function, args, result, span),
            Op::Table { table, keys } => self.table(*table, keys, span),
            Op::Fail(message) => self.refuse(message, span),
            Op::View { value, ty, project } => self.view(value, ty, *project),
        }
    }

    pub(super) fn slot(&self, slot: usize) -> &Value {
        &self.slots[self.base + slot]
    }

    fn local(&self, slot: usize) -> Run<Value> {
        Ok(self.slot(slot).clone())
    }

    fn chain(&mut self, inner: &'e Code) -> Run<Value> {
        // Results are changed where they are: each move is paid.
        let mut result = self.eval(inner);
        if let Err(Stop::Nothing) = result {
            result = Ok(Value::Missing);
        }
        result
    }

    fn maybe(&mut self, inner: &'e Code) -> Run<Value> {
        let mut result = self.eval(inner);
        if let Ok(Value::Missing | Value::Null) = result {
            result = Err(Stop::Nothing);
        }
        result
    }

    /// `or` is decided by a true left side, `and` by a false one.
    fn logic(&mut self, decided: bool, left: &'e Code, right: &'e Code) -> Run<Value> {
        let left = self.condition(left)?;
        Ok(Value::Bool(if left == decided { decided } else { self.condition(right)? }))
    }

    fn not(&mut self, inner: &'e Code) -> Run<Value> {
        Ok(Value::Bool(!self.condition(inner)?))
    }

    fn decide(&mut self, condition: &'e Code, then: &'e Code, otherwise: &'e Code) -> Run<Value> {
        let taken = if self.condition(condition)? { then } else { otherwise };
        self.eval(taken)
    }

    fn bind(&mut self, slot: usize, value: &'e Code, body: &'e Code) -> Run<Value> {
        let value = self.eval(value)?;
        self.set(slot, value, Bound::Value);
        self.eval(body)
    }

    fn refuse(&mut self, message: &'e Code, span: Span) -> Run<Value> {
        let message = self.message(message)?;
        Err(fail(ErrorCode::Failed, message, span))
    }

    fn arithmetic(&mut self, code: &'e Code) -> Run<Value> {
        let quantity = self.tree(code)?;
        quantity.finish().map_err(|failure| place(failure, code.span))
    }

    pub(super) fn set(&mut self, slot: usize, value: Value, from: Bound) {
        self.witness.bind(slot, &value, from);
        let base = self.base;
        self.slots[base + slot] = value;
    }

    /// Counts what bounds the work: calls, rounds, elements copied.
    #[inline]
    pub(super) fn charge(&mut self, steps: u64, span: Span) -> Run<()> {
        match self.steps.checked_sub(steps) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => Err(too_many(self.context.limits.steps, span)),
        }
    }

    /// A text is no longer than the limit.
    #[inline]
    pub(super) fn check_text(&self, text: &str, span: Span) -> Run<()> {
        let limit = self.context.limits.text;
        if text.len() > limit { Err(too_long(limit, span)) } else { Ok(()) }
    }

    fn template(&mut self, parts: &'e [Part], span: Span) -> Run<Value> {
        // A hole may hold a template of its own, which begins with an empty one.
        let mut text = std::mem::take(&mut self.buffer);
        text.clear();
        for part in parts {
            match part {
                Part::Plain(plain) => text.push_str(plain),
                Part::Hole(hole) => {
                    let written = match self.peek(hole) {
                        Peek::At(value) => see::write(value, &mut text),
                        _ => see::write(&self.eval(hole)?, &mut text),
                    };
                    written.map_err(|failure| place(failure, hole.span))?;
                }
            }
            self.check_text(&text, span)?;
        }
        let value = Value::from(text.as_str());
        self.buffer = text;
        Ok(value)
    }

    /// The text of `fail`, `require`: a value that is no text is written as it is.
    fn message(&mut self, code: &'e Code) -> Run<String> {
        let value = self.eval(code)?;
        Ok(see::written(&value).unwrap_or_else(|_| describe(&value)))
    }

    fn list(&mut self, items: &'e [Code]) -> Run<Value> {
        let values = items.iter().map(|item| self.eval(item)).collect::<Run<Vec<_>>>()?;
        Ok(Value::List(Arc::new(values)))
    }

    fn record(&mut self, statements: &'e [Statement]) -> Run<Value> {
        let mut fields = Fields::with_capacity(statements.len());
        self.statements(statements, &mut fields)?;
        Ok(fields.finish())
    }

    fn statements(&mut self, statements: &'e [Statement], fields: &mut Fields) -> Run<()> {
        statements.iter().try_for_each(|statement| self.statement(statement, fields))
    }

    fn statement(&mut self, statement: &'e Statement, fields: &mut Fields) -> Run<()> {
        match statement {
            Statement::Let { slot, value } => self.eval(value).map(|value| self.set(*slot, value, Bound::Value)),
            Statement::Assign { path, value, span } => self.assign(path, value, *span, fields),
            Statement::Spread { value } => self.spread(value, fields),
            Statement::If { condition, then, otherwise } => {
                let taken = if self.condition(condition)? { then } else { otherwise };
                self.sink(condition.span)?;
                let result = self.statements(taken, fields);
                self.depth -= 1;
                result
            }
            Statement::Require { condition, message, span } => {
                if self.condition(condition)? {
                    return Ok(());
                }
                self.refuse(message, *span).map(|_| ())
            }
        }
    }

    fn assign(&mut self, path: &'e [Text], value: &'e Code, span: Span, fields: &mut Fields) -> Run<()> {
        self.witness.assign(path, span);
        let value = self.eval(value);
        self.witness.assigned(value.as_ref().ok());
        fields.assign(path, value?);
        Ok(())
    }

    fn spread(&mut self, code: &'e Code, fields: &mut Fields) -> Run<()> {
        let value = self.eval(code)?;
        let Value::Record(record) = &value else {
            let message = format!("{} is {}, only a record can be spread", self.what(code), describe(&value));
            return Err(fail(ErrorCode::Type, message, code.span));
        };
        self.charge(record.len() as u64 / 16, code.span)?;
        self.witness.spread(record);
        fields.spread(record);
        Ok(())
    }

    fn field(&mut self, code: &'e Code, base: &'e Code, name: &Text, step: &'e Step) -> Run<Value> {
        match self.peek(base) {
            Peek::At(base @ Value::Record(record)) => return self.step(code, base, step.find(record, name), step),
            Peek::Nothing => return Err(Stop::Nothing),
            _ => {}
        }
        let value = self.eval(base)?;
        match &value {
            Value::Record(record) => self.step(code, &value, step.find(record, name), step),
            Value::Money(money) if &**name == "amount" => Ok(Value::from(money.with_decimals().amount)),
            Value::Money(money) if &**name == "currency" => Ok(Value::Text(money.currency.code().into())),
            Value::Missing | Value::Null => Err(self.nothing_below(&value, base, code)),
            other => {
                let message = format!("{} is {}: it has no field `{name}`", self.what(base), describe(other));
                Err(fail(ErrorCode::Type, message, dot(code, base)))
            }
        }
    }

    fn index(&mut self, code: &'e Code, base: &'e Code, index: &'e Code, step: &'e Step) -> Run<Value> {
        if let (Peek::At(base @ Value::List(items)), Op::Const(index)) = (self.peek(base), &index.op) {
            return self.step(code, base, see::element(items, index), step);
        }
        let value = self.eval(base)?;
        let at = self.eval(index)?;
        match (&value, &at) {
            (Value::List(items), Value::Number(_)) => self.step(code, &value, see::element(items, &at), step),
            (Value::Record(record), Value::Text(key)) => self.step(code, &value, record.get(key), step),
            (Value::Missing | Value::Null, _) => Err(self.nothing_below(&value, base, code)),
            _ => {
                let message =
                    format!("{} is {}: it cannot be indexed by {}", self.what(base), describe(&value), describe(&at));
                Err(fail(ErrorCode::Type, message, dot(code, base)))
            }
        }
    }

    /// A step whose base is not there. `?` belongs to its own step only, so this is an error behind one too.
    fn nothing_below(&self, value: &Value, base: &Code, code: &Code) -> Stop {
        let state = if matches!(value, Value::Null) { "null" } else { "missing" };
        let (base_path, path) = (self.path(base), self.path(code));
        let message =
            format!("`{base_path}` is {state}, so there is no `{path}`; write `{base_path}?` where it may be");
        fail(ErrorCode::Absent, message, dot(code, base))
    }

    /// What a step finds in `base`, as its type.
    fn step(&self, code: &'e Code, base: &Value, found: Option<&Value>, step: &'e Step) -> Run<Value> {
        let seen = see::see(found.unwrap_or(&Value::Missing), &step.ty);
        match seen {
            Ok(Seen::Value(value)) => Ok(value),
            Ok(Seen::Absent) if step.tolerant => Err(Stop::Nothing),
            Ok(Seen::Absent) if step.ty.missing => Ok(Value::Missing),
            Ok(Seen::Absent) => {
                let state = match found {
                    None | Some(Value::Missing) => "absent",
                    Some(Value::Null) => "null",
                    Some(_) => "empty",
                };
                let path = self.path(code);
                let expected = match &step.ty.kind {
                    // Nobody knows what it should be: what is there may tell.
                    Kind::Any => instead(code, base),
                    _ => format!(", expected {}", step.ty),
                };
                let message = format!("`{path}` is {state}{expected}; write `{path}?` where it may be");
                Err(fail(ErrorCode::Absent, message, step_span(code)))
            }
            Err(misfit) => Err(self.misfit(misfit, code, step_span(code))),
        }
    }

    fn misfit(&self, misfit: Misfit, code: &Code, span: Span) -> Stop {
        fail(misfit.code, format!("{}{}", self.what(code), misfit.message), span)
    }

    /// A value where a type is wanted; `what` names it for the message.
    #[inline]
    pub(super) fn fit(&self, value: Value, ty: &Type, span: Span, what: impl Fn() -> String) -> Run<Value> {
        match see::look(&value, ty) {
            Look::Same => Ok(value),
            _ => self.read(&value, ty, span, what),
        }
    }

    /// A value that is not as the type says it.
    #[inline(never)]
    fn read(&self, value: &Value, ty: &Type, span: Span, what: impl Fn() -> String) -> Run<Value> {
        match see::see(value, ty) {
            Ok(Seen::Value(value)) => Ok(value),
            Ok(Seen::Absent) if ty.missing => Ok(Value::Missing),
            Ok(Seen::Absent) => {
                let message = format!("{} is {}, expected {ty}", what(), describe(value));
                Err(fail(ErrorCode::Absent, message, span))
            }
            Err(misfit) => Err(fail(misfit.code, format!("{}{}", what(), misfit.message), span)),
        }
    }

    fn view(&mut self, code: &'e Code, ty: &'e Type, project: bool) -> Run<Value> {
        let value = self.eval(code)?;
        let seen = match project {
            true => see::project(&value, ty),
            false => see::check(&value, ty),
        };
        match seen {
            Ok(Seen::Value(value)) => Ok(value),
            Ok(Seen::Absent) if ty.missing => Ok(Value::Missing),
            Ok(Seen::Absent) => {
                let message = format!("{} is {}, expected {ty}", self.what(code), describe(&value));
                Err(fail(ErrorCode::Absent, message, code.span))
            }
            Err(misfit) => Err(self.misfit(misfit, code, code.span)),
        }
    }

    fn coalesce(&mut self, value: &'e Code, otherwise: &'e Code) -> Run<Value> {
        match self.peek(value) {
            Peek::At(Value::Missing | Value::Null) | Peek::Nothing => return self.eval(otherwise),
            Peek::At(value) => return Ok(value.clone()),
            Peek::Unknown => {}
        }
        let mut result = self.eval(value);
        if let Ok(Value::Missing | Value::Null) | Err(Stop::Nothing) = result {
            result = self.eval(otherwise);
        }
        result
    }

    fn catch(&mut self, value: &'e Code, otherwise: &'e Code, slot: usize) -> Run<Value> {
        match self.eval(value) {
            Err(Stop::Error(error)) if error.code != ErrorCode::Limit => {
                let fields = [("code", error.code.as_str().into()), ("message", Text::from(error.message))];
                let record: Record =
                    fields.into_iter().map(|(name, text)| (Text::from(name), Value::Text(text))).collect();
                self.set(slot, Value::Record(record), Bound::Error);
                self.eval(otherwise)
            }
            other => other,
        }
    }

    pub(super) fn condition(&mut self, code: &'e Code) -> Run<bool> {
        if let Peek::At(Value::Bool(value)) = self.peek(code) {
            return Ok(*value);
        }
        match self.eval(code)? {
            Value::Bool(value) => Ok(value),
            other => {
                let message = format!("{} is {}, expected bool", self.what(code), describe(&other));
                Err(fail(ErrorCode::Type, message, code.span))
            }
        }
    }

    fn compare(&mut self, op: CompareOp, left: &'e Code, right: &'e Code, span: Span) -> Run<Value> {
        if let (Peek::At(a), Peek::At(b)) = (self.peek(left), self.peek(right))
            && !matches!(a, Value::List(_) | Value::Record(_))
        {
            let holds = match op {
                CompareOp::Equal => quantity::same(a, b),
                CompareOp::NotEqual => quantity::same(a, b).map(|same| !same),
                _ => quantity::rank(a, b).map(|order| ordered(op, order)),
            };
            return holds.map(Value::Bool).map_err(|failure| place(failure, span));
        }
        let left = self.operands(left)?;
        let right = self.operands(right)?;
        let weight = left.weight(self.steps + 1);
        if weight > 0 && right.weight(weight) > 0 {
            self.charge(weight, span)?;
        }
        let holds = holds(op, &left, &right).map_err(|failure| place(failure, span))?;
        Ok(Value::Bool(holds))
    }

    fn contained(&mut self, value: &'e Code, list: &'e Code, span: Span) -> Run<Value> {
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
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }

    fn items(&mut self, code: &'e Code) -> Run<Arc<Vec<Value>>> {
        match self.eval(code)? {
            Value::List(items) => Ok(items),
            other => {
                let message = format!("{} is {}, expected a list", self.what(code), describe(&other));
                Err(fail(ErrorCode::Type, message, code.span))
            }
        }
    }

    fn choose(
        &mut self,
        span: Span,
        subject: &'e Option<(Box<Code>, usize)>,
        arms: &'e [MatchArm],
        otherwise: &'e Option<Box<Code>>,
    ) -> Run<Value> {
        let subject = match subject {
            Some((code, slot)) => {
                let value = self.eval(code)?;
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
                        _ => quantity::same(subject, &self.eval(value)?),
                    }
                    .map_err(|failure| place(failure, value.span))?,
                };
                if taken {
                    return self.eval(&arm.result);
                }
            }
        }
        match otherwise {
            Some(otherwise) => self.eval(otherwise),
            None => {
                let got = subject.as_ref().map_or("nothing".into(), describe);
                let message = format!("no arm fits {got}; add an arm for it, or `else`");
                Err(fail(ErrorCode::Value, message, span))
            }
        }
    }

    fn each(&mut self, each: &'e For) -> Run<Value> {
        let items = self.items(&each.list)?;
        let mut kept = Vec::with_capacity(if each.condition.is_none() { items.len() } else { 0 });
        for (n, item) in items.iter().enumerate() {
            self.charge(1, each.list.span)?;
            let item = self.fit(item.clone(), &each.element, each.list.span, || {
                format!("an element of {}", self.what(&each.list))
            })?;
            self.set(each.item, item, Bound::Element(n));
            if let Some(condition) = &each.condition
                && !self.condition(condition)?
            {
                continue;
            }
            if let Some(index) = each.index {
                self.set(index, Value::from(kept.len() as i64), Bound::Count);
            }
            kept.push(self.eval(&each.body)?);
        }
        Ok(Value::List(Arc::new(kept)))
    }
}

fn constant(value: &Value) -> Run<Value> {
    Ok(value.clone())
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

#[cold]
fn too_deep(span: Span) -> Stop {
    let message = format!("more than {DEPTH} operations inside one another: fns call fns too deeply");
    fail(ErrorCode::Limit, message, span)
}

#[cold]
fn too_many(steps: u64, span: Span) -> Stop {
    fail(ErrorCode::Limit, format!("more than {steps} steps (calls and rounds)"), span)
}

#[cold]
fn too_long(limit: usize, span: Span) -> Stop {
    fail(ErrorCode::Limit, format!("a text of more than {limit} bytes"), span)
}

/// A failure at a place, unless it has one.
#[cold]
pub(super) fn place(failure: Failure, span: Span) -> Stop {
    match failure.placed {
        Some(error) => Stop::Error(error),
        None => fail(failure.code, failure.message, span),
    }
}

#[cold]
pub(super) fn fail(code: ErrorCode, message: impl Into<String>, span: Span) -> Stop {
    Stop::Error(Box::new(EvalError::new(code, message, span)))
}
