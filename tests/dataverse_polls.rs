//! Rows of Dataverse as a source, in the real process over real HTTP: by change tracking and by a column. What changes while
//! nobody is there is taken once, wherever the process dies; a link that Dataverse has forgotten doubles nothing.

mod support;

use flowctl::sandbox::Sandbox;
use flowctl::sandbox::dataverse::seed::SELLER;
use flowctl::store::{EventFilter, Page, RunFilter, RunState, SqliteStore, Store};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use support::process::{Runtime, Setup};
use support::project::Project;

const LIMIT: Duration = Duration::from_secs(60);
const CHANGES: &str = "operation: dataverse.changes, entity: contacts, every: 50ms";

async fn project(poll: &str) -> (Sandbox, Project, Setup) {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox);
    // Alone it starts sooner.
    for other in ["paypal-dynamics-crm", "paypal-dynamics-365", "stripe-dynamics-365"] {
        std::fs::remove_dir_all(project.path(other)).expect("removed");
    }
    project.write("extra/extra.flow.yaml", &flow(poll));
    let setup = Setup::of(&project);
    (sandbox, project, setup)
}

fn flow(poll: &str) -> String {
    format!("flow: extra\ntrigger:\n  poll: {{ {poll} }}\nsteps:\n  - {{ id: seen, transform: event }}\n")
}

/// A new contact; its id.
fn make(sandbox: &Sandbox, name: &str) -> String {
    let row = sandbox.dataverse.insert("contacts", &format!(r#"{{"lastname":"{name}"}}"#), SELLER).expect("made");
    text(&row, "contactid")
}

fn rename(sandbox: &Sandbox, id: &str, name: &str) {
    sandbox.dataverse.change("contacts", id, &format!(r#"{{"lastname":"{name}"}}"#), SELLER).expect("changed");
}

fn text(row: &flowctl::value::Record, column: &str) -> String {
    row.get(column).and_then(|value| value.as_text()).map(|text| text.to_string()).unwrap_or_default()
}

/// What a store that no process holds has of the flow: each event's body by its id. Each has started one run, which is done.
async fn taken(store: &Path) -> BTreeMap<String, serde_json::Value> {
    let store = SqliteStore::open(store).expect("the store opens");
    let mut runs: BTreeMap<String, usize> = BTreeMap::new();
    let mut bodies = BTreeMap::new();
    let mut page = Page::first(1000);
    loop {
        let filter = RunFilter { flow: Some("extra".into()), ..RunFilter::default() };
        let listed = store.runs(filter, page).await.expect("runs");
        for run in listed.items {
            let (event, body) = store.event(run.event).await.expect("an event").expect("there");
            assert_eq!(event.connection, "poll/extra");
            assert_eq!(run.state, RunState::Succeeded, "{}", event.provider_id);
            *runs.entry(event.provider_id.clone()).or_default() += 1;
            bodies.insert(event.provider_id, serde_json::from_slice(&body).expect("JSON"));
        }
        match listed.next {
            Some(next) => page = Page { limit: 1000, after: Some(next) },
            None => break,
        }
    }
    let filter = EventFilter { connection: Some("poll/extra".into()), ..EventFilter::default() };
    let events = store.events(filter, Page::first(1000)).await.expect("events").items;
    assert_eq!(events.len(), runs.len(), "an event without a run");
    assert!(runs.values().all(|count| *count == 1), "{runs:?}");
    bodies
}

async fn ended(runtime: &Runtime) -> usize {
    let runs = runtime.admin("/api/runs?flow=extra&state=succeeded&limit=200").await;
    runs["items"].as_array().map_or(0, Vec::len)
}

async fn has_ended(runtime: &Runtime, count: usize) {
    support::until_async(&format!("{count} runs are done"), LIMIT, async || ended(runtime).await >= count).await;
}

/// Requests for changes that were answered, and how.
fn asked(sandbox: &Sandbox, part: &str) -> usize {
    let seen = sandbox.dataverse_server.seen();
    seen.iter()
        .filter(|seen| seen.path.contains("/contacts") && seen.path.contains(part) && seen.status == Some(200))
        .count()
}

async fn asked_again(sandbox: &Sandbox) {
    let before = asked(sandbox, "deltatoken");
    support::until("it is asked", LIMIT, || asked(sandbox, "deltatoken") >= before + 2).await;
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
async fn changes_are_taken_once_wherever_the_process_dies_and_whatever_dataverse_forgets() {
    let (sandbox, project, setup) = project(CHANGES).await;
    sandbox.dataverse.pages_of(7);
    let old: Vec<String> = (0..10).map(|n| make(&sandbox, &format!("Old {n}"))).collect();
    let runtime = setup.start().await;
    asked_again(&sandbox).await;
    assert_eq!(ended(&runtime).await, 0, "it begins with now");

    // Made, changed, deleted while it runs.
    let anna = make(&sandbox, "Anna");
    rename(&sandbox, &old[0], "Changed");
    sandbox.dataverse.remove("contacts", &old[1], SELLER).expect("deleted");
    has_ended(&runtime, 3).await;
    assert!(runtime.stop().await.success());
    let first = taken(&project.store()).await;
    let of = |id: &str| first.values().find(|event| event["id"] == id).unwrap_or_else(|| panic!("{id} in {first:?}"));
    assert_eq!((&of(&anna)["message"], &of(&anna)["target"]["lastname"]), (&"Update".into(), &"Anna".into()));
    assert_eq!(of(&old[0])["target"]["lastname"], "Changed");
    let deleted = serde_json::json!({ "message": "Delete", "entity": "contacts", "id": old[1] });
    assert_eq!(*of(&old[1]), deleted);

    // While nobody is there, and while it is killed again and again: several pages each time.
    let mut made = vec![];
    let runtime = killed(&setup, 17, 6, |n| {
        made.extend((0..16).map(|m| make(&sandbox, &format!("New {n}-{m}"))));
        rename(&sandbox, &old[2], &format!("Renamed {n}"));
        if n < 2 {
            sandbox.dataverse.remove("contacts", &old[3 + n], SELLER).expect("deleted");
        }
    })
    .await;
    let all_told = async || {
        let runs = runtime.admin("/api/runs?flow=extra&limit=200").await.to_string();
        runs.matches("\"state\":\"succeeded\"").count() >= 3 + 96 + 1 + 2
    };
    support::until_async("all are done", LIMIT, all_told).await;
    asked_again(&sandbox).await;
    assert!(runtime.stop().await.success());
    let second = taken(&project.store()).await;
    for id in made.iter().chain([&old[2]]) {
        let row =
            sandbox.dataverse.rows("contacts").into_iter().find(|row| text(row, "contactid") == *id).expect("a row");
        let last = second.values().filter(|event| event["id"] == *id);
        assert!(last.clone().any(|event| event["target"]["lastname"] == text(&row, "lastname").as_str()), "{id}");
    }
    let gone = |events: &BTreeMap<String, serde_json::Value>| {
        let mut gone: Vec<String> =
            events.values().filter(|event| event["message"] == "Delete").map(|event| event["id"].to_string()).collect();
        gone.sort();
        gone
    };
    let mut expected: Vec<String> = old[1..=1].iter().chain(&old[3..=4]).map(|id| format!("\"{id}\"")).collect();
    expected.sort();
    assert_eq!(gone(&second), expected, "each once");
    assert!(asked(&sandbox, "skiptoken") > 6, "there were several pages");

    // Away for too long: all is read anew, what was changed meanwhile comes once, what was there before stays away.
    rename(&sandbox, &old[5], "While it was away");
    sandbox.dataverse.remove("contacts", &old[6], SELLER).expect("deleted");
    sandbox.dataverse.forget_changes();
    let runtime = setup.start().await;
    let alerts = async || !runtime.admin("/api/alerts?open=true&code=changes_forgotten").await["items"][0].is_null();
    support::until_async("somebody is told", LIMIT, alerts).await;
    let alerts = runtime.admin("/api/alerts?open=true&code=changes_forgotten").await;
    assert!(alerts["items"][0]["detail"].as_str().is_some_and(|detail| detail.contains("F0681")), "{alerts}");
    rename(&sandbox, &old[7], "And it goes on");
    let goes_on = async || {
        let runs = runtime.admin("/api/runs?flow=extra&limit=200").await.to_string();
        runs.matches("\"state\":\"succeeded\"").count() >= second.len() + 2
    };
    support::until_async("it goes on", LIMIT, goes_on).await;
    asked_again(&sandbox).await;
    assert!(runtime.stop().await.success());
    let third = taken(&project.store()).await;
    let new: Vec<&serde_json::Value> =
        third.iter().filter(|(id, _)| !second.contains_key(*id)).map(|(_, e)| e).collect();
    let mut names: Vec<&str> = new.iter().filter_map(|event| event["target"]["lastname"].as_str()).collect();
    names.sort();
    assert_eq!(names, ["And it goes on", "While it was away"], "nothing twice, nothing from before: {new:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_rows_first_where_they_are_wanted_and_other_columns_later() {
    let (sandbox, project, setup) = project(&format!("{CHANGES}, all: true, select: [lastname]")).await;
    sandbox.dataverse.pages_of(7);
    let there = sandbox.dataverse.rows("contacts").len();
    (0..30).for_each(|n| drop(make(&sandbox, &format!("Old {n}"))));
    let runtime = killed(&setup, 5, 4, |n| drop(make(&sandbox, &format!("Later {n}")))).await;
    has_ended(&runtime, there + 34).await;
    asked_again(&sandbox).await;
    assert!(runtime.stop().await.success());
    let first = taken(&project.store()).await;
    assert_eq!(first.len(), there + 34);
    assert!(first.values().all(|event| event["target"]["emailaddress1"].is_null()));

    // The old link gives the old columns.
    project.save("extra/extra.flow.yaml", &flow(&format!("{CHANGES}, all: true, select: [lastname, emailaddress1]")));
    let ida = make(&sandbox, "Ida");
    let runtime = setup.start().await;
    has_ended(&runtime, there + 35).await;
    asked_again(&sandbox).await;
    let alerts = runtime.admin("/api/alerts?open=true&code=changes_forgotten").await;
    assert!(alerts["items"][0]["detail"].as_str().is_some_and(|why| why.starts_with("the flow reads other columns")));
    assert!(runtime.stop().await.success());
    let second = taken(&project.store()).await;
    assert_eq!(second.len(), there + 35, "nothing twice");
    let ida = second.values().find(|event| event["id"] == ida.as_str()).expect("there");
    assert!(ida["target"].as_object().is_some_and(|row| row.contains_key("emailaddress1")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_by_the_time_of_their_last_change() {
    let poll = "operation: dataverse.list, entity: contacts, every: 50ms, cursor: modifiedon, select: [lastname]";
    let (sandbox, project, setup) = project(poll).await;
    make(&sandbox, "Old");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let runtime = setup.start().await;
    support::until("it is asked", LIMIT, || asked(&sandbox, "modifiedon") > 1).await;
    assert!(runtime.stop().await.success());
    let mut ids = vec![];
    let runtime = killed(&setup, 3, 4, |n| ids.extend((0..10).map(|m| make(&sandbox, &format!("New {n}-{m}"))))).await;
    let done = async || {
        let runs = runtime.admin("/api/runs?flow=extra&state=succeeded&limit=200").await;
        runs["items"].as_array().map_or(0, Vec::len)
    };
    support::until_async("each is taken as it was made", LIMIT, async || done().await >= ids.len()).await;
    // Changed many times within a second: the last of them has to come.
    let begun = Instant::now();
    for n in 0..20 {
        rename(&sandbox, &ids[0], &format!("Renamed {n}"));
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert!(begun.elapsed() > Duration::from_secs(1));
    support::until_async("all are done", LIMIT, async || done().await > ids.len()).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(runtime.stop().await.success());
    let events = taken(&project.store()).await;
    assert!(!events.values().any(|event| event["lastname"] == "Old"), "it begins with now");
    let of_first: Vec<&str> = events
        .values()
        .filter(|event| event["contactid"] == ids[0].as_str())
        .filter_map(|e| e["lastname"].as_str())
        .collect();
    assert!(of_first.contains(&"Renamed 19"), "{of_first:?}");
    for id in &ids {
        assert!(events.values().any(|event| event["contactid"] == id.as_str()), "{id}");
    }
}
