use super::*;
use crate::engine::{Inbox, Seen};
use crate::store::{Accepted, AlertFilter, EventFilter, NewEvent, NewRun, Page, Reply, StoreError};
use crate::telemetry::Metrics;
use crate::triggers::listener::{BindError, Guard};
use crate::triggers::rate::Pace;
use crate::triggers::server::{Hooks, Limits, Routes, bind, serve};
use crate::triggers::tls::Tls;
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

/// Keeps, and says so.
struct Woken {
    store: Arc<dyn Store>,
    woken: Arc<Notify>,
}

impl Inbox for Woken {
    fn take_in(&self, event: NewEvent, runs: Vec<NewRun>, _: Seen) -> Reply<'_, Accepted> {
        Box::pin(async move {
            let accepted = self.store.accept(event, runs).await?;
            self.woken.notify_one();
            Ok(accepted)
        })
    }
}

impl Running {
    async fn start(store: Arc<dyn Store>, limits: Limits) -> Running {
        Running::start_with(store, limits, None).await
    }

    async fn start_with(store: Arc<dyn Store>, limits: Limits, tls: Option<Arc<Tls>>) -> Running {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bound = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let routes = Arc::new(ArcSwap::from_pointee(Routes {
            endpoints: [("/hooks/stripe".to_owned(), Arc::new(endpoint()))].into(),
            flows: vec![flow("orders", "stripe", "charge.succeeded")],
        }));
        let (metrics, woken, stop) = (Arc::new(Metrics::new()), Arc::new(Notify::new()), CancellationToken::new());
        let (wake, inbox) = (woken.clone(), store.clone());
        let hooks = Hooks {
            routes: routes.clone(),
            store,
            metrics: metrics.clone(),
            inbox: Arc::new(Woken { store: inbox, woken: wake }),
            limits,
            tls,
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

#[tokio::test]
async fn who_says_nothing_or_says_it_slowly_is_not_waited_for() {
    let (_folder, store) = store();
    let guard = Guard { headers_within: Duration::from_millis(200), connections: 3 };
    let running = Running::start(store, Limits { guard, ..Limits::default() }).await;
    let mut slow = vec![];
    for begun in ["", "POST /hooks/stripe HTTP/1.1\r\nHost: x\r\n", "POST /hooks/stripe HTTP/1.1\r\nHost: x\r\nX-A: "] {
        let mut stream = tokio::net::TcpStream::connect(running.address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    // All places are taken: whoever comes next waits, and has one when the slow ones are gone.
    let begun = std::time::Instant::now();
    assert_eq!(running.post("/hooks/stripe", CHARGE).await.status(), 200);
    assert!(begun.elapsed() < Duration::from_secs(5));
    for mut stream in slow {
        let mut answer = vec![];
        let end = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
        assert!(end.is_ok(), "it was closed");
    }
}

#[tokio::test]
async fn headers_have_their_limits() {
    let (_folder, store) = store();
    let running = Running::start(store.clone(), Limits::default()).await;
    let many = (0..100).map(|n| format!("X-{n}: 1\r\n")).collect::<String>();
    let long = format!("X-Long: {}\r\n", "x".repeat(64 << 10));
    for headers in [many, long] {
        let mut stream = tokio::net::TcpStream::connect(running.address).await.unwrap();
        let request = format!("POST /hooks/stripe HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 0\r\n\r\n");
        // It may be answered before all of it was sent.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 431");
    }
    assert_eq!(store.events(EventFilter::default(), Page::first(1)).await.unwrap().items, []);
}

#[tokio::test]
async fn more_than_a_webhook_takes_are_told_to_come_again() {
    let (_folder, store) = store();
    let running = Running::start(store, Limits::default()).await;
    let paced = Endpoint { pace: Some(Arc::new(Pace::new(2, Duration::from_secs(3600)))), ..endpoint() };
    let flows = vec![flow("orders", "stripe", "charge.succeeded")];
    running.routes.store(Arc::new(Routes { endpoints: [("/hooks/stripe".to_owned(), Arc::new(paced))].into(), flows }));
    let mut statuses = vec![];
    for n in 0..3 {
        let answer = running.post("/hooks/stripe", &CHARGE.replace("evt_1", &format!("evt_{n}"))).await;
        let wait = answer.headers().get("retry-after").map(|wait| wait.to_str().unwrap().parse::<u64>().unwrap());
        statuses.push((answer.status().as_u16(), wait.is_some_and(|seconds| seconds > 1000)));
    }
    assert_eq!(statuses, [(200, false), (200, false), (503, true)]);
    assert_eq!(running.get("/nowhere").await.0, 404);
    let metrics = running.metrics.encode();
    for line in [
        "flowctl_deliveries_total{connection=\"stripe\",answer=\"too_fast\"} 1",
        "flowctl_deliveries_total{connection=\"-\",answer=\"not_found\"} 1",
        "flowctl_delivery_duration_seconds_count{path=\"/hooks/stripe\"} 2",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} is not in:\n{metrics}");
    }
}

#[tokio::test]
async fn deliveries_come_encrypted_and_the_certificate_is_replaced_while_they_do() {
    let fixture = |name: &str| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name);
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let put = |pair: &str| {
        std::fs::copy(fixture(&format!("{pair}.crt")), &certificate).unwrap();
        std::fs::copy(fixture(&format!("{pair}.key")), &key).unwrap();
    };
    put("first");
    let tls = Arc::new(Tls::load(&certificate, &key).unwrap());
    let (_folder, store) = store();
    let running = Running::start_with(store, Limits::default(), Some(tls.clone())).await;
    let trusting = |pair: &str| {
        let pem = std::fs::read(fixture(&format!("{pair}.crt"))).unwrap();
        let trusted = reqwest::Certificate::from_pem(&pem).unwrap();
        reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap()
    };
    let deliver = async |client: &reqwest::Client, id: &str| {
        let body = CHARGE.replace("evt_1", id);
        let signature = signature(&body, jiff::Timestamp::now().as_second());
        let url = format!("https://{}/hooks/stripe", running.address);
        client
            .post(url)
            .header("Stripe-Signature", signature)
            .body(body)
            .send()
            .await
            .map(|answer| answer.status().as_u16())
    };
    let first = trusting("first");
    assert_eq!(deliver(&first, "evt_1").await.unwrap(), 200);
    assert!(deliver(&trusting("second"), "evt_2").await.is_err(), "another certificate is not trusted");
    let clear = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(clear.post(running.url("/hooks/stripe")).send().await.is_err(), "nothing is taken in clear");
    put("second");
    assert_eq!(tls.reload(), Ok(true));
    assert_eq!(deliver(&trusting("second"), "evt_3").await.unwrap(), 200);
    assert_eq!(deliver(&first, "evt_4").await.unwrap(), 200, "an open connection goes on");
}
