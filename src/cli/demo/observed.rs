//! What stands in the stand-ins and in the store: read, not judged.

use super::events::Case;
use super::expected::Before;
use crate::sandbox::Sandbox;
use crate::store::{EventFilter, Page, Run, RunFilter, Store, StoreError};
use crate::value::{Record, Value};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything that was found.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// One for each case, in their order.
    pub deliveries: Vec<Delivered>,
    /// All sales orders of F&O.
    pub orders: Vec<Order>,
    /// Lines of no order.
    pub stray_lines: usize,
    /// Customers of F&O that were not there before.
    pub new_customers: Vec<Customer>,
    /// Charge → the order that its metadata names in Stripe.
    pub written_back: BTreeMap<String, String>,
}

/// What became of a delivery.
#[derive(Clone, Debug, Default)]
pub struct Delivered {
    /// The answer to Stripe; `None`: there was none.
    pub status: Option<u16>,
    /// How often the store has its event.
    pub events: usize,
    pub runs: Vec<RunSeen>,
    /// What F&O answered to the requests that make the order; `None`: nothing.
    pub answers: Vec<Option<u16>>,
    /// From sending to the end of its run.
    pub took: Duration,
}

#[derive(Clone, Debug)]
pub struct RunSeen {
    pub id: String,
    pub state: &'static str,
    /// Why it failed or stopped.
    pub why: Option<String>,
}

/// A sales order with its lines. Numbers are texts as F&O has them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Order {
    pub number: String,
    pub charge: String,
    pub account: String,
    pub currency: String,
    pub lines: Vec<Line>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    pub number: String,
    pub product: String,
    pub text: String,
    pub quantity: String,
    pub price: String,
    pub amount: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Customer {
    pub account: String,
    pub name: String,
    pub email: String,
    pub currency: String,
}

/// A delivery on its way.
pub struct Sent {
    pub status: Option<u16>,
    pub at: Timestamp,
    /// Until the door's answer.
    pub answered: Duration,
}

/// What stands there before the first event.
pub fn before(sandbox: &Sandbox) -> Before {
    let of_metadata = |customer: &Record| {
        let account = customer.get("metadata").and_then(Value::as_record).map(|all| text(all, "d365_customer_account"));
        account.filter(|account| !account.is_empty()).map(|account| (text(customer, "id"), account))
    };
    let customers = sandbox.finops.rows("CustomersV3");
    Before {
        accounts: sandbox.stripe.objects("customers").iter().filter_map(of_metadata).collect(),
        emails: customers
            .iter()
            .map(|row| (text(row, "PrimaryContactEmail").to_lowercase(), text(row, "CustomerAccount")))
            .collect(),
        items: sandbox.finops.rows("ReleasedProductsV2").iter().map(|row| text(row, "ItemNumber")).collect(),
    }
}

/// The runs of each event, by what Stripe calls the event: what one waits for.
pub async fn runs(store: &dyn Store, case: &Case) -> Result<(usize, Vec<Run>), StoreError> {
    let filter = EventFilter { provider_id: Some(case.event_id().to_string()), ..EventFilter::default() };
    let events = store.events(filter, Page::first(100)).await?.items;
    let mut runs = Vec::new();
    for event in &events {
        let filter = RunFilter { event: Some(event.id), ..RunFilter::default() };
        runs.extend(store.runs(filter, Page::first(100)).await?.items);
    }
    Ok((events.len(), runs))
}

/// Reads everything.
pub async fn after(
    cases: &[Case],
    sent: &[Sent],
    store: &dyn Store,
    sandbox: &Sandbox,
    before: &Before,
) -> Result<Observed, StoreError> {
    let requests = sandbox.finops_server.seen();
    let mut deliveries = Vec::new();
    let mut told = std::collections::BTreeSet::new();
    for (case, sent) in cases.iter().zip(sent) {
        let (events, runs) = runs(store, case).await?;
        // What F&O was asked counts for the first event that tells of the charge.
        let first = told.insert(case.charge_id());
        let makes_it = |request: &&crate::sandbox::server::Seen| {
            let body = String::from_utf8_lossy(&request.body);
            request.method == "POST"
                && request.path.starts_with("/data/SalesOrderHeadersV2")
                && body.contains(case.charge_id())
        };
        let again =
            cases.iter().zip(&deliveries).any(|(earlier, _): (_, &Delivered)| earlier.event_id() == case.event_id());
        let finished = runs.iter().filter_map(|run| run.finished_at).max().filter(|_| !again);
        let took = finished.and_then(|at| Duration::try_from(at.duration_since(sent.at)).ok()).unwrap_or(sent.answered);
        deliveries.push(Delivered {
            status: sent.status,
            events,
            runs: runs.iter().map(run_seen).collect(),
            answers: if first {
                requests.iter().filter(makes_it).map(|request| request.status).collect()
            } else {
                vec![]
            },
            took: took.max(sent.answered),
        });
    }
    let mut lines = sandbox.finops.rows("CDSSalesOrderLinesV2");
    let orders = sandbox.finops.rows("SalesOrderHeadersV2");
    let orders = orders.iter().map(|row| {
        let number = text(row, "SalesOrderNumber");
        let own = |line: &Record| text(line, "SalesOrderNumber") == number;
        let mut of_order: Vec<Line> = lines.iter().filter(|line| own(line)).map(line).collect();
        of_order.sort_by_key(|line| line.number.parse::<i64>().unwrap_or(i64::MAX));
        lines.retain(|line| !own(line));
        Order {
            charge: text(row, "CustomersOrderReference"),
            account: text(row, "OrderingCustomerAccountNumber"),
            currency: text(row, "CurrencyCode"),
            lines: of_order,
            number,
        }
    });
    let orders = orders.collect();
    let is_new = |row: &&Record| !before.emails.iter().any(|(_, account)| *account == text(row, "CustomerAccount"));
    let charges = sandbox.stripe.objects("charges");
    let written_back = charges.iter().filter_map(|charge| {
        let number = charge.get("metadata").and_then(Value::as_record).map(|all| text(all, "d365_sales_order"));
        number.filter(|number| !number.is_empty()).map(|number| (text(charge, "id"), number))
    });
    Ok(Observed {
        deliveries,
        orders,
        stray_lines: lines.len(),
        new_customers: sandbox.finops.rows("CustomersV3").iter().filter(is_new).map(customer).collect(),
        written_back: written_back.collect(),
    })
}

fn run_seen(run: &Run) -> RunSeen {
    let failed = run.error.as_ref().map(|error| match &error.step {
        Some(step) => format!("{step}: {}", error.message),
        None => error.message.clone(),
    });
    RunSeen { id: run.id.to_string(), state: run.state.as_str(), why: failed.or(run.reason.clone()) }
}

fn line(row: &Record) -> Line {
    Line {
        number: text(row, "LineCreationSequenceNumber"),
        product: text(row, "ProductNumber"),
        text: text(row, "LineDescription"),
        quantity: text(row, "OrderedSalesQuantity"),
        price: text(row, "SalesPrice"),
        amount: text(row, "LineAmount"),
    }
}

fn customer(row: &Record) -> Customer {
    let name = ["OrganizationName", "PersonFirstName", "PersonLastName"].map(|column| text(row, column));
    let name: Vec<&str> = name.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    Customer {
        account: text(row, "CustomerAccount"),
        name: name.join(" "),
        email: text(row, "PrimaryContactEmail"),
        currency: text(row, "SalesCurrencyCode"),
    }
}

fn text(row: &Record, column: &str) -> String {
    match row.get(column) {
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Number(number)) => number.plain().unwrap_or_default().into_owned(),
        _ => String::new(),
    }
}
