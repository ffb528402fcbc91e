//! An operation of the graph and what it sees → a request with everything evaluated.
//!
//! A computed missing, null or blank in a key or filter is an error here, naming the field: it would widen the search
//! and hand a guest's order to a stranger. One written in the source is meant.

use super::scope::Frame;
use super::{Facts, Run};
use crate::diagnostics;
use crate::engine::connector::{EvaluatedColumn, EvaluatedFilter, Parameter, Request, StepError};
use crate::graph::{ExecutionGraph, Operation, Param, RepeatBy, Slot};
use crate::language::code::{Code, Op, Statement};
use crate::language::evaluate::Limits;
use crate::language::filter::{Column, Filter, Operand};
use crate::language::shape::conform;
use crate::value::{Text, Value};
use jiff::Timestamp;
use std::sync::Arc;

/// What an operation comes to.
pub(super) enum Prepared {
    /// To be sent; the key is still to be set.
    Request(Request),
    /// A blank key with `blank_key: missing`: nothing is sent, nothing found.
    Blank,
    /// An empty list to be found in: nothing is sent, and nothing can be found.
    Nothing,
    /// An update without a change: nothing is sent.
    Unchanged,
}

/// Why a key cannot be asked for.
enum KeyError {
    Blank(StepError),
    Failed(StepError),
}

impl From<StepError> for KeyError {
    fn from(error: StepError) -> KeyError {
        KeyError::Failed(error)
    }
}

/// The request of an operation outside of any run, where only settings can be read. `None`: nothing can be found.
pub fn outside(
    graph: &Arc<ExecutionGraph>,
    operation: &Operation,
    now: Timestamp,
) -> Result<Option<Request>, StepError> {
    let nowhere = nowhere(graph);
    Ok(match nowhere.prepare(operation, &Frame::root(), now)? {
        Prepared::Request(request) => Some(request),
        Prepared::Blank | Prepared::Nothing | Prepared::Unchanged => None,
    })
}

/// The value of a slot outside of any run.
pub fn value_outside(graph: &Arc<ExecutionGraph>, slot: &Slot, now: Timestamp) -> Result<Value, StepError> {
    nowhere(graph).evaluate(slot, &Frame::root(), now)
}

fn nowhere(graph: &Arc<ExecutionGraph>) -> Run {
    let nothing = || Text::from("");
    let facts = Facts {
        project: nothing(),
        id: nothing(),
        dedupe: nothing(),
        revision: nothing(),
        event: Value::Missing,
        trigger: Value::Missing,
    };
    Run::rebuild(Arc::new(facts), graph.clone(), Arc::new(Limits::default()), [])
}

impl Run {
    pub(super) fn prepare(
        &self,
        operation: &Operation,
        frame: &Frame<'_>,
        now: Timestamp,
    ) -> Result<Prepared, StepError> {
        let mut request = Request {
            operation: operation.name.clone(),
            connection: operation.connection.clone(),
            entity: operation.entity.clone(),
            params: Vec::with_capacity(operation.params.len()),
            body: None,
            key: None,
            find_by: Vec::new(),
            now,
        };
        let mut find_by: &[Text] = &[];
        for (name, param) in &operation.params {
            let value = match param {
                Param::Literal(value) => Parameter::Value(value.clone()),
                Param::Columns(columns) if name.as_str() == "find_by" => {
                    find_by = columns;
                    continue;
                }
                Param::Columns(columns) => Parameter::Columns(columns.clone()),
                Param::Slot(slot) if matches!(name.as_str(), "body" | "with") => {
                    request.body = Some(self.body(slot, operation, frame, now)?);
                    continue;
                }
                Param::Writes(members) => {
                    let writes = self.writes(members, frame, now)?;
                    // The set is known by its first write: that is looked for, and its row is the work.
                    if let Some(first) = writes.first() {
                        request.entity = first.request.entity.clone();
                        request.find_by = first.request.find_by.clone();
                    }
                    Parameter::Writes(writes)
                }
                Param::Slot(slot) => match self.evaluate(slot, frame, now)? {
                    Value::Missing => continue,
                    value => Parameter::Value(value),
                },
                Param::Key(slot) => match self.key(name, slot, frame, now) {
                    Ok(value) => Parameter::Value(value),
                    Err(KeyError::Blank(_)) if operation.blank_is_missing => return Ok(Prepared::Blank),
                    Err(KeyError::Blank(error) | KeyError::Failed(error)) => return Err(error),
                },
                Param::Filter { filter, inputs } => match self.filter(filter, inputs, frame, now) {
                    Ok(filter) if filter.is_never() => return Ok(Prepared::Nothing),
                    Ok(filter) => Parameter::Filter(filter),
                    Err(KeyError::Blank(_)) if operation.blank_is_missing => return Ok(Prepared::Blank),
                    Err(KeyError::Blank(error) | KeyError::Failed(error)) => return Err(error),
                },
            };
            request.params.push((name.clone(), value));
        }
        if operation.repeat.by == RepeatBy::Set && matches!(&request.body, Some(Value::Record(body)) if body.is_empty())
        {
            return Ok(Prepared::Unchanged);
        }
        for column in find_by {
            let value = match &request.body {
                Some(Value::Record(body)) => body.get(column).filter(|value| !value.is_blank()),
                _ => None,
            };
            let value = value.ok_or_else(|| blank("find_by", column))?;
            request.find_by.push((column.clone(), value.clone()));
        }
        Ok(Prepared::Request(request))
    }

    fn body(&self, slot: &Slot, operation: &Operation, frame: &Frame<'_>, now: Timestamp) -> Result<Value, StepError> {
        let body = self.evaluate(slot, frame, now)?;
        let Some(ty) = &operation.body else { return Ok(body) };
        conform(&body, ty).map_err(|error| {
            StepError::data("body", error.to_string()).explained(diagnostics::Code::F1106).at(self.place(slot.span))
        })
    }

    fn key(&self, name: &str, slot: &Slot, frame: &Frame<'_>, now: Timestamp) -> Result<Value, KeyError> {
        let value = self.evaluate(slot, frame, now)?;
        let code = &slot.expression.routine.code;
        let blank = |field: &str| KeyError::Blank(blank(name, field).at(self.place(slot.span)));
        match &value {
            Value::Record(fields) => {
                // A field that is missing is not in the record: the code says which there should be.
                for field in written_fields(code) {
                    if fields.get(field).is_none() {
                        return Err(blank(field));
                    }
                }
                for (field, value) in fields.iter() {
                    if value.is_blank() && !is_constant_field(code, field) {
                        return Err(blank(field));
                    }
                }
            }
            value if value.is_blank() && !matches!(code.op, Op::Const(_)) => return Err(blank("")),
            _ => {}
        }
        Ok(value)
    }

    fn filter(
        &self,
        filter: &Filter,
        inputs: &[Text],
        frame: &Frame<'_>,
        now: Timestamp,
    ) -> Result<EvaluatedFilter, KeyError> {
        let all = |parts: &[Filter]| -> Result<Vec<EvaluatedFilter>, KeyError> {
            parts.iter().map(|part| self.filter(part, inputs, frame, now)).collect()
        };
        Ok(match filter {
            Filter::And(parts) => EvaluatedFilter::And(all(parts)?),
            Filter::Or(parts) => EvaluatedFilter::Or(all(parts)?),
            Filter::Not(part) => EvaluatedFilter::Not(Box::new(self.filter(part, inputs, frame, now)?)),
            Filter::Compare { column, op, value, .. } => {
                let value = self.operand(column, value, inputs, frame, now)?;
                EvaluatedFilter::Compare { column: evaluated(column), op: *op, value }
            }
            Filter::In { column, list, .. } => {
                let values = match self.operand_value(list, inputs, frame, now)? {
                    Value::List(values) => values.to_vec(),
                    _ => return Err(KeyError::Blank(self.blank_operand(column, list))),
                };
                if !list.constant && values.iter().any(Value::is_blank) {
                    return Err(KeyError::Blank(self.blank_operand(column, list)));
                }
                EvaluatedFilter::In { column: evaluated(column), values }
            }
            Filter::Function { name, column, args, .. } => {
                let args =
                    args.iter().map(|arg| self.operand(column, arg, inputs, frame, now)).collect::<Result<_, _>>()?;
                EvaluatedFilter::Function { name: name.clone(), column: evaluated(column), args }
            }
        })
    }

    fn operand(
        &self,
        column: &Column,
        operand: &Operand,
        inputs: &[Text],
        frame: &Frame<'_>,
        now: Timestamp,
    ) -> Result<Value, KeyError> {
        let value = self.operand_value(operand, inputs, frame, now)?;
        if !operand.constant && value.is_blank() {
            return Err(KeyError::Blank(self.blank_operand(column, operand)));
        }
        Ok(value)
    }

    fn operand_value(
        &self,
        operand: &Operand,
        inputs: &[Text],
        frame: &Frame<'_>,
        now: Timestamp,
    ) -> Result<Value, StepError> {
        self.expression(&operand.expression, inputs, frame, now)
    }

    fn blank_operand(&self, column: &Column, operand: &Operand) -> StepError {
        let column: Vec<&str> = column.path.iter().map(Text::as_str).collect();
        blank("where", &column.join(".")).at(self.place(operand.span))
    }
}

fn evaluated(column: &Column) -> EvaluatedColumn {
    EvaluatedColumn { path: column.path.clone(), ty: Some(column.ty.clone()) }
}

fn blank(param: &str, field: &str) -> StepError {
    let what = if field.is_empty() { format!("`{param}`") } else { format!("`{field}` in `{param}`") };
    let message = format!("{what} came out missing, null or blank: the search would find what it should not");
    StepError::data("blank_key", message).explained(diagnostics::Code::F1100)
}

/// The fields that a key written as a record assigns at its top level.
fn written_fields(code: &Code) -> impl Iterator<Item = &Text> {
    let statements: &[Statement] = if let Op::Record(statements) = &code.op { statements } else { &[] };
    statements.iter().filter_map(|statement| match statement {
        Statement::Assign { path, .. } => path.first(),
        _ => None,
    })
}

fn is_constant_field(code: &Code, field: &Text) -> bool {
    let Op::Record(statements) = &code.op else { return false };
    statements.iter().any(|statement| {
        matches!(statement, Statement::Assign { path, value, .. }
            if path.first() == Some(field) && matches!(value.op, Op::Const(_)))
    })
}

impl EvaluatedFilter {
    /// Nothing can fulfil it: `row.x in []`.
    fn is_never(&self) -> bool {
        match self {
            EvaluatedFilter::And(parts) => parts.iter().any(EvaluatedFilter::is_never),
            EvaluatedFilter::Or(parts) => parts.iter().all(EvaluatedFilter::is_never),
            EvaluatedFilter::In { values, .. } => values.is_empty(),
            _ => false,
        }
    }
}
