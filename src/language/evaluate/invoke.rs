//! What leaves an expression for other code: fns, built-ins and their lambdas, scripts, tables.

use super::call::{Argument as Given, Call, Host};
use super::machine::{Machine, Run, Stop, fail, place};
use super::peek::Peek;
use super::see::{self, describe};
use super::{Bound, ErrorCode, Limits, Witness};
use crate::diagnostics::Span;
use crate::language::code::{Argument, Code, Op, TableKey};
use crate::language::types::Type;
use crate::value::{Text, Value};

/// How much deeper a lambda lies than the built-in that calls it.
const BUILTIN: usize = 2;

impl<'e, W: Witness> Machine<'e, '_, W> {
    pub(super) fn call(&mut self, routine: usize, args: &'e [Code], span: Span) -> Run<Value> {
        self.charge(1, span)?;
        let routine = &self.program.routines[routine];
        let base = self.top();
        for (arg, (name, ty)) in args.iter().zip(&routine.params) {
            let value = self.eval(arg);
            match value.and_then(|value| self.fit(value, ty, arg.span, || format!("`{name}` of `{}`", routine.name))) {
                Ok(value) => self.push(value),
                Err(stop) => {
                    self.drop_to(base);
                    return Err(stop);
                }
            }
        }
        let mut result = self.enter(routine, base);
        if let Err(Stop::Error(error)) = &mut result {
            error.trace.push(span);
        }
        result
    }

    /// `code` is the whole operation. Few arguments lie on the stack.
    pub(super) fn builtin(&mut self, code: &'e Code, args: &'e [Argument]) -> Run<Value> {
        self.charge(1, code.span)?;
        match args {
            [one] => {
                let given = [self.given(one)?];
                self.run_builtin(code, &given)
            }
            [one, two] => {
                let given = [self.given(one)?, self.given(two)?];
                self.run_builtin(code, &given)
            }
            [one, two, three] => {
                let given = [self.given(one)?, self.given(two)?, self.given(three)?];
                self.run_builtin(code, &given)
            }
            args => {
                let given = args.iter().map(|arg| self.given(arg)).collect::<Run<Vec<_>>>()?;
                self.run_builtin(code, &given)
            }
        }
    }

    /// Copies where it can, instead of having a copy moved on.
    fn given(&mut self, arg: &'e Argument) -> Run<Given<'e>> {
        Ok(match arg {
            Argument::Value(Code { op: Op::Const(value), .. }) if !W::HEARS => Given::Constant(value),
            Argument::Value(code) => match self.peek(code) {
                Peek::At(value) => Given::Value(value.clone()),
                _ => return self.work_out(code),
            },
            Argument::Lambda { params, body } => Given::Lambda(params, body),
        })
    }

    /// An argument that is not simply there.
    fn work_out(&mut self, code: &'e Code) -> Run<Given<'e>> {
        match &code.op {
            Op::Arithmetic { .. } | Op::Negate(_) => Ok(Given::Quantity(self.operands(code)?, code.span)),
            _ => Ok(Given::Value(self.eval(code)?)),
        }
    }

    fn run_builtin(&mut self, code: &'e Code, given: &[Given<'e>]) -> Run<Value> {
        let Op::Builtin { function, overload, prepared, .. } = &code.op else { return Ok(Value::Missing) };
        // A built-in's own frames lie between this operation and those of its lambda.
        self.depth += BUILTIN;
        let result = (function.run)(&mut Call::new(self, prepared.as_ref(), given, *overload, code.span));
        self.depth -= BUILTIN;
        if let Ok(Value::Text(text)) = &result {
            self.check_text(text, code.span)?;
        }
        match result {
            Ok(value) => Ok(value),
            Err(mut failure) => {
                if failure.placed.is_none() {
                    failure.message = format!("{}(): {}", function.name, failure.message);
                }
                Err(place(failure, code.span))
            }
        }
    }

    pub(super) fn script(
        &mut self,
        script: usize,
        function: &Text,
        args: &'e [Code],
        result: &'e Type,
        span: Span,
    ) -> Run<Value> {
        self.charge(1, span)?;
        let values = args.iter().map(|arg| self.eval(arg)).collect::<Run<Vec<_>>>()?;
        let called = self.program.scripts[script].call(function, &values);
        let value = called.map_err(|failure| match place(failure, span) {
            // It has the script's own place: then this is where the script was called.
            Stop::Error(mut error) if error.span != span => {
                error.trace.push(span);
                Stop::Error(error)
            }
            other => other,
        })?;
        self.fit(value, result, span, || format!("the result of `{function}`"))
    }

    pub(super) fn table(&mut self, table: usize, keys: &'e [Code], span: Span) -> Run<Value> {
        let program = self.program;
        let table = &program.tables[table];
        if let [key] = keys
            && let Peek::At(Value::Text(text)) = self.peek(key)
            && let Some(value) = table.rows.of_text(text).and_then(|row| row.value.as_ref())
        {
            return Ok(value.clone());
        }
        let mut wanted = Vec::with_capacity(keys.len());
        for key in keys {
            let value = self.eval(key)?;
            wanted.push(TableKey::of(&value).ok_or_else(|| {
                let message = format!("{} is {}, which is no key of a table", self.what(key), describe(&value));
                fail(ErrorCode::Type, message, key.span)
            })?);
        }
        let row = table.rows.get(&wanted);
        self.witness.row(table, row);
        if let Some(value) = row.map_or(table.otherwise.as_ref(), |row| row.value.as_ref()) {
            return Ok(value.clone());
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
            let value = self.fit(value.clone(), ty, body.span, || "an element".into())?;
            self.set(*slot, value, Bound::Lambda);
        }
        match self.eval(body) {
            Err(Stop::Nothing) => Ok(Value::Missing),
            other => other,
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
