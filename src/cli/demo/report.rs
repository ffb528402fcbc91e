//! The outcome as a table for people, and the same facts for a program.

use super::act::Act;
use super::compare::Differences;
use super::events::Case;
use super::expected::{decimal, digits, units};
use super::observed::{Delivered, Observed, Order};
use serde_json::{Value, json};
use std::time::Duration;

/// Everything that is told.
pub struct Report<'a> {
    pub cases: &'a [Case],
    pub observed: &'a Observed,
    pub differences: &'a Differences,
    pub acts: &'a [Act],
    pub took: Duration,
}

/// Widths of the columns; with the spaces between them 110.
const COLUMNS: [usize; 4] = [32, 27, 39, 7];

impl Report<'_> {
    /// The table. At most 110 columns wide.
    pub fn table(&self) -> String {
        let mut text = row(
            " ",
            ["event in", "what became of it", "what now stands in Dynamics", "   time"]
                .map(|head| vec![head.to_string()]),
        );
        text.push_str(&format!("{}\n", "─".repeat(110)));
        for (n, case) in self.cases.iter().enumerate() {
            let differences = self.differences_of(n);
            let mark = if differences.is_empty() { "✓" } else { "✗" };
            let delivered = self.observed.deliveries.get(n);
            let event = vec![
                case.title.to_string(),
                format!("{} {}", amount(case), case.event["type"].as_str().unwrap_or_default()),
            ];
            let became = delivered.map(|delivered| self.became(n, delivered)).unwrap_or_default();
            let took = delivered.map(|delivered| seconds(delivered.took)).unwrap_or_default();
            text.push_str(&row(mark, [event, became, self.stands(n), vec![took]]));
            for difference in differences {
                text.push_str(&format!("  ! {difference}\n"));
            }
        }
        text.push_str(&format!("{}\n", "─".repeat(110)));
        for difference in &self.differences.general {
            text.push_str(&format!("  ! {difference}\n"));
        }
        for act in self.acts {
            text.push_str(&format!("{}{}\n", act.lines(), "─".repeat(110)));
        }
        let lines: usize = self.observed.orders.iter().map(|order| order.lines.len()).sum();
        if !self.acts.is_empty() {
            let events: usize = self.acts.iter().map(|act| act.events).sum();
            let faults: usize = self.acts.iter().map(|act| act.faults.len()).sum();
            let effects: usize = self.acts.iter().map(|act| act.effects.len()).sum();
            let once: usize = self.acts.iter().map(Act::once).sum();
            text.push_str(&format!(
                "Payouts and PayPal: {events} events, {faults} faults; {once} of {effects} effects stand exactly once.\n"
            ));
        }
        text.push_str(&format!(
            "{} events in, {} orders with {lines} lines and {} new customer{} in Dynamics, {}.\n{}\n",
            self.cases.len(),
            self.observed.orders.len(),
            self.observed.new_customers.len(),
            if self.observed.new_customers.len() == 1 { "" } else { "s" },
            seconds(self.took).trim(),
            match self.all_is_well() {
                true => "All is as it should be.",
                false => "Not all is as it should be: see the lines with `!`.",
            }
        ));
        text
    }

    /// The same facts.
    pub fn json(&self) -> Value {
        let events: Vec<Value> = self.cases.iter().enumerate().map(|(n, case)| self.case_json(n, case)).collect();
        let orders: Vec<Value> = self.observed.orders.iter().map(order_json).collect();
        let customers: Vec<Value> = self
            .observed
            .new_customers
            .iter()
            .map(|customer| {
                json!({
                    "account": customer.account,
                    "name": customer.name,
                    "email": customer.email,
                    "currency": customer.currency,
                })
            })
            .collect();
        json!({
            "as_expected": self.all_is_well(),
            "took_ms": millis(self.took),
            "events": events,
            "acts": self.acts.iter().map(Act::json).collect::<Vec<_>>(),
            "dynamics": { "orders": orders, "new_customers": customers },
            "differences": self.differences.general,
        })
    }

    fn all_is_well(&self) -> bool {
        self.differences.none() && self.acts.iter().all(|act| act.differences.is_empty())
    }

    fn case_json(&self, n: usize, case: &Case) -> Value {
        let none = Delivered::default();
        let delivered = self.observed.deliveries.get(n).unwrap_or(&none);
        let runs: Vec<Value> =
            delivered.runs.iter().map(|run| json!({ "id": run.id, "state": run.state, "why": run.why })).collect();
        let orders: Vec<&str> = self.orders_of(case).map(|order| order.number.as_str()).collect();
        json!({
            "case": case.name,
            "title": case.title,
            "event": { "id": case.event_id(), "type": case.event["type"], "charge": case.charge_id(),
                       "amount": case.charge()["amount"], "currency": case.charge()["currency"] },
            "status": delivered.status,
            "kept": delivered.events,
            "runs": runs,
            "finops_answers": delivered.answers,
            "orders": orders,
            "written_back": self.observed.written_back.get(case.charge_id()),
            "took_ms": millis(delivered.took),
            "as_expected": self.differences_of(n).is_empty(),
            "differences": self.differences_of(n),
        })
    }

    fn differences_of(&self, n: usize) -> &[String] {
        self.differences.by_case.get(n).map(Vec::as_slice).unwrap_or_default()
    }

    fn orders_of<'s>(&'s self, case: &'s Case) -> impl Iterator<Item = &'s Order> {
        self.observed.orders.iter().filter(|order| order.charge == case.charge_id())
    }

    fn became(&self, n: usize, delivered: &Delivered) -> Vec<String> {
        let case = &self.cases[n];
        let status = delivered.status.map_or("no answer".to_string(), |status| status.to_string());
        let again = self.cases[..n].iter().any(|earlier| earlier.event_id() == case.event_id());
        let Some(run) = delivered.runs.first() else {
            let what = if delivered.events == 0 { "refused, not kept" } else { "kept, no run" };
            return vec![format!("{status}, {what}")];
        };
        if again {
            return vec![format!("{status}, known already"), "nothing begun".into()];
        }
        let mut lines = vec![format!("{status}, run {}", run.state)];
        lines.extend(run.why.clone());
        if delivered.answers.contains(&Some(429)) {
            lines.push("429: waited, sent again".into());
        }
        if delivered.answers == [None] {
            lines.push("order found, not made again".into());
        }
        match run.state {
            "duplicate" => lines.push("its charge has an order".into()),
            "skipped" => lines.push("not captured".into()),
            _ => {}
        }
        lines
    }

    fn stands(&self, n: usize) -> Vec<String> {
        let case = &self.cases[n];
        let mut lines = Vec::new();
        let first = !self.cases[..n].iter().any(|earlier| earlier.charge_id() == case.charge_id());
        for order in self.orders_of(case) {
            if !first {
                lines.push(format!("still {} alone", order.number));
                continue;
            }
            let new = self.observed.new_customers.iter().any(|customer| customer.account == order.account);
            let new = if new { "new " } else { "" };
            let total = total(order).map_or(order.currency.clone(), |total| format!("{total} {}", order.currency));
            lines.push(format!("{}, {new}{}, {total}", order.number, order.account));
            for line in &order.lines {
                let text = if line.text.is_empty() { String::new() } else { format!(" \"{}\"", line.text) };
                let amount = padded(&line.amount, &order.currency);
                lines.push(format!("  {} × {}{text}, {amount}", line.quantity, line.product));
            }
        }
        if lines.is_empty() {
            lines.push("nothing".into());
        }
        lines
    }
}

fn order_json(order: &Order) -> Value {
    let lines: Vec<Value> = order
        .lines
        .iter()
        .map(|line| {
            json!({
                "number": line.number,
                "product": line.product,
                "text": line.text,
                "quantity": line.quantity,
                "price": line.price,
                "amount": line.amount,
            })
        })
        .collect();
    json!({
        "number": order.number,
        "charge": order.charge,
        "account": order.account,
        "currency": order.currency,
        "lines": lines,
    })
}

/// A row of cells, each of several lines; too long ones are broken at a space.
fn row(mark: &str, cells: [Vec<String>; 4]) -> String {
    let cells: Vec<Vec<String>> = cells
        .into_iter()
        .zip(COLUMNS)
        .map(|(lines, width)| lines.iter().flat_map(|line| broken(line, width)).collect())
        .collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for n in 0..height {
        let mut line = format!("{:1}", if n == 0 { mark } else { "" });
        for (cell, width) in cells.iter().zip(COLUMNS) {
            let part = cell.get(n).map(String::as_str).unwrap_or_default();
            line.push_str(&format!(" {part:width$}"));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn broken(line: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest: Vec<char> = line.chars().collect();
    while rest.len() > width {
        let at = rest[..=width].iter().rposition(|c| *c == ' ').filter(|at| *at > 2).unwrap_or(width);
        lines.push(rest[..at].iter().collect::<String>());
        let after: String = rest[at..].iter().collect();
        rest = format!("  {}", after.trim_start()).chars().collect();
    }
    lines.push(rest.into_iter().collect());
    lines
}

/// `42.00 USD`: in Stripe's words 4200 usd.
fn amount(case: &Case) -> String {
    let charge = case.charge();
    let currency = charge["currency"].as_str().unwrap_or_default().to_uppercase();
    format!("{} {currency},", decimal(charge["amount"].as_i64().unwrap_or_default(), digits(&currency)))
}

/// What the lines of an order come to; `None` where one of them has more digits than its currency.
fn total(order: &Order) -> Option<String> {
    let digits = digits(&order.currency);
    let sum = order.lines.iter().try_fold(0i64, |sum, line| sum.checked_add(units(&line.amount, digits)?))?;
    Some(decimal(sum, digits))
}

/// 30 as 30.00, where that is what the currency looks like.
fn padded(amount: &str, currency: &str) -> String {
    let digits = digits(currency);
    units(amount, digits).map_or(amount.to_string(), |units| decimal(units, digits))
}

fn seconds(took: Duration) -> String {
    let tenths = took.as_millis().div_ceil(10);
    format!("{:>7}", format!("{}.{:02} s", tenths / 100, tenths % 100))
}

fn millis(took: Duration) -> u64 {
    took.as_millis().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::events;
    use super::super::observed::{Line, RunSeen};
    use super::*;

    #[test]
    fn the_table_fits_and_shows_what_differs() {
        let cases = events::all(0);
        let run = RunSeen {
            id: "r".into(),
            state: "dead_letter",
            why: Some("ordered: a very long reason that nobody could print in one line of this table".into()),
        };
        let line = Line {
            quantity: "1".into(),
            product: "MISC".into(),
            text: "A-SKU-OF-EXTRAORDINARY-LENGTH-THAT-HAS-NO-SPACE-ANYWHERE".into(),
            amount: "79.90".into(),
            ..Line::default()
        };
        let order = Order {
            number: "SO-1".into(),
            charge: cases[0].charge_id().into(),
            account: "US-001".into(),
            currency: "USD".into(),
            lines: vec![line],
        };
        let delivered = Delivered {
            status: Some(200),
            events: 1,
            runs: vec![run],
            took: Duration::from_millis(1234),
            ..Delivered::default()
        };
        let observed =
            Observed { deliveries: vec![delivered; cases.len()], orders: vec![order], ..Observed::default() };
        let mut by_case = vec![Vec::new(); cases.len()];
        by_case[3].push("expected one run: duplicate, got dead_letter".to_string());
        let differences = Differences { by_case, general: vec![] };
        let report = Report {
            cases: &cases,
            observed: &observed,
            differences: &differences,
            acts: &[],
            took: Duration::from_secs(3),
        };
        let table = report.table();
        for line in table.lines() {
            assert!(line.chars().count() <= 110, "{line}");
        }
        assert!(table.contains("✗ the first charge, told of again"), "{table}");
        assert!(table.contains("! expected one run: duplicate"), "{table}");
        assert!(table.contains("1.24 s"), "{table}");
        assert!(table.contains("Not all is as it should be"), "{table}");
        let json = report.json();
        assert_eq!(json["as_expected"], false);
        assert_eq!(json["events"][3]["as_expected"], false);
        assert_eq!(json["events"][0]["orders"][0], "SO-1");
    }
}
