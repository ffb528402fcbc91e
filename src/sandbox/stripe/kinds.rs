//! The kinds of objects that the stand-in keeps, and what can be asked of each.

/// A kind of objects.
pub struct Kind {
    /// In paths: `charges`.
    pub segment: &'static str,
    /// `object` of each of them.
    pub object: &'static str,
    /// How their ids begin.
    pub prefix: &'static str,
    /// What a new one takes, by payload type. `None`: it is made in other ways.
    pub create: Option<&'static str>,
    /// What can be changed.
    pub update: Option<&'static str>,
    /// What a list can be asked by, beside `created`: names on the wire.
    pub filters: &'static [&'static str],
    pub delete: bool,
    /// Fields of a search; none: there is no search.
    pub search: &'static [&'static str],
}

const fn kind(
    segment: &'static str,
    object: &'static str,
    prefix: &'static str,
    filters: &'static [&'static str],
) -> Kind {
    Kind { segment, object, prefix, create: None, update: None, filters, delete: false, search: &[] }
}

const METADATA: Option<&str> = Some("stripe.metadata_params");

/// All of them.
pub const KINDS: &[Kind] = &[
    Kind { update: Some("stripe.charge_update"), ..kind("charges", "charge", "ch_", &["customer", "payment_intent"]) },
    Kind {
        create: Some("stripe.customer_params"),
        update: Some("stripe.customer_params"),
        delete: true,
        search: &["created", "email", "metadata", "name", "phone"],
        ..kind("customers", "customer", "cus_", &["email"])
    },
    Kind { update: METADATA, ..kind("payment_intents", "payment_intent", "pi_", &["customer"]) },
    Kind {
        create: Some("stripe.refund_params"),
        update: METADATA,
        ..kind("refunds", "refund", "re_", &["charge", "payment_intent"])
    },
    Kind { update: METADATA, ..kind("disputes", "dispute", "du_", &["charge", "payment_intent"]) },
    Kind { update: METADATA, ..kind("payouts", "payout", "po_", &["status"]) },
    kind("balance_transactions", "balance_transaction", "txn_", &["payout", "source", "type", "currency"]),
    Kind { update: METADATA, ..kind("invoices", "invoice", "in_", &["customer", "subscription", "status"]) },
    kind(
        "invoice_payments",
        "invoice_payment",
        "inpay_",
        &["invoice", "status", "payment[type]", "payment[payment_intent]", "payment[charge]"],
    ),
    Kind { update: METADATA, ..kind("credit_notes", "credit_note", "cn_", &["customer", "invoice"]) },
    Kind { update: METADATA, ..kind("subscriptions", "subscription", "sub_", &["customer", "status"]) },
    Kind {
        create: Some("stripe.product_params"),
        update: Some("stripe.product_params"),
        ..kind("products", "product", "prod_", &["active"])
    },
    Kind {
        create: Some("stripe.price_params"),
        update: Some("stripe.price_update"),
        ..kind("prices", "price", "price_", &["product", "active", "currency", "lookup_keys[0]"])
    },
    Kind {
        create: Some("stripe.webhook_endpoint_params"),
        update: Some("stripe.webhook_endpoint_update"),
        delete: true,
        ..kind("webhook_endpoints", "webhook_endpoint", "we_", &[])
    },
    kind("events", "event", "evt_", &["type", "types[0]", "types[1]", "types[2]", "delivery_success"]),
];

/// The kind of that path segment.
pub fn of_segment(segment: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.segment == segment)
}

/// The kind whose objects say `object`.
pub fn of_object(object: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.object == object)
}
