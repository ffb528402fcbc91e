//! What a store promises of what is kept, and for how long: links, totals, revisions, retention, persons.

use super::*;

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

pub(crate) async fn a_backup_is_a_store(store: Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let new = start(&*store, "1", run("a", "1")).await;
    let to = folder.path().join("store.db");
    let bytes = store.backup(to.clone()).await.unwrap();
    assert_eq!(bytes, std::fs::metadata(&to).unwrap().len());
    start(&*store, "2", run("a", "2")).await;
    assert!(matches!(store.backup(to).await, Err(StoreError::Conflict(_))), "it replaces nothing");
    assert!(store.backup("/nowhere/at/all.db".into()).await.is_err());
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

pub(crate) async fn whose_a_row_is_is_known_as_long_as_the_run_or_its_dedupe_value(store: Arc<dyn Store>) {
    let of = |key: &str| Effect {
        connection: "d365".to_owned(),
        entity: "Orders".to_owned(),
        row_key: key.to_owned(),
        node: "header".to_owned(),
    };
    let with = |key: &str| RunUpdate { effects: vec![of(key)], ..RunUpdate::running(later(2)) };
    start(&*store, "done", run("a", "done")).await;
    let done = claim(&*store).await[0].lease;
    store.append(done, vec![], with("SO-1")).await.unwrap();
    end(&*store, done, Next::Succeeded).await;
    let dead = start(&*store, "dead", run("a", "dead")).await;
    let lease = claim(&*store).await[0].lease;
    store.append(lease, vec![], with("SO-2")).await.unwrap();
    end(&*store, lease, Next::DeadLetter(data_error())).await;
    // One that claims what a person says it has made, too.
    let decided = Resume { effects: vec![of("SO-2")], action: "decide", ..Resume::default() };
    start(&*store, "other", run("a", "other")).await;
    let other = claim(&*store).await[0].lease;
    end(&*store, other, Next::OutcomeUnknown(data_error())).await;
    let taken = store.resume(other.run, decided.clone(), by("seen")).await;
    assert!(matches!(&taken, Err(StoreError::EffectTaken { run, .. }) if *run == dead.id), "{taken:?}");
    assert_eq!(state(&*store, other.run).await, RunState::OutcomeUnknown);
    let own = Resume { effects: vec![of("SO-3")], ..decided };
    store.resume(other.run, own, by("seen")).await.unwrap();

    let taken = async |key: &str, at: Timestamp| {
        let lease = store.claim(at, at + jiff::SignedDuration::from_secs(1), 1).await.unwrap()[0].lease;
        let appended =
            store.append(lease, vec![], RunUpdate { effects: vec![of(key)], ..RunUpdate::running(at) }).await;
        store.append(lease, vec![], RunUpdate::to(Next::Waiting { due: at }, at)).await.unwrap();
        matches!(appended, Err(StoreError::EffectTaken { .. }))
    };
    let day = before(at("2026-03-03T00:00:00Z"));
    let soon = at("2027-04-01T00:00:00Z");
    store.drop_periods(day, soon).await.unwrap();
    assert!(store.load_run(done.run).await.unwrap().is_none());
    assert!(taken("SO-1", soon).await, "399 days later, its run long gone");
    let late = at("2027-05-01T00:00:00Z");
    assert!(store.drop_periods(before(at("2026-03-03T00:00:00Z")), late).await.unwrap().forgotten > 0);
    assert!(!taken("SO-1", late).await, "the same event would be a new run by now");
    assert!(taken("SO-2", late).await, "its run is kept");
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
pub(super) fn before(day: Timestamp) -> Retention {
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
        store.accept_again(done_event, None, vec![run("a", "x")], vec![], by("again")).await,
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
