//! The second act: what the charges brought, less a refund and a dispute, is paid out and has to stand in F&O as one
//! balanced journal, whatever goes wrong between.
//!
//! What should stand there is added up here, in Stripe's smallest units and with nothing of the mapping.

use super::act::{Act, posts, text};
use super::expected::{decimal, units};
use crate::runtime::Runtime;
use crate::sandbox::faults::{Deliver, Fault, FaultKind};
use crate::sandbox::server::Standin as _;
use crate::sandbox::{Sandbox, credentials};
use crate::value::{Record, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const FLOW: &str = "stripe-payout-to-journal";
const HEADERS: &str = "/data/LedgerJournalHeaders";
const LINES: &str = "/data/LedgerJournalLines";

/// The account of each kind of movement, as `tables/payout_accounts.csv` should have it.
const ACCOUNTS: &[(&str, &str)] =
    &[("charge", "110150--"), ("refund", "110150--"), ("dispute", "110160--"), ("fee_stripe_fee", "605140-001-")];

/// Orders every fault, lets the payout happen, and looks at what came of it.
pub async fn play(sandbox: &Sandbox, runtime: &Runtime, hook: &str) -> anyhow::Result<Act> {
    let mut act =
        Act { name: "stripe_payout", title: "Stripe payout → one balanced journal in F&O", ..Act::default() };
    let happened_before = sandbox.stripe.objects("events").len();
    let charges = moved(sandbox)?;
    sandbox.stripe.listens(hook, credentials::STRIPE_WEBHOOK_SECRET);
    faults(sandbox, &mut act);
    let happen = |what: &str, with: String| match json::parse(with.as_bytes()) {
        Ok(Value::Record(with)) => match sandbox.stripe.act(what, &with) {
            Some(Ok(made)) => Ok(made),
            Some(Err(why)) => Err(anyhow::anyhow!("{what}: {why}")),
            None => Err(anyhow::anyhow!("the stand-in knows no {what}")),
        },
        _ => Err(anyhow::anyhow!("{what}: not a JSON object")),
    };
    let (first, last) = (charges.first().cloned().unwrap_or_default(), charges.last().cloned().unwrap_or_default());
    happen("refund", format!(r#"{{"charge":"{first}","amount":700}}"#))?;
    happen("dispute", format!(r#"{{"charge":"{last}"}}"#))?;
    let payout = text(&happen("payout", r#"{"currency":"usd"}"#.into())?, "id");
    act.events = sandbox.stripe.objects("events").len() - happened_before;

    act.ended(runtime, FLOW, 2).await?;
    act.expect_runs(&[("duplicate", 1), ("succeeded", 1)]);
    judge(sandbox, &payout, &mut act);
    act.faults_happened([sandbox.stripe.faults(), sandbox.finops.faults()]);
    Ok(act)
}

/// The movements of the charges in dollars that were captured: Stripe makes them while nobody is told.
fn moved(sandbox: &Sandbox) -> anyhow::Result<Vec<String>> {
    let mut charges = vec![];
    for charge in sandbox.stripe.objects("charges") {
        let (id, amount) = (text(&charge, "id"), whole(&charge, "amount"));
        if text(&charge, "currency") != "usd" || charge.get("captured") != Some(&Value::Bool(true)) {
            continue;
        }
        let fee = amount * 29 / 1000 + 30;
        let movement = serde_json::json!({
            "id": id.replace("ch_", "txn_"), "object": "balance_transaction", "amount": amount, "available_on": 1_760_000_000,
            "balance_type": "payments", "created": 1_760_000_000, "currency": "usd", "description": null, "exchange_rate": null, "fee": fee,
            "fee_details": [{ "amount": fee, "application": null, "currency": "usd", "description": "Stripe processing fees", "type": "stripe_fee" }],
            "net": amount - fee, "reporting_category": "charge", "source": id, "status": "available", "type": "charge",
        });
        sandbox.stripe.insert(&movement.to_string()).map_err(|why| anyhow::anyhow!(why))?;
        charges.push(id);
    }
    Ok(charges)
}

/// One of each kind.
fn faults(sandbox: &Sandbox, act: &mut Act) {
    let fault = |method: &str, path: &str, body: &str, kind| Fault {
        method: method.into(),
        path: path.into(),
        body: body.into(),
        times: 1,
        kind,
    };
    let stripe = [
        ("payout.paid is delivered twice", fault("", "payout.paid", "", FaultKind::Deliver(Deliver::Twice))),
        ("payout.created comes late", fault("", "payout.created", "", FaultKind::Deliver(Deliver::Late))),
        ("refund.created is never delivered", fault("", "refund.created", "", FaultKind::Deliver(Deliver::Never))),
        (
            "Stripe answers 500 to the list of movements",
            fault("GET", "/v1/balance_transactions", "", FaultKind::Status { status: 500, retry_after: None }),
        ),
        ("Stripe's last answer is lost", fault("POST", "/v1/payouts/", "", FaultKind::DropAfter)),
    ];
    let late = FaultKind::CommitLate(Duration::from_millis(300));
    let finops = [
        ("F&O makes the journal and its answer is lost", fault("POST", HEADERS, "", FaultKind::DropAfter)),
        (
            "F&O answers 429 to line 2",
            fault("POST", LINES, "\"LineNumber\":2,", FaultKind::Status { status: 429, retry_after: Some(1) }),
        ),
        ("the connection breaks before line 3", fault("POST", LINES, "\"LineNumber\":3,", FaultKind::DropBefore)),
        ("line 4 is written after the connection broke", fault("POST", LINES, "\"LineNumber\":4,", late)),
        (
            "F&O is slow with line 5",
            fault("POST", LINES, "\"LineNumber\":5,", FaultKind::Delay(Duration::from_millis(200))),
        ),
    ];
    act.twice = 1;
    for (what, fault) in stripe {
        act.faults.push(what);
        sandbox.stripe.faults().add(fault);
    }
    for (what, fault) in finops {
        act.faults.push(what);
        sandbox.finops.faults().add(fault);
    }
}

/// Compares what stands in F&O with the movements.
fn judge(sandbox: &Sandbox, payout: &str, act: &mut Act) {
    let movements = sandbox.stripe.objects("balance_transactions");
    let movements = movements.iter().filter(|row| text(row, "currency") == "usd" && text(row, "type") != "payout");
    let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
    let mut net = 0;
    for movement in movements {
        net += whole(movement, "net");
        *wanted.entry(text(movement, "reporting_category")).or_default() += whole(movement, "amount");
        for fee in movement.get("fee_details").and_then(Value::as_list).into_iter().flatten() {
            if let Value::Record(fee) = fee {
                *wanted.entry(format!("fee_{}", text(fee, "type"))).or_default() -= whole(fee, "amount");
            }
        }
    }
    let account = |kind: &str| ACCOUNTS.iter().find(|(known, _)| *known == kind).map_or("?", |(_, account)| *account);
    let mut lines: Vec<(String, i64)> = vec![("USMF STRIPE".to_string(), -net)];
    lines.extend(
        wanted.iter().filter(|(_, amount)| **amount != 0).map(|(kind, amount)| (account(kind).to_string(), *amount)),
    );

    let posts = |path: &str, part: &str| posts(&sandbox.finops_server, path, part);
    let journals = sandbox.finops.rows("LedgerJournalHeaders");
    let journals: Vec<&Record> = journals.iter().filter(|row| text(row, "IntegrationKey") == payout).collect();
    act.effect("the journal", posts(HEADERS, payout), journals.len());
    let Some(journal) = journals.first() else { return };
    let number = text(journal, "JournalBatchNumber");
    let there = sandbox.finops.rows("LedgerJournalLines");
    let there: Vec<&Record> = there.iter().filter(|row| text(row, "JournalBatchNumber") == number).collect();
    act.stands.push(format!("journal {number} of payout {} {}", decimal(net, 2), "USD"));
    for (n, (account, amount)) in lines.iter().enumerate() {
        let own: Vec<&&Record> = there.iter().filter(|row| text(row, "LineNumber") == (n + 1).to_string()).collect();
        act.effect(format!("line {}", n + 1), posts(LINES, &format!("\"LineNumber\":{},", n + 1)), own.len());
        let Some(row) = own.first() else { continue };
        let amount_of = |column: &str| units(&text(row, column), 2).unwrap_or(i64::MIN);
        let found = amount_of("CreditAmount") - amount_of("DebitAmount");
        let side = if found < 0 { "debit " } else { "credit" };
        act.stands.push(format!(
            "  {:14} {side} {:>9}  {}",
            text(row, "AccountDisplayValue"),
            decimal(found.abs(), 2),
            text(row, "Text")
        ));
        if found != *amount || text(row, "AccountDisplayValue") != *account {
            let (wanted, found) = (decimal(*amount, 2), decimal(found, 2));
            act.differences.push(format!("line {}: expected {wanted} on {account}, found {found}", n + 1));
        }
    }
    if there.len() != lines.len() {
        act.differences.push(format!("expected {} lines, found {}", lines.len(), there.len()));
    }
    let vouchers: std::collections::BTreeSet<String> = there.iter().map(|row| text(row, "Voucher")).collect();
    if vouchers.len() != 1 {
        act.differences.push(format!("expected one voucher, found {}", vouchers.len()));
    }
    let (debit, credit) = (text(journal, "JournalTotalDebit"), text(journal, "JournalTotalCredit"));
    if units(&debit, 2).is_none() || units(&debit, 2) != units(&credit, 2) {
        act.differences.push(format!("the journal does not balance: debit {debit}, credit {credit}"));
    }
    let named = sandbox.stripe.objects("payouts").iter().filter(|row| text(row, "id") == payout).any(|row| {
        row.get("metadata").and_then(Value::as_record).is_some_and(|metadata| text(metadata, "d365_journal") == number)
    });
    let written =
        sandbox.stripe_server.seen().iter().filter(|seen| seen.method == "POST" && seen.path.contains(payout)).count();
    act.effect("the journal's number on the payout", written, usize::from(named));
}

fn whole(record: &Record, name: &str) -> i64 {
    record.get(name).and_then(Value::as_number).and_then(|number| number.small()).unwrap_or(0)
}
