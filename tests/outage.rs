//! The other side away for long, coming back throttled, and refusing our credentials: nothing that was acknowledged is
//! lost or doubled, the order of each key holds, and no run spends its tries on what concerns all of them.

mod support;

use flowctl::sandbox::credentials;
use flowctl::sandbox::faults::{Fault, FaultKind};
use flowctl::sandbox::server::{Seen, Standin};
use flowctl::sandbox::webhooks::Sender;
use flowctl::store::{AcceptOutcome, NewEvent, NewRun, SqliteStore, Start, Store};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use support::events::Charge;
use support::oracle;
use support::process::{Runtime, Setup};
use support::project::Project;

const LIMIT: Duration = Duration::from_secs(60);
/// More with `OUTAGE_EVENTS=10000 cargo test --test outage`.
const EVENTS: usize = 300;
const KEYS: usize = 40;

fn sender(runtime: &Runtime) -> Sender {
    Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender")
}

fn fault(method: &str, path: &str, times: u32, kind: FaultKind) -> Fault {
    Fault { method: method.into(), path: path.into(), body: String::new(), times, kind }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_target_that_was_away_all_the_time_and_comes_back_throttled_gets_everything_once_and_in_order() {
    let begun = Instant::now();
    let events = std::env::var("OUTAGE_EVENTS").map_or(EVENTS, |number| number.parse().expect("a whole number"));
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    // The breaker as it is in production, but quicker to ask again.
    project.change(
        "environments/test.yaml",
        "rate: 2000/s, settle: 2000ms }\n    circuit: { open_after: 1000, within: 1m, probe_every: 1s }",
        "rate: 2000/s, settle: 2000ms }\n    circuit: { open_after: 10, within: 1m, probe_every: 300ms }",
    );
    let setup = Setup::of(&project);
    let mut runtime = setup.start().await;
    let away = fault("", "/", u32::MAX, FaultKind::Status { status: 503, retry_after: None });
    sandbox.finops.faults().add(away);
    let charges: Vec<Charge> = (0..events).map(|number| Charge::new(number, Some(number % KEYS))).collect();
    let sender = sender(&runtime);
    for (number, charge) in charges.iter().enumerate() {
        charge.known_to(&sandbox);
        assert_eq!(sender.send(&charge.event()).await.expect("an answer"), 200, "charge {number}");
        if number == events / 2 {
            runtime.kill();
            runtime = setup.start().await;
        }
    }
    let asked_while_away = sandbox.finops_server.seen().len();
    assert!(asked_while_away < events * 2, "{asked_while_away} requests to a system that is away");
    println!("{events} taken in {:?}, {asked_while_away} requests while it was away", begun.elapsed());

    // It comes back and is throttled every few seconds, for as long as there is work.
    sandbox.finops.faults().clear();
    let (mut done, mut throttled) = (0, Instant::now());
    sandbox.finops.faults().add(fault("", "/data/", 3, FaultKind::Status { status: 429, retry_after: Some(1) }));
    let patience = LIMIT + Duration::from_millis(events as u64 * 100);
    while done < events {
        assert!(begun.elapsed() < patience, "{done} of {events} are done after {:?}", begun.elapsed());
        let busy = FaultKind::Status { status: 429, retry_after: Some(1) };
        if throttled.elapsed() > Duration::from_secs(5) && done < events * 9 / 10 {
            throttled = Instant::now();
            sandbox.finops.faults().add(fault("", "/data/", 3, busy));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        done = oracle::marked(&sandbox);
    }
    println!("all done after {:?}", begun.elapsed());
    assert_eq!(oracle::wrong(&sandbox, &charges), Vec::<String>::new());
    assert_eq!(oracle::differing(&sandbox), Vec::<String>::new());
    // The orders of each customer were made in the order in which his charges were taken.
    let made = first_tries(&sandbox.finops_server.seen());
    for key in 0..KEYS.min(events) {
        let of_key: Vec<&String> = charges.iter().skip(key).step_by(KEYS).map(|charge| &charge.id).collect();
        let mut at: Vec<usize> = of_key.iter().map(|id| made[*id]).collect();
        let as_made = at.clone();
        at.sort_unstable();
        assert_eq!(as_made, at, "customer {key}");
    }
    let refused = sandbox.finops_server.seen().iter().filter(|seen| seen.status == Some(429)).count();
    assert!(refused > 0, "it was never throttled");
    assert!(runtime.stop().await.success());
    let runs = oracle::runs(&project.store()).await;
    assert_eq!((oracle::unfinished(&runs), runs.len()), (vec![], events));
}

/// When the order of each charge was asked for successfully.
fn first_tries(seen: &[Seen]) -> BTreeMap<String, usize> {
    let mut made = BTreeMap::new();
    for (place, seen) in seen.iter().enumerate() {
        if seen.method == "POST" && seen.path.starts_with("/data/SalesOrderHeadersV2") && seen.status == Some(201) {
            let body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap_or_default();
            made.insert(body["CustomersOrderReference"].as_str().unwrap_or_default().to_owned(), place);
        }
    }
    made
}

/// An app that was disabled: every run waits, few requests find out, somebody is told, and all go on by themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_are_refused_pause_the_connection_and_no_run_fails() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let setup = Setup::of(&project);
    let runtime = setup.start().await;
    sandbox.finops.faults().add(fault("", "/data/", u32::MAX, FaultKind::Status { status: 401, retry_after: None }));
    let begun = Instant::now();
    let charges: Vec<Charge> = (0..12).map(|number| Charge::new(number, None)).collect();
    let sender = sender(&runtime);
    for charge in &charges {
        charge.known_to(&sandbox);
        assert_eq!(sender.send(&charge.event()).await.expect("an answer"), 200);
    }
    let open = "/api/alerts?open=true&code=credentials_refused";
    support::until_async("somebody is told", LIMIT, async || runtime.admin(open).await["items"][0].is_object()).await;
    let told = runtime.admin(open).await;
    assert_eq!(told["items"][0]["title"], "Connection `d365` is paused: its credentials are refused", "{told}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let seen = sandbox.finops_server.seen();
    let refused = seen.iter().filter(|seen| seen.status == Some(401)).count();
    // One of each run that was under way when it was found out, and two of each probe, a second apart: the token at hand, and
    // a new one.
    let probes = 1 + begun.elapsed().as_secs() as usize;
    assert!((2..=charges.len() + 2 * probes).contains(&refused), "{refused} requests, {probes} probes");
    let dead = runtime.admin("/api/runs?state=dead_letter").await;
    assert_eq!(dead["items"].as_array().map(Vec::len), Some(0), "{dead}");

    sandbox.finops.faults().clear();
    support::until("all are done", LIMIT, || oracle::marked(&sandbox) == charges.len()).await;
    assert_eq!(oracle::wrong(&sandbox, &charges), Vec::<String>::new());
    support::until_async("the alert is over", LIMIT, async || {
        runtime.admin(open).await["items"] == serde_json::json!([])
    })
    .await;
    assert!(runtime.stop().await.success());
}

/// The clock was an hour ahead when the event was taken, and is right by now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_went_back_holds_up_nothing() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let charge = Charge::new(1, None);
    charge.known_to(&sandbox);
    {
        let store = SqliteStore::open(&project.store()).expect("the store opens");
        let body = charge.event().to_vec();
        let event = NewEvent {
            connection: "stripe".into(),
            provider_id: "evt_1".into(),
            kind: "charge.succeeded".into(),
            same: flowctl::store::Hash::of(&body),
            body,
            delivery: r#"{"headers":{}}"#.into(),
            own: false,
            received_at: jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1),
            problem: None,
            subjects: vec![],
        };
        let run = NewRun {
            flow: support::project::FLOW.into(),
            dedupe: Some(charge.id.clone()),
            order_key: None,
            sequence: None,
            start: Start::Run,
        };
        let accepted = store.accept(event, vec![run]).await.expect("accepted");
        assert!(matches!(accepted.outcome, AcceptOutcome::Kept(_)));
    }
    let runtime = Setup::of(&project).start().await;
    support::until("the run is done", Duration::from_secs(20), || oracle::marked(&sandbox) == 1).await;
    assert_eq!(oracle::wrong(&sandbox, &[charge]), Vec::<String>::new());
    assert!(runtime.stop().await.success());
}
