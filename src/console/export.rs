//! A run as a test of its flow: the event, the answers that its steps got, and how it ended.
//!
//! What people did in between is no part of a test: of a run that was replayed, only what counted in the end is told.
//! Persons are made up ([`Disguise`]); so a body that was sent is not told either, for it would be another.

use super::Console;
use super::api::Problem;
use super::disguise::Disguise;
use super::operate::run_id;
use super::query::Query;
use crate::engine::journal::{HELD, INTERRUPTED};
use crate::engine::machine::{NodePath, operation_at};
use crate::graph::{ErrorClass, ExecutionGraph, Operation};
use crate::language::types::Kind;
use crate::store::{Encoded, JournalEntry, LoadedRun, Record as Stored, RunError, RunState, StoreError};
use crate::value::{Record, Text, Value, json};
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::fmt::Write;

pub(super) async fn test(
    State(console): State<Console>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::read(query.as_deref(), &[])?;
    let id = run_id(&id)?;
    let loaded = console.store.load_run(id).await?.ok_or_else(|| StoreError::NotFound(format!("run {id}")))?;
    let refused = |why: String| Problem::new(StatusCode::CONFLICT, "refused", why);
    let revision = loaded.run.revision.ok_or_else(|| refused(format!("run {id} has not begun: it tells no test")))?;
    let ended = matches!(
        loaded.run.state,
        RunState::Succeeded | RunState::Stopped | RunState::DeadLetter | RunState::OutcomeUnknown
    );
    if !ended {
        return Err(refused(format!("run {id} is {}: a test needs an end", loaded.run.state)));
    }
    let graph = console.control.graph(loaded.run.flow.clone(), revision).await?;
    let salt = uuid::Uuid::new_v4().to_string();
    let text =
        as_test(&loaded, &graph, salt).map_err(|why| refused(format!("run {id} cannot be told as a test: {why}")))?;
    Ok(([(header::CONTENT_TYPE, "application/yaml")], text).into_response())
}

/// What a step was answered, and what it did.
#[derive(Default)]
struct Told {
    path: String,
    answers: Vec<Value>,
    writes: bool,
    adopted: bool,
    /// An attempt is under way: its answer is still to come.
    sent: bool,
    done: bool,
}

/// The text of a `*.test.yaml`.
fn as_test(loaded: &LoadedRun, graph: &ExecutionGraph, salt: String) -> Result<String, String> {
    let event = match loaded.journal.iter().rev().find_map(payload) {
        Some(mended) => decoded(mended)?,
        None => json::parse(&loaded.body).map_err(|why| why.to_string())?,
    };
    let told = told(&loaded.journal, graph)?;
    let mut disguise = Disguise::new(salt);
    disguise.learn(&event);
    told.iter().flat_map(|step| &step.answers).for_each(|answer| disguise.learn(answer));
    let path = |path: &str| path.split('/').map(|part| disguise.text(part)).collect::<Vec<_>>().join("/");

    let run = &loaded.run;
    let mut out = format!("# Run {}, with made-up persons.\nflow: {}\n", run.id, run.flow);
    let at = run.started_at.unwrap_or(run.accepted_at);
    let name = match &run.error {
        Some(error) => format!("{}: {}", run.state, error.code),
        None => run.state.to_string(),
    };
    let _ = write!(out, "given:\n  at: {at}\n");
    if loaded.event.own {
        out.push_str("  trigger: { own: true }\n");
    }
    field(&mut out, 2, "event", &disguise.value(&event))?;
    let _ = write!(out, "cases:\n  - name: {}\n", quoted(&name)?);
    let answered: Vec<&Told> = told.iter().filter(|step| !step.answers.is_empty()).collect();
    if !answered.is_empty() {
        out.push_str("    answers:\n");
    }
    for step in answered {
        let mut answers: Vec<Value> = step.answers.iter().map(|answer| disguised(&disguise, answer)).collect();
        let answer = match answers.len() {
            1 => answers.remove(0),
            _ => Value::from(answers),
        };
        field(&mut out, 6, &path(&step.path), &answer)?;
    }
    out.push_str("    expect:\n");
    field(&mut out, 6, "run", &end(run.state, run.error.as_ref(), &path))?;
    let writes: Vec<Value> = told
        .iter()
        .filter(|step| step.writes)
        .map(|step| {
            let mut call = vec![("step", Value::from(path(&step.path)))];
            call.extend(step.adopted.then_some(("adopted", Value::Bool(true))));
            record(call)
        })
        .collect();
    field(&mut out, 6, "calls", &Value::from(writes))?;
    Ok(out)
}

/// The row of a look tells only what is no person's: what it leaves out counts as equal.
fn disguised(disguise: &Disguise, answer: &Value) -> Value {
    let shown = disguise.value(answer);
    let (Some(found), Some(whole)) = (shown.get("found").as_record(), answer.get("found").as_record()) else {
        return shown;
    };
    let same = found.iter().filter(|(name, value)| whole.get(name) == Some(*value));
    record(vec![("found", Value::Record(same.map(|(name, value)| (name.clone(), value.clone())).collect()))])
}

fn end(state: RunState, error: Option<&RunError>, path: &dyn Fn(&str) -> String) -> Value {
    match (state, error) {
        (RunState::DeadLetter, Some(error)) => {
            let mut details = vec![("class", error.class.as_str().into()), ("code", error.code.as_str().into())];
            details.extend(error.step.as_ref().map(|step| ("step", Value::from(path(step)))));
            record(vec![("dead_letter", record(details))])
        }
        _ => Value::from(state.as_str()),
    }
}

/// What was asked and answered, in the order in which the steps were first asked.
fn told(journal: &[JournalEntry], graph: &ExecutionGraph) -> Result<Vec<Told>, String> {
    let mut told: Vec<Told> = Vec::new();
    for entry in journal {
        if let Stored::Decision(decision) = &entry.record
            && entry.node.is_empty()
            && decision.what == "replay"
        {
            told.iter_mut().filter(|step| !step.done).for_each(forget);
        }
        let node = NodePath::new(entry.node.as_str());
        let Some((_, operation)) = operation_at(graph, &node) else { continue };
        let place = told.iter().position(|step| step.path == entry.node);
        let place = place.unwrap_or_else(|| {
            told.push(Told { path: entry.node.clone(), writes: operation.writes, ..Told::default() });
            told.len() - 1
        });
        if let Some(step) = told.get_mut(place) {
            step.take(entry, operation)?;
        }
    }
    told.retain(|step| step.sent || !step.answers.is_empty());
    Ok(told)
}

fn forget(step: &mut Told) {
    (step.answers, step.sent, step.adopted) = (Vec::new(), false, false);
}

impl Told {
    fn take(&mut self, entry: &JournalEntry, operation: &Operation) -> Result<(), String> {
        match &entry.record {
            Stored::Intent(_) => self.sent = true,
            Stored::Look(_) => self.answers.push(record(vec![("found", Value::Missing)])),
            Stored::Error(failure) if entry.attempt > 0 => match failure.error.code.as_str() {
                // Nothing was sent.
                HELD => {}
                INTERRUPTED => self.answers.push(record(vec![("drop", "after".into())])),
                _ => self.answers.push(refusal(&failure.error, failure.open)?),
            },
            Stored::Result(result) => {
                self.done = true;
                // A result that was there before a replay is told again by it.
                if self.sent {
                    let value = decoded(&result.value)?;
                    self.answers.push(answer(value, result.adopted, operation));
                    (self.sent, self.adopted) = (false, result.adopted);
                }
            }
            Stored::Decision(decision) => match decision.what.as_str() {
                "again" => {
                    self.done = false;
                    forget(self);
                }
                // A read is asked again; a write that is done stays done.
                "reset" if !(self.writes && self.done) => {
                    self.done = false;
                    forget(self);
                }
                // What nobody could tell is answered by what somebody found out.
                "done" => {
                    forget(self);
                    self.sent = true;
                }
                "not_done" => forget(self),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }
}

fn answer(value: Value, adopted: bool, operation: &Operation) -> Value {
    // What a create says beside its row is not the system's.
    let value = match value {
        Value::Record(mut row) if operation.writes => {
            row.remove("created");
            Value::Record(row)
        }
        value => value,
    };
    let form = match &value {
        _ if adopted && operation.repeat.look => "found",
        Value::List(_) if matches!(operation.result.kind, Kind::List(_)) && !operation.writes => "rows",
        _ => "value",
    };
    record(vec![(form, value)])
}

fn refusal(error: &RunError, open: bool) -> Result<Value, String> {
    if let Some(status) = error.status {
        let mut answer = vec![("status", Value::from(i64::from(status)))];
        if let Some(body) = &error.body {
            answer.push(("body", decoded(body)?));
        }
        return Ok(record(answer));
    }
    let when = if open { "after" } else { "before" };
    Ok(match (error.class, error.code.as_str()) {
        (ErrorClass::Timeout, _) => record(vec![("timeout", when.into())]),
        (ErrorClass::Data, "not_unique") => {
            let row = || Value::Record(Record::new());
            record(vec![("rows", Value::from(vec![row(), row()]))])
        }
        (ErrorClass::Data, _) => record(vec![("rows", Value::from(Vec::<Value>::new()))]),
        _ => record(vec![("drop", when.into())]),
    })
}

fn payload(entry: &JournalEntry) -> Option<&Encoded> {
    match &entry.record {
        Stored::Payload(payload) => Some(&payload.event),
        _ => None,
    }
}

fn decoded(encoded: &Encoded) -> Result<Value, String> {
    json::parse_tagged(encoded.as_str()).map_err(|why| why.to_string())
}

fn record(fields: Vec<(&str, Value)>) -> Value {
    let mut record = Record::with_capacity(fields.len());
    for (name, value) in fields {
        record.set(name.into(), value);
    }
    Value::Record(record)
}

/// `name: value`, as YAML in block form.
fn field(out: &mut String, indent: usize, name: &str, value: &Value) -> Result<(), String> {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && !matches!(name.to_ascii_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off");
    let name = if plain { name.to_owned() } else { quoted(name)? };
    let _ = write!(out, "{:indent$}{name}:", "");
    below(out, indent, value)
}

/// What stands behind a colon or a hyphen: on the same line, or on lines further in.
fn below(out: &mut String, indent: usize, value: &Value) -> Result<(), String> {
    match value {
        Value::Record(fields) if !fields.is_empty() => {
            out.push('\n');
            fields.iter().try_for_each(|(name, inner)| field(out, indent + 2, name, inner))
        }
        Value::List(items) if !items.is_empty() => {
            out.push('\n');
            items.iter().try_for_each(|item| {
                let _ = write!(out, "{:1$}-", "", indent + 2);
                below(out, indent + 2, item)
            })
        }
        value => {
            let _ = writeln!(out, " {}", scalar(value)?);
            Ok(())
        }
    }
}

fn scalar(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::Missing => "missing".to_owned(),
        Value::Text(text) => quoted(text)?,
        other => {
            let written = json::write(other).map_err(|why| why.to_string())?;
            if written.starts_with('"') { quoted(written.trim_matches('"'))? } else { written }
        }
    })
}

/// A text between quotes, as both JSON and YAML read it.
fn quoted(text: &str) -> Result<String, String> {
    let written = json::write(&Value::Text(Text::from(text))).map_err(|why| why.to_string())?;
    let mut out = String::with_capacity(written.len());
    for c in written.chars() {
        match c {
            // What YAML does not print, or reads as the end of a line.
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    Ok(out)
}
