//! Runs at work: claims, the journal, effects, and what operators do to runs that stand still.

use super::entries::{self, Entries};
use super::keys::Keyed;
use super::query::{all, execute, one};
use super::rows::{self, At, RunRow};
use super::writer::Batch;
use super::{alerts, approvals, calls, door, keep, keys};
use crate::store::{
    By, Claimed, Effect, EventState, Hash, JournalEntry, Lease, LoadedRun, Next, Record, Resume, Run, RunError, RunId,
    RunState, RunUpdate, StoreError, sql,
};
use jiff::Timestamp;
use rusqlite::{Connection, params};

pub(super) fn get(c: &Connection, id: RunId) -> Result<RunRow, StoreError> {
    one(c, sql::RUN, params![id], rows::run)?.ok_or_else(|| StoreError::NotFound(format!("run {id}")))
}

/// An error as it is kept.
pub(super) fn error_text(error: &RunError) -> Result<String, StoreError> {
    serde_json::to_string(error).map_err(|e| StoreError::Conflict(format!("an error that cannot be written: {e}")))
}

pub(super) fn claim(
    c: &Connection,
    now: Timestamp,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<Claimed>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut claimed = Vec::new();
    for RunRow { mut run, fence, .. } in all(c, sql::DUE_RUNS, params![At(now), limit], rows::run)? {
        if calls::supersede(c, &run, now)? {
            continue;
        }
        let token = fence.saturating_add(1);
        execute(c, sql::CLAIM_RUN, params![At(until), token, run.number])?;
        run.state = RunState::Running;
        run.due = Some(until);
        let lease = Lease { run: run.id, token };
        claimed.push(Claimed { run, lease });
    }
    Ok(claimed)
}

pub(super) fn renew(c: &Connection, leases: &[Lease], until: Timestamp) -> Result<Vec<Lease>, StoreError> {
    let mut held = Vec::new();
    for lease in leases {
        if execute(c, sql::RENEW, params![At(until), lease.run, lease.token])? == 1 {
            held.push(*lease);
        }
    }
    Ok(held)
}

pub(super) fn next_due(c: &Connection) -> Result<Option<Timestamp>, StoreError> {
    Ok(one(c, sql::NEXT_DUE, [], |row| row.get::<_, Option<At>>(0))?.flatten().map(|at| at.0))
}

fn take_effect(c: &Connection, run: RunId, effect: &Effect, at: Timestamp) -> Result<(), StoreError> {
    let Effect { connection, entity, row_key, node } = effect;
    if execute(c, sql::TAKE_EFFECT, params![connection, entity, row_key, run, node, At(at)])? == 1 {
        return Ok(());
    }
    let owner = one(c, sql::EFFECT_OWNER, params![connection, entity, row_key], |row| {
        Ok((row.get::<_, RunId>(0)?, row.get::<_, String>(1)?))
    })?;
    match owner {
        Some((owner, owner_node)) if owner != run || owner_node != *node => Err(StoreError::EffectTaken {
            connection: connection.clone(),
            entity: entity.clone(),
            row_key: row_key.clone(),
            run: owner,
            node: owner_node,
        }),
        _ => Ok(()),
    }
}

/// What ending a run needs of it.
struct Held {
    number: i64,
    dedupe: Option<Hash>,
    holds_key: bool,
    key: Keyed,
}

fn held(c: &Connection, lease: Lease) -> Result<Held, StoreError> {
    let held = one(c, sql::HELD_RUN, params![lease.run, lease.token], |row| {
        let key = Keyed { id: lease.run, flow: row.get(1)?, order_key: row.get(3)?, sequence: row.get(5)? };
        Ok(Held { number: row.get(0)?, dedupe: row.get(2)?, holds_key: row.get(4)?, key })
    })?;
    match held {
        Some(held) => Ok(held),
        None => Err(StoreError::Fenced { run: get(c, lease.run)?.run.id }),
    }
}

pub(super) fn append(
    c: &Connection,
    lease: Lease,
    entries: &Entries,
    update: &RunUpdate,
) -> Result<Option<RunId>, StoreError> {
    let Held { number, dedupe, holds_key: held_key, key } = held(c, lease)?;
    let id = lease.run;
    entries.write(c, id)?;
    for effect in &update.effects {
        take_effect(c, id, effect, update.at)?;
    }
    for kept in &update.kept {
        keep::keep(c, id, kept, update.at)?;
    }
    for alert in &update.alerts {
        alerts::raise(c, alert, update.at)?;
    }
    for change in &update.approvals {
        approvals::change(c, id, change, update.at)?;
    }
    if let Some(revision) = update.revision {
        execute(c, sql::START_RUN, params![revision, At(update.at), number])?;
    }
    for node in &update.joined {
        execute(c, sql::DELETE_WAITER, params![id, node])?;
    }
    if update.next == Next::Running {
        return Ok(None);
    }
    let state = update.next.state();
    let lets_go = state.is_settled() || (state == RunState::DeadLetter && key.sequence.is_some());
    let holds_key = held_key && !lets_go;
    let due = match update.next {
        // What came while the worker had the run is to be taken up at once.
        Next::Waiting { due } if due > update.at && has_news(c, id)? => Some(At(update.at)),
        Next::Waiting { due } => Some(At(due)),
        _ => None,
    };
    let stands = state.is_settled() || matches!(state, RunState::DeadLetter | RunState::OutcomeUnknown);
    let error = match &update.next {
        Next::DeadLetter(error) | Next::OutcomeUnknown(error) => Some(error_text(error)?),
        _ => None,
    };
    let reason = match &update.next {
        Next::Parked { reason } | Next::Stopped { reason, .. } | Next::Superseded { reason } => Some(reason),
        _ => None,
    };
    let finished = stands.then_some(At(update.at));
    execute(c, sql::UPDATE_RUN, params![state, due, holds_key, finished, error, reason, number])?;
    if let (Some(hash), Next::Stopped { release: true, .. } | Next::Superseded { .. }) = (dedupe, &update.next) {
        execute(c, sql::RELEASE_DEDUPE, params![key.flow, hash, id])?;
    }
    let woken = match state.is_settled() || state == RunState::DeadLetter {
        true => calls::ended(c, id, update.at)?,
        false => None,
    };
    if matches!(state, RunState::Succeeded | RunState::Stopped) {
        calls::sequence_done(c, &key, update.at)?;
    }
    let next = if held_key && !holds_key { keys::begin_next(c, &key, update.at)? } else { None };
    Ok(next.or(woken))
}

pub(super) fn load(c: &Connection, id: RunId) -> Result<Option<LoadedRun>, StoreError> {
    let Some(RunRow { run, .. }) = one(c, sql::RUN, params![id], rows::run)? else { return Ok(None) };
    let event = one(c, sql::EVENT, params![run.event], rows::event)?;
    let event = event.ok_or_else(|| StoreError::Corrupt(format!("the event of run {id} is gone")))?.event;
    let body = door::body(c, run.event)?;
    let accepted: Option<String> = one(c, sql::RUN_ACCEPTED, params![id], |row| row.get(0))?.flatten();
    let accepted = accepted.map(|text| Record::from_json(&text)).transpose();
    let accepted = accepted.map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let at = run.accepted_at;
    let first =
        accepted.map(|record| JournalEntry { seq: 0, node: String::new(), generation: 0, attempt: 0, record, at });
    let journal = entries::journal(c, id, first)?;
    let answers = approvals::untaken(c, id)?;
    Ok(Some(LoadedRun { run, event, body, journal, answers }))
}

pub(super) fn resume(
    c: &Batch<'_>,
    id: RunId,
    how: &Resume,
    entries: &Entries,
    by: &By,
) -> Result<RunState, StoreError> {
    let RunRow { run, period, .. } = get(c, id)?;
    if !run.state.is_settled() && !run.state.needs_a_person() {
        return Err(StoreError::Conflict(format!("run {id} is under way ({})", run.state)));
    }
    let event = one(c, sql::EVENT, params![run.event], rows::event)?;
    if event.is_some_and(|event| event.event.state == EventState::Erased) {
        // Without its journal it would do again what it has done.
        return Err(StoreError::Conflict(format!("the data of run {id} were erased")));
    }
    if let Some(hash) = run.dedupe
        && execute(c, sql::TAKE_DEDUPE, params![run.flow, hash, id, period])? == 0
    {
        let owner = one(c, sql::DEDUPE_OWNER, params![run.flow, hash], |row| row.get::<_, RunId>(0))?;
        if let Some(owner) = owner.filter(|owner| *owner != id) {
            return Err(StoreError::Conflict(format!("the dedupe value of run {id} belongs to run {owner}")));
        }
    }
    let number = match run.order_key {
        Some(_) if !run.holds_key => c.next_number()?,
        _ => run.number,
    };
    let first = match run.order_key {
        Some(key) => keys::first_holder(c, &run.flow, key)?,
        None => None,
    };
    let state = match first {
        Some(first) if first.id != id && first.number < number => RunState::Queued,
        _ => RunState::Ready,
    };
    let due = (state == RunState::Ready).then_some(At(by.at));
    entries.write(c, id)?;
    for effect in &how.effects {
        take_effect(c, id, effect, by.at)?;
    }
    execute(c, sql::RESUME_RUN, params![state, due, number, run.order_key.is_some(), how.revision, id])?;
    alerts::audit(c, by, how.action, &format!("run {id}"))?;
    Ok(state)
}

pub(super) fn write_down(
    c: &Connection,
    id: RunId,
    entries: &Entries,
    action: &str,
    by: &By,
) -> Result<(), StoreError> {
    let RunRow { run, .. } = get(c, id)?;
    if !run.state.is_settled() && !run.state.needs_a_person() {
        return Err(StoreError::Conflict(format!("run {id} is under way ({})", run.state)));
    }
    entries.write(c, id)?;
    alerts::audit(c, by, action, &format!("run {id}"))
}

pub(super) fn interrupt(
    c: &Connection,
    id: RunId,
    entries: &Entries,
    action: &str,
    by: &By,
) -> Result<RunState, StoreError> {
    let RunRow { run, .. } = get(c, id)?;
    at_rest(&run)?;
    entries.write(c, id)?;
    execute(c, sql::WAKE_RUN, params![At(by.at), id])?;
    alerts::audit(c, by, action, &format!("run {id}"))?;
    Ok(run.state)
}

/// Of a run that will go on by itself: nobody works on it now.
fn at_rest(run: &Run) -> Result<(), StoreError> {
    match run.state {
        RunState::Waiting | RunState::Ready | RunState::Queued => Ok(()),
        RunState::Running => Err(StoreError::Busy(format!("run {} is being worked on", run.id))),
        state => Err(StoreError::Conflict(format!("run {} is {state}", run.id))),
    }
}

pub(super) fn park(c: &Connection, id: RunId, by: &By) -> Result<(), StoreError> {
    let RunRow { run, .. } = get(c, id)?;
    at_rest(&run)?;
    let values =
        params![RunState::Parked, None::<At>, run.holds_key, None::<At>, None::<String>, by.reason, run.number];
    execute(c, sql::UPDATE_RUN, values)?;
    alerts::audit(c, by, "park", &format!("run {id}"))
}

pub(super) fn release_key(c: &Connection, id: RunId, by: &By) -> Result<Option<RunId>, StoreError> {
    let RunRow { run, .. } = get(c, id)?;
    if !run.holds_key {
        return Err(StoreError::Conflict(format!("run {id} holds no order key")));
    }
    if !run.state.needs_a_person() {
        return Err(StoreError::Conflict(format!("run {id} is under way ({})", run.state)));
    }
    execute(c, sql::LET_GO, params![id])?;
    alerts::audit(c, by, "release_key", &format!("run {id}"))?;
    keys::begin_next(c, &Keyed::of(&run), by.at)
}

/// Whether something came for the run that it has not taken up: a called run's end, a person's answer.
fn has_news(c: &Connection, run: RunId) -> Result<bool, StoreError> {
    Ok(calls::take_news(c, run)? || !approvals::untaken(c, run)?.is_empty())
}
