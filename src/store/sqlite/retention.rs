//! Retention: periods are dropped whole, in pieces that do not hold up the door. What is not settled moves on first.

use super::query::{all, execute};
use super::rows::period;
use super::writer::Writer;
use crate::store::{Dropped, EventId, RunId, StoreError, sql};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

/// So many rows are moved or deleted in one transaction.
const PIECE: i64 = 500;
/// Event ids and dedupe values are remembered so long.
const MEMORY: SignedDuration = SignedDuration::from_hours(400 * 24);

pub(super) async fn drop_periods(writer: &Writer, before: Timestamp, now: Timestamp) -> Result<Dropped, StoreError> {
    let today = period(now);
    let first_kept = period(before).min(today);
    let mut dropped = Dropped::default();
    let periods = writer.call(move |c| all(c, sql::PERIODS_BEFORE, params![first_kept], |row| row.get(0))).await?;
    for old in periods {
        loop {
            let piece = writer.call(move |c| piece(c, old, today)).await?;
            dropped.runs += piece.runs;
            dropped.events += piece.events;
            dropped.kept += piece.kept;
            if piece.is_last {
                break;
            }
        }
    }
    let forget = period(now.checked_sub(MEMORY).unwrap_or(Timestamp::MIN));
    let forgotten = writer.call(move |c| {
        execute(c, sql::DROP_APPROVALS, [])?;
        execute(c, sql::FORGET_SEQUENCES, params![forget])?;
        Ok(execute(c, sql::FORGET_EVENT_IDS, params![forget])? + execute(c, sql::FORGET_DEDUPES, params![forget])?)
    });
    dropped.forgotten = forgotten.await? as u64;
    Ok(dropped)
}

struct Piece {
    runs: u64,
    events: u64,
    kept: u64,
    is_last: bool,
}

/// Does some of a period: first what has to stay moves on, then the rest goes.
fn piece(c: &Connection, old: i64, today: i64) -> Result<Piece, StoreError> {
    let mut kept = 0;
    let runs = all(c, sql::UNSETTLED_RUNS, params![old, PIECE], |row| {
        Ok((row.get::<_, RunId>(0)?, row.get::<_, EventId>(1)?))
    })?;
    for (run, event) in runs {
        execute(c, sql::MOVE_JOURNAL, params![today, run])?;
        execute(c, sql::MOVE_RUN, params![today, run])?;
        move_event(c, event, today)?;
        kept += 1;
    }
    for event in all(c, sql::UNSETTLED_EVENTS, params![old, PIECE], |row| row.get::<_, EventId>(0))? {
        move_event(c, event, today)?;
        kept += 1;
    }
    if kept > 0 {
        return Ok(Piece { runs: 0, events: 0, kept, is_last: false });
    }
    execute(c, sql::DROP_JOURNAL, params![old, PIECE])?;
    let runs = execute(c, sql::DROP_RUNS, params![old, PIECE])?;
    let events = if runs == 0 { execute(c, sql::DROP_EVENTS, params![old, PIECE])? } else { 0 };
    let blobs = if runs == 0 && events == 0 { execute(c, sql::DROP_BLOBS, params![old, PIECE])? } else { 0 };
    Ok(Piece { runs: runs as u64, events: events as u64, kept, is_last: runs + events + blobs == 0 })
}

fn move_event(c: &Connection, event: EventId, today: i64) -> Result<(), StoreError> {
    execute(c, sql::COPY_BLOB, params![today, event])?;
    execute(c, sql::MOVE_EVENT, params![today, event])?;
    Ok(())
}
