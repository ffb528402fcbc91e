//! The machine that runs code: one stack of slots, one counter of steps, one of depth.
//!
//! An operation writes its value into the place where it stays (`out`, empty before): a value that is put together
//! elsewhere is moved in larger pieces than it was written in, and the processor waits for its own writes.
//!
//! `?` finding nothing is a signal ([`Stop::Nothing`]), not an error: the chain around it takes it. Every operation has
//! its own small function, so that the frames of a deep evaluation stay small in debug builds too.

use super::fields::Fields;
use super::naming::{dot, instead, step_span};
use super::peek::{Peek, Scene};
use super::quantity::{self, Quantity};
use super::see::{self, Look, Misfit, Seen, describe};
use super::watch::Role;
use super::{Bound, Context, ErrorCode, EvalError, Failure, Witness};
use crate::diagnostics::Span;
use crate::language::Expression;
use crate::language::code::{Code, CompareOp, For, MatchArm, Op, Part, Program, Routine, Statement, Step};
use crate::language::path::Path;
use crate::language::types::{Kind, Type};
use crate::value::{Place, Record, Text, Value};
use std::cell::Cell;
use std::cmp::Ordering;
use std::sync::Arc;

/// How deep operations nest: through expressions, fns that call fns, and lambdas. With the frames of a debug build this
/// stays below 1 MiB, half of a worker thread's stack; a test runs it on that much.
pub(super) const DEPTH: usize = 400;

/// Most variables, places of fields and bytes of text that a thread keeps room for between evaluations.
const KEPT: usize = 1024;

/// Room that one evaluation leaves to the next of its thread. Nothing of the data stays in it.
#[derive(Default)]
struct Scratch {
    slots: Vec<Value>,
    /// Empty places for the fields of records.
    places: Vec<Vec<Place>>,
    /// Where templates are put together.
    text: String,
}

thread_local! {
    static SCRATCH: Cell<Scratch> = Cell::default();
}

impl Scratch {
    fn keep(mut self) {
        self.slots.clear();
        self.text.clear();
        let places: usize = self.places.iter().map(Vec::len).sum();
        if self.slots.capacity() <= KEPT && places <= KEPT && self.text.capacity() <= 16 * KEPT {
            SCRATCH.set(self);
        }
    }
}

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
    /// The variables of the routines that are running; behind them what is left of others.
    slots: Vec<Value>,
    /// How many of them are in use.
    top: usize,
    scratch: Scratch,
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
            slots: vec![],
            top: 0,
            scratch: SCRATCH.take(),
            base: 0,
        };
        let mut value = Value::Missing;
        std::mem::swap(&mut machine.slots, &mut machine.scratch.slots);
        let done = machine.start(routine, inputs, &mut value);
        std::mem::swap(&mut machine.slots, &mut machine.scratch.slots);
        machine.scratch.keep();
        match done {
            Ok(()) => Ok(value),
            Err(Stop::Nothing) => Ok(Value::Missing),
            Err(Stop::Error(error)) => Err(*error),
        }
    }

    fn start(&mut self, routine: &'e Routine, inputs: &[Value], out: &mut Value) -> Run<()> {
        self.open_frame(routine);
        for (n, (name, ty)) in routine.params.iter().enumerate() {
            let input = inputs.get(n).unwrap_or(&Value::Missing);
            self.slots[n] = self.fit(input.clone(), ty, routine.span, || format!("`{name}`"))?;
        }
        self.enter(routine, 0, out)?;
        see::measure(out, self.context.limits).map_err(|message| fail(ErrorCode::Limit, message, routine.code.span))
    }

    /// Makes room for the variables of a routine; gives where its frame begins.
    #[inline]
    pub(super) fn open_frame(&mut self, routine: &Routine) -> usize {
        let base = self.top;
        self.top += routine.slots.max(routine.params.len());
        if self.top > self.slots.len() {
            self.slots.resize_with(self.top, Value::default);
        }
        base
    }

    /// Runs a routine in its frame, which begins at `base` with its parameters; then the caller's is there again.
    pub(super) fn enter(&mut self, routine: &'e Routine, base: usize, out: &mut Value) -> Run<()> {
        let caller = (self.routine, self.base);
        (self.routine, self.base) = (routine, base);
        self.witness.call(routine);
        let mut done = self.eval(&routine.code, out);
        if done.is_ok() && !matches!(see::look(out, &routine.result), Look::Same) {
            let what = || format!("the result of `{}`", routine.name);
            done = self.reread(out, &routine.result, routine.code.span, what);
        }
        (self.routine, self.base) = caller;
        self.close_frames(base);
        self.witness.back();
        done
    }

    /// The variables of the routine.
    pub(super) fn frame(&self) -> &[Value] {
        self.slots.get(self.base..).unwrap_or_default()
    }

    /// A frame that was opened, and what there is to point at from the one below.
    pub(super) fn frame_above(&mut self, base: usize) -> (Scene<'_>, &mut [Value]) {
        let left = DEPTH.saturating_sub(self.depth);
        let (below, above) = self.slots.split_at_mut(base);
        let frame = below.get(self.base..).unwrap_or_default();
        (Scene { frame, settings: self.context.settings, left }, above)
    }

    /// Takes away the frames from `base` on. What lies in them is dropped when something else takes its place.
    #[inline]
    pub(super) fn close_frames(&mut self, base: usize) {
        self.top = base;
    }

    /// The value of an expression, into an empty place. After an error there is nothing of use in it.
    #[inline]
    pub(super) fn eval(&mut self, code: &'e Code, out: &mut Value) -> Run<()> {
        match (&code.op, code.path()) {
            _ if W::HEARS => self.work(code, out),
            (Op::Const(value), _) => copy(value, out),
            (Op::Local(slot), _) => self.local(*slot, out),
            (_, Some(path)) => self.follow(code, path, out),
            _ => self.work(code, out),
        }
    }

    /// The value at the end of a path.
    #[inline(never)]
    fn follow(&mut self, code: &'e Code, path: &'e Path, out: &mut Value) -> Run<()> {
        match self.walk(path) {
            Peek::At(value) => copy(value, out),
            Peek::Nothing => Err(Stop::Nothing),
            Peek::Unknown => self.work(code, out),
        }
    }

    /// The value of an operation.
    fn work(&mut self, code: &'e Code, out: &mut Value) -> Run<()> {
        self.deeper(code)?;
        let done = self.operate(code, out);
        self.depth -= 1;
        self.witness.leave(code, done.as_ref().ok().map(|()| &*out));
        done
    }

    /// The same for those who have no place for it.
    pub(super) fn value(&mut self, code: &'e Code) -> Run<Value> {
        let mut value = Value::Missing;
        self.eval(code, &mut value)?;
        Ok(value)
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
    fn operate(&mut self, code: &'e Code, out: &mut Value) -> Run<()> {
        let span = code.span;
        match &code.op {
            Op::Const(value) => copy(value, out),
            Op::Local(slot) => self.local(*slot, out),
            Op::Settings => copy(self.context.settings, out),
            Op::Template(parts) => self.template(parts, span, out),
            Op::List(items) => self.list(items, out),
            Op::Record(statements) => self.record(statements, out),
            Op::Field { base, name, step } => self.field(code, base, name, step, out),
            Op::Index { base, index, step } => self.index(code, base, index, step, out),
            Op::Chain(inner) => self.chain(inner, out),
            Op::Maybe(inner) => self.maybe(inner, out),
            Op::Coalesce(value, otherwise) => self.coalesce(value, otherwise, out),
            Op::Catch { value, otherwise, slot } => self.catch(value, otherwise, *slot, out),
            Op::And(..) | Op::Or(..) | Op::Not(_) | Op::Compare { .. } | Op::In { .. } => {
                self.decision(code).map(|holds| put(out, Value::Bool(holds)))
            }
            Op::Arithmetic { .. } | Op::Negate(_) => self.arithmetic(code, out),
            Op::If { condition, then, otherwise } => self.decide(condition, then, otherwise, out),
            Op::Match { subject, arms, otherwise } => self.choose(span, subject, arms, otherwise, out),
            Op::For(body) => self.each(body, out),
            Op::Let { slot, value, body } => self.bind(*slot, value, body, out),
            Op::Call { routine, args } => self.call(*routine, args, span, out),
            Op::Builtin { args, .. } => self.builtin(code, args, out),
            Op::Script { script, function, args, result } => self.script(*script, function, args, result, span, out),
            Op::Table { table, keys } => self.table(*table, keys, span, out),
            Op::Fail(message) => self.refuse(message, span),
            Op::View { value, ty, project } => self.view(value, ty, *project, out),
        }
    }

    /// What is true or false.
    fn decision(&mut self, code: &'e Code) -> Run<bool> {
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

    fn local(&self, slot: usize, out: &mut Value) -> Run<()> {
        copy(self.frame().get(slot).unwrap_or(&Value::Missing), out)
    }

    fn chain(&mut self, inner: &'e Code, out: &mut Value) -> Run<()> {
        match self.eval(inner, out) {
            Err(Stop::Nothing) => {
                *out = Value::Missing;
                Ok(())
            }
            done => done,
        }
    }

    fn maybe(&mut self, inner: &'e Code, out: &mut Value) -> Run<()> {
        self.eval(inner, out)?;
        match out.is_absent() {
            true => Err(Stop::Nothing),
            false => Ok(()),
        }
    }

    fn decide(&mut self, condition: &'e Code, then: &'e Code, otherwise: &'e Code, out: &mut Value) -> Run<()> {
        let taken = if self.condition(condition)? { then } else { otherwise };
        let done = self.eval(taken, out);
        self.taken(Role::Arm, taken.span, done, out)
    }

    fn bind(&mut self, slot: usize, value: &'e Code, body: &'e Code, out: &mut Value) -> Run<()> {
        let value = self.value(value)?;
        self.set(slot, value, Bound::Value);
        self.eval(body, out)
    }

    fn refuse(&mut self, message: &'e Code, span: Span) -> Run<()> {
        let message = self.message(message)?;
        Err(fail(ErrorCode::Failed, message, span))
    }

    fn arithmetic(&mut self, code: &'e Code, out: &mut Value) -> Run<()> {
        let quantity = self.tree(code)?;
        let value = quantity.finish().map_err(|failure| place(failure, code.span))?;
        put(out, value);
        Ok(())
    }

    pub(super) fn set(&mut self, slot: usize, value: Value, from: Bound) {
        self.witness.bind(slot, &value, from);
        let base = self.base;
        drop(std::mem::replace(&mut self.slots[base + slot], value));
    }

    /// Gives a slot a value that lies elsewhere, seen as `ty`; `what` names it for the message.
    #[inline]
    pub(super) fn set_seen(
        &mut self,
        slot: usize,
        value: &Value,
        ty: &Type,
        span: Span,
        from: Bound,
        what: impl Fn(&Self) -> String,
    ) -> Run<()> {
        if matches!(see::look(value, ty), Look::Same) {
            self.witness.bind(slot, value, from);
            let base = self.base;
            self.slots[base + slot].clone_from(value);
            return Ok(());
        }
        let value = self.read(value, ty, span, || what(self))?;
        self.set(slot, value, from);
        Ok(())
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

    fn template(&mut self, parts: &'e [Part], span: Span, out: &mut Value) -> Run<()> {
        // A hole may hold a template of its own, which begins with an empty one.
        let mut text = std::mem::take(&mut self.scratch.text);
        text.clear();
        for part in parts {
            match part {
                Part::Plain(plain) => text.push_str(plain),
                Part::Hole(hole) => {
                    let written = match self.peek(hole) {
                        Peek::At(value) => see::write(value, &mut text),
                        _ => see::write(&self.value(hole)?, &mut text),
                    };
                    written.map_err(|failure| place(failure, hole.span))?;
                }
            }
            self.check_text(&text, span)?;
        }
        put(out, Value::from(text.as_str()));
        self.scratch.text = text;
        Ok(())
    }

    /// The text of `fail`, `require`: a value that is no text is written as it is.
    fn message(&mut self, code: &'e Code) -> Run<String> {
        let value = self.value(code)?;
        Ok(see::written(&value).unwrap_or_else(|_| describe(&value)))
    }

    fn list(&mut self, items: &'e [Code], out: &mut Value) -> Run<()> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            self.eval(item, next(&mut values))?;
        }
        put(out, Value::from(values));
        Ok(())
    }

    fn record(&mut self, statements: &'e [Statement], out: &mut Value) -> Run<()> {
        let mut fields = Fields::new(self.scratch.places.pop().unwrap_or_default(), statements.len());
        self.statements(statements, &mut fields)?;
        put(out, Value::Record(fields.finish()));
        self.scratch.places.push(fields.places());
        Ok(())
    }

    fn statements(&mut self, statements: &'e [Statement], fields: &mut Fields) -> Run<()> {
        statements.iter().try_for_each(|statement| self.statement(statement, fields))
    }

    fn statement(&mut self, statement: &'e Statement, fields: &mut Fields) -> Run<()> {
        match statement {
            Statement::Let { slot, value } => self.value(value).map(|value| self.set(*slot, value, Bound::Value)),
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
                self.refuse(message, *span)
            }
        }
    }

    fn assign(&mut self, path: &'e [Text], value: &'e Code, span: Span, fields: &mut Fields) -> Run<()> {
        self.witness.assign(path, span);
        if fields.takes(path) {
            self.assigned(value, span, fields.place())?;
            fields.keep(path);
        } else {
            let mut assigned = Value::Missing;
            self.assigned(value, span, &mut assigned)?;
            fields.assign(path, assigned);
        }
        Ok(())
    }

    /// The value of an assignment.
    #[inline]
    fn assigned(&mut self, value: &'e Code, span: Span, out: &mut Value) -> Run<()> {
        let done = self.eval(value, out);
        let done = self.taken(Role::Field, span, done, out);
        self.witness.assigned(done.as_ref().ok().map(|()| &*out));
        done
    }

    fn spread(&mut self, code: &'e Code, fields: &mut Fields) -> Run<()> {
        let value = self.value(code)?;
        let Value::Record(record) = &value else {
            let message = format!("{} is {}, only a record can be spread", self.what(code), describe(&value));
            return Err(fail(ErrorCode::Type, message, code.span));
        };
        self.charge(record.len() as u64 / 16, code.span)?;
        self.witness.spread(record);
        fields.spread(record);
        Ok(())
    }

    fn field(&mut self, code: &'e Code, base: &'e Code, name: &Text, step: &'e Step, out: &mut Value) -> Run<()> {
        match self.peek(base) {
            Peek::At(base @ Value::Record(record)) => return self.step(code, base, record.get(name), step, out),
            Peek::Nothing => return Err(Stop::Nothing),
            _ => {}
        }
        let value = self.value(base)?;
        match &value {
            Value::Record(record) => self.step(code, &value, record.get(name), step, out),
            Value::Money(money) if &**name == "amount" => copy(&Value::from(money.with_decimals().amount), out),
            Value::Money(money) if &**name == "currency" => copy(&Value::from(money.currency.code()), out),
            Value::Missing | Value::Null => Err(self.nothing_below(&value, base, code)),
            other => {
                let message = format!("{} is {}: it has no field `{name}`", self.what(base), describe(other));
                Err(fail(ErrorCode::Type, message, dot(code, base)))
            }
        }
    }

    fn index(&mut self, code: &'e Code, base: &'e Code, index: &'e Code, step: &'e Step, out: &mut Value) -> Run<()> {
        if let (Peek::At(base @ Value::List(items)), Op::Const(index)) = (self.peek(base), &index.op) {
            return self.step(code, base, see::element(items, index), step, out);
        }
        let value = self.value(base)?;
        let at = self.value(index)?;
        match (&value, &at) {
            (Value::List(items), Value::Number(_)) => self.step(code, &value, see::element(items, &at), step, out),
            (Value::Record(record), Value::Text(key)) => self.step(code, &value, record.get(key), step, out),
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
    fn step(&self, code: &'e Code, base: &Value, found: Option<&Value>, step: &'e Step, out: &mut Value) -> Run<()> {
        let seen = see::see(found.unwrap_or(&Value::Missing), &step.ty);
        match seen {
            Ok(Seen::Value(value)) => {
                put(out, value);
                Ok(())
            }
            Ok(Seen::Absent) if step.tolerant => Err(Stop::Nothing),
            Ok(Seen::Absent) if step.ty.missing => Ok(()),
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
    pub(super) fn read(&self, value: &Value, ty: &Type, span: Span, what: impl Fn() -> String) -> Run<Value> {
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

    /// The same of a value that stays where it is.
    #[inline(never)]
    pub(super) fn reread(&self, value: &mut Value, ty: &Type, span: Span, what: impl Fn() -> String) -> Run<()> {
        *value = self.read(value, ty, span, what)?;
        Ok(())
    }

    fn view(&mut self, code: &'e Code, ty: &'e Type, project: bool, out: &mut Value) -> Run<()> {
        let value = self.value(code)?;
        let seen = match project {
            true => see::project(&value, ty),
            false => see::check(&value, ty),
        };
        match seen {
            Ok(Seen::Value(value)) => {
                put(out, value);
                Ok(())
            }
            Ok(Seen::Absent) if ty.missing => Ok(()),
            Ok(Seen::Absent) => {
                let message = format!("{} is {}, expected {ty}", self.what(code), describe(&value));
                Err(fail(ErrorCode::Absent, message, code.span))
            }
            Err(misfit) => Err(self.misfit(misfit, code, code.span)),
        }
    }

    fn coalesce(&mut self, value: &'e Code, otherwise: &'e Code, out: &mut Value) -> Run<()> {
        let done = self.eval(value, out);
        let absent = match &done {
            Ok(()) => out.is_absent(),
            Err(stop) => matches!(stop, Stop::Nothing),
        };
        if absent || done.is_ok() && self.instead(Role::Present, value.span).is_some() {
            *out = Value::Missing;
            return self.otherwise(otherwise, out);
        }
        done
    }

    fn otherwise(&mut self, otherwise: &'e Code, out: &mut Value) -> Run<()> {
        let done = self.eval(otherwise, out);
        self.taken(Role::Otherwise, otherwise.span, done, out)
    }

    fn catch(&mut self, value: &'e Code, otherwise: &'e Code, slot: usize, out: &mut Value) -> Run<()> {
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

    fn compare(&mut self, op: CompareOp, left: &'e Code, right: &'e Code, span: Span) -> Run<bool> {
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

    fn contained(&mut self, value: &'e Code, list: &'e Code, span: Span) -> Run<bool> {
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

    fn items(&mut self, code: &'e Code) -> Run<Arc<Vec<Value>>> {
        match self.value(code)? {
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

    fn each(&mut self, each: &'e For, out: &mut Value) -> Run<()> {
        let items = self.items(&each.list)?;
        let mut kept = Vec::with_capacity(if each.condition.is_none() { items.len() } else { 0 });
        for (n, item) in items.iter().enumerate() {
            self.charge(1, each.list.span)?;
            self.set_seen(each.item, item, &each.element, each.list.span, Bound::Element(n), |machine| {
                format!("an element of {}", machine.what(&each.list))
            })?;
            if let Some(condition) = &each.condition
                && !self.condition(condition)?
            {
                continue;
            }
            if let Some(index) = each.index {
                self.set(index, Value::from(kept.len() as i64), Bound::Count);
            }
            self.eval(&each.body, next(&mut kept))?;
        }
        put(out, Value::from(kept));
        Ok(())
    }
}

/// Whether it holds no other values, so that comparing with it is one step.
fn is_one(value: &Value) -> bool {
    !matches!(value, Value::List(_) | Value::Record(_))
}

/// Copies into an empty place.
#[inline]
fn copy(value: &Value, out: &mut Value) -> Run<()> {
    put_copy(out, value);
    Ok(())
}

/// Copies into an empty place. What most values are is written where it stays.
pub(super) fn put_copy(out: &mut Value, value: &Value) {
    match value {
        Value::Text(text) => put(out, Value::Text(text.clone())),
        Value::Number(number) => put(out, Value::Number(number.clone())),
        Value::Record(record) => put(out, Value::Record(record.clone())),
        Value::List(items) => put(out, Value::List(items.clone())),
        other => put(out, other.clone()),
    }
}

/// Fills an empty place. Not by assigning, which drops what is there first: whatever that might do, the new value would
/// have to lie somewhere else until it is done.
#[inline]
pub(super) fn put(out: &mut Value, value: Value) {
    debug_assert!(matches!(out, Value::Missing), "the place is not empty");
    std::mem::forget(std::mem::replace(out, value));
}

/// A new place at the end of a list.
fn next(values: &mut Vec<Value>) -> &mut Value {
    let at = values.len();
    values.push(Value::Missing);
    &mut values[at]
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

impl Failure {
    /// What a built-in says, at the place of its call.
    #[cold]
    pub(super) fn of(mut self, function: &str, span: Span) -> Stop {
        if self.0.placed.is_none() {
            self.0.message = format!("{function}(): {}", self.0.message);
        }
        place(self, span)
    }
}

/// A failure at a place, unless it has one.
#[cold]
pub(super) fn place(failure: Failure, span: Span) -> Stop {
    let reason = *failure.0;
    match reason.placed {
        Some(error) => Stop::Error(Box::new(error)),
        None => fail(reason.code, reason.message, span),
    }
}

#[cold]
pub(super) fn fail(code: ErrorCode, message: impl Into<String>, span: Span) -> Stop {
    Stop::Error(Box::new(EvalError::new(code, message, span)))
}
