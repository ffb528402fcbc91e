//! What may have arrived, what certainly did not, and when nothing is sent.

use super::server::{Say, Server, json};
use super::*;
use crate::connectors::live;
use crate::engine::connector::Sent;
use crate::graph::ErrorClass;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Semaphore;

fn update() -> Request {
    request("stripe.charges.update", None).param("id", "ch_1").body(r#"{"description":"x"}"#).key("k")
}

#[tokio::test]
async fn a_connection_lost_after_the_request_is_open() {
    let server = Server::start(|_| Say::Close).await;
    let error = failed(send(&connectors(&server.url()), &update()).await);
    assert_eq!((error.class, error.sent), (ErrorClass::Unavailable, Sent::Perhaps));
    assert!(error.leaves_open());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_connection_refused_is_certainly_not_sent() {
    let server = Server::start(|_| Say::Close).await;
    let url = server.url();
    drop(server);
    // The listener is closed when its task has ended.
    while tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let error = failed(send(&connectors(&url), &update()).await);
    assert_eq!((error.class, error.sent), (ErrorClass::Unavailable, Sent::Undone));
    assert!(!error.leaves_open());
}

#[tokio::test]
async fn no_answer_in_time_is_open() {
    let released = Arc::new(Semaphore::new(0));
    let server = Server::start(move |_| Say::Silence(released.clone())).await;
    let connectors = connectors(&server.url());
    let (request, timeout) = (update(), Some(Duration::from_millis(50)));
    let operation = graph(&request);
    let error = failed(connectors.send(&request, &Attempt { operation: &operation, number: 1, timeout }).await);
    assert_eq!(error.class, ErrorClass::Timeout);
    assert!(error.leaves_open());
}

#[tokio::test]
async fn an_open_circuit_sends_nothing_and_one_probe_closes_it() {
    let works = Arc::new(AtomicBool::new(false));
    let server = {
        let works = works.clone();
        Server::start(move |_| json(if works.load(Ordering::SeqCst) { 200 } else { 503 }, "{}")).await
    };
    let connectors = with(&server.url(), "    circuit: { open_after: 3, within: 1m, probe_every: 100ms }");
    for n in 0..3 {
        let error = failed(send(&connectors, &update()).await);
        assert_eq!((error.class, error.not_before.is_some()), (ErrorClass::Unavailable, n == 2));
    }
    let until = match send(&connectors, &update()).await {
        Outcome::Held { until, error } => {
            assert_eq!(error.sent, Sent::Undone);
            until
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(server.seen().len(), 3);
    works.store(true, Ordering::SeqCst);
    tokio::time::sleep(until.duration_since(Timestamp::now()).try_into().unwrap_or(Duration::ZERO)).await;
    done(send(&connectors, &update()).await);
    done(send(&connectors, &update()).await);
}

#[tokio::test]
async fn refusals_open_no_circuit() {
    let server = Server::start(|_| json(400, "{}")).await;
    let connectors = with(&server.url(), "    circuit: { open_after: 2, within: 1m, probe_every: 1h }");
    for _ in 0..5 {
        assert_eq!(failed(send(&connectors, &update()).await).class, ErrorClass::Data);
    }
    assert_eq!(server.seen().len(), 5);
}

#[tokio::test]
async fn no_more_than_the_limit_are_under_way() {
    let (arrived, release) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let server = {
        let (arrived, release) = (arrived.clone(), release.clone());
        Server::start(move |_| {
            arrived.add_permits(1);
            Say::Silence(release.clone())
        })
        .await
    };
    let yaml = yaml(&server.url(), "").replace("rate: 1000/s", "rate: 1000/s, concurrency: 2");
    let connectors = Arc::new(Connectors::new(Catalog::bundled(), configs(&yaml, ENV).unwrap()).unwrap());
    let all: Vec<_> = (0..3)
        .map(|_| {
            let connectors = connectors.clone();
            tokio::spawn(async move { failed(send(&connectors, &update()).await) })
        })
        .collect();
    // Two are there, and the third waits for one of them to end.
    arrived.acquire_many(2).await.unwrap().forget();
    tokio::task::yield_now().await;
    assert_eq!(server.seen().len(), 2);
    release.add_permits(1);
    arrived.acquire().await.unwrap().forget();
    assert_eq!(server.seen().len(), 3);
    release.add_permits(2);
    for one in all {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn a_reload_keeps_what_has_not_changed() {
    let server = Server::start(|asked| match asked.target.ends_with("/token") {
        true => json(200, r#"{"access_token":"t1","expires_in":3599}"#),
        false => json(200, r#"{"value":[]}"#),
    })
    .await;
    let connectors = connectors(&server.url());
    let list = request("finops.list", Some("ReleasedProductsV2")).param("all", true);
    done(send(&connectors, &list).await);
    connectors.replace(Catalog::bundled(), configs(&yaml(&server.url(), ""), ENV).unwrap());
    done(send(&connectors, &list).await);
    assert_eq!(server.all().len() - server.seen().len(), 1, "the token was kept");
    let rotated = [("KEY", "rk_test_other"), ("ID", "app"), ("SECRET", "new")];
    connectors.replace(Catalog::bundled(), configs(&yaml(&server.url(), ""), &rotated).unwrap());
    done(send(&connectors, &list).await);
    assert_eq!(server.all().len() - server.seen().len(), 2);
    connectors.replace(Catalog::bundled(), BTreeMap::new());
    assert_eq!(failed(send(&connectors, &list).await).class, ErrorClass::Config);
}

/// A server whose token endpoint gives `t1`, `t2`, …, and which takes the tokens that `takes` says.
async fn guarded(takes: impl Fn(&str) -> bool + Send + Sync + 'static) -> Server {
    let given = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |asked| match asked.target.ends_with("/token") {
        true => {
            let n = given.fetch_add(1, Ordering::SeqCst) + 1;
            json(200, format!(r#"{{"access_token":"t{n}","expires_in":3599}}"#))
        }
        false if takes(asked.header("authorization").unwrap_or_default()) => json(200, r#"{"value":[]}"#),
        false => json(401, "{}"),
    })
    .await
}

fn list() -> Request {
    request("finops.list", Some("ReleasedProductsV2")).param("all", true)
}

#[tokio::test]
async fn a_token_that_is_refused_is_fetched_once_more_and_then_the_connection_waits() {
    let takes = Arc::new(AtomicBool::new(false));
    let server = {
        let takes = takes.clone();
        guarded(move |_| takes.load(Ordering::SeqCst)).await
    };
    let connectors = with(&server.url(), "    circuit: { open_after: 10, within: 1m, probe_every: 150ms }");
    let error = failed(send(&connectors, &list()).await);
    assert_eq!((error.class, error.status, error.not_before.is_some()), (ErrorClass::Auth, Some(401), true));
    assert_eq!((server.seen().len(), server.all().len()), (2, 4), "two tokens, each sent once");
    assert!(matches!(&connectors.standings()[0], (name, live::Standing::Refused(_)) if name == "d365"));
    // Another run sends nothing and has no attempt less; another connection goes on.
    let until = match send(&connectors, &list()).await {
        Outcome::Held { until, error } => {
            assert_eq!((error.class, error.code.as_str()), (ErrorClass::Auth, "credentials_refused"));
            until
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(server.seen().len(), 2);
    assert_eq!(failed(send(&connectors, &update()).await).class, ErrorClass::Auth, "stripe is asked for itself");
    takes.store(true, Ordering::SeqCst);
    tokio::time::sleep(until.duration_since(Timestamp::now()).try_into().unwrap_or(Duration::ZERO)).await;
    done(send(&connectors, &list()).await);
    let probe = server.seen().pop().unwrap();
    assert_eq!(probe.header("authorization"), Some("Bearer t3"), "the probe asks with a new token");
    assert_eq!(connectors.standings()[0].1, live::Standing::Taken);
}

#[tokio::test]
async fn one_old_token_opens_nothing() {
    let server = guarded(|token| token != "Bearer t1").await;
    let connectors = with(&server.url(), "    circuit: { open_after: 1, within: 1m, probe_every: 1h }");
    done(send(&connectors, &list()).await);
    done(send(&connectors, &list()).await);
    assert_eq!(connectors.standings()[0].1, live::Standing::Taken);
}

#[tokio::test]
async fn an_authority_that_refuses_the_secret_is_not_asked_by_every_run() {
    let server = Server::start(|_| json(401, r#"{"error":"invalid_client"}"#)).await;
    let connectors = with(&server.url(), "    circuit: { open_after: 10, within: 1m, probe_every: 1h }");
    assert_eq!(failed(send(&connectors, &list()).await).code.as_str(), "token_refused");
    for _ in 0..5 {
        assert!(matches!(send(&connectors, &list()).await, Outcome::Held { .. }));
    }
    assert_eq!(server.all().len(), 1);
}

#[tokio::test]
async fn too_many_is_heeded_by_the_whole_connection() {
    let busy = Arc::new(AtomicBool::new(true));
    let server = {
        let busy = busy.clone();
        Server::start(move |_| match busy.swap(false, Ordering::SeqCst) {
            true => Say::Answer(429, vec![("Retry-After", "1".into())], "{}".into()),
            false => json(200, "{}"),
        })
        .await
    };
    let connectors = connectors(&server.url());
    let begun = std::time::Instant::now();
    let error = failed(send(&connectors, &update()).await);
    assert_eq!((error.class, error.retry_after), (ErrorClass::Throttled, Some(Duration::from_secs(1))));
    let until = match send(&connectors, &update()).await {
        Outcome::Held { until, error } => {
            assert_eq!((error.class, error.sent), (ErrorClass::Throttled, Sent::Undone));
            until
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(server.seen().len(), 1, "another run waits, too");
    tokio::time::sleep(until.duration_since(Timestamp::now()).try_into().unwrap_or(Duration::ZERO)).await;
    done(send(&connectors, &update()).await);
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

/// A provider that allows fewer than we were told: we come down to what it takes.
#[tokio::test]
async fn the_rate_comes_down_to_what_is_taken() {
    let server = {
        let last = std::sync::Mutex::new(std::time::Instant::now());
        Server::start(move |_| {
            let mut last = last.lock().unwrap();
            let since = last.elapsed();
            *last = std::time::Instant::now();
            json(if since < Duration::from_millis(15) { 429 } else { 200 }, "{}")
        })
        .await
    };
    let yaml = yaml(&server.url(), "").replace("rate: 1000/s", "rate: 1000/s, concurrency: 4");
    let connectors = Arc::new(Connectors::new(Catalog::bundled(), configs(&yaml, ENV).unwrap()).unwrap());
    let run = || {
        let connectors = connectors.clone();
        tokio::spawn(async move {
            let mut refused = 0;
            for _ in 0..30 {
                refused += usize::from(matches!(send(&connectors, &update()).await, Outcome::Failed(_)));
            }
            refused
        })
    };
    let all = [run(), run(), run(), run()];
    let mut refused = 0;
    for one in all {
        refused += one.await.unwrap();
    }
    assert!(refused > 0 && refused < 60, "{refused} of 120 were refused");
}
