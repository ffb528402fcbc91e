//! Disputes: opened by a buyer (an action), answered by the seller.

use super::money::Money;
use super::{Answer, Call, Paypal, Refusal, Reply, now, set, text};
use serde_json::{Value as Json, json};

impl Paypal {
    pub(super) fn disputes_api(&self, call: &Call, path: &[&str]) -> Answer {
        match (call.method.as_str(), &path[3.min(path.len())..]) {
            ("GET", []) => self.list_disputes(call),
            ("GET", [id]) => Ok(Reply::json(200, self.get("disputes", id)?.to_string())),
            ("POST", [id, "accept-claim"]) => {
                let body = self.part(call, "paypal.dispute_claim")?;
                let kind = text(&body, "accept_claim_type");
                let outcome = "RESOLVED_BUYER_FAVOUR";
                if !kind.is_empty() && kind != "REFUND" && kind != "PARTIAL_REFUND" {
                    return self.change(id, "WAITING_FOR_BUYER_RESPONSE", "CUSTOMER.DISPUTE.UPDATED", |_| {});
                }
                self.close(id, outcome)
            }
            ("POST", [id, "provide-evidence"]) => {
                let body = self.part(call, "paypal.dispute_evidence")?;
                if body.get("evidences").and_then(Json::as_array).is_none_or(Vec::is_empty) {
                    return Err(Refusal::missing("evidences"));
                }
                self.change(id, "UNDER_REVIEW", "CUSTOMER.DISPUTE.UPDATED", |dispute| {
                    set(dispute, "evidences", body.get("evidences").cloned().unwrap_or_default());
                })
            }
            ("POST", [id, "send-message"]) => {
                let body = self.part(call, "paypal.dispute_message")?;
                if text(&body, "message").is_empty() {
                    return Err(Refusal::missing("message"));
                }
                self.change(id, "WAITING_FOR_BUYER_RESPONSE", "CUSTOMER.DISPUTE.UPDATED", |dispute| {
                    let mut messages = dispute.get("messages").and_then(Json::as_array).cloned().unwrap_or_default();
                    messages.push(
                        json!({ "posted_by": "SELLER", "time_posted": now(), "content": text(&body, "message") }),
                    );
                    set(dispute, "messages", messages);
                })
            }
            ("POST", [id, "make-offer"]) => {
                let body = self.body(call, "paypal.dispute_offer")?;
                if text(&body, "offer_type").is_empty() {
                    return Err(Refusal::missing("offer_type"));
                }
                self.change(id, "WAITING_FOR_BUYER_RESPONSE", "CUSTOMER.DISPUTE.UPDATED", |dispute| {
                    let offer = json!({ "offer_type": text(&body, "offer_type"), "seller_offered_amount": body.get("offer_amount") });
                    set(dispute, "offer", offer);
                })
            }
            ("POST", [id, "escalate"]) => {
                let body = self.body(call, "paypal.dispute_note")?;
                if text(&body, "note").is_empty() {
                    return Err(Refusal::missing("note"));
                }
                self.change(id, "UNDER_REVIEW", "CUSTOMER.DISPUTE.UPDATED", |dispute| {
                    set(dispute, "dispute_life_cycle_stage", "CHARGEBACK");
                })
            }
            _ => Err(super::no_such_path()),
        }
    }

    /// The JSON of a form's part `input`.
    fn part(&self, call: &Call, ty: &str) -> Result<Json, Refusal> {
        let content_type = call.header("content-type");
        if content_type.starts_with("application/json") {
            return self.body(call, ty);
        }
        let unsupported = || {
            Refusal::new(415, "UNSUPPORTED_MEDIA_TYPE", "The server does not support the request payload's media type.")
        };
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").ok_or_else(unsupported)?;
        let body = String::from_utf8_lossy(&call.body);
        let of_part = |part: &str| {
            let (head, text) = part.split_once("\r\n\r\n")?;
            head.contains("name=\"input\"").then(|| text.trim_end_matches("\r\n").to_owned())
        };
        let text = body.split(&format!("--{boundary}")).find_map(of_part).ok_or_else(|| Refusal::missing("input"))?;
        self.read(text.as_bytes(), ty)
    }

    fn list_disputes(&self, call: &Call) -> Answer {
        let invalid = |why: &'static str| Refusal::new(400, "INVALID_REQUEST", why);
        let time = |name: &str| match call.parameter(name).map(str::parse::<jiff::Timestamp>) {
            None => Ok(None),
            Some(Ok(time)) => Ok(Some(time)),
            Some(Err(_)) => Err(invalid("A time is not in RFC 3339.")),
        };
        let (start, after, before) = (time("start_time")?, time("update_time_after")?, time("update_time_before")?);
        let of_payment = call.parameter("disputed_transaction_id");
        if start.is_some() && of_payment.is_some() {
            return Err(invalid("Specify start_time or disputed_transaction_id, not both."));
        }
        let oldest = jiff::Timestamp::now().checked_sub(jiff::SignedDuration::from_hours(180 * 24)).unwrap_or_default();
        if start.is_some_and(|start| start < oldest) {
            return Err(invalid("start_time must be within the last 180 days."));
        }
        let size = match call.parameter("page_size").map(str::parse::<usize>) {
            None => 10,
            Some(Ok(size)) if (1..=50).contains(&size) => size,
            Some(_) => return Err(invalid("page_size must be between 1 and 50.")),
        };
        let at = |dispute: &Json, name: &str| text(dispute, name).parse::<jiff::Timestamp>().unwrap_or_default();
        let wanted = |dispute: &Json| {
            let payment = dispute.pointer("/disputed_transactions/0/seller_transaction_id").and_then(Json::as_str);
            start.is_none_or(|start| at(dispute, "create_time") >= start)
                && after.is_none_or(|after| at(dispute, "update_time") > after)
                && before.is_none_or(|before| at(dispute, "update_time") < before)
                && of_payment.is_none_or(|wanted| payment == Some(wanted))
                && call.parameter("dispute_state").is_none_or(|state| text(dispute, "dispute_state") == state)
        };
        let all: Vec<Json> = self.objects("disputes").into_iter().rev().filter(wanted).collect();
        let skip = call.parameter("next_page_token").and_then(|token| token.parse::<usize>().ok()).unwrap_or(0);
        let told = all.iter().skip(skip).take(size).map(|dispute| {
            let names = [
                "dispute_id",
                "create_time",
                "update_time",
                "reason",
                "status",
                "dispute_state",
                "dispute_amount",
                "links",
            ];
            let fields = names.iter().filter_map(|name| Some(((*name).to_owned(), dispute.get(*name)?.clone())));
            Json::Object(fields.collect())
        });
        let items: Vec<Json> = told.collect();
        let mut links = vec![self.link("self", "GET", &call.path)];
        if skip + size < all.len() {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(call.query.iter().filter(|(name, _)| name != "next_page_token"));
            query.append_pair("next_page_token", &(skip + size).to_string());
            links.push(self.link("next", "GET", &format!("{}?{}", call.path, query.finish())));
        }
        Ok(Reply::json(200, json!({ "items": items, "links": links }).to_string()))
    }

    /// A buyer is not content.
    pub(super) fn dispute(&self, with: &Json) -> Result<Json, String> {
        let mut state = self.lock();
        let capture = state.get("captures", text(with, "capture")).cloned().ok_or("there is no such capture")?;
        let amount = Money::of(with.get("amount").or(capture.get("amount")).unwrap_or(&Json::Null));
        let reason = Some(text(with, "reason")).filter(|reason| !reason.is_empty());
        let number = state.id(5);
        let id = format!("PP-D-{number}");
        let due = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_hours(10 * 24)).unwrap_or_default();
        let dispute = json!({
            "dispute_id": id, "create_time": now(), "update_time": now(),
            "disputed_transactions": [{ "seller_transaction_id": text(&capture, "id"), "gross_amount": capture.get("amount"), "transaction_status": "COMPLETED" }],
            "reason": reason.unwrap_or("MERCHANDISE_OR_SERVICE_NOT_RECEIVED"), "status": "OPEN",
            "dispute_state": "REQUIRED_ACTION", "dispute_life_cycle_stage": "INQUIRY", "dispute_channel": "INTERNAL",
            "dispute_amount": amount.json(), "seller_response_due_date": due.to_string(),
            "links": [self.link("self", "GET", &format!("/v1/customer/disputes/{id}"))],
        });
        state.put("disputes", dispute.clone());
        drop(state);
        self.happens(
            "CUSTOMER.DISPUTE.CREATED",
            "dispute",
            &format!("A new dispute opened with Case # {id}"),
            &dispute,
        );
        Ok(dispute)
    }

    /// PayPal decides.
    pub(super) fn resolve(&self, with: &Json) -> Result<Json, String> {
        let outcome =
            Some(text(with, "outcome")).filter(|outcome| !outcome.is_empty()).unwrap_or("RESOLVED_SELLER_FAVOUR");
        self.close(text(with, "dispute"), outcome).map_err(|refusal| refusal.message.to_owned())?;
        self.get("disputes", text(with, "dispute")).map_err(|refusal| refusal.message.to_owned())
    }

    fn close(&self, id: &str, outcome: &str) -> Answer {
        let dispute = self.get("disputes", id)?;
        let lost = outcome == "RESOLVED_BUYER_FAVOUR";
        let capture = dispute.pointer("/disputed_transactions/0/seller_transaction_id").and_then(Json::as_str);
        if let (true, Some(capture)) = (lost && text(&dispute, "status") != "RESOLVED", capture) {
            let mut state = self.lock();
            if let Some(capture) = state.get("captures", capture).cloned() {
                let amount = Money::of(dispute.get("dispute_amount").unwrap_or(&Json::Null));
                self.new_refund(&mut state, &capture, &amount, &json!({}));
            }
        }
        self.change(id, "RESOLVED", "CUSTOMER.DISPUTE.RESOLVED", |dispute| {
            let refunded = dispute.get("dispute_amount").cloned().filter(|_| lost);
            let mut result = json!({ "outcome_code": outcome });
            if let Some(refunded) = refunded {
                set(&mut result, "amount_refunded", refunded);
            }
            set(dispute, "dispute_outcome", result);
        })
    }

    fn change(&self, id: &str, status: &str, event: &str, more: impl FnOnce(&mut Json)) -> Answer {
        let mut state = self.lock();
        let dispute = state.get_mut("disputes", id).ok_or_else(Refusal::not_found)?;
        if text(dispute, "status") == "RESOLVED" {
            return Err(Refusal::unprocessable(
                "ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE",
                "The requested action is not allowed in the current state of the dispute.",
            ));
        }
        set(dispute, "status", status);
        let whose = match status {
            "RESOLVED" => "RESOLVED",
            "UNDER_REVIEW" => "UNDER_PAYPAL_REVIEW",
            _ => "REQUIRED_OTHER_PARTY_ACTION",
        };
        set(dispute, "dispute_state", whose);
        set(dispute, "update_time", now());
        more(dispute);
        let dispute = dispute.clone();
        drop(state);
        self.happens(event, "dispute", &format!("Dispute {id} has news"), &dispute);
        Ok(Reply::json(200, json!({ "links": dispute.get("links") }).to_string()))
    }
}
