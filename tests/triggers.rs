//! Triggers that ask by themselves, in the real process, killed at any moment: a tick, a row, a file, a lost event each
//! starts exactly one run; a saved change holds at once; what is removed stops.

mod support;

use flowctl::sandbox::credentials;
use flowctl::sandbox::webhooks::{Account, Sender};
use flowctl::store::{CursorMove, Page, RunFilter, SqliteStore, Store};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};
use support::events::Charge;
use support::oracle;
use support::process::{Runtime, Setup, finish};
use support::project::{FLOW, FLOW_FILE, Project};

const LIMIT: Duration = Duration::from_secs(30);

/// A copy of the bundled project with one more flow, whose only step keeps what came.
async fn project(trigger: &str) -> (flowctl::sandbox::Sandbox, Project, Setup) {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    project.write("extra/extra.flow.yaml", &flow(trigger));
    let setup = Setup::of(&project);
    (sandbox, project, setup)
}

fn flow(trigger: &str) -> String {
    format!("flow: extra\ntrigger:\n  {trigger}\nsteps:\n  - {{ id: seen, transform: event }}\n")
}

/// The events of an inbox in a store that no process holds: how many runs each started.
async fn started(store: &Path, inbox: &str) -> BTreeMap<String, usize> {
    let store = SqliteStore::open(store).expect("the store opens");
    let mut runs = BTreeMap::new();
    let mut page = Page::first(1000);
    loop {
        let listed =
            store.runs(RunFilter { flow: Some("extra".into()), ..RunFilter::default() }, page).await.expect("runs");
        for run in listed.items {
            let (event, _) = store.event(run.event).await.expect("an event").expect("there");
            assert_eq!(event.connection, inbox);
            *runs.entry(event.provider_id).or_default() += 1;
        }
        match listed.next {
            Some(next) => page = Page { limit: 1000, after: Some(next) },
            None => return runs,
        }
    }
}

/// How many runs of the flow have succeeded.
async fn succeeded(runtime: &Runtime) -> usize {
    let runs = runtime.admin("/api/runs?flow=extra&state=succeeded&limit=200").await;
    runs["items"].as_array().map_or(0, Vec::len)
}

/// Waits until so many runs of the flow have succeeded.
async fn has_succeeded(runtime: &Runtime, count: usize) {
    let begun = Instant::now();
    while succeeded(runtime).await < count {
        assert!(begun.elapsed() < LIMIT, "{} of {count} runs after {LIMIT:?}", succeeded(runtime).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Starts the process and kills it at a random moment, so many times; then leaves it running.
async fn killed(setup: &Setup, seed: u64, times: usize, mut between: impl FnMut(usize)) -> Runtime {
    let mut random = fastrand::Rng::with_seed(seed);
    for n in 0..times {
        between(n);
        let mut runtime = setup.start().await;
        tokio::time::sleep(Duration::from_millis(random.u64(..150))).await;
        runtime.kill();
    }
    setup.start().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_starts_one_run_wherever_the_process_dies() {
    let (_sandbox, project, setup) = project("schedule: { cron: '* * * * *', zone: UTC }").await;
    // It was seen first ten minutes ago: nobody has to wait for a minute to pass.
    let since = Timestamp::from_second(Timestamp::now().as_second() - 600).expect("a time");
    {
        let store = SqliteStore::open(&project.store()).expect("the store opens");
        let to = serde_json::json!({ "ticks": "* * * * * UTC", "since": since.to_string() }).to_string();
        let moved = CursorMove { flow: "extra".into(), name: "schedule".into(), from: None, to, at: since };
        store.accept_all(vec![], moved).await.expect("moved");
    }
    let begun = Timestamp::now();
    let runtime = killed(&setup, 7, 6, |_| {}).await;
    has_succeeded(&runtime, 1).await;
    let minutes = (Timestamp::now().as_second() / 60 - begun.as_second() / 60) as usize;
    assert!(runtime.stop().await.success());
    let ticks = started(&project.store(), "schedule/extra").await;
    assert!(ticks.values().all(|runs| *runs == 1), "{ticks:?}");
    assert!((1..=minutes + 1).contains(&ticks.len()), "what was missed is one run: {ticks:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_starts_one_run_wherever_the_process_dies_and_a_saved_change_holds_at_once() {
    let trigger = "poll: { operation: finops.list, entity: SalesOrderHeadersV2, every: 50ms, cursor: OrderCreationDateTime, from: 'parse_time(\"2026-01-01T00:00:00Z\")' }";
    let (sandbox, project, setup) = project(trigger).await;
    let row = |n: usize| {
        let at = Timestamp::from_second(1_772_440_200 + (n as i64 / 7) * 5).expect("a time");
        let row = format!(
            r#"{{"SalesOrderNumber":"X-{n:04}","OrderingCustomerAccountNumber":"US-001","OrderCreationDateTime":"{at}"}}"#
        );
        sandbox.finops.insert("SalesOrderHeadersV2", &row).expect("a row");
    };
    let mut made = 0;
    let runtime = killed(&setup, 11, 8, |_| {
        (0..20).for_each(|n| row(made + n));
        made += 20;
    })
    .await;
    has_succeeded(&runtime, made).await;

    // A saved change: hardly ever, then often again.
    saved(&runtime, &project, &trigger.replace("50ms", "1h")).await;
    row(made);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(succeeded(&runtime).await, made);
    saved(&runtime, &project, trigger).await;
    has_succeeded(&runtime, made + 1).await;

    // A removed flow stops.
    std::fs::remove_file(project.path("extra/extra.flow.yaml")).expect("removed");
    runtime.says("Its file is gone").await;
    let asked =
        || sandbox.finops_server.seen().iter().filter(|seen| seen.path.contains("OrderCreationDateTime")).count();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let before = asked();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(asked(), before, "nobody asks any more");
    assert!(runtime.stop().await.success());
    let rows = started(&project.store(), "poll/extra").await;
    assert_eq!(rows.len(), made + 1);
    assert!(rows.values().all(|runs| *runs == 1), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_starts_one_run_wherever_the_process_dies() {
    let (_sandbox, project, setup) = project("file: { path: inbox/*.csv, settle: 20ms }").await;
    std::fs::create_dir_all(project.path("extra/inbox")).expect("a folder");
    let mut made = 0;
    let runtime = killed(&setup, 13, 8, |_| {
        for _ in 0..20 {
            project.save(&format!("extra/inbox/{made}.csv"), &format!("id\n{made}\n"));
            made += 1;
        }
    })
    .await;
    has_succeeded(&runtime, made).await;
    let left = || {
        std::fs::read_dir(project.path("extra/inbox")).expect("there").flatten().filter(|e| e.path().is_file()).count()
    };
    support::until("all are moved", LIMIT, || left() == 0).await;
    assert!(runtime.stop().await.success());
    let files = started(&project.store(), "file/extra").await;
    assert_eq!((files.len(), files.values().all(|runs| *runs == 1)), (made, true));
    let taken = std::fs::read_dir(project.path("extra/inbox/.taken")).expect("there").count();
    assert_eq!(taken, made);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stripe_lost_is_found_and_done_once() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    project.change(
        FLOW_FILE,
        "    events: [charge.succeeded, charge.captured]",
        "    reconcile: { every: 1s, lookback: 1h }\n    events: [charge.succeeded, charge.captured]",
    );
    let setup = Setup::of(&project);
    let mut runtime = setup.start().await;
    let sender = Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender");
    let account = Account::new(sandbox.stripe.clone(), sender);
    let charges: Vec<Charge> = (0..20).map(|number| Charge::new(number, Some(number % 5))).collect();
    let (mut lost, mut delivered) = (BTreeSet::new(), 0);
    for (number, charge) in charges.iter().enumerate() {
        charge.known_to(&sandbox);
        if number % 4 == 1 {
            account.lose(2);
        }
        if number == 10 {
            runtime.kill();
            runtime = setup.start().await;
        }
        let created = format!("\"created\":{}", Timestamp::now().as_second());
        let event =
            String::from_utf8(charge.event().to_vec()).expect("JSON").replace("\"created\":1772440205", &created);
        match account.happens(&event.into(), 50, Duration::from_millis(20)).await.expect("an event") {
            Some(true) => delivered += 1,
            Some(false) => panic!("{} is refused", charge.id),
            None => drop(lost.insert(charge.id.clone())),
        }
    }
    assert_eq!((delivered, lost.len()), (10, 10));
    support::until("all are done", LIMIT, || oracle::marked(&sandbox) == charges.len()).await;
    let alerts = runtime.admin("/api/alerts?open=true&code=events_missed").await;
    assert_eq!(alerts["items"][0]["title"], "Events of stripe were not delivered", "{alerts}");
    assert!(runtime.stop().await.success());
    assert_eq!(oracle::wrong(&sandbox, &charges), Vec::<String>::new());
    let runs = oracle::runs(&project.store()).await;
    assert_eq!((oracle::unfinished(&runs), runs.len()), (vec![], charges.len()));
}

/// What happened before the flow was there: nothing reconciles that by itself, and `runs backfill` does it on purpose.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_before_the_flow_is_filled_in_from_the_command_line() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    project.change(
        FLOW_FILE,
        "    events: [charge.succeeded, charge.captured]",
        "    reconcile: { every: 1s, lookback: 1h }\n    events: [charge.succeeded, charge.captured]",
    );
    let setup = Setup::of(&project);
    let lost = Sender::new(format!("http://{}/hooks/stripe", setup.hooks), credentials::STRIPE_WEBHOOK_SECRET);
    let account = Account::new(sandbox.stripe.clone(), lost.expect("a sender"));
    let charges: Vec<Charge> = (0..6).map(|number| Charge::new(number, Some(number))).collect();
    let before = Timestamp::now().as_second() - 1800;
    for charge in &charges {
        charge.known_to(&sandbox);
        let event = String::from_utf8(charge.event().to_vec()).expect("JSON");
        let event = event.replace("\"created\":1772440205", &format!("\"created\":{before}"));
        account.lose(1);
        assert_eq!(account.happens(&event.into(), 1, Duration::ZERO).await.expect("an event"), None);
    }
    let runtime = setup.start().await;
    let flowctl = |args: &[&str]| {
        let url = runtime.admin_url();
        finish(support::process::flowctl(&[&["runs", "backfill"], args, &["--admin", &url]].concat()))
    };
    // It is asked twice at least meanwhile, and does not go back behind its own beginning.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(oracle::marked(&sandbox), 0);
    flowctl(&["nosuch", "--since", "1h", "--actor", "ada", "--reason", "a slip"]).said(2, &["nosuch"]);
    flowctl(&[FLOW, "--since", "yesterday", "--reason", "a slip"]).said(2, &["--since"]);
    let why = ["--reason", "from before we were there", "--actor", "ada"];
    flowctl(&[&[FLOW, "--since", "1h"], &why[..]].concat()).said(0, &[]);
    support::until("all are done", LIMIT, || oracle::marked(&sandbox) == charges.len()).await;
    flowctl(&[&[FLOW, "--since", "1h"], &why[..]].concat()).said(0, &[]);
    let audit = runtime.admin("/api/audit").await.to_string();
    assert!(audit.contains("from before we were there") && audit.contains("ada"), "{audit}");
    assert!(runtime.stop().await.success());
    assert_eq!(oracle::wrong(&sandbox, &charges), Vec::<String>::new());
    let runs = oracle::runs(&project.store()).await;
    assert_eq!((oracle::unfinished(&runs), runs.len()), (vec![], charges.len()), "once, however often it is asked");
}

/// The live revision of the flow.
async fn revision(runtime: &Runtime) -> String {
    let flows = runtime.admin("/api/flows").await;
    let flow = flows["items"].as_array().and_then(|flows| flows.iter().find(|flow| flow["flow"] == "extra"));
    flow.and_then(|flow| flow["revision"].as_str()).unwrap_or_default().to_string()
}

/// Saves another trigger and waits until it is live.
async fn saved(runtime: &Runtime, project: &Project, trigger: &str) {
    let (before, begun) = (revision(runtime).await, Instant::now());
    project.save("extra/extra.flow.yaml", &flow(trigger));
    while revision(runtime).await == before {
        assert!(begun.elapsed() < LIMIT, "never reloaded");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
