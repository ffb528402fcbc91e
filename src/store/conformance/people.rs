//! What a store promises of people: alerts, the audit, lists, questions.

use super::*;

pub(crate) async fn an_alert_is_told_once(store: Arc<dyn Store>) {
    let about = NewEvent { subjects: vec![Hash::of(b"ada")], ..event("1", "{}") };
    store.accept(about, vec![run("a", "1")]).await.unwrap();
    let raised_by = store.runs(RunFilter::default(), Page::first(1)).await.unwrap().items[0].id;
    let alert = |severity| NewAlert {
        flow: Some("a".to_owned()),
        run: Some(raised_by),
        severity,
        code: "held".to_owned(),
        title: "Held".to_owned(),
        detail: None,
    };
    let id = store.raise(alert(Severity::Warning), later(1)).await.unwrap();
    let untold = async || store.untold_alerts(9).await.unwrap();
    let told = |kind: &str| {
        let event = NewEvent { connection: "ops".to_owned(), ..event(&format!("{id}/{kind}"), "{}") };
        vec![(event, vec![run("alerts-to-ops", &format!("{id}/{kind}"))])]
    };
    let tellings = async || {
        let filter = RunFilter { flow: Some("alerts-to-ops".to_owned()), ..RunFilter::default() };
        store.runs(filter, Page::first(9)).await.unwrap().items.len()
    };
    let [first] = untold().await.try_into().expect("one");
    assert!(first.opening && first.alert.open);
    store.tell_alert(first.alert.clone(), told("opened")).await.unwrap();
    store.tell_alert(first.alert.clone(), told("opened")).await.unwrap();
    assert_eq!((untold().await, tellings().await), (vec![], 1), "told");
    let person = EventFilter { subject: Some(Hash::of(b"ada")), ..EventFilter::default() };
    assert_eq!(store.events(person, Page::first(9)).await.unwrap().items.len(), 2, "about whom its run is about");

    store.raise(alert(Severity::Warning), later(2)).await.unwrap();
    assert_eq!(untold().await, vec![], "once more is no news");
    store.raise(alert(Severity::Error), later(3)).await.unwrap();
    store.tell_alert(first.alert, vec![]).await.unwrap();
    let [worse] = untold().await.try_into().expect("one: what was told was another severity");
    assert_eq!((worse.opening, worse.alert.severity), (true, Severity::Error));

    assert!(store.close_alert(id, by("over")).await.unwrap());
    store.tell_alert(worse.alert, told("opened")).await.unwrap();
    let [over] = untold().await.try_into().expect("closed meanwhile");
    assert!(!over.opening && !over.alert.open);
    store.tell_alert(over.alert, told("resolved")).await.unwrap();
    assert_eq!((untold().await, tellings().await), (vec![], 2));
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

pub(crate) async fn questions_to_persons_are_kept(store: Arc<dyn Store>) {
    let asked =
        |node: &str, expires_at| ApprovalChange::Asked { node: node.to_owned(), request: "{}".to_owned(), expires_at };
    let judged = |approved, seconds| journal::Judged {
        role: None,
        approved,
        without: vec!["L-1".to_owned()],
        actor: "ada".to_owned(),
        reason: "checked".to_owned(),
        at: later(seconds),
    };
    let list = async |state| {
        let filter = ApprovalFilter { state, flow: Some("a".to_owned()), ..ApprovalFilter::default() };
        let listed = store.approvals(filter, Page::first(9)).await.unwrap().items;
        listed.into_iter().map(|approval| (approval.node, approval.state)).collect::<Vec<_>>()
    };
    let run = start(&*store, "1", run("a", "1")).await.id;
    let lease = claim(&*store).await[0].lease;
    let mut update = RunUpdate::to(Next::Waiting { due: Timestamp::MAX }, later(2));
    update.approvals = vec![asked("one", Some(later(100))), asked("two", None), asked("three", Some(later(50)))];
    store.append(lease, vec![], update).await.unwrap();
    assert_eq!(list(Some(ApprovalState::Pending)).await.len(), 3);
    assert_eq!(claimed(&*store).await, []);
    assert!(store.next_due().await.unwrap().is_some_and(|due| due > later(1_000_000)), "for ever is a time");

    // Answered in time and once; the run is woken, and gets the answer until it has taken it.
    let late = store.answer(run, "one".to_owned(), judged(true, 100)).await;
    assert!(matches!(late, Err(StoreError::Conflict(_))), "{late:?}");
    store.answer(run, "one".to_owned(), judged(true, 4)).await.unwrap();
    let twice = store.answer(run, "one".to_owned(), judged(false, 5)).await;
    assert!(matches!(twice, Err(StoreError::Conflict(_))), "{twice:?}");
    let unknown = store.answer(run, "four".to_owned(), judged(true, 4)).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))), "{unknown:?}");
    let lease = claim(&*store).await[0].lease;
    assert_eq!(store.load_run(run).await.unwrap().unwrap().answers, [("one".to_owned(), judged(true, 4))]);

    // What is answered while a worker has the run wakes it as soon as it waits; that it expired is not true then.
    store.answer(run, "three".to_owned(), judged(false, 5)).await.unwrap();
    let mut update = RunUpdate::running(later(60));
    update.approvals = vec![ApprovalChange::Expired { node: "three".to_owned() }];
    assert_eq!(store.append(lease, vec![], update).await, Err(StoreError::Fenced { run }));
    let mut update = RunUpdate::to(Next::Waiting { due: later(1000) }, later(5));
    update.approvals = vec![ApprovalChange::Taken { node: "one".to_owned() }];
    store.append(lease, vec![], update).await.unwrap();
    let lease = claim(&*store).await[0].lease;
    assert_eq!(store.load_run(run).await.unwrap().unwrap().answers, [("three".to_owned(), judged(false, 5))]);

    // At the end nobody need answer any more; whoever asks again asks anew.
    let mut update = RunUpdate::to(Next::Stopped { reason: "no".to_owned(), release: false }, later(6));
    update.approvals = vec![ApprovalChange::Taken { node: "three".to_owned() }, ApprovalChange::Withdrawn];
    store.append(lease, vec![], update).await.unwrap();
    let named = |node: &str, state| (node.to_owned(), state);
    let all = list(None).await;
    for expected in [
        named("one", ApprovalState::Approved),
        named("two", ApprovalState::Withdrawn),
        named("three", ApprovalState::Rejected),
    ] {
        assert!(all.contains(&expected), "{all:?}");
    }
    store.resume(run, Resume { action: "replay", ..Resume::default() }, by("again")).await.unwrap();
    let lease = claim(&*store).await[0].lease;
    let mut update = RunUpdate::to(Next::Waiting { due: later(1000) }, later(7));
    update.approvals = vec![asked("three", None)];
    store.append(lease, vec![], update).await.unwrap();
    assert_eq!(list(Some(ApprovalState::Pending)).await, [named("three", ApprovalState::Pending)]);
    assert_eq!(store.load_run(run).await.unwrap().unwrap().answers, []);
    let actions: Vec<_> = store.audit(Page::first(9)).await.unwrap().items.into_iter().map(|a| a.action).collect();
    assert_eq!(actions, ["replay", "reject", "approve"]);

    // Questions go with their run.
    let lease = {
        store.answer(run, "three".to_owned(), judged(true, 8)).await.unwrap();
        store.claim(later(9), later(31), 100).await.unwrap()[0].lease
    };
    end(&*store, lease, Next::Succeeded).await;
    let day = at("2026-03-10T00:00:00Z");
    store.drop_periods(before(day), day).await.unwrap();
    assert!(store.approvals(ApprovalFilter::default(), Page::first(9)).await.unwrap().items.is_empty());
}
