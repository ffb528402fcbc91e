//! The providers' side of a webhook: events are signed and delivered, again where they were not accepted, as each
//! provider does it; or twice, late and never, where a fault says so.

use super::faults::Deliver;
use super::server::Standin;
use super::stripe::Stripe;
use crate::triggers::stripe;
use bytes::Bytes;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// One event on its way to one endpoint.
pub struct Delivery {
    /// The event's name, for faults.
    pub event: String,
    pub url: String,
    pub body: Bytes,
    /// Made anew for each attempt: what proves where it comes from.
    pub headers: Headers,
}

/// The headers of an attempt at a body.
pub type Headers = Arc<dyn Fn(&Bytes) -> Vec<(String, String)> + Send + Sync>;

/// `Stripe-Signature` with this secret.
pub fn signed(secret: String) -> Headers {
    Arc::new(move |body| {
        let signature = stripe::sign(body, &[&secret], jiff::Timestamp::now().as_second());
        vec![("Stripe-Signature".to_string(), signature)]
    })
}

/// How a provider tries again.
pub struct Habits {
    /// Before each further attempt.
    pub pauses: Vec<Duration>,
    /// Whether there is one after this status; `None`: there was no answer.
    pub again: fn(Option<u16>) -> bool,
}

/// Deliveries in the order in which their events happened.
pub struct Outbox {
    sender: mpsc::UnboundedSender<Delivery>,
    receiver: Mutex<Option<mpsc::UnboundedReceiver<Delivery>>>,
}

impl Default for Outbox {
    fn default() -> Outbox {
        let (sender, receiver) = mpsc::unbounded_channel();
        Outbox { sender, receiver: Mutex::new(Some(receiver)) }
    }
}

impl Outbox {
    /// Puts one behind the others.
    pub fn push(&self, delivery: Delivery) {
        // Without a server nothing is delivered.
        let _ = self.sender.send(delivery);
    }
}

/// How long a delivery that is to come late waits for another one.
const LATEST: Duration = Duration::from_secs(2);

/// Delivers what a stand-in has to tell, for as long as its server runs.
pub(super) async fn deliver(standin: Arc<dyn Standin>) {
    let Some((receiver, habits)) = standin.outbox().and_then(|(outbox, habits)| {
        let receiver = outbox.receiver.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        Some((receiver?, Arc::new(habits)))
    }) else {
        return;
    };
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    let Ok(client) = client.timeout(Duration::from_secs(30)).build() else { return };
    let mut receiver = receiver;
    let mut held: Vec<Arc<Delivery>> = vec![];
    loop {
        let next = match held.is_empty() {
            true => receiver.recv().await,
            false => tokio::time::timeout(LATEST, receiver.recv()).await.unwrap_or_default(),
        };
        let Some(delivery) = next.map(Arc::new) else {
            if held.is_empty() {
                return;
            }
            held.drain(..).for_each(|late| send(&client, late, &habits));
            continue;
        };
        match standin.faults().on_the_way(&delivery.event, &delivery.body) {
            Some(Deliver::Never) => {}
            Some(Deliver::Late) => held.push(delivery),
            Some(Deliver::Twice) => {
                send(&client, delivery.clone(), &habits);
                send(&client, delivery, &habits);
            }
            None => {
                send(&client, delivery, &habits);
                held.drain(..).for_each(|late| send(&client, late, &habits));
            }
        }
    }
}

/// One delivery beside the others, as often as the provider tries.
fn send(client: &reqwest::Client, delivery: Arc<Delivery>, habits: &Arc<Habits>) {
    let (client, habits) = (client.clone(), habits.clone());
    tokio::spawn(async move {
        let mut pauses = habits.pauses.iter();
        loop {
            let mut request = client.post(&delivery.url).header("Content-Type", "application/json; charset=utf-8");
            for (name, value) in (delivery.headers)(&delivery.body) {
                request = request.header(name, value);
            }
            let status = request.body(delivery.body.clone()).send().await.ok().map(|answer| answer.status().as_u16());
            if matches!(status, Some(200..=299)) || !(habits.again)(status) {
                return;
            }
            let Some(pause) = pauses.next() else { return };
            tokio::time::sleep(*pause).await;
        }
    });
}

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
