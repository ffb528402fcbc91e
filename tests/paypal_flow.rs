//! PayPal captures into Finance, through real processes and real HTTP, with everything failing that can: each order, receipt
//! and fee is there once, and to the cent.

mod support;

use flowctl::sandbox::faults::{Fault, FaultKind};
use flowctl::sandbox::server::Standin as _;
use flowctl::sandbox::{Sandbox, credentials};
use flowctl::value::{Exact, Record, Value, json};
use std::time::Duration;
use support::process::Setup;
use support::project::Project;

const FLOW_FILES: [&str; 2] =
    ["paypal-dynamics-365/capture-to-sales-order.flow.yaml", "paypal-dynamics-365/payer-to-customer.flow.yaml"];
const LIMIT: Duration = Duration::from_secs(90);

/// A shop at PayPal's stand-in.
struct Shop<'s> {
    sandbox: &'s Sandbox,
    client: reqwest::Client,
    token: String,
}

impl<'s> Shop<'s> {
    async fn open(sandbox: &'s Sandbox) -> Shop<'s> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/v1/oauth2/token", sandbox.paypal_server.url());
        let asked = client.post(url).basic_auth(credentials::PAYPAL_CLIENT_ID, Some(credentials::PAYPAL_CLIENT_SECRET));
        let answer = asked.form(&[("grant_type", "client_credentials")]).send().await.unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        Shop { sandbox, client, token: answer["access_token"].as_str().unwrap().to_string() }
    }

    async fn post(&self, path: &str, body: serde_json::Value) -> serde_json::Value {
        let url = format!("{}{path}", self.sandbox.paypal_server.url());
        let asked = self.client.post(url).bearer_auth(&self.token).header("Prefer", "return=representation");
        let answer = asked.header("Content-Type", "application/json").body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Sells `mugs` for 12.00 each, and 4.90 for shipping; the buyer pays. The capture's id.
    async fn sells(&self, mugs: u32, email: &str, payer: &str) -> String {
        let usd = |cents: u32| serde_json::json!({ "currency_code": "USD", "value": format!("{}.{:02}", cents / 100, cents % 100) });
        let mut amount = usd(mugs * 1200 + 490);
        amount["breakdown"] = serde_json::json!({ "item_total": usd(mugs * 1200), "shipping": usd(490) });
        let unit = serde_json::json!({
            "amount": amount,
            "items": [{ "name": "Mug", "sku": "MUG", "quantity": mugs.to_string(), "unit_amount": usd(1200) }],
            "shipping": { "name": { "full_name": "Ada Lovelace" }, "address": { "address_line_1": "1 Main St", "admin_area_2": "Portland", "admin_area_1": "OR", "postal_code": "97201", "country_code": "US" } },
        });
        let order = self
            .post("/v2/checkout/orders", serde_json::json!({ "intent": "CAPTURE", "purchase_units": [unit] }))
            .await;
        let id = order["id"].as_str().unwrap();
        let with = serde_json::json!({ "order": id, "email": email, "payer_id": payer }).to_string();
        let with = json::parse(with.as_bytes()).unwrap();
        self.sandbox.paypal.act("approve", with.as_record().unwrap()).unwrap().unwrap();
        let paid = self.post(&format!("/v2/checkout/orders/{id}/capture"), serde_json::json!({})).await;
        paid["purchase_units"][0]["payments"]["captures"][0]["id"].as_str().unwrap().to_string()
    }
}

fn fault(method: &str, path: &str, times: u32, kind: FaultKind) -> Fault {
    Fault { method: method.into(), path: path.into(), body: String::new(), times, kind }
}

fn text(row: &Record, column: &str) -> String {
    row.get(column).and_then(Value::as_text).map(|text| text.to_string()).unwrap_or_default()
}

fn sum<'r>(rows: impl IntoIterator<Item = &'r Record>, column: &str) -> Exact {
    let amounts = rows.into_iter().map(|row| row.get(column).and_then(Value::as_number).unwrap().exact().unwrap());
    amounts.fold(Exact::ZERO, |sum, amount| sum.add(amount).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_capture_is_in_finance_once_whatever_fails() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox);
    // Retries that do not make a test wait for minutes.
    let retry = "retry: { for: 1h, initial: 20ms, factor: 2, max: 500ms, jitter: 0.3 }";
    for file in FLOW_FILES {
        let patient = project.read(file);
        let lines = patient.lines().flat_map(|line| {
            let indent = &line[..line.len() - line.trim_start().len()];
            let added = matches!(line.trim(), "call:" | "lookup:").then(|| format!("{indent}{retry}"));
            added.into_iter().chain([line.to_string()])
        });
        project.write(file, &(lines.collect::<Vec<_>>().join("\n") + "\n"));
    }
    let setup = Setup::of(&project);
    let runtime = setup.start().await;
    sandbox.paypal.listen(&runtime.hook().replace("/hooks/stripe", "/hooks/paypal"));

    for (path, kind) in [
        ("/data/SalesOrderHeadersV2", FaultKind::DropAfter),
        ("/data/CDSSalesOrderLinesV2", FaultKind::DropAfter),
        ("/data/CDSSalesOrderLinesV2", FaultKind::Status { status: 429, retry_after: Some(1) }),
        ("/data/CustomersV3", FaultKind::DropAfter),
        ("/data/CustomerPaymentJournalHeaders", FaultKind::DropAfter),
        ("/data/CustomerPaymentJournalLines", FaultKind::DropAfter),
        ("/data/CustomerPaymentJournalLines", FaultKind::DropBefore),
        ("/data/LedgerJournalHeaders", FaultKind::Status { status: 503, retry_after: None }),
        ("/data/LedgerJournalLines", FaultKind::DropAfter),
    ] {
        sandbox.finops.faults().add(fault("POST", path, 1, kind));
    }
    sandbox.paypal.faults().add(fault(
        "GET",
        "/v2/payments/captures/",
        2,
        FaultKind::Status { status: 503, retry_after: None },
    ));
    sandbox.paypal.faults().add(fault("GET", "/v2/checkout/orders/", 1, FaultKind::DropAfter));

    let shop = Shop::open(&sandbox).await;
    let mut captures = vec![];
    for n in 1..=6u32 {
        // Two orders of one new payer, one of a customer whose e-mail F&O knows.
        let (email, payer) = match n {
            1 | 2 => ("ada@lovelace.example".to_string(), "PAYERADA00001".to_string()),
            3 => ("orders@contoso.example".to_string(), "PAYERCONTOSO1".to_string()),
            n => (format!("buyer{n}@shop.example"), format!("PAYER{n:08}")),
        };
        captures.push(shop.sells(n, &email, &payer).await);
    }
    // PayPal tells of it all again.
    for event in sandbox.paypal.objects("events") {
        let path = format!("/v1/notifications/webhooks-events/{}/resend", event["id"].as_str().unwrap());
        shop.post(&path, serde_json::json!({})).await;
    }

    let lines = || sandbox.finops.rows("LedgerJournalLines");
    support::until("all fees are booked", LIMIT, || lines().len() >= captures.len()).await;
    tokio::time::sleep(Duration::from_secs(1)).await; // whatever else was on its way is there now

    let receipts = sandbox.finops.rows("CustomerPaymentJournalLines");
    for capture in &captures {
        let of = |rows: &[Record]| rows.iter().filter(|row| text(row, "PaymentReference") == *capture).count();
        assert_eq!((of(&receipts), of(&lines())), (1, 1), "{capture}");
    }
    assert_eq!((receipts.len(), sandbox.finops.rows("CustomerPaymentJournalHeaders").len()), (6, 6));
    assert_eq!((lines().len(), sandbox.finops.rows("LedgerJournalHeaders").len()), (6, 6));
    // 21 mugs at 12.00, six times 4.90.
    let taken = Exact::parse("281.40").unwrap();
    assert_eq!(sum(&receipts, "CreditAmount"), taken);
    let orders = sandbox.finops.rows("SalesOrderHeadersV2");
    let sold = sandbox.finops.rows("CDSSalesOrderLinesV2");
    assert_eq!((orders.len(), sold.len()), (6, 12));
    assert_eq!(sum(&sold, "LineAmount"), taken);
    let fees = sandbox.paypal.objects("captures").into_iter().map(|capture| {
        let fee = &capture["seller_receivable_breakdown"]["paypal_fee"]["value"];
        Exact::parse(fee.as_str().unwrap()).unwrap()
    });
    let fees = fees.fold(Exact::ZERO, |sum, fee| sum.add(fee).unwrap());
    assert_eq!(sum(&lines(), "DebitAmount"), fees);
    // Ada is one customer, and Contoso the one that was there.
    let accounts: Vec<String> = orders.iter().map(|order| text(order, "OrderingCustomerAccountNumber")).collect();
    let names: std::collections::BTreeSet<&String> = accounts.iter().collect();
    assert_eq!(names.len(), 5, "{accounts:?}");
    assert!(accounts.iter().any(|account| account == "US-001"));
    assert!(runtime.stop().await.success());
}
