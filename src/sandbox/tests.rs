//! The stand-ins over real HTTP, as strict as the documentation of the real ones.

use super::*;
use crate::catalog::Types;
use crate::value::{Record, Value};
use serde_json::json;

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
