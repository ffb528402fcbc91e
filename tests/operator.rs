//! What an operator types, through the real binary against a real runtime: find what failed, see why, mend it, replay it,
//! choose another revision, look after alerts, make a backup, and go away without losing anything.

mod support;

use flowctl::sandbox::Sandbox;
use flowctl::sandbox::credentials;
use flowctl::sandbox::faults::{Fault, FaultKind};
use flowctl::sandbox::server::Standin as _;
use flowctl::sandbox::webhooks::Sender;
use serde_json::Value;
use std::time::{Duration, Instant};
use support::events::Charge;
use support::oracle;
use support::process::{Finished, Runtime, Setup, finish, flowctl};
use support::project::{FLOW, MAP_FILE, Project, SECRETS};

const LIMIT: Duration = Duration::from_secs(30);

/// A command against a runtime. Blocking, so apart from the runtime's own tasks.
async fn ask(runtime: &Runtime, args: &[&str]) -> Finished {
    let admin = runtime.admin_url();
    let mut command = flowctl(args);
    command.args(["--admin", &admin]).env("USER", "ada");
    tokio::task::spawn_blocking(move || finish(command)).await.expect("it ran")
}

async fn told(runtime: &Runtime, args: &[&str]) -> String {
    let finished = ask(runtime, args).await;
    finished.said(0, &[]);
    finished.stdout
}

async fn json(runtime: &Runtime, args: &[&str]) -> Value {
    let text = told(runtime, &[args, &["--format", "json"]].concat()).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The only run in that state, once there is one.
async fn run_that_is(runtime: &Runtime, state: &str) -> String {
    let begun = Instant::now();
    loop {
        let listed = runtime.admin(&format!("/api/runs?state={state}")).await;
        if let Some([run]) = listed["items"].as_array().map(Vec::as_slice) {
            return run["id"].as_str().expect("an id").to_owned();
        }
        assert!(begun.elapsed() < LIMIT, "no single run became {state}: {listed}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn deliver(runtime: &Runtime, charge: &Charge) {
    let sender = Sender::new(runtime.hook(), credentials::STRIPE_WEBHOOK_SECRET).expect("a sender");
    assert_eq!(sender.send(&charge.event()).await.expect("an answer"), 200);
}

fn written(sandbox: &Sandbox) -> usize {
    let posts = |seen: Vec<flowctl::sandbox::server::Seen>| {
        seen.iter().filter(|seen| seen.method == "POST" && !seen.path.ends_with("/token")).count()
    };
    posts(sandbox.finops_server.seen()) + posts(sandbox.stripe_server.seen())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_is_found_understood_and_replayed() {
    let sandbox = support::sandbox().await;
    // Stripe does not know the charge, so that writing the order's number back fails.
    let charge = Charge::new(1, None);
    let project = Project::bundled(&sandbox).impatient();
    let runtime = Setup::of(&project).start().await;
    assert!(told(&runtime, &["dead-letters", "list"]).await.contains("no dead letters"));
    deliver(&runtime, &charge).await;
    let run = run_that_is(&runtime, "dead_letter").await;

    let listed = told(&runtime, &["dead-letters", "list"]).await;
    assert!(listed.contains(&run) && listed.contains("marked") && listed.starts_with("RUN "), "{listed}");
    assert_eq!(
        json(&runtime, &["runs", "list", "--code", "no_such_code"]).await["items"].as_array().map(Vec::len),
        Some(0)
    );
    let code = json(&runtime, &["dead-letters", "list", "--since", "1h"]).await["items"][0]["error"]["code"].clone();
    let code = code.as_str().expect("a code").to_owned();

    let shown = told(&runtime, &["runs", "show", &run, "--full"]).await;
    for part in ["header: done, finops.create on d365, 1 attempt", "marked: failed", "came in", "\"•••\"", &charge.id]
    {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    assert!(!shown.contains("Jenny Rosen") && !shown.contains(&charge.email), "{shown}");
    ask(&runtime, &["runs", "show", &run, "--unmasked"]).await.said(2, &["--reason"]);
    let whole = told(&runtime, &["runs", "show", &run, "--unmasked", "--reason", "ticket 4711", "--full"]).await;
    assert!(whole.contains("Jenny Rosen"), "{whole}");

    let before = written(&sandbox);
    let plan = told(&runtime, &["runs", "replay", &run, "--dry-run"]).await;
    assert!(plan.contains("is done and stays done (finops.create)") && plan.contains("1 can be replayed"), "{plan}");
    let reason = ["--reason", "Stripe knows it now"];
    ask(&runtime, &["runs", "replay", &run]).await.said(2, &["--reason"]);
    ask(&runtime, &[&["runs", "replay", &run][..], &reason].concat()).await.said(2, &["--yes", "1 can be replayed"]);
    ask(&runtime, &[&["runs", "replay", "--yes"][..], &reason].concat()).await.said(2, &["which runs?"]);
    ask(&runtime, &[&["runs", "replay", &run, "--again", "nothing", "--yes"][..], &reason].concat())
        .await
        .said(1, &["nothing"]);
    assert_eq!(written(&sandbox), before, "nothing was done so far");

    charge.known_to(&sandbox);
    let replay = ["dead-letters", "replay", "--flow", FLOW, "--code", &code, "--since", "1h", "--yes"];
    let done = told(&runtime, &[&replay[..], &reason].concat()).await;
    assert!(done.contains(&run) && done.contains("replayed"), "{done}");
    assert_eq!(run_that_is(&runtime, "succeeded").await, run);
    assert_eq!(oracle::wrong(&sandbox, &[charge]), Vec::<String>::new());
    let audit = runtime.admin("/api/audit").await;
    let acts: Vec<_> = audit["items"].as_array().expect("a list").iter().map(|entry| &entry["action"]).collect();
    assert!(acts.contains(&&Value::from("replay")) && acts.contains(&&Value::from("unmask")), "{audit}");
    assert!(audit["items"].as_array().expect("a list").iter().any(|entry| entry["actor"] == "ada"), "{audit}");

    // Once more on one step: exactly one write, under a new key.
    let keys =
        |sandbox: &Sandbox| oracle::keyed(&sandbox.stripe_server).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let (before, known) = (written(&sandbox), keys(&sandbox));
    let again = ["runs", "replay", &run, "--again", "marked", "--yes", "--reason", "somebody deleted it"];
    told(&runtime, &again).await;
    run_that_is(&runtime, "succeeded").await;
    let now = keys(&sandbox);
    assert_eq!((written(&sandbox), now.len()), (before + 1, known.len() + 1));
    assert!(!known.contains(now.last().expect("one more")), "a new key");

    // And as a test of the flow: with persons made up, passing as it stands.
    let test = project.path("stripe-dynamics-365/tests/exported.test.yaml");
    let test = test.to_str().expect("UTF-8");
    told(&runtime, &["runs", "export", &run, "--as-test", "--to", test]).await;
    let text = std::fs::read_to_string(test).expect("a file");
    assert!(!text.contains("Jenny Rosen") && !text.contains("guest1@example.com"), "{text}");
    let mut command = flowctl(&["test", test]);
    command.envs(SECRETS);
    let tested = finish(command);
    assert_eq!(tested.code, Some(0), "{}\n{}\n{text}", tested.stdout, tested.stderr);
    assert!(tested.stdout.contains("1 passed"), "{}", tested.stdout);
    ask(&runtime, &["runs", "export", &run, "--as-test", "--to", test]).await.said(2, &["exported.test.yaml"]);

    assert!(runtime.stop().await.success());
    let nobody = flowctl(&["runs", "list", "--admin", "127.0.0.1:9"]);
    finish(nobody).said(2, &["no runtime answers at http://127.0.0.1:9"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_is_mended_beside_the_original() {
    let sandbox = support::sandbox().await;
    let mut charge = Charge::new(1, None);
    let good = charge.clone();
    // A quantity that is none: the flow's mapping refuses it.
    charge.metadata.push(("items", "MUG:two:12.05".to_owned()));
    good.known_to(&sandbox);
    let project = Project::bundled(&sandbox).impatient();
    let runtime = Setup::of(&project).start().await;
    deliver(&runtime, &charge).await;
    let run = run_that_is(&runtime, "dead_letter").await;
    assert_eq!(sandbox.finops.rows("SalesOrderHeadersV2").len(), 0);

    let failed = told(&runtime, &["runs", "export", &run, "--as-test"]).await;
    project.write("stripe-dynamics-365/tests/failed.test.yaml", &failed);
    let test = project.path("stripe-dynamics-365/tests/failed.test.yaml").to_string_lossy().to_string();
    let tested = finish(flowctl(&["test", &test]));
    assert_eq!(tested.code, Some(0), "{}\n{failed}", tested.stdout);

    let mended = project.path("mended.json").to_string_lossy().to_string();
    std::fs::write(&mended, good.event()).expect("written");
    let reason = ["--reason", "the quantity was a word"];
    let edit = ["dead-letters", "edit", &run, "--payload"];
    ask(&runtime, &[&edit[..], &["{no json"], &reason].concat()).await.said(2, &["no JSON"]);
    told(&runtime, &[&edit[..], &[&format!("@{mended}")], &reason].concat()).await;
    let detail = runtime.admin(&format!("/api/runs/{run}")).await;
    assert_eq!(detail["run"]["state"], "dead_letter", "an edit replays nothing");
    assert!(detail["payload"].to_string().contains("MUG:two") && detail["edited"].to_string().contains("MUG:2:12.05"));
    told(&runtime, &[&["dead-letters", "replay", &run, "--yes"][..], &reason].concat()).await;
    assert_eq!(run_that_is(&runtime, "succeeded").await, run);
    assert_eq!(oracle::wrong(&sandbox, &[good]), Vec::<String>::new());
    assert_eq!(runtime.admin(&format!("/api/runs/{run}")).await["dedupe"], detail["dedupe"]);
    assert!(runtime.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_is_rolled_back_and_stays_so_until_the_files_change() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let setup = Setup::of(&project);
    let runtime = setup.start().await;
    let first = runtime.revision().await;
    let name = "SalesOrderName                = buyer(charge, customer)";
    project.change(MAP_FILE, name, "SalesOrderName                = \"second\"");
    let second = runtime.revision_other_than(&first).await;

    let waited = told(&runtime, &["reload", "--wait"]).await;
    assert!(waited.contains(FLOW) && waited.contains(&second[..12]), "{waited}");
    let back = told(&runtime, &["revisions", "rollback", FLOW, "--reason", "wrong name"]).await;
    assert!(back.contains(&first[..12]) && back.contains(&format!("its files say {}", &second[..12])), "{back}");
    assert_eq!(runtime.revision().await, first);
    let listed = told(&runtime, &["revisions", "list", FLOW]).await;
    assert!(listed.lines().any(|line| line.starts_with(&first[..12]) && line.ends_with("live")), "{listed}");
    let shown = told(&runtime, &["revisions", "show", &second[..12], "--source", MAP_FILE]).await;
    assert_eq!(shown, project.read(MAP_FILE));
    assert!(told(&runtime, &["reload", "--wait"]).await.contains("chosen by an operator"));
    assert_eq!(runtime.revision().await, first, "a reload of the same files changes nothing");
    assert!(runtime.stop().await.success());

    let runtime = setup.start().await;
    assert_eq!(runtime.revision().await, first, "nor does a restart");
    let on_disk = &second[..12];
    told(&runtime, &["revisions", "activate", on_disk, "--reason", "it was right"]).await;
    assert_eq!((runtime.revision().await, runtime.flow().await["on_disk"].is_null()), (second.clone(), true));
    told(&runtime, &["revisions", "rollback", FLOW, "--reason", "it was not"]).await;
    assert_eq!(runtime.revision().await, first);
    project.change(MAP_FILE, "= \"second\"", "= \"third\"");
    let third = runtime.revision_other_than(&first).await;
    assert!(third != second && runtime.flow().await["on_disk"].is_null());
    ask(&runtime, &["revisions", "activate", "abc", "--reason", "x"]).await.said(2, &["too short"]);
    ask(&runtime, &["revisions", "rollback", "nothing", "--reason", "x"]).await.said(2, &["nothing"]);
    assert!(runtime.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_file_is_told_and_its_alert_looked_after() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let runtime = Setup::of(&project).start().await;
    let good = project.read(MAP_FILE);
    project.save(MAP_FILE, &good.replacen("fn buyer(", "fn buyer((", 1));
    let refused = ask(&runtime, &["reload", "--wait"]).await;
    refused.said(1, &["charge.map:", "error[F", "keep their last good revision"]);
    assert!(refused.stdout.contains("refused"), "{}", refused.stdout);

    let open = json(&runtime, &["alerts", "list", "--code", "reload_refused"]).await;
    let alert = open["items"][0]["id"].as_str().expect("an alert").to_owned();
    told(&runtime, &["alerts", "ack", &alert, "--reason", "on it"]).await;
    ask(&runtime, &["alerts", "ack", &alert, "--reason", "me too"]).await.said(1, &["looks after it"]);
    assert!(told(&runtime, &["alerts", "list"]).await.contains("seen by ada"));
    told(&runtime, &["alerts", "resolve", &alert, "--reason", "known"]).await;
    ask(&runtime, &["alerts", "resolve", &alert, "--reason", "again"]).await.said(1, &["not open"]);
    assert!(!told(&runtime, &["alerts", "list"]).await.contains(&alert));
    assert!(told(&runtime, &["alerts", "list", "--all"]).await.contains("resolved"));

    project.save(MAP_FILE, &good);
    assert!(told(&runtime, &["reload", "--wait", "--reason", "mended"]).await.contains("as before"));
    assert!(runtime.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_at_work_is_a_store() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let setup = Setup::of(&project);
    let mut runtime = setup.start().await;
    let charge = Charge::new(1, None);
    charge.known_to(&sandbox);
    deliver(&runtime, &charge).await;
    run_that_is(&runtime, "succeeded").await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("store.db").to_string_lossy().to_string();
    let made = told(&runtime, &["backup", &file, "--reason", "nightly"]).await;
    assert!(made.contains(&file), "{made}");
    ask(&runtime, &["backup", &file, "--reason", "nightly"]).await.said(2, &["replaces nothing"]);

    // The machine burns down; the backup is all there is.
    runtime.kill();
    let restored = Setup { store: folder.path().to_owned(), ..setup };
    let runtime = restored.start().await;
    run_that_is(&runtime, "succeeded").await;
    let before = written(&sandbox);
    deliver(&runtime, &charge).await;
    let runs = runtime.admin("/api/runs").await;
    assert_eq!(runs["items"].as_array().map(Vec::len), Some(1), "what was done stays known");
    assert_eq!(written(&sandbox), before);
    let metrics = reqwest::get(format!("{}/metrics", runtime.admin_url())).await.expect("an answer").text().await;
    assert!(metrics.expect("a text").contains("flowctl_run_due_seconds 0"));
    assert!(runtime.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn going_away_waits_for_answers_and_sends_nothing_new() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let setup = Setup::of(&project);
    let runtime = setup.start().await;
    let charge = Charge::new(1, None);
    charge.known_to(&sandbox);
    let slow = Fault {
        method: "POST".into(),
        path: "/data/SalesOrderHeadersV2".into(),
        body: String::new(),
        times: 1,
        kind: FaultKind::Delay(Duration::from_millis(1500)),
    };
    sandbox.finops.faults().add(slow);
    deliver(&runtime, &charge).await;
    let run = run_that_is(&runtime, "running").await;
    let waiting = Instant::now();
    loop {
        let detail = runtime.admin(&format!("/api/runs/{run}")).await;
        let steps = detail["steps"].as_array().expect("a list");
        if steps.iter().any(|step| step["path"] == "header" && step["state"] == "sent") {
            break;
        }
        assert!(waiting.elapsed() < LIMIT, "the order is never asked for: {detail}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The stand-in notes a request when it answers it.
    let before = written(&sandbox) + 1;
    let begun = Instant::now();
    assert!(runtime.stop().await.success(), "SIGTERM is no failure");
    assert!(begun.elapsed() > Duration::from_millis(500), "the answer was awaited");
    assert_eq!(
        (written(&sandbox), sandbox.finops.rows("SalesOrderHeadersV2").len()),
        (before, 1),
        "nothing new was sent"
    );

    let runtime = setup.start().await;
    run_that_is(&runtime, "succeeded").await;
    assert_eq!(oracle::wrong(&sandbox, &[charge]), Vec::<String>::new());
    let orders = sandbox.finops_server.seen();
    let orders = orders.iter().filter(|seen| seen.method == "POST" && seen.path.contains("SalesOrderHeadersV2"));
    assert_eq!(orders.count(), 1, "its answer was kept");
    assert!(runtime.stop().await.success());
}
