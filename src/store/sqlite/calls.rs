//! Runs that steps of other runs call, and the waiting for their ends; and who is older where order keys have sequences.
//!
//! A run that waits for another sleeps until that has ended: the end wakes it in its own transaction, and one that goes to
//! sleep after the end is not let sleep at all.

use super::door::Incoming;
use super::entries::{self, Entries};
use super::keys::Keyed;
use super::query::{execute, one};
use super::rows::{self, At, RunRow, period};
use super::writer::Batch;
use super::{door, keys, runs};
use crate::store::journal::CalledRun;
use crate::store::{
    Called, EventId, EventState, Hash, JournalEntry, Lease, NewCall, NewRun, Record, Run, RunId, RunState, Start,
    StoreError, in_sequence, sql,
};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use std::cmp::Ordering;

pub(super) fn call(c: &Batch<'_>, lease: Lease, call: &NewCall, event: &Incoming) -> Result<Called, StoreError> {
    let RunRow { run: caller, fence, .. } = runs::get(c, lease.run)?;
    if fence != lease.token || caller.state != RunState::Running {
        return Err(StoreError::Fenced { run: caller.id });
    }
    let earlier = earlier(c, call)?;
    let id = match earlier {
        Some(id) => id,
        None => start(c, event, &call.run, &caller)?,
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
    Entries::new(&[entry])?.write(c, caller.id)?;
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

fn start(c: &Batch<'_>, incoming: &Incoming, new: &NewRun, caller: &Run) -> Result<RunId, StoreError> {
    let (event, id) = (&incoming.event, EventId::new());
    let period = period(event.received_at);
    execute(c, sql::TAKE_EVENT_ID, params![event.connection, event.provider_id, event.same, id, period])?;
    door::insert_event(c, id, incoming, EventState::Routed)?;
    // What a flow is given is about whom the calling event is about.
    execute(c, sql::INHERIT_SUBJECTS, params![id, period, caller.event])?;
    let from = door::Origin { event: id, period, at: event.received_at, until: None };
    door::insert_run(c, &from, new).map(|run| run.id)
}

pub(super) fn child(c: &Connection, id: RunId) -> Result<Option<Called>, StoreError> {
    let Some(RunRow { run, .. }) = one(c, sql::RUN, params![id], rows::run)? else { return Ok(None) };
    let given = |entry: JournalEntry| match entry.record {
        Record::Result(result) if entry.node.is_empty() => Some(result.value),
        _ => None,
    };
    let result = if run.state == RunState::Succeeded { entries::last(c, id, given)? } else { None };
    Ok(Some(Called { run: id, state: run.state, joined: false, error: run.error, result }))
}

/// A run has ended: whoever sleeps until then is woken, and it waits for nobody itself. Gives one that was woken.
pub(super) fn ended(c: &Connection, run: RunId, at: Timestamp) -> Result<Option<RunId>, StoreError> {
    let (woken, waits): (Option<RunId>, Option<String>) =
        one(c, sql::WAITS_OR_IS_WAITED_FOR, params![run], |row| Ok((row.get(0)?, row.get(1)?)))?.unwrap_or_default();
    if woken.is_some() {
        execute(c, sql::NEWS_OF_CHILD, params![run])?;
        execute(c, sql::WAKE_WAITERS, params![At(at), run])?;
    }
    if waits.is_some() {
        execute(c, sql::DELETE_WAITERS, params![run])?;
    }
    Ok(woken)
}

/// Whether a run that goes to sleep would sleep past the end of one that it waits for. True once for each end.
pub(super) fn take_news(c: &Connection, run: RunId) -> Result<bool, StoreError> {
    Ok(execute(c, sql::TAKE_NEWS, params![run])? > 0)
}

/// A run with a sequence is done: older ones of its key come too late from now on.
pub(super) fn sequence_done(c: &Connection, run: &Keyed, at: Timestamp) -> Result<(), StoreError> {
    let (Some(key), Some(sequence)) = (run.order_key, &run.sequence) else { return Ok(()) };
    match done_sequence(c, &run.flow, key)? {
        Some(done) if in_sequence(sequence, &done) != Ordering::Greater => Ok(()),
        _ => execute(c, sql::PUT_SEQUENCE, params![run.flow, key, sequence, run.id, period(at)]).map(|_| ()),
    }
}

fn done_sequence(c: &Connection, flow: &str, key: Hash) -> Result<Option<String>, StoreError> {
    one(c, sql::SEQUENCE_DONE, params![flow, key], |row| row.get(0))
}

/// Ends a run whose turn it is as superseded, where a newer one of its key is done. True: it did.
pub(super) fn supersede(c: &Connection, run: &Run, at: Timestamp) -> Result<bool, StoreError> {
    let (Some(key), Some(sequence)) = (run.order_key, &run.sequence) else { return Ok(false) };
    let Some(done) = done_sequence(c, &run.flow, key)?.filter(|done| in_sequence(sequence, done) == Ordering::Less)
    else {
        return Ok(false);
    };
    let reason = format!("a newer run of its key (sequence {done}) was done before this one ({sequence})");
    let values = params![RunState::Superseded, None::<At>, false, At(at), None::<String>, reason, run.number];
    execute(c, sql::UPDATE_RUN, values)?;
    if let Some(hash) = run.dedupe {
        execute(c, sql::RELEASE_DEDUPE, params![run.flow, hash, run.id])?;
    }
    ended(c, run.id, at)?;
    keys::begin_next(c, &Keyed::of(run), at)?;
    Ok(true)
}
