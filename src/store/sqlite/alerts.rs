//! Alerts, and the audit.

use super::query::{execute, one};
use super::rows::{self, At};
use crate::store::{AlertId, By, Hash, NewAlert, StoreError, sql};
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

pub(super) fn audit(c: &Connection, by: &By, action: &str, target: &str) -> Result<(), StoreError> {
    let id = uuid::Uuid::now_v7().to_string();
    execute(c, sql::INSERT_AUDIT, params![id, At(by.at), by.actor, action, target, by.reason])?;
    Ok(())
}
