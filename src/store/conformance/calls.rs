//! Runs that call runs, and sequences.

use super::*;
use crate::store::journal::CalledRun;

fn calling(lease: Lease, id: &str, wait: bool) -> NewCall {
    let event = NewEvent { connection: "flow.run".to_owned(), ..event(id, "{}") };
    let run = run("child", id);
    let _ = lease;
    NewCall { event, run, wait, seq: 2, node: "c".to_owned(), generation: 0, attempt: 1, at: later(1) }
}

async fn lease_of(store: &dyn Store, run: RunId) -> Lease {
    claim(store).await.into_iter().find(|c| c.run.id == run).expect("it wants a worker").lease
}

pub(crate) async fn a_call_starts_one_run(store: Arc<dyn Store>) {
    let caller = start(&*store, "evt_1", run("a", "1")).await.id;
    let lease = lease_of(&*store, caller).await;
    let called = store.call(lease, calling(lease, "key", false)).await.unwrap();
    assert_eq!((called.state, called.joined), (RunState::Ready, false));
    let child = store.load_run(called.run).await.unwrap().unwrap();
    assert_eq!((child.run.flow.as_str(), child.event.provider_id.as_str()), ("child", "key"));
    let entry = store.load_run(caller).await.unwrap().unwrap().journal.pop().unwrap();
    let record = CalledRun { run: called.run.to_string(), joined: false, waits: false };
    assert_eq!((entry.seq, entry.record), (2, Record::Called(record)));
    // The same call once more, as after a crash.
    let again = store.call(lease, NewCall { seq: 3, ..calling(lease, "key", false) }).await.unwrap();
    assert_eq!((again.run, again.joined), (called.run, true));
    assert_eq!(store.runs(RunFilter::default(), Page::first(9)).await.unwrap().items.len(), 2);
    let late = Lease { token: lease.token - 1, ..lease };
    let fenced = store.call(late, NewCall { seq: 4, ..calling(lease, "other", false) }).await;
    assert_eq!(fenced, Err(StoreError::Fenced { run: caller }));
    assert_eq!(
        store.runs(RunFilter::default(), Page::first(9)).await.unwrap().items.len(),
        2,
        "nothing of it was kept"
    );
}

pub(crate) async fn a_called_run_wakes_who_waits(store: Arc<dyn Store>) {
    let far = at("2100-01-01T00:00:00Z");
    let mut ends: Vec<(Next, bool)> = vec![
        (Next::Succeeded, true),
        (Next::DeadLetter(data_error()), true),
        (Next::Stopped { reason: "x".to_owned(), release: false }, true),
    ];
    ends.push((Next::OutcomeUnknown(data_error()), false));
    ends.push((Next::Parked { reason: "x".to_owned() }, false));
    for (n, (next, wakes)) in ends.into_iter().enumerate() {
        let caller = start(&*store, &format!("evt_{n}"), run("a", &n.to_string())).await.id;
        let lease = lease_of(&*store, caller).await;
        let called = store.call(lease, calling(lease, &format!("key_{n}"), true)).await.unwrap();
        end(&*store, lease, Next::Waiting { due: far }).await;
        let child = lease_of(&*store, called.run).await;
        let entry = JournalEntry { node: String::new(), ..result(1, "", "{\"x\":1}") };
        let failed = !matches!(next, Next::Succeeded);
        store.append(child, vec![entry], RunUpdate::to(next, later(3))).await.unwrap();
        let stands = store.child(called.run).await.unwrap().unwrap();
        assert_eq!(stands.has_ended(), wakes);
        assert_eq!(stands.result.is_none(), failed);
        let claimed = claimed(&*store).await;
        assert_eq!(claimed.contains(&caller), wakes, "{:?}", stands.state);
    }

    // The end comes while the caller is still at work: it does not go to sleep.
    let caller = start(&*store, "evt_x", run("a", "x")).await.id;
    let lease = lease_of(&*store, caller).await;
    let called = store.call(lease, calling(lease, "key_x", true)).await.unwrap();
    let child = lease_of(&*store, called.run).await;
    end(&*store, child, Next::Succeeded).await;
    end(&*store, lease, Next::Waiting { due: far }).await;
    let lease = lease_of(&*store, caller).await;
    // It has taken notice, and sleeps for something else.
    let update = RunUpdate { joined: vec!["c".to_owned()], ..RunUpdate::running(later(4)) };
    store.append(lease, vec![], update).await.unwrap();
    end(&*store, lease, Next::Waiting { due: far }).await;
    assert!(!claimed(&*store).await.contains(&caller));
    assert_eq!(store.child(RunId::new()).await.unwrap(), None);
}

pub(crate) async fn a_call_joins_what_is_there(store: Arc<dyn Store>) {
    let owner = start(&*store, "evt_0", run("child", "same")).await.id;
    let caller = start(&*store, "evt_1", run("a", "1")).await.id;
    let lease = lease_of(&*store, caller).await;
    let joins = |seq, id: &str| NewCall { run: run("child", "same"), seq, ..calling(lease, id, true) };
    let called = store.call(lease, joins(2, "key")).await.unwrap();
    assert_eq!((called.run, called.joined, called.has_ended()), (owner, true, false));
    let owner_lease = Lease { run: owner, token: 1 };
    let entry = result(1, "", "7");
    store.append(owner_lease, vec![entry], RunUpdate::to(Next::Succeeded, later(2))).await.unwrap();
    let ended = store.call(lease, joins(3, "key")).await.unwrap();
    assert_eq!(
        (ended.state, ended.result.map(|value| value.as_str().to_owned())),
        (RunState::Succeeded, Some("7".into()))
    );
    // One that fails at the door is a dead letter, and nobody waits for it.
    let failing = NewRun { start: Start::Failed(data_error()), dedupe: None, ..run("child", "") };
    let failed = store.call(lease, NewCall { run: failing, seq: 4, ..calling(lease, "bad", true) }).await.unwrap();
    assert_eq!((failed.state, failed.error), (RunState::DeadLetter, Some(data_error())));
}

pub(crate) async fn an_older_run_of_a_sequence_is_superseded(store: Arc<dyn Store>) {
    let sequenced = |dedupe: &str, sequence: &str| NewRun { sequence: Some(sequence.to_owned()), ..keyed(dedupe, "k") };
    let by = || By { actor: "ada".to_owned(), reason: "mended".to_owned(), at: later(3) };
    let old = start(&*store, "evt_9", sequenced("9", "9")).await.id;
    let new = start(&*store, "evt_10", sequenced("10", "10")).await.id;
    let lease = lease_of(&*store, old).await;
    assert_eq!(end(&*store, lease, Next::DeadLetter(data_error())).await, Some(new), "the newer one passes");
    let lease = lease_of(&*store, new).await;
    end(&*store, lease, Next::Succeeded).await;
    let how = || Resume { action: "replay", ..Resume::default() };
    store.resume(old, how(), by()).await.unwrap();
    assert_eq!(claimed(&*store).await, [], "it is not begun again");
    let loaded = store.load_run(old).await.unwrap().unwrap().run;
    assert_eq!((loaded.state, loaded.holds_key), (RunState::Superseded, false));
    assert!(loaded.reason.unwrap().contains("sequence 10"));
    // One of the same age is none the older, and a superseded one holds nothing up.
    let late = start(&*store, "evt_8", sequenced("8", "8.5")).await.id;
    let same = start(&*store, "evt_10b", sequenced("10b", "10.0")).await.id;
    assert_eq!(claimed(&*store).await, []);
    assert_eq!(state(&*store, late).await, RunState::Superseded);
    assert_eq!(claimed(&*store).await, [same]);
}
