//! Runs that steps of other runs call, and the waiting for their ends; and who is older where order keys have sequences.
//!
//! A run that waits for another sleeps until that has ended: the end wakes it in its own transaction, and one that goes to
//! sleep after the end is not let sleep at all.

use super::query::{execute, one};
use super::rows::{self, At, RunRow, period};
use super::{door, keys, runs};
use crate::store::journal::CalledRun;
use crate::store::{
    Called, EventId, EventState, Hash, JournalEntry, Lease, NewCall, Record, Run, RunId, RunState, Start, StoreError,
    codec, in_sequence, sql,
};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use std::cmp::Ordering;

pub(super) fn call(c: &Connection, lease: Lease, call: &NewCall) -> Result<Called, StoreError> {
    let RunRow { run: caller, period, fence } = runs::get(c, lease.run)?;
    if fence != lease.token || caller.state != RunState::Running {
        return Err(StoreError::Fenced { run: caller.id });
    }
    let earlier = earlier(c, call)?;
    let id = match earlier {
        Some(id) => id,
        None => start(c, call, &caller)?,
    };
    let gone = || StoreError::NotFound(format!("run {id}, which `{}` would join", call.node));
    let called = Called { joined: earlier.is_some(), ..child(c, id)?.ok_or_else(gone)? };
    let waits = call.wait && !called.has_ended();
    let record = Record::Called(CalledRun { run: id.to_string(), joined: called.joined, waits });
    let entry = JournalEntry {
        seq: call.seq,
        node: call.node.clone(),
        generation: call.generation,
        attempt: call.attempt,
        record,
        at: call.at,
    };
    runs::insert_entry(c, period, caller.id, &entry)?;
    if waits {
        execute(c, sql::INSERT_WAITER, params![caller.id, call.node, id])?;
    }
    Ok(called)
}

/// The run that this very call started, or the owner of the dedupe value.
fn earlier(c: &Connection, call: &NewCall) -> Result<Option<RunId>, StoreError> {
    let (event, flow) = (&call.event, &call.run.flow);
    let taken = one(c, sql::EVENT_ID_OWNER, params![event.connection, event.provider_id], |row| row.get(0))?;
    if let Some(event) = taken {
        let event: EventId = event;
        let run = one(c, sql::RUN_OF_EVENT, params![event, flow], |row| row.get(0))?;
        return run.map(Some).ok_or_else(|| StoreError::NotFound(format!("the run of event {event}")));
    }
    match (&call.run.dedupe, &call.run.start) {
        (Some(dedupe), Start::Run | Start::Failed(_)) => {
            one(c, sql::DEDUPE_OWNER, params![flow, Hash::of(dedupe.as_bytes())], |row| row.get(0))
        }
        _ => Ok(None),
    }
}

fn start(c: &Connection, call: &NewCall, caller: &Run) -> Result<RunId, StoreError> {
    let (event, id) = (&call.event, EventId::new());
    let period = period(event.received_at);
    execute(c, sql::TAKE_EVENT_ID, params![event.connection, event.provider_id, event.same, id, period])?;
    door::insert_event(c, id, event, EventState::Routed)?;
    // What a flow is given is about whom the calling event is about.
    execute(c, sql::INHERIT_SUBJECTS, params![id, period, caller.event])?;
    let from = door::Origin { event: id, period, at: event.received_at };
    door::insert_run(c, &from, &call.run).map(|run| run.id)
}

pub(super) fn child(c: &Connection, id: RunId) -> Result<Option<Called>, StoreError> {
    let Some(RunRow { run, period, .. }) = one(c, sql::RUN, params![id], rows::run)? else { return Ok(None) };
    let result = match run.state {
        RunState::Succeeded => one(c, sql::RUN_RESULT, params![period, id], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Vec<u8>>(2)?))
        })?,
        _ => None,
    };
    let result = result.map(|(codec, key_id, body)| {
        let body = codec::unpack(&codec, &key_id, body)?;
        let text = std::str::from_utf8(&body).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        match Record::from_json(text).map_err(|e| StoreError::Corrupt(e.to_string()))? {
            Record::Result(result) => Ok(result.value),
            other => Err(StoreError::Corrupt(format!("`{}` where a result was written", other.kind()))),
        }
    });
    let result = result.transpose()?;
    Ok(Some(Called { run: id, state: run.state, joined: false, error: run.error, result }))
}

/// A run has ended: whoever sleeps until then is woken, and it waits for nobody itself.
pub(super) fn ended(c: &Connection, run: RunId, at: Timestamp) -> Result<(), StoreError> {
    execute(c, sql::WAKE_WAITERS, params![At(at), run])?;
    execute(c, sql::DELETE_WAITERS, params![run])?;
    Ok(())
}

/// Whether a run that goes to sleep would sleep past the end of one that it waits for.
pub(super) fn has_news(c: &Connection, run: RunId) -> Result<bool, StoreError> {
    Ok(one(c, sql::ENDED_CHILDREN, params![run], |row| row.get::<_, i64>(0))?.unwrap_or(0) > 0)
}

/// A run with a sequence is done: older ones of its key come too late from now on.
pub(super) fn sequence_done(c: &Connection, run: &Run, at: Timestamp) -> Result<(), StoreError> {
    let (Some(key), Some(sequence)) = (run.order_key, &run.sequence) else { return Ok(()) };
    match done_sequence(c, run, key)? {
        Some(done) if in_sequence(sequence, &done) != Ordering::Greater => Ok(()),
        _ => execute(c, sql::PUT_SEQUENCE, params![run.flow, key, sequence, run.id, period(at)]).map(|_| ()),
    }
}

fn done_sequence(c: &Connection, run: &Run, key: Hash) -> Result<Option<String>, StoreError> {
    one(c, sql::SEQUENCE_DONE, params![run.flow, key], |row| row.get(0))
}

/// Ends a run whose turn it is as superseded, where a newer one of its key is done. True: it did.
pub(super) fn supersede(c: &Connection, run: &Run, at: Timestamp) -> Result<bool, StoreError> {
    let (Some(key), Some(sequence)) = (run.order_key, &run.sequence) else { return Ok(false) };
    let Some(done) = done_sequence(c, run, key)?.filter(|done| in_sequence(sequence, done) == Ordering::Less) else {
        return Ok(false);
    };
    let reason = format!("a newer run of its key (sequence {done}) was done before this one ({sequence})");
    let values = params![RunState::Superseded, None::<At>, false, At(at), None::<String>, reason, run.id];
    execute(c, sql::UPDATE_RUN, values)?;
    if let Some(hash) = run.dedupe {
        execute(c, sql::RELEASE_DEDUPE, params![run.flow, hash, run.id])?;
    }
    ended(c, run.id, at)?;
    keys::begin_next(c, run, at)?;
    Ok(true)
}
