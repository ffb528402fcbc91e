//! The machine's entries as the store's envelopes, and back.
//!
//! Everything passes through `value::json`'s tagged form, so that numbers keep their text and missing is not null.
//! Invariant: what is read back folds to the state that was written.

use super::connector::{EvaluatedColumn, EvaluatedFilter, Parameter, Request, StepError, Write};
use super::machine::{Ask, Done, Entry, Fact, Failure, Item, Judgement, NodePath, Ruling};
use crate::language::code::CompareOp;
use crate::store::journal::{self as stored, JournalError, Record as Stored};
use crate::store::{Encoded, JournalEntry, RunError};
use crate::value::json::{self, WriteError};
use crate::value::{Text, Value};
use std::sync::Arc;

/// The code of an attempt that was under way when we went away.
pub const INTERRUPTED: &str = "interrupted";
/// The code of an attempt that was held back before anything was sent.
pub const HELD: &str = "held";

/// An entry as the store keeps it.
pub fn encode(entry: &Entry, seq: i64) -> Result<JournalEntry, JournalError> {
    let (mut generation, mut attempt) = (0, 0);
    let record = match &entry.fact {
        Fact::Started { revision } => Stored::Started(stored::Started { revision: revision.to_string() }),
        Fact::Began => Stored::Began(stored::Began { now: entry.at }),
        Fact::Intent { generation: g, attempt: a, first_sent, request } => {
            (generation, attempt) = (*g, *a);
            Stored::Intent(stored::Intent {
                now: request.now,
                operation: request.operation.to_string(),
                connection: Some(request.connection.to_string()),
                key: request.key.as_ref().map(Text::to_string),
                first_sent: *first_sent,
                request: encoded(&request_value(request))?,
                find_by: match request.find_by.as_slice() {
                    [] => None,
                    columns => Some(encoded(&record(columns.iter().cloned()))?),
                },
            })
        }
        Fact::Failed { generation: g, attempt: a, failure } => {
            (generation, attempt) = (*g, *a);
            let error = run_error(&failure.error, &entry.node)?;
            Stored::Error(stored::Failure { error, open: failure.open, retry_at: failure.retry_at })
        }
        Fact::NotYet { generation: g, attempt: a, next } => {
            (generation, attempt) = (*g, *a);
            Stored::NotYet(stored::NotYet { next: *next })
        }
        Fact::NotFound { generation: g, attempt: a } => {
            (generation, attempt) = (*g, *a);
            Stored::Look(stored::Look { found: None })
        }
        Fact::Done { generation: g, attempt: a, done } => {
            (generation, attempt) = (*g, *a);
            let value = encoded(&done.value)?;
            Stored::Result(stored::StepResult { now: done.now, value, adopted: done.adopted, status: done.status })
        }
        Fact::Skipped => Stored::Skipped(stored::Skipped { now: entry.at }),
        Fact::GaveUp { error, open } => {
            let error = run_error(error, &entry.node)?;
            Stored::Error(stored::Failure { error, open: *open, retry_at: None })
        }
        Fact::RunFailed { step, error } => {
            Stored::Error(stored::Failure { error: run_error(error, step)?, open: false, retry_at: None })
        }
        Fact::Reread { reset } => {
            Stored::Reread(stored::Reread { reset: reset.iter().map(|path| path.as_str().to_owned()).collect() })
        }
        Fact::Asked(ask) => Stored::Asked(stored_ask(ask)?),
        Fact::Judged(judgement) => Stored::Judged(stored_judgement(judgement)),
        Fact::Called { generation: g, attempt: a, run, waits } => {
            (generation, attempt) = (*g, *a);
            Stored::Called(stored::CalledRun { run: run.to_string(), joined: false, waits: *waits })
        }
        Fact::Decision { what, actor, reason, moved_from } => Stored::Decision(stored::Decision {
            what: what.as_str().to_owned(),
            actor: actor.to_string(),
            reason: reason.to_string(),
            value: moved_from.as_ref().map(|path| encoded(&Value::from(path.as_str()))).transpose()?,
        }),
    };
    Ok(JournalEntry { seq, node: entry.node.as_str().to_owned(), generation, attempt, record, at: entry.at })
}

/// The value of a request's parameter.
pub(super) fn param_value<'r>(request: &'r Request, name: &str) -> Option<&'r Value> {
    request.params.iter().find_map(|(known, param)| match param {
        Parameter::Value(value) if known.as_str() == name => Some(value),
        _ => None,
    })
}

/// An envelope as the machine's entry; `None`: the store's own, or a mended payload.
pub fn decode(entry: &JournalEntry) -> Result<Option<Entry>, JournalError> {
    let JournalEntry { generation, attempt, .. } = *entry;
    let node = NodePath::new(entry.node.as_str());
    let fact = match &entry.record {
        Stored::Accepted(_) | Stored::Payload(_) => return Ok(None),
        Stored::Started(started) => Fact::Started { revision: started.revision.as_str().into() },
        Stored::Began(_) => Fact::Began,
        Stored::Intent(intent) => {
            let request = Arc::new(read_request(intent)?);
            Fact::Intent { generation, attempt, first_sent: intent.first_sent, request }
        }
        Stored::Result(result) => {
            let value = decoded(&result.value)?;
            let done = Done { adopted: result.adopted, status: result.status, ..Done::computed(result.now, value) };
            Fact::Done { generation, attempt, done: Box::new(done) }
        }
        Stored::NotYet(not_yet) => Fact::NotYet { generation, attempt, next: not_yet.next },
        Stored::Look(_) => Fact::NotFound { generation, attempt },
        Stored::Error(failure) => {
            let error = step_error(&failure.error)?;
            if node.is_root() {
                let step = NodePath::new(failure.error.step.as_deref().unwrap_or_default());
                Fact::RunFailed { step, error }
            } else if attempt == 0 {
                Fact::GaveUp { error, open: failure.open }
            } else {
                let uncounted = matches!(error.code.as_str(), INTERRUPTED | HELD);
                let failure = Failure { error, open: failure.open, retry_at: failure.retry_at, uncounted };
                Fact::Failed { generation, attempt, failure }
            }
        }
        Stored::Skipped(_) => Fact::Skipped,
        Stored::Reread(reread) => {
            Fact::Reread { reset: reread.reset.iter().map(|path| NodePath::new(path.as_str())).collect() }
        }
        Stored::Asked(asked) => Fact::Asked(Arc::new(read_ask(asked)?)),
        Stored::Judged(judged) => Fact::Judged(Arc::new(read_judgement(judged))),
        Stored::Called(called) => {
            Fact::Called { generation, attempt, run: called.run.as_str().into(), waits: called.waits }
        }
        Stored::Decision(decision) => {
            let what = Ruling::ALL.iter().copied().find(|known| known.as_str() == decision.what);
            let what = what.ok_or_else(|| unreadable(format!("the decision `{}`", decision.what)))?;
            let (actor, reason) = (decision.actor.as_str().into(), decision.reason.as_str().into());
            let moved_from = match (what, &decision.value) {
                (Ruling::Moved, Some(path)) => Some(NodePath::new(text_of(&decoded(path)?)?)),
                _ => None,
            };
            Fact::Decision { what, actor, reason, moved_from }
        }
    };
    Ok(Some(Entry { node, at: entry.at, fact }))
}

/// A question as the store keeps it.
pub(super) fn stored_ask(ask: &Ask) -> Result<stored::Asked, JournalError> {
    let item = |item: &Item| named(&[("key", Value::Text(item.key.clone())), ("row", item.row.clone())]);
    let items = ask.items.as_ref().map(|items| Value::from(items.iter().map(item).collect::<Vec<_>>()));
    Ok(stored::Asked {
        title: ask.title.to_string(),
        detail: ask.detail.as_ref().map(Text::to_string),
        roles: ask.roles.iter().map(Text::to_string).collect(),
        expires_at: ask.expires_at,
        items: items.as_ref().map(encoded).transpose()?,
    })
}

fn read_ask(asked: &stored::Asked) -> Result<Ask, JournalError> {
    let items = asked.items.as_ref().map(decoded).transpose()?;
    let item = |item: &Value| Ok(Item { key: text_of(item.get("key"))?, row: item.get("row").clone() });
    let read = |items: &Value| -> Result<Vec<Item>, JournalError> {
        items.as_list().unwrap_or_default().iter().map(item).collect()
    };
    Ok(Ask {
        title: asked.title.as_str().into(),
        detail: asked.detail.as_deref().map(Text::from),
        roles: asked.roles.iter().map(|role| role.as_str().into()).collect(),
        expires_at: asked.expires_at,
        items: items.as_ref().map(read).transpose()?,
    })
}

/// A person's answer as the store keeps it.
pub(super) fn stored_judgement(judgement: &Judgement) -> stored::Judged {
    stored::Judged {
        approved: judgement.approved,
        without: judgement.without.iter().map(Text::to_string).collect(),
        actor: judgement.actor.to_string(),
        role: judgement.role.as_ref().map(Text::to_string),
        reason: judgement.reason.to_string(),
        at: judgement.at,
    }
}

/// The same, read back.
pub(super) fn read_judgement(judged: &stored::Judged) -> Judgement {
    Judgement {
        approved: judged.approved,
        without: judged.without.iter().map(|key| key.as_str().into()).collect(),
        actor: judged.actor.as_str().into(),
        role: judged.role.as_deref().map(Text::from),
        reason: judged.reason.as_str().into(),
        at: judged.at,
    }
}

/// A step's error as a run's: what the store, the API and the alerts speak of.
pub fn run_error(error: &StepError, step: &NodePath) -> Result<RunError, JournalError> {
    Ok(RunError {
        class: error.class,
        code: error.code.to_string(),
        message: error.message.to_string(),
        hint: error.hint.as_ref().map(Text::to_string),
        status: error.status,
        step: (!step.is_root()).then(|| step.as_str().to_owned()),
        position: error.place.clone(),
        body: error.body.as_ref().map(encoded).transpose()?,
    })
}

fn step_error(error: &RunError) -> Result<StepError, JournalError> {
    let mut told = StepError::new(error.class, error.code.as_str(), error.message.as_str());
    told.hint = error.hint.as_deref().map(Text::from);
    told.status = error.status;
    told.body = error.body.as_ref().map(decoded).transpose()?;
    told.place = error.position.clone();
    Ok(told)
}

/// A request as text: two that are to do the same work, letter by letter, have the same.
pub(super) fn request_text(request: &Request) -> Result<String, WriteError> {
    let head = [&request.operation, &request.connection].map(|text| Value::Text(text.clone()));
    let parts = head.into_iter().chain([request_value(request), record(request.find_by.iter().cloned())]);
    json::write_tagged(&Value::from(parts.collect::<Vec<_>>()))
}

/// What has no column of its own in an intent: `{ entity params body }`.
fn request_value(request: &Request) -> Value {
    let params = request.params.iter().map(|(name, param)| {
        let (kind, value) = match param {
            Parameter::Value(value) => ("value", value.clone()),
            Parameter::Filter(filter) => ("filter", filter_value(filter)),
            Parameter::Columns(columns) => ("columns", texts(columns)),
            Parameter::Writes(writes) => ("writes", writes.iter().map(write_value).collect::<Vec<_>>().into()),
        };
        named(&[("name", Value::Text(name.clone())), (kind, value)])
    });
    let mut fields = vec![("params", Value::from(params.collect::<Vec<_>>()))];
    fields.extend(request.entity.clone().map(|entity| ("entity", Value::Text(entity))));
    fields.extend(request.body.clone().map(|body| ("body", body)));
    named(&fields)
}

/// One write of a change set: a request within the request.
fn write_value(write: &Write) -> Value {
    let refer = write.refer.iter().map(|(column, place)| (column.clone(), Value::from(*place as i64)));
    named(&[
        ("path", Value::Text(write.path.clone())),
        ("operation", Value::Text(write.request.operation.clone())),
        ("request", request_value(&write.request)),
        ("find_by", record(write.request.find_by.iter().cloned())),
        ("refer", record(refer)),
    ])
}

fn read_write(value: &Value, set: &stored::Intent) -> Result<Write, JournalError> {
    let columns = |name: &str| value.get(name).as_record().cloned().unwrap_or_default();
    let refer = columns("refer");
    let refer = refer.iter().map(|(column, place)| {
        let place = place.as_number().and_then(|place| place.exact().ok()).and_then(|place| place.to_i64());
        let place = place.and_then(|place| usize::try_from(place).ok());
        Ok((column.clone(), place.ok_or_else(|| unreadable("the place of a write".to_owned()))?))
    });
    let refer = refer.collect::<Result<_, JournalError>>()?;
    let find_by = columns("find_by");
    let request = Request {
        operation: text_of(value.get("operation"))?,
        key: None,
        find_by: find_by.iter().map(|(column, value)| (column.clone(), value.clone())).collect(),
        ..request_of(value.get("request"), set)?
    };
    Ok(Write { path: text_of(value.get("path"))?, request, refer })
}

fn read_request(intent: &stored::Intent) -> Result<Request, JournalError> {
    let find_by = intent.find_by.as_ref().map(decoded).transpose()?.unwrap_or(Value::Missing);
    let find_by = find_by.as_record().into_iter().flat_map(|columns| columns.iter());
    Ok(Request {
        find_by: find_by.map(|(column, value)| (column.clone(), value.clone())).collect(),
        ..request_of(&decoded(&intent.request)?, intent)?
    })
}

/// What [`request_value`] wrote, with what stands beside it in the intent.
fn request_of(value: &Value, intent: &stored::Intent) -> Result<Request, JournalError> {
    let params = value.get("params").as_list().unwrap_or_default().iter().map(|param| {
        let name = text_of(param.get("name"))?;
        let value = match (param.get("filter"), param.get("columns")) {
            (Value::Missing, Value::Missing) if param.get("writes").as_list().is_some() => {
                let writes = param.get("writes").as_list().unwrap_or_default();
                Parameter::Writes(writes.iter().map(|write| read_write(write, intent)).collect::<Result<_, _>>()?)
            }
            (Value::Missing, Value::Missing) => Parameter::Value(param.get("value").clone()),
            (Value::Missing, columns) => Parameter::Columns(read_texts(columns)?),
            (filter, _) => Parameter::Filter(read_filter(filter)?),
        };
        Ok((name, value))
    });
    Ok(Request {
        operation: intent.operation.as_str().into(),
        connection: intent.connection.as_deref().unwrap_or_default().into(),
        entity: value.get("entity").as_text().cloned(),
        params: params.collect::<Result<_, JournalError>>()?,
        body: Some(value.get("body").clone()).filter(|body| !matches!(body, Value::Missing)),
        key: intent.key.as_deref().map(Text::from),
        find_by: Vec::new(),
        now: intent.now,
    })
}

fn filter_value(filter: &EvaluatedFilter) -> Value {
    let all = |parts: &[EvaluatedFilter]| Value::from(parts.iter().map(filter_value).collect::<Vec<_>>());
    let column = |column: &EvaluatedColumn| ("column", texts(&column.path));
    match filter {
        EvaluatedFilter::And(parts) => named(&[("and", all(parts))]),
        EvaluatedFilter::Or(parts) => named(&[("or", all(parts))]),
        EvaluatedFilter::Not(part) => named(&[("not", filter_value(part))]),
        EvaluatedFilter::Compare { column: of, op, value } => {
            named(&[("op", op.as_str().into()), column(of), ("value", value.clone())])
        }
        EvaluatedFilter::In { column: of, values } => {
            named(&[("op", "in".into()), column(of), ("values", Value::from(values.clone()))])
        }
        EvaluatedFilter::Function { name, column: of, args } => {
            named(&[("function", Value::Text(name.clone())), column(of), ("args", Value::from(args.clone()))])
        }
    }
}

fn read_filter(value: &Value) -> Result<EvaluatedFilter, JournalError> {
    let all = |parts: &Value| -> Result<Vec<_>, JournalError> {
        parts.as_list().unwrap_or_default().iter().map(read_filter).collect()
    };
    let values = |values: &Value| values.as_list().unwrap_or_default().to_vec();
    let column =
        || -> Result<_, JournalError> { Ok(EvaluatedColumn { path: read_texts(value.get("column"))?, ty: None }) };
    for (name, build) in [("and", EvaluatedFilter::And as fn(_) -> _), ("or", EvaluatedFilter::Or)] {
        if !matches!(value.get(name), Value::Missing) {
            return Ok(build(all(value.get(name))?));
        }
    }
    if let not @ Value::Record(_) = value.get("not") {
        return Ok(EvaluatedFilter::Not(Box::new(read_filter(not)?)));
    }
    if let Value::Text(name) = value.get("function") {
        return Ok(EvaluatedFilter::Function {
            name: name.clone(),
            column: column()?,
            args: values(value.get("args")),
        });
    }
    let op = text_of(value.get("op"))?;
    if op.as_str() == "in" {
        return Ok(EvaluatedFilter::In { column: column()?, values: values(value.get("values")) });
    }
    let known = CompareOp::ALL.into_iter().find(|known| known.as_str() == op.as_str());
    let op = known.ok_or_else(|| unreadable(format!("the comparison `{op}`")))?;
    Ok(EvaluatedFilter::Compare { column: column()?, op, value: value.get("value").clone() })
}

fn record(fields: impl IntoIterator<Item = (Text, Value)>) -> Value {
    Value::Record(fields.into_iter().collect())
}

fn named(fields: &[(&str, Value)]) -> Value {
    record(fields.iter().map(|(name, value)| (Text::from(*name), value.clone())))
}

fn texts(texts: &[Text]) -> Value {
    Value::from(texts.iter().cloned().map(Value::Text).collect::<Vec<_>>())
}

fn read_texts(value: &Value) -> Result<Vec<Text>, JournalError> {
    value.as_list().unwrap_or_default().iter().map(text_of).collect()
}

fn text_of(value: &Value) -> Result<Text, JournalError> {
    value.as_text().cloned().ok_or_else(|| unreadable(format!("{} where a text was written", value.kind())))
}

fn encoded(value: &Value) -> Result<Encoded, JournalError> {
    Encoded::new(json::write_tagged(value).map_err(|error| JournalError::Json(error.to_string()))?)
}

fn decoded(encoded: &Encoded) -> Result<Value, JournalError> {
    json::parse_tagged(encoded.as_str()).map_err(|error| JournalError::Json(error.to_string()))
}

fn unreadable(what: String) -> JournalError {
    JournalError::Json(what)
}
