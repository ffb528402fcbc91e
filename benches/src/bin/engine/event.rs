//! The events: Stripe's `charge.succeeded`, 2 KB each, with the signature of the real thing.

use ring::hmac;

pub const SECRET: &str = "whsec_benchmark";

/// The number in a charge's id: ten digits, so that the sink finds them without looking.
pub fn number(id: &str) -> Option<usize> {
    id.strip_prefix("ch_")?.parse().ok()
}

/// The whole request that delivers the event of that number, as bytes of HTTP/1.1.
pub fn delivery(number: usize, now: u64) -> Vec<u8> {
    let body = TEMPLATE.replace("NUMBER", &format!("{number:010}"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = hmac::sign(&key, format!("{now}.{body}").as_bytes());
    let hex: String = signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "POST /hooks/stripe HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-8\r\nUser-Agent: Stripe/1.0\r\n\
         Stripe-Signature: t={now},v1={hex}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

const TEMPLATE: &str = r#"{
  "id": "evt_NUMBER", "object": "event", "api_version": "2026-10-28.endive", "created": 1772440200,
  "data": { "object": {
    "id": "ch_NUMBER", "object": "charge", "amount": 4205, "amount_captured": 4205, "amount_refunded": 0,
    "application": null, "application_fee": null, "application_fee_amount": null, "balance_transaction": "txn_NUMBER",
    "billing_details": { "address": { "city": "Portland", "country": "US", "line1": "1 Main St", "line2": null, "postal_code": "97201", "state": "OR" },
      "email": "jenny.rosen@example.com", "name": "Jenny Rosen", "phone": null, "tax_id": null },
    "calculated_statement_descriptor": "CONTOSO", "captured": true, "created": 1772440200, "currency": "usd",
    "customer": "cus_NffrFeUfNV2Hib", "description": null, "disputed": false, "failure_balance_transaction": null,
    "failure_code": null, "failure_message": null, "fraud_details": {}, "livemode": false,
    "metadata": { "order_number": "10042", "items": "TSHIRT:2:15.00, MUG:1:12.05" }, "on_behalf_of": null,
    "outcome": { "network_status": "approved_by_network", "reason": null, "risk_level": "normal", "risk_score": 12, "seller_message": "Payment complete.", "type": "authorized" },
    "paid": true, "payment_intent": "pi_NUMBER", "payment_method": "pm_1MqMGi2eZvKYlo2CtZbPMZ1F",
    "payment_method_details": { "card": { "amount_authorized": 4205, "brand": "visa", "checks": { "address_line1_check": "pass", "address_postal_code_check": "pass", "cvc_check": "pass" },
      "country": "US", "exp_month": 8, "exp_year": 2030, "fingerprint": "mToisGZ01V71BCos", "funding": "credit", "installments": null, "last4": "4242", "network": "visa", "three_d_secure": null, "wallet": null }, "type": "card" },
    "radar_options": {}, "receipt_email": null, "receipt_number": null, "receipt_url": "https://pay.stripe.com/receipts/payment/NUMBER",
    "refunded": false, "review": null, "shipping": null, "source": null, "source_transfer": null, "statement_descriptor": null,
    "statement_descriptor_suffix": null, "status": "succeeded", "transfer_data": null, "transfer_group": null } },
  "livemode": false, "pending_webhooks": 1, "request": { "id": "req_NUMBER", "idempotency_key": null }, "type": "charge.succeeded"
}"#;
