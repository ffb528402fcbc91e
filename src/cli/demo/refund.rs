//! The refunds: part of a charge and part of a capture go back, and have to stand as a credit note and a repayment in F&O,
//! the capture's as a payment of the CRM too, whatever goes wrong between.

use super::act::{Act, posts, text};
use super::expected::units;
use super::paypal::{Paid, Shop};
use crate::runtime::Runtime;
use crate::sandbox::Sandbox;
use crate::sandbox::faults::{Deliver, Fault, FaultKind};
use crate::sandbox::server::Standin as _;
use crate::value::{Record, Value, json};
use anyhow::Context as _;

const STRIPE: &str = "stripe-refund-to-credit-note";
const PAYPAL: &str = "paypal-refund-to-credit-note";
const CRM: &str = "paypal-refund-to-crm";
/// What goes back of each, as F&O writes it and in cents.
const BACK: (&str, i64) = ("5.00", 500);

/// Gives back, waits for the runs and compares.
pub async fn play(sandbox: &Sandbox, runtime: &Runtime, shop: &Shop, paid: &[Paid]) -> anyhow::Result<Act> {
    let title = "Refunds → credit notes and repayments in F&O, payments in the CRM";
    let mut act = Act { name: "refunds", title, events: 2, twice: 2, ..Act::default() };
    faults(sandbox, &mut act);
    let with = format!(r#"{{"charge":"ch_3DemoUsdCard","amount":{}}}"#, BACK.1);
    let Ok(Value::Record(with)) = json::parse(with.as_bytes()) else { anyhow::bail!("not a JSON object") };
    let refund = sandbox.stripe.act("refund", &with).context("the stand-in knows no refund")?;
    let stripe = text(&refund.map_err(|why| anyhow::anyhow!("refund: {why}"))?, "id");
    let capture = &paid.first().context("nothing was captured")?.capture;
    let body = serde_json::json!({ "amount": { "currency_code": "USD", "value": BACK.0 } });
    let paypal = shop.post(&format!("/v2/payments/captures/{capture}/refund"), body).await?;
    let paypal = paypal["id"].as_str().context("the refund has no id")?.to_string();

    for flow in [STRIPE, PAYPAL, CRM] {
        act.ended(runtime, flow, 1).await?;
    }
    act.expect_runs(&[("succeeded", 3)]);
    for (system, refund) in [("Stripe", &stripe), ("PayPal", &paypal)] {
        judge(sandbox, system, refund, &mut act);
    }
    let payments: Vec<Record> = sandbox.dataverse.rows("new_paymenttransactions");
    let payments: Vec<&Record> = payments.iter().filter(|row| text(row, "new_transactionid") == paypal).collect();
    act.effect(format!("payment {paypal} in the CRM"), 1, payments.len());
    if payments.first().and_then(|row| units(&text(row, "new_amount"), 2)) != Some(-BACK.1) {
        act.differences.push(format!("payment {paypal}: expected -{}", BACK.0));
    }
    act.faults_happened([
        sandbox.stripe.faults(),
        sandbox.paypal.faults(),
        sandbox.finops.faults(),
        sandbox.dataverse.faults(),
    ]);
    Ok(act)
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
    let busy = FaultKind::Status { status: 503, retry_after: None };
    let throttled = FaultKind::Status { status: 429, retry_after: Some(1) };
    for (what, faults, fault) in [
        (
            "a refund is told of twice by Stripe",
            sandbox.stripe.faults(),
            fault("", "refund.created", FaultKind::Deliver(Deliver::Twice)),
        ),
        (
            "and one by PayPal",
            sandbox.paypal.faults(),
            fault("", "PAYMENT.CAPTURE.REFUNDED", FaultKind::Deliver(Deliver::Twice)),
        ),
        (
            "F&O makes a credit note with its line and its answer is lost",
            sandbox.finops.faults(),
            fault("POST", "/data/$batch", FaultKind::DropAfter),
        ),
        (
            "F&O throttles a repayment",
            sandbox.finops.faults(),
            fault("POST", "/data/CustomerPaymentJournalHeaders", throttled),
        ),
        (
            "Dataverse is busy when the refund is written",
            sandbox.dataverse.faults(),
            fault("PATCH", "/api/data/v9.2/new_paymenttransactions", busy),
        ),
    ] {
        act.faults.push(what);
        faults.add(fault);
    }
}

/// Compares what stands in F&O with what went back.
fn judge(sandbox: &Sandbox, system: &str, refund: &str, act: &mut Act) {
    let reference = format!("{system} refund {refund}");
    let rows = |entity: &str, column: &str, value: &str| -> Vec<Record> {
        sandbox.finops.rows(entity).into_iter().filter(|row| text(row, column) == value).collect()
    };
    let asked = |path: &str, part: &str| posts(&sandbox.finops_server, path, part);
    let mut stands = |what: &str, requests: usize, found: Vec<Record>, amount: Option<(&str, i64)>| {
        act.effect(format!("{what} of {refund}"), requests, found.len());
        let Some((column, wanted)) = amount else { return };
        let got = found.first().map(|row| text(row, column)).unwrap_or_default();
        if units(&got, 2) != Some(wanted) {
            act.differences.push(format!("{what} of {refund}: expected {wanted} cents, found {got}"));
        }
    };
    let sets = asked("/data/$batch", refund);
    stands("credit note", sets, rows("CDSFreeTextInvoiceHeaders", "ExternalInvoiceId", refund), None);
    let lines = rows("CDSFreeTextInvoiceLines", "ExternalInvoiceId", refund);
    stands("line of the credit note", sets, lines, Some(("TransactionCurrencyAmount", -BACK.1)));
    let journals = asked("/data/CustomerPaymentJournalHeaders", &reference);
    stands("repayment", journals, rows("CustomerPaymentJournalHeaders", "Description", &reference), None);
    let lines = asked("/data/CustomerPaymentJournalLines", refund);
    let found = rows("CustomerPaymentJournalLines", "PaymentReference", refund);
    stands("line of the repayment", lines, found, Some(("DebitAmount", BACK.1)));
    act.stands.push(format!("{reference}: credit note -{} USD, repaid {} USD", BACK.0, BACK.0));
}
