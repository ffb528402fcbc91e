//! What may have arrived, what certainly did not, and when nothing is sent.

use super::server::{Say, Server, json};
use super::*;
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
