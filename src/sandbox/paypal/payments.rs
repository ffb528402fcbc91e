//! Captures, authorisations and refunds.

use super::money::Money;
use super::{Answer, Call, Paypal, Refusal, Reply, State, now, set, text};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

/// How long a hold lasts.
const HOLD: SignedDuration = SignedDuration::from_hours(29 * 24);

impl Paypal {
    pub(super) fn payment_api(&self, call: &Call, kind: &str, path: &[&str]) -> Answer {
        match (call.method.as_str(), kind, &path[3.min(path.len())..]) {
            ("GET", "captures" | "authorizations" | "refunds", [id]) => {
                Ok(Reply::json(200, self.get(kind, id)?.to_string()))
            }
            ("POST", "captures", [id, "refund"]) => self.once(call, "payments", || self.refund(call, id)),
            ("POST", "authorizations", [id, "capture"]) => self.once(call, "payments", || self.capture_hold(call, id)),
            ("POST", "authorizations", [id, "reauthorize"]) => {
                self.once(call, "payments", || self.renew_hold(call, id))
            }
            ("POST", "authorizations", [id, "void"]) => self.void(call, id),
            _ => Err(super::no_such_path()),
        }
    }

    /// A capture that took money: with what PayPal keeps, and a movement of the balance.
    pub(super) fn new_capture(
        &self,
        state: &mut State,
        unit: &Json,
        amount: &Money,
        order: &str,
        hold: Option<&str>,
        is_final: bool,
    ) -> Json {
        let (id, fee) = (state.id(17), amount.fee());
        let up = match hold {
            Some(hold) => format!("/v2/payments/authorizations/{hold}"),
            None => format!("/v2/checkout/orders/{order}"),
        };
        let mut related = json!({ "order_id": order });
        if let Some(hold) = hold {
            set(&mut related, "authorization_id", hold);
        }
        let mut capture = json!({
            "id": id, "status": "COMPLETED", "amount": amount.json(), "final_capture": is_final,
            "seller_protection": { "status": "ELIGIBLE", "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"] },
            "seller_receivable_breakdown": {
                "gross_amount": amount.json(), "paypal_fee": fee.json(), "net_amount": amount.minus(&fee).json(),
            },
            "supplementary_data": { "related_ids": related },
            "create_time": now(), "update_time": now(),
            "links": [
                self.link("self", "GET", &format!("/v2/payments/captures/{id}")),
                self.link("refund", "POST", &format!("/v2/payments/captures/{id}/refund")),
                self.link("up", "GET", &up),
            ],
        });
        take_over(unit, &mut capture);
        state.put("captures", capture.clone());
        let payer = state.get("orders", order).and_then(|order| order.get("payer")).cloned();
        self.moved(state, &capture, "T0006", amount, &fee.negated(), ("ODR", order), payer);
        capture
    }

    pub(super) fn new_authorization(&self, state: &mut State, unit: &Json, amount: &Money, order: &str) -> Json {
        let id = state.id(17);
        let mut hold = json!({
            "id": id, "status": "CREATED", "amount": amount.json(),
            "seller_protection": { "status": "ELIGIBLE", "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"] },
            "supplementary_data": { "related_ids": { "order_id": order } },
            "expiration_time": Timestamp::now().checked_add(HOLD).unwrap_or(Timestamp::MAX).to_string(),
            "create_time": now(), "update_time": now(),
            "links": [
                self.link("self", "GET", &format!("/v2/payments/authorizations/{id}")),
                self.link("capture", "POST", &format!("/v2/payments/authorizations/{id}/capture")),
                self.link("void", "POST", &format!("/v2/payments/authorizations/{id}/void")),
                self.link("up", "GET", &format!("/v2/checkout/orders/{order}")),
            ],
        });
        take_over(unit, &mut hold);
        state.put("authorizations", hold.clone());
        hold
    }

    /// The event of a payment that was made.
    pub(super) fn payment_happens(&self, kind: &str, payment: &Json) {
        let amount =
            payment.get("amount").map(|amount| format!("{} {}", text(amount, "value"), text(amount, "currency_code")));
        let amount = amount.unwrap_or_default();
        match kind {
            "captures" => {
                self.happens(
                    "PAYMENT.CAPTURE.COMPLETED",
                    "capture",
                    &format!("Payment completed for {amount}"),
                    payment,
                );
            }
            _ => self.happens(
                "PAYMENT.AUTHORIZATION.CREATED",
                "authorization",
                &format!("A payment authorization of {amount} was created"),
                payment,
            ),
        }
    }

    fn capture_hold(&self, call: &Call, id: &str) -> Answer {
        let body = self.body(call, "paypal.authorization_capture_request")?;
        let mut state = self.lock();
        let hold = state.get("authorizations", id).cloned().ok_or_else(Refusal::not_found)?;
        let refuse = |issue: &str, why: &str| Err(Refusal::unprocessable(issue, why));
        still_held(&hold)?;
        if text(&hold, "status") == "DENIED" {
            return refuse("AUTHORIZATION_DENIED", "An denied authorization cannot be captured.");
        }
        let held = Money::of(hold.get("amount").unwrap_or(&Json::Null));
        let taken = hold.get("#captured").map_or(Money::nothing(&held.currency), Money::of);
        let left = held.minus(&taken);
        let amount = match body.get("amount") {
            Some(amount) => Money::above_zero(amount, "/amount")?,
            None => left.clone(),
        };
        if amount.currency != held.currency {
            return refuse(
                "AUTH_CAPTURE_CURRENCY_MISMATCH",
                "Currency of capture must be the same as currency of authorization.",
            );
        }
        if amount.is_above(&left) {
            return refuse(
                "MAX_CAPTURE_AMOUNT_EXCEEDED",
                "Capture amount exceeds allowable limit. Please contact customer service or your account manager to request the change to your overage limit. The default overage limit is 115%, which allows the sum of all captures to be up to 115% of the order amount.",
            );
        }
        let invoice = text(&body, "invoice_id");
        let mut captures = state.objects.get("captures").into_iter().flatten();
        if !invoice.is_empty() && captures.any(|capture| text(capture, "invoice_id") == invoice) {
            return refuse(
                "DUPLICATE_INVOICE_ID",
                "Requested invoice_id has been previously captured. Possible duplicate transaction.",
            );
        }
        let order = order_of(&hold).to_owned();
        let mut unit = hold.clone();
        if !invoice.is_empty() {
            set(&mut unit, "invoice_id", invoice);
        }
        let last = body.get("final_capture").and_then(Json::as_bool).unwrap_or(false);
        let whole = taken.plus(&amount);
        let ends = last || !held.is_above(&whole);
        let capture = self.new_capture(&mut state, &unit, &amount, &order, Some(id), ends);
        if let Some(hold) = state.get_mut("authorizations", id) {
            set(hold, "status", if ends { "CAPTURED" } else { "PARTIALLY_CAPTURED" });
            set(hold, "#captured", whole.json());
            set(hold, "update_time", now());
        }
        self.put_in_order(&mut state, &order, "captures", &capture);
        drop(state);
        self.payment_happens("captures", &capture);
        Ok(self.preferred(call, 201, &capture))
    }

    fn renew_hold(&self, call: &Call, id: &str) -> Answer {
        let body = self.body(call, "paypal.reauthorize_request")?;
        let mut state = self.lock();
        let hold = state.get("authorizations", id).cloned().ok_or_else(Refusal::not_found)?;
        let refuse = |issue: &str, why: &str| Err(Refusal::unprocessable(issue, why));
        still_held(&hold)?;
        if hold.get("#renewed").is_some() {
            return refuse(
                "REAUTHORIZATION_NOT_SUPPORTED",
                "A reauthorize cannot be attempted on an authorization_id that is the result of a prior reauthorization or on an authorization made on an Order saved using the `v2/orders/id/save` API.",
            );
        }
        let first = Money::of(hold.get("amount").unwrap_or(&Json::Null));
        let amount = body.get("amount").map_or(Ok(first.clone()), |amount| Money::above_zero(amount, "/amount"))?;
        if amount.currency != first.currency {
            return refuse(
                "AUTH_CURRENCY_MISMATCH",
                "The currency specified during reauthorization should be the same as the currency specified in the original authorization.",
            );
        }
        let order = order_of(&hold).to_owned();
        let renewed = self.new_authorization(&mut state, &hold, &amount, &order);
        for one in [id, text(&renewed, "id")] {
            if let Some(hold) = state.get_mut("authorizations", one) {
                set(hold, "#renewed", true);
            }
        }
        drop(state);
        Ok(self.preferred(call, 201, &renewed))
    }

    fn void(&self, call: &Call, id: &str) -> Answer {
        let mut state = self.lock();
        let hold = state.get_mut("authorizations", id).ok_or_else(Refusal::not_found)?;
        match text(hold, "status") {
            "VOIDED" => {
                let why = "Authorization has been previously voided and hence cannot be voided again.";
                return Err(Refusal::unprocessable("PREVIOUSLY_VOIDED", why));
            }
            "CAPTURED" => {
                let why = "Authorization has been previously captured and hence cannot be voided.";
                return Err(Refusal::unprocessable("PREVIOUSLY_CAPTURED", why));
            }
            _ => {}
        }
        set(hold, "status", "VOIDED");
        set(hold, "update_time", now());
        let hold = hold.clone();
        drop(state);
        self.happens("PAYMENT.AUTHORIZATION.VOIDED", "authorization", "A payment authorization was voided", &hold);
        match call.header("prefer") {
            "return=representation" => Ok(Reply::json(200, hold.to_string())),
            _ => Ok(Reply::empty(204)),
        }
    }

    fn refund(&self, call: &Call, id: &str) -> Answer {
        let body = self.body(call, "paypal.refund_request")?;
        let mut state = self.lock();
        let capture = state.get("captures", id).cloned().ok_or_else(Refusal::not_found)?;
        let refuse = |issue: &str, why: &str| Err(Refusal::unprocessable(issue, why));
        let whole = Money::of(capture.get("amount").unwrap_or(&Json::Null));
        let before = capture.get("#refunded").map_or(Money::nothing(&whole.currency), Money::of);
        let left = whole.minus(&before);
        match text(&capture, "status") {
            "REFUNDED" => return refuse("CAPTURE_FULLY_REFUNDED", "The capture has already been fully refunded"),
            "PENDING" => {
                return refuse(
                    "PENDING_CAPTURE",
                    "Cannot initiate a refund as the capture is pending. Capture is typically pending when the payer has funded the transaction by using an e-check or bank account.",
                );
            }
            "DECLINED" | "FAILED" => return refuse("REFUND_NOT_ALLOWED", "Capture cannot be refunded."),
            _ => {}
        }
        let amount = match body.get("amount") {
            Some(amount) => Money::above_zero(amount, "/amount")?,
            None => left.clone(),
        };
        if amount.currency != whole.currency {
            return refuse("REFUND_CAPTURE_CURRENCY_MISMATCH", "Refund must be in the same currency as the capture");
        }
        if amount.is_above(&left) {
            let why = "The refund amount must be less than or equal to the capture amount that has not yet been refunded. Verify the refund amount and try the request again.";
            return Err(Refusal::unprocessable("REFUND_AMOUNT_EXCEEDED", why).at("/amount/value"));
        }
        let is_open = |dispute: &&Json| {
            text(dispute, "status") != "RESOLVED"
                && dispute.pointer("/disputed_transactions/0/seller_transaction_id").and_then(Json::as_str) == Some(id)
        };
        if left.is_above(&amount) && state.objects.get("disputes").into_iter().flatten().any(|one| is_open(&one)) {
            return refuse(
                "TRANSACTION_DISPUTED",
                "Partial refunds cannot be offered at this time because there is an open case on this transaction. Visit the PayPal Resolution Center to review this case.",
            );
        }
        let invoice = text(&body, "invoice_id");
        let mut refunds = state.objects.get("refunds").into_iter().flatten();
        if !invoice.is_empty() && refunds.any(|refund| text(refund, "invoice_id") == invoice) {
            return refuse("DUPLICATE_INVOICE_ID", "Invoice ID was previously used to refund a capture.");
        }
        let refund = self.new_refund(&mut state, &capture, &amount, &body);
        drop(state);
        let summary = format!("A {} refund was made", refund.get("amount").map_or("", |amount| text(amount, "value")));
        self.happens("PAYMENT.CAPTURE.REFUNDED", "refund", &summary, &refund);
        Ok(self.preferred(call, 201, &refund))
    }

    /// Money that goes back to the buyer.
    pub(super) fn new_refund(&self, state: &mut State, capture: &Json, amount: &Money, with: &Json) -> Json {
        let id = text(capture, "id").to_owned();
        let whole = Money::of(capture.get("amount").unwrap_or(&Json::Null));
        let before = capture.get("#refunded").map_or(Money::nothing(&whole.currency), Money::of);
        let refunded = before.plus(amount);
        let refund_id = state.id(17);
        let no_fee = Money::nothing(&whole.currency);
        // Refunds are told in the account's own time.
        let at = now().replace('Z', "+00:00");
        let mut refund = json!({
            "id": refund_id, "status": "COMPLETED", "amount": amount.json(),
            "seller_payable_breakdown": {
                "gross_amount": amount.json(), "paypal_fee": no_fee.json(), "net_amount": amount.json(),
                "total_refunded_amount": refunded.json(),
            },
            "create_time": at, "update_time": at,
            "links": [
                self.link("self", "GET", &format!("/v2/payments/refunds/{refund_id}")),
                self.link("up", "GET", &format!("/v2/payments/captures/{id}")),
            ],
        });
        take_over(with, &mut refund);
        if !text(with, "note_to_payer").is_empty() {
            set(&mut refund, "note_to_payer", text(with, "note_to_payer"));
        }
        state.put("refunds", refund.clone());
        if let Some(capture) = state.get_mut("captures", &id) {
            set(capture, "#refunded", refunded.json());
            set(capture, "status", if whole.is_above(&refunded) { "PARTIALLY_REFUNDED" } else { "REFUNDED" });
            set(capture, "update_time", now());
        }
        let order = order_of(capture).to_owned();
        self.put_in_order(state, &order, "refunds", &refund);
        self.moved(state, &refund, "T1107", &amount.negated(), &no_fee, ("TXN", &id), None);
        refund
    }

    /// What became of an order stands in it.
    fn put_in_order(&self, state: &mut State, order: &str, kind: &str, payment: &Json) {
        let Some(order) = state.get_mut("orders", order) else { return };
        let Some(unit) = order.pointer_mut("/purchase_units/0") else { return };
        if unit.get("payments").is_none() {
            set(unit, "payments", json!({}));
        }
        let Some(payments) = unit.get_mut("payments") else { return };
        let mut list = payments.get(kind).and_then(Json::as_array).cloned().unwrap_or_default();
        list.push(payment.clone());
        set(payments, kind, list);
    }
}

/// The shop's own numbers go from one thing to the next.
fn take_over(from: &Json, into: &mut Json) {
    for name in ["invoice_id", "custom_id"] {
        if !text(from, name).is_empty() {
            set(into, name, text(from, name));
        }
    }
}

/// The order that a payment belongs to; empty where it belongs to none.
fn order_of(payment: &Json) -> &str {
    payment.pointer("/supplementary_data/related_ids/order_id").and_then(Json::as_str).unwrap_or_default()
}

/// An authorisation that was voided or captured holds no money.
fn still_held(hold: &Json) -> Result<(), Refusal> {
    let refuse = |issue: &str, why: &str| Err(Refusal::unprocessable(issue, why));
    match text(hold, "status") {
        "VOIDED" => refuse("AUTHORIZATION_VOIDED", "A voided authorization cannot be captured or reauthorized."),
        "CAPTURED" => refuse("AUTHORIZATION_ALREADY_CAPTURED", "Authorization has previously been captured."),
        _ => Ok(()),
    }
}
