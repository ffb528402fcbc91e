//! What the demo sends: Stripe's charge events, complete as Stripe writes them, and what is made to go wrong.

use crate::sandbox::faults::{Fault, FaultKind};
use bytes::Bytes;
use serde_json::{Value, json};

/// One delivery.
pub struct Case {
    /// For programs.
    pub name: &'static str,
    /// For people: what is special about it.
    pub title: &'static str,
    pub event: Value,
    /// Signed with a secret that is not the endpoint's.
    pub forged: bool,
    /// What F&O does to the request that makes the order.
    pub trouble: Option<Trouble>,
}

/// What is made to go wrong, once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trouble {
    /// F&O answers 429 and asks for a second's pause.
    Throttled,
    /// F&O makes the order and the connection breaks before its answer.
    AnswerLost,
}

impl Case {
    /// The body as it goes over the wire.
    pub fn body(&self) -> Bytes {
        Bytes::from(self.event.to_string())
    }

    /// The charge that the event tells of.
    pub fn charge(&self) -> &Value {
        &self.event["data"]["object"]
    }

    pub fn charge_id(&self) -> &str {
        self.charge()["id"].as_str().unwrap_or_default()
    }

    pub fn event_id(&self) -> &str {
        self.event["id"].as_str().unwrap_or_default()
    }

    /// The fault to order from the stand-in of F&O.
    pub fn fault(&self) -> Option<Fault> {
        let kind = match self.trouble? {
            Trouble::Throttled => FaultKind::Status { status: 429, retry_after: Some(1) },
            Trouble::AnswerLost => FaultKind::DropAfter,
        };
        let path = "/data/SalesOrderHeadersV2".into();
        Some(Fault { method: "POST".into(), path, body: self.charge_id().into(), times: 1, kind })
    }
}

/// All of them, in the order in which they are sent. `now` is in Unix seconds.
pub fn all(now: i64) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name, title, event| cases.push(Case { name, title, event, forged: false, trouble: None });

    let contoso = Charge {
        items: &[("items", "TSHIRT:2:15.00, MUG:1:12.00"), ("order_number", "1001")],
        customer: Some("cus_Contoso"),
        ..Charge::new("ch_3DemoUsdCard", 4200, "usd", "Contoso Retail", "orders@contoso.example")
    };
    let first = contoso.event("evt_1DemoUsdCard", now);
    add("usd_card", "a card, two products", first.clone());

    let yen = Charge {
        items: &[("sku", "MUG"), ("quantity", "2"), ("order_number", "1002")],
        customer: Some("cus_Litware"),
        ..Charge::new("ch_3DemoJpyCard", 5000, "jpy", "Litware Japan", "orders@litware.example")
    };
    add("jpy_card", "yen: no smaller unit", yen.event("evt_1DemoJpyCard", now));

    // Stripe delivers at least once. Only the count of waiting deliveries differs.
    let mut again = first.clone();
    again["pending_webhooks"] = json!(0);
    add("duplicate", "the first event again", again);

    // The same charge, told of by another event.
    let mut captured = first;
    captured["id"] = json!("evt_1DemoCaptured");
    captured["type"] = json!("charge.captured");
    add("told_again", "the first charge, told of again", captured);

    let fabricated = Charge {
        items: &[("items", "TSHIRT:100:15.00")],
        ..Charge::new("ch_3DemoForged", 150_000, "usd", "Mallory Fake", "mallory@forged.example")
    };
    add("forged", "signed with a wrong secret", fabricated.event("evt_1DemoForged", now));

    let throttled = Charge {
        items: &[("items", "TSHIRT:1:15.00"), ("order_number", "1003")],
        customer: Some("cus_Fabrikam"),
        wallet: Some("apple_pay"),
        ..Charge::new("ch_3DemoThrottled", 1500, "usd", "Fabrikam", "ap@fabrikam.example")
    };
    add("throttled", "F&O answers 429 first", throttled.event("evt_1DemoThrottled", now));

    let lost = Charge {
        items: &[("items", "MUG:3:12.00, TSHIRT:1:15.00"), ("order_number", "1004")],
        customer: Some("cus_Adatum"),
        ..Charge::new("ch_3DemoAnswerLost", 5100, "eur", "Adatum Europe", "buying@adatum.example")
    };
    add("answer_lost", "F&O's answer is lost", lost.event("evt_1DemoAnswerLost", now));

    let unknown = Charge {
        items: &[("items", "MUG:1:12.00, SKATEBOARD:1:79.90"), ("order_number", "1005")],
        customer: Some("cus_Northwind"),
        ..Charge::new("ch_3DemoUnknown", 9190, "usd", "Northwind Traders", "shop@northwind.example")
    };
    add("unknown_product", "a product that F&O does not know", unknown.event("evt_1DemoUnknown", now));

    let guest = Charge {
        items: &[("sku", "TSHIRT"), ("order_number", "1006")],
        ..Charge::new("ch_3DemoGuest", 1500, "usd", "Jenny Rosen", "Jenny.Rosen@Example.com")
    };
    add("guest", "a guest: no customer anywhere", guest.event("evt_1DemoGuest", now));

    let authorised = Charge {
        items: &[("items", "TSHIRT:1:15.00")],
        captured: false,
        ..Charge::new("ch_3DemoAuthorised", 1500, "usd", "Tailspin Toys", "orders@tailspin.example")
    };
    add("uncaptured", "only authorised, no money yet", authorised.event("evt_1DemoAuthorised", now));

    for case in &mut cases {
        case.forged = case.name == "forged";
        case.trouble = match case.name {
            "throttled" => Some(Trouble::Throttled),
            "answer_lost" => Some(Trouble::AnswerLost),
            _ => None,
        };
    }
    cases
}

/// An event that nobody has sent yet: to be tried by hand.
pub fn to_try(now: i64) -> Case {
    let charge = Charge {
        items: &[("items", "TSHIRT:1:15.00, MUG:1:12.00"), ("order_number", "2001")],
        ..Charge::new("ch_3DemoByHand", 2700, "usd", "Robin Counts", "robin@example.com")
    };
    let event = charge.event("evt_1DemoByHand", now);
    Case { name: "by_hand", title: "sent by hand", event, forged: false, trouble: None }
}

/// What Stripe writes as null in charges like these.
const NULL: &[&str] = &[
    "application",
    "application_fee",
    "application_fee_amount",
    "balance_transaction",
    "description",
    "failure_balance_transaction",
    "failure_code",
    "failure_message",
    "on_behalf_of",
    "receipt_email",
    "receipt_number",
    "receipt_url",
    "review",
    "shipping",
    "source",
    "source_transfer",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
];

/// What differs from charge to charge.
struct Charge {
    id: &'static str,
    amount: i64,
    currency: &'static str,
    name: &'static str,
    email: &'static str,
    customer: Option<&'static str>,
    items: &'static [(&'static str, &'static str)],
    wallet: Option<&'static str>,
    captured: bool,
}

impl Charge {
    fn new(id: &'static str, amount: i64, currency: &'static str, name: &'static str, email: &'static str) -> Charge {
        Charge { id, amount, currency, name, email, customer: None, items: &[], wallet: None, captured: true }
    }

    fn event(&self, id: &str, now: i64) -> Value {
        json!({
            "id": id,
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": now,
            "data": { "object": self.object(now) },
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": id.replace("evt_", "req_"), "idempotency_key": id.replace("evt_", "shop-") },
            "type": "charge.succeeded",
        })
    }

    fn object(&self, now: i64) -> Value {
        let metadata: serde_json::Map<String, Value> =
            self.items.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
        let mut charge = json!({
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": if self.captured { self.amount } else { 0 },
            "amount_refunded": 0,
            "billing_details": self.billing_details(),
            "calculated_statement_descriptor": "FLOWCTL DEMO",
            "captured": self.captured,
            "created": now - 2,
            "currency": self.currency,
            "customer": self.customer,
            "disputed": false,
            "fraud_details": {},
            "livemode": false,
            "metadata": metadata,
            "outcome": outcome(),
            "paid": true,
            "payment_intent": self.id.replace("ch_", "pi_"),
            "payment_method": self.id.replace("ch_", "pm_"),
            "payment_method_details": self.payment_method_details(),
            "radar_options": {},
            "refunded": false,
            "status": "succeeded",
        });
        for name in NULL {
            charge[name] = Value::Null;
        }
        charge
    }
    fn billing_details(&self) -> Value {
        json!({
            "address": {
                "city": "Portland",
                "country": "US",
                "line1": "1 Main St",
                "line2": null,
                "postal_code": "97201",
                "state": "OR",
            },
            "email": self.email,
            "name": self.name,
            "phone": null,
            "tax_id": null,
        })
    }

    fn payment_method_details(&self) -> Value {
        let wallet = self.wallet.map(|kind| json!({ "type": kind, "dynamic_last4": "4242" }));
        json!({
            "card": {
                "amount_authorized": self.amount,
                "authorization_code": null,
                "brand": "visa",
                "checks": {
                    "address_line1_check": "pass",
                    "address_postal_code_check": "pass",
                    "cvc_check": "pass",
                },
                "country": "US",
                "exp_month": 8,
                "exp_year": 2030,
                "fingerprint": "88PuXw9tEmvYe69o",
                "funding": "credit",
                "installments": null,
                "last4": "4242",
                "mandate": null,
                "network": "visa",
                "network_token": { "used": false },
                "network_transaction_id": "016153570198200",
                "regulated_status": "unregulated",
                "three_d_secure": null,
                "wallet": wallet,
            },
            "type": "card",
        })
    }
}

fn outcome() -> Value {
    json!({
        "network_advice_code": null,
        "network_decline_code": null,
        "network_status": "approved_by_network",
        "reason": null,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": "Payment complete.",
        "type": "authorized",
    })
}
