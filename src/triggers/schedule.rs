//! Points in time: each tick starts one run, those that were missed together one.
//!
//! The tick's event and the place of the last tick are written in one transaction, and the tick is the event's id: a
//! tick starts one run, wherever the process dies. Ticks count from the moment when this schedule was first seen: a
//! changed one has missed nothing.

use super::askers::{Askers, Trouble, earlier};
use crate::graph::{ExecutionGraph, Schedule};
use crate::store::{CursorMove, StoreError};
use crate::value::{Record, Value, time};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The name of its cursor.
const CURSOR: &str = "schedule";
/// Without `catch_up`, a tick that is later than that is missed.
const LATE: Duration = Duration::from_secs(60);

/// How far a schedule has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// Of which schedule.
    ticks: String,
    /// Ticks after this are still to come.
    since: String,
    /// The last tick that started a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
}

/// Starts the run of the last tick that is due. Gives the next one's time.
pub async fn turn(
    askers: &Askers,
    graph: &ExecutionGraph,
    schedule: &Schedule,
    now: Timestamp,
) -> Result<Timestamp, Trouble> {
    let flow = graph.flow.to_string();
    let stood = askers.store.cursor(flow.clone(), CURSOR.to_owned()).await?;
    let place = stood.as_deref().and_then(|text| serde_json::from_str::<Place>(text).ok());
    let previous = place.as_ref().and_then(|place| place.previous.clone());
    let since = place.filter(|place| place.ticks == schedule.ticks.as_str());
    let since = since.and_then(|place| time::parse_time(&place.since));
    let write = |at: Timestamp| time::write_time(at).map_err(|error| StoreError::Corrupt(error.to_string()));
    let moved = |since: String, previous: Option<String>| -> Result<CursorMove, Trouble> {
        let to = Place { ticks: schedule.ticks.as_str().to_owned(), since, previous };
        let to = serde_json::to_string(&to).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(CursorMove { flow: flow.clone(), name: CURSOR.to_owned(), from: stood.clone(), to, at: now })
    };
    let Some(since) = since else {
        askers.keep(vec![], moved(write(now)?, previous)?).await?;
        return Ok(schedule.ticks.next(now).unwrap_or(Timestamp::MAX));
    };
    if let Some(tick) = schedule.ticks.latest(since, now) {
        let at = write(tick)?;
        if !schedule.catch_up && tick < earlier(now, LATE) {
            askers.keep(vec![], moved(at, previous)?).await?;
        } else {
            let mut event = Record::from_iter([("scheduled_at".into(), Value::from(at.as_str()))]);
            if let Some(previous) = &previous {
                event.set("previous_at".into(), Value::from(previous.as_str()));
            }
            let event = askers.event(graph, None, at.clone(), &Value::Record(event), now)?;
            askers.keep(vec![event], moved(at.clone(), Some(at))?).await?;
        }
    }
    Ok(schedule.ticks.next(since.max(now)).unwrap_or(Timestamp::MAX))
}
