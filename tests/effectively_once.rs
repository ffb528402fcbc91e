//! Each effect once, whatever is replayed, mended, refused or killed; and the order of a key held all the while.

mod support;

use flowctl::sandbox::faults::{Fault, FaultKind};
use flowctl::sandbox::server::{Seen, Standin};
use flowctl::sandbox::webhooks::Sender;
use flowctl::sandbox::{Sandbox, credentials};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::events::Charge;
use support::oracle;
use support::process::{Runtime, Setup};
use support::project::{FLOW_FILE, MAP_FILE, Project};

const LIMIT: Duration = Duration::from_secs(30);

async fn post(runtime: &Runtime, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}{path}", runtime.admin_url());
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = client.post(url).body(body.to_string()).send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON"))
}

async fn replay(runtime: &Runtime, run: &Value, how: Value) {
    let path = format!("/api/runs/{}/replay", run["id"].as_str().expect("an id"));
    let mut body = json!({ "actor": "ada", "reason": "mended" });
    body.as_object_mut().expect("an object").extend(how.as_object().expect("an object").clone());
    let (status, answer) = post(runtime, &path, body).await;
    assert_eq!(status, 200, "{answer}");
}

/// The runs in that state, once there are so many.
async fn runs_that_are(runtime: &Runtime, state: &str, count: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let listed = runtime.admin(&format!("/api/runs?state={state}")).await;
        let runs = listed["items"].as_array().cloned().unwrap_or_default();
        if runs.len() == count {
            return runs;
        }
        assert!(begun.elapsed() < LIMIT, "not {count} became {state}: {listed}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn sender(runtime: &Runtime) -> Sender {
    Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender")
}

async fn send(runtime: &Runtime, charge: &Charge) {
    assert_eq!(sender(runtime).send(&charge.event()).await.expect("an answer"), 200);
}

/// Every write that reached a stand-in.
fn writes(sandbox: &Sandbox) -> Vec<Seen> {
    let seen = [sandbox.finops_server.seen(), sandbox.stripe_server.seen()].concat();
    seen.into_iter().filter(|seen| seen.method != "GET" && !seen.path.contains("/oauth2/")).collect()
}

fn key(seen: &Seen) -> String {
    seen.headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_succeeded_writes_nothing_when_it_is_replayed_and_again_writes_once() {
    let sandbox = support::sandbox().await;
    let charge = Charge::new(1, None);
    charge.known_to(&sandbox);
    let project = Project::bundled(&sandbox).impatient();
    let runtime = Setup::of(&project).start().await;
    send(&runtime, &charge).await;
    let done = runs_that_are(&runtime, "succeeded", 1).await.remove(0);
    let before = writes(&sandbox);
    // More time has passed than Stripe remembers keys.
    sandbox.stripe.forget_keys();
    replay(&runtime, &done, json!({ "from": "start" })).await;
    runs_that_are(&runtime, "succeeded", 1).await;
    assert_eq!(writes(&sandbox).len(), before.len(), "what is done stays done");

    replay(&runtime, &done, json!({ "from": "start", "again": ["marked"] })).await;
    runs_that_are(&runtime, "succeeded", 1).await;
    let after = writes(&sandbox);
    assert_eq!(after.len(), before.len() + 1, "exactly one write");
    let marks: Vec<String> = after.iter().filter(|seen| seen.path.starts_with("/v1/")).map(key).collect();
    assert_eq!(marks.len(), 2);
    assert_ne!(marks[0], marks[1], "with a key of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_stored_for_its_key_is_mended_by_a_new_revision_with_a_new_key() {
    let sandbox = support::sandbox().await;
    let charge = Charge::new(1, None);
    charge.known_to(&sandbox);
    let project = Project::bundled(&sandbox).impatient();
    let runtime = Setup::of(&project).start().await;
    let kind = FaultKind::Stored { status: 400 };
    let (method, path, body) = ("POST".to_string(), "/v1/charges/".to_string(), String::new());
    sandbox.stripe.faults().add(Fault { method, path, body, times: 1, kind });
    send(&runtime, &charge).await;
    let failed = runs_that_are(&runtime, "dead_letter", 1).await.remove(0);
    assert_eq!(failed["error"]["step"], "marked");

    // As it was, the same key would bring the same answer.
    replay(&runtime, &failed, json!({})).await;
    let failed = runs_that_are(&runtime, "dead_letter", 1).await.remove(0);
    assert_eq!(failed["error"]["step"], "marked");

    let old = runtime.revision().await;
    project.change(MAP_FILE, "metadata = { d365_company = company ", "metadata = { d365_company = company.upper() ");
    runtime.revision_other_than(&old).await;
    replay(&runtime, &failed, json!({ "revision": "current" })).await;
    runs_that_are(&runtime, "succeeded", 1).await;
    let marks: Vec<Seen> = writes(&sandbox).into_iter().filter(|seen| seen.path.starts_with("/v1/")).collect();
    let keys: Vec<String> = marks.iter().map(key).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys[0] == keys[1] && keys[1] != keys[2], "{keys:?}");
    assert_eq!(marks[2].status, Some(200));
}

/// Three charges of one customer; Stripe does not know the first, so that its run fails after it has made its order.
async fn blocked(project: &Project, sandbox: &Sandbox) -> (Setup, Runtime, [Charge; 3]) {
    let charges = [1, 2, 3].map(|number| Charge::new(number, Some(1)));
    charges[1].known_to(sandbox);
    charges[2].known_to(sandbox);
    let setup = Setup::of(project);
    let runtime = setup.start().await;
    send(&runtime, &charges[0]).await;
    runs_that_are(&runtime, "dead_letter", 1).await;
    (setup, runtime, charges)
}

/// The references of the orders, in the order in which they were made.
fn orders(sandbox: &Sandbox) -> Vec<String> {
    let rows = sandbox.finops.rows("SalesOrderHeadersV2");
    rows.iter().map(|row| oracle::text(row, "CustomersOrderReference")).collect()
}

async fn held_by_the_first(after_kill: bool) -> (Sandbox, Project, Runtime, [Charge; 3]) {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let (setup, mut runtime, charges) = blocked(&project, &sandbox).await;
    assert_eq!(orders(&sandbox), [charges[0].id.clone()], "it failed after its first write");
    send(&runtime, &charges[1]).await;
    send(&runtime, &charges[2]).await;
    runs_that_are(&runtime, "queued", 2).await;
    if after_kill {
        runtime.kill();
        runtime = setup.start().await;
    }
    // Another key goes on.
    let other = Charge::new(4, Some(9));
    other.known_to(&sandbox);
    send(&runtime, &other).await;
    runs_that_are(&runtime, "succeeded", 1).await;
    runs_that_are(&runtime, "queued", 2).await;
    let seen = [sandbox.finops_server.seen(), sandbox.stripe_server.seen()].concat();
    for waiting in &charges[1..] {
        let of =
            |seen: &&Seen| seen.path.contains(&waiting.id) || String::from_utf8_lossy(&seen.body).contains(&waiting.id);
        assert_eq!(seen.iter().filter(of).count(), 0, "nothing was asked for a run that waits");
    }
    let alerts = runtime.admin("/api/alerts").await.to_string();
    assert!(alerts.contains("key_blocked"), "{alerts}");
    (sandbox, project, runtime, charges)
}

fn in_order(sandbox: &Sandbox, charges: &[Charge; 3]) {
    let made = orders(sandbox);
    let of_key: Vec<&String> = made.iter().filter(|id| charges.iter().any(|charge| charge.id == **id)).collect();
    let accepted: Vec<&String> = charges.iter().map(|charge| &charge.id).collect();
    assert_eq!(of_key, accepted, "each once, in the order in which they were accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_run_holds_its_key_through_a_kill_and_after_its_replay_the_others_follow_in_order() {
    let (sandbox, _project, runtime, charges) = held_by_the_first(true).await;
    let failed = runs_that_are(&runtime, "dead_letter", 1).await.remove(0);
    let behind = runtime.admin(&format!("/api/runs?behind={}", failed["id"].as_str().expect("an id"))).await;
    assert_eq!(behind["items"].as_array().map(Vec::len), Some(2), "what waits behind is shown: {behind}");
    charges[0].known_to(&sandbox);
    replay(&runtime, &failed, json!({})).await;
    runs_that_are(&runtime, "succeeded", 4).await;
    in_order(&sandbox, &charges);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_run_that_is_skipped_lets_the_others_follow_in_order() {
    let (sandbox, _project, runtime, charges) = held_by_the_first(false).await;
    let failed = runs_that_are(&runtime, "dead_letter", 1).await.remove(0);
    let path = format!("/api/runs/{}/release", failed["id"].as_str().expect("an id"));
    assert_eq!(post(&runtime, &path, json!({ "actor": "ada", "reason": "others must not wait" })).await.0, 200);
    runs_that_are(&runtime, "succeeded", 3).await;
    in_order(&sandbox, &charges);
    // Replayed later it is the last, and writes what it had not written.
    charges[0].known_to(&sandbox);
    replay(&runtime, &failed, json!({})).await;
    runs_that_are(&runtime, "succeeded", 4).await;
    in_order(&sandbox, &charges);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_sequence_the_newer_passes_and_the_older_is_superseded_without_a_write() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    project.change(
        FLOW_FILE,
        "  order_by: event.data.object.customer",
        "  sequence: event.data.object.metadata[\"order_number\"] ?? \"0\"\n  order_by: event.data.object.customer",
    );
    let (_setup, runtime, charges) = blocked(&project, &sandbox).await;
    send(&runtime, &charges[1]).await;
    runs_that_are(&runtime, "succeeded", 1).await;
    let failed = runs_that_are(&runtime, "dead_letter", 1).await.remove(0);
    let before = writes(&sandbox).len();
    charges[0].known_to(&sandbox);
    replay(&runtime, &failed, json!({ "from": "start" })).await;
    let superseded = runs_that_are(&runtime, "superseded", 1).await.remove(0);
    assert_eq!(superseded["id"], failed["id"]);
    assert_eq!(writes(&sandbox).len(), before, "without a write");
}

const SET: &str = "flow: batch
trigger:
  webhook: { connection: stripe, events: [charge.succeeded] }
  dedupe: event.data.object.id
steps:
  - id: batch
    call:
      operation: finops.changeset
      writes:
        - id: header
          operation: finops.create
          entity: SalesOrderHeadersV2
          body: |
            { OrderingCustomerAccountNumber = \"US-001\", SalesOrderNumber = event.data.object.id, CustomersOrderReference = event.data.object.id }
          find_by: [CustomersOrderReference]
        - id: line
          each: { items: '[{ n = 1, item = \"D0003\" }, { n = 2, item = event.data.object.metadata[\"item\"] ?? \"D0011\" }]', as: line, key: line.n }
          operation: finops.create
          entity: CDSSalesOrderLinesV2
          body: |
            { SalesOrderNumber = event.data.object.id, LineCreationSequenceNumber = line.n, ProductNumber = line.item }
    retry: { initial: 20ms, jitter: 0 }
  - id: number
    transform: steps.batch.header.SalesOrderNumber
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_set_is_done_as_a_whole_or_not_at_all_and_once() {
    let sandbox = support::sandbox().await;
    // US-001 is there from the beginning.
    let project = Project::bundled(&sandbox);
    project.write(FLOW_FILE, SET);
    project.change("environments/test.yaml", "settle: 2000ms", "settle: 300ms");
    let runtime = Setup::of(&project).start().await;
    let lines = || sandbox.finops.rows("CDSSalesOrderLinesV2").len();

    send(&runtime, &Charge::new(1, None)).await;
    runs_that_are(&runtime, "succeeded", 1).await;
    assert_eq!((orders(&sandbox).len(), lines()), (1, 2));

    // Done, but the answer is lost: found by its first write, and not sent again.
    for kind in [FaultKind::DropAfter, FaultKind::DropBefore, FaultKind::CommitLate(Duration::from_millis(200))] {
        let (method, path, body) = ("POST".to_string(), "$batch".to_string(), String::new());
        sandbox.finops.faults().add(Fault { method, path, body, times: 1, kind });
    }
    for number in 2..5 {
        send(&runtime, &Charge::new(number, None)).await;
        runs_that_are(&runtime, "succeeded", number).await;
    }
    assert_eq!((orders(&sandbox).len(), lines()), (4, 8));

    // One line is refused: nothing of it is there, and the error says which.
    let mut wrong = Charge::new(5, None);
    wrong.metadata = vec![("item", "NOTHING".into())];
    send(&runtime, &wrong).await;
    let failed = runs_that_are(&runtime, "dead_letter", 1).await.remove(0);
    let message = failed["error"]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("`line/2`: ") && message.contains("NOTHING"), "{failed}");
    assert_eq!((orders(&sandbox).len(), lines()), (4, 8));
}
