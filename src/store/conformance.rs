//! What every store promises, as tests that any implementation runs: `conformance!(make)`, where `make` gives an empty
//! store and what keeps it alive.

mod calls;

pub(crate) use calls::*;

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

pub(crate) async fn an_event_and_its_runs_are_kept(store: Arc<dyn Store>) {
    let body = "{\"amount\": 1.50,\n \"x\": \"".to_owned() + &"é".repeat(4000) + "\"}";
    let accepted = store.accept(event("evt_1", &body), vec![run("a", "1"), run("b", "1")]).await.unwrap();
    let id = accepted.event;
    let runs = kept(accepted);
    assert_eq!(runs.iter().map(|r| r.state).collect::<Vec<_>>(), [RunState::Ready; 2], "two flows, two dedupe values");
    let loaded = store.load_run(runs[0].id).await.unwrap().unwrap();
    assert_eq!(loaded.body, body.as_bytes(), "the bytes as received");
    assert_eq!((loaded.event.id, loaded.event.state), (id, EventState::Routed));
    assert_eq!(loaded.run.dedupe, Some(Hash::of(b"1")));
    let texts = journal::Accepted { dedupe: Some("1".to_owned()), order_key: None };
    assert_eq!(loaded.journal[0].record, Record::Accepted(texts));
    let other = store.load_run(runs[1].id).await.unwrap().unwrap();
    assert!(other.run.number > loaded.run.number);
    assert_eq!(store.load_run(RunId::new()).await.unwrap().map(|r| r.run), None);
}

pub(crate) async fn odd_events_are_kept_too(store: Arc<dyn Store>) {
    assert_eq!(kept(store.accept(event("evt_1", "{}"), vec![]).await.unwrap()), []);
    let broken = NewEvent { problem: Some("not JSON".to_owned()), ..event("evt_2", "{") };
    store.accept(broken, vec![]).await.unwrap();
    for (state, id) in [(EventState::Unrouted, "evt_1"), (EventState::DeadLetter, "evt_2")] {
        let filter = EventFilter { state: Some(state), ..EventFilter::default() };
        let listed = store.events(filter, Page::first(10)).await.unwrap();
        assert_eq!(listed.items.iter().map(|e| e.provider_id.as_str()).collect::<Vec<_>>(), [id]);
    }
    let failed = NewRun { start: Start::Failed(data_error()), dedupe: None, ..run("a", "") };
    let failed = start(&*store, "evt_3", failed).await;
    let loaded = store.load_run(failed.id).await.unwrap().unwrap();
    assert_eq!((loaded.run.state, loaded.run.error), (RunState::DeadLetter, Some(data_error())));
    assert_eq!(claimed(&*store).await, []);
}

pub(crate) async fn an_event_id_is_taken_once(store: Arc<dyn Store>) {
    let first = store.accept(event("evt_1", "a"), vec![run("a", "1")]).await.unwrap();
    let again = store.accept(event("evt_1", "a"), vec![run("a", "1")]).await.unwrap();
    assert_eq!(again, Accepted { event: first.event, outcome: AcceptOutcome::Duplicate });
    let elsewhere = NewEvent { connection: "paypal".to_owned(), ..event("evt_1", "a") };
    kept(store.accept(elsewhere, vec![]).await.unwrap());

    let other = store.accept(event("evt_1", "b"), vec![run("a", "2")]).await.unwrap();
    assert_eq!(other.outcome, AcceptOutcome::Conflicting);
    assert_eq!(store.event(other.event).await.unwrap().unwrap().1, b"b", "kept beside the first");
    let once_more = store.accept(event("evt_1", "b"), vec![run("a", "2")]).await.unwrap();
    assert_eq!(once_more, Accepted { event: other.event, outcome: AcceptOutcome::Duplicate });
    let alerts = store.alerts(AlertFilter::default(), Page::first(10)).await.unwrap().items;
    assert_eq!(alerts.iter().map(|a| (a.code.as_str(), a.count)).collect::<Vec<_>>(), [("event_conflict", 1)]);
    assert_eq!(claimed(&*store).await.len(), 1, "only the first event started a run");

    // What counts as the same is for the catalogue to say.
    let resent = NewEvent { same: Hash::of(b"a"), ..event("evt_1", "a with another time stamp") };
    assert_eq!(store.accept(resent, vec![]).await.unwrap().outcome, AcceptOutcome::Duplicate);
}

pub(crate) async fn a_dedupe_value_is_taken_once_per_flow(store: Arc<dyn Store>) {
    let first = start(&*store, "1", run("a", "x")).await;
    let second = start(&*store, "2", run("a", "x")).await;
    assert_eq!((second.state, second.duplicate_of), (RunState::Duplicate, Some(first.id)));
    assert_eq!(start(&*store, "3", run("b", "x")).await.state, RunState::Ready);
    // What is skipped or ignored keeps no value.
    for (id, how) in [("4", Start::Skipped), ("5", Start::Ignored)] {
        let passed = start(&*store, id, NewRun { start: how, ..run("a", "y") }).await;
        assert!(passed.state.is_settled());
    }
    let third = start(&*store, "6", run("a", "y")).await;
    assert_eq!(third.state, RunState::Ready);
    // A stop with release gives the value back; one without keeps it.
    for claimed in claim(&*store).await {
        let release = claimed.run.id == third.id;
        end(&*store, claimed.lease, Next::Stopped { reason: "no".to_owned(), release }).await;
    }
    assert_eq!(start(&*store, "7", run("a", "x")).await.state, RunState::Duplicate);
    assert_eq!(start(&*store, "8", run("a", "y")).await.state, RunState::Ready);
    // The released run cannot come back: its value has a new owner.
    let refused = store.resume(third.id, Resume { action: "replay", ..Resume::default() }, by("again")).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    let filter = RunFilter { dedupe: Some("x".to_owned()), flow: Some("a".to_owned()), ..RunFilter::default() };
    assert_eq!(store.runs(filter, Page::first(10)).await.unwrap().items.len(), 3);
}

pub(crate) async fn a_thousand_at_once(store: Arc<dyn Store>) {
    let tasks: Vec<_> = (0..1000)
        .map(|i| {
            let store = store.clone();
            tokio::spawn(async move {
                let accepted =
                    store.accept(event(&format!("evt_{i}"), &format!("{{{i}}}")), vec![run("a", &i.to_string())]);
                kept(accepted.await.unwrap()).remove(0).id
            })
        })
        .collect();
    let mut ids = HashSet::new();
    for task in tasks {
        ids.insert(task.await.unwrap());
    }
    assert_eq!(ids.len(), 1000);
    let mut numbers = HashSet::new();
    let mut page = Page::first(300);
    loop {
        let listed = store.runs(RunFilter::default(), page.clone()).await.unwrap();
        assert!(listed.items.is_sorted_by(|a, b| a.number > b.number), "the latest first");
        numbers.extend(listed.items.iter().map(|run| run.number));
        let Some(next) = listed.next else { break };
        page.after = Some(next);
    }
    assert_eq!(numbers.len(), 1000, "each has a number of its own");
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
    let how = Resume { entries: vec![entry.clone()], revision: Some(Hash::of(b"r2")), action: "decide" };
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

pub(crate) async fn links_and_totals_are_kept_with_the_step(store: Arc<dyn Store>) {
    let first = start(&*store, "1", run("a", "1")).await;
    start(&*store, "2", run("a", "2")).await;
    let leases: Vec<_> = claim(&*store).await.into_iter().map(|c| c.lease).collect();
    let link = |node: &str, value: Option<&str>| Kept {
        node: node.to_owned(),
        keep: Keep::Link { name: "payer".to_owned(), key: "P-1".to_owned(), value: value.map(str::to_owned) },
    };
    let add = |node: &str, key: &str, amount: &str| Kept {
        node: node.to_owned(),
        keep: Keep::Total { name: "spend".to_owned(), key: key.to_owned(), amount: Exact::parse(amount).unwrap() },
    };
    let with = |kept: Vec<Kept>| RunUpdate { kept, ..RunUpdate::running(later(2)) };
    let linked = async || store.link("payer".to_owned(), "P-1".to_owned()).await.unwrap();
    let total =
        async |key: &str| store.total("spend".to_owned(), key.to_owned()).await.unwrap().map(|sum| sum.to_string());
    assert_eq!((linked().await, total("eur").await), (None, None));
    let both = with(vec![link("tied", Some("C-1")), add("spent", "eur", "10.50")]);
    store.append(leases[0], vec![result(1, "tied", "null")], both.clone()).await.unwrap();
    assert_eq!((linked().await.as_deref(), total("eur").await.as_deref()), (Some("C-1"), Some("10.50")));

    // What is refused keeps nothing: neither a place in the journal that is taken, nor a lease that is over.
    let again = RunUpdate { kept: vec![link("tied", Some("C-2")), add("other", "eur", "5")], ..both };
    assert!(store.append(leases[0], vec![result(1, "tied", "null")], again.clone()).await.is_err());
    let over = Lease { token: leases[0].token - 1, ..leases[0] };
    assert!(matches!(store.append(over, vec![], again).await, Err(StoreError::Fenced { .. })));
    assert_eq!((linked().await.as_deref(), total("eur").await.as_deref()), (Some("C-1"), Some("10.50")));

    // Every node counts once: what it adds anew takes the place of what it had added, under whatever key.
    store.append(leases[1], vec![], with(vec![add("spent", "eur", "-0.51"), add("spent2", "eur", "1")])).await.unwrap();
    assert_eq!(total("eur").await.as_deref(), Some("10.99"));
    store.append(leases[0], vec![], with(vec![add("spent", "eur", "20")])).await.unwrap();
    assert_eq!(total("eur").await.as_deref(), Some("20.49"));
    store.append(leases[0], vec![], with(vec![add("spent", "usd", "20")])).await.unwrap();
    assert_eq!((total("eur").await.as_deref(), total("usd").await.as_deref()), (Some("0.49"), Some("20")));
    store.append(leases[1], vec![], with(vec![link("untied", None)])).await.unwrap();
    assert_eq!(linked().await, None);
    store.append(leases[1], vec![], with(vec![link("untied", None)])).await.expect("nothing to untie is fine");

    // The runs go, the sums stay.
    for lease in leases {
        end(&*store, lease, Next::Succeeded).await;
    }
    store.drop_periods(before(at("2026-03-03T00:00:00Z")), at("2026-04-15T08:00:00Z")).await.unwrap();
    assert!(store.load_run(first.id).await.unwrap().is_none());
    assert_eq!((total("eur").await.as_deref(), total("usd").await.as_deref()), (Some("0.49"), Some("20")));
}

pub(crate) async fn an_event_goes_through_the_door_again(store: Arc<dyn Store>) {
    let accepted = store.accept(event("1", "{}"), vec![]).await.unwrap();
    let runs = kept(store.accept_again(accepted.event, vec![run("a", "1")], vec![], by("new flow")).await.unwrap());
    assert_eq!(runs[0].state, RunState::Ready);
    assert_eq!(store.event(accepted.event).await.unwrap().unwrap().0.state, EventState::Routed);
    let again = kept(store.accept_again(accepted.event, vec![run("a", "1")], vec![], by("twice")).await.unwrap());
    assert_eq!(again, [], "that flow has its run");

    let failed = NewRun { start: Start::Failed(data_error()), ..keyed("2", "k") };
    let accepted = store.accept(event("2", "{}"), vec![failed]).await.unwrap();
    let id = accepted.event;
    let failed = kept(accepted).remove(0);
    assert_eq!(start(&*store, "3", keyed("3", "k")).await.state, RunState::Queued, "a dead letter holds its key");
    let payload = || journal::Payload {
        event: encoded(r#"{"fixed":1.10}"#),
        actor: "ada".to_owned(),
        reason: "mended".to_owned(),
    };
    let mended = JournalEntry { record: Record::Payload(payload()), ..result(1, "", "1") };
    let runs = kept(store.accept_again(id, vec![keyed("2", "k")], vec![mended.clone()], by("mended")).await.unwrap());
    assert_eq!(
        store.load_run(runs[0].id).await.unwrap().unwrap().journal[1],
        mended,
        "it begins with the mended payload"
    );
    assert_eq!(state(&*store, failed.id).await, RunState::Superseded);
    assert_eq!((runs[0].state, runs[0].duplicate_of), (RunState::Queued, None), "at the end of its key");
    let missing = store.accept_again(EventId::new(), vec![], vec![], by("?")).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))));
}

pub(crate) async fn an_operator_writes_down_and_is_audited(store: Arc<dyn Store>) {
    let new = start(&*store, "1", run("a", "1")).await;
    let payload = journal::Payload { event: encoded("{}"), actor: "ada".to_owned(), reason: "mended".to_owned() };
    let mended = JournalEntry { record: Record::Payload(payload), ..result(1, "", "1") };
    let under_way = store.write_down(new.id, vec![mended.clone()], "edit", by("early")).await;
    assert!(matches!(under_way, Err(StoreError::Conflict(_))));
    let lease = claim(&*store).await[0].lease;
    store.append(lease, vec![], RunUpdate::to(Next::DeadLetter(data_error()), later(2))).await.unwrap();
    store.write_down(new.id, vec![mended.clone()], "edit", by("mended")).await.unwrap();
    let loaded = store.load_run(new.id).await.unwrap().unwrap();
    assert_eq!((loaded.run.state, loaded.journal.last()), (RunState::DeadLetter, Some(&mended)));
    let missing = store.write_down(RunId::new(), vec![], "edit", by("?")).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))));
    store.audit_action("reload", "the project".to_owned(), by("deployed")).await.unwrap();
    let audit = store.audit(Page::first(9)).await.unwrap().items;
    let told: Vec<_> = audit.iter().map(|entry| (entry.action.as_str(), entry.reason.as_str())).collect();
    assert_eq!(told, [("reload", "deployed"), ("edit", "mended")]);
}

pub(crate) async fn a_backup_is_a_store(store: Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let new = start(&*store, "1", run("a", "1")).await;
    let to = folder.path().join("store.db");
    let bytes = store.backup(to.clone()).await.unwrap();
    assert_eq!(bytes, std::fs::metadata(&to).unwrap().len());
    start(&*store, "2", run("a", "2")).await;
    assert!(matches!(store.backup(to).await, Err(StoreError::Conflict(_))), "it replaces nothing");
    assert!(matches!(store.backup("/nowhere/at/all.db".into()).await, Err(_)));
    let restored = crate::store::SqliteStore::open(folder.path()).unwrap();
    let runs = restored.runs(RunFilter::default(), Page::first(9)).await.unwrap().items;
    assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [new.id]);
}

pub(crate) async fn revisions_are_kept(store: Arc<dyn Store>) {
    let revision = |name: &str, text: &str| Revision {
        flow: "a".to_owned(),
        hash: Hash::of(text.as_bytes()),
        language_version: 1,
        sources: vec![("z.flow.yaml".to_owned(), name.to_owned()), ("a.map".to_owned(), text.to_owned())],
        created_at: noon(),
    };
    let (one, two) = (revision("same", "one"), revision("same", "two"));
    for revision in [&one, &two, &one] {
        store.put_revision(revision.clone()).await.unwrap();
    }
    assert_eq!(store.revision(one.hash).await.unwrap(), Some(one.clone()));
    assert_eq!(store.revision(Hash::of(b"?")).await.unwrap(), None);
    store.activate(one.hash, None, By { at: noon(), ..by("first") }).await.unwrap();
    store.activate(two.hash, None, by("second")).await.unwrap();
    let live = |revision, instead_of| LiveRevision {
        flow: "a".to_owned(),
        revision,
        activated_at: later(3),
        first_active_at: noon(),
        instead_of,
    };
    assert_eq!(store.live_revisions().await.unwrap(), [live(two.hash, None)]);
    let listed = |kept: Vec<KeptRevision>| {
        let seen = kept.into_iter().map(|kept| (kept.hash, kept.live, kept.active_until));
        seen.collect::<std::collections::BTreeSet<_>>()
    };
    let all = listed(store.revisions(Some("a".to_owned()), 9).await.unwrap());
    assert_eq!(all, [(one.hash, false, Some(later(3))), (two.hash, true, None)].into());
    store.activate(one.hash, Some(two.hash), by("back")).await.unwrap();
    assert_eq!(store.live_revisions().await.unwrap(), [live(one.hash, Some(two.hash))]);
    let all = listed(store.revisions(None, 9).await.unwrap());
    assert_eq!(all, [(one.hash, true, None), (two.hash, false, Some(later(3)))].into());
    assert_eq!(store.revisions(Some("b".to_owned()), 9).await.unwrap(), []);
    assert_eq!(store.revisions(None, 1).await.unwrap().len(), 1);
    assert!(matches!(store.activate(Hash::of(b"?"), None, by("?")).await, Err(StoreError::NotFound(_))));
}

pub(crate) async fn old_periods_are_dropped(store: Arc<dyn Store>) {
    let done = start(&*store, "done", run("a", "done")).await;
    let lease = claim(&*store).await[0].lease;
    store.append(lease, vec![result(1, "s", "1")], RunUpdate::to(Next::Succeeded, later(2))).await.unwrap();
    let dead = start(&*store, "dead", run("a", "dead")).await;
    let lease = claim(&*store).await[0].lease;
    store
        .append(lease, vec![result(1, "s", "1")], RunUpdate::to(Next::DeadLetter(data_error()), later(2)))
        .await
        .unwrap();
    let unrouted = store.accept(event("unrouted", "{}"), vec![]).await.unwrap().event;
    let broken = NewEvent { problem: Some("no".to_owned()), ..event("broken", "{") };
    let broken = store.accept(broken, vec![]).await.unwrap().event;

    let (day, now) = (before(at("2026-03-03T00:00:00Z")), at("2026-04-15T08:00:00Z"));
    assert_eq!(store.oldest().await.unwrap(), Some(at("2026-03-02T00:00:00Z")));
    assert!(store.size().await.unwrap() > 0);
    assert_eq!(store.drop_periods(before(noon()), now).await.unwrap(), Dropped::default(), "the day itself stays");
    let dropped = store.drop_periods(day, now).await.unwrap();
    assert_eq!(store.oldest().await.unwrap(), Some(at("2026-04-15T00:00:00Z")));
    assert_eq!((dropped.runs, dropped.events, dropped.forgotten), (1, 2, 0));
    assert!(store.load_run(done.id).await.unwrap().is_none());
    assert!(store.event(unrouted).await.unwrap().is_none());
    assert_eq!(store.event(broken).await.unwrap().unwrap().1, b"{");
    let loaded = store.load_run(dead.id).await.unwrap().unwrap();
    assert_eq!((loaded.body.as_slice(), loaded.journal.len()), (&b"dead"[..], 2), "what is not settled is all there");

    // Ids and dedupe values are remembered for 400 days.
    let again = NewEvent { received_at: now, ..event("done", "done") };
    assert_eq!(store.accept(again, vec![]).await.unwrap().outcome, AcceptOutcome::Duplicate);
    let other = NewEvent { received_at: now, ..event("another", "{}") };
    assert_eq!(kept(store.accept(other, vec![run("a", "done")]).await.unwrap())[0].state, RunState::Duplicate);
    let much_later = at("2027-05-01T00:00:00Z");
    assert_eq!(store.drop_periods(day, much_later).await.unwrap().forgotten, 6);
    let again = NewEvent { received_at: much_later, ..event("done", "done") };
    assert_eq!(kept(store.accept(again, vec![run("a", "done")]).await.unwrap())[0].state, RunState::Ready);
}

/// What is settled goes; what failed stays for ever.
fn before(day: Timestamp) -> Retention {
    Retention { settled_before: day, failed_before: Timestamp::MIN }
}

pub(crate) async fn dead_letters_are_kept_as_long_as_is_said(store: Arc<dyn Store>) {
    let failed = async |dedupe: &str, new: NewRun| {
        let accepted = start(&*store, dedupe, new).await;
        let lease = claim(&*store).await[0].lease;
        store
            .append(lease, vec![result(1, "s", "1")], RunUpdate::to(Next::DeadLetter(data_error()), later(2)))
            .await
            .unwrap();
        accepted.id
    };
    let alone = failed("alone", run("a", "alone")).await;
    let blocking = failed("blocking", keyed("blocking", "k")).await;
    let unknown = start(&*store, "unknown", run("a", "unknown")).await.id;
    let lease = claim(&*store).await[0].lease;
    end(&*store, lease, Next::OutcomeUnknown(data_error())).await;
    let unreadable = NewEvent { problem: Some("no".to_owned()), ..event("unreadable", "{") };
    let unreadable = store.accept(unreadable, vec![]).await.unwrap().event;

    let now = at("2026-06-15T08:00:00Z");
    let until = |failed_before| Retention { settled_before: at("2026-06-01T00:00:00Z"), failed_before };
    let dropped = store.drop_periods(until(noon()), now).await.unwrap();
    assert_eq!((dropped.runs, dropped.events), (0, 0), "nobody has failed long enough ago");
    // Another day has become old, into which they were copied.
    let next = |failed_before| Retention { settled_before: at("2026-09-01T00:00:00Z"), failed_before };
    let dropped = store.drop_periods(next(later(600)), at("2026-09-15T08:00:00Z")).await.unwrap();
    assert_eq!((dropped.runs, dropped.events), (1, 2));
    assert!(store.load_run(alone).await.unwrap().is_none());
    assert!(store.event(unreadable).await.unwrap().is_none());
    let loaded = store.load_run(blocking).await.unwrap().expect("later runs of its key wait for it");
    assert_eq!((loaded.run.holds_key, loaded.journal.len()), (true, 2));
    assert!(store.load_run(unknown).await.unwrap().is_some(), "somebody has to decide first");
}

pub(crate) async fn a_person_is_found_and_erased(store: Arc<dyn Store>) {
    let (ana, ben) = (subject("ana@example.com").unwrap(), subject("ben@example.com").unwrap());
    let about =
        |id: &str, whom: &[Hash]| NewEvent { subjects: whom.to_vec(), ..event(id, &format!("{{\"of\":\"{id}\"}}")) };
    let start = async |id: &str, whom: &[Hash]| {
        let accepted = store.accept(about(id, whom), vec![run("a", id)]).await.unwrap();
        (accepted.event, kept(accepted).remove(0).id)
    };
    let (done_event, done) = start("done", &[ana]).await;
    let (_, both) = start("both", &[ana, ben]).await;
    let (_, other) = start("other", &[ben]).await;
    for claimed in claim(&*store).await {
        let next = if claimed.run.id == both { Next::DeadLetter(data_error()) } else { Next::Succeeded };
        let entry = result(1, "s", "\"ana@example.com\"");
        store.append(claimed.lease, vec![entry], RunUpdate::to(next, later(2))).await.unwrap();
    }
    let found = async |whom| {
        let filter = EventFilter { subject: Some(whom), ..EventFilter::default() };
        store.events(filter, Page::first(9)).await.unwrap().items.len()
    };
    assert_eq!((found(ana).await, found(ben).await), (2, 2));
    let erased = store.erase(ana, by("she asked for it")).await.unwrap();
    assert_eq!(erased, Erased { events: 1, runs: 1, left: 1 });
    assert_eq!((found(ana).await, found(ben).await), (1, 2), "what is not settled stays");
    let loaded = store.load_run(done).await.unwrap().unwrap();
    assert_eq!((loaded.run.state, loaded.journal.len()), (RunState::Succeeded, 0));
    assert_eq!((loaded.event.state, loaded.body.as_slice()), (EventState::Erased, &br#"{"erased":true}"#[..]));
    assert_eq!(store.load_run(other).await.unwrap().unwrap().journal.len(), 2, "another's is untouched");
    // It would do everything again.
    assert!(matches!(store.resume(done, Resume::default(), by("again")).await, Err(StoreError::Conflict(_))));
    assert!(matches!(
        store.accept_again(done_event, vec![run("a", "x")], vec![], by("again")).await,
        Err(StoreError::Conflict(_))
    ));
    let again = store.accept(about("done", &[ana]), vec![run("a", "done")]).await.unwrap();
    assert_eq!(again.outcome, AcceptOutcome::Duplicate, "its id stays known");
    let audit = store.audit(Page::first(9)).await.unwrap().items;
    assert_eq!((audit[0].action.as_str(), audit[0].target.starts_with("subject ")), ("erase", true));
    // What the period holds of it goes with it.
    store.drop_periods(before(at("2026-03-03T00:00:00Z")), at("2026-04-15T08:00:00Z")).await.unwrap();
    assert!(store.load_run(done).await.unwrap().is_none());
    assert_eq!((found(ana).await, found(ben).await), (1, 1));
}

pub(crate) async fn lists_come_in_parts(store: Arc<dyn Store>) {
    for i in 0..5 {
        let flow = if i % 2 == 0 { "even" } else { "odd" };
        start(&*store, &i.to_string(), run(flow, &i.to_string())).await;
    }
    let filter = || RunFilter {
        flow: Some("even".to_owned()),
        states: vec![RunState::Ready, RunState::Waiting],
        ..RunFilter::default()
    };
    let first = store.runs(filter(), Page::first(2)).await.unwrap();
    assert_eq!(first.items.len(), 2);
    let second = store.runs(filter(), Page { limit: 2, after: first.next.clone() }).await.unwrap();
    assert_eq!((second.items.len(), second.next), (1, None));
    assert!(second.items[0].number < first.items[1].number);
    let none = RunFilter { states: vec![RunState::DeadLetter], ..filter() };
    assert_eq!(store.runs(none, Page::first(2)).await.unwrap().items, []);
    let by_event = RunFilter { event: Some(first.items[0].event), ..RunFilter::default() };
    assert_eq!(store.runs(by_event, Page::first(2)).await.unwrap().items.len(), 1);
    let nonsense = Page { limit: 2, after: Some("' or 1 = 1".to_owned()) };
    assert!(matches!(store.runs(filter(), nonsense.clone()).await, Err(StoreError::Conflict(_))));
    let failed = NewRun { start: Start::Failed(data_error()), ..run("odd", "bad") };
    start(&*store, "bad", failed).await;
    let coded = |code: &str| RunFilter { code: Some(code.to_owned()), ..RunFilter::default() };
    let code = data_error().code;
    assert_eq!(store.runs(coded(&code), Page::first(9)).await.unwrap().items.len(), 1);
    for other in ["%", "_", "", "\"", &code[1..]] {
        assert_eq!(store.runs(coded(other), Page::first(9)).await.unwrap().items, [], "{other}");
    }
    let within = |since, until| RunFilter { since, until, ..RunFilter::default() };
    assert_eq!(store.runs(within(Some(noon()), None), Page::first(9)).await.unwrap().items.len(), 6);
    assert_eq!(store.runs(within(None, Some(noon())), Page::first(9)).await.unwrap().items, []);
    let counts = store.counts().await.unwrap();
    assert_eq!(counts.standing, [("odd".to_owned(), RunState::DeadLetter, 1)]);
    assert_eq!((counts.events, counts.next_due), (vec![], Some(noon())));
    store.events(EventFilter::default(), nonsense).await.expect("a place like any other");
    store.ping().await.unwrap();
}

fn moved(from: Option<&str>, to: &str) -> CursorMove {
    let from = from.map(str::to_owned);
    CursorMove { flow: "a".to_owned(), name: "poll".to_owned(), from, to: to.to_owned(), at: noon() }
}

pub(crate) async fn a_cursor_moves_with_what_it_brought(store: Arc<dyn Store>) {
    let cursor = || store.cursor("a".to_owned(), "poll".to_owned());
    assert_eq!(cursor().await.unwrap(), None);
    let rows = || vec![(event("r1", "1"), vec![run("a", "r1")]), (event("r2", "2"), vec![run("a", "r2")])];
    let brought = store.accept_all(rows(), moved(None, "2")).await.unwrap();
    assert_eq!(brought.into_iter().map(|one| kept(one).len()).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(cursor().await.unwrap().as_deref(), Some("2"));
    let other = store.cursor("b".to_owned(), "poll".to_owned()).await.unwrap();
    assert_eq!(other, None, "cursors belong to their flow");

    // Whoever saw the cursor elsewhere writes nothing: neither rows nor cursor.
    let third = || vec![(event("r3", "3"), vec![run("a", "r3")])];
    for stale in [None, Some("1")] {
        let refused = store.accept_all(third(), moved(stale, "3")).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    }
    assert_eq!(claimed(&*store).await.len(), 2);
    assert_eq!(cursor().await.unwrap().as_deref(), Some("2"));

    // What comes again is known; the rest of the same page is kept.
    let page = [rows(), third()].concat();
    let again = store.accept_all(page, moved(Some("2"), "3")).await.unwrap();
    let duplicates = again.iter().filter(|one| one.outcome == AcceptOutcome::Duplicate).count();
    assert_eq!((again.len(), duplicates), (3, 2));
    assert_eq!(cursor().await.unwrap().as_deref(), Some("3"));
    assert!(store.accept_all(vec![], moved(Some("3"), "4")).await.unwrap().is_empty());
    assert_eq!(cursor().await.unwrap().as_deref(), Some("4"));
}

pub(crate) async fn what_was_asked_for_is_known_by_its_id(store: Arc<dyn Store>) {
    let listed = |id: &str, body: &str| NewEvent { same: Hash::ANY, ..event(id, body) };
    store.accept(event("delivered", "a"), vec![]).await.unwrap();
    let known = store.accept(listed("delivered", "as the list has it"), vec![]).await.unwrap();
    assert_eq!(known.outcome, AcceptOutcome::Duplicate);
    store.accept(listed("listed", "as the list has it"), vec![]).await.unwrap();
    let late = store.accept(event("listed", "as it is delivered"), vec![]).await.unwrap();
    assert_eq!(late.outcome, AcceptOutcome::Duplicate);
    assert_eq!(store.alerts(AlertFilter::default(), Page::first(10)).await.unwrap().items, []);

    store.note(by("a gap in March"), "backfill", "flow a".to_owned()).await.unwrap();
    let audit = store.audit(Page::first(1)).await.unwrap().items;
    assert_eq!((audit[0].action.as_str(), audit[0].target.as_str()), ("backfill", "flow a"));
}

macro_rules! conformance {
    ($make:expr) => {
        crate::store::conformance::conformance! { $make =>
            an_event_and_its_runs_are_kept odd_events_are_kept_too an_event_id_is_taken_once
            a_dedupe_value_is_taken_once_per_flow a_thousand_at_once runs_of_a_key_go_one_after_the_other
            a_run_resumes_at_its_place a_sequence_lets_dead_letters_be_passed a_lease_that_is_over_writes_nothing
            an_append_is_all_or_nothing
            links_and_totals_are_kept_with_the_step an_event_goes_through_the_door_again revisions_are_kept old_periods_are_dropped
            dead_letters_are_kept_as_long_as_is_said a_person_is_found_and_erased lists_come_in_parts
            an_operator_writes_down_and_is_audited a_backup_is_a_store
            a_call_starts_one_run a_called_run_wakes_who_waits a_call_joins_what_is_there
            an_older_run_of_a_sequence_is_superseded
            a_cursor_moves_with_what_it_brought what_was_asked_for_is_known_by_its_id
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
