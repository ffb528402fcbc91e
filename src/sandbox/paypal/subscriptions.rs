//! Subscriptions: approved by a subscriber (an action), billed as time passes (another), paused and ended by the shop.

use super::money::Money;
use super::{Answer, Call, Paypal, Refusal, Reply, now, set, text};
use serde_json::{Value as Json, json};

impl Paypal {
    pub(super) fn subscriptions_api(&self, call: &Call, path: &[&str]) -> Answer {
        match (call.method.as_str(), &path[3.min(path.len())..]) {
            ("POST", []) => self.once(call, "subscriptions", || self.create_subscription(call)),
            ("GET", [id]) => Ok(Reply::json(200, self.get("subscriptions", id)?.to_string())),
            ("POST", [id, "suspend"]) => self.turn(call, id, &["ACTIVE"], "SUSPENDED", "SUSPENDED"),
            ("POST", [id, "activate"]) => self.turn(call, id, &["SUSPENDED"], "ACTIVE", "RE-ACTIVATED"),
            ("POST", [id, "cancel"]) => self.turn(call, id, &["ACTIVE", "SUSPENDED"], "CANCELLED", "CANCELLED"),
            ("GET", [id, "transactions"]) => self.subscription_payments(call, id),
            _ => Err(super::no_such_path()),
        }
    }

    fn create_subscription(&self, call: &Call) -> Answer {
        let body = self.body(call, "paypal.subscription_request")?;
        if text(&body, "plan_id").is_empty() {
            return Err(Refusal::missing("/plan_id"));
        }
        let mut state = self.lock();
        let id = format!("I-{}", state.id(12));
        let mut subscription = json!({
            "id": id, "plan_id": text(&body, "plan_id"), "status": "APPROVAL_PENDING", "status_update_time": now(),
            "create_time": now(), "plan_overridden": false,
            "links": [
                { "href": format!("https://www.sandbox.paypal.com/webapps/billing/subscriptions?ba_token={id}"), "rel": "approve", "method": "GET" },
                self.link("self", "GET", &format!("/v1/billing/subscriptions/{id}")),
            ],
        });
        for name in ["quantity", "start_time", "subscriber", "custom_id", "shipping_amount"] {
            if let Some(given) = body.get(name) {
                set(&mut subscription, name, given.clone());
            }
        }
        state.put("subscriptions", subscription.clone());
        drop(state);
        self.happens("BILLING.SUBSCRIPTION.CREATED", "subscription", "Subscription created", &subscription);
        Ok(self.preferred(call, 201, &subscription))
    }

    fn turn(&self, call: &Call, id: &str, from: &[&str], to: &str, event: &str) -> Answer {
        let body = self.body(call, "paypal.subscription_reason")?;
        if text(&body, "reason").is_empty() {
            return Err(Refusal::missing("/reason"));
        }
        let mut state = self.lock();
        let subscription = state.get_mut("subscriptions", id).ok_or_else(Refusal::not_found)?;
        if !from.contains(&text(subscription, "status")) {
            let why = "Invalid subscription status for the requested action; subscription status should be active or suspended.";
            return Err(Refusal::unprocessable("SUBSCRIPTION_STATUS_INVALID", why));
        }
        set(subscription, "status", to);
        set(subscription, "status_change_note", text(&body, "reason"));
        set(subscription, "status_update_time", now());
        let subscription = subscription.clone();
        drop(state);
        self.happens(&format!("BILLING.SUBSCRIPTION.{event}"), "subscription", "Subscription changed", &subscription);
        Ok(Reply::empty(204))
    }

    /// What the subscriber does at PayPal.
    pub(super) fn subscribe(&self, with: &Json) -> Result<Json, String> {
        let mut state = self.lock();
        let subscription =
            state.get_mut("subscriptions", text(with, "subscription")).ok_or("there is no such subscription")?;
        if text(subscription, "status") != "APPROVAL_PENDING" {
            return Err(format!("the subscription is {}", text(subscription, "status")));
        }
        set(subscription, "status", "ACTIVE");
        set(subscription, "status_update_time", now());
        if subscription.get("start_time").is_none() {
            set(subscription, "start_time", now());
        }
        let subscription = subscription.clone();
        drop(state);
        self.happens("BILLING.SUBSCRIPTION.ACTIVATED", "subscription", "Subscription activated", &subscription);
        Ok(subscription)
    }

    /// A period is over: the subscriber pays.
    pub(super) fn bill(&self, with: &Json) -> Result<Json, String> {
        let mut state = self.lock();
        let id = text(with, "subscription").to_owned();
        let subscription = state.get("subscriptions", &id).cloned().ok_or("there is no such subscription")?;
        if text(&subscription, "status") != "ACTIVE" {
            return Err(format!("the subscription is {}", text(&subscription, "status")));
        }
        let amount = Money::of(with.get("amount").ok_or("how much? `amount` is missing")?);
        let (sale_id, fee) = (state.id(17), amount.fee());
        let fee_written = fee.payout();
        let sale = json!({
            "id": sale_id, "state": "completed", "amount": amount.sale(), "payment_mode": "INSTANT_TRANSFER",
            "protection_eligibility": "ELIGIBLE", "billing_agreement_id": id, "create_time": now(), "update_time": now(),
            "transaction_fee": { "value": fee_written.get("value"), "currency": amount.currency },
            "links": [self.link("self", "GET", &format!("/v1/payments/sale/{sale_id}"))],
        });
        let payment = json!({
            "id": sale_id, "status": "COMPLETED", "time": now(),
            "amount_with_breakdown": { "gross_amount": amount.json(), "fee_amount": fee.json(), "net_amount": amount.minus(&fee).json() },
            "payer_email": subscription.pointer("/subscriber/email_address"),
        });
        if let Some(subscription) = state.get_mut("subscriptions", &id) {
            let mut paid = subscription.get("#paid").and_then(Json::as_array).cloned().unwrap_or_default();
            paid.push(payment);
            set(subscription, "#paid", paid);
            set(
                subscription,
                "billing_info",
                json!({ "last_payment": { "amount": amount.json(), "time": now() }, "failed_payments_count": 0 }),
            );
        }
        self.moved(&mut state, &sale, "T0002", &amount, &fee.negated(), ("SUB", &id), None);
        drop(state);
        self.happens("PAYMENT.SALE.COMPLETED", "sale", "Payment completed", &sale);
        Ok(sale)
    }

    fn subscription_payments(&self, call: &Call, id: &str) -> Answer {
        let subscription = self.lock().get("subscriptions", id).cloned().ok_or_else(Refusal::not_found)?;
        let time = |name: &str| {
            let given = call.parameter(name).ok_or_else(|| Refusal::missing(name))?;
            let why = "The value of a field does not conform to the expected format.";
            given.parse::<jiff::Timestamp>().map_err(|_| Refusal::invalid("INVALID_PARAMETER_SYNTAX", name, why))
        };
        let (from, to) = (time("start_time")?, time("end_time")?);
        let paid = subscription.get("#paid").and_then(Json::as_array).cloned().unwrap_or_default();
        let within = |payment: &Json| text(payment, "time").parse().is_ok_and(|at| (from..=to).contains(&at));
        let paid: Vec<Json> = paid.into_iter().filter(within).collect();
        let count = paid.len();
        Ok(Reply::json(
            200,
            json!({ "transactions": paid, "total_items": count, "total_pages": 1, "links": [] }).to_string(),
        ))
    }
}
