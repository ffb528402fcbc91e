//! One sending of an event: PayPal's headers, and the text that it signs.

use super::Unproved;
use crate::value::json;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use std::time::Duration;

/// The only algorithm that PayPal documents, and the only one that is taken.
pub const ALGORITHM: &str = "SHA256withRSA";

/// Longest header that is looked at.
const LONGEST: usize = 1024;

/// What the headers of a delivery say. Every try of PayPal is a transmission of its own; the event's id stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmission<'a> {
    pub id: &'a str,
    /// As it was written: it is part of what is signed.
    pub time: &'a str,
    pub at: Timestamp,
    pub certificate: &'a str,
    /// As it was written.
    pub written_signature: &'a str,
    pub signature: Vec<u8>,
}

impl<'a> Transmission<'a> {
    /// Reads the headers, by name in lower case.
    pub fn read(header: impl Fn(&str) -> Option<&'a str>) -> Result<Transmission<'a>, Unproved> {
        let needed = |name: &str| {
            let value = header(name).ok_or_else(|| Unproved::malformed(format!("the header {name} is missing")))?;
            match value.len() > LONGEST {
                true => Err(Unproved::malformed(format!("the header {name} is too long"))),
                false => Ok(value),
            }
        };
        let id = needed("paypal-transmission-id")?;
        let time = needed("paypal-transmission-time")?;
        let written_signature = needed("paypal-transmission-sig")?;
        let certificate = needed("paypal-cert-url")?;
        let algorithm = needed("paypal-auth-algo")?;
        if algorithm != ALGORITHM {
            return Err(Unproved::forged(format!("the signature is not made by {ALGORITHM}")));
        }
        let at = time.parse().map_err(|_| Unproved::malformed("the header paypal-transmission-time is no time"))?;
        let signature = STANDARD.decode(written_signature);
        let signature =
            signature.map_err(|_| Unproved::malformed("the header paypal-transmission-sig is no base64"))?;
        Ok(Transmission { id, time, at, certificate, written_signature, signature })
    }

    /// The text that PayPal signs.
    pub fn signed(&self, webhook_id: &str, body: &[u8]) -> String {
        signed(self.id, self.time, webhook_id, body)
    }

    /// Whether it was made at about `now`: a clock may be wrong in both directions.
    pub fn is_fresh(&self, now: Timestamp, tolerance: Duration) -> bool {
        now.duration_since(self.at).unsigned_abs() <= tolerance
    }

    /// The question for PayPal whether the delivery is its own. The event stands in it byte for byte as it came: read and
    /// written again, good ones would fail. `None`: the body is no JSON, and could say more than an event.
    pub fn question(&self, webhook_id: &str, body: &[u8]) -> Option<String> {
        json::parse(body).ok()?.as_record()?;
        let event = std::str::from_utf8(body).ok()?;
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let fields = [
            ("transmission_id", self.id),
            ("transmission_time", self.time),
            ("cert_url", self.certificate),
            ("auth_algo", ALGORITHM),
            ("transmission_sig", self.written_signature),
            ("webhook_id", webhook_id),
        ];
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{}", text(value))).collect();
        Some(format!("{{{},\"webhook_event\":{event}}}", fields.join(",")))
    }
}

/// `id|time|webhook id|CRC32 of the body`.
pub fn signed(id: &str, time: &str, webhook_id: &str, body: &[u8]) -> String {
    format!("{id}|{time}|{webhook_id}|{}", crc32fast::hash(body))
}
