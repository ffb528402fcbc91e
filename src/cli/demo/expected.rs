//! What has to stand in both systems after the events, computed from the events alone.
//!
//! Deliberately a second opinion: it reads Stripe's JSON itself and counts in whole smallest units, with nothing of the
//! mapping, the language or its money. Where it and the flow agree, two independent readings agree.

use super::events::{Case, Trouble};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What stood in both systems before the first event.
#[derive(Debug, Default)]
pub struct Before {
    /// Stripe customer → the F&O account that its metadata names.
    pub accounts: BTreeMap<String, String>,
    /// E-mail and account of each customer of F&O.
    pub emails: Vec<(String, String)>,
    /// Item numbers of F&O.
    pub items: BTreeSet<String>,
}

/// What has to be there afterwards.
#[derive(Debug, PartialEq)]
pub struct Expected {
    /// One for each case, in their order.
    pub deliveries: Vec<Delivery>,
    /// One for each charge that was really paid.
    pub orders: Vec<Order>,
}

/// What has to become of a delivery.
#[derive(Debug, PartialEq)]
pub struct Delivery {
    /// The answer to Stripe.
    pub status: u16,
    /// How the one run of its event ends; `None`: the event is not kept and has none.
    pub run: Option<&'static str>,
    /// What F&O answers to the requests that make the order; `None`: nothing.
    pub answers: Vec<Option<u16>>,
}

#[derive(Debug, PartialEq)]
pub struct Order {
    pub charge: String,
    pub account: Account,
    pub currency: String,
    /// As decimal text, like all amounts here.
    pub total: String,
    pub lines: Vec<Line>,
}

/// Whose order it is.
#[derive(Debug, PartialEq)]
pub enum Account {
    Known(String),
    /// A customer that is new in F&O.
    New {
        name: String,
        email: String,
        currency: String,
    },
}

#[derive(Debug, PartialEq)]
pub struct Line {
    pub number: usize,
    pub product: String,
    /// The sku, where F&O does not know it.
    pub text: String,
    pub quantity: String,
    pub price: String,
    pub amount: String,
}

/// What the shop calls otherwise than F&O does.
const RENAMED: &[(&str, &str)] = &[("TSHIRT", "D0011"), ("MUG", "D0003")];

/// The product of F&O that stands for those that it does not know.
const UNKNOWN: &str = "MISC";

/// What has to come of these events. The error says which part of an event it cannot read.
pub fn of(cases: &[Case], before: &Before) -> Result<Expected, String> {
    let mut expected = Expected { deliveries: Vec::new(), orders: Vec::new() };
    let mut events: BTreeMap<&str, &'static str> = BTreeMap::new();
    let mut charges: BTreeSet<&str> = BTreeSet::new();
    for case in cases {
        let mut delivery = Delivery { status: 200, run: None, answers: Vec::new() };
        if case.forged {
            delivery.status = 401;
        } else if let Some(run) = events.get(case.event_id()) {
            delivery.run = Some(run);
        } else {
            let charge = case.charge();
            let paid = charge["captured"] == true && charge["paid"] == true && charge["status"] == "succeeded";
            let run = match paid {
                false => "skipped",
                true if !charges.insert(case.charge_id()) => "duplicate",
                true => {
                    expected.orders.push(order(charge, before).map_err(|why| format!("{}: {why}", case.charge_id()))?);
                    delivery.answers = match case.trouble {
                        None => vec![Some(201)],
                        Some(Trouble::Throttled) => vec![Some(429), Some(201)],
                        // Only once: the order is found, not made again.
                        Some(Trouble::AnswerLost) => vec![None],
                    };
                    "succeeded"
                }
            };
            delivery.run = Some(run);
            events.insert(case.event_id(), run);
        }
        expected.deliveries.push(delivery);
    }
    Ok(expected)
}

fn order(charge: &Value, before: &Before) -> Result<Order, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let currency = text(&charge["currency"]).to_uppercase();
    let digits = digits(&currency);
    let units = charge["amount_captured"].as_i64().ok_or("amount_captured is no whole number")?;
    let metadata = &charge["metadata"];
    let lines = match metadata["items"].as_str() {
        Some(items) => items.split(',').enumerate().map(|(n, item)| line(n + 1, item, digits, before)).collect(),
        None => {
            let quantity =
                metadata["quantity"].as_str().unwrap_or("1").parse::<i64>().map_err(|why| why.to_string())?;
            let each = units
                .checked_div(quantity)
                .filter(|each| each * quantity == units)
                .ok_or("the amount does not divide")?;
            line(1, &format!("{}:{quantity}:{}", text(&metadata["sku"]), decimal(each, digits)), digits, before)
                .map(|line| vec![line])
        }
    };
    let email = text(&charge["billing_details"]["email"]).to_lowercase();
    let of_customer = charge["customer"].as_str().and_then(|customer| before.accounts.get(customer));
    let same_email = before.emails.iter().filter(|(known, _)| *known == email).map(|(_, account)| account.clone());
    let same_email: Vec<String> = same_email.collect();
    let account = match (metadata["d365_customer_account"].as_str(), of_customer, same_email.as_slice()) {
        (Some(account), _, _) => Account::Known(account.to_string()),
        (None, Some(account), _) | (None, None, [account]) => Account::Known(account.to_string()),
        (None, None, []) => {
            Account::New { name: text(&charge["billing_details"]["name"]), email, currency: currency.clone() }
        }
        _ => return Err("several customers have its e-mail".into()),
    };
    Ok(Order { charge: text(&charge["id"]), account, total: decimal(units, digits), lines: lines?, currency })
}

/// `MUG:1:12.00`
fn line(number: usize, item: &str, digits: usize, before: &Before) -> Result<Line, String> {
    let parts: Vec<&str> = item.split(':').map(str::trim).collect();
    let [sku, quantity, price] = parts[..] else { return Err(format!("`{item}` is not sku:quantity:price")) };
    let many = quantity.parse::<i64>().map_err(|_| format!("`{quantity}` is no quantity"))?;
    let each = units(price, digits).ok_or(format!("`{price}` is no price"))?;
    let item = RENAMED.iter().find(|(known, _)| *known == sku).map_or(sku, |(_, item)| item);
    let known = before.items.contains(item);
    Ok(Line {
        number,
        product: if known { item } else { UNKNOWN }.to_string(),
        text: if known { "" } else { sku }.to_string(),
        quantity: quantity.to_string(),
        price: decimal(each, digits),
        amount: decimal(many.checked_mul(each).ok_or("too much")?, digits),
    })
}

/// Digits behind the point of what Stripe calls the smallest unit (docs.stripe.com/currencies).
pub fn digits(currency: &str) -> usize {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "JPY" | "KMF" | "KRW" | "MGA" | "PYG" | "RWF" | "VND" | "VUV" | "XAF"
        | "XOF" | "XPF" => 0,
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// 4200 with two digits is 42.00.
pub fn decimal(units: i64, digits: usize) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let text = format!("{:0>width$}", units.unsigned_abs(), width = digits + 1);
    let (whole, rest) = text.split_at(text.len() - digits);
    if digits == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

/// 15.0 with two digits is 1500; `None` where it has more digits or is no number.
pub fn units(text: &str, digits: usize) -> Option<i64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let rest = rest.trim_end_matches('0');
    if rest.len() > digits || !rest.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    format!("{whole}{rest:0<digits$}").parse().ok()
}

/// Whether two decimal texts are the same number: 12.0 is 12.
pub fn same_number(a: &str, b: &str) -> bool {
    fn bare(text: &str) -> &str {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
    }
    bare(a) == bare(b)
}

#[cfg(test)]
mod tests {
    use super::super::events;
    use super::*;

    #[test]
    fn amounts_are_digits_not_floats() {
        assert_eq!(decimal(4200, 2), "42.00");
        assert_eq!(decimal(5, 2), "0.05");
        assert_eq!(decimal(-5, 2), "-0.05");
        assert_eq!(decimal(5000, 0), "5000");
        assert_eq!(decimal(1234, 3), "1.234");
        assert_eq!(units("15.00", 2), Some(1500));
        assert_eq!(units("15", 2), Some(1500));
        assert_eq!(units("15.5", 2), Some(1550));
        assert_eq!(units("15.001", 2), None);
        assert_eq!(units("2500", 0), Some(2500));
        assert_eq!(units("a.b", 2), None);
        assert!(same_number("12.0", "12") && same_number("0.50", "0.5") && !same_number("120", "12"));
    }

    fn before() -> Before {
        Before {
            accounts: [("cus_Contoso", "US-001"), ("cus_Fabrikam", "US-002"), ("cus_Northwind", "US-003")]
                .map(|(customer, account)| (customer.to_string(), account.to_string()))
                .into(),
            emails: vec![
                ("orders@litware.example".into(), "JP-001".into()),
                ("buying@adatum.example".into(), "DE-001".into()),
            ],
            items: ["D0003", "D0011", "MISC"].map(String::from).into(),
        }
    }

    #[test]
    fn every_charge_that_was_paid_gives_one_order() {
        let expected = of(&events::all(1_772_440_200), &before()).unwrap();
        let orders: Vec<(&str, &str, &str, usize)> = expected
            .orders
            .iter()
            .map(|o| (o.charge.as_str(), o.currency.as_str(), o.total.as_str(), o.lines.len()))
            .collect();
        assert_eq!(
            orders,
            [
                ("ch_3DemoUsdCard", "USD", "42.00", 2),
                ("ch_3DemoJpyCard", "JPY", "5000", 1),
                ("ch_3DemoThrottled", "USD", "15.00", 1),
                ("ch_3DemoAnswerLost", "EUR", "51.00", 2),
                ("ch_3DemoUnknown", "USD", "91.90", 2),
                ("ch_3DemoGuest", "USD", "15.00", 1),
            ]
        );
        let runs: Vec<Option<&str>> = expected.deliveries.iter().map(|delivery| delivery.run).collect();
        let done = Some("succeeded");
        assert_eq!(runs, [done, done, done, Some("duplicate"), None, done, done, done, done, Some("skipped")]);
        let yen = &expected.orders[1].lines[0];
        assert_eq!((yen.product.as_str(), yen.price.as_str(), yen.amount.as_str()), ("D0003", "2500", "5000"));
        let unknown = &expected.orders[4].lines[1];
        assert_eq!((unknown.product.as_str(), unknown.text.as_str()), ("MISC", "SKATEBOARD"));
        assert_eq!(expected.orders[0].account, Account::Known("US-001".into()));
        assert_eq!(expected.orders[1].account, Account::Known("JP-001".into()));
        assert!(
            matches!(&expected.orders[5].account, Account::New { email, .. } if email == "jenny.rosen@example.com")
        );
    }

    #[test]
    fn the_lines_of_every_event_come_to_its_amount() {
        for order in of(&events::all(0), &before()).unwrap().orders {
            let digits = digits(&order.currency);
            let sum: i64 = order.lines.iter().map(|line| units(&line.amount, digits).unwrap()).sum();
            assert_eq!(decimal(sum, digits), order.total, "{}", order.charge);
        }
    }
}
