//! Our types as SQLite keeps them, and rows as our types.

use crate::graph::Severity;
use crate::store::{
    Alert, AlertId, ApprovalState, AuditEntry, Event, EventId, EventState, Hash, LiveRevision, Run, RunId, RunState,
    StoreError, codec,
};
use jiff::{Timestamp, tz::TimeZone};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, Row};

macro_rules! kept_as_text {
    ($($name:ty),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.to_string().into())
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str()?.parse().map_err(FromSqlError::other)
            }
        }
    )*};
}
kept_as_text!(EventId, RunId, AlertId);

macro_rules! kept_as_word {
    ($($name:ty),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str()?.parse().map_err(FromSqlError::other)
            }
        }
    )*};
}
kept_as_word!(EventState, RunState, ApprovalState);

impl ToSql for Hash {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_slice().into())
    }
}
impl FromSql for Hash {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Hash> {
        <[u8; 32]>::column_result(value).map(Hash)
    }
}

/// An instant as microseconds; finer parts are cut off.
pub(super) struct At(pub Timestamp);

/// The last whole instant that is read back: the end of time has a part of a second beyond it.
const LAST: i64 = 253_402_207_200_000_000;

impl ToSql for At {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_microsecond().min(LAST).into())
    }
}
impl FromSql for At {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<At> {
        Timestamp::from_microsecond(value.as_i64()?).map(At).map_err(FromSqlError::other)
    }
}

/// The period that an instant belongs to: its day in UTC, as yyyymmdd.
pub(super) fn period(at: Timestamp) -> i64 {
    let day = at.to_zoned(TimeZone::UTC).date();
    i64::from(day.year()) * 10_000 + i64::from(day.month()) * 100 + i64::from(day.day())
}

impl From<FromSqlError> for StoreError {
    fn from(error: FromSqlError) -> StoreError {
        StoreError::Corrupt(error.to_string())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full(text),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(text),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(text),
            Some(ErrorCode::ConstraintViolation) => StoreError::Conflict(text),
            _ => match error {
                FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..) => {
                    StoreError::Corrupt(text)
                }
                _ => StoreError::Io(text),
            },
        }
    }
}

/// A run with what only the store needs.
pub(super) struct RunRow {
    pub run: Run,
    pub period: i64,
    pub fence: i64,
}

/// Reads [`RUN_COLUMNS`](crate::store::sql::RUN_COLUMNS).
pub(super) fn run(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let error: Option<String> = row.get(14)?;
    let error = error
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(14, rusqlite::types::Type::Text, Box::new(e)))?;
    let at = |i| row.get::<_, Option<At>>(i).map(|at| at.map(|at| at.0));
    let run = Run {
        id: row.get(0)?,
        number: row.get(1)?,
        flow: row.get(2)?,
        event: row.get(3)?,
        state: row.get(4)?,
        revision: row.get(5)?,
        dedupe: row.get(6)?,
        order_key: row.get(7)?,
        holds_key: row.get(8)?,
        sequence: row.get(9)?,
        due: at(10)?,
        accepted_at: row.get::<_, At>(11)?.0,
        started_at: at(12)?,
        finished_at: at(13)?,
        error,
        reason: row.get(15)?,
        duplicate_of: row.get(16)?,
    };
    Ok(RunRow { run, period: row.get(17)?, fence: row.get(18)? })
}

/// An event with its period.
pub(super) struct EventRow {
    pub event: Event,
    pub period: i64,
}

/// Reads [`EVENT_COLUMNS`](crate::store::sql::EVENT_COLUMNS).
pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    let event = Event {
        id: row.get(0)?,
        connection: row.get(1)?,
        provider_id: row.get(2)?,
        kind: row.get(3)?,
        state: row.get(4)?,
        own: row.get(5)?,
        received_at: row.get::<_, At>(6)?.0,
        problem: row.get(7)?,
        delivery: row.get(8)?,
        body_hash: row.get(9)?,
    };
    Ok(EventRow { event, period: row.get(10)? })
}

/// Reads `codec, key_id, body`: the body as it was given.
pub(super) fn packed(row: &Row<'_>) -> Result<Vec<u8>, StoreError> {
    codec::unpack(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?, row.get(2)?)
}

/// Reads [`ALERT_COLUMNS`](crate::store::sql::ALERT_COLUMNS).
pub(super) fn alert(row: &Row<'_>) -> rusqlite::Result<Alert> {
    let severity = read_severity(row, 3)?;
    let by: Option<String> = row.get(11)?;
    Ok(Alert {
        id: row.get(0)?,
        flow: row.get(1)?,
        run: row.get(2)?,
        severity,
        code: row.get(4)?,
        title: row.get(5)?,
        detail: row.get(6)?,
        open: row.get(7)?,
        count: row.get(8)?,
        first_at: row.get::<_, At>(9)?.0,
        last_at: row.get::<_, At>(10)?.0,
        acknowledged: by.zip(row.get::<_, Option<At>>(12)?.map(|at| at.0)),
    })
}

/// A severity from its column.
pub(super) fn read_severity(row: &Row<'_>, column: usize) -> rusqlite::Result<Severity> {
    Ok(match row.get::<_, String>(column)?.as_str() {
        "info" => Severity::Info,
        "warning" => Severity::Warning,
        _ => Severity::Error,
    })
}

/// A severity as it is kept.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// Reads `at, actor, action, target, reason`.
pub(super) fn audit(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        at: row.get::<_, At>(0)?.0,
        actor: row.get(1)?,
        action: row.get(2)?,
        target: row.get(3)?,
        reason: row.get(4)?,
    })
}

/// Reads the columns of `LIVE_REVISIONS`.
pub(super) fn live_revision(row: &Row<'_>) -> rusqlite::Result<LiveRevision> {
    Ok(LiveRevision {
        flow: row.get(0)?,
        revision: row.get(1)?,
        activated_at: row.get::<_, At>(2)?.0,
        first_active_at: row.get::<_, At>(3)?.0,
        instead_of: row.get(4)?,
    })
}
