//! Answers → outcomes: where the result stands, what is not there, and what an error means. The catalogue says all of
//! it; what it does not know is read as carefully as for a system never seen.

use super::changeset;
use super::http::{Answer, SendError};
use super::oauth::TokenError;
use super::request::Bound;
use crate::catalog::TypeRef;
use crate::engine::connector::{Row, Sent, StepError};
use crate::graph::ErrorClass;
use crate::language::types::{Kind, Type};
use crate::value::{Record, Text, Value, json};

/// The status that says that an upsert made a row.
const CREATED: u16 = 201;

/// Longest message of a provider that is kept.
const LONGEST_MESSAGE: usize = 500;
/// Longest body of an error that is kept.
const LONGEST_BODY: usize = 8 << 10;

impl Bound<'_> {
    /// What an answer that is no success means.
    pub fn refusal(&self, answer: &Answer) -> StepError {
        if let Some(error) = changeset::refusal(self, answer) {
            return error;
        }
        let status = answer.status;
        if (300..400).contains(&status) {
            let message = format!("{} answered {status}: what was asked for is elsewhere", self.system.title);
            return StepError {
                status: Some(status),
                sent: Sent::Undone,
                hint: Some("redirects are not followed; is the connection's address the system's own?".into()),
                ..StepError::new(ErrorClass::Config, "redirected", message)
            };
        }
        let body = json::parse(&answer.body).unwrap_or(Value::Missing);
        let classified = self.system.classify(Some(self.operation), status, &body, &|name| answer.header(name));
        let told = told(&classified.message, classified.trace.as_deref());
        StepError { message: told, ..StepError::refused(classified, status, kept(&answer.body, body)) }
    }

    /// The result of a single answer; `None` where nothing is to be read.
    pub fn result(&self, answer: &Answer) -> Result<Value, StepError> {
        let outcome = self.operation.result();
        match outcome.ty {
            TypeRef::None => return Ok(Value::Missing),
            TypeRef::Key => {
                let key = self.key(&Value::Missing).unwrap_or_default();
                let key: Record = key.into_iter().map(|(column, value)| (Text::from(column), value)).collect();
                return Ok(Value::Record(key));
            }
            _ => {}
        }
        // "Done" without a word, where the flow alone knows what comes back.
        if answer.body.is_empty() && self.operation.params.values().any(|param| param.ty == Some(TypeRef::Type)) {
            return Ok(if self.graph.result.missing { Value::Missing } else { Value::Null });
        }
        let body = self.json(answer)?;
        let found = match &outcome.at {
            Some(at) => at
                .find(&body)
                .cloned()
                .ok_or_else(|| self.unread(answer, &format!("has nothing at {}", at.as_str())))?,
            None => body,
        };
        Ok(self.without_notes(found))
    }

    /// The answer's body. What cannot be read leaves open whether the work was done.
    pub fn json(&self, answer: &Answer) -> Result<Value, StepError> {
        json::parse(&answer.body).map_err(|error| self.unread(answer, &format!("is not JSON: {error}")))
    }

    /// The error of an answer that should have been another.
    pub fn unread(&self, answer: &Answer, why: &str) -> StepError {
        let trace = self.system.http.as_ref().and_then(|http| http.trace.as_ref());
        let header = |name: &str| answer.header(name);
        let trace = trace.and_then(|place| place.in_response(&header));
        let message = format!("the answer of {} {why}", self.system.title);
        StepError {
            status: Some(answer.status),
            body: beginning(&answer.body),
            ..StepError::new(ErrorClass::Unavailable, "unreadable_answer", told(&message, trace))
        }
    }

    /// A row as the step gives it: what a create says beside the row, the row's name.
    pub fn row(&self, value: Value, created: bool, status: Option<u16>) -> Row {
        let key = self.key_text(&value);
        let value = match value {
            Value::Record(mut row) if self.operation.short_name() == "create" => {
                row.set("created".into(), Value::Bool(created));
                Value::Record(row)
            }
            Value::Record(mut row) if self.operation.short_name() == "upsert" => {
                row.set("created".into(), Value::Bool(status == Some(CREATED)));
                Value::Record(row)
            }
            value => value,
        };
        Row { value, key, status }
    }

    /// Without the annotations (`@odata.context`) that the type does not know.
    pub fn without_notes(&self, value: Value) -> Value {
        let known = |name: &str| match &element(&self.graph.result).kind {
            Kind::Record(record) => record.fields.contains_key(name),
            _ => false,
        };
        let tidy = |record: &Record| -> Record {
            let kept = record.iter().filter(|(name, _)| !name.contains("@odata.") || known(name));
            kept.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        match value {
            Value::Record(record) => Value::Record(tidy(&record)),
            Value::List(items) => {
                let tidied = items.iter().map(|item| match item {
                    Value::Record(record) => Value::Record(tidy(record)),
                    other => other.clone(),
                });
                tidied.collect()
            }
            other => other,
        }
    }
}

fn element(ty: &Type) -> &Type {
    match &ty.kind {
        Kind::List(of) => of,
        _ => ty,
    }
}

/// Why no answer came.
pub fn not_answered(error: SendError) -> StepError {
    let message = error.to_string();
    match error {
        SendError::NotSent { .. } => {
            StepError { sent: Sent::Undone, ..StepError::new(ErrorClass::Unavailable, "no_connection", message) }
        }
        SendError::Timeout { .. } => StepError::new(ErrorClass::Timeout, "timeout", message),
        SendError::Broken { .. } => StepError::new(ErrorClass::Unavailable, "connection_lost", message),
    }
}

/// Why there is no token: nothing was sent to the system itself, and no status is its own.
pub fn no_token(error: TokenError) -> StepError {
    let message = format!("no token: {error}");
    let mut told = match error {
        TokenError::Send(error) => StepError { message: message.into(), ..not_answered(error) },
        TokenError::Unavailable { status } => {
            let class = if status == 429 { ErrorClass::Throttled } else { ErrorClass::Unavailable };
            StepError::new(class, "token_unavailable", message)
        }
        TokenError::Refused { .. } => StepError {
            hint: Some("are `tenant`, `client_id` and `client_secret` right, and has the secret not expired?".into()),
            ..StepError::new(ErrorClass::Auth, "token_refused", message)
        },
    };
    told.sent = Sent::Undone;
    told
}

fn told(message: &str, trace: Option<&str>) -> Text {
    let mut said: String = message.chars().take(LONGEST_MESSAGE).collect();
    if said.len() < message.len() {
        said.push('…');
    }
    if let Some(trace) = trace {
        said.push_str(&format!(" (request {})", trace.chars().take(100).collect::<String>()));
    }
    said.into()
}

/// An error's body, where it is short enough to be looked at.
fn kept(bytes: &[u8], body: Value) -> Option<Value> {
    match body {
        Value::Missing => beginning(bytes),
        body if bytes.len() <= LONGEST_BODY => Some(body),
        _ => beginning(bytes),
    }
}

fn beginning(bytes: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(bytes.get(..LONGEST_BODY).unwrap_or(bytes));
    let text: String = text.chars().take(LONGEST_MESSAGE).collect();
    (!text.trim().is_empty()).then(|| Value::from(text))
}
