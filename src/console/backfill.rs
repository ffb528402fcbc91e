//! Past events for a flow: `POST /api/flows/FLOW/backfill` with `{from, to, actor, reason}`.

use super::Console;
use super::api::{Problem, fine};
use super::operate::Who;
use crate::triggers::reconcile::NoBackfill;
use crate::value::time;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    actor: String,
    reason: String,
    /// The first instant.
    from: String,
    /// The instant behind the last; now, unless written.
    to: Option<String>,
}

pub(super) async fn backfill(
    State(console): State<Console>,
    Path(flow): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Asked { actor, reason, from, to } = super::operate::read(&body)?;
    let instant = |name: &str, text: &str| {
        let wrong = || Problem::wrong(format!("`{name}` is no instant such as 2026-03-02T09:00:00Z"));
        time::parse_time(text).ok_or_else(wrong)
    };
    let by = Who { actor, reason }.by()?;
    let from = instant("from", &from)?;
    let to = to.map_or(Ok(by.at), |to| instant("to", &to))?;
    let control = console.control.clone();
    // Apart from the request: who hangs up does not leave it half done.
    let filling = tokio::spawn(async move { control.backfill(flow, from, to, by).await });
    let internal = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the backfill was broken off");
    match filling.await.map_err(internal)? {
        Ok(found) => Ok(fine(&found)),
        Err(NoBackfill::Refused(why)) => Err(Problem::new(StatusCode::CONFLICT, "refused", why)),
        Err(NoBackfill::Store(error)) => Err(error.into()),
    }
}
