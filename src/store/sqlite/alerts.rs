//! Alerts, and the audit.

use super::door::{self, Incoming};
use super::query::{all, execute, one};
use super::rows::{self, At};
use super::writer::Batch;
use crate::store::{AcceptOutcome, Alert, AlertId, By, Hash, NewAlert, NewRun, StoreError, Untold, sql};
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// What makes two open alerts one.
fn grouping(alert: &NewAlert) -> Hash {
    Hash::of(format!("{}\n{}\n{}", alert.flow.as_deref().unwrap_or(""), alert.code, alert.title).as_bytes())
}

pub(super) fn raise(c: &Connection, alert: &NewAlert, at: Timestamp) -> Result<AlertId, StoreError> {
    let values = params![
        AlertId::new(),
        grouping(alert),
        alert.flow,
        alert.run,
        rows::severity(alert.severity),
        alert.code,
        alert.title,
        alert.detail,
        At(at)
    ];
    one(c, sql::RAISE_ALERT, values, |row| row.get(0))?
        .ok_or_else(|| StoreError::Io("an alert was not written".to_owned()))
}

pub(super) fn acknowledge(c: &Connection, alert: AlertId, by: &By) -> Result<bool, StoreError> {
    let seen = execute(c, sql::ACKNOWLEDGE_ALERT, params![by.actor, At(by.at), alert])? == 1;
    if seen {
        audit(c, by, "acknowledge_alert", &format!("alert {alert}"))?;
    }
    Ok(seen)
}

pub(super) fn close(c: &Connection, alert: AlertId, by: &By) -> Result<bool, StoreError> {
    let closed = execute(c, sql::CLOSE_ALERT, params![alert])? == 1;
    if closed {
        audit(c, by, "close_alert", &format!("alert {alert}"))?;
    }
    Ok(closed)
}

pub(super) fn untold(c: &Connection, limit: usize) -> Result<Vec<Untold>, StoreError> {
    let read = |row: &rusqlite::Row<'_>| Ok(Untold { alert: rows::alert(row)?, opening: row.get::<_, i64>(13)? == 0 });
    all(c, sql::UNTOLD_ALERTS, params![i64::try_from(limit).unwrap_or(i64::MAX)], read)
}

pub(super) fn tell(c: &Batch<'_>, alert: &Alert, events: &[(Incoming, Vec<NewRun>)]) -> Result<(), StoreError> {
    let about = match alert.run {
        Some(run) => one(c, sql::RUN, params![run], rows::run)?.map(|row| row.run.event),
        None => None,
    };
    for (event, new_runs) in events {
        let accepted = door::accept(c, event, new_runs, None)?;
        if let (AcceptOutcome::Kept(_), Some(about)) = (&accepted.outcome, about) {
            execute(c, sql::INHERIT_SUBJECTS, params![accepted.event, rows::period(event.event.received_at), about])?;
        }
    }
    // Raised again at another severity meanwhile, it is told once more.
    let told = if alert.open { 1 } else { 2 };
    execute(c, sql::TOLD, params![told, alert.id, rows::severity(alert.severity)])?;
    Ok(())
}

pub(super) fn audit(c: &Connection, by: &By, action: &str, target: &str) -> Result<(), StoreError> {
    let id = uuid::Uuid::now_v7().to_string();
    execute(c, sql::INSERT_AUDIT, params![id, At(by.at), by.actor, action, target, by.reason])?;
    Ok(())
}
