//! What a project keeps beside its runs, through the real binary: links, totals and rates, masks and what is dropped,
//! a person found and erased. The project is `tests/keeping/`.

mod support;

use flowctl::sandbox::credentials;
use flowctl::sandbox::faults::{Fault, FaultKind};
use flowctl::sandbox::server::Standin;
use flowctl::sandbox::webhooks::Sender;
use flowctl::store::{SqliteStore, Store};
use serde_json::json;
use std::time::{Duration, Instant};
use support::events::Charge;
use support::process::{Runtime, Setup, finish, flowctl};
use support::project::Project;

const EVENTS: usize = 60;
const KILLS: usize = 6;
const RATES: &str = "tables/eurofxref.csv";

fn rates_of_today(rate: &str) -> String {
    format!("Date,USD\n{},{rate}\n", jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date())
}

fn project(sandbox: &flowctl::sandbox::Sandbox) -> Project {
    let project = Project::copy_of("tests/keeping");
    project.write(
        "environments/test.yaml",
        &format!(
            "settings: {{ comment: counted }}\nconnections:\n  stripe:\n    base_url: {}\n    limits: {{ concurrency: 16, rate: 2000/s }}\n    circuit: {{ open_after: 1000, within: 1m, probe_every: 1s }}\n",
            sandbox.stripe_server.url()
        ),
    );
    project.write(RATES, &rates_of_today("1.25"));
    project
}

async fn post(runtime: &Runtime, path: &str, body: serde_json::Value) -> (u16, serde_json::Value) {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("{}{path}", runtime.admin_url());
    let answer = client.post(url).body(body.to_string()).send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON"))
}

async fn states(runtime: &Runtime, state: &str) -> usize {
    let runs = runtime.admin(&format!("/api/runs?state={state}&limit=1000")).await;
    runs["items"].as_array().map_or(0, Vec::len)
}

async fn until_succeeded(runtime: &Runtime, count: usize) {
    let begun = Instant::now();
    while states(runtime, "succeeded").await < count {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", runtime.admin("/api/runs").await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn the_project_is_good_and_its_tests_pass() {
    let root = format!("{}/tests/keeping", env!("CARGO_MANIFEST_DIR"));
    let validated = finish(flowctl(&["validate", &root, "--deny", "warnings"]));
    validated.said(0, &["the setting `comment` has no value"]);
    let tested = finish(flowctl(&["test", &root]));
    assert_eq!(tested.code, Some(0), "{}{}", tested.stdout, tested.stderr);
    for page in ["links.put", "totals.add", "rates.get"] {
        let shown = finish(flowctl(&["operations", page]));
        assert!(shown.code == Some(0) && shown.stdout.contains(page), "{shown:?}");
    }
    let graph = finish(flowctl(&["graph", "spend", "--project", &root]));
    assert!(graph.code == Some(2) || graph.stdout.contains("totals.add"), "{graph:?}");
    let unset =
        finish(flowctl(&["run", &root, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--store", "/dev/null/x"]));
    assert_ne!(unset.code, Some(0));
}

/// Killed again and again: what is added counts once for each charge, and nothing that was kept is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn totals_count_once_whatever_happens() {
    let sandbox = support::sandbox().await;
    let charges: Vec<Charge> = (0..EVENTS).map(|n| Charge::new(n, None)).collect();
    charges.iter().for_each(|charge| charge.known_to(&sandbox));
    let project = project(&sandbox);
    let setup = Setup::of(&project);
    let mut runtime = setup.start().await;
    let sender = Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender");
    for n in 0..EVENTS / 3 {
        let kind = if n % 2 == 0 { FaultKind::DropAfter } else { FaultKind::Status { status: 503, retry_after: None } };
        let fault = Fault { method: "POST".into(), path: "/v1/charges/".into(), body: String::new(), times: 1, kind };
        sandbox.stripe.faults().add(fault);
    }
    let sending = async {
        for charge in &charges {
            assert!(sender.send_until_accepted(&charge.event(), 2000, Duration::from_millis(20)).await);
        }
    };
    let killing = async {
        for n in 0..KILLS {
            tokio::time::sleep(Duration::from_millis(150 + 60 * n as u64)).await;
            runtime.kill();
            runtime = setup.start().await;
        }
        runtime
    };
    let ((), runtime) = tokio::join!(sending, killing);
    until_succeeded(&runtime, EVENTS).await;
    // From the start again: what is done stays done.
    let runs = runtime.admin("/api/runs?limit=5").await;
    for run in runs["items"].as_array().expect("runs") {
        let id = run["id"].as_str().expect("an id");
        let body = json!({ "actor": "anna", "reason": "try", "from": "start" });
        let (status, answer) = post(&runtime, &format!("/api/runs/{id}/replay"), body).await;
        assert_eq!(status, 200, "{answer}");
    }
    until_succeeded(&runtime, EVENTS).await;
    assert!(runtime.stop().await.success());

    let store = SqliteStore::open(&project.store()).expect("the store");
    let cents: u32 = charges.iter().map(Charge::cents).sum();
    let total = store.total("spent".into(), "usd".into()).await.expect("read").expect("a total");
    assert_eq!(total.shortest().to_string().parse::<f32>().expect("a number"), cents as f32 / 100.0);
    assert_eq!(total.with_decimals(2).expect("cents").to_string(), format!("{}.{:02}", cents / 100, cents % 100));
    for charge in &charges {
        let day = store.link("charge_day".into(), charge.id.clone()).await.expect("read").expect("a link");
        assert!(rates_of_today("").contains(&day), "{day}");
        let told =
            sandbox.stripe.objects("charges").into_iter().find(|it| support::oracle::text(it, "id") == charge.id);
        let metadata =
            told.as_ref().and_then(|told| told.get("metadata")).and_then(|it| it.as_record()).expect("metadata");
        assert_eq!(support::oracle::text(metadata, "rate_day"), day);
    }
}

/// Rates are of today: a file that is saved is used at once, and one that is broken leaves what was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rates_are_read_anew_and_a_broken_file_stops_nothing() {
    let sandbox = support::sandbox().await;
    let charges: Vec<Charge> = (0..3).map(|n| Charge::new(n, None)).collect();
    charges.iter().for_each(|charge| charge.known_to(&sandbox));
    let project = project(&sandbox);
    let runtime = Setup::of(&project).start().await;
    let sender = Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender");
    let revision = runtime.admin("/api/flows").await["items"][0]["revision"].clone();
    let rate_of = async |n: usize| {
        assert!(sender.send_until_accepted(&charges[n].event(), 100, Duration::from_millis(20)).await);
        until_succeeded(&runtime, n + 1).await;
        let run = runtime.admin("/api/runs?limit=1").await["items"][0]["id"].as_str().expect("an id").to_owned();
        let run = runtime.admin(&format!("/api/runs/{run}")).await;
        let entries = run["journal"].as_array().expect("a journal").clone();
        let result = entries.into_iter().find(|entry| entry["node"] == "rate" && entry["kind"] == "result");
        result.expect("a rate")["data"]["value"]["rate"].to_string()
    };
    assert_eq!(rate_of(0).await, "0.8");
    project.save(RATES, &rates_of_today("2"));
    let (status, _) = post(&runtime, "/api/reload", json!({})).await;
    assert_eq!((status, rate_of(1).await), (200, "0.5".to_owned()));
    project.save(RATES, "Date,USD\nnonsense\n");
    let (status, _) = post(&runtime, "/api/reload", json!({})).await;
    assert_eq!((status, rate_of(2).await), (200, "0.5".to_owned()));
    let alerts = runtime.admin("/api/alerts?open=true").await;
    assert_eq!(alerts["items"][0]["code"], "rates_unreadable", "{alerts}");
    let now = runtime.admin("/api/flows").await["items"][0]["revision"].clone();
    assert_eq!(now, revision, "rates are no part of a revision");
    assert!(runtime.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_data_is_masked_dropped_and_erased() {
    let sandbox = support::sandbox().await;
    let charge = Charge::new(1, None);
    charge.known_to(&sandbox);
    let project = project(&sandbox);
    let runtime = Setup::of(&project).start().await;
    let sender = Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender");
    assert!(sender.send_until_accepted(&charge.event(), 100, Duration::from_millis(20)).await);
    until_succeeded(&runtime, 1).await;
    let id = runtime.admin("/api/runs").await["items"][0]["id"].as_str().expect("an id").to_owned();
    let run = runtime.admin(&format!("/api/runs/{id}")).await;
    let address = &run["payload"]["data"]["object"]["billing_details"]["address"];
    assert_eq!((&address["city"], &address["country"]), (&json!("•••"), &json!("US")), "{run}");
    assert_eq!(address.get("postal_code"), None);
    let shown = run.to_string();
    assert!(!shown.contains("Portland") && !shown.contains("97201"), "{shown}");

    let (_, found) = post(&runtime, "/api/persons/find", json!({ "subject": charge.email.to_uppercase() })).await;
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");
    let (status, _) =
        post(&runtime, "/api/persons/erase", json!({ "subject": charge.email, "actor": "anna", "reason": "" })).await;
    assert_eq!(status, 400, "a reason goes into the audit");
    let body = json!({ "subject": charge.email, "actor": "anna", "reason": "asked for it" });
    let (_, erased) = post(&runtime, "/api/persons/erase", body).await;
    assert_eq!(erased, json!({ "events": 1, "runs": 1, "left": 0 }));
    let run = runtime.admin(&format!("/api/runs/{id}")).await;
    assert_eq!((&run["payload"], &run["event"]["state"]), (&json!({ "erased": true }), &json!("erased")));
    assert_eq!(run["journal"].as_array().map(Vec::len), Some(0));
    let body = json!({ "actor": "anna", "reason": "try", "from": "start" });
    assert_eq!(post(&runtime, &format!("/api/runs/{id}/replay"), body).await.0, 409, "it would do everything again");
    let audit = runtime.admin("/api/audit").await;
    assert_eq!(audit["items"][0]["action"], "erase", "{audit}");
    assert!(runtime.stop().await.success());
    let kept = std::fs::read(project.store().join("store.db")).expect("the store");
    let text = String::from_utf8_lossy(&kept);
    assert!(!text.contains(&charge.email) && !text.contains("97201"), "nothing of the person is left on the disk");
}
