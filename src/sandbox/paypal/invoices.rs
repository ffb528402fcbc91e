//! Invoices: drafts that are sent, paid (an action) or cancelled.

use super::money::Money;
use super::{Answer, Call, Paypal, Refusal, Reply, now, set, text};
use crate::value::Exact;
use serde_json::{Value as Json, json};

impl Paypal {
    pub(super) fn invoices_api(&self, call: &Call, path: &[&str]) -> Answer {
        match (call.method.as_str(), &path[2.min(path.len())..]) {
            ("POST", ["invoices"]) => self.create_invoice(call),
            ("POST", ["search-invoices"]) => self.search_invoices(call),
            ("GET", ["invoices", id]) => Ok(Reply::json(200, self.get("invoices", id)?.to_string())),
            ("DELETE", ["invoices", id]) => self.delete_invoice(id),
            ("POST", ["invoices", id, "send"]) => {
                self.invoice_turns(call, id, &["DRAFT", "SCHEDULED"], "SENT", "INVOICE_ALREADY_SENT")
            }
            ("POST", ["invoices", id, "remind"]) => {
                self.invoice_turns(call, id, &["SENT", "UNPAID"], "SENT", "INVALID_INVOICE_STATE")
            }
            ("POST", ["invoices", id, "cancel"]) => self.invoice_turns(
                call,
                id,
                &["SENT", "UNPAID", "SCHEDULED"],
                "CANCELLED",
                "CANT_CANCEL_CANCELLED_INVOICE",
            ),
            ("POST", ["invoices", id, "payments"]) => self.note(call, id, "payments", "paypal.invoice_payment"),
            ("POST", ["invoices", id, "refunds"]) => self.note(call, id, "refunds", "paypal.invoice_refund"),
            _ => Err(super::no_such_path()),
        }
    }

    fn create_invoice(&self, call: &Call) -> Answer {
        let body = self.body(call, "paypal.invoice_request")?;
        let currency = body.pointer("/detail/currency_code").and_then(Json::as_str);
        let currency = currency.ok_or_else(|| Refusal::missing("/detail/currency_code"))?;
        let mut total = Money::nothing(currency);
        for (n, item) in body.get("items").and_then(Json::as_array).into_iter().flatten().enumerate() {
            let price = item.get("unit_amount").ok_or_else(|| Refusal::missing(&format!("/items/{n}/unit_amount")))?;
            let price = Money::read(price, &format!("/items/{n}/unit_amount"))?;
            let quantity =
                Exact::parse(text(item, "quantity")).map_err(|_| Refusal::missing(&format!("/items/{n}/quantity")))?;
            total = total.plus(&price.with(price.value.mul(quantity).unwrap_or(Exact::ZERO)));
        }
        let mut state = self.lock();
        let number = body.pointer("/detail/invoice_number").and_then(Json::as_str).map(str::to_owned);
        let numbered =
            |invoice: &Json| invoice.pointer("/detail/invoice_number").and_then(Json::as_str) == number.as_deref();
        if number.is_some() && state.objects.get("invoices").into_iter().flatten().any(numbered) {
            let why = "Invoice number must be unique.";
            return Err(Refusal::unprocessable("DUPLICATE_INVOICE_NUMBER", why).at("/detail/invoice_number"));
        }
        let id = format!("INV2-{}-{}-{}-{}", state.id(4), state.id(4), state.id(4), state.id(4));
        let number = number.unwrap_or_else(|| format!("{:04}", state.made));
        let mut invoice = json!({ "id": id, "status": "DRAFT" });
        for (name, given) in body.as_object().into_iter().flatten() {
            set(&mut invoice, name, given.clone());
        }
        if let Some(detail) = invoice.get_mut("detail") {
            set(detail, "invoice_number", number);
            set(detail, "metadata", json!({ "create_time": now() }));
        }
        set(&mut invoice, "amount", total.json());
        set(&mut invoice, "due_amount", total.json());
        set(&mut invoice, "links", json!([self.link("self", "GET", &format!("/v2/invoicing/invoices/{id}"))]));
        state.put("invoices", invoice.clone());
        drop(state);
        self.invoice_happens("CREATED", &invoice);
        match call.header("prefer") {
            "return=representation" => Ok(Reply::json(201, invoice.to_string())),
            _ => Ok(Reply::json(201, self.link("self", "GET", &format!("/v2/invoicing/invoices/{id}")).to_string())),
        }
    }

    fn invoice_turns(&self, call: &Call, id: &str, from: &[&str], to: &str, issue: &str) -> Answer {
        self.body(call, "paypal.invoice_notification")?;
        let mut state = self.lock();
        let invoice = state.get_mut("invoices", id).ok_or_else(Refusal::not_found)?;
        if !from.contains(&text(invoice, "status")) {
            return Err(Refusal::unprocessable(issue, "The invoice's status does not allow this action."));
        }
        set(invoice, "status", to);
        let invoice = invoice.clone();
        drop(state);
        if to == "CANCELLED" {
            self.invoice_happens("CANCELLED", &invoice);
            return Ok(Reply::empty(204));
        }
        Ok(Reply::json(200, self.link("payer-view", "GET", &format!("/invoice/p/#{id}")).to_string()))
    }

    fn delete_invoice(&self, id: &str) -> Answer {
        let mut state = self.lock();
        let invoice = state.get("invoices", id).ok_or_else(Refusal::not_found)?;
        if text(invoice, "status") != "DRAFT" && text(invoice, "status") != "SCHEDULED" {
            return Err(Refusal::unprocessable("CANT_DELETE_SENT_INVOICE", "Only drafts can be deleted."));
        }
        if let Some(all) = state.objects.get_mut("invoices") {
            all.retain(|invoice| text(invoice, "id") != id);
        }
        Ok(Reply::empty(204))
    }

    /// What the receiver does at PayPal.
    pub(super) fn pay_invoice(&self, with: &Json) -> Result<Json, String> {
        let mut state = self.lock();
        let payment = state.id(17);
        let invoice = state.get_mut("invoices", text(with, "invoice")).ok_or("there is no such invoice")?;
        if text(invoice, "status") != "SENT" {
            return Err(format!("the invoice is {}", text(invoice, "status")));
        }
        let amount = Money::of(invoice.get("amount").unwrap_or(&Json::Null));
        pay(invoice, &amount, &payment, "PAYPAL");
        let invoice = invoice.clone();
        let moved = json!({ "id": payment, "invoice_id": invoice.pointer("/detail/invoice_number") });
        let fee = amount.fee().negated();
        self.moved(&mut state, &moved, "T0007", &amount, &fee, ("TXN", ""), None);
        drop(state);
        self.invoice_happens("PAID", &invoice);
        Ok(invoice)
    }

    /// A payment or refund that was made in another way.
    fn note(&self, call: &Call, id: &str, what: &str, ty: &str) -> Answer {
        let body = self.body(call, ty)?;
        if text(&body, "method").is_empty() {
            return Err(Refusal::missing("/method"));
        }
        let mut state = self.lock();
        let made = Some(text(&body, "payment_id").to_owned()).filter(|id| !id.is_empty());
        let made = made.unwrap_or_else(|| format!("EXTR-{}", state.id(12)));
        let invoice = state.get_mut("invoices", id).ok_or_else(Refusal::not_found)?;
        if text(invoice, "status") == "DRAFT" {
            return Err(Refusal::unprocessable(
                "INVALID_INVOICE_STATE",
                "The invoice's status does not allow this action.",
            ));
        }
        let whole = Money::of(invoice.get("amount").unwrap_or(&Json::Null));
        let amount = body.get("amount").map_or(Ok(whole), |amount| Money::above_zero(amount, "/amount"))?;
        if what == "refunds" {
            set(invoice, "status", "MARKED_AS_REFUNDED");
            set(
                invoice,
                "refunds",
                json!({ "refund_amount": amount.json(), "transactions": [{ "refund_id": made, "type": "EXTERNAL", "method": text(&body, "method"), "amount": amount.json() }] }),
            );
            return Ok(Reply::json(200, json!({ "refund_id": made }).to_string()));
        }
        pay(invoice, &amount, &made, text(&body, "method"));
        Ok(Reply::json(200, json!({ "payment_id": made }).to_string()))
    }

    fn search_invoices(&self, call: &Call) -> Answer {
        let body = self.body(call, "paypal.invoice_search")?;
        let number =
            |name: &str, usual: usize| call.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(usual).max(1);
        let (page, size) = (number("page", 1), number("page_size", 20));
        let same = |invoice: &Json, name: &str, at: &str| {
            let wanted = text(&body, name);
            wanted.is_empty() || invoice.pointer(at).and_then(Json::as_str) == Some(wanted)
        };
        let statuses = body.get("status").and_then(Json::as_array);
        let wanted = |invoice: &Json| {
            same(invoice, "invoice_number", "/detail/invoice_number")
                && same(invoice, "reference", "/detail/reference")
                && same(invoice, "currency_code", "/detail/currency_code")
                && same(invoice, "recipient_email", "/primary_recipients/0/billing_info/email_address")
                && statuses.is_none_or(|all| all.iter().any(|status| status.as_str() == Some(text(invoice, "status"))))
        };
        let all: Vec<Json> = self.objects("invoices").into_iter().filter(wanted).collect();
        let items: Vec<&Json> = all.iter().skip((page - 1).saturating_mul(size)).take(size).collect();
        let mut found = json!({ "items": items, "links": [] });
        if call.parameter("total_required") == Some("true") {
            set(&mut found, "total_items", all.len());
            set(&mut found, "total_pages", all.len().div_ceil(size));
        }
        Ok(Reply::json(200, found.to_string()))
    }

    /// Events bring invoices as the v1 API had them.
    fn invoice_happens(&self, what: &str, invoice: &Json) {
        let older = json!({
            "id": text(invoice, "id"), "number": invoice.pointer("/detail/invoice_number"), "status": text(invoice, "status"),
            "total_amount": invoice.get("amount").map(|amount| Money::of(amount).payout()),
        });
        self.happens(&format!("INVOICING.INVOICE.{what}"), "invoices", "An invoice has news", &older);
    }
}

fn pay(invoice: &mut Json, amount: &Money, payment: &str, method: &str) {
    let paid = if method == "PAYPAL" { "PAID" } else { "MARKED_AS_PAID" };
    let kind = if method == "PAYPAL" { "PAYPAL" } else { "EXTERNAL" };
    set(invoice, "status", paid);
    set(invoice, "due_amount", Money::nothing(&amount.currency).json());
    let transaction = json!({ "payment_id": payment, "type": kind, "method": method, "amount": amount.json(), "payment_date": &now()[..10] });
    set(invoice, "payments", json!({ "paid_amount": amount.json(), "transactions": [transaction] }));
}
