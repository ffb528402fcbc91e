//! Lists, a part at a time and newest first.

use super::query::{List, all, one};
use super::rows::{self, At};
use crate::graph::ErrorClass;
use crate::store::{
    Alert, AlertFilter, AuditEntry, Counts, Event, EventFilter, Hash, Listed, Page, Run, RunFilter, StoreError, sql,
};
use rusqlite::Connection;
use rusqlite::types::Value;

const NOTHING: Listed<Run> = Listed { items: Vec::new(), next: None };

pub(super) fn runs(c: &Connection, filter: &RunFilter, page: &Page) -> Result<Listed<Run>, StoreError> {
    let mut list = List::new(sql::RUN_COLUMNS, "runs");
    match (&filter.flow, &filter.dedupe) {
        // Who has the value is known by it; who had it, or wanted it, stands in an index of its own.
        (Some(flow), Some(dedupe)) => list.and_in(
            "id",
            &[
                "select run from dedupes where flow = {} and hash = {}",
                "select id from runs where (state = 'duplicate' or state = 'stopped' or state = 'superseded' \
                 or state = 'dead_letter') and flow = {} and dedupe = {}",
            ],
            &[flow, &Hash::of(dedupe.as_bytes())],
        )?,
        (Some(flow), None) => list.and("flow =", flow)?,
        (None, _) => {}
    }
    list.and_any("state", &filter.states)?;
    if let Some(event) = filter.event {
        list.and("event =", &event)?;
    }
    if let Some(dedupe) = &filter.dedupe {
        list.and("dedupe =", &Hash::of(dedupe.as_bytes()))?;
    }
    if let Some(since) = filter.since {
        list.and("accepted_at >=", &At(since))?;
    }
    if let Some(until) = filter.until {
        list.and("accepted_at <", &At(until))?;
    }
    if let Some(code) = &filter.code {
        list.and_like_any("error", &error_beginnings(code))?;
    }
    if let Some(run) = filter.behind {
        // A run that is not there or has no key has nothing behind it.
        let Some(row) = one(c, sql::RUN, rusqlite::params![run], rows::run)? else { return Ok(NOTHING) };
        let Some(key) = row.run.order_key else { return Ok(NOTHING) };
        list.and("holds_key =", &true)?;
        list.and("flow =", &row.run.flow)?;
        list.and("order_key =", &key)?;
        list.and("number >", &row.run.number)?;
    }
    let after = page.after.as_deref().map(|text| text.parse().map(Value::Integer)).transpose();
    let after = after.map_err(|_| StoreError::Conflict("not a place in a list of runs".to_owned()))?;
    let listed = list.page(c, "number", page, after, rows::run, |row| row.run.number.to_string())?;
    Ok(Listed { items: listed.items.into_iter().map(|row| row.run).collect(), next: listed.next })
}

/// How the text of an error with that code begins, of whatever class it is.
fn error_beginnings(code: &str) -> Vec<String> {
    let code = serde_json::Value::from(code).to_string().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    ErrorClass::ALL
        .iter()
        .map(|class| format!("{{\"class\":\"{class}\",\"code\":{code},%", class = class.as_str()))
        .collect()
}

/// How much stands still, waits, and wants to be seen.
pub(super) fn counts(c: &Connection) -> Result<Counts, StoreError> {
    let count = |row: &rusqlite::Row<'_>, at: usize| Ok::<_, rusqlite::Error>(row.get::<_, i64>(at)?.unsigned_abs());
    Ok(Counts {
        standing: all(c, sql::COUNT_STANDING, [], |row| Ok((row.get(0)?, row.get(1)?, count(row, 2)?)))?,
        alerts: all(c, sql::COUNT_ALERTS, [], |row| Ok((rows::read_severity(row, 0)?, count(row, 1)?)))?,
        events: all(c, sql::COUNT_EVENTS, [], |row| Ok((row.get(0)?, count(row, 1)?)))?,
        next_due: super::runs::next_due(c)?,
    })
}

fn after(page: &Page) -> Option<Value> {
    page.after.clone().map(Value::Text)
}

pub(super) fn events(c: &Connection, filter: &EventFilter, page: &Page) -> Result<Listed<Event>, StoreError> {
    let mut list = List::new(sql::EVENT_COLUMNS, "events");
    if let Some(connection) = &filter.connection {
        list.and("connection =", connection)?;
    }
    if let Some(state) = filter.state {
        list.and("state =", &state)?;
    }
    if let Some(subject) = &filter.subject {
        list.and_in("id", &["select event from subjects where hash = {}"], &[subject])?;
    }
    if let Some(provider_id) = &filter.provider_id {
        list.and("provider_id =", provider_id)?;
        if let Some(connection) = &filter.connection {
            list.and_in(
                "id",
                &[
                    "select event from inbox where connection = {} and provider_id = {}",
                    "select id from events where state = 'conflicting' and connection = {} and provider_id = {}",
                ],
                &[connection, provider_id],
            )?;
        }
    }
    let listed = list.page(c, "id", page, after(page), rows::event, |row| row.event.id.to_string())?;
    Ok(Listed { items: listed.items.into_iter().map(|row| row.event).collect(), next: listed.next })
}

pub(super) fn alerts(c: &Connection, filter: &AlertFilter, page: &Page) -> Result<Listed<Alert>, StoreError> {
    let mut list = List::new(sql::ALERT_COLUMNS, "alerts");
    if let Some(open) = filter.open {
        list.and("open =", &open)?;
    }
    if let Some(flow) = &filter.flow {
        list.and("flow =", flow)?;
    }
    if let Some(code) = &filter.code {
        list.and("code =", code)?;
    }
    list.page(c, "id", page, after(page), rows::alert, |alert| alert.id.to_string())
}

pub(super) fn audit(c: &Connection, page: &Page) -> Result<Listed<AuditEntry>, StoreError> {
    let list = List::new("at, actor, action, target, reason, id", "audit");
    let read = |row: &rusqlite::Row<'_>| Ok((rows::audit(row)?, row.get::<_, String>(5)?));
    let listed = list.page(c, "id", page, after(page), read, |(_, id)| id.clone())?;
    Ok(Listed { items: listed.items.into_iter().map(|(entry, _)| entry).collect(), next: listed.next })
}
