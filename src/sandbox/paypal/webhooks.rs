//! Webhooks and events: registered, signed with a certificate of the stand-in's own, listed, sent again, verified.

use super::{Answer, Call, Delivery, Paypal, Refusal, Reply, set, text};
use crate::triggers::paypal::certificate::{Authority, Chain};
use crate::triggers::paypal::transmission::{ALGORITHM, Transmission, signed};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};
use std::sync::{Arc, LazyLock};
use url::Url;

/// What signs here. Its key is no secret: whoever trusts it trusts this machine.
const CERTIFICATE: &str = include_str!("certificate.pem");
const KEY: &str = include_str!("certificate.key");
/// The certificate's name in its address.
const NAME: &str = "CERT-5ANDB0X5-fca2a594-1d93a270";

static SIGNER: LazyLock<Option<RsaKeyPair>> = LazyLock::new(|| {
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).ok()?;
    RsaKeyPair::from_pkcs8(key.secret_der()).ok()
});

/// `GET /v1/notifications/certs/NAME`, for everybody.
pub(super) fn certificate(name: &str) -> Reply {
    match name == NAME {
        true => Reply {
            status: 200,
            headers: vec![("Content-Type".into(), "application/x-x509-ca-cert".into())],
            body: CERTIFICATE.into(),
        },
        false => Reply::empty(404),
    }
}

/// The headers of one sending of a body, signed now for that webhook. `base`: where the certificate is served.
pub fn headers(base: &str, webhook: &str, body: &[u8]) -> Vec<(String, String)> {
    headers_at(base, webhook, body, Timestamp::now())
}

/// The same at some time: for stale ones.
pub fn headers_at(base: &str, webhook: &str, body: &[u8], at: Timestamp) -> Vec<(String, String)> {
    let id = uuid::Uuid::new_v4().to_string();
    let time = Timestamp::from_second(at.as_second()).unwrap_or_default().to_string();
    let message = signed(&id, &time, webhook, body);
    let signature = SIGNER.as_ref().and_then(|key| {
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).ok()?;
        Some(STANDARD.encode(signature))
    });
    [
        ("PAYPAL-TRANSMISSION-ID", id),
        ("PAYPAL-TRANSMISSION-TIME", time),
        ("PAYPAL-TRANSMISSION-SIG", signature.unwrap_or_default()),
        ("PAYPAL-CERT-URL", format!("{base}/v1/notifications/certs/{NAME}")),
        ("PAYPAL-AUTH-ALGO", ALGORITHM.to_owned()),
        ("PAYPAL-AUTH-VERSION", "v2".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

impl Paypal {
    pub(super) fn notifications_api(&self, call: &Call, path: &[&str]) -> Answer {
        match (call.method.as_str(), &path[2.min(path.len())..]) {
            ("GET", ["webhooks"]) => Ok(Reply::json(200, json!({ "webhooks": self.objects("webhooks") }).to_string())),
            ("POST", ["webhooks"]) => self.register(call),
            ("GET", ["webhooks", id]) => Ok(Reply::json(200, self.get("webhooks", id)?.to_string())),
            ("PATCH", ["webhooks", id]) => self.change_webhook(call, id),
            ("DELETE", ["webhooks", id]) => {
                self.get("webhooks", id)?;
                if let Some(all) = self.lock().objects.get_mut("webhooks") {
                    all.retain(|webhook| text(webhook, "id") != *id);
                }
                Ok(Reply::empty(204))
            }
            ("GET", ["webhooks", id, "event-types"]) => {
                let webhook = self.get("webhooks", id)?;
                Ok(Reply::json(200, json!({ "event_types": webhook.get("event_types") }).to_string()))
            }
            ("GET", ["webhooks-events"]) => self.list_events(call),
            ("GET", ["webhooks-events", id]) => Ok(Reply::json(200, self.get("events", id)?.to_string())),
            ("POST", ["webhooks-events", id, "resend"]) => {
                let event = self.get("events", id)?;
                self.deliver(&event);
                Ok(Reply::json(202, event.to_string()))
            }
            ("POST", ["verify-webhook-signature"]) => self.verify(call),
            _ => Err(super::no_such_path()),
        }
    }

    /// Registers a webhook for all events, as an app does once.
    pub fn listen(&self, url: &str) -> Json {
        let mut state = self.lock();
        if let Some(known) =
            state.objects.get("webhooks").into_iter().flatten().find(|webhook| text(webhook, "url") == url)
        {
            return known.clone();
        }
        let id = match state.objects.get("webhooks").is_none_or(Vec::is_empty) {
            true => crate::sandbox::credentials::PAYPAL_WEBHOOK_ID.to_owned(),
            false => state.id(17),
        };
        let webhook = self.webhook(&id, url, json!([{ "name": "*" }]));
        state.put("webhooks", webhook.clone());
        webhook
    }

    fn webhook(&self, id: &str, url: &str, events: Json) -> Json {
        let path = format!("/v1/notifications/webhooks/{id}");
        let links = [
            self.link("self", "GET", &path),
            self.link("update", "PATCH", &path),
            self.link("delete", "DELETE", &path),
        ];
        json!({ "id": id, "url": url, "event_types": events, "links": links })
    }

    fn register(&self, call: &Call) -> Answer {
        let body = self.body(call, "paypal.webhook_request")?;
        let invalid = |name: &'static str, message: &'static str| Refusal::new(400, name, message);
        let url = address(text(&body, "url"))?;
        let events = body.get("event_types").and_then(Json::as_array).filter(|events| !events.is_empty());
        let events = events.ok_or_else(|| invalid("VALIDATION_ERROR", "Invalid data provided"))?.clone();
        let mut state = self.lock();
        let webhooks = state.objects.get("webhooks").cloned().unwrap_or_default();
        if webhooks.iter().any(|webhook| text(webhook, "url") == url) {
            return Err(invalid("WEBHOOK_URL_ALREADY_EXISTS", "Webhook URL already exists"));
        }
        if webhooks.len() >= 10 {
            return Err(invalid("WEBHOOK_NUMBER_LIMIT_EXCEEDED", "Exceeding the limit of ten webhooks"));
        }
        let id = state.id(17);
        let webhook = self.webhook(&id, &url, Json::Array(events));
        state.put("webhooks", webhook.clone());
        Ok(Reply::json(201, webhook.to_string()))
    }

    fn change_webhook(&self, call: &Call, id: &str) -> Answer {
        self.get("webhooks", id)?;
        let changes = self.body(call, "")?;
        let changes = changes.as_array().ok_or_else(|| Refusal::missing("/"))?;
        let mut state = self.lock();
        let webhook = state.get_mut("webhooks", id).ok_or_else(Refusal::not_found)?;
        for change in changes {
            let value = change.get("value").cloned().unwrap_or_default();
            match (text(change, "op"), text(change, "path")) {
                ("replace", "/url") => set(webhook, "url", address(value.as_str().unwrap_or_default())?),
                ("replace", "/event_types") if value.is_array() => set(webhook, "event_types", value),
                _ => {
                    return Err(Refusal::new(
                        400,
                        "WEBHOOK_PATCH_REQUEST_NO_CHANGE",
                        "The change is not one that can be made.",
                    ));
                }
            }
        }
        Ok(Reply::json(200, webhook.to_string()))
    }

    /// Something happened: it is listed, and delivered to whom it concerns.
    pub(super) fn happens(&self, event_type: &str, resource_type: &str, summary: &str, resource: &Json) {
        let mut state = self.lock();
        let id = format!("WH-{}-{}", state.id(17), state.id(17));
        let mut resource = resource.clone();
        if let Json::Object(fields) = &mut resource {
            fields.retain(|name, _| !name.starts_with('#'));
        }
        let mut event = json!({
            "id": id, "event_version": "1.0", "create_time": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            "resource_type": resource_type, "event_type": event_type, "summary": summary, "resource": resource,
            "links": [
                self.link("self", "GET", &format!("/v1/notifications/webhooks-events/{id}")),
                self.link("resend", "POST", &format!("/v1/notifications/webhooks-events/{id}/resend")),
            ],
        });
        if ["capture", "refund", "checkout-order", "authorization", "subscription"].contains(&resource_type) {
            set(&mut event, "resource_version", "2.0");
        }
        state.put("events", event.clone());
        drop(state);
        self.deliver(&event);
    }

    /// Puts an event there that happened before, and delivers nothing.
    pub fn insert_event(&self, event: &str) -> Result<(), String> {
        let event: Json = serde_json::from_str(event).map_err(|error| error.to_string())?;
        self.lock().put("events", event);
        Ok(())
    }

    fn deliver(&self, event: &Json) {
        let body = Bytes::from(event.to_string());
        for webhook in self.objects("webhooks") {
            let names = webhook.get("event_types").and_then(Json::as_array).cloned().unwrap_or_default();
            let wants = |name: &Json| ["*", text(event, "event_type")].contains(&text(name, "name"));
            if !names.iter().any(wants) {
                continue;
            }
            let (base, id) = (self.base().to_owned(), text(&webhook, "id").to_owned());
            self.outbox.push(Delivery {
                event: text(event, "event_type").to_owned(),
                url: text(&webhook, "url").to_owned(),
                body: body.clone(),
                headers: Arc::new(move |body| headers(&base, &id, body)),
            });
        }
    }

    fn list_events(&self, call: &Call) -> Answer {
        let invalid = || Refusal::new(400, "VALIDATION_ERROR", "Invalid data provided");
        let time =
            |name: &str| call.parameter(name).map(|text| text.parse::<Timestamp>().map_err(|_| invalid())).transpose();
        let (from, to) = (time("start_time")?, time("end_time")?);
        let size = call.parameter("page_size").map_or(Ok(10), |text| text.parse::<usize>().map_err(|_| invalid()))?;
        if !(1..=300).contains(&size) {
            return Err(invalid());
        }
        let oldest = Timestamp::now().checked_sub(jiff::SignedDuration::from_hours(30 * 24)).unwrap_or_default();
        let wanted = |event: &Json| {
            let at: Timestamp = text(event, "create_time").parse().unwrap_or_default();
            at >= oldest
                && from.is_none_or(|from| at >= from)
                && to.is_none_or(|to| at <= to)
                && call.parameter("event_type").is_none_or(|kind| text(event, "event_type") == kind)
                && call
                    .parameter("transaction_id")
                    .is_none_or(|id| event.pointer("/resource/id").and_then(Json::as_str) == Some(id))
        };
        let all: Vec<Json> = self.objects("events").into_iter().rev().filter(wanted).collect();
        let skip = call.parameter("next_page").and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
        let told = all.iter().skip(skip).take(size).map(|event| {
            let mut event = event.clone();
            set(&mut event, "status", "PENDING");
            set(&mut event, "transmissions", json!([]));
            event
        });
        let events: Vec<Json> = told.collect();
        let mut links = vec![self.link("self", "GET", &call.path)];
        if skip + size < all.len() {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(call.query.iter().filter(|(name, _)| name != "next_page"));
            query.append_pair("next_page", &(skip + size).to_string());
            links.push(self.link("next", "GET", &format!("{}?{}", call.path, query.finish())));
        }
        let count = events.len();
        Ok(Reply::json(200, json!({ "events": events, "count": count, "links": links }).to_string()))
    }

    /// Whether a delivery is our own, judged on the bytes of the event as they stand in the question.
    fn verify(&self, call: &Call) -> Answer {
        #[derive(serde::Deserialize)]
        struct Question<'q> {
            transmission_id: String,
            transmission_time: String,
            cert_url: String,
            auth_algo: String,
            transmission_sig: String,
            webhook_id: String,
            #[serde(borrow)]
            webhook_event: &'q RawValue,
        }
        let question: Question<'_> = serde_json::from_slice(&call.body)
            .map_err(|_| Refusal::new(400, "VALIDATION_ERROR", "Invalid data provided"))?;
        let header = |name: &str| match name {
            "paypal-transmission-id" => Some(question.transmission_id.as_str()),
            "paypal-transmission-time" => Some(question.transmission_time.as_str()),
            "paypal-cert-url" => Some(question.cert_url.as_str()),
            "paypal-auth-algo" => Some(question.auth_algo.as_str()),
            "paypal-transmission-sig" => Some(question.transmission_sig.as_str()),
            _ => None,
        };
        let is_own = || {
            let authority = Authority::StandIn(Url::parse(self.base()).ok()?);
            let transmission = Transmission::read(header).ok()?;
            authority.address(transmission.certificate).ok()?;
            let chain = Chain::read(CERTIFICATE.as_bytes()).ok()?;
            let body = question.webhook_event.get().as_bytes();
            self.lock().get("webhooks", &question.webhook_id)?;
            chain.verify(&authority, &transmission, &[&question.webhook_id], body).ok()
        };
        let status = if is_own().is_some() { "SUCCESS" } else { "FAILURE" };
        Ok(Reply::json(200, json!({ "verification_status": status }).to_string()))
    }
}

/// An address that PayPal delivers to: encrypted and on the usual port; here also one on this machine.
fn address(written: &str) -> Result<String, Refusal> {
    let refused = || Refusal::new(400, "VALIDATION_ERROR", "Not a valid webhook URL");
    let url = Url::parse(written).map_err(|_| refused())?;
    let own = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let secure = url.scheme() == "https" && url.port().is_none();
    (secure || own).then(|| written.to_owned()).ok_or_else(refused)
}
