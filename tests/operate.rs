//! What an operator does to runs that stand still, over the admin API: replay after mending, and let others pass.

mod support;

use flowctl::sandbox::Sandbox;
use flowctl::sandbox::credentials;
use flowctl::sandbox::webhooks::Sender;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::events::Charge;
use support::oracle;
use support::process::{Runtime, Setup, finish};
use support::project::Project;

const LIMIT: Duration = Duration::from_secs(30);

async fn post(runtime: &Runtime, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}{path}", runtime.admin_url());
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = client.post(url).body(body.to_string()).send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON"))
}

/// The only run in that state, once there is one.
async fn run_that_is(runtime: &Runtime, state: &str) -> Value {
    let begun = Instant::now();
    loop {
        let listed = runtime.admin(&format!("/api/runs?state={state}")).await;
        if let Some([run]) = listed["items"].as_array().map(Vec::as_slice) {
            return run.clone();
        }
        assert!(begun.elapsed() < LIMIT, "no single run became {state}: {listed}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn orders(sandbox: &Sandbox) -> usize {
    sandbox.finops.rows("SalesOrderHeadersV2").len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mended_run_goes_on_where_it_failed_and_does_nothing_twice() {
    let sandbox = support::sandbox().await;
    // Stripe does not know the charge, so that writing the order's number back fails: after the order was made.
    let charge = Charge::new(1, None);
    let project = Project::bundled(&sandbox).impatient();
    let runtime = Setup::of(&project).start().await;
    let sender = Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender");
    assert_eq!(sender.send(&charge.event()).await.expect("an answer"), 200);
    let failed = run_that_is(&runtime, "dead_letter").await;
    assert_eq!((&failed["error"]["step"], orders(&sandbox)), (&json!("marked"), 1));

    let path = format!("/api/runs/{}/replay", failed["id"].as_str().expect("an id"));
    assert_eq!(post(&runtime, &path, json!({ "actor": "ada", "reason": " " })).await.0, 400);
    assert_eq!(post(&runtime, &path, json!({ "actor": "ada", "reason": "mended", "form": "start" })).await.0, 400);

    charge.known_to(&sandbox);
    let (status, answer) = post(&runtime, &path, json!({ "actor": "ada", "reason": "Stripe knows it now" })).await;
    assert_eq!(status, 200, "{answer}");
    let done = run_that_is(&runtime, "succeeded").await;
    assert_eq!((&done["id"], orders(&sandbox)), (&failed["id"], 1), "one order, made before the replay");
    assert_eq!(oracle::wrong(&sandbox, &[charge]), Vec::<String>::new());

    let asked = sandbox.finops_server.seen().iter().filter(|seen| seen.method == "POST").count();
    let again = json!({ "actor": "ada", "reason": "once more", "from": "start" });
    assert_eq!(post(&runtime, &path, again).await.0, 200);
    run_that_is(&runtime, "succeeded").await;
    let after = sandbox.finops_server.seen().iter().filter(|seen| seen.method == "POST").count();
    assert_eq!((after, orders(&sandbox)), (asked, 1), "what is done stays done");
    let audit = runtime.admin("/api/audit").await.to_string();
    assert!(audit.contains("Stripe knows it now") && audit.contains("ada"), "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_stands_still_can_let_later_ones_of_its_key_pass() {
    let sandbox = support::sandbox().await;
    // Two charges of one customer: the first fails and holds the customer's place.
    let (first, second) = (Charge::new(1, Some(1)), Charge::new(2, Some(1)));
    second.known_to(&sandbox);
    let project = Project::bundled(&sandbox).impatient();
    let runtime = Setup::of(&project).start().await;
    let sender = Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender");
    assert_eq!(sender.send(&first.event()).await.expect("an answer"), 200);
    let failed = run_that_is(&runtime, "dead_letter").await;
    assert_eq!(sender.send(&second.event()).await.expect("an answer"), 200);
    run_that_is(&runtime, "queued").await;

    let path = format!("/api/runs/{}/release", failed["id"].as_str().expect("an id"));
    let (status, answer) = post(&runtime, &path, json!({ "actor": "ada", "reason": "the others must not wait" })).await;
    assert_eq!((status, &answer["state"]), (200, &json!("dead_letter")), "{answer}");
    run_that_is(&runtime, "succeeded").await;

    let nobody = "/api/runs/01890000-0000-7000-8000-000000000000/release";
    assert_eq!(post(&runtime, nobody, json!({ "actor": "ada", "reason": "a slip" })).await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_nothing_can_tell_is_decided() {
    let sandbox = support::sandbox().await;
    let charge = Charge::new(1, None);
    let project = Project::bundled(&sandbox).impatient();
    let runtime = Setup::of(&project).start().await;
    let sender = Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender");
    assert_eq!(sender.send(&charge.event()).await.expect("an answer"), 200);
    let failed = run_that_is(&runtime, "dead_letter").await;
    let path = format!("/api/runs/{}/decide", failed["id"].as_str().expect("an id"));
    let wish = |verdict: &str| json!({ "actor": "ada", "reason": "asked", "step": "marked", "verdict": verdict });
    assert_eq!(post(&runtime, &path, wish("perhaps")).await.0, 400);
    assert_eq!(post(&runtime, &path, wish("done")).await.0, 400, "done needs the row");
    let (status, answer) = post(&runtime, &path, wish("not_done")).await;
    assert_eq!(status, 409, "a certain refusal leaves nothing to decide: {answer}");
}

/// A flow that wants what nobody wanted.
const LATE: &str = "flow: failed-charges
trigger:
  webhook: { connection: stripe, events: [charge.failed] }
  dedupe: event.data.object.id
steps:
  - { id: seen, transform: 'trigger.id' }
";

async fn event_that_is(runtime: &Runtime, state: &str) -> Value {
    let listed = runtime.admin(&format!("/api/events?state={state}")).await;
    let Some([event]) = listed["items"].as_array().map(Vec::as_slice) else { panic!("no single {state}: {listed}") };
    event.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_started_nothing_goes_through_the_door_again() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let runtime = Setup::of(&project).start().await;
    let sender = Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender");
    let text = String::from_utf8(Charge::new(1, None).event().to_vec()).expect("UTF-8");
    let failed = text.replace("charge.succeeded", "charge.failed");
    let live = failed.replace("\"livemode\":false", "\"livemode\":true").replace("evt_", "evt_live_");
    assert!(failed != text && live != failed, "{text}");
    for body in [failed.clone(), live] {
        assert_eq!(sender.send(&body.into()).await.expect("an answer"), 200);
    }
    let (unrouted, unread) = (event_that_is(&runtime, "unrouted").await, event_that_is(&runtime, "dead_letter").await);
    let flowctl = |args: &[&str]| {
        let url = runtime.admin_url();
        finish(support::process::flowctl(&[&["events"], args, &["--admin", &url]].concat()))
    };
    let ids = [&unrouted, &unread].map(|event| event["id"].as_str().expect("an id").to_owned());
    let listed = flowctl(&["list", "--state", "unrouted"]);
    assert!(listed.stdout.contains(&ids[0]) && listed.stdout.contains("charge.failed"), "{}", listed.stdout);
    let refused = flowctl(&["replay", &ids[0], &ids[1], "--dry-run"]);
    refused.said(1, &[]);
    assert!(refused.stdout.contains("no live flow wants those"), "{}", refused.stdout);
    assert!(refused.stdout.contains("still cannot be read"), "{}", refused.stdout);

    project.save("late.flow.yaml", LATE);
    let change = ["--reason", "deployed late", "--actor", "ada", "--yes"];
    let begun = Instant::now();
    while flowctl(&["replay", &ids[0], "--dry-run"]).code != Some(0) {
        assert!(begun.elapsed() < LIMIT, "the flow is not live");
    }
    flowctl(&[&["replay", "--state", "unrouted"], &change[..]].concat()).said(0, &[]);
    let run = run_that_is(&runtime, "succeeded").await;
    let again = flowctl(&[&["replay", &ids[0]], &change[..]].concat());
    again.said(1, &[]);
    assert!(again.stdout.contains("has its runs already"), "{}", again.stdout);
    let shown = flowctl(&["show", &ids[0]]);
    assert!(shown.stdout.contains(run["id"].as_str().expect("an id")), "{}", shown.stdout);
    // The provider sends it once more: it was taken.
    assert_eq!(sender.send(&failed.into()).await.expect("an answer"), 200);
    assert_eq!(runtime.admin("/api/runs").await["items"].as_array().map(Vec::len), Some(1));

    project.change("connections.yaml", "system: stripe\n    mode: sandbox", "system: stripe\n    mode: live");
    while flowctl(&["replay", &ids[1], "--dry-run"]).code != Some(0) {
        assert!(begun.elapsed() < LIMIT, "the connection is not of live data");
    }
    // Of the same charge: what it would do is done.
    flowctl(&[&["replay", &ids[1]], &change[..]].concat()).said(0, &[]);
    let read = runtime.admin(&format!("/api/events/{}", ids[1])).await;
    assert_eq!(
        (&read["event"]["kind"], &read["event"]["state"]),
        (&json!("charge.failed"), &json!("routed")),
        "{read}"
    );
    assert!(read["event"]["provider_id"].as_str().is_some_and(|id| id.starts_with("evt_live_")), "{read}");
    assert_eq!((&read["runs"][0]["state"], &read["runs"][0]["duplicate_of"]), (&json!("duplicate"), &run["id"]));
    let audit = runtime.admin("/api/audit").await.to_string();
    assert!(audit.contains("deployed late") && audit.contains(&format!("event {}", ids[0])), "{audit}");
}

/// Asks somebody of finance before it does anything.
const ASKS: &str = "flow: asked-first
trigger:
  webhook: { connection: stripe, events: [charge.failed] }
steps:
  - id: approval
    approve:
      title: 'Write off {event.data.object.id}?'
      roles: [finance]
      items: '[{ kind = \"FEE\", amount = 1.50 }, { kind = \"REST\", amount = 20 }]'
      key: row.kind
result: steps.approval.items.count()
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_run_asks_is_answered_from_the_command_line() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    project.write("asks.flow.yaml", ASKS);
    let runtime = Setup::of(&project).start().await;
    let sender = Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender");
    let failed = |n| String::from_utf8(Charge::new(n, None).event_of("charge.failed").to_vec()).expect("UTF-8");
    let approvals = |args: &[&str]| {
        let url = runtime.admin_url();
        finish(support::process::flowctl(&[&["approvals"], args, &["--admin", &url]].concat()))
    };
    assert!(approvals(&["list"]).stdout.contains("nobody is asked"));
    assert_eq!(sender.send(&failed(1).into()).await.expect("an answer"), 200);
    let run = run_that_is(&runtime, "waiting").await["id"].as_str().expect("an id").to_owned();
    let listed = approvals(&["list"]).stdout;
    assert!(listed.contains(&run) && listed.contains("finance") && listed.contains("Write off ch_"), "{listed}");
    let shown = approvals(&["show", &run]).stdout;
    assert!(shown.contains("FEE") && shown.contains("1.50") && shown.contains("pending"), "{shown}");
    assert!(approvals(&["show", &run, "other"]).stdout.contains("asks nobody"));

    let why = ["--actor", "ada", "--reason", "not ours to keep"];
    let refused = approvals(&[&["approve", &run, "approval"], &why[..]].concat());
    refused.said(1, &["asks for the role finance", "no role"]);
    let unknown =
        approvals(&[&["approve", &run, "approval", "--role", "finance", "--without", "TAX"], &why[..]].concat());
    unknown.said(1, &["TAX"]);
    approvals(&["approve", &run, "approval", "--role", "finance"]).said(2, &["--reason"]);
    let yes = ["approve", &run, "approval", "--role", "finance", "--without", "FEE"];
    approvals(&[&yes[..], &why[..]].concat()).said(0, &[]);
    run_that_is(&runtime, "succeeded").await;
    approvals(&[&yes[..], &why[..]].concat()).said(1, &[]);
    let shown = approvals(&["show", &run, "approval"]).stdout;
    assert!(shown.contains("ada as finance") && shown.contains("without  FEE"), "{shown}");

    // "No", and one that is ended while somebody is asked.
    assert_eq!(sender.send(&failed(2).into()).await.expect("an answer"), 200);
    let second = run_that_is(&runtime, "waiting").await["id"].as_str().expect("an id").to_owned();
    approvals(&[&["reject", &second, "approval", "--role", "finance"], &why[..]].concat()).said(0, &[]);
    let stopped = run_that_is(&runtime, "stopped").await;
    assert_eq!((&stopped["id"], &stopped["reason"]), (&json!(second), &json!("rejected by ada: not ours to keep")));
    assert_eq!(sender.send(&failed(3).into()).await.expect("an answer"), 200);
    let third = run_that_is(&runtime, "waiting").await["id"].as_str().expect("an id").to_owned();
    let url = runtime.admin_url();
    let cancel = ["runs", "cancel", &third, "--actor", "ada", "--reason", "asked by mistake", "--admin", &url];
    finish(support::process::flowctl(&cancel)).said(0, &[]);
    let begun = Instant::now();
    while runtime.admin(&format!("/api/runs/{third}")).await["run"]["state"] != "stopped" {
        assert!(begun.elapsed() < LIMIT, "it was never ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(approvals(&["list"]).stdout.contains("nobody is asked"));
    let audit = runtime.admin("/api/audit").await;
    let of_ada = audit["items"].as_array().expect("a list").iter().filter(|entry| entry["actor"] == "ada");
    let done: Vec<_> = of_ada.map(|entry| &entry["action"]).collect();
    assert_eq!(done, ["cancel", "reject", "approve"], "{audit}");
    assert_eq!(audit["items"][2]["target"], json!(format!("run {run} step approval as finance without FEE")));
}
