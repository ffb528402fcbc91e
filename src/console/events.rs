//! Events: listed, shown, and sent through the door again where they started nothing.

use super::api::{Problem, fine};
use super::operate::{Who, read};
use super::query::Query;
use super::view::{EventDetail, EventView, Eyes, List};
use super::{Console, Door};
use crate::store::{EventFilter, EventId, NotAnId, Page as Part, RunFilter, StoreError};
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};

pub(super) async fn list(State(console): State<Console>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &["connection", "state", "provider_id", "limit", "after"])?;
    let filter = EventFilter {
        connection: query.text("connection"),
        state: query.parsed("state")?,
        provider_id: query.text("provider_id"),
        subject: None,
    };
    let listed = console.store.events(filter, query.page()?).await?;
    Ok(fine(&List::of(listed, EventView::from)))
}

pub(super) async fn show(
    State(console): State<Console>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &["masked", "actor", "reason"])?;
    let id = event_id(&id)?;
    let (event, body) = console.store.event(id).await?.ok_or_else(|| StoreError::NotFound(format!("event {id}")))?;
    let eyes = match query.parsed("masked")? {
        Some(false) => {
            let text = |name: &str| query.text(name).unwrap_or_default();
            let by = Who { actor: text("actor"), reason: text("reason") }.by()?;
            console.store.audit_action("unmask", format!("event {id}"), by).await?;
            Eyes::Whole
        }
        _ => Eyes::Masked,
    };
    let runs = RunFilter { event: Some(id), ..RunFilter::default() };
    let runs = console.store.runs(runs, Part::first(200)).await?.items;
    Ok(fine(&EventDetail::of(event, &body, runs, eyes)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    actor: Option<String>,
    reason: Option<String>,
    /// Only say what would come of it.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Outcome {
    event: String,
    kind: String,
    dry_run: bool,
    /// The flows that want it.
    flows: Vec<String>,
    /// Done: what came of it.
    runs: Vec<Started>,
}

#[derive(Serialize)]
struct Started {
    run: String,
    flow: String,
    state: &'static str,
}

pub(super) async fn replay(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Wish { actor, reason, dry_run } = read(&body)?;
    let who = || Who { actor: actor.unwrap_or_default(), reason: reason.unwrap_or_default() };
    let by = if dry_run { None } else { Some(who().by()?) };
    let Door { event, kind, flows, runs } = console.control.replay_event(event_id(&id)?, by).await?;
    let started =
        |run: crate::store::AcceptedRun| Started { run: run.id.to_string(), flow: run.flow, state: run.state.as_str() };
    let runs = runs.into_iter().map(started).collect();
    Ok(fine(&Outcome { event: event.to_string(), kind, dry_run, flows, runs }))
}

fn event_id(text: &str) -> Result<EventId, Problem> {
    text.parse().map_err(|error: NotAnId| Problem::wrong(error.to_string()))
}
