//! What an operator does to a run that stands still: replay, decide, let others pass. Each has an actor and a reason,
//! which go into the audit.

use super::Console;
use super::api::{Problem, fine};
use crate::store::{By, RunId};
use crate::value::{Value, json};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What is done to a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Sends a failed run on its way again. What is done stays done.
    Replay { from: Start, revision: Which },
    /// Says what became of a write that nothing can tell.
    Decide { step: String, verdict: Verdict },
    /// Lets later runs of its order key pass.
    Release,
    /// Answers what an `approve` asks; `without`: keys of the items that are taken out.
    Judge { step: String, approved: bool, without: Vec<String> },
}

/// Where a replay begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    Start,
    #[default]
    Failed,
}

/// By which revision a replay goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The one that the run has.
    Old,
    /// The flow's live one.
    #[default]
    Current,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Done(Value),
    NotDone,
    Stop,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    actor: String,
    reason: String,
    #[serde(default)]
    from: Start,
    #[serde(default)]
    revision: Which,
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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    actor: String,
    reason: String,
}

#[derive(Serialize)]
struct Now {
    state: &'static str,
}

pub(super) async fn replay(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Replay { actor, reason, from, revision } = read(&body)?;
    operate(console, &id, Operation::Replay { from, revision }, actor, reason).await
}

pub(super) async fn decide(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Decide { actor, reason, step, verdict, row } = read(&body)?;
    let verdict = match (verdict.as_str(), row) {
        ("done", Some(row)) => Verdict::Done(
            json::parse(row.get().as_bytes()).map_err(|error| Problem::wrong(format!("`row` is not JSON: {error}")))?,
        ),
        ("done", None) => return Err(Problem::wrong("`done` needs the `row` that the write made")),
        ("not_done", None) => Verdict::NotDone,
        ("stop", None) => Verdict::Stop,
        ("not_done" | "stop", Some(_)) => return Err(Problem::wrong("`row` goes with `done` only")),
        (other, _) => return Err(Problem::wrong(format!("`verdict` is done, not_done or stop, got {other:?}"))),
    };
    operate(console, &id, Operation::Decide { step, verdict }, actor, reason).await
}

pub(super) async fn judge(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Judge { actor, reason, step, verdict, without } = read(&body)?;
    let approved = match verdict.as_str() {
        "approved" => true,
        "rejected" if without.is_empty() => false,
        "rejected" => return Err(Problem::wrong("`without` goes with `approved` only")),
        other => return Err(Problem::wrong(format!("`verdict` is approved or rejected, got {other:?}"))),
    };
    operate(console, &id, Operation::Judge { step, approved, without }, actor, reason).await
}

pub(super) async fn release(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Release { actor, reason } = read(&body)?;
    operate(console, &id, Operation::Release, actor, reason).await
}

fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::wrong(format!("the body is not what is expected here: {error}")))
}

async fn operate(
    console: Console,
    id: &str,
    operation: Operation,
    actor: String,
    reason: String,
) -> Result<Response, Problem> {
    let run: RunId = id.parse().map_err(|error: crate::store::NotAnId| Problem::wrong(error.to_string()))?;
    for (name, text) in [("actor", &actor), ("reason", &reason)] {
        if text.trim().is_empty() {
            return Err(Problem::wrong(format!("`{name}` is empty: who does this, and why, goes into the audit")));
        }
    }
    let by = By { actor, reason, at: Timestamp::now() };
    match console.control.operate(run, operation, by).await {
        Ok(state) => Ok(fine(&Now { state: state.as_str() })),
        Err(super::NotDone::Refused(why)) => Err(Problem::new(StatusCode::CONFLICT, "refused", why)),
        Err(super::NotDone::Store(error)) => Err(error.into()),
    }
}
