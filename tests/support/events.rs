//! Stripe's events as Stripe writes them.

use bytes::Bytes;
use flowctl::sandbox::Sandbox;
use serde_json::{Value, json};

/// A captured charge and the event that tells of it.
#[derive(Clone, Debug)]
pub struct Charge {
    pub id: String,
    /// `None`: a guest.
    pub customer: Option<String>,
    pub email: String,
    /// Sku, quantity, price in cents.
    pub items: Vec<(&'static str, u32, u32)>,
    pub metadata: Vec<(&'static str, String)>,
}

impl Charge {
    /// The charge of that number, of the customer of that number.
    pub fn new(number: usize, customer: Option<usize>) -> Charge {
        let buyer = customer.map_or_else(|| format!("guest{number}"), |customer| format!("buyer{customer}"));
        let items = match number % 3 {
            0 => vec![("TSHIRT", 2, 1500), ("MUG", 1, 1205)],
            1 => vec![("MUG", 1 + number as u32 % 4, 1205)],
            _ => vec![("TSHIRT", 1, 1999), ("MUG", 3, 1), ("NOVELTY", 1, 350)],
        };
        Charge {
            id: format!("ch_3Pq{number:06}RuLbPz"),
            customer: customer.map(|customer| format!("cus_Nq{customer:06}")),
            email: format!("{buyer}@example.com"),
            items,
            metadata: vec![("order_number", format!("{}", 10_000 + number))],
        }
    }

    pub fn cents(&self) -> u32 {
        self.items.iter().map(|(_, quantity, price)| quantity * price).sum()
    }

    /// The charge as an object of the API.
    pub fn object(&self) -> Value {
        let lines = self
            .items
            .iter()
            .map(|(sku, quantity, price)| format!("{sku}:{quantity}:{}.{:02}", price / 100, price % 100));
        let mut metadata = serde_json::Map::new();
        metadata.insert("items".into(), lines.collect::<Vec<_>>().join(", ").into());
        for (name, value) in &self.metadata {
            metadata.insert((*name).into(), value.as_str().into());
        }
        json!({
            "id": self.id, "object": "charge",
            "amount": self.cents(), "amount_captured": self.cents(), "amount_refunded": 0,
            "application": null, "application_fee": null,
            "balance_transaction": format!("txn_{}", &self.id[3..]),
            "billing_details": {
                "address": { "city": "Portland", "country": "US", "line1": "1 Main St", "line2": null, "postal_code": "97201", "state": "OR" },
                "email": self.email, "name": "Jenny Rosen", "phone": null, "tax_id": null
            },
            "calculated_statement_descriptor": "CONTOSO", "captured": true, "created": 1772440200, "currency": "usd",
            "customer": self.customer, "description": null, "disputed": false,
            "failure_balance_transaction": null, "failure_code": null, "failure_message": null, "fraud_details": {},
            "livemode": false, "metadata": metadata, "on_behalf_of": null,
            "outcome": { "network_status": "approved_by_network", "reason": null, "risk_level": "normal", "risk_score": 12,
                "seller_message": "Payment complete.", "type": "authorized" },
            "paid": true, "payment_intent": format!("pi_{}", &self.id[3..]), "payment_method": "pm_1",
            "payment_method_details": { "type": "card", "card": { "brand": "visa", "country": "US", "exp_month": 8,
                "exp_year": 2030, "funding": "credit", "last4": "4242", "network": "visa", "wallet": null } },
            "receipt_email": null, "receipt_number": null, "receipt_url": null, "refunded": false, "review": null,
            "shipping": null, "statement_descriptor": null, "statement_descriptor_suffix": null,
            "status": "succeeded", "transfer_group": null
        })
    }

    /// `charge.succeeded`, as it is delivered.
    pub fn event(&self) -> Bytes {
        self.event_of("charge.succeeded")
    }

    pub fn event_of(&self, kind: &str) -> Bytes {
        let event = json!({
            "id": format!("evt_{}_{}", kind.replace('.', "_"), &self.id[3..]), "object": "event",
            "api_version": "2026-10-28.endive", "created": 1772440205, "livemode": false, "pending_webhooks": 1,
            "request": { "id": "req_1", "idempotency_key": format!("shop-{}", self.id) },
            "type": kind, "data": { "object": self.object() }
        });
        Bytes::from(event.to_string())
    }

    /// Puts the charge, and its customer unless it is there, where the API can read them.
    pub fn known_to(&self, sandbox: &Sandbox) {
        sandbox.stripe.insert(&self.object().to_string()).expect("a charge");
        let Some(customer) = &self.customer else { return };
        let there = sandbox.stripe.objects("customers");
        if !there.iter().any(|other| super::oracle::text(other, "id") == *customer) {
            let object = json!({ "id": customer, "object": "customer", "created": 1700000000, "livemode": false,
                "name": "Jenny Rosen", "email": self.email, "phone": null, "address": null, "shipping": null,
                "description": null, "balance": 0, "currency": "usd", "delinquent": false, "metadata": {} });
            sandbox.stripe.insert(&object.to_string()).expect("a customer");
        }
    }
}
