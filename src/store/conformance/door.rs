//! What a store promises of the door: events, ids, dedupe values, cursors.

use super::*;

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

pub(crate) async fn an_event_goes_through_the_door_again(store: Arc<dyn Store>) {
    let accepted = store.accept(event("1", "{}"), vec![]).await.unwrap();
    let runs =
        kept(store.accept_again(accepted.event, None, vec![run("a", "1")], vec![], by("new flow")).await.unwrap());
    assert_eq!(runs[0].state, RunState::Ready);
    assert_eq!(store.event(accepted.event).await.unwrap().unwrap().0.state, EventState::Routed);
    let again = kept(store.accept_again(accepted.event, None, vec![run("a", "1")], vec![], by("twice")).await.unwrap());
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
    let runs =
        kept(store.accept_again(id, None, vec![keyed("2", "k")], vec![mended.clone()], by("mended")).await.unwrap());
    assert_eq!(
        store.load_run(runs[0].id).await.unwrap().unwrap().journal[1],
        mended,
        "it begins with the mended payload"
    );
    assert_eq!(state(&*store, failed.id).await, RunState::Superseded);
    assert_eq!((runs[0].state, runs[0].duplicate_of), (RunState::Queued, None), "at the end of its key");
    let unread = NewEvent { problem: Some("test data".to_owned()), kind: String::new(), ..event("body 4", "{}") };
    let unread = store.accept(unread, vec![]).await.unwrap().event;
    store.accept(event("5", "{}"), vec![]).await.unwrap();
    let read = |id: &str| Reread {
        provider_id: id.to_owned(),
        kind: "charge.failed".to_owned(),
        same: Hash::of(b"{}"),
        own: true,
        subjects: vec![Hash::of(b"ada")],
    };
    let taken = store.accept_again(unread, Some(read("5")), vec![run("a", "5")], vec![], by("read")).await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))), "it came again meanwhile: {taken:?}");
    assert_eq!(store.event(unread).await.unwrap().unwrap().0.provider_id, "body 4");
    kept(store.accept_again(unread, Some(read("4")), vec![run("a", "4")], vec![], by("read")).await.unwrap());
    let now = store.event(unread).await.unwrap().unwrap().0;
    assert_eq!((now.provider_id.as_str(), now.kind.as_str(), now.own), ("4", "charge.failed", true));
    assert_eq!((now.state, now.problem), (EventState::Routed, None));
    let again = store.accept(event("4", "{}"), vec![run("a", "4")]).await.unwrap();
    assert_eq!((again.event, again.outcome), (unread, AcceptOutcome::Duplicate), "its id is taken from now on");

    let missing = store.accept_again(EventId::new(), None, vec![], vec![], by("?")).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))));
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

    store.audit_action("backfill", "flow a".to_owned(), by("a gap in March")).await.unwrap();
    let audit = store.audit(Page::first(1)).await.unwrap().items;
    assert_eq!((audit[0].action.as_str(), audit[0].target.as_str()), ("backfill", "flow a"));
}

pub(crate) async fn what_is_accepted_may_be_the_callers_at_once(store: Arc<dyn Store>) {
    let ordered = NewRun { sequence: Some("1".to_owned()), ..keyed("3", "other") };
    let runs = vec![keyed("1", "k"), NewRun { flow: "b".to_owned(), ..keyed("1", "k") }, ordered];
    let first = kept(store.accept_claimed(event("1", "1"), runs, later(31)).await.unwrap());
    assert_eq!(
        first.iter().map(|run| run.state).collect::<Vec<_>>(),
        [RunState::Running, RunState::Running, RunState::Ready]
    );
    assert_eq!((first[0].holds_key, first[2].lease), (true, None), "one with a sequence may come too late");
    let second = kept(store.accept_claimed(event("2", "2"), vec![keyed("2", "k")], later(31)).await.unwrap());
    assert_eq!((second[0].state, second[0].lease), (RunState::Queued, None), "behind the first of its key");
    let lease = first[0].lease.unwrap();
    assert_eq!(lease.run, first[0].id);
    assert_eq!(claimed(&*store).await, [first[2].id], "the others are taken, or wait");
    store.append(lease, vec![result(1, "a", "1")], RunUpdate::running(later(6))).await.unwrap();
    assert_eq!(end(&*store, lease, Next::Succeeded).await, Some(second[0].id));
    assert_eq!(store.renew(vec![first[1].lease.unwrap()], later(40)).await.unwrap().len(), 1);
    let over: Vec<RunId> = store.claim(later(41), later(71), 9).await.unwrap().iter().map(|c| c.run.id).collect();
    assert!(over.contains(&first[1].id), "its lease is over: {over:?}");
    let late = store.append(first[1].lease.unwrap(), vec![], RunUpdate::running(later(42))).await;
    assert_eq!(late, Err(StoreError::Fenced { run: first[1].id }));
}
