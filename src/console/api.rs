//! The routes. Each reads what is asked for, asks the store or the runtime, and renders the answer.

use super::query::Query;
use super::view::{self, AuditView, EventView, Eyes, Flow, List, Run, RunDetail};
use super::{Console, ReloadReport, alerts, backfill, backup, export, mask, operate, persons, replay, revisions};
use crate::store::{EventFilter, EventState, Page, RunFilter, RunState, StoreError};
use crate::telemetry::Metrics;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::value::RawValue;
use std::net::IpAddr;
use tower_http::catch_panic::CatchPanicLayer;

pub(super) fn router(console: Console) -> Router {
    Router::new()
        .route("/api/flows", get(flows))
        .route("/api/flows/{flow}/backfill", post(backfill::backfill))
        .route("/api/runs", get(runs))
        .route("/api/runs/{id}", get(run))
        .route("/api/runs/{id}/replay", post(replay::one))
        .route("/api/runs/{id}/cancel", post(operate::cancel))
        .route("/api/runs/{id}/edit", post(operate::edit))
        .route("/api/runs/{id}/test", get(export::test))
        .route("/api/replays", post(replay::several))
        .route("/api/runs/{id}/decide", post(operate::decide))
        .route("/api/runs/{id}/release", post(operate::release))
        .route("/api/dead-letters", get(dead_letters))
        .route("/api/events", get(events))
        .route("/api/alerts", get(alerts::list))
        .route("/api/alerts/{id}/acknowledge", post(alerts::acknowledge))
        .route("/api/alerts/{id}/resolve", post(alerts::resolve))
        .route("/api/revisions", get(revisions::list))
        .route("/api/revisions/{hash}", get(revisions::show))
        .route("/api/revisions/{hash}/activate", post(revisions::activate))
        .route("/api/flows/{flow}/rollback", post(revisions::rollback))
        .route("/api/backup", post(backup::backup))
        .route("/api/audit", get(audit))
        .route("/api/persons/find", post(persons::find))
        .route("/api/persons/erase", post(persons::erase))
        .route("/api/reload", post(reload))
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "alive\n"))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not take that method")
        })
        .layer(middleware::from_fn_with_state(console.clone(), masked))
        .with_state(console)
        .layer(middleware::from_fn(only_from_here))
        .layer(CatchPanicLayer::new())
}

/// An answer that is an error: `{error: {code, message}}`.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Problem {
        Problem { status, code, message: message.into() }
    }

    /// The request itself is wrong.
    pub fn wrong(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        let (status, code) = match &error {
            StoreError::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            StoreError::Conflict(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            error if error.is_outage() => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        Problem::new(status, code, error.to_string())
    }
}

#[derive(Serialize)]
struct Failure<'a> {
    error: Reason<'a>,
}

#[derive(Serialize)]
struct Reason<'a> {
    code: &'a str,
    message: &'a str,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        json(self.status, &Failure { error: Reason { code: self.code, message: &self.message } })
    }
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_string(body) {
        Ok(text) => (status, [(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

pub(super) fn fine(body: &impl Serialize) -> Response {
    json(StatusCode::OK, body)
}

/// Loopback keeps other machines out, this keeps pages of the web out: a browser on this machine would carry their
/// requests here, under their own host name or with their origin.
async fn only_from_here(request: Request, next: Next) -> Response {
    let host = host(&request);
    let same_origin = match request.headers().get(header::ORIGIN) {
        None => true,
        Some(origin) => origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://")) == host.as_deref(),
    };
    if !host.as_deref().is_some_and(is_loopback) || !same_origin {
        let message = "the admin API answers only requests to a loopback address that no other site has made";
        return Problem::new(StatusCode::FORBIDDEN, "forbidden", message).into_response();
    }
    next.run(request).await
}

/// What an answer shows is masked as the project wants it at this moment.
async fn masked(State(console): State<Console>, request: Request, next: Next) -> Response {
    mask::with(console.control.masks(), next.run(request)).await
}

fn host(request: &Request) -> Option<String> {
    let header = |headers: &HeaderMap| Some(headers.get(header::HOST)?.to_str().ok()?.to_owned());
    request.uri().authority().map(|authority| authority.to_string()).or_else(|| header(request.headers()))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[derive(Serialize)]
struct Flows {
    items: Vec<Flow>,
}

async fn flows(State(console): State<Console>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    Query::read(query.as_deref(), &[])?;
    Ok(fine(&Flows { items: console.control.flows().into_iter().map(Flow::from).collect() }))
}

async fn runs(State(console): State<Console>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let known = ["flow", "state", "event", "dedupe", "behind", "code", "since", "until", "limit", "after"];
    let query = Query::read(query.as_deref(), &known)?;
    let filter = RunFilter {
        flow: query.text("flow"),
        states: query.several("state")?,
        event: query.parsed("event")?,
        dedupe: query.text("dedupe"),
        behind: query.parsed("behind")?,
        code: query.text("code"),
        since: query.parsed("since")?,
        until: query.parsed("until")?,
    };
    let listed = console.store.runs(filter, query.page()?).await?;
    Ok(fine(&List::of(listed, Run::from)))
}

async fn run(
    State(console): State<Console>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &["masked", "actor", "reason"])?;
    let id = operate::run_id(&id)?;
    let loaded = console.store.load_run(id).await?.ok_or_else(|| StoreError::NotFound(format!("run {id}")))?;
    let eyes = match query.parsed("masked")? {
        Some(false) => {
            let text = |name: &str| query.text(name).unwrap_or_default();
            let by = operate::Who { actor: text("actor"), reason: text("reason") }.by()?;
            console.store.audit_action("unmask", format!("run {id}"), by).await?;
            Eyes::Whole
        }
        _ => Eyes::Masked,
    };
    Ok(fine(&RunDetail::of(loaded, eyes)))
}

#[derive(Serialize)]
struct DeadLetters {
    #[serde(flatten)]
    runs: List<Run>,
    /// Events that could not be read, with the first part of the runs; more of them at `/api/events`.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<List<EventView>>,
}

async fn dead_letters(State(console): State<Console>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &["flow", "code", "since", "until", "limit", "after"])?;
    let page = query.page()?;
    let filter = RunFilter {
        flow: query.text("flow"),
        states: vec![RunState::DeadLetter],
        code: query.text("code"),
        since: query.parsed("since")?,
        until: query.parsed("until")?,
        ..RunFilter::default()
    };
    let events = if page.after.is_none() && filter.flow.is_none() && filter.code.is_none() {
        let filter = EventFilter { state: Some(EventState::DeadLetter), ..EventFilter::default() };
        Some(List::of(console.store.events(filter, Page::first(page.limit)).await?, EventView::from))
    } else {
        None
    };
    let runs = List::of(console.store.runs(filter, page).await?, Run::from);
    Ok(fine(&DeadLetters { runs, events }))
}

async fn events(State(console): State<Console>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
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

async fn audit(State(console): State<Console>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &["limit", "after"])?;
    let listed = console.store.audit(query.page()?).await?;
    Ok(fine(&List::of(listed, AuditView::from)))
}

#[derive(Serialize)]
struct Reloaded {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Reason<'static>>,
    /// Flows that have another revision now.
    changed: Vec<String>,
    /// Flows that are no more.
    removed: Vec<String>,
    /// What is live now.
    flows: Vec<Flow>,
    findings: Box<RawValue>,
}

#[derive(Serialize)]
struct Begun {
    state: &'static str,
}

/// With a body, who and why goes into the audit; a save needs none either.
async fn reload(State(console): State<Console>, RawQuery(query): RawQuery, body: Bytes) -> Result<Response, Problem> {
    let wait = Query::read(query.as_deref(), &["wait"])?.parsed("wait")?.unwrap_or(true);
    if !body.is_empty() {
        let by = operate::who(&body)?.by()?;
        console.store.audit_action("reload", "the project".to_owned(), by).await?;
    }
    let control = console.control.clone();
    // Apart from the request: who hangs up does not leave a reload half done.
    let reload = tokio::spawn(async move { control.reload().await });
    if !wait {
        return Ok(json(StatusCode::ACCEPTED, &Begun { state: "reloading" }));
    }
    let internal = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the reload was broken off");
    let ReloadReport { applied, changed, removed, flows, findings } = reload.await.map_err(internal)?;
    let refused = Reason {
        code: "reload_refused",
        message: "files with errors keep their last good revision; everything else is live",
    };
    let (status, error) = if applied { (StatusCode::OK, None) } else { (StatusCode::CONFLICT, Some(refused)) };
    let flows = flows.into_iter().map(Flow::from).collect();
    Ok(json(status, &Reloaded { error, changed, removed, flows, findings: view::findings(&findings) }))
}

async fn metrics(State(console): State<Console>) -> Result<Response, Problem> {
    let counts = console.store.counts().await?;
    let text = console.metrics.encode_with(|gauges| backup::gauges(&counts, gauges));
    Ok(([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], text).into_response())
}
