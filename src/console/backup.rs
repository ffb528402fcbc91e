//! A copy of the store while it works, and what the store says of itself in the metrics.

use super::Console;
use super::api::{Problem, fine};
use super::operate::{Who, read};
use crate::store::Counts;
use crate::telemetry::Gauges;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    actor: String,
    reason: String,
    /// The file, which must not be there yet.
    to: PathBuf,
}

#[derive(Serialize)]
struct Made {
    file: PathBuf,
    bytes: u64,
}

pub(super) async fn backup(State(console): State<Console>, body: Bytes) -> Result<Response, Problem> {
    let Wish { actor, reason, to } = read(&body)?;
    let by = Who { actor, reason }.by()?;
    if !to.is_absolute() {
        return Err(Problem::wrong(format!("`to` is {}: it has to be a whole path", to.display())));
    }
    let bytes = console.store.backup(to.clone()).await?;
    console.store.audit_action("backup", to.display().to_string(), by).await?;
    Ok(fine(&Made { file: to, bytes }))
}

/// What stands still, waits, and wants to be seen.
pub(super) fn gauges(counts: &Counts, gauges: &mut Gauges) {
    for (flow, state, count) in &counts.standing {
        gauges.runs_standing(flow, state.as_str(), *count);
    }
    for (severity, count) in &counts.alerts {
        gauges.alerts_open(severity.as_str(), *count);
    }
    for (state, count) in &counts.events {
        gauges.events_odd(state.as_str(), *count);
    }
    let late = counts.next_due.map(|due| Timestamp::now().duration_since(due).as_secs_f64()).unwrap_or(0.0);
    gauges.due_seconds(late.max(0.0));
}
