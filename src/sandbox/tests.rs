//! The stand-ins over real HTTP, as strict as the documentation of the real ones.

use super::*;
use crate::catalog::Types;
use crate::value::{Record, Value};
use serde_json::json;
use server::Standin as _;
use std::time::Duration;

struct Running {
    sandbox: Sandbox,
    client: reqwest::Client,
    token: String,
}

const ORDER: &str = "/data/SalesOrderHeadersV2";

impl Running {
    async fn start() -> Running {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let catalog = Catalog::bundled();
        let sandbox = Sandbox::start(&catalog, &Types::bundled(&catalog), Ports::default()).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut running = Running { sandbox, client, token: String::new() };
        let (status, body) = running.token(&[]).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["token_type"], "Bearer");
        running.token = body["access_token"].as_str().unwrap().to_string();
        running
    }

    /// Asks for a token, with some fields of the form replaced.
    async fn token(&self, replaced: &[(&str, &str)]) -> (u16, serde_json::Value) {
        let url = self.sandbox.finops_server.url();
        let scope = format!("{url}/.default");
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", credentials::FINOPS_CLIENT_ID),
            ("client_secret", credentials::FINOPS_CLIENT_SECRET),
            ("scope", &scope),
        ];
        for (name, value) in replaced {
            form.iter_mut().filter(|(known, _)| known == name).for_each(|field| field.1 = value);
        }
        let url = format!("{url}/{}/oauth2/v2.0/token", credentials::FINOPS_TENANT);
        answer(self.client.post(url).form(&form)).await
    }

    fn finops(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.sandbox.finops_server.url());
        self.client.request(method.parse().unwrap(), url).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> (u16, serde_json::Value) {
        answer(self.finops("GET", path)).await
    }

    async fn post(&self, path: &str, body: serde_json::Value) -> (u16, serde_json::Value) {
        answer(self.finops("POST", path).json(&body)).await
    }

    async fn order(&self, reference: &str) -> (u16, serde_json::Value) {
        let body = json!({ "OrderingCustomerAccountNumber": "US-001", "CustomersOrderReference": reference });
        self.post(ORDER, body).await
    }

    fn orders(&self, reference: &str) -> usize {
        let of = |row: &&Record| {
            row.get("CustomersOrderReference").and_then(Value::as_text).is_some_and(|t| &**t == reference)
        };
        self.sandbox.finops.rows("SalesOrderHeadersV2").iter().filter(of).count()
    }

    fn stripe(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.sandbox.stripe_server.url());
        self.client.request(method.parse().unwrap(), url).bearer_auth(credentials::STRIPE_KEY)
    }

    async fn fault(&self, fault: serde_json::Value) {
        let (status, body) = self.post("/_sandbox/faults", fault).await;
        assert_eq!(status, 204, "{body}");
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, serde_json::Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)))
}

fn why(body: &serde_json::Value) -> &str {
    body["error"]["innererror"]["message"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn tokens_are_given_for_the_right_credentials_only() {
    let running = Running::start().await;
    for (field, value, error) in [
        ("client_secret", "guessed", "invalid_client"),
        ("client_id", "other", "unauthorized_client"),
        ("scope", "https://other.example/.default", "invalid_scope"),
        ("grant_type", "password", "unsupported_grant_type"),
    ] {
        let (status, body) = running.token(&[(field, value)]).await;
        assert_eq!((status, &body["error"]), (401, &json!(error)), "{field}");
    }
    assert_eq!(running.get("/data/CustomersV3").await.0, 200);
    running.sandbox.finops.forget_tokens();
    assert_eq!(running.get("/data/CustomersV3").await.0, 401);
}

#[tokio::test]
async fn rows_are_checked_as_finops_checks_them() {
    let running = Running::start().await;
    let account = ("OrderingCustomerAccountNumber", json!("US-001"));
    for (column, value, status, reason) in [
        ("CustomersOrderRef", json!("x"), 400, "The property 'CustomersOrderRef' does not exist"),
        ("OrderingCustomerAccountNumber", json!(""), 400, "must be filled in"),
        ("OrderingCustomerAccountNumber", json!("US-999"), 400, "is not found in the related table"),
        ("FixedExchangeRate", json!("1.5"), 400, "expected type 'Edm.Decimal'"),
        ("ArePricesIncludingSalesTax", json!("Perhaps"), 400, "not a member of the enumeration"),
        ("RequestedShippingDate", json!("2026-11-01"), 400, "Edm.DateTimeOffset"),
        ("RequestedShippingDate", json!("2026-11-01T00:00:00Z"), 400, "T12:00:00Z"),
        ("dataAreaId", json!("none"), 400, "Company none does not exist"),
        ("Email", json!("a@b.example"), 201, ""),
    ] {
        let mut body = serde_json::Map::from_iter([(account.0.to_string(), account.1.clone())]);
        body.insert(column.to_string(), value);
        let (got, answer) = running.post(ORDER, body.into()).await;
        assert_eq!(got, status, "{column}: {answer}");
        assert!(why(&answer).contains(reason), "{column}: {answer}");
    }
    let (status, answer) = running.post("/data/SalesOrders", json!({})).await;
    assert_eq!(status, 404, "{answer}");
    let (status, _) = answer_of_text(&running, "not json").await;
    assert_eq!(status, 400);
}

async fn answer_of_text(running: &Running, body: &str) -> (u16, serde_json::Value) {
    answer(running.finops("POST", ORDER).header("Content-Type", "application/json").body(body.to_string())).await
}

#[tokio::test]
async fn a_row_is_numbered_and_filled_by_finops() {
    let running = Running::start().await;
    let (status, row) = running.order("ch_1").await;
    assert_eq!(status, 201);
    assert_eq!(row["SalesOrderNumber"], "SO-000001");
    assert_eq!(row["dataAreaId"], "usmf");
    assert_eq!(row["SalesOrderStatus"], "Backorder");
    assert_eq!(row["Email"], "", "F&O has no null");
    assert_eq!(row["RequestedShippingDate"], "1900-01-01T12:00:00Z");
    assert!(row["@odata.etag"].as_str().unwrap().starts_with("W/\""), "{row}");
    let (status, again) =
        running.get("/data/SalesOrderHeadersV2(dataAreaId='USMF',SalesOrderNumber='so-000001')").await;
    assert_eq!((status, &again), (200, &row));
    // There is no idempotency: the same request makes another order.
    assert_eq!(running.order("ch_1").await.1["SalesOrderNumber"], "SO-000002");
    assert_eq!(running.orders("ch_1"), 2);
}

#[tokio::test]
async fn a_key_is_taken_once() {
    let running = Running::start().await;
    running.order("ch_1").await;
    let line = json!({ "SalesOrderNumber": "SO-000001", "LineCreationSequenceNumber": 1, "ProductNumber": "D0003",
                       "OrderedSalesQuantity": 2, "LineAmount": 24.00 });
    assert_eq!(running.post("/data/CDSSalesOrderLinesV2", line.clone()).await.0, 201);
    let (status, answer) = running.post("/data/CDSSalesOrderLinesV2", line).await;
    assert_eq!(status, 400);
    assert!(why(&answer).contains("Infolog:") && why(&answer).contains("already exists"), "{answer}");
    assert_eq!(running.sandbox.finops.rows("CDSSalesOrderLinesV2").len(), 1);
    let unknown = json!({ "SalesOrderNumber": "SO-000001", "LineCreationSequenceNumber": 2, "ProductNumber": "X" });
    assert_eq!(running.post("/data/CDSSalesOrderLinesV2", unknown).await.0, 400);
}

#[tokio::test]
async fn patch_changes_and_never_makes() {
    let running = Running::start().await;
    let path = "/data/CustomersV3(dataAreaId='usmf',CustomerAccount='US-001')";
    let patch = |path: &str, body: serde_json::Value| answer(running.finops("PATCH", path).json(&body));
    assert_eq!(patch(path, json!({ "SalesMemo": "good" })).await.0, 204);
    assert_eq!(running.get(path).await.1["SalesMemo"], "good");
    let absent = "/data/CustomersV3(dataAreaId='usmf',CustomerAccount='US-999')";
    assert_eq!(patch(absent, json!({ "SalesMemo": "x" })).await.0, 404);
    assert_eq!(patch(path, json!({ "CustomerAccount": "X" })).await.0, 400);
    assert_eq!(patch("/data/CustomersV3(CustomerAccount='US-001')", json!({})).await.0, 400, "half a key");
    let old =
        answer(running.finops("PATCH", path).header("If-Match", "W/\"1\"").json(&json!({ "SalesMemo": "old" }))).await;
    assert_eq!(old.0, 412);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let running = Running::start().await;
    for n in 0..105 {
        running.sandbox.finops.insert("CustomersV3", &format!(
            r#"{{"CustomerAccount":"P-{n:03}","CustomerGroupId":"90","SalesCurrencyCode":"USD","PrimaryContactEmail":"o'neil@example.com"}}"#
        )).unwrap();
    }
    let (status, first) =
        running.get("/data/CustomersV3?cross-company=true&$filter=CustomerGroupId%20eq%20%2790%27").await;
    assert_eq!(status, 200);
    assert_eq!(first["value"].as_array().unwrap().len(), 100);
    let next = first["@odata.nextLink"].as_str().expect("there is more").to_string();
    let (status, second) = answer(running.client.get(next).bearer_auth(&running.token)).await;
    assert_eq!((status, second["value"].as_array().unwrap().len()), (200, 5));
    assert!(second.get("@odata.nextLink").is_none());
    let (_, quoted) = running.get("/data/CustomersV3?$filter=PrimaryContactEmail%20eq%20%27o%27%27neil@example.com%27&$top=2&$select=CustomerAccount").await;
    assert_eq!(quoted["value"].as_array().unwrap().len(), 2);
    assert_eq!(quoted["value"][0]["CustomerAccount"], "P-000");
    assert!(quoted["value"][0].get("SalesCurrencyCode").is_none());
    assert_eq!(running.get("/data/CustomersV3?$filter=Nobody%20eq%20%27%27").await.0, 400);
    assert_eq!(running.get("/data/CustomersV3?$expand=Lines").await.0, 400);
}

#[tokio::test]
async fn faults_hit_what_they_name_and_are_gone() {
    let running = Running::start().await;
    running.fault(json!({ "method": "POST", "path": ORDER, "body": "ch_2", "status": 429, "retry_after": 3 })).await;
    assert_eq!(running.order("ch_1").await.0, 201, "another body");
    let body = json!({ "OrderingCustomerAccountNumber": "US-001", "CustomersOrderReference": "ch_2" });
    let answer = running.finops("POST", ORDER).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "3");
    assert_eq!(running.orders("ch_2"), 0);
    assert_eq!(running.order("ch_2").await.0, 201, "only once");

    running.fault(json!({ "path": ORDER, "status": 503, "times": 2 })).await;
    assert_eq!(running.order("ch_3").await.0, 503);
    let url = format!("{}/_sandbox/faults", running.sandbox.finops_server.url());
    assert_eq!(running.client.delete(url).send().await.unwrap().status(), 204);
    assert_eq!(running.order("ch_3").await.0, 201, "forgotten");

    let (status, why) = running.post("/_sandbox/faults", json!({ "path": "/" })).await;
    assert_eq!(status, 400, "{why}");
    assert_eq!(running.get("/_sandbox/Nothing").await.0, 404);
    assert_eq!(running.get("/_sandbox/SalesOrderHeadersV2").await.1.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_dropped_connection_may_have_done_the_work() {
    let running = Running::start().await;
    let body =
        |reference: &str| json!({ "OrderingCustomerAccountNumber": "US-001", "CustomersOrderReference": reference });
    for (how, made) in [("before", 0), ("after", 1)] {
        running.fault(json!({ "method": "POST", "path": ORDER, "drop": how })).await;
        let lost = running.finops("POST", ORDER).json(&body(how)).send().await;
        assert!(lost.is_err(), "{lost:?}");
        assert_eq!(running.orders(how), made, "{how}");
    }
    let seen = running.sandbox.finops_server.seen();
    assert_eq!(seen.iter().filter(|seen| seen.path == ORDER).map(|seen| seen.status).collect::<Vec<_>>(), [None, None]);
}

#[tokio::test]
async fn work_can_be_done_long_after_the_connection_broke() {
    let running = Running::start().await;
    running.fault(json!({ "method": "POST", "path": ORDER, "commit_late_ms": 100 })).await;
    let body = json!({ "OrderingCustomerAccountNumber": "US-001", "CustomersOrderReference": "ch_late" });
    assert!(running.finops("POST", ORDER).json(&body).send().await.is_err());
    assert_eq!(running.orders("ch_late"), 0, "not yet");
    let begin = std::time::Instant::now();
    while running.orders("ch_late") == 0 {
        assert!(begin.elapsed().as_secs() < 10, "it never came");
        tokio::task::yield_now().await;
    }
    assert_eq!(running.orders("ch_late"), 1);
}

#[tokio::test]
async fn stripe_answers_a_key_once() {
    let running = Running::start().await;
    running.sandbox.stripe.insert(r#"{"id":"ch_1","object":"charge","metadata":{"sku":"MUG"}}"#).unwrap();
    let update = |key: &'static str, value: &'static str| {
        running
            .stripe("POST", "/v1/charges/ch_1")
            .header("Idempotency-Key", key)
            .form(&[("metadata[order]", value)])
            .send()
    };
    let first = update("k1", "SO-1").await.unwrap();
    assert_eq!(first.status(), 200);
    assert!(first.headers().get("idempotent-replayed").is_none());
    let first: serde_json::Value = serde_json::from_str(&first.text().await.unwrap()).unwrap();
    assert_eq!(first["metadata"], json!({ "sku": "MUG", "order": "SO-1" }), "metadata is merged");

    update("k2", "SO-2").await.unwrap();
    let again = update("k1", "SO-1").await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    let again: serde_json::Value = serde_json::from_str(&again.text().await.unwrap()).unwrap();
    assert_eq!(again, first, "the first answer, not the object as it is now");

    let other = update("k1", "SO-3").await.unwrap();
    assert_eq!(other.status(), 400);
    let other: serde_json::Value = serde_json::from_str(&other.text().await.unwrap()).unwrap();
    assert_eq!(other["error"]["type"], "idempotency_error");
    let now = answer(running.stripe("GET", "/v1/charges/ch_1")).await;
    assert_eq!(now.1["metadata"]["order"], "SO-2");
}

#[tokio::test]
async fn stripe_refuses_what_it_does_not_know() {
    let running = Running::start().await;
    let url = |path: &str| format!("{}{path}", running.sandbox.stripe_server.url());
    let (status, body) = answer(running.client.get(url("/v1/customers/cus_Contoso")).bearer_auth("sk_other")).await;
    assert_eq!(status, 401, "{body}");
    let (status, body) = answer(running.stripe("GET", "/v1/customers/cus_Nobody")).await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!("resource_missing")));
    let (status, body) = answer(running.stripe("GET", "/v1/customers/cus_Contoso")).await;
    assert_eq!((status, &body["metadata"]["d365_customer_account"]), (200, &json!("US-001")));
    let unknown = running.stripe("POST", "/v1/customers/cus_Contoso").form(&[("metdata[x]", "1")]);
    assert_eq!(answer(unknown).await.1["error"]["code"], "parameter_unknown");
    let as_json = running.stripe("POST", "/v1/customers/cus_Contoso").json(&json!({ "name": "x" }));
    assert_eq!(answer(as_json).await.0, 400);

    let (_, first) = answer(running.stripe("GET", "/v1/customers?limit=3")).await;
    assert_eq!((&first["has_more"], first["data"].as_array().unwrap().len()), (&json!(true), 3));
    let last = first["data"][2]["id"].as_str().unwrap();
    let (_, rest) = answer(running.stripe("GET", &format!("/v1/customers?limit=3&starting_after={last}"))).await;
    assert_eq!((&rest["has_more"], rest["data"].as_array().unwrap().len()), (&json!(false), 2));
}

/// Posts to Stripe with a key of its own.
async fn posted(running: &Running, path: &str, form: &[(&str, &str)]) -> (u16, serde_json::Value) {
    let key = uuid::Uuid::new_v4().to_string();
    answer(running.stripe("POST", path).header("Idempotency-Key", key).form(form)).await
}

async fn happens(running: &Running, what: &str, with: serde_json::Value) -> serde_json::Value {
    let path = format!("/_sandbox/do/{what}");
    let (status, body) = answer(running.stripe("POST", &path).body(with.to_string())).await;
    assert_eq!(status, 200, "{what}: {body}");
    body
}

#[tokio::test]
async fn a_payout_holds_what_has_moved() {
    let running = Running::start().await;
    let first = happens(&running, "payment", json!({ "amount": 10_000, "customer": "cus_Contoso" })).await;
    let second = happens(&running, "payment", json!({ "amount": 4_200, "async": true })).await;
    let charge = first["id"].as_str().unwrap();
    let (status, refund) = posted(&running, "/v1/refunds", &[("charge", charge), ("amount", "2500")]).await;
    assert_eq!((status, &refund["amount"]), (200, &json!(2500)));
    let dispute = happens(&running, "dispute", json!({ "charge": second["id"] })).await;
    assert_eq!(dispute["balance_transactions"][0]["fee"], 1500);
    let payout = happens(&running, "payout", json!({})).await;
    assert_eq!(payout["reconciliation_status"], "completed");

    let path = format!("/v1/balance_transactions?payout={}&expand[]=data.source", payout["id"].as_str().unwrap());
    let (status, list) = answer(running.stripe("GET", &path)).await;
    assert_eq!(status, 200, "{list}");
    let rows = list["data"].as_array().unwrap();
    let of = |category: &str| rows.iter().filter(|row| row["reporting_category"] == category).collect::<Vec<_>>();
    assert_eq!((of("charge").len(), of("refund").len(), of("dispute").len(), of("payout").len()), (2, 1, 1, 1));
    assert_eq!(of("charge")[1]["source"]["id"], first["id"], "expanded");
    assert_eq!(of("refund")[0]["source"]["charge"], charge);
    for row in rows {
        let part = |name: &str| row[name].as_i64().unwrap();
        assert_eq!(part("net"), part("amount") - part("fee"), "{row}");
    }
    let nets: i64 = rows.iter().filter(|row| row["type"] != "payout").map(|row| row["net"].as_i64().unwrap()).sum();
    assert_eq!(json!(nets), payout["amount"]);
    assert_eq!(of("payout")[0]["net"], json!(-nets));

    let (_, events) = answer(running.stripe("GET", "/v1/events?limit=100")).await;
    let names: Vec<&str> =
        events["data"].as_array().unwrap().iter().rev().map(|event| event["type"].as_str().unwrap()).collect();
    for (earlier, later) in [
        ("charge.succeeded", "charge.updated"),
        ("refund.created", "charge.refunded"),
        ("payout.paid", "payout.reconciliation_completed"),
    ] {
        let place =
            |name: &str| names.iter().position(|known| *known == name).unwrap_or_else(|| panic!("{name} in {names:?}"));
        assert!(place(earlier) < place(later), "{names:?}");
    }
    let (status, body) = answer(running.stripe("POST", "/_sandbox/do/payout").body("{}")).await;
    assert_eq!(status, 400, "nothing is left: {body}");
}

#[tokio::test]
async fn refunds_are_never_more_than_was_taken() {
    let running = Running::start().await;
    let charge = happens(&running, "payment", json!({ "amount": 1_000 })).await;
    let charge = charge["id"].as_str().unwrap();
    let refund = async |amount: &str| posted(&running, "/v1/refunds", &[("charge", charge), ("amount", amount)]).await;
    assert_eq!(refund("1001").await.0, 400);
    assert_eq!(refund("400").await.0, 200);
    assert_eq!(refund("601").await.0, 400);
    assert_eq!(refund("x").await.1["error"]["code"], "parameter_invalid_integer");
    assert_eq!(posted(&running, "/v1/refunds", &[("charge", charge), ("reason", "because")]).await.0, 400);
    assert_eq!(posted(&running, "/v1/refunds", &[("charge", charge)]).await.1["amount"], 600);
    assert_eq!(refund("1").await.1["error"]["code"], "charge_already_refunded");
    let (_, now) = answer(running.stripe("GET", &format!("/v1/charges/{charge}?expand[]=refunds"))).await;
    assert_eq!((&now["amount_refunded"], &now["refunded"]), (&json!(1000), &json!(true)));
    assert_eq!(now["refunds"]["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn customers_are_made_changed_searched_for_and_deleted() {
    let running = Running::start().await;
    let form = [
        ("name", "Wide World"),
        ("email", "Ap@wideworld.example"),
        ("address[country]", "NO"),
        ("metadata[d365]", "US-9"),
        ("preferred_locales[0]", "nb"),
    ];
    let (status, made) = posted(&running, "/v1/customers", &form).await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(
        (&made["address"]["country"], &made["address"]["line1"], &made["preferred_locales"]),
        (&json!("NO"), &json!(null), &json!(["nb"]))
    );
    let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
    let (status, body) = posted(&running, &path, &[("address[streeet]", "x")]).await;
    assert_eq!((status, &body["error"]["param"]), (400, &json!("address[streeet]")));
    let (_, changed) = posted(&running, &path, &[("email", ""), ("metadata[d365]", ""), ("metadata[b]", "2")]).await;
    assert_eq!((&changed["email"], &changed["metadata"]), (&json!(null), &json!({ "b": "2" })));
    let search = |query: &str| {
        let url = format!("{}/v1/customers/search", running.sandbox.stripe_server.url());
        answer(running.client.get(url).query(&[("query", query), ("limit", "2")]).bearer_auth(credentials::STRIPE_KEY))
    };
    let names = |found: &serde_json::Value| {
        found["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["name"].as_str().unwrap().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&search(r#"metadata["b"]:"2" AND name~"wide""#).await.1), ["Wide World"]);
    assert_eq!(names(&search(r#"email:'ORDERS@contoso.example'"#).await.1), ["Contoso Retail"]);
    let (_, first) = search("created>0").await;
    assert_eq!((names(&first).len(), &first["has_more"], &first["next_page"]), (2, &json!(true), &json!("page_2")));
    for bad in ["balance:1", "email", "email:\"a", "OR"] {
        assert_eq!(search(bad).await.0, 400, "{bad}");
    }
    let (_, gone) = answer(running.stripe("DELETE", &path)).await;
    assert_eq!(gone["deleted"], true);
    assert_eq!(answer(running.stripe("GET", &path)).await.1["deleted"], true);
    assert_eq!(answer(running.stripe("DELETE", &path)).await.0, 404);
    let (_, events) = answer(running.stripe("GET", "/v1/events?types[0]=customer.updated")).await;
    assert_eq!(
        events["data"][0]["data"]["previous_attributes"],
        json!({ "email": "Ap@wideworld.example", "metadata": { "d365": "US-9" } })
    );
    let other = answer(running.stripe("GET", "/v1/customers").header("Stripe-Account", "acct_other")).await;
    assert_eq!(other.0, 403);
    assert_eq!(
        answer(running.stripe("GET", "/v1/charges?expand[]=data.customer.default_source.x.y")).await.0,
        200,
        "no rows"
    );
    assert_eq!(answer(running.stripe("GET", "/v1/customers?expand[]=name")).await.0, 400);
}

/// An endpoint that answers each status in turn, then 200, and keeps what it got.
async fn endpoint(statuses: &[u16]) -> (Server, Arc<Receiver>) {
    let receiver = Arc::new(Receiver { faults: faults::Faults::default() });
    for status in statuses {
        let kind = faults::FaultKind::Status { status: *status, retry_after: None };
        receiver.faults.add(faults::Fault {
            method: String::new(),
            path: String::new(),
            body: String::new(),
            times: 1,
            kind,
        });
    }
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    (Server::start(any, receiver.clone()).await.unwrap(), receiver)
}

struct Receiver {
    faults: faults::Faults,
}

impl server::Standin for Receiver {
    fn answer(&self, _: &server::Call) -> server::Reply {
        server::Reply::empty(200)
    }

    fn fault(&self, status: u16) -> server::Reply {
        server::Reply::empty(status)
    }

    fn faults(&self) -> &faults::Faults {
        &self.faults
    }

    fn inspect(&self, _: &str) -> Option<Vec<Record>> {
        None
    }
}

/// What has come in, once it is so much.
async fn received(server: &Server, count: usize) -> Vec<(String, Option<u16>)> {
    let begin = std::time::Instant::now();
    loop {
        let seen = server.seen();
        if seen.len() >= count {
            let of = |seen: &server::Seen| {
                let body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
                let name = body["type"].as_str().or(body["BusinessEventId"].as_str()).unwrap_or_default();
                (name.to_string(), seen.status)
            };
            return seen.iter().map(of).collect();
        }
        assert!(begin.elapsed().as_secs() < 20, "{} of {count} came", seen.len());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn events_are_delivered_signed_and_again_until_they_are_taken() {
    let running = Running::start().await;
    let (server, _receiver) = endpoint(&[500]).await;
    let form = [
        ("url", server.url()),
        ("enabled_events[0]", "charge.succeeded".into()),
        ("enabled_events[1]", "payout.paid".into()),
    ];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (status, made) = posted(&running, "/v1/webhook_endpoints", &form).await;
    let secret = made["secret"].as_str().unwrap().to_string();
    assert!(status == 200 && secret.starts_with("whsec_"), "{made}");
    let (_, listed) = answer(running.stripe("GET", "/v1/webhook_endpoints")).await;
    assert!(listed["data"][0].get("secret").is_none(), "only once: {listed}");
    happens(&running, "payment", json!({ "amount": 1_000 })).await;
    let charge = || "charge.succeeded".to_string();
    assert_eq!(received(&server, 2).await, [(charge(), Some(500)), (charge(), Some(200))]);
    let last = server.seen().pop().unwrap();
    let header = last.headers["stripe-signature"].to_str().unwrap();
    let now = jiff::Timestamp::now().as_second();
    let verify = |body: &[u8]| {
        crate::triggers::stripe::verify(
            Some(header),
            body,
            std::slice::from_ref(&secret),
            Duration::from_secs(300),
            now,
        )
    };
    verify(&last.body).unwrap();
    let mut other = last.body.to_vec();
    other[20] ^= 1;
    assert!(verify(&other).is_err());

    running
        .sandbox
        .stripe
        .faults()
        .add(faults::Fault::from_json(&record(r#"{"path":"charge.","deliver":"late"}"#)).unwrap());
    running
        .sandbox
        .stripe
        .faults()
        .add(faults::Fault::from_json(&record(r#"{"path":"payout.","deliver":"twice"}"#)).unwrap());
    happens(&running, "payment", json!({ "amount": 1_000 })).await;
    happens(&running, "payout", json!({})).await;
    let names: Vec<String> = received(&server, 5).await.into_iter().skip(2).map(|(name, _)| name).collect();
    assert_eq!(names.iter().filter(|name| *name == "payout.paid").count(), 2, "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "charge.succeeded").count(), 1, "{names:?}");
}

fn record(text: &str) -> Record {
    match crate::value::json::parse(text.as_bytes()) {
        Ok(Value::Record(record)) => record,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn journals_balance_before_they_are_posted_and_are_told_of() {
    let running = Running::start().await;
    let (server, _receiver) = endpoint(&[]).await;
    let act = |what: &str, with: serde_json::Value| {
        answer(running.finops("POST", &format!("/_sandbox/do/{what}")).body(with.to_string()))
    };
    assert_eq!(act("endpoint", json!({ "url": server.url() + "/hooks/d365?code=k" })).await.0, 200);
    assert_eq!(received(&server, 1).await[0].0, "BusinessEventsTestEndpointContract");
    let (_, header) = running
        .post("/data/LedgerJournalHeaders", json!({ "JournalName": "GenJrn", "Description": "Stripe payout" }))
        .await;
    let journal = header["JournalBatchNumber"].as_str().unwrap().to_string();
    let line = async |number: i64, voucher: &str, debit: f64, credit: f64| {
        let body = json!({ "JournalBatchNumber": journal, "LineNumber": number, "AccountType": "Ledger", "AccountDisplayValue": "110150",
            "Voucher": voucher, "DebitAmount": debit, "CreditAmount": credit, "CurrencyCode": "USD", "TransDate": "2026-11-01T12:00:00Z" });
        running.post("/data/LedgerJournalLines", body).await
    };
    let (status, first) = line(1, "", 42.5, 0.0).await;
    assert_eq!(status, 201, "{first}");
    let voucher = first["Voucher"].as_str().unwrap().to_string();
    assert!(voucher.starts_with("GNJL"), "{first}");
    assert_eq!(line(2, &voucher, 0.0, 40.0).await.0, 201);
    let key = format!("/data/LedgerJournalHeaders(dataAreaId='usmf',JournalBatchNumber='{journal}')");
    let totals = async || {
        let (_, header) = running.get(&key).await;
        (header["JournalTotalDebit"].to_string(), header["JournalTotalCredit"].to_string())
    };
    assert_eq!(totals().await, ("42.5".into(), "40".into()));
    let post = || {
        answer(
            running
                .finops("POST", "/api/services/ContosoPosting/Journals/post")
                .json(&json!({ "JournalBatchNumber": journal })),
        )
    };
    let (status, body) = post().await;
    assert!(status == 400 && why(&body).contains("do not balance"), "{body}");
    assert_eq!(line(3, &voucher, 0.0, 2.5).await.0, 201);
    assert_eq!(post().await.0, 200);
    assert_eq!(running.get(&key).await.1["IsPosted"], "Yes");
    let (status, body) = line(4, &voucher, 1.0, 0.0).await;
    assert!(status == 400 && why(&body).contains("has been posted"), "{body}");
    let gone = format!("/data/LedgerJournalLines(dataAreaId='usmf',JournalBatchNumber='{journal}',LineNumber=1)");
    assert_eq!(answer(running.finops("DELETE", &gone)).await.0, 400);
    assert_eq!(line(1, "", 1.0, 0.0).await.0, 400, "of no journal either");
    assert_eq!(answer(running.finops("POST", "/api/services/Other/Service/op").json(&json!({}))).await.0, 404);

    running.order("ch_1").await;
    let (status, invoice) = act("invoice_order", json!({ "SalesOrderNumber": "SO-000001" })).await;
    assert_eq!((status, &invoice["SalesOrderNumber"]), (200, &json!("SO-000001")), "{invoice}");
    assert_eq!(received(&server, 2).await[1].0, "SalesInvoicePostedBusinessEvent");
    assert_eq!(act("invoice_order", json!({ "SalesOrderNumber": "SO-000001" })).await.0, 400);
}

#[tokio::test]
async fn rows_are_deleted_and_keys_of_every_kind_are_read() {
    let running = Running::start().await;
    let rate = json!({ "RateTypeName": "Default", "FromCurrency": "EUR", "ToCurrency": "USD", "StartDate": "2026-11-01T12:00:00Z", "Rate": 111.72, "ConversionFactor": "Hundred" });
    let (status, made) = running.post("/data/ExchangeRates", rate.clone()).await;
    assert_eq!(status, 201, "{made}");
    assert!(made.get("dataAreaId").is_none(), "rates are nobody's own: {made}");
    assert_eq!(running.post("/data/ExchangeRates", rate).await.0, 400);
    let key = "/data/ExchangeRates(RateTypeName='Default',FromCurrency='EUR',ToCurrency='USD',StartDate=2026-11-01T12:00:00Z)";
    assert_eq!(running.get(key).await.1["Rate"].to_string(), "111.72");
    let old = answer(running.finops("DELETE", key).header("If-Match", "W/\"0\"")).await;
    assert_eq!(old.0, 412);
    assert_eq!(answer(running.finops("DELETE", key)).await.0, 204);
    assert_eq!(answer(running.finops("DELETE", key)).await.0, 404);
    for filter in ["Name in ('a')", "Lines/any(l: l/Quantity gt 1)", "Name has 'x'"] {
        let (status, _) = answer(running.finops("GET", "/data/BankAccounts").query(&[("$filter", filter)])).await;
        assert_eq!(status, 400, "{filter}");
    }
}

#[tokio::test]
async fn what_is_kept_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::bundled();
    let types = Types::bundled(&catalog);
    let start = async || Sandbox::start_kept(&catalog, &types, Ports::default(), Some(folder.path())).await.unwrap();
    let mut running = Running::start().await;
    running.sandbox = start().await;
    running.token = running.token(&[]).await.1["access_token"].as_str().unwrap().to_string();
    running.order("ch_1").await;
    let charge = happens(&running, "payment", json!({ "amount": 1_000 })).await;
    let form = [("charge", charge["id"].as_str().unwrap()), ("amount", "400")];
    let refund =
        |running: &Running| running.stripe("POST", "/v1/refunds").header("Idempotency-Key", "once").form(&form).send();
    let first = refund(&running).await.unwrap().text().await.unwrap();

    running.sandbox = start().await;
    assert_eq!(running.get(ORDER).await.0, 401, "tokens are forgotten");
    running.token = running.token(&[]).await.1["access_token"].as_str().unwrap().to_string();
    assert_eq!(running.orders("ch_1"), 1);
    assert_eq!(running.order("ch_2").await.1["SalesOrderNumber"], "SO-000002");
    let again = refund(&running).await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.text().await.unwrap(), first);
    assert_eq!(running.sandbox.stripe.objects("refunds").len(), 1);
    assert_eq!(running.sandbox.finops.rows("CustomersV3").len(), 5, "planted once");
}

#[tokio::test]
async fn the_page_shows_everything_and_runs_nothing() {
    let running = Running::start().await;
    running.sandbox.stripe.insert(r#"{"id":"ch_1","object":"charge","metadata":{}}"#).unwrap();
    posted(&running, "/v1/charges/ch_1", &[("description", "<script>alert('x')</script>")]).await;
    let url = format!("{}/_sandbox", running.sandbox.stripe_server.url());
    let page = running.client.get(&url).send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let page = page.text().await.unwrap();
    assert!(page.contains("/_sandbox/charges") && page.contains("do/payout"), "{page}");
    assert!(!page.contains("<script") && !page.contains("alert('x')"), "{page}");
    let (_, requests) = answer(running.client.get(format!("{url}/requests"))).await;
    assert_eq!(requests[0]["path"], "/v1/charges/ch_1");
    assert!(requests[0]["headers"].get("authorization").is_none(), "{requests}");
    let form =
        running.client.post(format!("{url}/faults?page=1")).form(&[("with", r#"{"path":"/v1/refunds","status":503}"#)]);
    assert!(form.send().await.is_ok());
    let (_, waiting) = answer(running.client.get(format!("{url}/faults"))).await;
    assert_eq!(waiting, json!([{ "path": "/v1/refunds", "times": 1, "status": 503 }]));
    let (status, why) =
        answer(running.client.post(format!("{url}/faults")).body(r#"{"paht":"/v1","status":503}"#)).await;
    assert!(status == 400 && why.as_str().unwrap().contains("paht"), "{why}");
}
