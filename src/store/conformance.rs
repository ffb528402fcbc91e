//! What every store promises, as tests that any implementation runs: `conformance!(make)`, where `make` gives an empty
//! store and what keeps it alive.

mod calls;
mod door;
mod keeping;
mod people;

pub(crate) use calls::*;
pub(crate) use door::*;
pub(crate) use keeping::*;
pub(crate) use people::*;

use super::*;
use crate::graph::{ErrorClass, Severity};
use std::collections::HashSet;
use std::sync::Arc;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

pub(crate) fn noon() -> Timestamp {
    at("2026-03-02T12:00:00Z")
}

pub(crate) fn later(seconds: i64) -> Timestamp {
    noon() + jiff::SignedDuration::from_secs(seconds)
}

pub(crate) fn by(reason: &str) -> By {
    By { actor: "ada".to_owned(), reason: reason.to_owned(), at: later(3) }
}

pub(crate) fn event(id: &str, body: &str) -> NewEvent {
    NewEvent {
        connection: "stripe".to_owned(),
        provider_id: id.to_owned(),
        kind: "charge.succeeded".to_owned(),
        same: Hash::of(body.as_bytes()),
        body: body.as_bytes().to_vec(),
        delivery: "{}".to_owned(),
        own: false,
        received_at: noon(),
        problem: None,
        subjects: vec![],
    }
}

pub(crate) fn run(flow: &str, dedupe: &str) -> NewRun {
    NewRun {
        flow: flow.to_owned(),
        dedupe: Some(dedupe.to_owned()),
        order_key: None,
        sequence: None,
        start: Start::Run,
    }
}

fn keyed(dedupe: &str, key: &str) -> NewRun {
    NewRun { order_key: Some(key.to_owned()), ..run("orders", dedupe) }
}

fn data_error() -> RunError {
    RunError {
        class: ErrorClass::Data,
        code: "not_unique".to_owned(),
        message: "two rows".to_owned(),
        hint: None,
        status: None,
        step: Some("known".to_owned()),
        position: Some(Place { path: "a.map".to_owned(), line: 3, column: 7 }),
        body: None,
    }
}

pub(crate) fn result(seq: i64, node: &str, value: &str) -> JournalEntry {
    let value = Encoded::new(value.to_owned()).expect("JSON");
    let record = Record::Result(journal::StepResult { now: noon(), value, adopted: false, status: Some(200) });
    JournalEntry { seq, node: node.to_owned(), generation: 0, attempt: 1, record, at: noon() }
}

fn encoded(json: &str) -> Encoded {
    Encoded::new(json.to_owned()).expect("JSON")
}

fn kept(accepted: Accepted) -> Vec<AcceptedRun> {
    match accepted.outcome {
        AcceptOutcome::Kept(runs) => runs,
        other => panic!("not kept: {other:?}"),
    }
}

async fn start(store: &dyn Store, id: &str, new: NewRun) -> AcceptedRun {
    kept(store.accept(event(id, id), vec![new]).await.unwrap()).remove(0)
}

pub(crate) async fn claim(store: &dyn Store) -> Vec<Claimed> {
    store.claim(later(5), later(31), 100).await.unwrap()
}

async fn claimed(store: &dyn Store) -> Vec<RunId> {
    claim(store).await.into_iter().map(|c| c.run.id).collect()
}

async fn end(store: &dyn Store, lease: Lease, next: Next) -> Option<RunId> {
    store.append(lease, vec![], RunUpdate::to(next, later(2))).await.unwrap()
}

async fn state(store: &dyn Store, run: RunId) -> RunState {
    store.load_run(run).await.unwrap().unwrap().run.state
}

pub(crate) async fn runs_of_a_key_go_one_after_the_other(store: Arc<dyn Store>) {
    let first = start(&*store, "1", keyed("1", "k")).await;
    let second = start(&*store, "2", keyed("2", "k")).await;
    let third = start(&*store, "3", keyed("3", "k")).await;
    let free = start(&*store, "4", keyed("4", "other")).await;
    assert_eq!([first.state, second.state, third.state], [RunState::Ready, RunState::Queued, RunState::Queued]);
    let working = claim(&*store).await;
    assert_eq!(working.iter().map(|c| c.run.id).collect::<Vec<_>>(), [first.id, free.id]);
    assert_eq!(claimed(&*store).await, []);

    // Waiting, parked, dead: the key is held.
    assert_eq!(end(&*store, working[0].lease, Next::Waiting { due: later(10) }).await, None);
    let again = store.claim(later(10), later(40), 10).await.unwrap();
    assert_eq!(again.iter().map(|c| c.run.id).collect::<Vec<_>>(), [first.id]);
    assert_eq!(end(&*store, again[0].lease, Next::DeadLetter(data_error())).await, None);
    assert_eq!(claimed(&*store).await, []);
    let behind = RunFilter { behind: Some(first.id), ..RunFilter::default() };
    let behind = store.runs(behind, Page::first(10)).await.unwrap().items;
    assert_eq!(behind.iter().map(|r| r.id).collect::<Vec<_>>(), [third.id, second.id]);

    // Skipped by an operator, the next begins; brought back, it goes to the end.
    assert_eq!(store.release_key(first.id, by("known")).await.unwrap(), Some(second.id));
    assert!(store.release_key(first.id, by("known")).await.is_err());
    let resumed = store.resume(first.id, Resume { action: "replay", ..Resume::default() }, by("mended")).await.unwrap();
    assert_eq!(resumed, RunState::Queued);
    for expected in [second.id, third.id, first.id] {
        let working = claim(&*store).await;
        assert_eq!(working.iter().map(|c| c.run.id).collect::<Vec<_>>(), [expected]);
        end(&*store, working[0].lease, Next::Succeeded).await;
    }
    assert_eq!(claimed(&*store).await, []);
    let actions: Vec<_> = store.audit(Page::first(10)).await.unwrap().items.into_iter().map(|a| a.action).collect();
    assert_eq!(actions, ["replay", "release_key"]);
}

pub(crate) async fn a_run_resumes_at_its_place(store: Arc<dyn Store>) {
    let first = start(&*store, "1", keyed("1", "k")).await;
    let second = start(&*store, "2", keyed("2", "k")).await;
    let lease = claim(&*store).await[0].lease;
    end(&*store, lease, Next::OutcomeUnknown(data_error())).await;
    let under_way = store.resume(second.id, Resume::default(), by("now")).await;
    assert!(matches!(under_way, Err(StoreError::Conflict(_))));
    let value = Some(Encoded::new("{}".to_owned()).unwrap());
    let (what, actor, reason) = ("done".to_owned(), "ada".to_owned(), "seen".to_owned());
    let record = Record::Decision(journal::Decision { what, actor, reason, value });
    let entry = JournalEntry { seq: 1, node: "header".to_owned(), generation: 0, attempt: 1, record, at: later(60) };
    let how =
        Resume { entries: vec![entry.clone()], revision: Some(Hash::of(b"r2")), action: "decide", ..Resume::default() };
    assert_eq!(store.resume(first.id, how, by("seen")).await.unwrap(), RunState::Ready);
    let loaded = store.load_run(first.id).await.unwrap().unwrap();
    assert_eq!(loaded.journal[1], entry);
    assert_eq!((loaded.run.revision, loaded.run.error), (Some(Hash::of(b"r2")), None));
    assert_eq!(state(&*store, second.id).await, RunState::Queued);
}

pub(crate) async fn a_sequence_lets_dead_letters_be_passed(store: Arc<dyn Store>) {
    let numbered = |n: &str| NewRun { sequence: Some(n.to_owned()), ..keyed(n, "k") };
    start(&*store, "1", numbered("1")).await;
    let second = start(&*store, "2", numbered("2")).await;
    let lease = claim(&*store).await[0].lease;
    assert_eq!(end(&*store, lease, Next::DeadLetter(data_error())).await, Some(second.id));
}

pub(crate) async fn a_lease_that_is_over_writes_nothing(store: Arc<dyn Store>) {
    let accepted = start(&*store, "1", run("a", "1")).await;
    assert_eq!(store.next_due().await.unwrap(), Some(noon()));
    let old = claim(&*store).await[0].lease;
    assert_eq!(store.next_due().await.unwrap(), Some(later(31)), "the end of the lease");
    assert_eq!(claimed(&*store).await, [], "it is taken");
    assert_eq!(store.renew(vec![old], later(50)).await.unwrap(), [old]);
    assert_eq!(store.claim(later(40), later(70), 10).await.unwrap().len(), 0);
    let new = store.claim(later(50), later(80), 10).await.unwrap()[0].lease;
    assert_eq!(new.run, accepted.id);
    let late = store.append(old, vec![result(1, "a", "1")], RunUpdate::to(Next::Succeeded, later(51))).await;
    assert_eq!(late, Err(StoreError::Fenced { run: accepted.id }));
    assert_eq!(store.renew(vec![old], later(90)).await.unwrap(), []);
    store.append(new, vec![result(1, "a", "2")], RunUpdate::running(later(52))).await.unwrap();
    end(&*store, new, Next::Succeeded).await;
    let after_the_end = store.append(new, vec![], RunUpdate::running(later(53))).await;
    assert_eq!(after_the_end, Err(StoreError::Fenced { run: accepted.id }));
    let loaded = store.load_run(accepted.id).await.unwrap().unwrap();
    assert_eq!(loaded.journal[1..], [result(1, "a", "2")]);
    assert_eq!((loaded.run.state, loaded.run.finished_at), (RunState::Succeeded, Some(later(2))));
    assert_eq!(store.next_due().await.unwrap(), None);
}

pub(crate) async fn an_append_is_all_or_nothing(store: Arc<dyn Store>) {
    let first = start(&*store, "1", run("a", "1")).await;
    let second = start(&*store, "2", run("a", "2")).await;
    let leases: Vec<_> = claim(&*store).await.into_iter().map(|c| c.lease).collect();
    let effect = |node: &str| Effect {
        connection: "finance".to_owned(),
        entity: "SalesOrderHeadersV2".to_owned(),
        row_key: "SO-1".to_owned(),
        node: node.to_owned(),
    };
    let alert = NewAlert {
        flow: Some("a".to_owned()),
        run: Some(first.id),
        severity: Severity::Warning,
        code: "held".to_owned(),
        title: "Held".to_owned(),
        detail: None,
    };
    let with = |node: &str, next| RunUpdate {
        revision: Some(Hash::of(b"r1")),
        effects: vec![effect(node)],
        alerts: vec![alert.clone()],
        ..RunUpdate::to(next, later(2))
    };
    store.append(leases[0], vec![result(1, "header", "{}")], with("header", Next::Running)).await.unwrap();
    store.append(leases[0], vec![], with("header", Next::Running)).await.expect("its own row again is no conflict");
    let entries = vec![result(1, "header", "{}")];
    let taken = store.append(leases[1], entries.clone(), with("header", Next::Succeeded)).await;
    let owner = (first.id, "header".to_owned());
    assert!(matches!(taken, Err(StoreError::EffectTaken { run, node, .. }) if (run, node.clone()) == owner));
    let same_run = store.append(leases[0], vec![], with("other", Next::Running)).await;
    assert!(matches!(same_run, Err(StoreError::EffectTaken { .. })), "another node of the same run is another node");
    let loaded = store.load_run(second.id).await.unwrap().unwrap();
    assert_eq!((loaded.run.state, loaded.run.revision), (RunState::Running, None), "nothing of the refused write");
    assert_eq!(loaded.journal.len(), 1);
    let loaded = store.load_run(first.id).await.unwrap().unwrap();
    assert_eq!((loaded.run.revision, loaded.run.started_at), (Some(Hash::of(b"r1")), Some(later(2))));
    let repeated = store.append(leases[0], entries, RunUpdate::running(later(3))).await;
    assert!(matches!(repeated, Err(StoreError::Conflict(_))), "a place in the journal is taken once");

    let alerts =
        store.alerts(AlertFilter { open: Some(true), ..AlertFilter::default() }, Page::first(9)).await.unwrap();
    assert_eq!(alerts.items.iter().map(|a| a.count).collect::<Vec<_>>(), [2], "one while it is open");
    let id = alerts.items[0].id;
    assert_eq!(alerts.items[0].acknowledged, None);
    assert!(store.acknowledge_alert(id, by("on it")).await.unwrap());
    assert!(!store.acknowledge_alert(id, By { actor: "bob".to_owned(), ..by("me too") }).await.unwrap());
    let seen = store.alerts(AlertFilter::default(), Page::first(9)).await.unwrap().items[0].acknowledged.clone();
    assert_eq!(seen, Some((by("").actor, later(3))));
    assert_eq!(store.counts().await.unwrap().alerts, [(Severity::Warning, 1)]);
    assert!(store.close_alert(id, by("seen")).await.unwrap());
    assert!(!store.acknowledge_alert(id, by("late")).await.unwrap());
    assert!(!store.close_alert(alerts.items[0].id, by("seen")).await.unwrap());
    store.raise(alert, later(9)).await.unwrap();
    assert_eq!(store.alerts(AlertFilter::default(), Page::first(9)).await.unwrap().items.len(), 2);
}

pub(crate) async fn a_clock_that_went_back_holds_up_nobody(store: Arc<dyn Store>) {
    let ahead = NewEvent { received_at: later(3600), ..event("1", "1") };
    let ready = kept(store.accept(ahead, vec![run("a", "1")]).await.unwrap()).remove(0).id;
    start(&*store, "2", run("a", "2")).await;
    let asleep = claim(&*store).await.remove(0);
    end(&*store, asleep.lease, Next::Waiting { due: later(3600) }).await;
    assert_eq!(claimed(&*store).await, []);
    assert_eq!(store.clock_went_back(later(4)).await.unwrap(), 1);
    assert_eq!(claimed(&*store).await, [ready], "what waits for a time still does");
}

pub(crate) async fn a_run_that_sleeps_is_interrupted(store: Arc<dyn Store>) {
    let first = start(&*store, "1", keyed("1", "k")).await.id;
    let second = start(&*store, "2", keyed("2", "k")).await.id;
    let stop = |seq| {
        let (what, actor, reason) = ("stop".to_owned(), "ada".to_owned(), "enough".to_owned());
        let record = Record::Decision(journal::Decision { what, actor, reason, value: None });
        vec![JournalEntry { seq, node: String::new(), generation: 0, attempt: 0, record, at: later(3) }]
    };
    let lease = claim(&*store).await[0].lease;
    let busy = store.interrupt(first, stop(1), "cancel", by("enough")).await;
    assert!(matches!(busy, Err(StoreError::Busy(_))), "somebody works on it");
    end(&*store, lease, Next::Waiting { due: later(600) }).await;
    assert_eq!(claimed(&*store).await, []);
    assert_eq!(store.interrupt(first, stop(1), "cancel", by("enough")).await.unwrap(), RunState::Waiting);
    assert_eq!(store.interrupt(second, stop(1), "cancel", by("enough")).await.unwrap(), RunState::Queued);
    assert_eq!(claimed(&*store).await, [first], "the other one when its turn has come");
    assert_eq!(store.load_run(first).await.unwrap().unwrap().journal.last(), stop(1).last());
    let lease = Lease { run: first, token: lease.token + 1 };
    end(&*store, lease, Next::Succeeded).await;
    assert!(matches!(store.interrupt(first, stop(2), "cancel", by("?")).await, Err(StoreError::Conflict(_))));
    assert!(matches!(store.interrupt(RunId::new(), stop(1), "cancel", by("?")).await, Err(StoreError::NotFound(_))));
    let actions: Vec<_> =
        store.audit(Page::first(9)).await.unwrap().items.into_iter().map(|done| done.action).collect();
    assert_eq!(actions, ["cancel", "cancel"], "what was not done is not in the audit");
}

pub(crate) async fn a_parked_run_keeps_its_key(store: Arc<dyn Store>) {
    let first = start(&*store, "1", keyed("1", "k")).await.id;
    let second = start(&*store, "2", keyed("2", "k")).await.id;
    let lease = claim(&*store).await[0].lease;
    assert!(matches!(store.park(first, by("wait")).await, Err(StoreError::Busy(_))), "somebody works on it");
    end(&*store, lease, Next::Waiting { due: later(2) }).await;
    store.park(first, by("wait for the bank")).await.unwrap();
    assert!(matches!(store.park(first, by("twice")).await, Err(StoreError::Conflict(_))));
    let parked = store.load_run(first).await.unwrap().unwrap().run;
    assert_eq!((parked.state, parked.holds_key), (RunState::Parked, true));
    assert_eq!(parked.reason.as_deref(), Some("wait for the bank"));
    assert_eq!((claim(&*store).await.len(), state(&*store, second).await), (0, RunState::Queued), "the key is held");
    let late = store.append(lease, vec![], RunUpdate::to(Next::Succeeded, later(3))).await;
    assert!(late.is_err(), "whoever had it is late");
    store.park(second, by("that one, too")).await.unwrap();
    assert_eq!(store.release_key(first, by("others must not wait")).await.unwrap(), None, "the next one is parked");
    let how = || Resume { action: "replay", ..Resume::default() };
    assert_eq!(store.resume(second, how(), by("now")).await.unwrap(), RunState::Ready);
    assert_eq!(store.resume(first, how(), by("now")).await.unwrap(), RunState::Queued, "at the end");
    assert!(matches!(store.park(RunId::new(), by("?")).await, Err(StoreError::NotFound(_))));
}

macro_rules! conformance {
    ($make:expr) => {
        crate::store::conformance::conformance! { $make =>
            an_event_and_its_runs_are_kept odd_events_are_kept_too an_event_id_is_taken_once
            a_dedupe_value_is_taken_once_per_flow a_thousand_at_once runs_of_a_key_go_one_after_the_other
            a_run_resumes_at_its_place a_sequence_lets_dead_letters_be_passed a_lease_that_is_over_writes_nothing
            an_append_is_all_or_nothing an_alert_is_told_once a_parked_run_keeps_its_key
            a_run_that_sleeps_is_interrupted a_clock_that_went_back_holds_up_nobody whose_a_row_is_is_known_as_long_as_the_run_or_its_dedupe_value
            links_and_totals_are_kept_with_the_step an_event_goes_through_the_door_again revisions_are_kept old_periods_are_dropped
            dead_letters_are_kept_as_long_as_is_said a_person_is_found_and_erased lists_come_in_parts questions_to_persons_are_kept
            an_operator_writes_down_and_is_audited a_backup_is_a_store
            a_call_starts_one_run a_called_run_wakes_who_waits a_call_joins_what_is_there
            an_older_run_of_a_sequence_is_superseded
            a_cursor_moves_with_what_it_brought what_was_asked_for_is_known_by_its_id
            what_is_accepted_may_be_the_callers_at_once
        }
    };
    ($make:expr => $($name:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let (store, _keep) = $make;
            crate::store::conformance::$name(store).await;
        }
    )*};
}
pub(crate) use conformance;
