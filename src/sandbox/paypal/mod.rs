//! The stand-in of PayPal: tokens, orders and payments, payouts, disputes, subscriptions, invoices, transaction search, and
//! webhooks signed with a certificate of its own.
//!
//! Requests and errors are as PayPal's specifications have them; what a buyer, a bank or time does is made to happen by an
//! action (`POST /_sandbox/do/approve`). Money is computed exactly; each movement of it is in the transaction search.

mod checks;
mod disputes;
mod invoices;
mod money;
mod orders;
mod payments;
mod payouts;
mod reports;
mod subscriptions;
pub mod webhooks;

use super::faults::Faults;
use super::server::{Call, Reply, Standin};
use super::webhooks::{Delivery, Habits, Outbox};
use crate::language::types::{Type, TypeSource};
use crate::value::{Record, Value, json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// PayPal on loopback.
pub struct Paypal {
    client_id: String,
    client_secret: String,
    types: BTreeMap<&'static str, Type>,
    state: Mutex<State>,
    faults: Faults,
    outbox: Outbox,
    url: OnceLock<String>,
}

/// Everything that it keeps.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct State {
    tokens: Vec<String>,
    /// By kind, oldest first.
    objects: BTreeMap<String, Vec<Json>>,
    /// What was answered to an id of a request, by API and id.
    answers: BTreeMap<String, Answered>,
    made: u64,
}

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Answered {
    asked: String,
    status: u16,
    body: String,
}

/// The kinds that can be looked at, and the field that names one.
const KINDS: &[(&str, &str)] = &[
    ("orders", "id"),
    ("captures", "id"),
    ("authorizations", "id"),
    ("refunds", "id"),
    ("payouts", "payout_batch_id"),
    ("payout_items", "payout_item_id"),
    ("disputes", "dispute_id"),
    ("subscriptions", "id"),
    ("invoices", "id"),
    ("transactions", "transaction_id"),
    ("webhooks", "id"),
    ("events", "id"),
];

/// What bodies are checked against.
const TYPES: &[&str] = &[
    "paypal.order_request",
    "paypal.order_capture_request",
    "paypal.authorization_capture_request",
    "paypal.reauthorize_request",
    "paypal.refund_request",
    "paypal.payout_batch_request",
    "paypal.subscription_request",
    "paypal.subscription_reason",
    "paypal.invoice_request",
    "paypal.invoice_notification",
    "paypal.invoice_payment",
    "paypal.invoice_refund",
    "paypal.invoice_search",
    "paypal.dispute_claim",
    "paypal.dispute_evidence",
    "paypal.dispute_message",
    "paypal.dispute_offer",
    "paypal.dispute_note",
    "paypal.webhook_request",
];

/// A request that was understood: how it is answered, or refused.
type Answer = Result<Reply, Refusal>;

/// Why not, in PayPal's words.
#[derive(Debug)]
struct Refusal {
    status: u16,
    name: &'static str,
    message: &'static str,
    details: Vec<Json>,
}

impl Refusal {
    fn new(status: u16, name: &'static str, message: &'static str) -> Refusal {
        Refusal { status, name, message, details: vec![] }
    }

    /// 422: understood, and not possible.
    fn unprocessable(issue: &str, description: &str) -> Refusal {
        let message =
            "The requested action could not be performed, semantically incorrect, or failed business validation.";
        let details = vec![json!({ "issue": issue, "description": description })];
        Refusal { details, ..Refusal::new(422, "UNPROCESSABLE_ENTITY", message) }
    }

    /// 400: not formed as it should be.
    fn invalid(issue: &str, field: &str, description: &str) -> Refusal {
        let message = "Request is not well-formed, syntactically incorrect, or violates schema.";
        let details = vec![json!({ "issue": issue, "field": field, "location": "body", "description": description })];
        Refusal { details, ..Refusal::new(400, "INVALID_REQUEST", message) }
    }

    fn missing(field: &str) -> Refusal {
        Refusal::invalid("MISSING_REQUIRED_PARAMETER", field, "A required field / parameter is missing.")
    }

    fn not_found() -> Refusal {
        let description = "Specified resource ID does not exist. Please check the resource ID and try again.";
        let details = vec![json!({ "issue": "INVALID_RESOURCE_ID", "description": description })];
        Refusal { details, ..Refusal::new(404, "RESOURCE_NOT_FOUND", "The specified resource does not exist.") }
    }

    /// The same at a field.
    fn at(mut self, field: &str) -> Refusal {
        if let Some(Json::Object(detail)) = self.details.first_mut() {
            detail.insert("field".into(), field.into());
            detail.insert("location".into(), "body".into());
        }
        self
    }

    fn reply(self) -> Reply {
        let debug = debug_id();
        let body = json!({ "name": self.name, "message": self.message, "debug_id": debug, "details": self.details, "links": [] });
        Reply::json(self.status, body.to_string()).with("Paypal-Debug-Id", debug)
    }
}

impl Paypal {
    /// An account of an app with these credentials.
    pub fn new(client_id: impl Into<String>, client_secret: impl Into<String>, types: &dyn TypeSource) -> Paypal {
        let known = TYPES.iter().filter_map(|name| Some((*name, types.payload(name)?)));
        Paypal {
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            types: known.collect(),
            state: Mutex::default(),
            faults: Faults::default(),
            outbox: Outbox::default(),
            url: OnceLock::new(),
        }
    }

    /// The address it is served at: its links and its certificate's address begin with it.
    pub fn served_at(&self, url: String) {
        let _ = self.url.set(url);
    }

    /// Forgets all tokens, as when they are over.
    pub fn forget_tokens(&self) {
        self.lock().tokens.clear();
    }

    /// Forgets what was answered to ids of requests, as when more time has passed than they are remembered.
    pub fn forget_keys(&self) {
        self.lock().answers.clear();
    }

    /// All objects of a kind (`captures`), oldest first.
    pub fn objects(&self, kind: &str) -> Vec<Json> {
        self.lock().objects.get(kind).cloned().unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn base(&self) -> &str {
        self.url.get().map(String::as_str).unwrap_or_default()
    }

    fn link(&self, rel: &str, method: &str, path: &str) -> Json {
        json!({ "href": format!("{}{path}", self.base()), "rel": rel, "method": method })
    }

    /// `POST /v1/oauth2/token`.
    fn token(&self, call: &Call) -> Reply {
        let refused = |status, error: &str, why: &str| {
            Reply::json(status, json!({ "error": error, "error_description": why }).to_string())
        };
        let expected = STANDARD.encode(format!("{}:{}", self.client_id, self.client_secret));
        if call.header("authorization") != format!("Basic {expected}") {
            return refused(401, "invalid_client", "Client Authentication failed");
        }
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(&call.body).into_owned().collect();
        if form.get("grant_type").map(String::as_str) != Some("client_credentials") {
            return refused(400, "unsupported_grant_type", "Grant Type is NULL");
        }
        let token = format!("A21AA{}", uuid::Uuid::new_v4().simple());
        let mut state = self.lock();
        state.tokens.push(token.clone());
        let answer = json!({
            "scope": "https://uri.paypal.com/services/payments/payment openid", "access_token": token,
            "token_type": "Bearer", "app_id": "APP-80W284485P519543T", "expires_in": 32400, "nonce": now(),
        });
        Reply::json(200, answer.to_string())
    }

    fn is_authorised(&self, call: &Call) -> bool {
        let given = call.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
        self.lock().tokens.iter().any(|token| token == given)
    }

    fn respond(&self, call: &Call) -> Answer {
        let segments: Vec<&str> = call.path.trim_matches('/').split('/').collect();
        match (call.method.as_str(), segments.as_slice()) {
            (_, ["v2", "checkout", "orders", ..] | ["v2", "payments", ..]) => self.payments_api(call, &segments),
            (_, ["v1", "payments", ..]) => self.payouts_api(call, &segments),
            (_, ["v1", "customer", "disputes", ..]) => self.disputes_api(call, &segments),
            (_, ["v1", "billing", "subscriptions", ..]) => self.subscriptions_api(call, &segments),
            (_, ["v2", "invoicing", ..]) => self.invoices_api(call, &segments),
            ("GET", ["v1", "reporting", "transactions"]) => self.search(call),
            ("GET", ["v1", "reporting", "balances"]) => self.balances(call),
            (_, ["v1", "notifications", ..]) => self.notifications_api(call, &segments),
            _ => Err(no_such_path()),
        }
    }

    /// The body as JSON, checked against a type.
    fn body(&self, call: &Call, ty: &str) -> Result<Json, Refusal> {
        if !call.body.is_empty() && !call.header("content-type").starts_with("application/json") {
            let message = "The server does not support the request payload's media type.";
            return Err(Refusal::new(415, "UNSUPPORTED_MEDIA_TYPE", message));
        }
        self.read(&call.body, ty)
    }

    fn read(&self, bytes: &[u8], ty: &str) -> Result<Json, Refusal> {
        let text = if bytes.is_empty() { b"{}" } else { bytes };
        let body: Json = serde_json::from_slice(text)
            .map_err(|_| Refusal::invalid("MALFORMED_REQUEST_JSON", "/", "The request JSON is not well formed."))?;
        match self.types.get(ty).map_or_else(Vec::new, |ty| checks::problems(&body, ty)) {
            details if details.is_empty() => Ok(body),
            details => Err(Refusal { details, ..Refusal::invalid("", "", "") }),
        }
    }

    /// Does the work once for an id of a request: what was answered to it before is answered again. `api`: ids of one are
    /// nothing to another.
    fn once(&self, call: &Call, api: &str, work: impl FnOnce() -> Answer) -> Answer {
        let id = call.header("paypal-request-id");
        if id.len() > 108 {
            return Err(Refusal::invalid(
                "INVALID_STRING_MAX_LENGTH",
                "PayPal-Request-Id",
                "The value of a field is too long.",
            ));
        }
        let (key, asked) = (format!("{api} {id}"), format!("{} {}", call.path, String::from_utf8_lossy(&call.body)));
        let known = self.lock().answers.get(&key).filter(|_| !id.is_empty()).cloned();
        if let Some(known) = known {
            if known.asked != asked {
                let why = "The value of PayPal-Request-Id header has already been used.";
                return Err(Refusal::unprocessable("DUPLICATE_REQUEST_ID", why));
            }
            return Ok(Reply::json(known.status, known.body));
        }
        let reply = work()?;
        if !id.is_empty() {
            // A repeat is no creation.
            let status = if reply.status == 201 { 200 } else { reply.status };
            let answered = Answered { asked, status, body: reply.body.clone() };
            self.lock().answers.insert(key, answered);
        }
        Ok(reply)
    }

    /// An object of a kind.
    fn get(&self, kind: &str, id: &str) -> Result<Json, Refusal> {
        let object = self.lock().get(kind, id).cloned().ok_or_else(Refusal::not_found)?;
        Ok(shown(object))
    }

    /// The whole object, or what is always told of it, as the request prefers.
    fn preferred(&self, call: &Call, status: u16, object: &Json) -> Reply {
        if call.header("prefer") == "return=representation" {
            return Reply::json(status, shown(object.clone()).to_string());
        }
        let least: serde_json::Map<String, Json> = ["id", "status", "links"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), object.get(name)?.clone())))
            .collect();
        Reply::json(status, Json::Object(least).to_string())
    }
}

impl State {
    fn get(&self, kind: &str, id: &str) -> Option<&Json> {
        let field = id_field(kind);
        self.objects.get(kind)?.iter().find(|object| text(object, field) == id)
    }

    fn get_mut(&mut self, kind: &str, id: &str) -> Option<&mut Json> {
        let field = id_field(kind);
        self.objects.get_mut(kind)?.iter_mut().find(|object| text(object, field) == id)
    }

    fn put(&mut self, kind: &str, object: Json) {
        self.objects.entry(kind.to_owned()).or_default().push(object);
    }

    /// An id as PayPal's: letters and digits, the next one different.
    fn id(&mut self, length: usize) -> String {
        const SIGNS: &[u8] = b"0123456789ABCDEFGHJKLMNPRSTUVWXY";
        self.made += 1;
        // Spread, so that ids do not look alike.
        let mut rest = self.made.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut id = Vec::with_capacity(length);
        for at in 0..length {
            if at == 12 {
                rest = self.made;
            }
            id.push(SIGNS[(rest % 32) as usize]);
            rest /= 32;
        }
        String::from_utf8_lossy(&id).into_owned()
    }
}

impl Standin for Paypal {
    fn answer(&self, call: &Call) -> Reply {
        if call.method == "POST" && call.path == "/v1/oauth2/token" {
            return self.token(call);
        }
        if let Some(name) = call.path.strip_prefix("/v1/notifications/certs/") {
            return webhooks::certificate(name);
        }
        if !self.is_authorised(call) {
            let body = json!({ "error": "invalid_token", "error_description": "Token signature verification failed" });
            return Reply::json(401, body.to_string()).with("Paypal-Debug-Id", debug_id());
        }
        match self.respond(call) {
            Ok(reply) => reply.with("Paypal-Debug-Id", debug_id()),
            Err(refusal) => refusal.reply(),
        }
    }

    fn fault(&self, status: u16) -> Reply {
        let (name, message) = match status {
            429 => ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
            503 => ("SERVICE_UNAVAILABLE", "The server is temporarily unable to handle the request."),
            409 => ("RESOURCE_CONFLICT", "The server has detected a conflict while processing this request."),
            _ => ("INTERNAL_SERVER_ERROR", "An internal server error has occurred."),
        };
        Refusal::new(status, name, message).reply()
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn inspect(&self, what: &str) -> Option<Vec<Record>> {
        KINDS.iter().find(|(kind, _)| *kind == what)?;
        Some(self.objects(what).into_iter().map(shown).filter_map(|object| record(&object)).collect())
    }

    fn kinds(&self) -> Vec<String> {
        KINDS.iter().map(|(kind, _)| (*kind).to_owned()).collect()
    }

    fn actions(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("approve", r#"{"order": "5O190127TN364715T", "email": "buyer@example.com"}"#),
            ("decline", r#"{"order": "5O190127TN364715T"}"#),
            ("settle", r#"{"batch": "5UXD2E8A7EBQJ"}"#),
            ("return", r#"{"item": "8AELMXH8UB2P8"}"#),
            ("dispute", r#"{"capture": "3C679366HH908993F", "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED"}"#),
            ("resolve", r#"{"dispute": "PP-D-27803", "outcome": "RESOLVED_SELLER_FAVOUR"}"#),
            ("subscribe", r#"{"subscription": "I-BW452GLLEP1G"}"#),
            ("bill", r#"{"subscription": "I-BW452GLLEP1G", "amount": {"currency_code": "USD", "value": "10.00"}}"#),
            ("pay_invoice", r#"{"invoice": "INV2-Z56S-5LLA-Q52L-CPZ5"}"#),
            ("listen", r#"{"url": "http://127.0.0.1:8080/hooks/paypal"}"#),
        ]
    }

    fn act(&self, what: &str, with: &Record) -> Option<Result<Record, String>> {
        let with: Json = serde_json::from_str(&json::write(&Value::Record(with.clone())).ok()?).ok()?;
        let done = match what {
            "approve" => self.approve(&with),
            "decline" => self.decline(&with),
            "settle" => self.settle(text(&with, "batch"), usize::MAX),
            "return" => self.give_back(&with),
            "dispute" => self.dispute(&with),
            "resolve" => self.resolve(&with),
            "subscribe" => self.subscribe(&with),
            "bill" => self.bill(&with),
            "pay_invoice" => self.pay_invoice(&with),
            "listen" => Ok(self.listen(text(&with, "url"))),
            _ => return None,
        };
        Some(done.map(|object| record(&shown(object)).unwrap_or_default()))
    }

    fn snapshot(&self) -> Option<Value> {
        json::parse(&serde_json::to_vec(&*self.lock()).ok()?).ok()
    }

    fn restore(&self, snapshot: &Value) {
        let state = json::write(snapshot).ok().and_then(|text| serde_json::from_str(&text).ok());
        *self.lock() = state.unwrap_or_default();
    }

    fn outbox(&self) -> Option<(&Outbox, Habits)> {
        // Up to 25 times in three days; here as often, and sooner.
        let pauses = (0..24u64).map(|n| Duration::from_millis((250 * (n + 1)).min(5000)));
        Some((&self.outbox, Habits { pauses: pauses.collect(), again: |_| true }))
    }
}

fn no_such_path() -> Refusal {
    Refusal::new(404, "RESOURCE_NOT_FOUND", "The specified resource does not exist.")
}

/// Without what only the stand-in knows of it.
fn shown(mut object: Json) -> Json {
    if let Json::Object(fields) = &mut object {
        fields.retain(|name, _| !name.starts_with('#'));
    }
    object
}

fn id_field(kind: &str) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or("id", |(_, field)| field)
}

fn text<'j>(object: &'j Json, name: &str) -> &'j str {
    object.get(name).and_then(Json::as_str).unwrap_or_default()
}

fn record(object: &Json) -> Option<Record> {
    json::parse(object.to_string().as_bytes()).ok()?.as_record().cloned()
}

fn debug_id() -> String {
    uuid::Uuid::new_v4().simple().to_string().chars().take(13).collect()
}

/// The time in whole seconds, as most of PayPal writes it.
fn now() -> String {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default().to_string()
}

/// Puts a field into an object.
fn set(object: &mut Json, name: &str, value: impl Into<Json>) {
    if let Json::Object(fields) = object {
        fields.insert(name.to_owned(), value.into());
    }
}
