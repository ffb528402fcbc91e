//! The third act: buyers pay orders at PayPal, and each capture has to stand in F&O as a sales order, a receipt and a fee,
//! whatever goes wrong between.

use super::act::{Act, posts, text};
use super::expected::units;
use super::project;
use crate::runtime::Runtime;
use crate::sandbox::faults::{Deliver, Fault, FaultKind};
use crate::sandbox::server::Standin as _;
use crate::sandbox::{Sandbox, credentials};
use crate::value::{Record, Value as Cell, json};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::time::Duration;

const FLOW: &str = "paypal-capture-to-sales-order";
const FILE: &str = "paypal-dynamics-365/capture-to-sales-order.flow.yaml";

/// What buyers have in their baskets: name, quantity, price.
const ORDERS: &[&[(&str, i64, &str)]] =
    &[&[("Mug", 2, "12.00"), ("T-shirt", 1, "15.00")], &[("T-shirt", 3, "15.00")], &[("Skateboard", 1, "79.90")]];

/// A capture as PayPal knows it.
pub struct Paid {
    pub order: String,
    pub capture: String,
    pub lines: usize,
    gross: String,
    fee: String,
}

/// Who buys.
pub const PAYER: &str = "QYR5Z8XDVJNXQ";

/// Plays it, where the project has the flow; and with the same captures the CRM's act.
pub async fn play(sandbox: &Sandbox, runtime: &Runtime) -> anyhow::Result<Vec<Act>> {
    if !project::has(FILE) {
        return Ok(vec![]);
    }
    let mut act =
        Act {
            name: "paypal_finops", title: "PayPal capture → sales order, receipt and fee in F&O", ..Act::default()
        };
    let hook = json!({ "url": format!("http://{}/hooks/paypal", runtime.hooks) });
    happen(sandbox, "listen", &hook)?;
    let shop = Shop::open(sandbox).await?;
    let mut orders = vec![];
    for basket in ORDERS {
        let order = shop.order(basket).await?;
        happen(sandbox, "approve", &json!({ "order": order, "payer_id": PAYER }))?;
        orders.push((order, basket.len()));
    }
    faults(sandbox, &mut act);
    let crm = super::crm::begin(sandbox);
    let mut paid = vec![];
    for (order, lines) in orders {
        paid.push(shop.capture(&order, lines).await?);
    }
    act.events = paid.len();
    act.ended(runtime, FLOW, paid.len()).await?;
    act.expect_runs(&[("succeeded", paid.len())]);
    paid.iter().for_each(|paid| judge(sandbox, paid, &mut act));
    act.faults_happened([sandbox.paypal.faults(), sandbox.finops.faults()]);
    let mut acts = vec![act];
    if let Some(crm) = crm {
        acts.push(super::crm::end(crm, sandbox, runtime, &paid).await?);
    }
    acts.push(super::refund::play(sandbox, runtime, &shop, &paid).await?);
    Ok(acts)
}

fn happen(sandbox: &Sandbox, what: &str, with: &Value) -> anyhow::Result<Record> {
    let with = match json::parse(with.to_string().as_bytes()) {
        Ok(Cell::Record(with)) => with,
        _ => Record::new(),
    };
    let done = sandbox.paypal.act(what, &with).with_context(|| format!("the stand-in knows no {what}"))?;
    done.map_err(|why| anyhow::anyhow!("{what}: {why}"))
}

/// A shop that sells with PayPal.
pub struct Shop {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Shop {
    async fn open(sandbox: &Sandbox) -> anyhow::Result<Shop> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let base = sandbox.paypal_server.url();
        let request = client.post(format!("{base}/v1/oauth2/token"));
        let request = request.basic_auth(credentials::PAYPAL_CLIENT_ID, Some(credentials::PAYPAL_CLIENT_SECRET));
        let answer: Value = read(request.form(&[("grant_type", "client_credentials")])).await?;
        let token = answer["access_token"].as_str().unwrap_or_default().to_string();
        Ok(Shop { client, base, token })
    }

    /// A request of the shop, and PayPal's answer.
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(&self.token);
        let request = request.header("Content-Type", "application/json").header("Prefer", "return=representation");
        read(request.header("PayPal-Request-Id", uuid::Uuid::new_v4().to_string()).body(body.to_string())).await
    }

    async fn order(&self, basket: &[(&str, i64, &str)]) -> anyhow::Result<String> {
        let money = |cents: i64| json!({ "currency_code": "USD", "value": super::expected::decimal(cents, 2) });
        let cents = |price: &str| units(price, 2).unwrap_or(0);
        let total: i64 = basket.iter().map(|(_, quantity, price)| quantity * cents(price)).sum();
        let items: Vec<Value> = basket
            .iter()
            .map(|(name, quantity, price)| json!({ "name": name, "sku": name.to_uppercase(), "quantity": quantity.to_string(), "unit_amount": money(cents(price)) }))
            .collect();
        let mut amount = money(total);
        amount["breakdown"] = json!({ "item_total": money(total) });
        let body = json!({ "intent": "CAPTURE", "purchase_units": [{ "amount": amount, "items": items }] });
        let order = self.post("/v2/checkout/orders", body).await?;
        Ok(order["id"].as_str().context("the order has no id")?.to_string())
    }

    async fn capture(&self, order: &str, lines: usize) -> anyhow::Result<Paid> {
        let done = self.post(&format!("/v2/checkout/orders/{order}/capture"), json!({})).await?;
        let capture = &done["purchase_units"][0]["payments"]["captures"][0];
        let of = |value: &Value| value.as_str().unwrap_or_default().to_string();
        Ok(Paid {
            order: order.to_string(),
            capture: of(&capture["id"]),
            lines,
            gross: of(&capture["amount"]["value"]),
            fee: of(&capture["seller_receivable_breakdown"]["paypal_fee"]["value"]),
        })
    }
}

async fn read(request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
    let answer = request.send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    anyhow::ensure!(status.is_success(), "PayPal's stand-in answered {status}: {text}");
    Ok(serde_json::from_str(&text)?)
}

/// One of each kind.
fn faults(sandbox: &Sandbox, act: &mut Act) {
    let fault = |method: &str, path: &str, kind| Fault {
        method: method.into(),
        path: path.into(),
        body: String::new(),
        times: 1,
        kind,
    };
    let late = FaultKind::CommitLate(Duration::from_millis(300));
    let throttled = FaultKind::Status { status: 429, retry_after: Some(1) };
    act.twice = 1;
    for (what, fault) in [
        ("a capture is told of twice", fault("", "PAYMENT.CAPTURE.COMPLETED", FaultKind::Deliver(Deliver::Twice))),
        ("the next one comes late", fault("", "PAYMENT.CAPTURE.COMPLETED", FaultKind::Deliver(Deliver::Late))),
        (
            "PayPal answers 500 to the look at a capture",
            fault("GET", "/v2/payments/captures/", FaultKind::Status { status: 500, retry_after: None }),
        ),
    ] {
        act.faults.push(what);
        sandbox.paypal.faults().add(fault);
    }
    for (what, fault) in [
        (
            "F&O makes a sales order and its answer is lost",
            fault("POST", "/data/SalesOrderHeadersV2", FaultKind::DropAfter),
        ),
        ("F&O throttles a line", fault("POST", "/data/CDSSalesOrderLinesV2", throttled)),
        ("a receipt is written after the connection broke", fault("POST", "/data/CustomerPaymentJournalHeaders", late)),
        (
            "the connection breaks before a receipt's line",
            fault("POST", "/data/CustomerPaymentJournalLines", FaultKind::DropBefore),
        ),
        (
            "F&O makes a fee's journal and its answer is lost",
            fault("POST", "/data/LedgerJournalHeaders", FaultKind::DropAfter),
        ),
    ] {
        act.faults.push(what);
        sandbox.finops.faults().add(fault);
    }
}

/// Compares what stands in F&O with what PayPal took.
fn judge(sandbox: &Sandbox, paid: &Paid, act: &mut Act) {
    let rows = |entity: &str, column: &str, value: &str| -> Vec<Record> {
        let all = sandbox.finops.rows(entity);
        all.into_iter().filter(|row| text(row, column) == value).collect()
    };
    let asked = |path: &str, part: &str| posts(&sandbox.finops_server, path, part);
    let orders = rows("SalesOrderHeadersV2", "CustomersOrderReference", &paid.order);
    act.effect(format!("sales order of {}", paid.order), asked("/data/SalesOrderHeadersV2", &paid.order), orders.len());
    let number = orders.first().map(|row| text(row, "SalesOrderNumber")).unwrap_or_default();
    let lines = rows("CDSSalesOrderLinesV2", "SalesOrderNumber", &number);
    let sum: Option<i64> = lines.iter().map(|row| units(&text(row, "LineAmount"), 2)).sum();
    if lines.len() != paid.lines || sum != units(&paid.gross, 2) {
        act.differences.push(format!(
            "{number}: expected {} lines over {}, found {}",
            paid.lines,
            paid.gross,
            lines.len()
        ));
    }
    let reference = format!("PayPal {}", paid.capture);
    let receipts = rows("CustomerPaymentJournalHeaders", "Description", &reference);
    act.effect(
        format!("receipt of {}", paid.capture),
        asked("/data/CustomerPaymentJournalHeaders", &reference),
        receipts.len(),
    );
    let fees = rows("LedgerJournalHeaders", "IntegrationKey", &paid.capture);
    act.effect(format!("fee of {}", paid.capture), asked("/data/LedgerJournalHeaders", &paid.capture), fees.len());
    for (what, entity, column, amount) in [
        ("line of the receipt", "CustomerPaymentJournalLines", "CreditAmount", &paid.gross),
        ("line of the fee", "LedgerJournalLines", "DebitAmount", &paid.fee),
    ] {
        let found = rows(entity, "PaymentReference", &paid.capture);
        act.effect(
            format!("{what} of {}", paid.capture),
            asked(&format!("/data/{entity}"), &paid.capture),
            found.len(),
        );
        let found = found.first().and_then(|row| units(&text(row, column), 2));
        if found != units(amount, 2) {
            act.differences.push(format!("{what} of {}: expected {amount}", paid.capture));
        }
    }
    act.stands.push(format!(
        "{number}: {} lines over {} USD, receipt {}, fee {}",
        lines.len(),
        paid.gross,
        paid.gross,
        paid.fee
    ));
}
