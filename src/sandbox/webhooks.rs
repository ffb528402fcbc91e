//! Stripe's side of a webhook: signs events and delivers them, again where they were not accepted, or loses them.

use super::stripe::Stripe;
use crate::triggers::stripe;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Delivers signed events to one endpoint.
#[derive(Clone)]
pub struct Sender {
    client: reqwest::Client,
    url: String,
    secret: String,
}

impl Sender {
    /// To `url`, signed with `secret`.
    pub fn new(url: impl Into<String>, secret: impl Into<String>) -> Result<Sender, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()?;
        Ok(Sender { client, url: url.into(), secret: secret.into() })
    }

    /// One delivery, signed now. The status, or why there was none.
    pub async fn send(&self, body: &Bytes) -> Result<u16, reqwest::Error> {
        let signature = stripe::sign(body, &[&self.secret], jiff::Timestamp::now().as_second());
        self.send_signed(body, &signature).await
    }

    /// One delivery with a given `Stripe-Signature`: for forged and stale ones.
    pub async fn send_signed(&self, body: &Bytes, signature: &str) -> Result<u16, reqwest::Error> {
        let request = self.client.post(&self.url).header("Stripe-Signature", signature);
        let request = request.header("Content-Type", "application/json; charset=utf-8").body(body.clone());
        Ok(request.send().await?.status().as_u16())
    }

    /// Delivers until a 2xx, as Stripe does for up to three days; here with a short pause and a bound.
    pub async fn send_until_accepted(&self, body: &Bytes, tries: u32, pause: Duration) -> bool {
        for _ in 0..tries {
            if matches!(self.send(body).await, Ok(200..=299)) {
                return true;
            }
            tokio::time::sleep(pause).await;
        }
        false
    }
}

/// An account whose events are in its list (`GET /v1/events`) and delivered to one endpoint, unless it loses them.
pub struct Account {
    stripe: Arc<Stripe>,
    sender: Sender,
    lose: AtomicU32,
}

impl Account {
    /// The events of `stripe`, delivered by `sender`.
    pub fn new(stripe: Arc<Stripe>, sender: Sender) -> Account {
        Account { stripe, sender, lose: AtomicU32::new(0) }
    }

    /// The next so many events are never delivered. They are in the list all the same.
    pub fn lose(&self, deliveries: u32) {
        self.lose.store(deliveries, Ordering::SeqCst);
    }

    /// Something happened: the event is listed, and delivered as often as needed. The answer of the last delivery, or
    /// none where it was lost.
    pub async fn happens(&self, event: &Bytes, tries: u32, pause: Duration) -> Result<Option<bool>, String> {
        self.stripe.insert(&String::from_utf8_lossy(event))?;
        let lost = self.lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if lost.is_ok() {
            return Ok(None);
        }
        Ok(Some(self.sender.send_until_accepted(event, tries, pause).await))
    }
}
