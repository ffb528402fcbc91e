//! What was made, changed and deleted in a table, as the system itself tells it: each answer ends with the link that asks
//! for what comes after it.
//!
//! The link is the cursor and moves in the transaction that keeps the last of what it led to; a process that dies before
//! asks with the old link again, and the inbox drops what it has: a row's id and version are the event's id, of a row
//! that is gone its id and the link that told of it. Where the system has forgotten the link, everything is read anew:
//! nothing comes twice, rows that stood there before the flow began do not come at all, and an alert says that rows
//! deleted meanwhile are not told of.

use super::askers::{Askers, Part, Trouble, later};
use crate::diagnostics::Code;
use crate::engine::connector::{LINK_EXPIRED, Outcome, Parameter, Request, SINCE};
use crate::engine::machine::request;
use crate::graph::{ExecutionGraph, Severity, Tracking};
use crate::store::{CursorMove, Hash, NewAlert, StoreError};
use crate::value::{Text, Value, time};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// So many events are kept in one transaction.
const PIECE: usize = 200;
/// So much of a link's hash tells it from the others.
const LINK_CHARS: usize = 16;

/// How far it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// Asks for what has changed. `None`: the first reading is not at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// The columns that the link gives.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    columns: String,
    /// Rows up to this version stood there before the flow began.
    #[serde(default)]
    before: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_at: Option<String>,
}

/// Asks where it is time. Gives when to ask next.
pub async fn turn(
    askers: &Askers,
    graph: &Arc<ExecutionGraph>,
    tracking: &Tracking,
    now: Timestamp,
) -> Result<Timestamp, Trouble> {
    let operation = &tracking.operation;
    let entity = operation.entity.as_ref().map_or("", |entity| entity.as_str());
    // Another system or table is asked from its own beginning.
    let name = format!("poll {} {} {entity}", operation.connection, operation.name);
    let mut cursor = Cursor { flow: graph.flow.to_string(), name, stood: None };
    cursor.stood = askers.store.cursor(cursor.flow.clone(), cursor.name.clone()).await?;
    let place = match &cursor.stood {
        None => Place::default(),
        Some(text) => serde_json::from_str::<Place>(text)
            .map_err(|error| StoreError::Corrupt(format!("the cursor of {}: {error}", cursor.flow)))?,
    };
    if let Some(asked_at) = place.asked_at.as_deref().and_then(time::parse_time) {
        // A clock that was set back must not stop it for long.
        let due = later(asked_at.min(now), tracking.every);
        if now < due {
            return Ok(due);
        }
    }
    let Some(asked) = request::outside(graph, operation, now)? else { return Ok(later(now, tracking.every)) };
    let columns = columns(&asked);
    let mut reading = match &place.link {
        Some(link) if place.columns == columns => Reading::Since(link.clone()),
        Some(_) => Reading::Anew,
        None => Reading::First { all: literal(&asked, "all") == Some(&Value::Bool(true)) },
    };
    let mut outcome = read(askers, graph, tracking, &asked, &reading, &place, &mut cursor, now).await;
    if matches!(outcome, Err(Stopped::Expired)) && matches!(reading, Reading::Since(_)) {
        reading = Reading::Anew;
        outcome = read(askers, graph, tracking, &asked, &reading, &place, &mut cursor, now).await;
    }
    let end = match outcome {
        Ok(end) => end,
        Err(Stopped::Changed) => return Ok(now),
        Err(Stopped::Trouble(trouble)) => return Err(trouble),
        Err(Stopped::Expired) => {
            return Err(Trouble::lasting("the list itself answers that its link has expired".into(), Code::F0680));
        }
    };
    if let Reading::Anew = reading {
        tell(askers, &cursor.flow, entity, place.columns == columns, now).await;
    }
    let before = match reading {
        Reading::First { all: false } => end.highest,
        Reading::First { all: true } => 0,
        Reading::Since(_) | Reading::Anew => place.before,
    };
    let reached = Place { link: Some(end.link), columns, before, asked_at: time::write_time(now).ok() };
    let to = serde_json::to_string(&reached).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    cursor.keep(askers, end.last, Some(to), now).await?;
    Ok(later(now, tracking.every))
}

/// What is read.
enum Reading {
    /// Everything, for the first link; the rows are told of where the flow wants all.
    First { all: bool },
    /// What has changed.
    Since(String),
    /// Everything, because the link is no good any more.
    Anew,
}

/// Why a reading did not come to its end.
enum Stopped {
    Expired,
    /// The flow was changed or removed meanwhile.
    Changed,
    Trouble(Trouble),
}

impl<T: Into<Trouble>> From<T> for Stopped {
    fn from(error: T) -> Stopped {
        Stopped::Trouble(error.into())
    }
}

type Events = Vec<(crate::store::NewEvent, Vec<crate::store::NewRun>)>;

/// The end of a reading: what is not kept yet, the highest version of a row, and the link to what comes after.
struct End {
    last: Events,
    highest: u64,
    link: String,
}

#[expect(clippy::too_many_arguments, reason = "one turn's own facts, passed once")]
async fn read(
    askers: &Askers,
    graph: &Arc<ExecutionGraph>,
    tracking: &Tracking,
    asked: &Request,
    reading: &Reading,
    place: &Place,
    cursor: &mut Cursor,
    now: Timestamp,
) -> Result<End, Stopped> {
    let (mut link, source) = match reading {
        Reading::Since(link) => (Some(link.clone()), short(link)),
        Reading::First { .. } | Reading::Anew => (None, String::new()),
    };
    let mut highest = 0;
    loop {
        let page = ask(askers, tracking, asked, link.as_deref()).await?;
        let mut events: Events = vec![];
        for change in page.get("changes").as_list().unwrap_or_default() {
            let event = change.get("event");
            let version = change.get("version").as_text();
            let number = version.and_then(|version| number(version)).unwrap_or(u64::MAX);
            if number < u64::MAX {
                highest = highest.max(number);
            }
            let told = match reading {
                Reading::First { all } => *all,
                Reading::Since(_) => true,
                Reading::Anew => number > place.before,
            };
            if !told {
                continue;
            }
            let row = event.get("id").as_text().map(Text::as_str).unwrap_or_default();
            let id = match version {
                Some(version) => format!("{row}@{version}"),
                None => format!("{row}@deleted/{source}"),
            };
            let connection = Some(tracking.operation.connection.as_str());
            events.push(askers.event(graph, connection, id, event, now).map_err(Trouble::from)?);
        }
        match (page.get("next").as_text(), page.get("link").as_text()) {
            (Some(next), _) => {
                link = Some(next.to_string());
                while !events.is_empty() {
                    let rest = events.split_off(events.len().min(PIECE));
                    cursor.keep(askers, std::mem::replace(&mut events, rest), None, now).await?;
                }
            }
            (None, Some(given)) => {
                while events.len() > PIECE {
                    let rest = events.split_off(PIECE);
                    cursor.keep(askers, std::mem::replace(&mut events, rest), None, now).await?;
                }
                return Ok(End { last: events, highest, link: given.to_string() });
            }
            (None, None) => {
                let message =
                    "the last page has no link to what comes after it: is change tracking switched on for this table?";
                return Err(Trouble::lasting(message.into(), Code::F0680).into());
            }
        }
        if askers.live(&graph.flow, Part::Poll).is_none_or(|live| !Arc::ptr_eq(&live, graph)) {
            return Err(Stopped::Changed);
        }
    }
}

/// One page.
async fn ask(askers: &Askers, tracking: &Tracking, asked: &Request, link: Option<&str>) -> Result<Value, Stopped> {
    let mut request = asked.clone();
    request.params.extend(link.map(|link| (Text::from(SINCE), Parameter::Value(Value::from(link)))));
    match askers.ask(&tracking.operation, &request).await {
        Outcome::Done(row) => Ok(row.value),
        Outcome::Failed(error) if error.code.as_str() == LINK_EXPIRED => Err(Stopped::Expired),
        Outcome::Missing(error) | Outcome::Failed(error) => Err(error.into()),
        Outcome::Held { until, error } => Err(Stopped::Trouble(Trouble { not_before: Some(until), ..error.into() })),
    }
}

/// Says that something may never be told.
async fn tell(askers: &Askers, flow: &str, entity: &str, expired: bool, now: Timestamp) {
    let why = match expired {
        true => "the system no longer remembers the changes since it was asked last",
        false => "the flow reads other columns than before",
    };
    tracing::warn!(flow, entity, "{why}; all rows were read anew");
    let alert = NewAlert {
        flow: Some(flow.to_owned()),
        run: None,
        severity: Severity::Warning,
        code: "changes_forgotten".to_owned(),
        title: format!("Deleted rows of {entity} may not have been told to {flow}"),
        detail: Some(format!(
            "{why}. All rows were read anew: each that was made or changed meanwhile has come once, as it is now. Rows that were deleted meanwhile are not told of: compare them by hand (flowctl explain {}).",
            Code::F0681
        )),
    };
    if let Err(error) = askers.store.raise(alert, now).await {
        tracing::error!(%error, "the alert could not be raised");
    }
}

/// The cursor as the store has it.
struct Cursor {
    flow: String,
    name: String,
    stood: Option<String>,
}

impl Cursor {
    /// Keeps events, and moves where there is somewhere to move to.
    async fn keep(
        &mut self,
        askers: &Askers,
        events: Events,
        to: Option<String>,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let to = to.or_else(|| self.stood.clone()).unwrap_or_else(|| "{}".to_owned());
        let (flow, name) = (self.flow.clone(), self.name.clone());
        askers.keep(events, CursorMove { flow, name, from: self.stood.clone(), to: to.clone(), at: now }).await?;
        self.stood = Some(to);
        Ok(())
    }
}

/// The columns that are asked for; empty: all.
fn columns(asked: &Request) -> String {
    let columns = asked.params.iter().find_map(|(_, param)| match param {
        Parameter::Columns(columns) => Some(columns),
        _ => None,
    });
    columns.into_iter().flatten().map(|column| column.as_str()).collect::<Vec<_>>().join(",")
}

fn literal<'r>(asked: &'r Request, name: &str) -> Option<&'r Value> {
    asked.params.iter().find_map(|(known, param)| match param {
        Parameter::Value(value) if known.as_str() == name => Some(value),
        _ => None,
    })
}

/// `W/"915244"`: the number that grows with every change in the environment.
fn number(version: &str) -> Option<u64> {
    version.trim_start_matches("W/").trim_matches('"').parse().ok()
}

fn short(link: &str) -> String {
    Hash::of(link.as_bytes()).to_string().chars().take(LINK_CHARS).collect()
}
