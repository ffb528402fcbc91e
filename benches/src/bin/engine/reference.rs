//! The same work by hand: `reference LISTEN SINK` is the bare proxy, `reference LISTEN SINK FILE` the durable one.
//!
//! Verify → typed transform → POST. The bare proxy acknowledges then; the durable one hands the raw event to a thread that
//! writes all that wait with one `fdatasync`, acknowledges, and does the POST behind that, so many at a time.

use crate::{Result, event};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::{get, post};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use ring::hmac;
use serde::Deserialize;
use std::io::Write;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// As many POSTs at a time as flowctl's connection allows.
const CONCURRENCY: usize = 64;
/// So many events are one write at most.
const BATCH: usize = 512;

struct Proxy {
    sink: String,
    client: Client<HttpConnector, Full<Bytes>>,
    key: hmac::Key,
    file: Option<mpsc::Sender<(Bytes, oneshot::Sender<()>)>>,
    places: Arc<Semaphore>,
}

#[derive(Deserialize)]
struct Event {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Charge,
}

#[derive(Deserialize)]
struct Charge {
    id: String,
    amount: i64,
    currency: String,
    billing_details: Billing,
    metadata: std::collections::HashMap<String, String>,
}

#[derive(Deserialize)]
struct Billing {
    name: Option<String>,
    address: Option<Address>,
}

#[derive(Deserialize)]
struct Address {
    city: Option<String>,
}

pub fn main(arguments: &[String]) -> Result<()> {
    let [listen, sink, rest @ ..] = arguments else { return Err("reference LISTEN SINK [FILE]".into()) };
    let file = match rest {
        [path, ..] => Some(durable(path)?),
        [] => None,
    };
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let proxy = Arc::new(Proxy {
        sink: sink.clone(),
        client: Client::builder(TokioExecutor::new()).build(connector),
        key: hmac::Key::new(hmac::HMAC_SHA256, event::SECRET.as_bytes()),
        file,
        places: Arc::new(Semaphore::new(CONCURRENCY)),
    });
    tokio::runtime::Runtime::new()?.block_on(async {
        let router = Router::new()
            .route("/hooks/stripe", post(take))
            .route("/readyz", get(|| async { "ready" }))
            .with_state(proxy);
        let listener = tokio::net::TcpListener::bind(listen).await?;
        Ok(axum::serve(axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true))), router).await?)
    })
}

/// The thread that owns the file: what waits is one write and one `fdatasync`.
fn durable(path: &str) -> Result<mpsc::Sender<(Bytes, oneshot::Sender<()>)>> {
    let mut file = std::fs::File::create(path)?;
    let (sender, mut receiver) = mpsc::channel::<(Bytes, oneshot::Sender<()>)>(4096);
    std::thread::spawn(move || {
        while let Some(first) = receiver.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH {
                match receiver.try_recv() {
                    Ok(more) => batch.push(more),
                    Err(_) => break,
                }
            }
            let mut bytes = Vec::new();
            for (body, _) in &batch {
                bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
                bytes.extend_from_slice(body);
            }
            if file.write_all(&bytes).and_then(|()| file.sync_data()).is_err() {
                return;
            }
            for (_, kept) in batch {
                let _ = kept.send(());
            }
        }
    });
    Ok(sender)
}

async fn take(State(proxy): State<Arc<Proxy>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if !verified(&proxy.key, &headers, &body) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(event) = serde_json::from_slice::<Event>(&body) else { return StatusCode::BAD_REQUEST };
    let Some(file) = &proxy.file else {
        return match tell(&proxy, event.data.object).await {
            Ok(()) => StatusCode::OK,
            Err(_) => StatusCode::BAD_GATEWAY,
        };
    };
    let (kept, on_disk) = oneshot::channel();
    if file.send((body, kept)).await.is_err() || on_disk.await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let proxy = proxy.clone();
    tokio::spawn(async move {
        let _place = proxy.places.clone().acquire_owned().await;
        if let Err(error) = tell(&proxy, event.data.object).await {
            eprintln!("{error}");
        }
    });
    StatusCode::OK
}

fn verified(key: &hmac::Key, headers: &HeaderMap, body: &[u8]) -> bool {
    let verified = || -> Option<bool> {
        let (time, signature) = headers.get("stripe-signature")?.to_str().ok()?.split_once(",v1=")?;
        let time = time.strip_prefix("t=")?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
        let fresh = now.abs_diff(time.parse().ok()?) <= 300;
        let signature: Vec<u8> =
            (0..signature.len()).step_by(2).map(|n| u8::from_str_radix(signature.get(n..n + 2)?, 16).ok()).collect::<Option<_>>()?;
        let mut message = Vec::with_capacity(body.len() + 16);
        message.extend_from_slice(time.as_bytes());
        message.push(b'.');
        message.extend_from_slice(body);
        Some(fresh && hmac::verify(key, &message, &signature).is_ok())
    };
    verified().unwrap_or(false)
}

async fn tell(proxy: &Proxy, charge: Charge) -> Result<()> {
    let name = charge.billing_details.name.as_deref().unwrap_or("a guest");
    let total = format!("{}.{:02}", charge.amount / 100, charge.amount % 100);
    let city = charge.billing_details.address.and_then(|address| address.city).unwrap_or_else(|| "unknown".into());
    let body = {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("description", &format!("{name} paid {total} {}", charge.currency.to_uppercase()));
        if let Some(order) = charge.metadata.get("order_number") {
            form.append_pair("metadata[order]", order);
        }
        form.append_pair("metadata[total]", &total).append_pair("metadata[city]", &city).finish()
    };
    let request = Request::post(format!("http://{}/v1/charges/{}", proxy.sink, charge.id))
        .header("authorization", "Bearer rk_test_1")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("idempotency-key", format!("told-{}", charge.id))
        .body(Full::new(Bytes::from(body)))?;
    let answer = proxy.client.request(request).await?;
    let ok = answer.status().is_success();
    answer.into_body().collect().await?;
    if ok { Ok(()) } else { Err("refused".into()) }
}
