//! Steps into values: fields, elements, `?`, `??`, and a value seen as its type.

use super::machine::{Machine, Run, Stop, copy, fail, put};
use super::naming::{dot, instead, step_span};
use super::peek::Peek;
use super::see::{self, Look, Misfit, Seen, describe};
use super::watch::Role;
use super::{ErrorCode, Witness};
use crate::diagnostics::Span;
use crate::language::code::{Code, Op, Step};
use crate::language::types::{Kind, Type};
use crate::value::{Text, Value};

impl<'e, W: Witness> Machine<'e, '_, W> {
    pub(super) fn chain(&mut self, inner: &'e Code, out: &mut Value) -> Run<()> {
        match self.eval(inner, out) {
            Err(Stop::Nothing) => {
                *out = Value::Missing;
                Ok(())
            }
            done => done,
        }
    }

    pub(super) fn maybe(&mut self, inner: &'e Code, out: &mut Value) -> Run<()> {
        self.eval(inner, out)?;
        match out.is_absent() {
            true => Err(Stop::Nothing),
            false => Ok(()),
        }
    }

    pub(super) fn coalesce(&mut self, value: &'e Code, otherwise: &'e Code, out: &mut Value) -> Run<()> {
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

    pub(super) fn otherwise(&mut self, otherwise: &'e Code, out: &mut Value) -> Run<()> {
        let done = self.eval(otherwise, out);
        self.taken(Role::Otherwise, otherwise.span, done, out)
    }

    pub(super) fn field(
        &mut self,
        code: &'e Code,
        base: &'e Code,
        name: &Text,
        step: &'e Step,
        out: &mut Value,
    ) -> Run<()> {
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

    pub(super) fn index(
        &mut self,
        code: &'e Code,
        base: &'e Code,
        index: &'e Code,
        step: &'e Step,
        out: &mut Value,
    ) -> Run<()> {
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
    pub(super) fn nothing_below(&self, value: &Value, base: &Code, code: &Code) -> Stop {
        let state = if matches!(value, Value::Null) { "null" } else { "missing" };
        let (base_path, path) = (self.path(base), self.path(code));
        let message =
            format!("`{base_path}` is {state}, so there is no `{path}`; write `{base_path}?` where it may be");
        fail(ErrorCode::Absent, message, dot(code, base))
    }

    /// What a step finds in `base`, as its type.
    pub(super) fn step(
        &self,
        code: &'e Code,
        base: &Value,
        found: Option<&Value>,
        step: &'e Step,
        out: &mut Value,
    ) -> Run<()> {
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

    pub(super) fn misfit(&self, misfit: Misfit, code: &Code, span: Span) -> Stop {
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

    pub(super) fn view(&mut self, code: &'e Code, ty: &'e Type, project: bool, out: &mut Value) -> Run<()> {
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
}
