//! What is kept of a person: found by who they are, and erased. Asked by POST, for an address in a URL ends in logs.

use super::Console;
use super::api::{Problem, fine};
use super::view::{EventView, List};
use crate::store::{By, EventFilter, Page, subject};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Find {
    subject: String,
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Erase {
    actor: String,
    reason: String,
    subject: String,
}

#[derive(Serialize)]
struct Erased {
    events: u64,
    runs: u64,
    /// Events that stay, because a run of theirs is not settled.
    left: u64,
}

/// The events about a person; `/api/runs?event=ID` has their runs.
pub(super) async fn find(State(console): State<Console>, body: Bytes) -> Result<Response, Problem> {
    let Find { subject, limit, after } = read(&body)?;
    let filter = EventFilter { subject: Some(hash(&subject)?), ..EventFilter::default() };
    let listed = console.store.events(filter, Page { limit: limit.unwrap_or(50), after }).await?;
    Ok(fine(&List::of(listed, EventView::from)))
}

/// Erases what they said, and the journals of their runs.
pub(super) async fn erase(State(console): State<Console>, body: Bytes) -> Result<Response, Problem> {
    let Erase { actor, reason, subject } = read(&body)?;
    for (name, text) in [("actor", &actor), ("reason", &reason)] {
        if text.trim().is_empty() {
            return Err(Problem::wrong(format!("`{name}` is empty: who does this, and why, goes into the audit")));
        }
    }
    let hash = hash(&subject)?;
    let erased = console.store.erase(hash, By { actor, reason, at: Timestamp::now() }).await?;
    Ok(fine(&Erased { events: erased.events, runs: erased.runs, left: erased.left }))
}

fn hash(text: &str) -> Result<crate::store::Hash, Problem> {
    subject(text)
        .ok_or_else(|| Problem::wrong("`subject` is empty: name whom it is about, such as by an e-mail address"))
}

fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::wrong(format!("the body is not what is expected here: {error}")))
}
