//! Rows that are asked for again and again, from the last value of a column on.
//!
//! Asked inclusively, and for times a little before: rows that the system was still writing then come late. Nothing
//! comes twice all the same, for a row's key and cursor value together are the event's id. The cursor moves in the
//! transaction that keeps the rows, never past a row that is not kept, and never back. A time of the last moments is left
//! for the next asking: in a system that writes whole seconds its row may change once more and not look it.

use super::askers::{Askers, Part, Trouble, earlier, later};
use crate::diagnostics::Code;
use crate::engine::connector::{EvaluatedColumn, EvaluatedFilter, Outcome, Parameter, Request, StepError};
use crate::engine::machine::request;
use crate::graph::{ExecutionGraph, Polling, read_as};
use crate::language::code::CompareOp;
use crate::language::types::Kind;
use crate::store::{CursorMove, StoreError};
use crate::value::{Number, Text, Value, json, time};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

/// So many rows are asked for at once, and more only where all of these have one cursor value.
const WINDOW: usize = 1000;
const WIDEST_WINDOW: usize = 64_000;
/// So many rows are kept in one transaction.
const PIECE: usize = 200;

/// Times of systems are whole seconds: a row of this one may change once more and keep its value. It is left for later.
const STILL_CHANGING: Duration = Duration::from_secs(2);
/// So far ahead a system's clock may be.
const OTHER_CLOCK: Duration = Duration::from_secs(300);

/// How far a poll has come. Values are in the tagged JSON of journals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// Everything below it is kept.
    value: String,
    /// Where it began: nothing before that is ever asked for.
    first: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_at: Option<String>,
}

/// Asks where it is time. Gives when to ask next.
pub async fn turn(
    askers: &Askers,
    graph: &Arc<ExecutionGraph>,
    poll: &Polling,
    now: Timestamp,
) -> Result<Timestamp, Trouble> {
    let mut cursor = Cursor::read(askers, graph, poll, now).await?;
    if let Some(asked_at) = cursor.asked_at() {
        // A clock that was set back must not stop it for long.
        let due = later(asked_at.min(now), poll.every);
        if now < due {
            return Ok(due);
        }
    }
    let mut from = cursor.from(poll)?;
    let mut window = WINDOW;
    loop {
        let mut rows = ask(askers, graph, poll, &from, window, now).await?;
        let asked = rows.len();
        rows.retain(|row| settled(&row.value, now));
        let whole = rows.len() < window || rows.len() < asked;
        let last = rows.last().map(|row| row.value.clone());
        for piece in rows.chunks(PIECE) {
            let connection = Some(poll.operation.connection.as_str());
            let events = piece.iter().map(|row| askers.event(graph, connection, row.id.clone(), &row.row, now));
            let events = events.collect::<Result<Vec<_>, _>>()?;
            let reached = piece.last().map(|row| &row.value);
            cursor.keep(askers, events, reached, None, now).await?;
        }
        if whole {
            cursor.keep(askers, vec![], None, Some(now), now).await?;
            return Ok(later(now, poll.every));
        }
        match last {
            Some(last) if last.order(&from).is_ok_and(Ordering::is_gt) => from = last,
            // More rows of one value than were asked for.
            _ if window < WIDEST_WINDOW => window = window.saturating_mul(4),
            _ => {
                let message = format!("more than {WIDEST_WINDOW} rows have one value of `{}`", poll.cursor);
                return Err(Trouble::lasting(message, Code::F1141));
            }
        }
        // The flow may have been changed or removed meanwhile.
        if askers.live(&graph.flow, Part::Poll).is_none_or(|live| !Arc::ptr_eq(&live, graph)) {
            return Ok(now);
        }
    }
}

/// The cursor as the store has it.
struct Cursor {
    flow: String,
    name: String,
    stood: Option<String>,
    place: Place,
    value: Value,
}

impl Cursor {
    /// Where it stands, written down at once where it has not begun: "from now on" is one instant, not each start's.
    async fn read(
        askers: &Askers,
        graph: &Arc<ExecutionGraph>,
        poll: &Polling,
        now: Timestamp,
    ) -> Result<Cursor, Trouble> {
        let operation = &poll.operation;
        let entity = operation.entity.as_ref().map_or("", |entity| entity.as_str());
        // Another system, table or column is asked from its own beginning.
        let name = format!("poll {} {} {entity} {}", operation.connection, operation.name, poll.cursor);
        let flow = graph.flow.to_string();
        let stood = askers.store.cursor(flow.clone(), name.clone()).await?;
        let corrupt = |why: String| StoreError::Corrupt(format!("the cursor of {flow}: {why}"));
        if let Some(text) = &stood {
            let place: Place = serde_json::from_str(text).map_err(|error| corrupt(error.to_string()))?;
            let value = json::parse_tagged(&place.value).map_err(|error| corrupt(error.to_string()))?;
            return Ok(Cursor { flow, name, stood, place, value });
        }
        let value = match &poll.from {
            Some(slot) => {
                let value = request::value_outside(graph, slot, now)?;
                read_as(&value, &poll.cursor_type).ok_or_else(|| {
                    let message =
                        format!("`from` came out {}: it has to be {}", value.kind(), poll.cursor_type.kind_name());
                    StepError::data("from", message).explained(Code::F1140)
                })?
            }
            None if poll.cursor_type.kind == Kind::Date => Value::Date(now.to_zoned(TimeZone::UTC).date()),
            // Systems write whole seconds: a row of this one may stand before now.
            None => Value::Time(Timestamp::from_second(now.as_second()).unwrap_or(now)),
        };
        let written = json::write_tagged(&value)?;
        let place = Place { value: written.clone(), first: written, asked_at: None };
        let mut cursor = Cursor { flow, name, stood, place, value };
        cursor.keep(askers, vec![], None, None, now).await?;
        Ok(cursor)
    }

    fn asked_at(&self) -> Option<Timestamp> {
        self.place.asked_at.as_deref().and_then(time::parse_time)
    }

    /// The value to ask from: the last one, and for times so much before it as the system may still have been writing.
    fn from(&self, poll: &Polling) -> Result<Value, Trouble> {
        let first = json::parse_tagged(&self.place.first).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(match (&self.value, &first) {
            (Value::Time(value), Value::Time(first)) => {
                Value::Time(earlier(*value, poll.overlap).max(*first).min(*value))
            }
            _ => self.value.clone(),
        })
    }

    /// Keeps events and moves on to `reached`.
    async fn keep(
        &mut self,
        askers: &Askers,
        events: Vec<(crate::store::NewEvent, Vec<crate::store::NewRun>)>,
        reached: Option<&Value>,
        asked_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let mut place = self.place.clone();
        let grown = reached.filter(|reached| reached.order(&self.value).is_ok_and(Ordering::is_gt));
        if let Some(grown) = grown {
            place.value = json::write_tagged(grown)?;
        }
        if let Some(at) = asked_at {
            place.asked_at = time::write_time(at).ok();
        }
        let to = serde_json::to_string(&place).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let (flow, name) = (self.flow.clone(), self.name.clone());
        let moved = CursorMove { flow, name, from: self.stood.clone(), to: to.clone(), at: now };
        askers.keep(events, moved).await?;
        (self.stood, self.place) = (Some(to), place);
        if let Some(grown) = grown {
            self.value = grown.clone();
        }
        Ok(())
    }
}

/// Whether a row will have another value when it changes again.
fn settled(value: &Value, now: Timestamp) -> bool {
    let Value::Time(at) = value else { return true };
    *at <= earlier(now, STILL_CHANGING) || *at > later(now, OTHER_CLOCK)
}

/// A row that came.
struct Row {
    id: String,
    value: Value,
    row: Value,
}

/// The rows from `from` on, at most `window`, in the order of the cursor.
async fn ask(
    askers: &Askers,
    graph: &Arc<ExecutionGraph>,
    poll: &Polling,
    from: &Value,
    window: usize,
    now: Timestamp,
) -> Result<Vec<Row>, Trouble> {
    let Some(mut asked) = request::outside(graph, &poll.operation, now)? else { return Ok(vec![]) };
    narrow(&mut asked, poll, from, window);
    let list = match askers.ask(&poll.operation, &asked).await {
        Outcome::Done(row) => row.value,
        Outcome::Missing(_) => return Ok(vec![]),
        Outcome::Failed(error) => return Err(error.into()),
        Outcome::Held { until, error } => return Err(Trouble { not_before: Some(until), ..error.into() }),
    };
    let rows = list.as_list().unwrap_or_default().iter().map(|row| {
        let (id, value) = (poll.event_id(row), poll.cursor_value(row));
        let (Some(id), Some(value)) = (id, value) else {
            let key: Vec<&str> = poll.key.iter().map(Text::as_str).collect();
            let message = format!("a row came without a value of `{}` or its key ({})", poll.cursor, key.join(", "));
            return Err(Trouble::lasting(message, Code::F1140));
        };
        Ok(Row { id, value, row: row.clone() })
    });
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    rows.sort_by(|a, b| a.value.order(&b.value).unwrap_or(Ordering::Equal));
    Ok(rows)
}

/// The flow's own condition, from that value on, in order, so many.
fn narrow(asked: &mut Request, poll: &Polling, from: &Value, window: usize) {
    let column = EvaluatedColumn { path: vec![poll.cursor.clone()], ty: Some(poll.cursor_type.clone()) };
    let mut parts = vec![EvaluatedFilter::Compare { column, op: CompareOp::GreaterEqual, value: from.clone() }];
    asked.params.retain(|(_, param)| match param {
        Parameter::Filter(own) => {
            parts.insert(0, own.clone());
            false
        }
        _ => true,
    });
    let sort = [&poll.cursor].into_iter().chain(&poll.key).cloned().collect();
    let window = Value::Number(Number::from(i64::try_from(window).unwrap_or(i64::MAX)));
    asked.params.extend([
        (Text::from("where"), Parameter::Filter(EvaluatedFilter::And(parts))),
        (Text::from("sort"), Parameter::Columns(sort)),
        (Text::from("limit"), Parameter::Value(window)),
    ]);
}
