//! Order keys: of the runs that hold one key of one flow, only the first may be at work; the others are `queued`.

use super::query::{execute, one};
use super::rows::At;
use crate::store::{Hash, Run, RunId, RunState, StoreError, sql};
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// The run that holds a key and is first in the order of acceptance.
pub(super) struct Holder {
    pub id: RunId,
    pub state: RunState,
    pub number: i64,
}

pub(super) fn first_holder(c: &Connection, flow: &str, key: Hash) -> Result<Option<Holder>, StoreError> {
    one(c, sql::FIRST_HOLDER, params![flow, key], |row| {
        Ok(Holder { id: row.get(0)?, state: row.get(1)?, number: row.get(2)? })
    })
}

/// A run as its order key knows it.
pub(super) struct Keyed {
    pub id: RunId,
    pub flow: String,
    pub order_key: Option<Hash>,
    pub sequence: Option<String>,
}

impl Keyed {
    pub(super) fn of(run: &Run) -> Keyed {
        Keyed { id: run.id, flow: run.flow.clone(), order_key: run.order_key, sequence: run.sequence.clone() }
    }
}

/// After `run` has let go of its key: whoever is first now may begin, if it was only waiting for that.
pub(super) fn begin_next(c: &Connection, run: &Keyed, at: Timestamp) -> Result<Option<RunId>, StoreError> {
    let Some(key) = run.order_key else { return Ok(None) };
    match first_holder(c, &run.flow, key)? {
        Some(next) if next.state == RunState::Queued => {
            execute(c, sql::MAKE_READY, params![At(at), next.id])?;
            Ok(Some(next.id))
        }
        _ => Ok(None),
    }
}
