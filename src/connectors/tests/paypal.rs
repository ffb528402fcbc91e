//! PayPal: tokens, ids of requests, what a second try finds, long spans of time.

use super::server::{Asked, Say, Server, json};
use super::*;
use crate::engine::connector::NO_LOOK;
use crate::graph::ErrorClass;
use std::sync::atomic::{AtomicU32, Ordering};

async fn paypal(say: impl Fn(&Asked) -> Say + Send + Sync + 'static) -> (Server, Connectors) {
    let server = Server::start(move |asked| match asked.target.ends_with("/v1/oauth2/token") {
        true => json(200, r#"{"access_token":"A21AA","token_type":"Bearer","expires_in":32400}"#),
        false => say(asked),
    })
    .await;
    let yaml = format!(
        "connections:
  paypal:
    system: paypal
    mode: sandbox
    base_url: {}
    client_id: env://ID
    client_secret: env://SECRET
    limits: {{ rate: 1000/s, timeout: 5s }}
",
        server.url()
    );
    let connectors = Connectors::new(Catalog::bundled(), configs(&yaml, ENV).unwrap()).unwrap();
    (server, connectors)
}

fn of_paypal(operation: &str) -> Request {
    Request { connection: "paypal".into(), ..request(operation, None) }
}

#[tokio::test]
async fn a_capture_asks_for_the_whole_order_under_its_key() {
    let (server, connectors) = paypal(|_| json(201, r#"{"id":"O1","status":"COMPLETED"}"#)).await;
    let capture = of_paypal("paypal.orders.capture").param("id", "O1").body("{}").key("flowctl-1-2");
    done(send(&connectors, &capture).await);
    let all = server.all();
    assert_eq!(all[0].target, "/v1/oauth2/token");
    assert_eq!(all[0].header("authorization"), Some("Basic YXBwOnMzY3JldA=="));
    assert_eq!(all[0].body, "grant_type=client_credentials");
    let asked = &all[1];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/v2/checkout/orders/O1/capture"));
    assert_eq!(asked.header("authorization"), Some("Bearer A21AA"));
    assert_eq!(asked.header("paypal-request-id"), Some("flowctl-1-2"));
    assert_eq!(asked.header("prefer"), Some("return=representation"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    // The token serves the next one as well.
    done(send(&connectors, &capture).await);
    assert_eq!(server.all().len(), 3);
}

#[test]
fn the_mode_chooses_the_host_unless_the_connection_does() {
    let of = |more: &str| {
        let yaml = format!(
            "connections:\n  p: {{ system: paypal, {more}, client_id: env://ID, client_secret: env://SECRET }}\n"
        );
        configs(&yaml, ENV).unwrap()["p"].base.to_string()
    };
    assert_eq!(of("mode: sandbox"), "https://api-m.sandbox.paypal.com/");
    assert_eq!(of("mode: live"), "https://api-m.paypal.com/");
    assert_eq!(of("mode: live, base_url: 'https://proxy.example/paypal'"), "https://proxy.example/paypal/");
}

#[tokio::test]
async fn an_order_that_exists_was_captured_only_when_it_says_so() {
    let (server, connectors) = paypal(|asked| {
        let status = if asked.target.ends_with("O1") { "APPROVED" } else { "COMPLETED" };
        json(200, format!(r#"{{"id":"O","status":"{status}","purchase_units":[]}}"#))
    })
    .await;
    let capture = |id: &str| of_paypal("paypal.orders.capture").param("id", id).body("{}").key("k");
    assert!(look(&connectors, &capture("O1")).await.is_empty());
    assert_eq!(look(&connectors, &capture("O2")).await.len(), 1);
    assert_eq!(server.seen()[1].target, "/v2/checkout/orders/O2");
    // What gives nothing gives nothing when it is found, either.
    let cancel = of_paypal("paypal.subscriptions.cancel").param("id", "I-1").body("{}").key("k");
    assert!(look(&connectors, &cancel).await.is_empty());
}

#[tokio::test]
async fn a_second_batch_leads_to_the_first() {
    let (server, connectors) =
        paypal(|_| json(200, r#"{"batch_header":{"payout_batch_id":"B1","batch_status":"PENDING"}}"#)).await;
    let create = of_paypal("paypal.payouts.create").body("{}").key("k");
    let there = async |refusal: &str| {
        let operation = graph(&create);
        let attempt = Attempt { operation: &operation, number: 1, timeout: None };
        connectors.look_there(&create, &attempt, &value(refusal)).await
    };
    // PayPal's links name its other host; the one that is asked is ours.
    let link = r#"{"href":"https://api.sandbox.paypal.com/v1/payments/payouts/B1?page=1","rel":"self","method":"GET"}"#;
    for refusal in [format!(r#"{{"links":[{link}]}}"#), format!(r#"{{"links":[],"details":[{{"link":[{link}]}}]}}"#)] {
        let LookOutcome::Found(rows) = there(&refusal).await else { panic!() };
        assert_eq!(rows[0].value.get("batch_header").get("payout_batch_id").as_text().unwrap().as_str(), "B1");
    }
    assert_eq!(server.seen()[1].target, "/v1/payments/payouts/B1?page=1");
    let foreign = r#"{"links":[{"href":"https://evil.example/v1/payments/payouts/B1","rel":"self"}]}"#;
    let LookOutcome::Failed(error) = there(foreign).await else { panic!() };
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Config, "foreign_link"));
    let LookOutcome::Failed(error) = there("{}").await else { panic!() };
    assert_eq!(error.code.as_str(), NO_LOOK);
    assert_eq!(server.seen().len(), 2);
}

fn search(from: &str, to: &str) -> Request {
    let at = |text: &str| Value::Time(text.parse().unwrap());
    of_paypal("paypal.transactions.list").param("start_date", at(from)).param("end_date", at(to))
}

fn page(rows: &[&str], pages: u32, items: u32) -> Say {
    let rows: Vec<String> =
        rows.iter().map(|id| format!(r#"{{"transaction_info":{{"transaction_id":"{id}"}}}}"#)).collect();
    json(200, format!(r#"{{"transaction_details":[{}],"total_pages":{pages},"total_items":{items}}}"#, rows.join(",")))
}

fn ids(outcome: Outcome) -> Vec<String> {
    let rows = done(outcome).value;
    let id = |row: &Value| row.get("transaction_info").get("transaction_id").as_text().unwrap().to_string();
    rows.as_list().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn a_long_span_is_asked_for_in_months_and_each_to_its_last_page() {
    let (server, connectors) = paypal(|asked| {
        let first = asked.query("start_date").unwrap().starts_with("2026-01-01");
        match (first, asked.query("page").as_deref()) {
            (true, Some("2")) => page(&["c"], 2, 3),
            (true, _) => page(&["a", "b"], 2, 3),
            (false, _) => page(&["d"], 1, 1),
        }
    })
    .await;
    let outcome = send(&connectors, &search("2026-01-01T00:00:00Z", "2026-02-10T00:00:00Z")).await;
    assert_eq!(ids(outcome), ["a", "b", "c", "d"]);
    let seen = server.seen();
    let spans: Vec<_> = seen.iter().map(|asked| (asked.query("start_date"), asked.query("end_date"))).collect();
    let span = |from: &str, to: &str| (Some(from.to_string()), Some(to.to_string()));
    assert_eq!(spans[0], span("2026-01-01T00:00:00Z", "2026-01-31T23:59:59Z"));
    assert_eq!(spans[2], span("2026-02-01T00:00:00Z", "2026-02-10T00:00:00Z"));
    assert_eq!((seen[0].query("page_size").as_deref(), seen[0].query("fields").as_deref()), (Some("500"), Some("all")));
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn a_span_with_too_much_in_it_is_halved() {
    let (server, connectors) = paypal(|asked| {
        let second = |name: &str| asked.query(name).unwrap().parse::<Timestamp>().unwrap().as_second();
        let (from, to) = (second("start_date"), second("end_date"));
        if to - from > 2 {
            return json(
                400,
                r#"{"name":"RESULTSET_TOO_LARGE","message":"Result set size is greater than the maximum limit."}"#,
            );
        }
        let rows: Vec<String> = (from..=to).map(|second| second.to_string()).collect();
        page(&rows.iter().map(String::as_str).collect::<Vec<_>>(), 1, 1)
    })
    .await;
    let outcome = send(&connectors, &search("1970-01-01T00:00:00Z", "1970-01-01T00:00:09Z")).await;
    assert_eq!(ids(outcome), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert!(server.seen().len() > 4);
}

#[tokio::test]
async fn a_list_that_changes_between_pages_is_no_list() {
    let count = AtomicU32::new(3);
    let (_server, connectors) = paypal(move |_| page(&["a"], 2, count.fetch_add(1, Ordering::SeqCst))).await;
    let error = failed(send(&connectors, &search("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")).await);
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Unavailable, "list_changed"));
}

#[tokio::test]
async fn events_follow_links_that_name_paypals_other_host() {
    let (server, connectors) = paypal(|asked| match asked.query("page_token") {
        None => json(
            200,
            r#"{"events":[{"id":"WH-1"}],"links":[{"rel":"next","href":"https://api.sandbox.paypal.com/v1/notifications/webhooks-events?page_token=2"}]}"#,
        ),
        Some(_) => json(200, r#"{"events":[{"id":"WH-2"}],"links":[]}"#),
    })
    .await;
    let rows = done(send(&connectors, &of_paypal("paypal.events.list")).await).value;
    assert_eq!(rows.as_list().unwrap().len(), 2);
    assert_eq!(server.seen()[1].target, "/v1/notifications/webhooks-events?page_token=2");
}

#[tokio::test]
async fn a_claim_travels_as_a_part_of_a_form() {
    let (server, connectors) = paypal(|_| json(200, "{}")).await;
    let accept = of_paypal("paypal.disputes.accept_claim").param("id", "PP-D-1").body(r#"{"note":"a\nb"}"#).key("k");
    done(send(&connectors, &accept).await);
    let asked = &server.seen()[0];
    assert_eq!(asked.header("content-type"), Some("multipart/form-data; boundary=flowctl-part"));
    assert!(
        asked.body.contains("name=\"input\"")
            && asked.body.contains("\r\n\r\n{\"note\":\"a\\nb\"}\r\n--flowctl-part--")
    );
}

/// What PayPal's own client sends for the same calls (`tests/thirdparty/paypal-requests.mjs` asks it).
#[tokio::test]
async fn requests_are_the_official_clients() {
    let (server, connectors) = paypal(|asked| match asked.target.contains("/transactions") {
        true => json(200, r#"{"transactions":[],"transaction_details":[],"total_pages":1}"#),
        false => json(200, r#"{"id":"X","balances":[]}"#),
    })
    .await;
    let of = |operation: &str, id: &str| of_paypal(operation).param("id", id).key("k");
    let at = |text: &str| Value::Time(text.parse().unwrap());
    let order = r#"{"intent":"CAPTURE","purchase_units":[{"amount":{"currency_code":"EUR","value":"12.50"},"description":"Zoë & “Søn”","items":[{"name":"Café 50%","unit_amount":{"currency_code":"EUR","value":"5.25"},"quantity":"2"}]}]}"#;
    let amount = r#"{"amount":{"currency_code":"EUR","value":"2.00"},"invoice_id":"SO-1"}"#;
    let (whole, keyed) = (Some("return=representation"), Some("k"));
    for (request, line, body, prefer, key) in [
        (of_paypal("paypal.orders.create").body(order).key("k"), "POST /v2/checkout/orders", order, whole, keyed),
        (of("paypal.orders.get", "a/b ?c%"), "GET /v2/checkout/orders/a%2Fb%20%3Fc%25", "", None, None),
        // Without a body of the flow's own it is an empty one, as its type says.
        (of("paypal.orders.capture", "O1"), "POST /v2/checkout/orders/O1/capture", "{}", whole, keyed),
        (of("paypal.orders.authorize", "O1"), "POST /v2/checkout/orders/O1/authorize", "{}", whole, keyed),
        (of("paypal.captures.refund", "C1"), "POST /v2/payments/captures/C1/refund", "{}", whole, keyed),
        (of("paypal.captures.refund", "C1").body(amount), "POST /v2/payments/captures/C1/refund", amount, whole, keyed),
        (
            of("paypal.authorizations.capture", "A1").body(amount),
            "POST /v2/payments/authorizations/A1/capture",
            amount,
            whole,
            keyed,
        ),
        (
            of("paypal.authorizations.reauthorize", "A1"),
            "POST /v2/payments/authorizations/A1/reauthorize",
            "{}",
            whole,
            keyed,
        ),
        (of("paypal.authorizations.void", "A1"), "POST /v2/payments/authorizations/A1/void", "", whole, None),
        (
            of("paypal.subscriptions.cancel", "I1").body(r#"{"reason":"Moved"}"#),
            "POST /v1/billing/subscriptions/I1/cancel",
            r#"{"reason":"Moved"}"#,
            None,
            None,
        ),
        (
            of("paypal.subscriptions.transactions", "I1")
                .param("start_time", at("2026-01-01T00:00:00Z"))
                .param("end_time", at("2026-02-01T00:00:00Z")),
            "GET /v1/billing/subscriptions/I1/transactions?start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z",
            "",
            None,
            None,
        ),
        (
            search("2026-01-01T00:00:00Z", "2026-01-31T23:59:59Z").param("transaction_status", "S"),
            "GET /v1/reporting/transactions?page_size=500&start_date=2026-01-01T00:00:00Z&end_date=2026-01-31T23:59:59Z&transaction_status=S&fields=all",
            "",
            None,
            None,
        ),
        (of_paypal("paypal.balances.list"), "GET /v1/reporting/balances?currency_code=ALL", "", None, None),
    ] {
        done(send(&connectors, &request).await);
        let asked = server.seen().pop().unwrap();
        assert_eq!(format!("{} {}", asked.method, asked.target), line);
        assert_eq!(asked.body, body, "{line}");
        assert_eq!((asked.header("prefer"), asked.header("paypal-request-id")), (prefer, key), "{line}");
        assert_eq!(asked.header("content-type"), (!body.is_empty()).then_some("application/json"), "{line}");
    }
}
