//! Rates that a feed gives: a run waits for the first answer, a missing rate flags it and raises an alert, and mending the
//! table and replaying what failed is the cure. What a feed gave last is used until it gives something else, also by the
//! next process.

mod support;

use jiff::tz::TimeZone;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::process::{Runtime, Setup, finish, flowctl};
use support::project::Project;

const FLOW: &str = "flow: convert
trigger: { schedule: { cron: '* * * * *', zone: UTC } }
steps:
  - id: rate
    lookup: { operation: rates.get, rate: daily, from: '\"EUR\"', to: '\"NOK\"' }
    retry: { for: 1h, initial: 50ms, factor: 1, max: 50ms, jitter: 0 }
  - { id: amount, transform: '10.00 * steps.rate.rate' }
";

fn today() -> String {
    jiff::Timestamp::now().to_zoned(TimeZone::UTC).date().to_string()
}

fn xml(rates: &str) -> String {
    format!("<Envelope><Cube><Cube time=\"{}\">{rates}</Cube></Cube></Envelope>", today())
}

/// What the feed answers, to be changed at will.
async fn feed(says: Arc<Mutex<(u16, String)>>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = move || {
        let (status, text) = says.lock().expect("whole").clone();
        async move { axum::response::Response::builder().status(status).body(axum::body::Body::from(text)).expect("one") }
    };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    format!("http://{address}/eurofxref.xml")
}

async fn until(
    runtime: &Runtime,
    what: &str,
    path: &str,
    holds: impl Fn(&serde_json::Value) -> bool,
) -> serde_json::Value {
    let begun = Instant::now();
    loop {
        let told = runtime.admin(path).await;
        if holds(&told) {
            return told;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "{what}: {told}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_is_waited_for_and_its_gaps_are_mended() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let says = Arc::new(Mutex::new((503, "later".to_owned())));
    let url = feed(says.clone()).await;
    let project = Project::bare();
    project.write("connections.yaml", "connections: {}\n");
    project.write("environments/test.yaml", "settings: {}\n");
    let declared =
        "project: feeds\nversion: 1\nrates: { daily: { source: ecb, url: env://FEED, every: 1s, max_age: 3d } }\n";
    project.write("flowctl.yaml", declared);
    project.write("convert.flow.yaml", FLOW);
    let setup = Setup { env: vec![("FEED", Box::leak(url.into_boxed_str()))], ..Setup::of(&project) };
    let runtime = setup.start().await;
    let has = |code: &'static str| {
        move |alerts: &serde_json::Value| {
            alerts["items"].as_array().is_some_and(|all| all.iter().any(|one| one["code"] == code))
        }
    };
    until(&runtime, "the feed is out of reach", "/api/alerts?open=true", has("rates_unreachable")).await;
    // Readable again, and without the currency that is asked for.
    *says.lock().expect("whole") = (200, xml("<Cube currency=\"USD\" rate=\"1.1172\"/>"));
    until(&runtime, "the alert ends", "/api/alerts?open=true", |alerts| !has("rates_unreachable")(alerts)).await;
    let dead = until(&runtime, "a run is flagged", "/api/runs?state=dead_letter", |runs| {
        runs["items"].as_array().is_some_and(|all| !all.is_empty())
    })
    .await;
    assert_eq!(dead["items"][0]["error"]["code"], "rate_missing", "{dead}");
    until(&runtime, "an alert", "/api/alerts?open=true", has("no_rate")).await;
    // The table is mended by a file beside the feed, and what failed replayed.
    project.write("tables/mended.csv", &format!("Date,NOK\n{},11.50\n", today()));
    project.save("flowctl.yaml", &declared.replace("source: ecb,", "source: ecb, file: tables/mended.csv,"));
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let id = dead["items"][0]["id"].as_str().expect("an id");
    let replay = async || {
        let body = json!({ "actor": "anna", "reason": "the rate is there now" }).to_string();
        client.post(format!("{}/api/runs/{id}/replay", runtime.admin_url())).body(body).send().await.expect("an answer")
    };
    let begun = Instant::now();
    loop {
        let run = runtime.admin(&format!("/api/runs/{id}")).await;
        if run["run"]["state"] == "succeeded" || run["state"] == "succeeded" {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{run}");
        replay().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(runtime.stop().await.success());
}

/// The feed's last good answer outlives the process: a restart while it is out of reach stops nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_feed_gave_last_outlives_the_process() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let says = Arc::new(Mutex::new((200, xml("<Cube currency=\"NOK\" rate=\"11.50\"/>"))));
    let url = feed(says.clone()).await;
    let project = Project::bare();
    project.write(
        "connections.yaml",
        "connections:
  shop:
    system: http
    base_url: https://shop.example
    webhook: { path: /hooks/stripe, hmac: { header: X-Sig, algorithm: sha256, encoding: hex, secret: env://SIG }, event_id: $.id }
",
    );
    project.write("environments/test.yaml", "settings: {}\n");
    let declared = "project: feeds\nversion: 1\nrates: { daily: { source: ecb, url: env://FEED, max_age: 3d } }\n";
    project.write("flowctl.yaml", declared);
    let flow =
        FLOW.replace("schedule: { cron: '* * * * *', zone: UTC }", "webhook: { connection: shop, events: [message] }");
    project.write("convert.flow.yaml", &flow);
    let env = vec![("FEED", &*Box::leak(url.into_boxed_str())), ("SIG", "s1g")];

    // `flowctl check` asks the feed, too.
    let checked = async |code: i32| {
        let mut command = flowctl(&["check", "--format", "json", &project.root().to_string_lossy()]);
        env.iter().for_each(|(name, value)| drop(command.env(name, value)));
        let ended = tokio::task::spawn_blocking(move || finish(command)).await.expect("it ended");
        assert_eq!(ended.code, Some(code), "{ended:?}");
        let entries: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let of_rates = |one: &&serde_json::Value| one["says"].as_str().is_some_and(|says| says.contains("`daily`"));
        let entries: Vec<_> = entries.as_array().expect("a list").iter().filter(of_rates).cloned().collect();
        entries.iter().map(|one| format!("{} {}: {}", one["what"], one["state"], one["says"])).collect::<Vec<_>>()
    };
    // The shop is nowhere: that is what stays to be mended.
    let fine = checked(1).await;
    assert_eq!(fine.len(), 2, "{fine:?}");
    assert!(fine[0].starts_with("\"reachable\" \"fine\""), "{fine:?}");
    assert_eq!(fine[1], format!("\"current\" \"fine\": \"the newest rates of `daily` are of {}, of today\"", today()));
    *says.lock().expect("whole") = (
        200,
        "<Envelope><Cube><Cube time=\"2026-01-02\"><Cube currency=\"NOK\" rate=\"11.40\"/></Cube></Cube></Envelope>"
            .into(),
    );
    let old = checked(1).await;
    assert!(old[1].starts_with("\"current\" \"wrong\": \"the newest rates of `daily` are of 2026-01-02"), "{old:?}");
    *says.lock().expect("whole") = (200, "<html>sorry</html>".into());
    let unread = checked(1).await;
    assert!(
        unread[0].starts_with("\"reachable\" \"wrong\": \"the feed of the rates `daily` cannot be read"),
        "{unread:?}"
    );

    *says.lock().expect("whole") = (200, xml("<Cube currency=\"NOK\" rate=\"11.50\"/>"));
    let setup = Setup { env: env.clone(), ..Setup::of(&project) };
    let runtime = setup.start().await;
    runtime.says("The feed was read.").await;
    assert!(!runtime.stderr().contains("What the feed gave last is in use"));
    assert!(runtime.stop().await.success());
    *says.lock().expect("whole") = (503, "later".into());
    let runtime = setup.start().await;
    runtime.says("What the feed gave last is in use").await;
    let body = "{\"id\": 1}";
    let tag = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"s1g"), body.as_bytes());
    let signature: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let sent = client.post(runtime.hook()).header("X-Sig", signature).body(body).send().await.expect("an answer");
    assert_eq!(sent.status().as_u16(), 200);
    let runs = until(&runtime, "a run with the rate of before", "/api/runs?state=succeeded", |runs| {
        runs["items"].as_array().is_some_and(|all| !all.is_empty())
    })
    .await;
    assert_eq!(runs["items"].as_array().expect("a list").len(), 1);
    assert!(runtime.stop().await.success());
}
