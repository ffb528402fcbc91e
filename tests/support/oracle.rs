//! What must hold after whatever happened: asked of the stand-ins and of the store, not of the runtime.

use super::events::Charge;
use flowctl::sandbox::Sandbox;
use flowctl::sandbox::server::{Seen, Server};
use flowctl::store::{Page, Run, RunFilter, RunState, SqliteStore, Store};
use flowctl::value::{Record, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A column as text; numbers in their shortest form.
pub fn text(row: &Record, column: &str) -> String {
    match row.get(column) {
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Number(number)) => number.canonical(),
        _ => String::new(),
    }
}

/// The orders of each charge.
pub fn orders(sandbox: &Sandbox) -> BTreeMap<String, Vec<Record>> {
    let mut orders: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for row in sandbox.finops.rows("SalesOrderHeadersV2") {
        orders.entry(text(&row, "CustomersOrderReference")).or_default().push(row);
    }
    orders
}

/// Whether the charge has been told its order's number: the last thing that its run does.
pub fn is_marked(charge: &Record) -> bool {
    charge.get("metadata").and_then(Value::as_record).is_some_and(|metadata| metadata.get("d365_sales_order").is_some())
}

/// How many charges have been told their order's number.
pub fn marked(sandbox: &Sandbox) -> usize {
    sandbox.stripe.objects("charges").iter().filter(|charge| is_marked(charge)).count()
}

/// Everything that is wrong: each of `charges` has to be exactly one order with exactly its lines, and nothing else may
/// be there. Empty: all is well.
pub fn wrong(sandbox: &Sandbox, charges: &[Charge]) -> Vec<String> {
    let mut wrong = Vec::new();
    let orders = orders(sandbox);
    let mut lines: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for line in sandbox.finops.rows("CDSSalesOrderLinesV2") {
        let key = (text(&line, "SalesOrderNumber"), text(&line, "LineCreationSequenceNumber"));
        lines.entry(key.0.clone()).or_default().push(line);
        if !keys.insert(key.clone()) {
            wrong.push(format!("line {} of order {} is there twice", key.1, key.0));
        }
    }
    let marked: BTreeMap<String, Record> =
        sandbox.stripe.objects("charges").into_iter().map(|charge| (text(&charge, "id"), charge)).collect();
    for charge in charges {
        let found = orders.get(&charge.id).map(Vec::as_slice).unwrap_or_default();
        let [order] = found else {
            wrong.push(format!("{} has {} orders", charge.id, found.len()));
            continue;
        };
        let number = text(order, "SalesOrderNumber");
        let told = marked.get(&charge.id).and_then(|charge| charge.get("metadata")).and_then(Value::as_record);
        if told.map(|metadata| text(metadata, "d365_sales_order")).as_deref() != Some(number.as_str()) {
            wrong.push(format!("{} was not told its order {number}", charge.id));
        }
        let lines = lines.get(&number).map(Vec::as_slice).unwrap_or_default();
        if lines.len() != charge.items.len() {
            wrong.push(format!("{} has {} of {} lines", charge.id, lines.len(), charge.items.len()));
        }
        for (n, (sku, quantity, price)) in charge.items.iter().enumerate() {
            let wanted = format!("{}", n + 1);
            let Some(line) = lines.iter().find(|line| text(line, "LineCreationSequenceNumber") == wanted) else {
                wrong.push(format!("{} has no line {wanted}", charge.id));
                continue;
            };
            let item = match *sku {
                "TSHIRT" => "D0011",
                "MUG" => "D0003",
                _ => "MISC",
            };
            let amount = quantity * price;
            let amount =
                flowctl::value::Number::from_json(format!("{}.{:02}", amount / 100, amount % 100).as_str().into());
            let equal = matches!(line.get("LineAmount"), Some(Value::Number(there)) if there.compare(&amount).is_eq());
            if text(line, "ProductNumber") != item
                || text(line, "OrderedSalesQuantity") != quantity.to_string()
                || !equal
            {
                wrong.push(format!("line {wanted} of {} is {line:?}", charge.id));
            }
        }
    }
    let expected: BTreeSet<&str> = charges.iter().map(|charge| charge.id.as_str()).collect();
    for reference in orders.keys().filter(|reference| !expected.contains(reference.as_str())) {
        wrong.push(format!("an order of {reference:?}, of which nobody told"));
    }
    // One F&O customer for each Stripe customer and guest, however often its creation was tried.
    let mut aliases: BTreeMap<String, usize> = BTreeMap::new();
    for customer in sandbox.finops.rows("CustomersV3") {
        *aliases.entry(text(&customer, "NameAlias")).or_default() += 1;
    }
    for (alias, count) in aliases.iter().filter(|(alias, count)| !alias.is_empty() && **count > 1) {
        wrong.push(format!("{count} customers with the search name {alias}"));
    }
    wrong
}

/// Writing requests of a server with the key under which each was sent, as the other side can know it: the idempotency
/// key, or the natural key in the body.
pub fn keyed(server: &Server) -> Vec<(String, Seen)> {
    let writes = server.seen().into_iter().filter(|seen| seen.method == "POST" && !seen.path.ends_with("/token"));
    writes
        .map(|seen| {
            let header = seen.headers.get("idempotency-key").and_then(|value| value.to_str().ok()).map(str::to_string);
            let body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap_or_default();
            let of =
                |columns: &[&str]| columns.iter().map(|column| body[*column].to_string()).collect::<Vec<_>>().join("/");
            let key = header.unwrap_or_else(|| match seen.path.split(['?', '(']).next().unwrap_or_default() {
                "/data/SalesOrderHeadersV2" => format!("order {}", of(&["CustomersOrderReference"])),
                "/data/CDSSalesOrderLinesV2" => {
                    format!("line {}", of(&["SalesOrderNumber", "LineCreationSequenceNumber"]))
                }
                "/data/CustomersV3" => format!("customer {}", of(&["NameAlias"])),
                other => panic!("a write to {other}, under no key that this test knows"),
            });
            (key, seen)
        })
        .collect()
}

/// Keys under which bodies came that differ.
pub fn differing(sandbox: &Sandbox) -> Vec<String> {
    let mut first: BTreeMap<String, Seen> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (key, seen) in keyed(&sandbox.stripe_server).into_iter().chain(keyed(&sandbox.finops_server)) {
        match first.get(&key) {
            None => drop(first.insert(key, seen)),
            Some(before) if before.body == seen.body && before.path == seen.path => {}
            Some(before) => wrong.push(format!(
                "{key}:\n  {}\n  {}",
                String::from_utf8_lossy(&before.body),
                String::from_utf8_lossy(&seen.body)
            )),
        }
    }
    wrong
}

/// All runs of a store that no process holds.
pub async fn runs(store: &Path) -> Vec<Run> {
    let store = SqliteStore::open(store).expect("the store opens");
    let mut all = Vec::new();
    let mut page = Page::first(200);
    loop {
        let listed = store.runs(RunFilter::default(), page).await.expect("runs");
        all.extend(listed.items);
        match listed.next {
            Some(next) => page = Page { limit: 200, after: Some(next) },
            None => return all,
        }
    }
}

/// Runs that did not end well.
pub fn unfinished(runs: &[Run]) -> Vec<String> {
    let bad = runs.iter().filter(|run| run.state != RunState::Succeeded && run.state != RunState::Duplicate);
    bad.map(|run| format!("run {} is {}: {:?}", run.number, run.state.as_str(), run.error)).collect()
}
