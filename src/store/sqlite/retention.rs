//! Retention: periods are dropped whole, in pieces that do not hold up the door. What is to stay moves on first.
//!
//! Everything is found by its period, in the order in which it was written, so that dropping costs less than keeping did,
//! however much is there. Tables of their own for each period would halve that (`docs/project.md` has the figures).

use super::query::{all, execute, one};
use super::rows::{At, period};
use super::writer::Writer;
use crate::store::{Dropped, EventId, Retention, RunId, StoreError, sql};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

/// So many rows are moved or deleted in one transaction.
const PIECE: i64 = 500;
/// Event ids, dedupe values and whose a row is are remembered so long.
const MEMORY: SignedDuration = SignedDuration::from_hours(400 * 24);

pub(super) async fn drop_periods(writer: &Writer, what: Retention, now: Timestamp) -> Result<Dropped, StoreError> {
    let today = period(now);
    let first_kept = period(what.settled_before).min(today);
    let mut dropped = Dropped::default();
    let periods = writer.call(move |c| all(c, sql::PERIODS_BEFORE, params![first_kept], |row| row.get(0))).await?;
    for old in periods {
        loop {
            let piece = writer.call(move |c| piece(c, old, what.failed_before, today)).await?;
            dropped.runs += piece.runs;
            dropped.events += piece.events;
            dropped.kept += piece.kept;
            if piece.is_last {
                break;
            }
        }
    }
    let since = now.checked_sub(MEMORY).unwrap_or(Timestamp::MIN);
    let forget = period(since);
    let forgotten = writer.call(move |c| {
        execute(c, sql::FORGET_SEQUENCES, params![forget])?;
        Ok(execute(c, sql::FORGET_EVENT_IDS, params![forget])? + execute(c, sql::FORGET_DEDUPES, params![forget])?)
    });
    dropped.forgotten = forgotten.await? as u64;
    // A row stays whose run is still there, however long that is: its replay must not find it taken.
    loop {
        let rows = writer.call(move |c| execute(c, sql::FORGET_EFFECTS, params![At(since), PIECE])).await?;
        dropped.forgotten += rows as u64;
        if rows == 0 {
            break;
        }
    }
    Ok(dropped)
}

struct Piece {
    runs: u64,
    events: u64,
    kept: u64,
    is_last: bool,
}

/// Does some of a period: first what has to stay moves on, then the rest goes.
fn piece(c: &Connection, old: i64, failed_before: Timestamp, today: i64) -> Result<Piece, StoreError> {
    let these = params![old, At(failed_before), PIECE];
    let mut kept = 0;
    let runs = all(c, sql::KEPT_RUNS, these, |row| Ok((row.get::<_, RunId>(0)?, row.get::<_, EventId>(1)?)))?;
    for (run, event) in runs {
        execute(c, sql::MOVE_RUN, params![today, run])?;
        move_event(c, event, today)?;
        kept += 1;
    }
    for event in all(c, sql::KEPT_EVENTS, these, |row| row.get::<_, EventId>(0))? {
        move_event(c, event, today)?;
        kept += 1;
    }
    if kept > 0 {
        return Ok(Piece { runs: 0, events: 0, kept, is_last: false });
    }
    execute(c, sql::DROP_JOURNAL, these)?;
    execute(c, sql::DROP_ADDITIONS, these)?;
    execute(c, sql::DROP_APPROVALS, these)?;
    let runs = execute(c, sql::DROP_RUNS, these)?;
    let events = if runs == 0 { execute(c, sql::DROP_EVENTS, these)? } else { 0 };
    let rest = if runs == 0 && events == 0 { execute(c, sql::DROP_SUBJECTS, params![old, PIECE])? } else { 0 };
    Ok(Piece { runs: runs as u64, events: events as u64, kept, is_last: runs + events + rest == 0 })
}

fn move_event(c: &Connection, event: EventId, today: i64) -> Result<(), StoreError> {
    execute(c, sql::MOVE_EVENT, params![today, event])?;
    execute(c, sql::MOVE_SUBJECTS, params![today, event])?;
    Ok(())
}

/// The first instant of the oldest period.
pub(super) fn oldest(c: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let oldest = one(c, sql::OLDEST_PERIOD, [], |row| row.get::<_, Option<i64>>(0))?.flatten();
    Ok(oldest.and_then(|period| {
        let day = Date::new((period / 10_000) as i16, (period / 100 % 100) as i8, (period % 100) as i8).ok()?;
        Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
    }))
}

/// What is in use; pages that are free are used again before the file grows.
pub(super) fn size(c: &Connection) -> Result<u64, StoreError> {
    let asked = |name: &str| c.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = asked("page_count")?.saturating_sub(asked("freelist_count")?);
    Ok(u64::try_from(pages.saturating_mul(asked("page_size")?)).unwrap_or(0))
}
