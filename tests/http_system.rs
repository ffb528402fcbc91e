//! A system that nobody described: a signed webhook comes in, its API is read and written, and the run's history shows
//! each call without what is secret or private.

mod support;

use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use ring::hmac;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::process::{Setup, finish, flowctl};
use support::project::Project;

const FLOW: &str = "flow: shop-orders
description: Confirms each order of the shop.
trigger:
  webhook: { connection: shop, events: [message] }
  dedupe: text(event.id)
steps:
  - id: order
    lookup:
      operation: http.get
      path: 'orders/{event.id}'
      params: '{ expand = [\"lines\", \"buyer\"] }'
      result: '{ id: int, total: decimal, buyer: { email: text }, card: text }'
  - id: gone
    lookup: { operation: http.get, path: 'vouchers/{event.voucher}', on_missing: continue }
  - id: lines
    lookup:
      operation: http.list
      path: 'orders/{steps.order.id}/lines'
      paging: { rows: $.data, next: $.next }
      result: '{ sku: text }'
  - id: confirmed
    call:
      operation: http.post
      path: 'orders/{steps.order.id}/confirm'
      headers: '{ \"X-Source\" = \"flowctl\" }'
      body: '{ total = steps.order.total, voucher = present(steps.gone), skus = steps.lines.map(line => line.sku).join(\"+\"), token = \"tok_5ecret\" }'
      repeat: header.Idempotency-Key
    retry: { for: 1m, initial: 20ms, factor: 1, max: 20ms, jitter: 0 }
";

const TEST: &str = "flow: shop-orders
cases:
  - name: confirmed once, although the answer is lost
    event: { id: 7, voucher: V1 }
    answers:
      order: { value: { id: 7, total: 10.50, buyer: { email: a@b.example }, card: '4242' } }
      gone: { status: 404 }
      lines: { rows: [{ sku: A }, { sku: B }] }
      confirmed: [{ drop: after }, { value: { ok: true } }]
    expect:
      run: succeeded
      calls: [{ step: confirmed, attempts: 2, body: { total: 10.50, skus: A+B, token: tok_5ecret } }]
";

/// What the shop was asked, in order.
type Asked = Arc<Mutex<Vec<(String, BTreeMap<String, String>, Bytes)>>>;

/// A shop that confirms at the second try.
async fn shop(asked: Asked) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = move |request: Request| {
        let asked = asked.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
            let headers = parts.headers.iter();
            let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_string()));
            let what = format!("{} {}", parts.method, parts.uri);
            let before = {
                let mut asked = asked.lock().expect("whole");
                let before = asked.iter().filter(|(known, ..)| *known == what).count();
                asked.push((what.clone(), headers.collect(), body));
                before
            };
            let (status, text) = match what.as_str() {
                "POST /api/orders/7/confirm" if before == 0 => (503, "{\"message\":\"later\"}"),
                "POST /api/orders/7/confirm" => (200, "{\"confirmed\":true,\"api_key\":\"k_5ecret\"}"),
                "GET /api/orders/7/lines" => (200, "{\"data\":[{\"sku\":\"A\"}],\"next\":\"lines?page=2\"}"),
                "GET /api/orders/7/lines?page=2" => (200, "{\"data\":[{\"sku\":\"B\"}],\"next\":null}"),
                what if what.starts_with("GET /api/orders/7") => (
                    200,
                    "{\"id\":7,\"total\":10.50,\"buyer\":{\"email\":\"ada@example.com\"},\"card\":\"4242 4242 4242 4242\"}",
                ),
                _ => (404, "{\"message\":\"nothing here\"}"),
            };
            Response::builder().status(status).body(axum::body::Body::from(text)).expect("an answer")
        }
    };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    format!("http://{address}/api")
}

fn project(url: &str) -> Project {
    let project = Project::bare();
    project.write(
        "connections.yaml",
        &format!(
            "connections:
  shop:
    system: http
    base_url: {url}
    auth: {{ bearer: env://SHOP_TOKEN }}
    webhook:
      path: /hooks/stripe
      hmac: {{ header: X-Shop-Signature, algorithm: sha256, encoding: hex, secret: env://SHOP_HMAC }}
      event_id: $.id
"
        ),
    );
    project.write("environments/test.yaml", "settings: {}\n");
    project.write("orders.flow.yaml", FLOW);
    project.write("orders.test.yaml", TEST);
    project
}

fn signed(body: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"hm4c"), body.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn it_is_validated_and_rehearsed_as_any_other() {
    let project = project("https://shop.example.com/api");
    let root = project.root().to_string_lossy().to_string();
    let said = finish(flowctl(&["validate", &root, "--explain-repeats"]));
    said.said(0, &[]);
    assert!(
        said.stdout.contains("confirmed  http.post: the flow says that a JSON API knows a repeat by Idempotency-Key"),
        "{}",
        said.stdout
    );
    finish(flowctl(&["test", &root])).said(0, &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_message_is_taken_and_its_api_is_asked() {
    // Clients want to know which one, even to speak plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let asked = Asked::default();
    let project = project(&shop(asked.clone()).await);
    let env = vec![("SHOP_TOKEN", "tok_5hop"), ("SHOP_HMAC", "hm4c")];
    let setup = Setup { env, ..Setup::of(&project) };
    let runtime = setup.start().await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let deliver = async |body: &'static str, signature: Option<String>| {
        let mut request = client.post(runtime.hook()).body(body);
        if let Some(signature) = signature {
            request = request.header("X-Shop-Signature", signature);
        }
        request.send().await.expect("an answer").status().as_u16()
    };
    let body = "{\"id\": 7, \"voucher\": \"V/1 ?x\"}";
    assert_eq!(deliver(body, None).await, 400);
    assert_eq!(deliver(body, Some(signed("{\"id\": 8}"))).await, 401);
    assert_eq!(deliver(body, Some(format!("sha256={}", signed(body)))).await, 200);
    assert_eq!(deliver(body, Some(signed(body))).await, 200, "the same again");
    let runs = loop {
        let runs = runtime.admin("/api/runs").await;
        let items = runs["items"].as_array().expect("a list").clone();
        if items.iter().any(|run| run["state"] == "succeeded") {
            break items;
        }
        assert!(items.iter().all(|run| run["state"] != "dead_letter"), "{items:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(runs.len(), 1);
    let asked = asked.lock().expect("whole").clone();
    let what: Vec<&str> = asked.iter().map(|(what, ..)| what.as_str()).collect();
    let mut reads = what[..2].to_vec();
    reads.sort();
    assert_eq!(reads, ["GET /api/orders/7?expand=lines&expand=buyer", "GET /api/vouchers/V%2F1%20%3Fx"]);
    assert_eq!(what[2..4], ["GET /api/orders/7/lines", "GET /api/orders/7/lines?page=2"]);
    assert_eq!(what[4..], ["POST /api/orders/7/confirm"; 2]);
    let key = |n: usize| asked[n].1.get("idempotency-key").expect("a key").clone();
    assert_eq!(key(4), key(5), "both tries are one work");
    assert_eq!(asked[3].1["authorization"], "Bearer tok_5hop");
    assert_eq!(asked[4].1["x-source"], "flowctl");
    assert_eq!(asked[5].2, "{\"total\":10.50,\"skus\":\"A+B\",\"token\":\"tok_5ecret\"}");
    // The history shows both calls, and nothing of what is secret or private.
    let id = runs[0]["id"].as_str().expect("an id");
    let shown = runtime.admin(&format!("/api/runs/{id}")).await.to_string();
    for part in ["http.post", "orders/7/confirm", "10.5", "confirmed", "•••", "X-Source"] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    for secret in ["5ecret", "5hop", "hm4c", "ada@example.com", "4242 4242"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
    assert!(!runtime.stderr().contains("5hop"));
}
