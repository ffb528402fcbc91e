//! A case's answer as what a connector would make of it: classified through the catalogue, in the shape of the
//! operation's result.

use super::answers::{Answer, AnswerKind};
use super::tree::wrong;
use crate::catalog::{self, Catalog, Entity, Exactly, System, TypeRef};
use crate::diagnostics::Diagnostic;
use crate::engine::connector::{Is, LookOutcome, Outcome, Parameter, Request, Row, Sent, StepError};
use crate::engine::machine::RUN_FAILED;
use crate::graph::ErrorClass;
use crate::value::{Record, Text, Value};

/// An operation under way.
pub struct Asked<'a> {
    system: &'a System,
    operation: &'a catalog::Operation,
    entity: Option<&'a Entity>,
    request: &'a Request,
    path: &'a str,
}

impl<'a> Asked<'a> {
    /// `None`: the catalogue does not know the operation, which no compiled flow has.
    pub fn new(catalog: &'a Catalog, request: &'a Request, path: &'a str) -> Option<Asked<'a>> {
        let (system, operation) = catalog.operation(&request.operation)?;
        let entity = request.entity.as_ref().and_then(|name| system.entities.get(name.as_str()));
        Some(Asked { system, operation, entity, request, path })
    }

    /// What became of the sending.
    pub fn sent(&self, answer: &Answer) -> Result<Outcome, Diagnostic> {
        Ok(match &answer.kind {
            AnswerKind::Error { class, code } if self.system.is_engine() => {
                Outcome::Failed(StepError::new(*class, code.clone(), "the answer of this case"))
            }
            AnswerKind::Http { .. } | AnswerKind::Drop { .. } | AnswerKind::Timeout { .. }
                if self.system.is_engine() =>
            {
                return Err(self.unfit(
                    answer,
                    "asks flowctl itself: answer it with `{ value: … }`, `{ rows: […] }` or `{ error: { class, code } }`",
                ));
            }
            AnswerKind::Error { .. } => {
                return Err(self.unfit(answer, "asks a system: its errors have a `status` and a `body`"));
            }
            AnswerKind::Value(Value::Missing) if !self.operation.writes() => Outcome::Missing(self.nothing()),
            AnswerKind::Value(value) if self.is_list() && value.as_list().is_none() => {
                return Err(self.unfit(answer, "gives a list: answer it with `{ rows: […] }`"));
            }
            AnswerKind::Value(value) => Outcome::Done(self.row(value.clone(), true, None)),
            AnswerKind::Rows(_) if self.operation.writes() => {
                return Err(self.unfit(answer, "writes: answer it with `{ value: … }`"));
            }
            AnswerKind::Rows(rows) => self.rows(rows.clone()),
            AnswerKind::Http { status, body, .. } if (200..300).contains(status) => {
                self.success(*status, body, answer)?
            }
            AnswerKind::Http { status, .. } => {
                let error = self.error(answer);
                // What gives nothing and is done already is done.
                if error.is == Some(Is::Done) && self.operation.gives_nothing_to_find() {
                    Outcome::Done(Row::value(Value::Missing))
                } else if self.operation.result().missing.contains(status) {
                    Outcome::Missing(error)
                } else {
                    Outcome::Failed(error)
                }
            }
            AnswerKind::Drop { .. } | AnswerKind::Timeout { .. } => Outcome::Failed(self.error(answer)),
            AnswerKind::Judged { .. } | AnswerKind::Expired => {
                return Err(self.unfit(answer, "asks a system, no person"));
            }
            AnswerKind::Found(_) | AnswerKind::Never => {
                return Err(
                    self.unfit(answer, "is sent here, not looked for: `{ found: … }` answers the look before a repeat")
                );
            }
        })
    }

    /// The answer to what is kept together with the step's result: nothing can go wrong with it.
    pub fn kept(&self, answer: &Answer) -> Result<(), Diagnostic> {
        match &answer.kind {
            AnswerKind::Value(Value::Missing) => Ok(()),
            AnswerKind::Value(Value::Record(fields)) if fields.is_empty() => Ok(()),
            _ => Err(self.unfit(answer, "is kept by flowctl and gives nothing: answer it with `{ value: {} }`")),
        }
    }

    /// How a called run ended: with what the step gives, or in the dead letters.
    pub fn called(&self, answer: &Answer) -> Result<Outcome, Diagnostic> {
        match &answer.kind {
            AnswerKind::Value(value)
                if value.get("state").as_text().is_some_and(|state| state.as_str() == "dead_letter") =>
            {
                Ok(Outcome::Failed(StepError::data(RUN_FAILED, "the called run is in the dead letters")))
            }
            AnswerKind::Value(value) => Ok(Outcome::Done(Row::value(value.clone()))),
            _ => Err(self.unfit(answer, "calls a flow: answer it with `{ value: { run, state, result } }`")),
        }
    }

    /// What a look found.
    pub fn looked(&self, answer: &Answer) -> Result<LookOutcome, Diagnostic> {
        Ok(match &answer.kind {
            AnswerKind::Found(None) => LookOutcome::Found(vec![]),
            AnswerKind::Found(Some(row)) => LookOutcome::Found(vec![self.row(row.clone(), false, None)]),
            AnswerKind::Http { status, .. } if !(200..300).contains(status) => LookOutcome::Failed(self.error(answer)),
            AnswerKind::Drop { .. } | AnswerKind::Timeout { .. } => LookOutcome::Failed(self.error(answer)),
            _ => {
                return Err(self.unfit(
                    answer,
                    "may have been done and is looked for: answer with `{ found: ROW }` or `{ found: missing }`",
                ));
            }
        })
    }

    fn unfit(&self, answer: &Answer, why: &str) -> Diagnostic {
        wrong(format!("this is no answer for `{}`: it {why}", self.path), answer.span)
    }

    fn is_list(&self) -> bool {
        matches!(self.operation.result().ty, TypeRef::List(_))
    }

    fn nothing(&self) -> StepError {
        StepError::data("not_found", format!("{} has no such row", self.system.title))
    }

    fn rows(&self, mut rows: Vec<Value>) -> Outcome {
        if self.is_list() {
            rows.truncate(self.limit());
            return Outcome::Done(Row::value(Value::from(rows)));
        }
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Outcome::Done(self.row(row, true, None)),
            (Some(_), false) => Outcome::Failed(StepError::data("not_unique", "more than one row meets the condition")),
            (None, _) => Outcome::Missing(self.nothing()),
        }
    }

    fn limit(&self) -> usize {
        let limit = self.request.params.iter().find(|(name, _)| name.as_str() == "limit");
        let number = match limit {
            Some((_, Parameter::Value(Value::Number(number)))) => number.exact().ok().and_then(|n| n.to_i64()),
            _ => None,
        };
        number.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX)
    }

    /// The body of a successful answer, read as the catalogue says.
    fn success(&self, status: u16, body: &Value, answer: &Answer) -> Result<Outcome, Diagnostic> {
        let result = self.operation.result();
        let found = match (&result.ty, &result.at) {
            (TypeRef::None, _) => Some(Value::Missing),
            (TypeRef::Key, _) => Some(self.key(&Value::Missing).map_or(Value::Missing, Value::Record)),
            (_, Some(at)) => at.find(body).cloned(),
            (_, None) => Some(body.clone()).filter(|body| !matches!(body, Value::Missing)),
        };
        match found {
            Some(Value::List(rows)) if self.is_list() || result.exactly == Some(Exactly::One) => {
                Ok(self.rows(rows.to_vec()))
            }
            Some(value) if !self.is_list() => Ok(Outcome::Done(self.row(value, true, Some(status)))),
            _ => Err(self.unfit(answer, "answers with a `body` that holds the result where the system puts it")),
        }
    }

    fn error(&self, answer: &Answer) -> StepError {
        match &answer.kind {
            AnswerKind::Http { status, headers, body } => {
                let header = |name: &str| {
                    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
                };
                let understood = self.system.classify(Some(self.operation), *status, body, &header);
                let body = Some(body.clone()).filter(|body| !matches!(body, Value::Missing));
                StepError::refused(understood, *status, body)
            }
            AnswerKind::Timeout { after } => {
                sent(*after, StepError::new(ErrorClass::Timeout, "timeout", "no answer came in time"))
            }
            AnswerKind::Drop { after: false } => sent(
                false,
                StepError::new(ErrorClass::Unavailable, "no_connection", "the connection could not be made"),
            ),
            _ => StepError::new(ErrorClass::Unavailable, "connection_lost", "the connection broke before the answer"),
        }
    }

    /// As the step gives it: what a create says beside the row, the row's name.
    fn row(&self, value: Value, created: bool, status: Option<u16>) -> Row {
        let key = self.key_text(&value);
        let value = match value {
            Value::Record(mut row) if self.operation.short_name() == "create" => {
                row.set("created".into(), Value::Bool(created));
                Value::Record(row)
            }
            // Of an upsert the answer says it; a plain value may.
            Value::Record(mut row) if self.operation.short_name() == "upsert" && !row.contains("created") => {
                row.set("created".into(), Value::Bool(status != Some(200)));
                Value::Record(row)
            }
            value => value,
        };
        Row { value, key, status }
    }

    /// The row's key from the answer, the request's key or the body; the company goes without saying.
    fn key(&self, row: &Value) -> Option<Record> {
        let entity = self.entity?;
        let given = self.request.params.iter().find_map(|(name, param)| match param {
            Parameter::Value(value)
                if self.operation.params.get(name.as_str()).is_some_and(|param| param.ty == Some(TypeRef::Key)) =>
            {
                Some(value)
            }
            _ => None,
        });
        let mut key = Record::new();
        for column in &entity.key {
            let places = [Some(row), given, self.request.body.as_ref()];
            let found = places.into_iter().flatten().map(|place| place.get(column)).find(|value| !value.is_absent());
            match found.or_else(|| given.filter(|value| value.as_record().is_none())) {
                Some(value) => key.set(Text::from(column.as_str()), value.clone()),
                None if self.system.company.as_ref() == Some(column) => {}
                None => return None,
            }
        }
        Some(key)
    }

    fn key_text(&self, row: &Value) -> Option<Text> {
        let company = self.system.company.as_deref();
        let key = self.key(row)?;
        let others = key.iter().filter(|(column, _)| Some(column.as_str()) != company);
        let parts = others.map(|(_, value)| crate::engine::machine::path::key_text(value));
        Some(parts.collect::<Option<Vec<_>>>()?.join("\n").into())
    }
}

fn sent(after: bool, error: StepError) -> StepError {
    if after { error } else { StepError { sent: Sent::Undone, ..error } }
}
