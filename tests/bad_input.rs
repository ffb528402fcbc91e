//! What is wrong is said: at the right place, with what to do, with the documented exit status, and never as a panic.

mod support;

use bytes::Bytes;
use flowctl::sandbox::credentials::STRIPE_WEBHOOK_SECRET;
use flowctl::sandbox::webhooks::Sender;
use flowctl::triggers::stripe;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;
use support::events::Charge;
use support::oracle;
use support::process::{Setup, finish, flowctl};
use support::project::{FLOW_FILE, MAP_FILE, Project, SECRETS};

/// `validate` and `run` alike find the mistake; each says all of `parts`.
#[track_caller]
fn refused(change: impl FnOnce(&Project), parts: &[&str]) {
    let project = Project::copied();
    change(&project);
    let root = project.root();
    finish(flowctl(&["validate", &root.to_string_lossy()])).said(1, parts);
    // A runtime that never had a good revision does not start.
    let setup = Setup::of(&project);
    finish(run(&project, &setup.hooks.to_string(), &setup.admin.to_string())).said(1, parts);
}

/// `flowctl run` without an environment of its own, so that every base value counts.
fn run(project: &Project, listen: &str, admin: &str) -> Command {
    let (root, store) = (project.root(), project.store());
    let (root, store) = (root.to_string_lossy(), store.to_string_lossy());
    let mut run = flowctl(&["run", &root, "--listen", listen, "--admin", admin, "--store", &store]);
    run.envs(SECRETS);
    run
}

#[test]
fn broken_yaml() {
    refused(
        |p| p.change(FLOW_FILE, "use: [charge.map]", "use: [charge.map"),
        &[&format!("{FLOW_FILE}:4:6"), "never closed"],
    );
    refused(|p| p.change(FLOW_FILE, "  when: event.data", " when: event.data"), &[&format!("{FLOW_FILE}:")]);
    refused(|p| p.write("flowctl.yaml", "\u{0}\u{1}"), &["flowctl.yaml:1:1"]);
    refused(|p| p.write("connections.yaml", "connections:\n\tstripe: {}\n"), &["connections.yaml:2:1"]);
}

#[test]
fn an_unknown_key_with_what_was_meant() {
    refused(|p| p.change(FLOW_FILE, "  dedupe: ", "  dedup: "), &[&format!("{FLOW_FILE}:11:3"), "`dedup`", "dedupe"]);
    refused(
        |p| p.change("connections.yaml", "    company: usmf", "    compny: usmf"),
        &["connections.yaml:22:5", "company"],
    );
    refused(|p| p.change("flowctl.yaml", "version: 1", "verson: 1"), &["flowctl.yaml:3:1", "version"]);
}

#[test]
fn another_version_and_what_is_dropped_and_read() {
    let written = |line: &'static str| move |p: &Project| p.change("flowctl.yaml", "version: 1", line);
    refused(written("version: 2"), &["flowctl.yaml:3:10", "version 2 of the language is not known"]);
    // What is dropped at the door cannot be read behind it.
    refused(written("version: 1\ndrop: ['$..email']"), &["charge.map:120:46", "`email` is dropped"]);
}

#[test]
fn all_mistakes_of_a_mapping_at_once() {
    let change = |project: &Project| {
        project.change(
            MAP_FILE,
            "SalesCurrencyCode   = paid(charge).currency",
            "SalesCurrencyCode   = paid(charge.currency",
        );
        project.change(
            MAP_FILE,
            "CurrencyCode                  = total.currency",
            "CurrencyCode                  total.currency",
        );
        project.change(MAP_FILE, "SalesUnitSymbol            = i.unit?", "SalesUnitSymbol            = ");
    };
    let copied = Project::copied();
    change(&copied);
    let text = copied.read(MAP_FILE);
    let line_of = |part: &str| text.lines().position(|line| line.contains(part)).expect("there") + 1;
    let places = ["paid(charge.currency", "CurrencyCode                  total", "SalesUnitSymbol            ="];
    let places: Vec<String> = places.iter().map(|part| format!("{MAP_FILE}:{}:", line_of(part))).collect();
    refused(change, &places.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn names_that_are_not_there_with_what_was_meant() {
    refused(
        |p| p.change(FLOW_FILE, "dedupe: event.data.object.id", "dedupe: event.data.object.idd"),
        &[":11:29", "idd"],
    );
    refused(|p| p.change(MAP_FILE, "= charge.id  ", "= charge.idd "), &[MAP_FILE, "idd", "id"]);
    refused(|p| p.change(FLOW_FILE, "connection: stripe", "connection: strip"), &[":8:17", "strip", "stripe"]);
    refused(
        |p| p.change(FLOW_FILE, "stripe.customers.get", "stripe.customer.get"),
        &[":37:18", "stripe.customers.get"],
    );
    refused(
        |p| p.change(FLOW_FILE, "entity: SalesOrderHeadersV2", "entity: SalesOrderHeaders"),
        &["SalesOrderHeadersV2"],
    );
    refused(
        |p| p.change(FLOW_FILE, "entity: ReleasedProductsV2", "entity: ReleasdProductsV2"),
        &["ReleasedProductsV2"],
    );
    refused(
        |p| p.change(FLOW_FILE, "[charge.succeeded, charge", "[charge.succeded, charge"),
        &[":9:14", "charge.succeeded"],
    );
    refused(|p| p.change(FLOW_FILE, "body: new_customer(", "body: new_custmer("), &["new_customer"]);
    refused(|p| p.change(FLOW_FILE, "items: steps.ordered", "items: steps.orderd"), &["steps", "ordered"]);
    refused(|p| p.change(FLOW_FILE, "use: [charge.map]", "use: [charges.map]"), &[":4:7", "charge.map"]);
    refused(|p| p.change("connections.yaml", "system: finops", "system: finop"), &["connections.yaml", "finops"]);
}

#[test]
fn a_secret_that_is_not_there() {
    let project = Project::copied();
    let setup = Setup::of(&project);
    let without = |missing: &str| {
        let mut run = run(&project, &setup.hooks.to_string(), &setup.admin.to_string());
        run.env_remove(missing);
        finish(run)
    };
    for (name, _) in SECRETS {
        let finished = without(name);
        finished.said(1, &[name, "connections.yaml:"]);
        for (other, value) in SECRETS.iter().filter(|(_, value)| !value.starts_with("http")) {
            assert!(!finished.stderr.contains(value), "the value of {other} is shown:\n{}", finished.stderr);
        }
    }
}

#[test]
fn addresses_that_cannot_be_had() {
    let project = Project::copied();
    let setup = Setup::of(&project);
    let (hooks, admin) = (setup.hooks.to_string(), setup.admin.to_string());
    let run = |listen: &str, admin: &str| finish(run(&project, listen, admin));
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = holder.local_addr().expect("an address").to_string();
    run(&taken, &admin).said(2, &[&taken, "--listen"]);
    run(&hooks, &taken).said(2, &[&taken, "--admin"]);
    run(&hooks, "0.0.0.0:0").said(2, &["0.0.0.0", "loopback"]);
    run("nowhere", &admin).said(2, &["nowhere", "--listen"]);
}

#[test]
fn folders_that_are_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().to_string();
    finish(flowctl(&["run", &path("absent")])).said(2, &["absent"]);
    finish(flowctl(&["run", &path("")])).said(2, &["flowctl.yaml"]);
    std::fs::write(path("file"), "x").expect("written");
    finish(flowctl(&["run", &path("file")])).said(2, &["flowctl.yaml"]);
    let project = Project::copied();
    let mut run = flowctl(&["run", &project.root().to_string_lossy(), "--store", &path("file/store")]);
    run.envs(SECRETS);
    finish(run).said(2, &["file/store"]);
    // A file of the project that cannot be read as text.
    std::fs::write(project.path(MAP_FILE), b"// gr\xfcn\nlet").expect("written");
    finish(flowctl(&["validate", &project.root().to_string_lossy()])).said(1, &[MAP_FILE, "UTF-8"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_not_ours_to_open() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox);
    let setup = Setup::of(&project);
    let runtime = setup.start().await;
    // Held by the runtime.
    let other = Setup { store: setup.store.clone(), ..Setup::of(&project) };
    finish(other.command()).said(2, &["held by another process", "F0601"]);
    assert!(runtime.stop().await.success());
    // Written by a newer version.
    let file = project.store().join("store.db");
    let database = rusqlite::Connection::open(&file).expect("a database");
    database.execute("update schema_version set version = version + 1", []).expect("a version");
    drop(database);
    finish(setup.command()).said(2, &["newer", "F0600"]);
    // Not a store at all.
    for wal in ["store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(project.store().join(wal));
    }
    std::fs::write(&file, "this is no database, only a text that is long enough to be taken for one".repeat(40))
        .expect("written");
    finish(setup.command()).said(2, &["F0602"]);
}

#[test]
fn the_exit_statuses_are_the_documented_ones() {
    let help = finish(flowctl(&["--help"]));
    help.said(0, &[]);
    assert!(
        help.stdout.contains("Exit status: 0 fine, 1 findings or failed tests, 2 wrong usage or I/O."),
        "{}",
        help.stdout
    );
    finish(flowctl(&["rum"])).said(2, &["run"]);
    finish(flowctl(&["run", "--stor", "x"])).said(2, &["--store"]);
    finish(flowctl(&["explain", "F9999"])).said(2, &["F9999"]);
    finish(flowctl(&["operations", "finops.creat"])).said(2, &["finops.create"]);
    finish(flowctl(&["functions", "nosuch"])).said(2, &["nosuch"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_of_every_wrong_kind() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let runtime = Setup::of(&project).start().await;
    let sender = Sender::new(runtime.hook(), STRIPE_WEBHOOK_SECRET).expect("a sender");
    let now = jiff::Timestamp::now().as_second();
    let charge = Charge::new(1, Some(1));
    charge.known_to(&sandbox);
    let event = charge.event();
    let signed = |body: &[u8], secret: &str, at: i64| stripe::sign(body, &[secret], at);

    // Nothing that is not proved is kept.
    let stale = signed(&event, STRIPE_WEBHOOK_SECRET, now - 3600);
    assert_eq!(sender.send_signed(&event, &stale).await.expect("an answer"), 401, "an old signature");
    let early = signed(&event, STRIPE_WEBHOOK_SECRET, now + 3600);
    assert_eq!(sender.send_signed(&event, &early).await.expect("an answer"), 401, "one from the future");
    let forged = signed(&event, "whsec_somebody_else", now);
    assert_eq!(sender.send_signed(&event, &forged).await.expect("an answer"), 401, "another secret");
    let other_body = signed(b"{}", STRIPE_WEBHOOK_SECRET, now);
    assert_eq!(sender.send_signed(&event, &other_body).await.expect("an answer"), 401, "another body");
    for malformed in ["", "v1=00", "t=now,v1=00", "t=1", "\u{7f}"] {
        let answer = sender.send_signed(&event, malformed).await;
        assert!(answer.is_err() || matches!(answer, Ok(400)), "{malformed:?}: {answer:?}");
    }
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let unsigned = client.post(runtime.hook()).body(event.clone()).send().await.expect("an answer");
    assert_eq!(unsigned.status(), 400, "no signature");
    let long = Bytes::from(vec![b' '; 5 << 20]);
    let answer = sender.send(&long).await;
    assert!(matches!(answer, Ok(413)) || answer.is_err(), "a body over the limit: {answer:?}");
    let just_over = Bytes::from(vec![b' '; (1 << 20) + 1]);
    // A server that does not read the rest may close before its answer is read: then it is sent again.
    let mut answer = sender.send(&just_over).await;
    for _ in 0..5 {
        if answer.is_err() {
            answer = sender.send(&just_over).await;
        }
    }
    assert_eq!(answer.expect("an answer"), 413);
    let nowhere = Sender::new(runtime.hook() + "/x", STRIPE_WEBHOOK_SECRET).expect("a sender");
    assert_eq!(nowhere.send(&event).await.expect("an answer"), 404);
    assert_eq!(client.get(runtime.hook()).send().await.expect("an answer").status(), 405);
    let events = runtime.admin("/api/events").await;
    assert_eq!(events["items"].as_array().map(Vec::len), Some(0), "{events}");
    let alerts = runtime.admin("/api/alerts").await;
    assert!(alerts.to_string().contains("delivery_refused"), "{alerts}");

    // What is proved is kept, whatever it is.
    for (n, body) in
        ["", "not JSON", "{\"id\": \"evt_1\", ", "[]", "{}", "null", "{\"id\": 5, \"type\": {}}"].iter().enumerate()
    {
        assert_eq!(sender.send(&Bytes::from(*body)).await.expect("an answer"), 200, "{body:?}");
        let dead = runtime.admin("/api/events?state=dead_letter").await;
        assert_eq!(dead["items"].as_array().map(Vec::len), Some(n + 1), "{body:?}: {dead}");
        assert!(dead["items"][0]["problem"].as_str().is_some_and(|problem| !problem.is_empty()), "{dead}");
    }
    let not_utf8 = Bytes::from(&b"{\"id\": \"\xff\"}"[..]);
    assert_eq!(sender.send(&not_utf8).await.expect("an answer"), 200);
    let deep = Bytes::from("[".repeat(200_000));
    assert_eq!(sender.send(&deep).await.expect("an answer"), 200);
    let live = String::from_utf8(charge.event_of("charge.captured").to_vec()).expect("UTF-8").replacen(
        "\"livemode\":false",
        "\"livemode\":true",
        1,
    );
    assert_eq!(sender.send(&Bytes::from(live)).await.expect("an answer"), 200);
    let dead = runtime.admin("/api/events?state=dead_letter").await;
    assert_eq!(dead["items"].as_array().map(Vec::len), Some(10), "{dead}");

    // Wanted by nobody.
    assert_eq!(sender.send(&charge.event_of("charge.refunded")).await.expect("an answer"), 200);
    let unrouted = runtime.admin("/api/events?state=unrouted").await;
    assert_eq!(unrouted["items"].as_array().map(Vec::len), Some(1), "{unrouted}");
    assert_eq!(unrouted["items"][0]["kind"], "charge.refunded");

    // The same id with another body starts nothing and is told.
    assert_eq!(sender.send(&event).await.expect("an answer"), 200);
    assert_eq!(sender.send(&event).await.expect("an answer"), 200);
    let other = Bytes::from(String::from_utf8(event.to_vec()).expect("UTF-8").replacen("10001", "10002", 1));
    assert_ne!(other, event);
    assert_eq!(sender.send(&other).await.expect("an answer"), 200);
    let conflicting = runtime.admin("/api/events?state=conflicting").await;
    assert_eq!(conflicting["items"].as_array().map(Vec::len), Some(1), "{conflicting}");

    // A charge that the mapping refuses is a dead letter with the place at which it failed; the next one is not held up.
    let mut wrong = Charge::new(2, Some(2));
    wrong.known_to(&sandbox);
    wrong.items = vec![("MUG", 1, 1205)];
    let body = String::from_utf8(wrong.event().to_vec()).expect("UTF-8").replace("MUG:1:12.05", "MUG:1:12.06");
    assert_eq!(sender.send(&Bytes::from(body)).await.expect("an answer"), 200);
    support::until("the good run is done", Duration::from_secs(20), || oracle::marked(&sandbox) == 1).await;
    let begun = std::time::Instant::now();
    let letter = loop {
        let letters = runtime.admin("/api/dead-letters").await;
        if let Some(letter) = letters["items"].as_array().and_then(|items| items.first()) {
            break letter.clone();
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "no dead letter");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((&letter["error"]["class"], &letter["error"]["step"]), (&"data".into(), &"ordered".into()), "{letter}");
    assert_eq!(letter["error"]["position"]["path"], MAP_FILE, "{letter}");
    assert!(letter["error"]["message"].as_str().is_some_and(|message| message.contains("12.06")), "{letter}");
    let wrong = oracle::wrong(&sandbox, &[charge]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(runtime.stop().await.success());
}
