//! What an operator does to a run: replay, decide, cancel, edit, let others pass. Each has an actor and a reason, which go
//! into the audit.

use super::api::{Problem, fine};
use super::{Console, NotDone};
use crate::engine::Resumed;
use crate::engine::machine::{Replay, Verdict};
use crate::store::{By, Hash, NotAnId, RunId};
use crate::value::{Value, json};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// What is done to a run.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Sends a run on its way again. What is done stays done.
    Replay { how: Replay, revision: Which },
    /// Says what became of a write that nothing can tell.
    Decide { step: String, verdict: Verdict },
    /// Ends it.
    Cancel,
    /// Puts another payload in the place of what came in, for the next replay.
    Edit { payload: Value },
    /// Sets it aside until it is replayed.
    Park,
    /// Lets later runs of its order key pass.
    Release,
    /// Answers what an `approve` asks; `without`: keys of the items that are taken out; `role`: in which it is answered.
    Judge { step: String, approved: bool, without: Vec<String>, role: Option<String> },
}

/// By which revision a replay goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// The one that the run has.
    Old,
    /// The flow's live one.
    #[default]
    Current,
    /// This one.
    One(Hash),
}

impl<'de> Deserialize<'de> for Which {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Which, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "old" => Ok(Which::Old),
            "current" => Ok(Which::Current),
            hash => hash.parse().map(Which::One).map_err(|_| {
                serde::de::Error::custom(format_args!("`revision` is old, current or a revision's hash, got {hash:?}"))
            }),
        }
    }
}

/// Who does something and why: part of every change.
#[derive(Debug)]
pub(super) struct Who {
    pub actor: String,
    pub reason: String,
}

impl Who {
    /// As the audit wants it.
    pub fn by(self) -> Result<By, Problem> {
        by(self.actor, self.reason)
    }
}

/// Who does it and why. Both have to be said.
pub(super) fn by(actor: String, reason: String) -> Result<By, Problem> {
    for (name, text) in [("actor", &actor), ("reason", &reason)] {
        if text.trim().is_empty() {
            return Err(Problem::wrong(format!("`{name}` is empty: who does this, and why, goes into the audit")));
        }
    }
    Ok(By { actor, reason, at: Timestamp::now() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Only {
    actor: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decide {
    actor: String,
    reason: String,
    step: String,
    /// `done`, `not_done` or `stop`.
    verdict: String,
    /// With `done`: the row.
    row: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judge {
    actor: String,
    reason: String,
    step: String,
    /// `approved` or `rejected`.
    verdict: String,
    /// With `approved`: keys of the items that are taken out.
    #[serde(default)]
    without: Vec<String>,
    /// In which it is answered, where the step asks for one.
    role: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    actor: String,
    reason: String,
    payload: Box<RawValue>,
}

/// The run and where it stands now.
#[derive(Serialize)]
struct Now {
    run: String,
    state: &'static str,
}

pub(super) async fn decide(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Decide { actor, reason, step, verdict, row } = read(&body)?;
    let verdict = match (verdict.as_str(), row) {
        ("done", Some(row)) => Verdict::Done(value("row", &row)?),
        ("done", None) => return Err(Problem::wrong("`done` needs the `row` that the write made")),
        ("not_done", None) => Verdict::NotDone,
        ("stop", None) => Verdict::Stop,
        ("not_done" | "stop", Some(_)) => return Err(Problem::wrong("`row` goes with `done` only")),
        (other, _) => return Err(Problem::wrong(format!("`verdict` is done, not_done or stop, got {other:?}"))),
    };
    operate(console, &id, Operation::Decide { step, verdict }, Who { actor, reason }).await
}

pub(super) async fn edit(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Edit { actor, reason, payload } = read(&body)?;
    let payload = value("payload", &payload)?;
    operate(console, &id, Operation::Edit { payload }, Who { actor, reason }).await
}

pub(super) async fn judge(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Judge { actor, reason, step, verdict, without, role } = read(&body)?;
    let approved = match verdict.as_str() {
        "approved" => true,
        "rejected" if without.is_empty() => false,
        "rejected" => return Err(Problem::wrong("`without` goes with `approved` only")),
        other => return Err(Problem::wrong(format!("`verdict` is approved or rejected, got {other:?}"))),
    };
    operate(console, &id, Operation::Judge { step, approved, without, role }, Who { actor, reason }).await
}

pub(super) async fn release(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    operate(console, &id, Operation::Release, who(&body)?).await
}

pub(super) async fn park(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    operate(console, &id, Operation::Park, who(&body)?).await
}

pub(super) async fn cancel(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    operate(console, &id, Operation::Cancel, who(&body)?).await
}

/// A body that says only who and why.
pub(super) fn who(body: &[u8]) -> Result<Who, Problem> {
    let Only { actor, reason } = read(body)?;
    Ok(Who { actor, reason })
}

pub(super) fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::wrong(format!("the body is not what is expected here: {error}")))
}

fn value(name: &str, text: &RawValue) -> Result<Value, Problem> {
    json::parse(text.get().as_bytes()).map_err(|error| Problem::wrong(format!("`{name}` is not JSON: {error}")))
}

/// The id of a run as it was asked for.
pub(super) fn run_id(text: &str) -> Result<RunId, Problem> {
    text.parse().map_err(|error: NotAnId| Problem::wrong(error.to_string()))
}

async fn operate(console: Console, id: &str, operation: Operation, who: Who) -> Result<Response, Problem> {
    let (run, by) = (run_id(id)?, who.by()?);
    let Resumed { run, state } = console.control.operate(run, operation, by).await?;
    Ok(fine(&Now { run: run.to_string(), state: state.as_str() }))
}

impl From<NotDone> for Problem {
    fn from(not_done: NotDone) -> Problem {
        match not_done {
            NotDone::Refused(why) => Problem::new(StatusCode::CONFLICT, "refused", why),
            NotDone::Store(error) => error.into(),
        }
    }
}
