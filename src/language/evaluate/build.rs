//! What is put together of other values: templates, lists, records, `for`.

use super::fields::Fields;
use super::machine::{Machine, Run, fail, place, put};
use super::peek::Peek;
use super::see::{self, describe};
use super::watch::Role;
use super::{Bound, ErrorCode, Witness};
use crate::diagnostics::Span;
use crate::language::code::{Code, For, Part, Statement};
use crate::value::{Text, Value};
use std::sync::Arc;

impl<'e, W: Witness> Machine<'e, '_, W> {
    pub(super) fn template(&mut self, parts: &'e [Part], span: Span, out: &mut Value) -> Run<()> {
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
            self.check_length(text.len(), span)?;
        }
        put(out, Value::from(text.as_str()));
        self.scratch.text = text;
        Ok(())
    }

    pub(super) fn refuse(&mut self, message: &'e Code, span: Span) -> Run<()> {
        let message = self.message(message)?;
        Err(fail(ErrorCode::Failed, message, span))
    }

    /// The text of `fail`, `require`: a value that is no text is written as it is.
    pub(super) fn message(&mut self, code: &'e Code) -> Run<String> {
        let value = self.value(code)?;
        Ok(see::written(&value).unwrap_or_else(|_| describe(&value)))
    }

    pub(super) fn list(&mut self, items: &'e [Code], out: &mut Value) -> Run<()> {
        let mut values = self.scratch.lists.pop().unwrap_or_default();
        for item in items {
            self.eval(item, next(&mut values))?;
        }
        self.listed(values, out);
        Ok(())
    }

    pub(super) fn record(&mut self, statements: &'e [Statement], out: &mut Value) -> Run<()> {
        let mut fields = Fields::new(self.scratch.places.pop().unwrap_or_default(), statements.len());
        self.statements(statements, &mut fields)?;
        put(out, Value::Record(fields.finish()));
        self.scratch.places.push(fields.places());
        Ok(())
    }

    pub(super) fn statements(&mut self, statements: &'e [Statement], fields: &mut Fields) -> Run<()> {
        statements.iter().try_for_each(|statement| self.statement(statement, fields))
    }

    pub(super) fn statement(&mut self, statement: &'e Statement, fields: &mut Fields) -> Run<()> {
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

    pub(super) fn assign(&mut self, path: &'e [Text], value: &'e Code, span: Span, fields: &mut Fields) -> Run<()> {
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
    pub(super) fn assigned(&mut self, value: &'e Code, span: Span, out: &mut Value) -> Run<()> {
        let done = self.eval(value, out);
        let done = self.taken(Role::Field, span, done, out);
        self.witness.assigned(done.as_ref().ok().map(|()| &*out));
        done
    }

    pub(super) fn spread(&mut self, code: &'e Code, fields: &mut Fields) -> Run<()> {
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

    pub(super) fn each(&mut self, each: &'e For, out: &mut Value) -> Run<()> {
        let items = self.items(&each.list)?;
        let mut kept = self.scratch.lists.pop().unwrap_or_default();
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
        self.listed(kept, out);
        Ok(())
    }

    /// Makes a list of what was gathered.
    fn listed(&mut self, mut values: Vec<Value>, out: &mut Value) {
        put(out, values.drain(..).collect());
        self.scratch.lists.push(values);
    }

    pub(super) fn items(&mut self, code: &'e Code) -> Run<Arc<[Value]>> {
        match self.value(code)? {
            Value::List(items) => Ok(items),
            other => {
                let message = format!("{} is {}, expected a list", self.what(code), describe(&other));
                Err(fail(ErrorCode::Type, message, code.span))
            }
        }
    }
}

/// A new place at the end of a list.
fn next(values: &mut Vec<Value>) -> &mut Value {
    let at = values.len();
    values.push(Value::Missing);
    &mut values[at]
}
