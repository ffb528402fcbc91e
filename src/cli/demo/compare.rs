//! Whether what was found is what was expected: each difference as a sentence, beside the event that it concerns.

use super::events::Case;
use super::expected::{Account, Expected, same_number};
use super::{expected, observed};
use observed::Observed;

/// What differs. Empty everywhere: all is as it should be.
#[derive(Debug, Default, PartialEq)]
pub struct Differences {
    /// One list for each case, in their order.
    pub by_case: Vec<Vec<String>>,
    /// What belongs to no event.
    pub general: Vec<String>,
}

impl Differences {
    pub fn none(&self) -> bool {
        self.general.is_empty() && self.by_case.iter().all(Vec::is_empty)
    }
}

/// Compares. Whatever is there and was not expected is a difference, too.
pub fn differences(cases: &[Case], expected: &Expected, observed: &Observed) -> Differences {
    let mut found = Differences { by_case: vec![Vec::new(); cases.len()], general: Vec::new() };
    for (n, case) in cases.iter().enumerate() {
        let mut say = |what: String| found.by_case[n].push(what);
        match (expected.deliveries.get(n), observed.deliveries.get(n)) {
            (Some(wanted), Some(got)) => delivery(wanted, got, &mut say),
            _ => say("it was not delivered".into()),
        }
        // What stands in F&O is judged beside the first event of its charge.
        let first = cases.iter().position(|other| other.charge_id() == case.charge_id()) == Some(n);
        if !first {
            continue;
        }
        let there: Vec<&observed::Order> =
            observed.orders.iter().filter(|order| order.charge == case.charge_id()).collect();
        let wanted = expected.orders.iter().find(|order| order.charge == case.charge_id());
        let written_back = observed.written_back.get(case.charge_id());
        match (wanted, there.as_slice()) {
            (Some(wanted), [order]) => {
                compare_order(wanted, order, observed, &mut say);
                if written_back != Some(&order.number) {
                    let got = written_back.map_or("no order", String::as_str);
                    say(format!("the charge in Stripe should name {}, it names {got}", order.number));
                }
            }
            (None, []) => {
                if let Some(number) = written_back {
                    say(format!("the charge in Stripe names order {number}, expected none"));
                }
            }
            (wanted, there) => {
                let numbers: Vec<&str> = there.iter().map(|order| order.number.as_str()).collect();
                let wanted = if wanted.is_some() { "1 order" } else { "no order" };
                say(format!("expected {wanted} in F&O, found {}: {}", there.len(), numbers.join(", ")));
            }
        }
    }
    for order in &observed.orders {
        if !cases.iter().any(|case| case.charge_id() == order.charge) {
            found.general.push(format!("order {} is of no charge that was sent: `{}`", order.number, order.charge));
        }
    }
    if observed.stray_lines > 0 {
        found.general.push(format!("{} lines belong to no order", observed.stray_lines));
    }
    let new = expected.orders.iter().filter(|order| matches!(order.account, Account::New { .. })).count();
    if observed.new_customers.len() != new {
        let accounts: Vec<&str> = observed.new_customers.iter().map(|customer| customer.account.as_str()).collect();
        let got = format!("found {}: {}", accounts.len(), accounts.join(", "));
        found.general.push(format!("expected {new} new customers in F&O, {got}"));
    }
    found
}

fn delivery(wanted: &expected::Delivery, got: &observed::Delivered, say: &mut dyn FnMut(String)) {
    if got.status != Some(wanted.status) {
        let got = got.status.map_or("no answer".to_string(), |status| status.to_string());
        say(format!("expected the answer {}, got {got}", wanted.status));
    }
    let kept = usize::from(wanted.run.is_some());
    if got.events != kept {
        say(format!("expected the event {kept} times in the store, found it {} times", got.events));
    }
    match (wanted.run, got.runs.as_slice()) {
        (Some(state), [run]) if run.state == state => {}
        (None, []) => {}
        (wanted, runs) => {
            let runs: Vec<String> = runs
                .iter()
                .map(|run| match &run.why {
                    Some(why) => format!("{} ({why})", run.state),
                    None => run.state.to_string(),
                })
                .collect();
            let runs = if runs.is_empty() { "none".to_string() } else { runs.join(", ") };
            say(format!(
                "expected {}, got {runs}",
                wanted.map_or("no run".into(), |state| format!("one run: {state}"))
            ));
        }
    }
    if got.answers != wanted.answers {
        let shown = |answers: &[Option<u16>]| -> String {
            let answers = answers.iter().map(|status| status.map_or("lost".to_string(), |status| status.to_string()));
            let answers: Vec<String> = answers.collect();
            if answers.is_empty() { "nothing".into() } else { answers.join(", ") }
        };
        let (wanted, got) = (shown(&wanted.answers), shown(&got.answers));
        say(format!("expected that F&O answers the order with {wanted}, it was {got}"));
    }
}

fn compare_order(wanted: &expected::Order, got: &observed::Order, observed: &Observed, say: &mut dyn FnMut(String)) {
    let number = &got.number;
    match &wanted.account {
        Account::Known(account) => equal(number, "account", account, &got.account, say),
        Account::New { name, email, currency } => {
            match observed.new_customers.iter().find(|customer| customer.account == got.account) {
                Some(customer) => {
                    let account = &customer.account;
                    equal(account, "name", name, &customer.name, say);
                    equal(account, "e-mail", email, &customer.email, say);
                    equal(account, "currency", currency, &customer.currency, say);
                }
                None => say(format!("{number}: expected a new customer, got account `{}`", got.account)),
            }
        }
    }
    equal(number, "currency", &wanted.currency, &got.currency, say);
    if wanted.lines.len() != got.lines.len() {
        say(format!("{number}: expected {} lines, found {}", wanted.lines.len(), got.lines.len()));
    }
    for (wanted, got) in wanted.lines.iter().zip(&got.lines) {
        let what = format!("{number}, line {}", wanted.number);
        equal(&what, "number", &wanted.number.to_string(), &got.number, say);
        equal(&what, "product", &wanted.product, &got.product, say);
        equal(&what, "text", &wanted.text, &got.text, say);
        for (name, wanted, got) in [
            ("quantity", &wanted.quantity, &got.quantity),
            ("price", &wanted.price, &got.price),
            ("amount", &wanted.amount, &got.amount),
        ] {
            if !same_number(wanted, got) {
                say(format!("{what}: expected {name} {wanted}, found {got}"));
            }
        }
    }
}

fn equal(what: &str, name: &str, wanted: &str, got: &str, say: &mut dyn FnMut(String)) {
    if wanted != got {
        say(format!("{what}: expected {name} `{wanted}`, found `{got}`"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::events::{self, Trouble};
    use super::super::expected::{self, Before};
    use super::*;
    use observed::{Customer, Delivered, Line, Order, RunSeen};

    fn given() -> (Vec<Case>, Expected) {
        let cases = events::all(1_772_440_200);
        let before = Before {
            accounts: [("cus_Contoso".to_string(), "US-001".to_string())].into(),
            emails: vec![],
            items: ["D0003", "D0011", "MISC"].map(String::from).into(),
        };
        let expected = expected::of(&cases, &before).unwrap();
        (cases, expected)
    }

    /// Exactly what is expected.
    fn fitting(expected: &Expected) -> Observed {
        let mut observed = Observed::default();
        for delivery in &expected.deliveries {
            observed.deliveries.push(Delivered {
                status: Some(delivery.status),
                events: usize::from(delivery.run.is_some()),
                runs: delivery.run.iter().map(|state| RunSeen { id: "r".into(), state, why: None }).collect(),
                answers: delivery.answers.clone(),
                ..Delivered::default()
            });
        }
        for (n, order) in expected.orders.iter().enumerate() {
            let number = format!("SO-{n}");
            observed.written_back.insert(order.charge.clone(), number.clone());
            let account = match &order.account {
                Account::Known(account) => account.clone(),
                Account::New { name, email, currency } => {
                    let account = format!("C-{n}");
                    let (name, email, currency) = (name.clone(), email.clone(), currency.clone());
                    observed.new_customers.push(Customer { account: account.clone(), name, email, currency });
                    account
                }
            };
            let line = |line: &expected::Line| Line {
                number: line.number.to_string(),
                product: line.product.clone(),
                text: line.text.clone(),
                quantity: line.quantity.clone(),
                price: line.price.clone(),
                amount: line.amount.clone(),
            };
            let lines = order.lines.iter().map(line).collect();
            observed.orders.push(Order {
                number,
                charge: order.charge.clone(),
                account,
                currency: order.currency.clone(),
                lines,
            });
        }
        observed
    }

    #[test]
    fn what_fits_has_no_differences() {
        let (cases, expected) = given();
        let found = differences(&cases, &expected, &fitting(&expected));
        assert!(found.none(), "{found:?}");
    }

    /// One change each: every one of them has to be seen, beside the right event or in general.
    #[test]
    fn every_change_is_seen() {
        type Change = fn(&mut Observed);
        let changes: &[(&str, Option<usize>, Change)] = &[
            ("no order", Some(0), |o| drop(o.orders.remove(0))),
            ("a second order", Some(0), |o| o.orders.push(Order { number: "SO-9".into(), ..o.orders[0].clone() })),
            ("another account", Some(0), |o| o.orders[0].account = "US-002".into()),
            ("another currency", Some(1), |o| o.orders[1].currency = "USD".into()),
            ("a line too few", Some(0), |o| drop(o.orders[0].lines.pop())),
            ("a line too many", Some(1), |o| o.orders[1].lines.push(Line::default())),
            ("another product", Some(0), |o| o.orders[0].lines[1].product = "D0011".into()),
            ("another quantity", Some(0), |o| o.orders[0].lines[0].quantity = "3".into()),
            ("another price", Some(0), |o| o.orders[0].lines[0].price = "15.01".into()),
            ("an amount a hundred times too small", Some(1), |o| o.orders[1].lines[0].amount = "50.00".into()),
            ("no text at an unknown product", Some(7), |o| o.orders[4].lines[1].text.clear()),
            ("an order of the forged event", Some(4), |o| {
                o.orders.push(Order { charge: "ch_3DemoForged".into(), ..Order::default() })
            }),
            ("an order of what is not captured", Some(9), |o| {
                o.orders.push(Order { charge: "ch_3DemoAuthorised".into(), ..Order::default() })
            }),
            ("an order of nothing", None, |o| o.orders.push(Order { charge: "ch_other".into(), ..Order::default() })),
            ("a stray line", None, |o| o.stray_lines = 1),
            ("a customer too many", None, |o| o.new_customers.push(Customer::default())),
            ("a guest under another name", Some(8), |o| {
                o.new_customers.iter_mut().for_each(|customer| customer.name = customer.name.replace("Jenny", "Jane"))
            }),
            ("nothing written back", Some(0), |o| drop(o.written_back.remove("ch_3DemoUsdCard"))),
            ("a forged event taken", Some(4), |o| o.deliveries[4].status = Some(200)),
            ("a forged event kept", Some(4), |o| o.deliveries[4].events = 1),
            ("an event kept twice", Some(2), |o| o.deliveries[2].events = 2),
            ("an event refused", Some(0), |o| o.deliveries[0].status = None),
            ("a run that failed", Some(0), |o| o.deliveries[0].runs[0].state = "dead_letter"),
            ("a second run", Some(2), |o| {
                let run = o.deliveries[2].runs[0].clone();
                o.deliveries[2].runs.push(run);
            }),
            ("no throttling", Some(5), |o| o.deliveries[5].answers = vec![Some(201)]),
            ("an order asked for twice", Some(6), |o| o.deliveries[6].answers.push(Some(201))),
        ];
        let (cases, expected) = given();
        assert_eq!(cases[5].trouble, Some(Trouble::Throttled));
        for (what, case, change) in changes {
            let mut observed = fitting(&expected);
            change(&mut observed);
            let found = differences(&cases, &expected, &observed);
            match case {
                Some(n) => assert!(!found.by_case[*n].is_empty(), "{what}: {found:?}"),
                None => assert!(!found.general.is_empty(), "{what}: {found:?}"),
            }
        }
    }
}
