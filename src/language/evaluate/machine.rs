//! The machine that runs code: one stack of slots, one counter of steps, one of depth.
//!
//! An operation writes its value into the place where it stays (`out`, empty before): a value that is put together
//! elsewhere is moved in larger pieces than it was written in, and the processor waits for its own writes.
//!
//! `?` finding nothing is a signal ([`Stop::Nothing`]), not an error: the chain around it takes it. Every operation has
//! its own small function, so that the frames of a deep evaluation stay small in debug builds too.

use super::peek::{Peek, Scene};
use super::see::{self, Look};
use super::{Bound, Context, ErrorCode, EvalError, Failure, Witness};
use crate::diagnostics::Span;
use crate::language::Expression;
use crate::language::code::{Code, Op, Program, Routine};
use crate::language::path::Path;
use crate::language::types::Type;
use crate::value::{Place, Value};
use std::cell::Cell;

/// How deep operations nest: through expressions, fns that call fns, and lambdas. With the frames of a debug build this
/// stays below 1 MiB, half of a worker thread's stack; a test runs it on that much.
pub(super) const DEPTH: usize = 400;

/// Most variables, places of fields, elements and bytes of text that a thread keeps room for between evaluations.
const KEPT: usize = 1024;

/// Room that one evaluation leaves to the next of its thread. Nothing of the data stays in it.
#[derive(Default)]
pub(super) struct Scratch {
    slots: Vec<Value>,
    /// Empty places for the fields of records.
    pub(super) places: Vec<Vec<Place>>,
    /// Empty lists, for elements that are gathered.
    pub(super) lists: Vec<Vec<Value>>,
    /// Where templates are put together.
    pub(super) text: String,
}

thread_local! {
    static SCRATCH: Cell<Scratch> = Cell::default();
}

impl Scratch {
    fn keep(mut self) {
        self.slots.clear();
        self.text.clear();
        let places: usize = self.places.iter().map(Vec::len).sum();
        let elements: usize = self.lists.iter().map(Vec::capacity).sum();
        let most = self.slots.capacity().max(places).max(elements);
        if most <= KEPT && self.text.capacity() <= 16 * KEPT {
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
    pub(super) steps: u64,
    pub(super) depth: usize,
    /// The variables of the routines that are running; behind them what is left of others.
    slots: Vec<Value>,
    /// How many of them are in use.
    top: usize,
    pub(super) scratch: Scratch,
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
    pub(super) fn sink(&mut self, span: Span) -> Run<()> {
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

    fn local(&self, slot: usize, out: &mut Value) -> Run<()> {
        copy(self.frame().get(slot).unwrap_or(&Value::Missing), out)
    }

    fn bind(&mut self, slot: usize, value: &'e Code, body: &'e Code, out: &mut Value) -> Run<()> {
        let value = self.value(value)?;
        self.set(slot, value, Bound::Value);
        self.eval(body, out)
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
    pub(super) fn check_length(&self, bytes: usize, span: Span) -> Run<()> {
        let limit = self.context.limits.text;
        if bytes > limit { Err(too_long(limit, span)) } else { Ok(()) }
    }
}

/// Copies into an empty place.
#[inline]
pub(super) fn copy(value: &Value, out: &mut Value) -> Run<()> {
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
