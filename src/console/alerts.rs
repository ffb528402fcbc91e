//! Alerts: listed, acknowledged by who looks after them, resolved when they are over.

use super::Console;
use super::api::{Problem, fine};
use super::operate::who;
use super::query::Query;
use super::view::{AlertView, List};
use crate::store::{AlertFilter, AlertId, NotAnId};
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

pub(super) async fn list(State(console): State<Console>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &["open", "flow", "code", "limit", "after"])?;
    let filter = AlertFilter { open: query.parsed("open")?, flow: query.text("flow"), code: query.text("code") };
    let listed = console.store.alerts(filter, query.page()?).await?;
    Ok(fine(&List::of(listed, AlertView::from)))
}

#[derive(Serialize)]
struct Now {
    alert: String,
    state: &'static str,
}

pub(super) async fn acknowledge(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let (alert, by) = (alert(&id)?, who(&body)?.by()?);
    match console.store.acknowledge_alert(alert, by).await? {
        true => Ok(fine(&Now { alert: id, state: "acknowledged" })),
        false => Err(refused(format!("alert {id} is not open, or somebody looks after it already"))),
    }
}

pub(super) async fn resolve(
    State(console): State<Console>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let (alert, by) = (alert(&id)?, who(&body)?.by()?);
    match console.store.close_alert(alert, by).await? {
        true => Ok(fine(&Now { alert: id, state: "resolved" })),
        false => Err(refused(format!("alert {id} is not open"))),
    }
}

fn alert(text: &str) -> Result<AlertId, Problem> {
    text.parse().map_err(|error: NotAnId| Problem::wrong(error.to_string()))
}

fn refused(why: String) -> Problem {
    Problem::new(StatusCode::CONFLICT, "refused", why)
}
