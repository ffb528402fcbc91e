//! PayPal's events that were never delivered, through the real binary and its stand-in: listed to the last page, taken once,
//! and only as far back as PayPal has them.

mod support;

use flowctl::sandbox::{Sandbox, credentials};
use jiff::{SignedDuration, Timestamp};
use std::time::{Duration, Instant};
use support::process::{Finished, Runtime, Setup, finish, flowctl};
use support::project::Project;

const LIMIT: Duration = Duration::from_secs(60);
const FLOW: &str = "flow: captures
trigger:
  webhook:
    connection: paypal
    events: [PAYMENT.CAPTURE.COMPLETED, PAYMENT.CAPTURE.DENIED]
    reconcile: { every: 1s, lookback: 3d }
steps:
  - { id: capture, transform: event.resource.id }
";

fn project(sandbox: &Sandbox) -> Project {
    let project = Project::bare();
    project.write(
        "connections.yaml",
        &format!(
            "connections:
  paypal:
    system: paypal
    mode: sandbox
    base_url: {}
    client_id: env://PAYPAL_CLIENT_ID
    client_secret: env://PAYPAL_CLIENT_SECRET
    webhook: {{ path: /hooks/paypal, id: env://PAYPAL_WEBHOOK_ID }}
    limits: {{ rate: 1000/s }}
",
            sandbox.paypal_server.url()
        ),
    );
    project.write("environments/test.yaml", "settings: {}\n");
    project.write("captures.flow.yaml", FLOW);
    project
}

fn event(id: &str, kind: &str, at: Timestamp) -> String {
    let at = at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    serde_json::json!({
        "id": format!("WH-{id}"), "event_version": "1.0", "create_time": at, "resource_type": "capture", "resource_version": "2.0",
        "event_type": kind, "summary": "A payment", "links": [],
        "resource": { "id": id, "status": "COMPLETED", "amount": { "currency_code": "USD", "value": "1.00" }, "create_time": at, "update_time": at },
    })
    .to_string()
}

fn ago(hours: i64) -> Timestamp {
    Timestamp::now().checked_sub(SignedDuration::from_hours(hours)).expect("a time")
}

async fn succeeded(runtime: &Runtime) -> usize {
    let (mut all, mut after) = (0, String::new());
    loop {
        let runs = runtime.admin(&format!("/api/runs?flow=captures&state=succeeded&limit=200{after}")).await;
        all += runs["items"].as_array().map_or(0, Vec::len);
        match runs["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

async fn has_succeeded(runtime: &Runtime, count: usize) {
    let begun = Instant::now();
    while succeeded(runtime).await < count {
        assert!(begun.elapsed() < LIMIT, "{} of {count} runs", succeeded(runtime).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// `flowctl runs backfill captures --since …`, as it answers programs.
async fn backfill(runtime: &Runtime, args: &[&str]) -> Finished {
    let url = runtime.admin_url();
    let whole = [
        &[
            "runs",
            "backfill",
            "captures",
            "--actor",
            "ada",
            "--reason",
            "was missing",
            "--format",
            "json",
            "--admin",
            &url,
        ],
        args,
    ]
    .concat();
    let command = flowctl(&whole);
    tokio::task::spawn_blocking(move || finish(command)).await.expect("it ended")
}

fn told(ended: &Finished) -> serde_json::Value {
    ended.said(0, &[]);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_delivered_is_found_whole_and_once() {
    let sandbox = support::sandbox().await;
    let project = project(&sandbox);
    let put =
        |id: &str, kind: &str, at: Timestamp| sandbox.paypal.insert_event(&event(id, kind, at)).expect("an event");
    // Three pages of them from before the flow was there; others, and some that PayPal has no more.
    for n in 0..230 {
        put(&format!("OLD{n}"), "PAYMENT.CAPTURE.COMPLETED", ago(24 + n));
    }
    put("DENIED", "PAYMENT.CAPTURE.DENIED", ago(30));
    put("ELSE", "PAYMENT.CAPTURE.PENDING", ago(30));
    put("GONE", "PAYMENT.CAPTURE.COMPLETED", ago(31 * 24));

    let setup = Setup::of(&project);
    let runtime = setup.start().await;
    sandbox.paypal.listen(&format!("http://{}/hooks/paypal", setup.hooks));

    // Lost on its way: it is asked for and taken, with an alert. One that is delivered as well is still one.
    put("LOST", "PAYMENT.CAPTURE.COMPLETED", Timestamp::now());
    put("BOTH", "PAYMENT.CAPTURE.COMPLETED", Timestamp::now());
    let resend = format!("{}/v1/notifications/webhooks-events/WH-BOTH/resend", sandbox.paypal_server.url());
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let token = client
        .post(format!("{}/v1/oauth2/token", sandbox.paypal_server.url()))
        .basic_auth(credentials::PAYPAL_CLIENT_ID, Some(credentials::PAYPAL_CLIENT_SECRET))
        .form(&[("grant_type", "client_credentials")])
        .send()
        .await
        .expect("an answer");
    let token: serde_json::Value = serde_json::from_str(&token.text().await.expect("a text")).expect("JSON");
    let resent = client.post(resend).bearer_auth(token["access_token"].as_str().expect("a token"));
    let resent = resent.header("Content-Type", "application/json").body("{}").send().await.expect("an answer");
    assert_eq!(resent.status().as_u16(), 202);
    has_succeeded(&runtime, 2).await;
    let begun = Instant::now();
    loop {
        let alerts = runtime.admin("/api/alerts?open=true").await.to_string();
        if alerts.contains("events_missed") && alerts.contains("WH-LOST") {
            break;
        }
        assert!(begun.elapsed() < LIMIT, "{alerts}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Asked again and again meanwhile; what was before the flow is left alone.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(succeeded(&runtime).await, 2);

    // On purpose: a part by `--until`, then all; nothing comes twice.
    let part = told(&backfill(&runtime, &["--since", "10d", "--until", "5d"]).await);
    assert_eq!(
        (part["listed"].as_u64(), part["new"].as_u64(), part["runs"].as_u64()),
        (Some(120), Some(120), Some(120)),
        "{part}"
    );
    assert_eq!(part.get("not_before"), None);
    let all = told(&backfill(&runtime, &["--since", "40d"]).await);
    assert_eq!(
        (all["listed"].as_u64(), all["new"].as_u64(), all["runs"].as_u64()),
        (Some(233), Some(111), Some(111)),
        "{all}"
    );
    assert!(all["not_before"].as_str().is_some_and(|at| at < ago(29 * 24).to_string().as_str()), "{all}");
    let again = told(&backfill(&runtime, &["--since", "40d"]).await);
    assert_eq!((again["new"].as_u64(), again["runs"].as_u64()), (Some(0), Some(0)), "{again}");
    let late = backfill(&runtime, &["--since", "40d", "--until", "35d"]).await;
    assert!(late.code != Some(0) && late.stderr.contains("has no events of that time any more"), "{late:?}");
    has_succeeded(&runtime, 233).await;
    assert_eq!(succeeded(&runtime).await, 233);
    assert!(runtime.stop().await.success());
}
