//! Alerts are told to a signed webhook through the engine itself: retried like any call, once each, whatever dies.

mod support;

use flowctl::sandbox::faults::{Fault, FaultKind, Faults};
use flowctl::sandbox::server::{Call, Reply, Seen, Server, Standin};
use flowctl::sandbox::{Sandbox, credentials};
use flowctl::value::Record;
use ring::hmac;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use support::process::{Runtime, Setup, finish, flowctl};
use support::project::{FLOW_FILE, Project};

const LIMIT: Duration = Duration::from_secs(60);

/// Takes what is signed, and says no where it is told to.
#[derive(Default)]
struct Receiver {
    faults: Faults,
}

impl Standin for Receiver {
    fn answer(&self, call: &Call) -> Reply {
        Reply::empty(if is_signed(call.header("Flowctl-Signature"), &call.body) { 204 } else { 401 })
    }

    fn fault(&self, status: u16) -> Reply {
        Reply::json(status, r#"{"error":"the pager is out of order"}"#)
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn inspect(&self, _: &str) -> Option<Vec<Record>> {
        None
    }
}

/// As the page says that a receiver does it.
fn is_signed(header: &str, body: &[u8]) -> bool {
    let Some((seconds, hex)) = header.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")) else { return false };
    let age = seconds.parse::<i64>().map(|then| (jiff::Timestamp::now().as_second() - then).abs());
    let key = hmac::Key::new(hmac::HMAC_SHA256, credentials::STRIPE_WEBHOOK_SECRET.as_bytes());
    let tag = hmac::sign(&key, &[seconds.as_bytes(), b".", body].concat());
    let expected: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    expected == hex && age.is_ok_and(|age| age < 60)
}

async fn receiver(faults: &[(u32, FaultKind)]) -> (Arc<Receiver>, Server) {
    let receiver = Arc::new(Receiver::default());
    for (times, kind) in faults {
        let fault = Fault {
            method: String::new(),
            path: String::new(),
            body: String::new(),
            times: *times,
            kind: kind.clone(),
        };
        receiver.faults.add(fault);
    }
    let server = Server::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), receiver.clone()).await.expect("it listens");
    (receiver, server)
}

/// The bundled project with connections that are told.
fn project(sandbox: &Sandbox, told: &[(&str, String, &str)]) -> Project {
    let project = Project::bundled(sandbox);
    let mut text = project.read("connections.yaml");
    for (name, url, severity) in told {
        text += &format!(
            "\n  {name}:\n    system: alerts\n    url: {url}\n    secret: env://STRIPE_WEBHOOK_SECRET\n    severity: {severity}\n"
        );
    }
    project.write("connections.yaml", &text);
    project
}

fn body(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).expect("JSON")
}

fn key(seen: &Seen) -> &str {
    seen.headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default()
}

async fn seen(server: &Server, count: usize) -> Vec<Seen> {
    support::until("the receiver has heard of it", LIMIT, || server.seen().len() >= count).await;
    server.seen()
}

async fn deliveries(runtime: &Runtime, flow: &str, count: usize) -> Vec<Value> {
    let begun = std::time::Instant::now();
    loop {
        let listed = runtime.admin(&format!("/api/runs?flow={flow}&state=succeeded")).await;
        let runs = listed["items"].as_array().cloned().unwrap_or_default();
        if runs.len() >= count {
            return runs;
        }
        assert!(begun.elapsed() < LIMIT, "{listed}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_told_once_though_the_receiver_fails_and_the_process_is_killed() {
    let sandbox = support::sandbox().await;
    // Out of order until it is mended, and then the first answer is lost after the work.
    let (pager, server) = receiver(&[(1000, FaultKind::Status { status: 503, retry_after: None })]).await;
    let (_, quiet) = receiver(&[]).await;
    let url = |server: &Server| format!("{}/hooks/pager", server.url());
    let project = project(&sandbox, &[("ops", url(&server), "warning"), ("ceo", url(&quiet), "error")]);
    let mut runtime = Setup::of(&project).start().await;
    let good = project.read(FLOW_FILE);
    project.save(FLOW_FILE, &good.replace("steps:", "stpes:"));
    seen(&server, 1).await;
    runtime.kill();

    pager.faults.clear();
    pager.faults.add(Fault {
        method: "POST".into(),
        path: "/hooks/pager".into(),
        body: String::new(),
        times: 1,
        kind: FaultKind::DropAfter,
    });
    let runtime = Setup::clone(&runtime.setup).start().await;
    deliveries(&runtime, "alerts-to-ops", 1).await;
    let told = server.seen();
    let first = body(&told[0]);
    assert_eq!((&first["event"], &first["code"]), (&json!("alert.opened"), &json!("reload_refused")), "{first}");
    assert!(told.iter().all(|seen| body(seen) == first && key(seen) == key(&told[0])), "one delivery, again and again");
    assert!(told.iter().all(|seen| seen.method == "POST" && seen.path == "/hooks/pager"), "where it was asked for");
    let done = |server: &Server| server.seen().iter().filter(|seen| seen.status == Some(204)).count();
    assert_eq!(done(&server), 1);

    project.save(FLOW_FILE, &good);
    deliveries(&runtime, "alerts-to-ops", 2).await;
    let last = server.seen().pop().expect("one more");
    assert_eq!((&body(&last)["event"], &body(&last)["id"]), (&json!("alert.resolved"), &first["id"]));
    assert_ne!(key(&last), key(&told[0]));
    assert_eq!(done(&server), 2);
    let every = runtime.admin("/api/runs?flow=alerts-to-ops").await;
    assert_eq!(every["items"].as_array().map(Vec::len), Some(2), "{every}");
    assert_eq!(quiet.seen().len(), 0, "a warning is below what that one wants to hear");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_told_is_a_dead_letter_and_told_to_nobody() {
    let sandbox = support::sandbox().await;
    let (pager, server) = receiver(&[(2, FaultKind::Status { status: 410, retry_after: None })]).await;
    let project = project(&sandbox, &[("ops", server.url(), "info")]);
    let runtime = Setup::of(&project).start().await;
    let good = project.read(FLOW_FILE);
    project.save(FLOW_FILE, &good.replace("steps:", "stpes:"));
    let admin = ["--admin", &runtime.admin_url()].map(str::to_owned);
    let begun = std::time::Instant::now();
    let run = loop {
        let listed = runtime.admin("/api/dead-letters?flow=alerts-to-ops").await;
        if let Some(run) = listed["items"][0]["id"].as_str() {
            break run.to_owned();
        }
        assert!(begun.elapsed() < LIMIT, "{listed}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    // It holds the alert's key, which is an alert of its own: seen here, told to nobody.
    let blocked = runtime.admin("/api/alerts?code=key_blocked").await;
    assert_eq!(blocked["items"][0]["flow"], "alerts-to-ops", "{blocked}");
    pager.faults.clear();
    let args = ["runs", "replay", &run, "--yes", "--reason", "mended", "--actor", "ada", &admin[0], &admin[1]];
    finish(flowctl(&args)).said(0, &[]);
    deliveries(&runtime, "alerts-to-ops", 1).await;
    let every = runtime.admin("/api/events?connection=ops").await;
    assert_eq!(every["items"].as_array().map(Vec::len), Some(1), "{every}");
    let graph = finish(flowctl(&["graph", "alerts-to-ops", &project.root().to_string_lossy()]));
    graph.said(0, &[]);
    assert!(graph.stdout.contains("alerts.send"), "{}", graph.stdout);
}
