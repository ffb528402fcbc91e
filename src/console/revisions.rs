//! Revisions: which there are, what is in them, which one is live, and another in its place.

use super::Console;
use super::api::{Problem, fine};
use super::operate::{Who, read, who};
use super::query::Query;
use super::view::Flow;
use crate::store::{Hash, KeptRevision, StoreError};
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

/// How many a list gives when nobody says how many, and at most.
const USUAL: usize = 50;
const MOST: usize = 1000;
/// The shortest beginning of a hash that names a revision.
const SHORTEST: usize = 6;

#[derive(Serialize)]
struct Item {
    flow: String,
    revision: String,
    language_version: u32,
    created_at: String,
    active_until: Option<String>,
    live: bool,
}

impl From<KeptRevision> for Item {
    fn from(kept: KeptRevision) -> Item {
        Item {
            flow: kept.flow,
            revision: kept.hash.to_string(),
            language_version: kept.language_version,
            created_at: kept.created_at.to_string(),
            active_until: kept.active_until.map(|at| at.to_string()),
            live: kept.live,
        }
    }
}

#[derive(Serialize)]
struct Items {
    items: Vec<Item>,
}

pub(super) async fn list(State(console): State<Console>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &["flow", "limit"])?;
    let limit = query.parsed("limit")?.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::wrong(format!("`limit` is {limit}: it is from 1 to {MOST}")));
    }
    let kept = console.store.revisions(query.text("flow"), limit).await?;
    Ok(fine(&Items { items: kept.into_iter().map(Item::from).collect() }))
}

#[derive(Serialize)]
struct Detail {
    flow: String,
    revision: String,
    language_version: u32,
    created_at: String,
    sources: Vec<Source>,
}

#[derive(Serialize)]
struct Source {
    name: String,
    text: String,
}

pub(super) async fn show(
    State(console): State<Console>,
    Path(hash): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Query::read(query.as_deref(), &[])?;
    let hash = named(&console, &hash).await?;
    let revision = console.store.revision(hash).await?;
    let revision = revision.ok_or_else(|| StoreError::NotFound(format!("revision {hash}")))?;
    Ok(fine(&Detail {
        flow: revision.flow,
        revision: revision.hash.to_string(),
        language_version: revision.language_version,
        created_at: revision.created_at.to_string(),
        sources: revision.sources.into_iter().map(|(name, text)| Source { name, text }).collect(),
    }))
}

pub(super) async fn activate(
    State(console): State<Console>,
    Path(hash): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let by = who(&body)?.by()?;
    let hash = named(&console, &hash).await?;
    Ok(fine(&Flow::from(console.control.activate(hash, by).await?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rollback {
    actor: String,
    reason: String,
    /// `None`: the one that was live before.
    to: Option<String>,
}

pub(super) async fn rollback(
    State(console): State<Console>,
    Path(flow): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Rollback { actor, reason, to } = read(&body)?;
    let by = Who { actor, reason }.by()?;
    let kept = console.store.revisions(Some(flow.clone()), MOST).await?;
    if kept.is_empty() {
        return Err(StoreError::NotFound(format!("revision of a flow `{flow}`")).into());
    }
    let hash = match to {
        Some(to) => one_of(&to, &kept)?,
        None => {
            let before = kept.iter().filter(|kept| !kept.live && kept.active_until.is_some());
            let before = before.max_by_key(|kept| kept.active_until).map(|kept| kept.hash);
            let why = format!("no revision of `{flow}` was live before this one");
            before.ok_or_else(|| Problem::new(StatusCode::CONFLICT, "refused", why))?
        }
    };
    Ok(fine(&Flow::from(console.control.activate(hash, by).await?)))
}

/// The revision whose hash begins so.
async fn named(console: &Console, text: &str) -> Result<Hash, Problem> {
    match text.parse() {
        Ok(hash) => Ok(hash),
        Err(_) => one_of(text, &console.store.revisions(None, MOST).await?),
    }
}

fn one_of(text: &str, kept: &[KeptRevision]) -> Result<Hash, Problem> {
    let fits: Vec<Hash> = kept.iter().map(|kept| kept.hash).filter(|hash| hash.to_string().starts_with(text)).collect();
    match fits.as_slice() {
        _ if text.len() < SHORTEST => {
            Err(Problem::wrong(format!("`{text}` is too short: a revision is named by at least {SHORTEST} digits")))
        }
        [one] => Ok(*one),
        [] => Err(StoreError::NotFound(format!("revision {text}")).into()),
        _ => Err(Problem::wrong(format!("`{text}` is the beginning of {} revisions", fits.len()))),
    }
}
