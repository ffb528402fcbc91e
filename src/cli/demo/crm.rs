//! The last act: the same captures have to stand in Dynamics CRM, as orders with their lines, their payments and one contact
//! for the buyer, whatever goes wrong between.

use super::act::{Act, posts, text};
use super::paypal::Paid;
use super::project;
use crate::runtime::Runtime;
use crate::sandbox::Sandbox;
use crate::sandbox::faults::{Fault, FaultKind};
use crate::sandbox::server::Standin as _;
use crate::value::Record;
use std::time::Duration;

const FLOW: &str = "paypal-capture-to-crm-order";
const FILE: &str = "paypal-dynamics-crm/capture-to-sales-order.flow.yaml";
/// Where the Web API is.
const API: &str = "/api/data/v9.2/";

/// Orders its faults, where the project has the flow: before anything is captured.
pub fn begin(sandbox: &Sandbox) -> Option<Act> {
    if !project::has(FILE) {
        return None;
    }
    let mut act =
        Act { name: "paypal_crm", title: "PayPal capture → order, payment and contact in the CRM", ..Act::default() };
    let fault = |method: &str, path: &str, kind| {
        let path = format!("{API}{path}");
        Fault { method: method.into(), path, body: String::new(), times: 1, kind }
    };
    let throttled = FaultKind::Status { status: 429, retry_after: Some(1) };
    for (what, fault) in [
        (
            "Dataverse is busy when it is asked for products",
            fault("GET", "products", FaultKind::Status { status: 503, retry_after: None }),
        ),
        ("an order is written whole and its answer is lost", fault("POST", "$batch", FaultKind::DropAfter)),
        ("Dataverse throttles a payment", fault("PATCH", "new_paymenttransactions", throttled)),
        (
            "the next payment is written after the connection broke",
            fault("PATCH", "new_paymenttransactions", FaultKind::CommitLate(Duration::from_millis(300))),
        ),
    ] {
        act.faults.push(what);
        sandbox.dataverse.faults().add(fault);
    }
    Some(act)
}

/// Waits for the runs and compares.
pub async fn end(mut act: Act, sandbox: &Sandbox, runtime: &Runtime, paid: &[Paid]) -> anyhow::Result<Act> {
    act.events = paid.len();
    act.twice = 1;
    act.ended(runtime, FLOW, paid.len()).await?;
    act.expect_runs(&[("succeeded", paid.len())]);
    let rows = |table: &str, column: &str, value: &str| -> Vec<Record> {
        sandbox.dataverse.rows(table).into_iter().filter(|row| text(row, column) == value).collect()
    };
    for paid in paid {
        let orders = rows("salesorders", "new_paypalorderid", &paid.order);
        act.effect(
            format!("order of {}", paid.order),
            posts(&sandbox.dataverse_server, API, &paid.order),
            orders.len(),
        );
        let id = orders.first().map(|row| text(row, "salesorderid")).unwrap_or_default();
        let lines = rows("salesorderdetails", "_salesorderid_value", &id);
        if lines.len() != paid.lines {
            act.differences.push(format!("{}: expected {} lines, found {}", paid.order, paid.lines, lines.len()));
        }
        let payments = rows("new_paymenttransactions", "new_transactionid", &paid.capture);
        act.effect(format!("payment {}", paid.capture), 1, payments.len());
        act.stands.push(format!("order of {}: {} lines, payment {}", paid.order, lines.len(), paid.capture));
    }
    let contacts = rows("contacts", "new_paypalpayerid", super::paypal::PAYER);
    act.effect("the buyer's contact", 1, contacts.len());
    act.faults_happened([sandbox.dataverse.faults()]);
    Ok(act)
}
