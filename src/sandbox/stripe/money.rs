//! What buyers, banks and time do: payments, refunds, disputes, and payouts of what has come together.
//!
//! Every movement is a balance transaction with `net = amount - fee`; a payout holds all that no payout holds yet, its
//! own line included, and its amount is the sum of the others' nets.

use super::kinds::of_segment;
use super::writes::{completed, extend, record};
use super::{Known, Origin, Refusal, State, id_of, invalid, missing, new_id, now, text_of};
use crate::value::{Record, Text, Value, json};
use serde_json::json;

/// What can be made to happen, and with what.
pub const ACTIONS: &[(&str, &str)] = &[
    (
        "payment",
        r#"{"amount":4200,"currency":"usd","customer":"cus_Contoso","metadata":{"items":"TSHIRT:2:15.00, MUG:1:12.00"}}"#,
    ),
    ("refund", r#"{"charge":"ch_…","amount":500}"#),
    ("dispute", r#"{"charge":"ch_…"}"#),
    ("payout", r#"{"currency":"usd"}"#),
];

/// Stripe's fee: 2.9 % and 30 of the smallest unit.
fn fee_of(amount: i64) -> i64 {
    (amount.saturating_mul(29) + 999) / 1000 + 30
}

/// The fee of a dispute.
const DISPUTE_FEE: i64 = 1500;

impl State {
    /// Makes something happen. `None`: there is no such thing.
    pub(super) fn act(&mut self, known: &Known, what: &str, with: &Record) -> Option<Result<Record, String>> {
        let done = match what {
            "payment" => self.pay(known, with),
            "refund" => self.refund(known, with, None),
            "dispute" => self.dispute(known, with),
            "payout" => self.pay_out(known, with),
            _ => return None,
        };
        Some(done.map_err(|refusal| refusal.message))
    }

    /// A card payment that succeeded at once: intent, charge, and the movement that it is.
    fn pay(&mut self, known: &Known, with: &Record) -> Result<Record, Refusal> {
        let (amount, currency) = (whole(with, "amount").filter(|amount| *amount > 0), text_of(with, "currency"));
        let amount = amount.ok_or_else(|| invalid("amount", "Invalid positive integer: amount"))?;
        let currency = if currency.is_empty() { "usd" } else { currency }.to_lowercase();
        let customer = text_of(with, "customer");
        let buyer = match customer.is_empty() {
            true => None,
            false => Some(self.find("customers", customer).ok_or_else(|| missing("customer", customer))?.clone()),
        };
        let of_buyer = |name: &str| buyer.as_ref().map(|buyer| text_of(buyer, name)).filter(|text| !text.is_empty());
        let given = |name: &str| Some(text_of(with, name)).filter(|text| !text.is_empty());
        let metadata = with.get("metadata").cloned().unwrap_or_else(|| Value::Record(Record::new()));
        let metadata =
            json::write(&metadata).ok().and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
        let captured = with.get("captured") != Some(&Value::Bool(false));
        // Captured asynchronously, the movement comes later.
        let later = with.get("async") == Some(&Value::Bool(true));
        let (charge, intent) = (new_id("ch_"), new_id("pi_"));
        let movement = (captured && !later)
            .then(|| self.moved(known, "charge", "charge", &charge, amount, fee_of(amount), &currency));
        let shared = json!({
            "amount": amount, "created": now(), "currency": currency, "livemode": false, "metadata": metadata,
            "customer": of_buyer("id"), "description": given("description"),
        });
        let object = json!({
            "id": charge, "object": "charge", "amount_captured": if captured { amount } else { 0 }, "amount_refunded": 0,
            "balance_transaction": movement, "captured": captured, "paid": true, "refunded": false, "disputed": false,
            "status": "succeeded", "payment_intent": intent, "payment_method": new_id("pm_"),
            "billing_details": {
                "address": { "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null },
                "email": given("email").or(of_buyer("email")), "name": given("name").or(of_buyer("name")), "phone": null, "tax_id": null
            },
            "failure_code": null, "failure_message": null, "fraud_details": {}, "receipt_email": null, "shipping": null,
            "outcome": { "network_status": "approved_by_network", "reason": null, "risk_level": "normal", "risk_score": 12,
                "seller_message": "Payment complete.", "type": "authorized" },
            "payment_method_details": { "type": "card", "card": { "brand": "visa", "country": "US", "exp_month": 8, "exp_year": 2030,
                "funding": "credit", "last4": "4242", "network": "visa", "wallet": null } },
        });
        let charge = self.made(known, "charges", &[&object, &shared]);
        let object = json!({
            "id": intent, "object": "payment_intent", "amount_received": if captured { amount } else { 0 }, "latest_charge": id_of(&charge),
            "status": if captured { "succeeded" } else { "requires_capture" }, "capture_method": "automatic_async",
        });
        let intent = self.made(known, "payment_intents", &[&object, &shared]);
        self.happened(known, "payment_intent.created", &intent, None, None);
        if captured {
            self.happened(known, "payment_intent.succeeded", &intent, None, None);
        }
        self.happened(known, "charge.succeeded", &charge, None, None);
        if captured && later {
            return Ok(self.captured(known, charge, amount, &currency));
        }
        Ok(charge)
    }

    /// The movement of a charge that was captured asynchronously.
    fn captured(&mut self, known: &Known, mut charge: Record, amount: i64, currency: &str) -> Record {
        let id = self.moved(known, "charge", "charge", id_of(&charge), amount, fee_of(amount), currency);
        charge.set("balance_transaction".into(), Value::from(id));
        self.keep("charges", charge.clone());
        let before = record(r#"{"balance_transaction":null}"#);
        self.happened(known, "charge.updated", &charge, Some(before), None);
        charge
    }

    /// Money back to the buyer; Stripe keeps its fee.
    pub(super) fn refund(&mut self, known: &Known, given: &Record, origin: Option<&Origin>) -> Result<Record, Refusal> {
        let by_intent = || {
            let intent = self.find("payment_intents", text_of(given, "payment_intent"))?;
            Some(text_of(intent, "latest_charge").to_string())
        };
        let id = Some(text_of(given, "charge").to_string()).filter(|id| !id.is_empty()).or_else(by_intent);
        let id = id.ok_or_else(|| {
            invalid(
                "charge",
                "One of the following params should be provided for this request: payment_intent or charge.",
            )
        })?;
        let mut charge = self.find("charges", &id).ok_or_else(|| missing("charge", &id))?.clone();
        let (taken, back) = (whole(&charge, "amount").unwrap_or(0), whole(&charge, "amount_refunded").unwrap_or(0));
        let left = taken - back;
        if left <= 0 {
            return Err(Refusal {
                code: "charge_already_refunded",
                ..invalid("", &format!("Charge {id} has already been refunded."))
            });
        }
        let amount = whole(given, "amount").unwrap_or(left);
        if amount <= 0 || amount > left {
            let why = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
            return Err(invalid("amount", &why));
        }
        let (refund, currency) = (new_id("re_"), text_of(&charge, "currency").to_string());
        let movement = self.moved(known, "refund", "refund", &refund, -amount, 0, &currency);
        let object = json!({
            "id": refund, "object": "refund", "amount": amount, "balance_transaction": movement, "charge": id, "created": now(),
            "currency": currency, "metadata": {}, "payment_intent": charge.get("payment_intent").and_then(Value::as_text).map(Text::as_str),
            "reason": null, "receipt_number": null, "source_transfer_reversal": null, "status": "succeeded", "transfer_reversal": null,
        });
        let mut refund = self.made(known, "refunds", &[&object]);
        for name in ["metadata", "reason"] {
            if let Some(value) = given.get(name).filter(|value| !value.is_absent()) {
                refund.set(Text::from(name), value.clone());
            }
        }
        self.keep("refunds", refund.clone());
        charge.set("amount_refunded".into(), Value::from(back + amount));
        charge.set("refunded".into(), Value::Bool(back + amount == taken));
        self.keep("charges", charge.clone());
        let before = json!({ "amount_refunded": back, "refunded": false }).to_string();
        self.happened(known, "refund.created", &refund, None, origin);
        self.happened(known, "charge.refunded", &charge, Some(record(&before)), origin);
        Ok(refund)
    }

    /// A buyer's bank takes the money back, and Stripe a fee.
    fn dispute(&mut self, known: &Known, given: &Record) -> Result<Record, Refusal> {
        let id = text_of(given, "charge");
        let mut charge = self.find("charges", id).ok_or_else(|| missing("charge", id))?.clone();
        let (amount, currency) = (whole(&charge, "amount").unwrap_or(0), text_of(&charge, "currency").to_string());
        let dispute = new_id("du_");
        let movement = self.moved(known, "adjustment", "dispute", &dispute, -amount, DISPUTE_FEE, &currency);
        let movement = self.find("balance_transactions", &movement).cloned().unwrap_or_default();
        let object = json!({
            "id": dispute, "object": "dispute", "amount": amount, "charge": id, "created": now(), "currency": currency,
            "is_charge_refundable": false, "livemode": false, "metadata": {}, "reason": "general", "status": "needs_response",
            "evidence_details": { "due_by": now() + 7 * 86_400, "has_evidence": false, "past_due": false, "submission_count": 0 },
            "payment_intent": charge.get("payment_intent").and_then(Value::as_text).map(Text::as_str),
        });
        let mut dispute = self.made(known, "disputes", &[&object]);
        dispute.set("balance_transactions".into(), Value::from(vec![Value::Record(super::shown(&movement))]));
        self.keep("disputes", dispute.clone());
        charge.set("disputed".into(), Value::Bool(true));
        self.keep("charges", charge);
        self.happened(known, "charge.dispute.created", &dispute, None, None);
        self.happened(known, "charge.dispute.funds_withdrawn", &dispute, None, None);
        Ok(dispute)
    }

    /// Everything of a currency that no payout holds goes to the bank. It is paid at once; what it holds is settled last.
    fn pay_out(&mut self, known: &Known, given: &Record) -> Result<Record, Refusal> {
        let currency =
            if text_of(given, "currency").is_empty() { "usd" } else { text_of(given, "currency") }.to_string();
        let payout = new_id("po_");
        let mut amount = 0i64;
        for movement in self.objects.entry("balance_transactions".to_string()).or_default() {
            if text_of(movement, "currency") == currency && movement.get("#payout").is_none() {
                amount = amount.saturating_add(whole(movement, "net").unwrap_or(0));
                movement.set("#payout".into(), Value::from(payout.as_str()));
                movement.set("status".into(), Value::from("available"));
            }
        }
        if amount == 0 {
            return Err(invalid("currency", &format!("There is nothing to pay out in {currency}.")));
        }
        let movement = self.moved(known, "payout", "payout", &payout, -amount, 0, &currency);
        let midnight = now() - now().rem_euclid(86_400) + 2 * 86_400;
        let object = json!({
            "id": payout, "object": "payout", "amount": amount, "arrival_date": midnight, "automatic": true, "balance_transaction": movement,
            "created": now(), "currency": currency, "description": "STRIPE PAYOUT", "destination": "ba_sandbox",
            "failure_balance_transaction": null, "failure_code": null, "failure_message": null, "livemode": false, "metadata": {},
            "method": "standard", "original_payout": null, "payout_method": null, "reconciliation_status": "in_progress", "reversed_by": null,
            "source_type": "card", "statement_descriptor": null, "status": "pending", "trace_id": null, "type": "bank_account",
        });
        let mut object = self.made(known, "payouts", &[&object]);
        if let Some(own) = self
            .objects
            .entry("balance_transactions".to_string())
            .or_default()
            .iter_mut()
            .find(|row| id_of(row) == movement)
        {
            own.set("#payout".into(), Value::from(payout.as_str()));
        }
        self.happened(known, "payout.created", &object, None, None);
        object.set("status".into(), Value::from("paid"));
        self.keep("payouts", object.clone());
        self.happened(known, "payout.paid", &object, None, None);
        object.set("reconciliation_status".into(), Value::from("completed"));
        self.keep("payouts", object.clone());
        self.happened(known, "payout.reconciliation_completed", &object, None, None);
        Ok(object)
    }

    /// A movement of the balance; its id.
    #[expect(clippy::too_many_arguments, reason = "all that a movement is")]
    fn moved(
        &mut self,
        known: &Known,
        kind: &str,
        category: &str,
        source: &str,
        amount: i64,
        fee: i64,
        currency: &str,
    ) -> String {
        let id = new_id("txn_");
        let details = match fee {
            0 => vec![],
            fee => vec![
                json!({ "amount": fee, "application": null, "currency": currency, "description": "Stripe processing fees", "type": "stripe_fee" }),
            ],
        };
        let object = json!({
            "id": id, "object": "balance_transaction", "amount": amount, "available_on": now() + 2 * 86_400, "balance_type": "payments",
            "created": now(), "currency": currency, "description": null, "exchange_rate": null, "fee": fee, "fee_details": details,
            "net": amount - fee, "reporting_category": category, "source": source, "status": "pending", "type": kind,
        });
        self.made(known, "balance_transactions", &[&object]);
        id
    }

    /// A new object of these fields, complete and kept.
    fn made(&mut self, known: &Known, segment: &str, parts: &[&serde_json::Value]) -> Record {
        let mut object = Record::new();
        parts.iter().for_each(|part| extend(&mut object, &record(&part.to_string())));
        let Some(kind) = of_segment(segment) else { return object };
        let object = completed(object, known, kind);
        self.put(kind, object.clone());
        object
    }

    fn keep(&mut self, segment: &str, object: Record) {
        if let Some(kind) = of_segment(segment) {
            self.put(kind, object);
        }
    }
}

fn whole(record: &Record, name: &str) -> Option<i64> {
    record.get(name)?.as_number()?.exact().ok()?.to_i64()
}
