//! PayPal's operations against its strict stand-in, over real HTTP: money that is taken and given back once, whatever
//! becomes of answers; lists in parts; deliveries that are proved.

use axum::body::Bytes;
use axum::http::HeaderMap;
use flowctl::catalog::{Catalog, Types};
use flowctl::connectors::{Connectors, resolve_all};
use flowctl::engine::connector::{Attempt, Connector, LookOutcome, Outcome, Parameter, Request, StepError};
use flowctl::graph::{ErrorClass, Operation, Repeat, RepeatBy};
use flowctl::language::types::Type;
use flowctl::model::load::Project;
use flowctl::sandbox::faults::{Fault, FaultKind};
use flowctl::sandbox::paypal::Paypal;
use flowctl::sandbox::server::Standin as _;
use flowctl::sandbox::{Ports, Sandbox, credentials};
use flowctl::triggers::paypal::certificate::Authority;
use flowctl::triggers::paypal::{How, Unproved, Verifier};
use flowctl::value::{Text, Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

struct Both {
    sandbox: Sandbox,
    connectors: Arc<Connectors>,
    keys: AtomicU32,
}

async fn start() -> Both {
    start_with("").await
}

/// With that as well in the connection.
async fn start_with(more: &str) -> Both {
    let catalog = Catalog::bundled();
    let sandbox = Sandbox::start(&catalog, &Types::bundled(&catalog), Ports::default()).await.unwrap();
    let yaml = format!(
        "connections:
  paypal:
    system: paypal
    mode: sandbox
    base_url: {}
    client_id: {}
    client_secret: env://SECRET
    limits: {{ rate: 1000/s }}
    {more}
",
        sandbox.paypal_server.url(),
        credentials::PAYPAL_CLIENT_ID
    );
    let texts = BTreeMap::from([
        ("flowctl.yaml".to_string(), Arc::from("project: test\nversion: 1\n")),
        ("connections.yaml".to_string(), Arc::from(yaml.as_str())),
    ]);
    let (project, _, findings) = Project::from_files(&texts);
    assert_eq!(findings, vec![]);
    let env = |_: &str| Some(credentials::PAYPAL_CLIENT_SECRET.to_string());
    let connections = project.effective(None).unwrap().connections;
    let configs = resolve_all(&connections, &catalog, Path::new("/nowhere"), &env).unwrap();
    Both { sandbox, connectors: Arc::new(Connectors::new(catalog, configs).unwrap()), keys: AtomicU32::new(0) }
}

fn graph(request: &Request) -> Operation {
    let catalog = Catalog::bundled();
    let types = Types::bundled(&catalog);
    let (system, operation) = catalog.operation(&request.operation).unwrap();
    let body = operation.params.get("body").and_then(|body| types.resolve(body.ty.as_ref()?, system, None));
    let reason = String::new();
    Operation {
        name: request.operation.clone(),
        connection: request.connection.clone(),
        writes: operation.writes(),
        entity: None,
        params: vec![],
        body,
        result: types.resolve(&operation.result().ty, system, None).unwrap_or_else(Type::any),
        repeat: Repeat { by: RepeatBy::Read, settle: Duration::ZERO, remembers: None, look: false, reason },
        missing_continues: false,
        blank_is_missing: false,
        one_at_a_time: None,
        cache: None,
    }
}

impl Both {
    fn paypal(&self) -> &Paypal {
        &self.sandbox.paypal
    }

    /// A request with a key of its own.
    fn request(&self, operation: &str, params: &[(&str, &str)], body: Option<&str>) -> Request {
        let key = format!("flowctl-12345678-{:032}", self.keys.fetch_add(1, Ordering::SeqCst));
        let value = |text: &str| match text.parse() {
            Ok(at) if text.contains('T') && text.ends_with('Z') => Value::Time(at),
            _ => Value::from(text),
        };
        Request {
            operation: format!("paypal.{operation}").as_str().into(),
            connection: "paypal".into(),
            entity: None,
            params: params.iter().map(|(name, text)| (Text::from(*name), Parameter::Value(value(text)))).collect(),
            body: body.map(|body| json::parse(body.as_bytes()).unwrap()),
            key: Some(Text::from(key)),
            find_by: vec![],
            now: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    async fn send(&self, request: &Request) -> Outcome {
        let operation = graph(request);
        self.connectors.send(request, &Attempt { operation: &operation, number: 1, timeout: None }).await
    }

    async fn done(&self, operation: &str, params: &[(&str, &str)], body: Option<&str>) -> serde_json::Value {
        match self.send(&self.request(operation, params, body)).await {
            Outcome::Done(row) if matches!(row.value, Value::Missing) => serde_json::Value::Null,
            Outcome::Done(row) => serde_json::from_str(&json::write(&row.value).unwrap()).unwrap(),
            other => panic!("{operation}: {other:?}"),
        }
    }

    async fn failed(&self, operation: &str, params: &[(&str, &str)], body: Option<&str>) -> StepError {
        match self.send(&self.request(operation, params, body)).await {
            Outcome::Failed(error) | Outcome::Missing(error) => error,
            other => panic!("{operation}: {other:?}"),
        }
    }

    fn act(&self, what: &str, with: serde_json::Value) -> serde_json::Value {
        let with = json::parse(with.to_string().as_bytes()).unwrap();
        let made = self.paypal().act(what, with.as_record().unwrap()).unwrap().unwrap();
        serde_json::from_str(&json::write(&Value::Record(made)).unwrap()).unwrap()
    }

    fn fault(&self, method: &str, path: &str, kind: FaultKind) {
        self.paypal().faults().add(Fault {
            method: method.into(),
            path: path.into(),
            body: String::new(),
            times: 1,
            kind,
        });
    }

    /// An order over 10.50, approved.
    async fn approved(&self, intent: &str, invoice: &str) -> String {
        let order = self.done("orders.create", &[], Some(&order(intent, invoice))).await;
        let id = text(&order["id"]);
        self.act("approve", serde_json::json!({ "order": id }));
        id
    }

    async fn captured(&self, invoice: &str) -> String {
        let order = self.approved("CAPTURE", invoice).await;
        let paid = self.done("orders.capture", &[("id", &order)], Some("{}")).await;
        assert_eq!(paid["status"], "COMPLETED");
        text(&paid["purchase_units"][0]["payments"]["captures"][0]["id"])
    }
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_string()
}

fn order(intent: &str, invoice: &str) -> String {
    serde_json::json!({
        "intent": intent,
        "purchase_units": [{
            "invoice_id": invoice, "custom_id": "shop-1",
            "amount": { "currency_code": "USD", "value": "10.50", "breakdown": {
                "item_total": { "currency_code": "USD", "value": "8.00" }, "shipping": { "currency_code": "USD", "value": "2.50" } } },
            "items": [{ "name": "Mug", "sku": "MUG-1", "quantity": "2", "unit_amount": { "currency_code": "USD", "value": "4.00" } }],
        }],
    })
    .to_string()
}

#[tokio::test]
async fn an_order_is_captured_once_whatever_becomes_of_the_answer() {
    let both = start().await;
    let id = both.approved("CAPTURE", "INV-1").await;
    let capture = both.request("orders.capture", &[("id", &id)], Some("{}"));
    both.fault("POST", "/capture", FaultKind::DropAfter);
    let Outcome::Failed(error) = both.send(&capture).await else { panic!() };
    assert!(error.leaves_open(), "{error:?}");
    let operation = graph(&capture);
    let attempt = Attempt { operation: &operation, number: 2, timeout: None };
    // Found, because the order says that it is completed; and a repeat under the same id gives the same.
    let LookOutcome::Found(rows) = both.connectors.look(&capture, &attempt).await else { panic!() };
    assert_eq!(rows.len(), 1);
    let Outcome::Done(row) = both.send(&capture).await else { panic!() };
    assert_eq!(row.value.get("status").as_text().unwrap().as_str(), "COMPLETED");
    assert_eq!(both.paypal().objects("captures").len(), 1);
    // Another request finds that it was done.
    let error = both.failed("orders.capture", &[("id", &id)], Some("{}")).await;
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Data, "ORDER_ALREADY_CAPTURED"));
    assert!(error.is.is_some());
    let fetched = both.done("orders.get", &[("id", &id)], None).await;
    let capture = &fetched["purchase_units"][0]["payments"]["captures"][0];
    assert_eq!(capture["seller_receivable_breakdown"]["paypal_fee"]["value"], "0.86");
    assert_eq!(capture["seller_receivable_breakdown"]["net_amount"]["value"], "9.64");
    assert_eq!(capture["invoice_id"], "INV-1");
}

#[tokio::test]
async fn what_paypal_refuses_is_refused_with_words_for_a_person() {
    let both = start().await;
    let broken = |from: &str, to: &str| order("CAPTURE", "").replace(from, to);
    for (body, code, field) in [
        (broken("\"10.50\"", "\"10.51\""), "AMOUNT_MISMATCH", "/purchase_units/0/amount/value"),
        (broken("\"8.00\"", "\"7.00\""), "ITEM_TOTAL_MISMATCH", "item_total"),
        (broken("\"10.50\"", "\"10.505\""), "DECIMAL_PRECISION", "/purchase_units/0/amount/value"),
        (broken("\"10.50\"", "\"0\""), "CANNOT_BE_ZERO_OR_NEGATIVE", "value"),
        (broken("USD", "XXX"), "INVALID_CURRENCY_CODE", "currency_code"),
        (broken("\"CAPTURE\"", "\"TAKE\""), "INVALID_PARAMETER_VALUE", "/intent"),
        (
            broken("\"Mug\"", &format!("\"{}\"", "M".repeat(128))),
            "INVALID_STRING_MAX_LENGTH",
            "/purchase_units/0/items/0/name",
        ),
        ("{}".to_string(), "MISSING_REQUIRED_PARAMETER", "/intent"),
    ] {
        let error = both.failed("orders.create", &[], Some(&body)).await;
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Data, code), "{error:?}");
        assert!(error.message.contains(field) && error.message.contains("(request "), "{}", error.message);
        assert!(error.hint.is_some(), "{code}");
    }
    let created = both.done("orders.create", &[], Some(&order("CAPTURE", ""))).await;
    let error = both.failed("orders.capture", &[("id", &text(&created["id"]))], Some("{}")).await;
    assert_eq!(error.code.as_str(), "ORDER_NOT_APPROVED");
    let error = both.failed("orders.get", &[("id", "NO-SUCH")], None).await;
    assert_eq!((error.status, error.code.as_str()), (Some(404), "INVALID_RESOURCE_ID"));
    // A number of the shop's is taken once.
    both.captured("INV-9").await;
    let again = both.approved("CAPTURE", "INV-9").await;
    let error = both.failed("orders.capture", &[("id", &again)], Some("{}")).await;
    assert_eq!(error.code.as_str(), "DUPLICATE_INVOICE_ID");
    // A card that is declined can be tried again.
    let declined = both.approved("CAPTURE", "").await;
    both.act("decline", serde_json::json!({ "order": declined }));
    assert_eq!(
        both.failed("orders.capture", &[("id", &declined)], Some("{}")).await.code.as_str(),
        "INSTRUMENT_DECLINED"
    );
    both.done("orders.capture", &[("id", &declined)], Some("{}")).await;
}

#[tokio::test]
async fn a_refund_is_made_once_and_never_above_the_capture() {
    let both = start().await;
    let capture = both.captured("").await;
    let body = r#"{"amount":{"currency_code":"USD","value":"4.00"},"custom_id":"request-1","note_to_payer":"Sorry"}"#;
    let refund = both.request("captures.refund", &[("id", &capture)], Some(body));
    both.fault("POST", "/refund", FaultKind::DropAfter);
    assert!(matches!(both.send(&refund).await, Outcome::Failed(error) if error.leaves_open()));
    let Outcome::Done(row) = both.send(&refund).await else { panic!() };
    assert_eq!((row.status, both.paypal().objects("refunds").len()), (Some(200), 1));
    let id = text(&serde_json::from_str::<serde_json::Value>(&json::write(&row.value).unwrap()).unwrap()["id"]);
    assert_eq!(both.done("refunds.get", &[("id", &id)], None).await["custom_id"], "request-1");
    assert_eq!(both.done("captures.get", &[("id", &capture)], None).await["status"], "PARTIALLY_REFUNDED");
    let too_much = r#"{"amount":{"currency_code":"USD","value":"6.51"}}"#;
    let error = both.failed("captures.refund", &[("id", &capture)], Some(too_much)).await;
    assert_eq!(error.code.as_str(), "REFUND_AMOUNT_EXCEEDED");
    let error = both
        .failed("captures.refund", &[("id", &capture)], Some(r#"{"amount":{"currency_code":"EUR","value":"1.00"}}"#))
        .await;
    assert_eq!(error.code.as_str(), "REFUND_CAPTURE_CURRENCY_MISMATCH");
    assert_eq!(both.done("captures.refund", &[("id", &capture)], Some("{}")).await["amount"]["value"], "6.50");
    assert_eq!(
        both.failed("captures.refund", &[("id", &capture)], Some("{}")).await.code.as_str(),
        "CAPTURE_FULLY_REFUNDED"
    );
}

#[tokio::test]
async fn held_money_is_taken_renewed_or_given_up() {
    let both = start().await;
    let order = both.approved("AUTHORIZE", "").await;
    let held = both.done("orders.authorize", &[("id", &order)], Some("{}")).await;
    let hold = text(&held["purchase_units"][0]["payments"]["authorizations"][0]["id"]);
    let part = r#"{"amount":{"currency_code":"USD","value":"4.00"}}"#;
    let capture = both.done("authorizations.capture", &[("id", &hold)], Some(part)).await;
    assert_eq!((&capture["amount"]["value"], &capture["final_capture"]), (&"4.00".into(), &false.into()));
    assert_eq!(both.done("authorizations.get", &[("id", &hold)], None).await["status"], "PARTIALLY_CAPTURED");
    let renewed = both.done("authorizations.reauthorize", &[("id", &hold)], Some(part)).await;
    let error = both.failed("authorizations.reauthorize", &[("id", &hold)], Some(part)).await;
    assert_eq!(error.code.as_str(), "REAUTHORIZATION_NOT_SUPPORTED");
    let renewed = text(&renewed["id"]);
    assert_eq!(both.done("authorizations.void", &[("id", &renewed)], None).await["status"], "VOIDED");
    let error = both.failed("authorizations.void", &[("id", &renewed)], None).await;
    assert_eq!((error.code.as_str(), error.is.is_some()), ("PREVIOUSLY_VOIDED", true));
    both.done("authorizations.capture", &[("id", &hold)], Some("{}")).await;
    let error = both.failed("authorizations.capture", &[("id", &hold)], Some("{}")).await;
    assert_eq!(error.code.as_str(), "AUTHORIZATION_ALREADY_CAPTURED");
    assert_eq!(both.failed("authorizations.void", &[("id", &hold)], None).await.code.as_str(), "PREVIOUSLY_CAPTURED");
}

fn batch(id: &str, receivers: &[&str]) -> String {
    let items: Vec<serde_json::Value> = receivers
        .iter()
        .enumerate()
        .map(|(n, receiver)| {
            serde_json::json!({ "recipient_type": "EMAIL", "receiver": receiver, "sender_item_id": format!("usmf|1|{n}"),
                "amount": { "currency": "USD", "value": "9.87" }, "note": "Invoice 4711" })
        })
        .collect();
    serde_json::json!({ "sender_batch_header": { "sender_batch_id": id, "email_subject": "You have a payment" }, "items": items }).to_string()
}

#[tokio::test]
async fn a_batch_is_paid_once_and_its_items_settle_one_by_one() {
    let both = start().await;
    let body = batch("usmf-000629-1", &["a@b.example", "unclaimed@b.example", "failed@b.example"]);
    let create = both.request("payouts.create", &[], Some(&body));
    both.fault("POST", "/v1/payments/payouts", FaultKind::DropAfter);
    assert!(matches!(both.send(&create).await, Outcome::Failed(error) if error.leaves_open()));
    // PayPal has forgotten the request's id, and knows the batch all the same: it leads to the first.
    both.paypal().forget_keys();
    let Outcome::Failed(error) = both.send(&create).await else { panic!() };
    assert_eq!((error.code.as_str(), error.is.is_some()), ("DUPLICATE_SENDER_BATCH_ID", true));
    let operation = graph(&create);
    let attempt = Attempt { operation: &operation, number: 3, timeout: None };
    let found = both.connectors.look_there(&create, &attempt, &error.body.unwrap()).await;
    let LookOutcome::Found(rows) = found else { panic!() };
    let id = rows[0].value.get("batch_header").get("payout_batch_id").as_text().unwrap().to_string();
    assert_eq!(both.paypal().objects("payouts").len(), 1);

    let mut seen = vec![];
    for _ in 0..8 {
        let batch = both.done("payouts.get", &[("id", &id)], None).await;
        assert!(batch.get("items").is_none());
        seen.push(text(&batch["batch_header"]["batch_status"]));
        if seen.last().is_some_and(|status| status == "SUCCESS") {
            break;
        }
    }
    assert_eq!((seen.first().unwrap().as_str(), seen.last().unwrap().as_str()), ("PROCESSING", "SUCCESS"));
    let items = both.done("payouts.items", &[("batch", &id)], None).await;
    let statuses: Vec<String> =
        items.as_array().unwrap().iter().map(|item| text(&item["transaction_status"])).collect();
    assert_eq!(statuses, ["SUCCESS", "UNCLAIMED", "FAILED"]);
    let unclaimed = text(&items[1]["payout_item_id"]);
    assert_eq!(both.done("payout_items.cancel", &[("id", &unclaimed)], None).await["transaction_status"], "RETURNED");
    assert!(both.failed("payout_items.cancel", &[("id", &unclaimed)], None).await.is.is_some());
    assert_eq!(both.done("payout_items.get", &[("id", &unclaimed)], None).await["transaction_status"], "RETURNED");
    let error = both.failed("payouts.create", &[], Some(&batch("x", &["nobody"]))).await;
    assert_eq!((error.class, error.message.contains("items[0].receiver")), (ErrorClass::Data, true));
    let mixed = batch("y", &["a@b.example", "c@d.example"]).replacen("USD", "EUR", 1);
    assert_eq!(both.failed("payouts.create", &[], Some(&mixed)).await.code.as_str(), "BATCH_CURRENCY_MISMATCH");
}

#[tokio::test]
async fn a_long_batch_is_read_to_its_last_page() {
    let both = start().await;
    let receivers: Vec<String> = (0..2345).map(|n| format!("r{n}@b.example")).collect();
    let receivers: Vec<&str> = receivers.iter().map(String::as_str).collect();
    let created = both.done("payouts.create", &[], Some(&batch("long", &receivers))).await;
    let id = text(&created["batch_header"]["payout_batch_id"]);
    let items = both.done("payouts.items", &[("batch", &id)], None).await;
    let ids: std::collections::BTreeSet<String> =
        items.as_array().unwrap().iter().map(|item| text(&item["payout_item"]["sender_item_id"])).collect();
    assert_eq!(ids.len(), 2345);
}

#[tokio::test]
async fn disputes_are_answered_and_end() {
    let both = start().await;
    let capture = both.captured("").await;
    let open = || {
        both.act(
            "dispute",
            serde_json::json!({ "capture": capture, "amount": { "currency_code": "USD", "value": "1.00" } }),
        )
    };
    let first = text(&open()["dispute_id"]);
    let listed = both.done("disputes.list", &[("disputed_transaction_id", &capture)], None).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    both.done("disputes.send_message", &[("id", &first)], Some(r#"{"message":"It is on its way"}"#)).await;
    let evidence = r#"{"evidences":[{"evidence_type":"PROOF_OF_FULFILLMENT","evidence_info":{"tracking_info":[{"carrier_name":"UPS","tracking_number":"1Z"}]}}]}"#;
    both.done("disputes.provide_evidence", &[("id", &first)], Some(evidence)).await;
    let dispute = both.done("disputes.get", &[("id", &first)], None).await;
    assert_eq!(
        (&dispute["status"], &dispute["messages"][0]["content"]),
        (&"UNDER_REVIEW".into(), &"It is on its way".into())
    );
    both.act("resolve", serde_json::json!({ "dispute": first, "outcome": "RESOLVED_SELLER_FAVOUR" }));
    let second = text(&open()["dispute_id"]);
    let claim = both.request(
        "disputes.accept_claim",
        &[("id", &second)],
        Some(r#"{"note":"Refunded","accept_claim_type":"REFUND"}"#),
    );
    let Outcome::Done(_) = both.send(&claim).await else { panic!() };
    let operation = graph(&claim);
    let attempt = Attempt { operation: &operation, number: 2, timeout: None };
    assert!(matches!(both.connectors.look(&claim, &attempt).await, LookOutcome::Found(rows) if rows.len() == 1));
    let ended = both.done("disputes.get", &[("id", &second)], None).await;
    assert_eq!(ended["dispute_outcome"]["outcome_code"], "RESOLVED_BUYER_FAVOUR");
    assert_eq!(both.done("captures.get", &[("id", &capture)], None).await["status"], "PARTIALLY_REFUNDED");
    for _ in 0..60 {
        open();
    }
    let all = both.done("disputes.list", &[("disputed_transaction_id", &capture)], None).await;
    assert_eq!(all.as_array().unwrap().len(), 62, "page by page");
}

#[tokio::test]
async fn subscriptions_run_pause_and_end() {
    let both = start().await;
    let body =
        r#"{"plan_id":"P-5ML4271244454362WXNWU5NQ","subscriber":{"email_address":"s@b.example"},"custom_id":"C-1"}"#;
    let made = both.done("subscriptions.create", &[], Some(body)).await;
    let id = text(&made["id"]);
    let reason = r#"{"reason":"asked to"}"#;
    let error = both.failed("subscriptions.suspend", &[("id", &id)], Some(reason)).await;
    assert_eq!(error.code.as_str(), "SUBSCRIPTION_STATUS_INVALID");
    both.act("subscribe", serde_json::json!({ "subscription": id }));
    both.act("bill", serde_json::json!({ "subscription": id, "amount": { "currency_code": "USD", "value": "4.99" } }));
    both.done("subscriptions.suspend", &[("id", &id)], Some(reason)).await;
    both.done("subscriptions.activate", &[("id", &id)], Some(reason)).await;
    let paid = both
        .done(
            "subscriptions.transactions",
            &[("id", &id), ("start_time", "2020-01-01T00:00:00Z"), ("end_time", "2100-01-01T00:00:00Z")],
            None,
        )
        .await;
    assert_eq!(paid[0]["amount_with_breakdown"]["gross_amount"]["value"], "4.99");
    both.done("subscriptions.cancel", &[("id", &id)], Some(reason)).await;
    // Once more: it is what was wanted.
    let cancel = both.request("subscriptions.cancel", &[("id", &id)], Some(reason));
    assert!(matches!(both.send(&cancel).await, Outcome::Failed(error) if error.is.is_some()));
    let operation = graph(&cancel);
    let attempt = Attempt { operation: &operation, number: 1, timeout: None };
    assert!(matches!(both.connectors.look(&cancel, &attempt).await, LookOutcome::Found(rows) if rows.len() == 1));
}

#[tokio::test]
async fn invoices_are_made_sent_and_paid() {
    let both = start().await;
    let body = r#"{"detail":{"currency_code":"EUR","invoice_number":"SO-1"},"items":[{"name":"Chair","quantity":"2","unit_amount":{"currency_code":"EUR","value":"50.00"}}]}"#;
    let invoice = both.done("invoices.create", &[], Some(body)).await;
    let id = text(&invoice["id"]);
    assert_eq!((&invoice["status"], &invoice["amount"]["value"]), (&"DRAFT".into(), &"100.00".into()));
    assert_eq!(both.failed("invoices.create", &[], Some(body)).await.code.as_str(), "DUPLICATE_INVOICE_NUMBER");
    both.done("invoices.send", &[("id", &id)], Some("{}")).await;
    let found = both.done("invoices.search", &[], Some(r#"{"invoice_number":"SO-1"}"#)).await;
    assert_eq!(found[0]["status"], "SENT");
    both.act("pay_invoice", serde_json::json!({ "invoice": id }));
    assert_eq!(both.done("invoices.get", &[("id", &id)], None).await["status"], "PAID");
    assert!(both.failed("invoices.cancel", &[("id", &id)], Some("{}")).await.is.is_some());
}

#[tokio::test]
async fn movements_of_a_quarter_are_found_whole() {
    let both = start().await;
    both.captured("INV-1").await;
    let day = |n: i64| jiff::Timestamp::now().checked_sub(jiff::SignedDuration::from_hours(24 * n)).unwrap();
    // One day has more than one search may bring.
    for n in 0..12_000i64 {
        let at = day(40).checked_add(jiff::SignedDuration::from_secs(n * 7)).unwrap();
        both.paypal().insert_transaction(&movement(&format!("D{n}"), at)).unwrap();
    }
    for n in [3, 35, 65, 89] {
        both.paypal().insert_transaction(&movement(&format!("E{n}"), day(n))).unwrap();
    }
    let second = |at: jiff::Timestamp| jiff::Timestamp::from_second(at.as_second()).unwrap().to_string();
    let (from, to) = (second(day(90)), second(day(0)));
    let all = both.done("transactions.list", &[("start_date", &from), ("end_date", &to)], None).await;
    let ids: std::collections::BTreeSet<String> =
        all.as_array().unwrap().iter().map(|row| text(&row["transaction_info"]["transaction_id"])).collect();
    assert_eq!((ids.len(), all.as_array().unwrap().len()), (12_005, 12_005));
    let first = both
        .done("transactions.list", &[("start_date", &from), ("end_date", &to), ("transaction_type", "T0006")], None)
        .await;
    assert_eq!(first[0]["transaction_info"]["fee_amount"]["value"], "-0.86");
    assert_eq!(first[0]["transaction_info"]["invoice_id"], "INV-1");
    assert_eq!(both.done("balances.list", &[], None).await[0]["currency"], "USD");
}

fn movement(id: &str, at: jiff::Timestamp) -> String {
    let at = jiff::Timestamp::from_second(at.as_second()).unwrap().to_string().replace('Z', "+0000");
    serde_json::json!({ "transaction_info": { "transaction_id": id, "transaction_event_code": "T0000",
        "transaction_initiation_date": at, "transaction_amount": { "currency_code": "USD", "value": "1.00" }, "transaction_status": "S" } })
    .to_string()
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_again_when_it_is_refused() {
    let both = start().await;
    both.failed("orders.get", &[("id", "X")], None).await;
    both.failed("orders.get", &[("id", "Y")], None).await;
    let tokens = || both.sandbox.paypal_server.seen().iter().filter(|seen| seen.path == "/v1/oauth2/token").count();
    assert_eq!(tokens(), 1);
    both.paypal().forget_tokens();
    assert_eq!(both.failed("orders.get", &[("id", "X")], None).await.status, Some(404));
    assert_eq!(tokens(), 2);
    both.fault("GET", "/v2/", FaultKind::Status { status: 429, retry_after: None });
    let error = both.failed("orders.get", &[("id", "X")], None).await;
    assert_eq!((error.class, error.retry_after), (ErrorClass::Throttled, Some(Duration::from_secs(5))));
}

/// A listener that keeps what comes, and answers 503 to the first.
async fn listener() -> (String, tokio::sync::mpsc::UnboundedReceiver<(Vec<(String, String)>, Bytes)>) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let router = axum::Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
        let texts =
            headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_string()));
        let _ = sender.send((texts.collect(), body));
        std::future::ready("ok")
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/paypal", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, receiver)
}

#[tokio::test]
async fn a_delivery_proves_itself_here_and_at_paypal() {
    let both = start().await;
    let (url, mut deliveries) = listener().await;
    both.paypal().listen(&url);
    let capture = both.captured("INV-1").await;
    // Deliveries have no order of their own.
    let (headers, body) = loop {
        let (headers, body) = deliveries.recv().await.unwrap();
        if String::from_utf8_lossy(&body).contains("PAYMENT.CAPTURE.COMPLETED") {
            break (headers, body);
        }
    };
    let event: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(event["resource"]["id"], capture.as_str());
    let base = url::Url::parse(&format!("{}/", both.sandbox.paypal_server.url())).unwrap();
    let verifier = |how| {
        let hour = Duration::from_secs(3600);
        let id = credentials::PAYPAL_WEBHOOK_ID.to_string();
        Verifier::new(both.connectors.clone(), "paypal".into(), id, how, Authority::of(false, &base), hour)
    };
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let now = jiff::Timestamp::now();
    let forged = String::from_utf8_lossy(&body).replace("10.50", "99.50");
    for how in [How::Local, How::Postback] {
        let verifier = verifier(how);
        assert_eq!(verifier.verify(header, &body, now).await, Ok(()), "{how:?}");
        let refused = verifier.verify(header, forged.as_bytes(), now).await;
        assert!(matches!(refused, Err(Unproved::Refused { status: 401, .. })), "{how:?}: {refused:?}");
    }
    // What was missed can be asked for.
    let listed = both.done("events.list", &[("event_type", "PAYMENT.CAPTURE.COMPLETED")], None).await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &event["id"]));
}

/// Hands everything on, and keeps what it was asked for.
async fn proxy() -> (String, Arc<std::sync::Mutex<Vec<String>>>) {
    let asked: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let kept = asked.clone();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let router = axum::Router::new().fallback(move |request: axum::extract::Request| {
        let (client, url) = (client.clone(), request.uri().to_string());
        kept.lock().unwrap().push(url.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let told = client.request(parts.method, url).headers(parts.headers).body(body).send().await.unwrap();
            (axum::http::StatusCode::from_u16(told.status().as_u16()).unwrap(), told.bytes().await.unwrap())
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, asked)
}

#[tokio::test]
async fn the_certificate_comes_by_the_connections_proxy() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (url, asked) = proxy().await;
    let both = start_with(&format!("proxy: {url}")).await;
    let base = url::Url::parse(&format!("{}/", both.sandbox.paypal_server.url())).unwrap();
    let body = br#"{"id":"WH-1"}"#;
    let sent = flowctl::sandbox::paypal::webhooks::headers(base.as_str().trim_end_matches('/'), "HOOK", body);
    let header =
        |name: &str| sent.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
    let authority = Authority::of(false, &base);
    let hour = Duration::from_secs(3600);
    let verifier = Verifier::new(both.connectors.clone(), "paypal".into(), "HOOK".into(), How::Local, authority, hour);
    assert_eq!(verifier.verify(header, body, jiff::Timestamp::now()).await, Ok(()));
    let certificate = header("paypal-cert-url").unwrap().to_owned();
    assert_eq!(*asked.lock().unwrap(), [certificate]);
}

#[tokio::test]
async fn webhooks_are_registered_changed_and_given_up() {
    let both = start().await;
    let create =
        r#"{"url":"https://hooks.contoso.example/hooks/paypal","event_types":[{"name":"PAYMENT.CAPTURE.COMPLETED"}]}"#;
    let made = both.done("webhooks.create", &[], Some(create)).await;
    let id = text(&made["id"]);
    let error = both.failed("webhooks.create", &[], Some(create)).await;
    assert_eq!(error.code.as_str(), "WEBHOOK_URL_ALREADY_EXISTS");
    let http = create.replace("https", "http");
    assert!(both.failed("webhooks.create", &[], Some(&http)).await.message.contains("webhook URL"));
    let change = r#"[{"op":"replace","path":"/event_types","value":[{"name":"PAYMENT.CAPTURE.REFUNDED"}]}]"#;
    let changed = both.done("webhooks.update", &[("id", &id)], Some(change)).await;
    assert_eq!(changed["event_types"][0]["name"], "PAYMENT.CAPTURE.REFUNDED");
    assert_eq!(both.done("webhooks.list", &[], None).await.as_array().unwrap().len(), 1);
    both.done("webhooks.delete", &[("id", &id)], None).await;
    assert_eq!(both.done("webhooks.list", &[], None).await.as_array().unwrap().len(), 0);
}
