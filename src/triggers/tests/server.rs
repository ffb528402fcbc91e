use super::*;
use crate::store::{AlertFilter, EventFilter, Page, StoreError};
use crate::telemetry::Metrics;
use crate::triggers::listener::BindError;
use crate::triggers::server::{Hooks, Limits, Routes, bind, serve};
use arc_swap::ArcSwap;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

struct Running {
    address: SocketAddr,
    routes: Arc<ArcSwap<Routes>>,
    metrics: Arc<Metrics>,
    woken: Arc<Notify>,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
    client: reqwest::Client,
}

impl Running {
    async fn start(store: Arc<dyn Store>, limits: Limits) -> Running {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bound = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let routes = Arc::new(ArcSwap::from_pointee(Routes {
            endpoints: [("/hooks/stripe".to_owned(), Arc::new(endpoint()))].into(),
            flows: vec![flow("orders", "stripe", "charge.succeeded")],
        }));
        let (metrics, woken, stop) = (Arc::new(Metrics::new()), Arc::new(Notify::new()), CancellationToken::new());
        let wake = woken.clone();
        let hooks = Hooks {
            routes: routes.clone(),
            store,
            metrics: metrics.clone(),
            wake: Arc::new(move || wake.notify_one()),
            limits,
        };
        let address = bound.address();
        let task = tokio::spawn(serve(bound, hooks, stop.clone()));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Running { address, routes, metrics, woken, stop, task, client }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn post(&self, path: &str, body: &str) -> reqwest::Response {
        let signature = signature(body, jiff::Timestamp::now().as_second());
        let request = self.client.post(self.url(path)).header("Stripe-Signature", signature);
        request.body(body.to_owned()).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.client.get(self.url(path)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn a_delivery_is_kept_answered_counted_and_wakes_the_workers() {
    let (_folder, store) = store();
    let running = Running::start(store.clone(), Limits::default()).await;
    let answer = running.post("/hooks/stripe", CHARGE).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), r#"{"answer":"kept"}"#);
    running.woken.notified().await;
    assert_eq!(store.events(EventFilter::default(), Page::first(5)).await.unwrap().items.len(), 1);
    let line = "flowctl_deliveries_total{connection=\"stripe\",answer=\"kept\"} 1";
    assert!(running.metrics.encode().contains(line));
}

#[tokio::test]
async fn a_reload_changes_paths_under_the_same_listener() {
    let (_folder, store) = store();
    let running = Running::start(store, Limits::default()).await;
    assert_eq!(running.post("/hooks/new", CHARGE).await.status(), 404);
    let get = running.client.get(running.url("/hooks/stripe")).send().await.unwrap();
    assert_eq!((get.status().as_u16(), get.headers()["allow"].to_str().unwrap()), (405, "POST"));
    assert_eq!(running.get("/readyz").await, (200, "ready\n".to_owned()));
    let endpoints = [("/hooks/new".to_owned(), Arc::new(endpoint()))].into();
    running.routes.store(Arc::new(Routes { endpoints, flows: vec![] }));
    assert_eq!(running.post("/hooks/new", CHARGE).await.status(), 200);
    assert_eq!(running.post("/hooks/stripe", CHARGE).await.status(), 404);
    assert_eq!(running.get("/readyz").await, (503, "not ready: no flow is loaded\n".to_owned()));
    assert_eq!(running.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let (_folder, store) = store();
    let running = Running::start(store, Limits { body: 200, ..Limits::default() }).await;
    assert!(CHARGE.len() <= 200);
    assert_eq!(running.post("/hooks/stripe", CHARGE).await.status(), 200);
    assert_eq!(running.post("/hooks/stripe", &format!("{CHARGE:201}")).await.status(), 413);
}

#[tokio::test]
async fn a_forged_delivery_raises_one_alert() {
    let (_folder, store) = store();
    let running = Running::start(store.clone(), Limits::default()).await;
    for _ in 0..3 {
        let request = running.client.post(running.url("/hooks/stripe")).header("Stripe-Signature", "t=1,v1=00");
        assert_eq!(request.body(CHARGE).send().await.unwrap().status(), 401);
    }
    running.stop.cancel();
    running.task.await.unwrap().unwrap();
    let alerts = store.alerts(AlertFilter::default(), Page::first(5)).await.unwrap().items;
    assert_eq!(
        alerts.iter().map(|alert| (alert.code.as_str(), alert.count)).collect::<Vec<_>>(),
        [("delivery_refused", 1)]
    );
}

#[tokio::test]
async fn a_failing_store_is_503_with_retry_after_and_says_nothing_of_disks() {
    let store = Arc::new(Broken(StoreError::Full("/var/lib/flowctl".to_owned())));
    let running = Running::start(store, Limits::default()).await;
    let answer = running.post("/hooks/stripe", CHARGE).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "30"));
    assert!(!answer.text().await.unwrap().contains("/var"));
    let (status, why) = running.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(why.contains("full"), "{why}");
    assert_eq!(running.get("/healthz").await.0, 200);
}

/// Sends a part of a delivery and keeps the connection open.
async fn half(running: &Running) -> tokio::net::TcpStream {
    let mut stream = tokio::net::TcpStream::connect(running.address).await.unwrap();
    let head = "POST /hooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body only when somebody reads it: now the delivery holds its place.
    let mut told = [0; 25];
    stream.read_exact(&mut told).await.unwrap();
    assert!(told.starts_with(b"HTTP/1.1 100"));
    stream
}

#[tokio::test]
async fn one_delivery_too_many_is_503() {
    let (_folder, store) = store();
    let running = Running::start(store, Limits { in_flight: 1, ..Limits::default() }).await;
    let held = half(&running).await;
    let answer = running.post("/hooks/stripe", CHARGE).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    drop(held);
}

#[tokio::test]
async fn a_delivery_that_takes_too_long_is_503() {
    let (_folder, store) = store();
    let running = Running::start(store, Limits { timeout: Duration::from_millis(50), ..Limits::default() }).await;
    let mut held = half(&running).await;
    let mut answer = vec![0; 12];
    held.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 503");
}

#[tokio::test]
async fn stopping_lets_a_delivery_that_was_begun_end() {
    let (_folder, store) = store();
    let running = Running::start(store.clone(), Limits::default()).await;
    let mut held = half(&running).await;
    running.stop.cancel();
    held.write_all(&[b' '; 100]).await.unwrap();
    let mut answer = vec![0; 12];
    held.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 400", "no signature: but answered");
    running.task.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(running.address).await.is_err(), "the port is free again");
}

#[tokio::test]
async fn a_port_in_use_is_told_with_what_to_do() {
    let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let error = bind(first.address()).await.unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }));
    let text = error.to_string();
    assert!(text.contains(&first.address().to_string()) && text.contains("--listen"), "{text}");
}
