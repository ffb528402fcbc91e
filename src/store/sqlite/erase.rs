//! What events of a person said, and the journals of their runs, go; that there was something stays.

use super::query::{all, execute, one};
use super::rows::{self, RunRow};
use super::{alerts, runs};
use crate::store::codec::{self, Packed};
use crate::store::{By, Erased, EventId, Hash, RunError, StoreError, sql};
use rusqlite::{Connection, params};

/// What stands in the place of an erased body.
const BODY: &[u8] = br#"{"erased":true}"#;

pub(super) fn erase(c: &Connection, subject: Hash, by: &By) -> Result<Erased, StoreError> {
    // Overwrites what is deleted instead of only forgetting where it is.
    c.pragma_update(None, "secure_delete", true)?;
    let erased = erase_all(c, subject, by);
    c.pragma_update(None, "secure_delete", false)?;
    erased
}

fn erase_all(c: &Connection, subject: Hash, by: &By) -> Result<Erased, StoreError> {
    let mut erased = Erased::default();
    for event in all(c, sql::SUBJECT_EVENTS, params![subject], |row| row.get::<_, EventId>(0))? {
        let unsettled: i64 = one(c, sql::UNSETTLED_OF_EVENT, params![event], |row| row.get(0))?.unwrap_or(0);
        if unsettled > 0 {
            erased.left += 1;
            continue;
        }
        for row in all(c, sql::RUNS_OF_EVENT, params![event], rows::run)? {
            erase_run(c, &row)?;
            erased.runs += 1;
        }
        let Packed { codec, key_id, body } = codec::pack(BODY.to_vec());
        execute(c, sql::ERASE_EVENT, params![Hash::of(BODY), codec, key_id, body, event])?;
        execute(c, sql::ERASE_SUBJECTS, params![event])?;
        erased.events += 1;
    }
    // The audit does not name whom it was about.
    let name: String = subject.to_string().chars().take(12).collect();
    alerts::audit(c, by, "erase", &format!("subject {name}"))?;
    Ok(erased)
}

fn erase_run(c: &Connection, RunRow { run, .. }: &RunRow) -> Result<(), StoreError> {
    execute(c, sql::ERASE_JOURNAL, params![run.id])?;
    let error = run.error.as_ref().map(|error| {
        let message = "erased".to_owned();
        runs::error_text(&RunError { message, hint: None, body: None, ..error.clone() })
    });
    execute(c, sql::ERASE_RUN, params![error.transpose()?, run.id])?;
    execute(c, sql::ERASE_ALERTS, params![run.id])?;
    execute(c, sql::ERASE_APPROVALS, params![run.id])?;
    Ok(())
}
