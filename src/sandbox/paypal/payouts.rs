//! Payouts: a batch is taken at once, its items settle one after the other.

use super::money::Money;
use super::{Answer, Call, Paypal, Refusal, Reply, now, set, text};
use serde_json::{Value as Json, json};

/// Most items of a batch.
const MOST: usize = 15_000;

impl Paypal {
    pub(super) fn payouts_api(&self, call: &Call, path: &[&str]) -> Answer {
        match (call.method.as_str(), path) {
            ("POST", ["v1", "payments", "payouts"]) => self.once(call, "payouts", || self.pay_out(call)),
            ("GET", ["v1", "payments", "payouts", id]) => self.batch(call, id),
            ("GET", ["v1", "payments", "payouts-item", id]) => {
                Ok(Reply::json(200, self.get("payout_items", id)?.to_string()))
            }
            ("POST", ["v1", "payments", "payouts-item", id, "cancel"]) => self.cancel_item(id),
            _ => Err(super::no_such_path()),
        }
    }

    fn pay_out(&self, call: &Call) -> Answer {
        let body = self.body(call, "paypal.payout_batch_request").map_err(older)?;
        let invalid = |field: &str, issue: &str| {
            let details = vec![json!({ "field": field, "location": "body", "issue": issue })];
            Refusal { details, ..Refusal::new(400, "VALIDATION_ERROR", "Invalid request - see details.") }
        };
        let header =
            body.get("sender_batch_header").ok_or_else(|| invalid("sender_batch_header", "Required field missing"))?;
        let items = body.get("items").and_then(Json::as_array).filter(|items| !items.is_empty());
        let items = items.ok_or_else(|| invalid("items", "Required field missing"))?;
        if items.len() > MOST {
            return Err(invalid("items", "The number of items is more than 15000"));
        }
        let mut sum: Option<Money> = None;
        for (n, item) in items.iter().enumerate() {
            let at = |name: &str| format!("items[{n}].{name}");
            if text(item, "receiver").is_empty() {
                return Err(invalid(&at("receiver"), "Required field missing"));
            }
            let kind = Some(text(item, "recipient_type")).filter(|kind| !kind.is_empty());
            let kind = kind.unwrap_or_else(|| text(header, "recipient_type"));
            if (kind.is_empty() || kind == "EMAIL") && !text(item, "receiver").contains('@') {
                return Err(invalid(&at("receiver"), "Receiver is invalid or does not match with type"));
            }
            let amount = item.get("amount").ok_or_else(|| invalid(&at("amount"), "Required field missing"))?;
            let amount = Money::named(amount, "/amount", "currency")
                .map_err(|_| invalid(&at("amount.value"), "Amount is invalid"))?;
            if amount.value.is_zero() {
                return Err(invalid(&at("amount.value"), "Amount should be greater than zero"));
            }
            sum = match sum {
                Some(sum) if sum.currency != amount.currency => {
                    let message = "All items of a batch have one currency.";
                    return Err(Refusal::new(400, "BATCH_CURRENCY_MISMATCH", message));
                }
                Some(sum) => Some(sum.plus(&amount)),
                None => Some(amount),
            };
        }
        let sum = sum.unwrap_or(Money::nothing("USD"));
        let own = text(header, "sender_batch_id").to_owned();
        let mut state = self.lock();
        let same = |batch: &&Json| {
            !own.is_empty()
                && batch.pointer("/batch_header/sender_batch_header/sender_batch_id").and_then(Json::as_str)
                    == Some(&own)
        };
        if let Some(first) = state.objects.get("payouts").into_iter().flatten().find(same) {
            let link = self.link("self", "GET", &format!("/v1/payments/payouts/{}", text(first, "payout_batch_id")));
            let issue = "Batch with given sender_batch_id already exists";
            let details =
                vec![json!({ "field": "SENDER_BATCH_ID", "location": "body", "issue": issue, "link": [link] })];
            return Err(Refusal { details, ..Refusal::new(400, "USER_BUSINESS_ERROR", "User business error.") });
        }
        let id = state.id(13);
        let self_link = self.link("self", "GET", &format!("/v1/payments/payouts/{id}"));
        for item in items {
            let item_id = state.id(13);
            let mut detail = json!({
                "payout_item_id": item_id, "payout_batch_id": id, "transaction_status": "PENDING", "payout_item": item,
                "payout_item_fee": Money::nothing(&sum.currency).payout(), "sender_batch_id": own,
                "links": [
                    self.link("self", "GET", &format!("/v1/payments/payouts-item/{item_id}")),
                    self.link("batch", "GET", &format!("/v1/payments/payouts/{id}")),
                ],
            });
            if let Some(detail) = detail.pointer_mut("/payout_item")
                && text(detail, "recipient_type").is_empty()
            {
                set(detail, "recipient_type", "EMAIL");
            }
            state.put("payout_items", detail);
        }
        let batch = json!({
            "payout_batch_id": id,
            "batch_header": {
                "payout_batch_id": id, "batch_status": "PENDING", "time_created": now(), "sender_batch_header": header,
                "amount": sum.payout(), "fees": Money::nothing(&sum.currency).payout(), "payments": items.len(),
            },
            "links": [self_link],
        });
        state.put("payouts", batch.clone());
        drop(state);
        let told = json!({
            "batch_header": { "payout_batch_id": id, "batch_status": "PENDING", "sender_batch_header": header },
            "links": batch.get("links"),
        });
        Ok(Reply::json(201, told.to_string()))
    }

    /// A page of a batch. Each reading lets a part of its items settle.
    fn batch(&self, call: &Call, id: &str) -> Answer {
        self.get("payouts", id)?;
        let count = self.objects("payout_items").iter().filter(|item| text(item, "payout_batch_id") == id).count();
        let _ = self.settle(id, count.div_ceil(3));
        let mut batch = self.get("payouts", id)?;
        if let Json::Object(fields) = &mut batch {
            fields.remove("payout_batch_id");
        }
        let number = |name: &str, usual: usize| match call.parameter(name).map(str::parse::<usize>) {
            None => Ok(usual),
            Some(Ok(number)) if number > 0 => Ok(number),
            Some(_) => Err(Refusal::new(400, "VALIDATION_ERROR", "Invalid request - see details.")),
        };
        let (page, size) = (number("page", 1)?, number("page_size", 1000)?);
        if size > 1000 {
            return Err(Refusal::new(400, "VALIDATION_ERROR", "page_size must be between 1 and 1000"));
        }
        let items: Vec<Json> =
            self.objects("payout_items").into_iter().filter(|item| text(item, "payout_batch_id") == id).collect();
        if call.parameter("total_required") == Some("true") {
            set(&mut batch, "total_items", items.len());
            set(&mut batch, "total_pages", items.len().div_ceil(size));
        }
        if call.parameter("fields") != Some("batch_header") {
            let shown: Vec<Json> = items.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
            set(&mut batch, "items", shown);
        }
        Ok(Reply::json(200, batch.to_string()))
    }

    /// Lets so many items of a batch settle: as their receivers' names say (`unclaimed@…`), else well.
    pub(super) fn settle(&self, id: &str, items: usize) -> Result<Json, String> {
        let mut state = self.lock();
        let batch = state.get_mut("payouts", id).ok_or("there is no such batch")?;
        let mut events = vec![];
        let header = |batch: &mut Json, status: &str| {
            if let Some(header) = batch.get_mut("batch_header") {
                set(header, "batch_status", status);
                if status == "SUCCESS" {
                    set(header, "time_completed", now());
                }
            }
        };
        if batch.pointer("/batch_header/batch_status").and_then(Json::as_str) == Some("PENDING") {
            header(batch, "PROCESSING");
            events.push(("PAYMENT.PAYOUTSBATCH.PROCESSING", "payouts", batch.clone()));
        }
        let waits = |item: &Json| text(item, "payout_batch_id") == id && text(item, "transaction_status") == "PENDING";
        let waiting: Vec<String> = state
            .objects
            .get("payout_items")
            .into_iter()
            .flatten()
            .filter(|item| waits(item))
            .map(|item| text(item, "payout_item_id").to_owned())
            .collect();
        let mut fees = None;
        for item_id in waiting.iter().take(items) {
            let transaction = state.id(17);
            let Some(item) = state.get_mut("payout_items", item_id) else { continue };
            let receiver = item.pointer("/payout_item/receiver").and_then(Json::as_str).unwrap_or_default().to_owned();
            let (status, event) = match receiver.split('@').next().unwrap_or_default() {
                "unclaimed" => ("UNCLAIMED", "PAYMENT.PAYOUTS-ITEM.UNCLAIMED"),
                "blocked" => ("BLOCKED", "PAYMENT.PAYOUTS-ITEM.BLOCKED"),
                "held" => ("ONHOLD", "PAYMENT.PAYOUTS-ITEM.HELD"),
                "failed" => ("FAILED", "PAYMENT.PAYOUTS-ITEM.FAILED"),
                _ => ("SUCCESS", "PAYMENT.PAYOUTS-ITEM.SUCCEEDED"),
            };
            let amount = Money::of(item.pointer("/payout_item/amount").unwrap_or(&Json::Null));
            set(item, "transaction_status", status);
            set(item, "time_processed", now());
            if status == "FAILED" {
                let why = "Receiver is unregistered";
                set(item, "errors", json!({ "name": "RECEIVER_UNREGISTERED", "message": why }));
            } else {
                let fee = amount.with(crate::value::Exact::parse("0.25").unwrap_or(crate::value::Exact::ZERO));
                set(item, "payout_item_fee", fee.payout());
                set(item, "transaction_id", transaction.as_str());
                fees = Some(fees.map_or(fee.clone(), |fees: Money| fees.plus(&fee)));
                let item = item.clone();
                let moved = json!({ "id": transaction, "custom_id": item.pointer("/payout_item/sender_item_id") });
                self.moved(&mut state, &moved, "T0001", &amount.negated(), &fee.negated(), ("TXN", id), None);
            }
            let Some(item) = state.get("payout_items", item_id) else { continue };
            events.push((event, "payouts_item", item.clone()));
        }
        let is_done = waiting.len() <= items;
        let batch = state.get_mut("payouts", id).ok_or("there is no such batch")?;
        if let (Some(fees), Some(header)) = (fees, batch.get_mut("batch_header")) {
            let before = header.get("fees").map_or(Money::nothing(&fees.currency), Money::of);
            set(header, "fees", before.plus(&fees).payout());
        }
        if is_done && batch.pointer("/batch_header/batch_status").and_then(Json::as_str) == Some("PROCESSING") {
            header(batch, "SUCCESS");
            events.push(("PAYMENT.PAYOUTSBATCH.SUCCESS", "payouts", batch.clone()));
        }
        let batch = batch.clone();
        drop(state);
        for (event, resource, object) in events {
            self.happens(event, resource, "A payout has news", &object);
        }
        Ok(batch)
    }

    /// Thirty days have passed, and nobody has claimed it.
    pub(super) fn give_back(&self, with: &Json) -> Result<Json, String> {
        self.returned(text(with, "item")).map_err(|refusal| refusal.message.to_owned())
    }

    fn returned(&self, id: &str) -> Result<Json, Refusal> {
        let mut state = self.lock();
        let item = state.get_mut("payout_items", id).ok_or_else(Refusal::not_found)?;
        match text(item, "transaction_status") {
            "RETURNED" => {
                return Err(Refusal::new(400, "ITEM_ALREADY_CANCELLED", "Item was already cancelled."));
            }
            "UNCLAIMED" => {}
            _ => return Err(Refusal::new(400, "ITEM_INCORRECT_STATUS", "Only unclaimed items can be cancelled.")),
        }
        set(item, "transaction_status", "RETURNED");
        set(item, "time_processed", now());
        let item = item.clone();
        drop(state);
        self.happens("PAYMENT.PAYOUTS-ITEM.RETURNED", "payouts_item", "A payout was returned", &item);
        Ok(item)
    }

    fn cancel_item(&self, id: &str) -> Answer {
        Ok(Reply::json(200, self.returned(id)?.to_string()))
    }
}

/// The older APIs say what is wrong as a sentence.
fn older(refusal: Refusal) -> Refusal {
    let details = refusal.details.iter().map(
        |detail| json!({ "field": text(detail, "field"), "location": "body", "issue": text(detail, "description") }),
    );
    Refusal { details: details.collect(), ..Refusal::new(400, "VALIDATION_ERROR", "Invalid request - see details.") }
}
