//! The stand-in of Finance & Operations.

use super::*;

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
