//! The bundled integration of PayPal and Dynamics CRM, in the real process against both stand-ins: a payment becomes one
//! order whatever breaks, a refund that was approved is paid once, and what we write ourselves starts nothing.

mod support;

use flowctl::sandbox::dataverse::hooks::{Hook, HookKey, Step};
use flowctl::sandbox::dataverse::seed::SELLER;
use flowctl::sandbox::faults::{Fault, FaultKind};
use flowctl::sandbox::server::Standin as _;
use flowctl::sandbox::{Sandbox, credentials};
use flowctl::value::{Record, Value, json as values};
use serde_json::json;
use std::time::Duration;
use support::process::{Runtime, Setup};
use support::project::Project;

const LIMIT: Duration = Duration::from_secs(60);

struct House {
    sandbox: Sandbox,
    runtime: Runtime,
    client: reqwest::Client,
    token: String,
    _project: Project,
}

impl House {
    async fn new() -> House {
        House::of(true, |_| {}).await
    }

    /// `told`: Dataverse tells of refund requests.
    async fn of(told: bool, change: impl FnOnce(&Project)) -> House {
        let sandbox = support::sandbox().await;
        let project = Project::bundled(&sandbox);
        change(&project);
        let runtime = Setup::of(&project).start().await;
        sandbox.paypal.listen(&format!("http://{}/hooks/paypal", runtime.setup.hooks));
        let step = |message: &str, filtering: &[&str]| Step {
            table: "new_refundrequest".into(),
            message: message.into(),
            filtering: filtering.iter().map(|column| column.to_string()).collect(),
            images: false,
        };
        if told {
            sandbox.dataverse.register(Hook {
                url: format!("http://{}/hooks/crm", runtime.setup.hooks),
                key: HookKey::Header("x-flowctl-key".into(), credentials::DATAVERSE_WEBHOOK_KEY.into()),
                steps: vec![step("Create", &[]), step("Update", &["new_status"])],
            });
        }
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let token = client.post(format!("{}/v1/oauth2/token", sandbox.paypal_server.url()));
        let token = token.basic_auth(credentials::PAYPAL_CLIENT_ID, Some(credentials::PAYPAL_CLIENT_SECRET));
        let token = token.form(&[("grant_type", "client_credentials")]).send().await.expect("an answer");
        let token: serde_json::Value = token.json().await.expect("JSON");
        let token = token["access_token"].as_str().expect("a token").to_owned();
        House { sandbox, runtime, client, token, _project: project }
    }

    async fn paypal(&self, path: &str, body: serde_json::Value) -> serde_json::Value {
        let url = format!("{}{path}", self.sandbox.paypal_server.url());
        let request = self.client.post(url).bearer_auth(&self.token).json(&body);
        let id = format!("shop-{}", fastrand::u64(..));
        let answer = request.header("PayPal-Request-Id", id).header("Prefer", "return=representation");
        let answer = answer.send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("a text"));
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Somebody buys two mugs and a sticker. Gives the capture's id.
    async fn buys(&self, email: &str) -> String {
        let money = |value: &str| json!({ "currency_code": "USD", "value": value });
        let order = json!({
            "intent": "CAPTURE",
            "purchase_units": [{
                "invoice_id": format!("INV-{}", fastrand::u32(..)),
                "amount": { "currency_code": "USD", "value": "30.00", "breakdown": { "item_total": money("25.00"), "shipping": money("6.00"), "discount": money("1.00") } },
                "items": [
                    { "name": "Mug", "sku": "MUG-1", "quantity": "2", "unit_amount": money("10.00") },
                    { "name": "Sticker", "quantity": "1", "unit_amount": money("5.00") }
                ],
                "shipping": { "name": { "full_name": "Ana Silva" }, "address": { "address_line_1": "1 Main St", "admin_area_2": "San Jose", "admin_area_1": "CA", "postal_code": "95131", "country_code": "US" } }
            }]
        });
        let order = self.paypal("/v2/checkout/orders", order).await;
        let id = order["id"].as_str().expect("an order").to_owned();
        let approved = record(json!({ "order": id, "email": email }));
        self.sandbox.paypal.act("approve", &approved).expect("known").expect("approved");
        let captured = self.paypal(&format!("/v2/checkout/orders/{id}/capture"), json!({})).await;
        captured["purchase_units"][0]["payments"]["captures"][0]["id"].as_str().expect("a capture").to_owned()
    }

    fn fault(&self, method: &str, path: &str, kind: FaultKind) {
        let (method, path) = (method.to_owned(), path.to_owned());
        self.sandbox.dataverse.faults().add(Fault { method, path, body: String::new(), times: 1, kind });
    }

    fn rows(&self, table: &str) -> Vec<Record> {
        self.sandbox.dataverse.rows(table)
    }

    async fn runs(&self, flow: &str) -> Vec<String> {
        let runs = self.runtime.admin(&format!("/api/runs?flow={flow}&limit=200")).await;
        let runs = runs["items"].as_array().cloned().unwrap_or_default();
        let mut states: Vec<String> =
            runs.iter().map(|run| run["state"].as_str().unwrap_or_default().to_owned()).collect();
        states.sort();
        states
    }

    /// Waits until the flow has these runs.
    async fn ran(&self, flow: &str, expected: &[&str]) {
        let begun = std::time::Instant::now();
        while self.runs(flow).await != expected {
            let now = self.runs(flow).await;
            assert!(begun.elapsed() < LIMIT, "{flow}: {now:?} after {LIMIT:?}; stderr:\n{}", self.runtime.stderr());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn record(json: serde_json::Value) -> Record {
    match values::parse(json.to_string().as_bytes()) {
        Ok(Value::Record(record)) => record,
        other => panic!("{other:?}"),
    }
}

fn shown(row: &Record, column: &str) -> String {
    row.get(column).map(|value| values::write(value).expect("a value")).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_is_one_order_whatever_breaks() {
    let house = House::new().await;
    house.fault("PATCH", "/contacts", FaultKind::Status { status: 429, retry_after: Some(1) });
    house.fault("PATCH", "/accounts", FaultKind::DropAfter);
    house.fault("POST", "/$batch", FaultKind::DropAfter);
    house.fault("PATCH", "/new_paymenttransactions", FaultKind::Status { status: 503, retry_after: None });
    house.fault("GET", "/products", FaultKind::DropBefore);
    let capture = house.buys("ana@example.com").await;
    house.ran("paypal-capture-to-crm-order", &["succeeded"]).await;
    let (orders, lines) = (house.rows("salesorders"), house.rows("salesorderdetails"));
    assert_eq!((orders.len(), lines.len()), (1, 2));
    assert_eq!((house.rows("contacts").len(), house.rows("accounts").len()), (1, 1));
    // Dynamics works the total out itself: 25 + 6 - 1.
    assert_eq!(shown(&orders[0], "totalamount").parse(), Ok(30.0_f32));
    assert_eq!(shown(&orders[0], "new_paymentstatus"), "100000003");
    assert_eq!(shown(&orders[0], "_customerid_value"), shown(&house.rows("accounts")[0], "accountid"));
    let paid = house.rows("new_paymenttransactions");
    assert_eq!(paid.len(), 1);
    assert_eq!(shown(&paid[0], "new_transactionid"), format!("\"{capture}\""));
    assert_eq!(shown(&paid[0], "_new_salesorder_value"), shown(&orders[0], "salesorderid"));
    // A second purchase of the same payer is another order of the same contact.
    house.buys("ana@example.com").await;
    house.ran("paypal-capture-to-crm-order", &["succeeded", "succeeded"]).await;
    assert_eq!((house.rows("salesorders").len(), house.rows("contacts").len()), (2, 1));
    // No request was sent in two ways under one id.
    let ids: Vec<String> = house.rows("salesorders").iter().map(|row| shown(row, "salesorderid")).collect();
    assert_ne!(ids[0], ids[1]);
    assert!(house.runtime.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_that_was_approved_is_paid_once_and_our_answer_is_no_request() {
    let house = House::new().await;
    let capture = house.buys("ana@example.com").await;
    house.ran("paypal-capture-to-crm-order", &["succeeded"]).await;
    let request =
        json!({ "new_status": 100000000, "new_paypalcaptureid": capture, "new_amount": 10.5, "new_note": "Sorry" });
    let made = house.sandbox.dataverse.insert("new_refundrequests", &request.to_string(), SELLER).expect("a request");
    let id = made.get("new_refundrequestid").and_then(Value::as_text).expect("an id").to_string();
    house.ran("crm-refund-to-paypal", &["skipped"]).await;
    house.fault("PATCH", "/new_refundrequests", FaultKind::DropAfter);
    let approved = json!({ "new_status": 100000001 }).to_string();
    house.sandbox.dataverse.change("new_refundrequests", &id, &approved, SELLER).expect("approved");
    // Our own answer comes back as an event, and starts nothing; so does its repeat.
    house.ran("crm-refund-to-paypal", &["ignored", "ignored", "skipped", "succeeded"]).await;
    let row = house.rows("new_refundrequests").remove(0);
    assert_eq!((shown(&row, "new_status"), shown(&row, "new_result")), ("100000003".into(), "\"COMPLETED\"".into()));
    let refunds = house.sandbox.paypal.objects("refunds");
    assert_eq!(refunds.len(), 1);
    assert_eq!((&refunds[0]["amount"]["value"], &refunds[0]["custom_id"]), (&json!("10.50"), &json!(id)));
    // Saved again, it is paid no second time.
    house.sandbox.dataverse.change("new_refundrequests", &id, &approved, SELLER).expect("saved");
    house.ran("crm-refund-to-paypal", &["duplicate", "ignored", "ignored", "skipped", "succeeded"]).await;
    assert_eq!(house.sandbox.paypal.objects("refunds").len(), 1);
    // A stranger without the key is not heard.
    let forged = house.client.post(format!("http://{}/hooks/crm", house.runtime.setup.hooks)).body("{}");
    assert_eq!(forged.send().await.expect("an answer").status(), 401);
    assert!(house.runtime.stop().await.success());
}

/// Dataverse tries twice, and keeps no list of what it did not bring: the table itself tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_was_never_delivered_is_found_in_the_table() {
    let flow = "paypal-dynamics-crm/refund-request.flow.yaml";
    let house = House::of(false, |project| project.change(flow, "every: 15m", "every: 300ms")).await;
    let capture = house.buys("ana@example.com").await;
    house.ran("paypal-capture-to-crm-order", &["succeeded"]).await;
    let request = json!({ "new_status": 100000001, "new_paypalcaptureid": capture });
    house.sandbox.dataverse.insert("new_refundrequests", &request.to_string(), SELLER).expect("a request");
    let begun = std::time::Instant::now();
    while shown(&house.rows("new_refundrequests")[0], "new_status") != "100000003" {
        assert!(begun.elapsed() < LIMIT, "{:?}", house.runtime.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Listed again and again, it is paid once.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(house.sandbox.paypal.objects("refunds").len(), 1);
    assert_eq!(house.runs("crm-refund-to-paypal").await.iter().filter(|state| *state == "succeeded").count(), 1);
    assert!(house.runtime.stop().await.success());
}
