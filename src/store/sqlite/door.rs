//! Events through the door: the inbox, and the runs that an event starts.

use super::entries::Entries;
use super::query::{all, execute, one};
use super::rows::{self, At, EventRow, RunRow, period};
use super::writer::Batch;
use super::{alerts, keys, runs};
use crate::graph::Severity;
use crate::store::codec::{self, Packed};
use crate::store::journal::Accepted as AcceptedTexts;
use crate::store::{
    AcceptOutcome, Accepted, AcceptedRun, By, CursorMove, Event, EventId, EventState, Hash, Lease, NewAlert, NewEvent,
    NewRun, Record, Reread, RunId, RunState, Start, StoreError, sql,
};
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// An event with its body ready to be kept, so that the writer's thread need not see to that.
pub(super) struct Incoming {
    pub event: NewEvent,
    pub hash: Hash,
    pub packed: Packed,
}

impl Incoming {
    pub(super) fn new(mut event: NewEvent) -> Incoming {
        let hash = Hash::of(&event.body);
        let packed = codec::pack(std::mem::take(&mut event.body));
        Incoming { event, hash, packed }
    }

    pub(super) fn all(events: Vec<(NewEvent, Vec<NewRun>)>) -> Vec<(Incoming, Vec<NewRun>)> {
        events.into_iter().map(|(event, runs)| (Incoming::new(event), runs)).collect()
    }
}

/// `until`: runs that may begin at once are the caller's until then.
pub(super) fn accept(
    c: &Batch<'_>,
    event: &Incoming,
    new_runs: &[NewRun],
    until: Option<Timestamp>,
) -> Result<Accepted, StoreError> {
    let (id, incoming) = (EventId::new(), event);
    let event = &incoming.event;
    let (connection, provider_id) = (&event.connection, &event.provider_id);
    let period = period(event.received_at);
    if execute(c, sql::TAKE_EVENT_ID, params![connection, provider_id, event.same, id, period])? == 0 {
        return seen_before(c, id, incoming);
    }
    let state = match (&event.problem, new_runs) {
        (Some(_), _) => EventState::DeadLetter,
        (None, []) => EventState::Unrouted,
        (None, _) => EventState::Routed,
    };
    insert_event(c, id, incoming, state)?;
    let from = Origin { event: id, period, at: event.received_at, until };
    let started = new_runs.iter().map(|run| insert_run(c, &from, run)).collect::<Result<_, _>>()?;
    Ok(Accepted { event: id, outcome: AcceptOutcome::Kept(started) })
}

pub(super) fn accept_all(
    c: &Batch<'_>,
    events: &[(Incoming, Vec<NewRun>)],
    cursor: &CursorMove,
) -> Result<Vec<Accepted>, StoreError> {
    let stands: Option<String> = one(c, sql::CURSOR, params![cursor.flow, cursor.name], |row| row.get(0))?;
    if stands != cursor.from {
        return Err(StoreError::Conflict(format!("the cursor {} of {} was moved meanwhile", cursor.name, cursor.flow)));
    }
    execute(c, sql::MOVE_CURSOR, params![cursor.flow, cursor.name, cursor.to, At(cursor.at)])?;
    events.iter().map(|(event, runs)| accept(c, event, runs, None)).collect()
}

/// An event whose id was taken: the same once more, or another body under the same id.
fn seen_before(c: &Connection, id: EventId, incoming: &Incoming) -> Result<Accepted, StoreError> {
    let event = &incoming.event;
    let (connection, provider_id) = (&event.connection, &event.provider_id);
    let owner = one(c, sql::EVENT_ID_OWNER, params![connection, provider_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (first, same): (EventId, Hash) =
        owner.ok_or_else(|| StoreError::Corrupt("an event id is taken by nobody".to_owned()))?;
    if same == event.same || same == Hash::ANY || event.same == Hash::ANY {
        return Ok(Accepted { event: first, outcome: AcceptOutcome::Duplicate });
    }
    let kept = one(c, sql::CONFLICTING_EVENT, params![connection, provider_id, event.same], |row| row.get(0))?;
    if let Some(kept) = kept {
        return Ok(Accepted { event: kept, outcome: AcceptOutcome::Duplicate });
    }
    insert_event(c, id, incoming, EventState::Conflicting)?;
    let alert = NewAlert {
        flow: None,
        run: None,
        severity: Severity::Error,
        code: "event_conflict".to_owned(),
        title: format!("Event {provider_id} of {connection} came again with another body"),
        detail: Some(format!(
            "The first one is event {first}, the other is kept beside it as {id}. It started no run."
        )),
    };
    alerts::raise(c, &alert, event.received_at)?;
    Ok(Accepted { event: id, outcome: AcceptOutcome::Conflicting })
}

pub(super) fn insert_event(c: &Connection, id: EventId, event: &Incoming, state: EventState) -> Result<(), StoreError> {
    let Incoming { event, hash, packed } = event;
    let period = period(event.received_at);
    let values = params![
        id,
        period,
        event.connection,
        event.provider_id,
        event.kind,
        state,
        event.own,
        At(event.received_at),
        event.problem,
        event.delivery,
        event.same,
        hash,
        packed.codec,
        packed.key_id,
        packed.body
    ];
    execute(c, sql::INSERT_EVENT, values)?;
    for subject in &event.subjects {
        execute(c, sql::INSERT_SUBJECT, params![subject, id, period])?;
    }
    Ok(())
}

/// What starts a run, and when.
pub(super) struct Origin {
    pub event: EventId,
    pub period: i64,
    pub at: Timestamp,
    /// A run that may begin at once is the caller's until then.
    pub until: Option<Timestamp>,
}

pub(super) fn insert_run(c: &Batch<'_>, from: &Origin, new: &NewRun) -> Result<AcceptedRun, StoreError> {
    let id = RunId::new();
    let dedupe = new.dedupe.as_deref().map(|text| Hash::of(text.as_bytes()));
    let order_key = new.order_key.as_deref().map(|text| Hash::of(text.as_bytes()));
    let mut duplicate_of = None;
    if let (Some(hash), Start::Run | Start::Failed(_)) = (dedupe, &new.start)
        && execute(c, sql::TAKE_DEDUPE, params![new.flow, hash, id, from.period])? == 0
    {
        duplicate_of = one(c, sql::DEDUPE_OWNER, params![new.flow, hash], |row| row.get::<_, RunId>(0))?;
    }
    let (state, holds_key) = match &new.start {
        Start::Skipped => (RunState::Skipped, false),
        Start::Ignored => (RunState::Ignored, false),
        _ if duplicate_of.is_some() => (RunState::Duplicate, false),
        // Only with `sequence` does a later run pass a dead letter.
        Start::Failed(_) => (RunState::DeadLetter, order_key.is_some() && new.sequence.is_none()),
        Start::Run => match order_key {
            Some(key) if keys::first_holder(c, &new.flow, key)?.is_some() => (RunState::Queued, true),
            Some(_) => (RunState::Ready, true),
            None => (RunState::Ready, false),
        },
    };
    let error = match &new.start {
        Start::Failed(error) if duplicate_of.is_none() => Some(runs::error_text(error)?),
        _ => None,
    };
    let texts = AcceptedTexts { dedupe: new.dedupe.clone(), order_key: new.order_key.clone() };
    let accepted = match new.dedupe.is_some() || new.order_key.is_some() {
        true => Some(Record::Accepted(texts).to_json().map_err(|e| StoreError::Conflict(e.to_string()))?),
        false => None,
    };
    let number = c.next_number()?;
    // One with a sequence may come too late: whoever claims it sees to that.
    let lease_end = from.until.filter(|_| state == RunState::Ready && new.sequence.is_none());
    let state = if lease_end.is_some() { RunState::Running } else { state };
    let token = i64::from(lease_end.is_some());
    let due = if state == RunState::Ready { Some(from.at) } else { lease_end };
    let under_way = matches!(state, RunState::Ready | RunState::Queued | RunState::Running);
    let values = params![
        id,
        from.period,
        number,
        new.flow,
        from.event,
        accepted,
        state,
        dedupe,
        order_key,
        holds_key,
        new.sequence,
        due.map(At),
        token,
        At(from.at),
        (!under_way).then_some(At(from.at)),
        error,
        duplicate_of
    ];
    execute(c, sql::INSERT_RUN, values)?;
    let lease = lease_end.map(|_| Lease { run: id, token });
    Ok(AcceptedRun { id, number, flow: new.flow.clone(), state, duplicate_of, holds_key, lease })
}

pub(super) fn accept_again(
    c: &Batch<'_>,
    id: EventId,
    reread: Option<&Reread>,
    new_runs: &[NewRun],
    entries: &Entries,
    by: &By,
) -> Result<Accepted, StoreError> {
    let event =
        one(c, sql::EVENT, params![id], rows::event)?.ok_or_else(|| StoreError::NotFound(format!("event {id}")))?;
    if event.event.state == EventState::Erased {
        return Err(StoreError::Conflict(format!("what event {id} said was erased")));
    }
    if let Some(reread) = reread {
        told_anew(c, &event, reread)?;
    }
    let from = Origin { event: id, period: event.period, at: by.at, until: None };
    let mut started = Vec::new();
    for new in new_runs {
        let others: i64 = one(c, sql::OTHER_RUNS, params![id, new.flow], |row| row.get(0))?.unwrap_or(0);
        if others > 0 {
            continue;
        }
        for RunRow { run, .. } in all(c, sql::REPLACEABLE_RUNS, params![id, new.flow], rows::run)? {
            if let Some(hash) = run.dedupe {
                execute(c, sql::RELEASE_DEDUPE, params![run.flow, hash, run.id])?;
            }
            let reason = "its event was sent through the door again";
            let values =
                params![RunState::Superseded, None::<At>, false, At(by.at), None::<String>, reason, run.number];
            execute(c, sql::UPDATE_RUN, values)?;
            keys::begin_next(c, &keys::Keyed::of(&run), by.at)?;
        }
        let run = insert_run(c, &from, new)?;
        entries.write(c, run.id)?;
        started.push(run);
    }
    if !started.is_empty() {
        execute(c, sql::EVENT_ROUTED, params![id])?;
    }
    alerts::audit(c, by, "accept_again", &format!("event {id}"))?;
    Ok(Accepted { event: id, outcome: AcceptOutcome::Kept(started) })
}

/// Gives an event the id and the kind that could not be read when it came.
fn told_anew(c: &Connection, row: &EventRow, reread: &Reread) -> Result<(), StoreError> {
    let (id, connection) = (row.event.id, &row.event.connection);
    let Reread { provider_id, kind, same, own, subjects } = reread;
    if row.event.provider_id != *provider_id
        && execute(c, sql::TAKE_EVENT_ID, params![connection, provider_id, same, id, row.period])? == 0
    {
        return Err(StoreError::Conflict(format!(
            "event {provider_id} of {connection} has come again and was taken then"
        )));
    }
    execute(c, sql::EVENT_REREAD, params![provider_id, kind, own, same, id])?;
    for subject in subjects {
        execute(c, sql::ADD_SUBJECT, params![subject, id, row.period])?;
    }
    Ok(())
}

/// An event's body.
pub(super) fn body(c: &Connection, id: EventId) -> Result<Vec<u8>, StoreError> {
    let body = one(c, sql::BODY, params![id], |row| Ok(rows::packed(row)))?;
    body.unwrap_or_else(|| Err(StoreError::Corrupt(format!("the payload of event {id} is gone"))))
}

pub(super) fn event(c: &Connection, id: EventId) -> Result<Option<(Event, Vec<u8>)>, StoreError> {
    let Some(row) = one(c, sql::EVENT, params![id], rows::event)? else { return Ok(None) };
    Ok(Some((row.event, body(c, id)?)))
}
