//! What leaves an expression for other code: fns, built-ins and their lambdas, scripts, tables.

use super::call::{Argument as Given, Call, Host};
use super::machine::{Machine, Run, Stop, fail, place, put, put_copy};
use super::peek::Peek;
use super::see::{self, Look, describe};
use super::watch::Role;
use super::{Bound, ErrorCode, Limits, Witness};
use crate::diagnostics::Span;
use crate::language::code::{Argument, Code, Op, TableKey};
use crate::language::types::Type;
use crate::value::{Text, Value};

/// How much deeper a lambda lies than the built-in that calls it.
const BUILTIN: usize = 2;

impl<'e, W: Witness> Machine<'e, '_, W> {
    pub(super) fn call(&mut self, routine: usize, args: &'e [Code], span: Span, out: &mut Value) -> Run<()> {
        self.charge(1, span)?;
        let routine = &self.program.routines[routine];
        let base = self.open_frame(routine);
        for (slot, (arg, (name, ty))) in args.iter().zip(&routine.params).enumerate() {
            if let Err(stop) = self.pass(base, slot, arg, ty, || format!("`{name}` of `{}`", routine.name)) {
                self.close_frames(base);
                return Err(stop);
            }
        }
        let mut done = self.enter(routine, base, out);
        if let Err(Stop::Error(error)) = &mut done {
            error.trace.push(span);
        }
        done
    }

    /// Gives a frame that was opened the value of a parameter.
    fn pass(&mut self, base: usize, slot: usize, arg: &'e Code, ty: &Type, what: impl Fn() -> String) -> Run<()> {
        if !W::HEARS {
            let (scene, frame) = self.frame_above(base);
            if let (Peek::At(value), Some(place)) = (scene.peek(arg), frame.get_mut(slot))
                && matches!(see::look(value, ty), Look::Same)
            {
                place.clone_from(value);
                return Ok(());
            }
        }
        let mut value = self.value(arg)?;
        if !matches!(see::look(&value, ty), Look::Same) {
            self.reread(&mut value, ty, arg.span, what)?;
        }
        if let Some(place) = self.frame_above(base).1.get_mut(slot) {
            *place = value;
        }
        Ok(())
    }

    /// `code` is the whole operation. Few arguments lie on the stack.
    pub(super) fn builtin(&mut self, code: &'e Code, args: &'e [Argument], out: &mut Value) -> Run<()> {
        self.charge(1, code.span)?;
        match args {
            [one] => {
                let mut given = [Given::NONE];
                self.give(one, &mut given[0])?;
                self.run_builtin(code, &given, out)
            }
            [one, two] => {
                let mut given = [Given::NONE, Given::NONE];
                self.give(one, &mut given[0])?;
                self.give(two, &mut given[1])?;
                self.run_builtin(code, &given, out)
            }
            [one, two, three] => {
                let mut given = [Given::NONE, Given::NONE, Given::NONE];
                self.give(one, &mut given[0])?;
                self.give(two, &mut given[1])?;
                self.give(three, &mut given[2])?;
                self.run_builtin(code, &given, out)
            }
            args => {
                let mut given = vec![];
                for arg in args {
                    let mut one = Given::NONE;
                    self.give(arg, &mut one)?;
                    given.push(one);
                }
                self.run_builtin(code, &given, out)
            }
        }
    }

    fn give(&mut self, arg: &'e Argument, given: &mut Given<'e>) -> Run<()> {
        match arg {
            Argument::Value(Code { op: Op::Const(value), .. }) if !W::HEARS => *given = Given::Constant(value),
            Argument::Value(code @ Code { op: Op::Arithmetic { .. } | Op::Negate(_), .. }) => {
                *given = Given::Quantity(self.operands(code)?, code.span);
            }
            Argument::Value(code) => {
                if let Given::Value(place) = given {
                    self.eval(code, place)?;
                }
            }
            Argument::Lambda { params, body } => *given = Given::Lambda(params, body),
        }
        Ok(())
    }

    fn run_builtin(&mut self, code: &'e Code, given: &[Given<'e>], out: &mut Value) -> Run<()> {
        let Op::Builtin { function, overload, prepared, .. } = &code.op else { return Ok(()) };
        // A built-in's own frames lie between this operation and those of its lambda.
        self.depth += BUILTIN;
        let done = (function.run)(&mut Call::new(self, prepared.as_ref(), given, *overload, code.span), out);
        self.depth -= BUILTIN;
        if let Err(failure) = done {
            return Err(failure.of(function.name, code.span));
        }
        if let Value::Text(text) = out {
            self.check_length(text.len(), code.span)?;
        }
        Ok(())
    }

    pub(super) fn script(
        &mut self,
        script: usize,
        function: &Text,
        args: &'e [Code],
        result: &'e Type,
        span: Span,
        out: &mut Value,
    ) -> Run<()> {
        self.charge(1, span)?;
        let values = args.iter().map(|arg| self.value(arg)).collect::<Run<Vec<_>>>()?;
        let called = self.program.scripts[script].call(function, &values);
        let value = called.map_err(|failure| match place(failure, span) {
            // It has the script's own place: then this is where the script was called.
            Stop::Error(mut error) if error.span != span => {
                error.trace.push(span);
                Stop::Error(error)
            }
            other => other,
        })?;
        put(out, self.fit(value, result, span, || format!("the result of `{function}`"))?);
        Ok(())
    }

    pub(super) fn table(&mut self, table: usize, keys: &'e [Code], span: Span, out: &mut Value) -> Run<()> {
        let program = self.program;
        let table = &program.tables[table];
        if let [key] = keys
            && let Peek::At(Value::Text(text)) = self.peek(key)
            && let Some(value) = table.rows.of_text(text).and_then(|row| row.value.as_ref())
        {
            put_copy(out, value);
            return Ok(());
        }
        let mut wanted = Vec::with_capacity(keys.len());
        for key in keys {
            let value = self.value(key)?;
            wanted.push(TableKey::of(&value).ok_or_else(|| {
                let message = format!("{} is {}, which is no key of a table", self.what(key), describe(&value));
                fail(ErrorCode::Type, message, key.span)
            })?);
        }
        let row = table.rows.get(&wanted);
        self.witness.row(table, row);
        if let Some(value) = row.map_or(table.otherwise.as_ref(), |row| row.value.as_ref()) {
            let place = row.map_or(table.span, |row| row.span);
            put_copy(out, value);
            return self.taken(Role::Row, place, Ok(()), out);
        }
        let shown: Vec<String> = wanted.iter().map(show_key).collect();
        let message = format!("table `{}` has no row for {}", table.name, shown.join(", "));
        Err(fail(ErrorCode::NoRow, message, span))
    }
}

impl<'e, W: Witness> Host<'e> for Machine<'e, '_, W> {
    /// Calls a lambda of this frame.
    fn lambda(&mut self, params: &'e [(usize, Type)], body: &'e Code, values: &[Value]) -> Run<Value> {
        self.charge(1, body.span)?;
        for ((slot, ty), value) in params.iter().zip(values) {
            self.set_seen(*slot, value, ty, body.span, Bound::Lambda, |_| "an element".into())?;
        }
        let mut value = Value::Missing;
        match self.eval(body, &mut value) {
            Ok(()) => Ok(value),
            Err(Stop::Nothing) => Ok(Value::Missing),
            Err(stop) => Err(stop),
        }
    }

    fn charge(&mut self, steps: u64, span: Span) -> Run<()> {
        Machine::charge(self, steps, span)
    }

    fn limits(&self) -> &Limits {
        self.context.limits
    }
}

fn show_key(key: &TableKey) -> String {
    match key {
        TableKey::Text(text) => see::quote(text),
        TableKey::Number(number) => number.clone(),
        TableKey::Bool(value) => value.to_string(),
        TableKey::Date(date) => date.to_string(),
    }
}
