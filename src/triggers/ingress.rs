//! The door: one delivery in, one answer out. Verify the raw bytes → read → ask each flow → keep in one transaction →
//! 2xx.
//!
//! Deliberately without HTTP types, so that the order of these steps can be read and tested in one place; `server`
//! speaks HTTP. Invariants: nothing unverified is kept; nothing kept is answered before it is durable; whatever is
//! wrong with a verified body or with a flow's own expressions, it is kept and answered 200.

use super::paypal::{Unproved, Verifier};
use super::rate::Pace;
use super::shared_secret::{self, SecretIn};
use super::{hmac, intake, stripe};
use crate::catalog::{Decoder, Path, System};
use crate::engine::Inbox;
use crate::graph::ExecutionGraph;
use crate::model::project::Privacy;
use crate::store::{AcceptOutcome, StoreError};
use bytes::Bytes;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Where the events of a connection come in.
#[derive(Clone)]
pub struct Endpoint {
    pub connection: String,
    pub system: Arc<System>,
    /// How bodies that are not the event themselves are read, by the group of their events.
    pub decoders: Arc<BTreeMap<String, Decoder>>,
    pub verification: Verification,
    /// The connection's `mode`: whether events of live or of test data are taken. `None`: the system has no modes.
    pub live: Option<bool>,
    /// The connection's company, where its system has companies.
    pub company: Option<String>,
    /// How idempotency keys of this project begin (`engine::machine::key::own_prefix`): an event that repeats one is our own.
    pub own_prefix: String,
    /// Who we are in the system, by the connection's key that says so: an event that names one of them is our own.
    pub own_users: BTreeMap<String, String>,
    /// Where the id of an event stands, where the connection says it.
    pub event_id: Option<Path>,
    /// How many deliveries are taken in a time, where the webhook says so.
    pub pace: Option<Arc<Pace>>,
    /// What the project says of private data.
    pub privacy: Arc<Privacy>,
}

/// How deliveries of an endpoint are proved. Secrets are the current ones.
#[derive(Clone)]
pub enum Verification {
    Stripe {
        secrets: Vec<String>,
        tolerance: Duration,
    },
    /// May have to fetch a certificate or ask PayPal first.
    Paypal(Arc<Verifier>),
    /// A secret that both sides know; several while one is being replaced.
    SharedSecret {
        secrets: Vec<String>,
        place: SecretIn,
    },
    Hmac(hmac::Signed),
}

/// What is answered, and what is to be counted and said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Kept, with how many runs it started.
    Kept { runs: usize },
    /// Was here before.
    Duplicate,
    /// Another body under an id that was accepted before: kept beside it, an alert raised.
    Conflicting,
    /// Kept, wanted by no flow.
    Unrouted,
    /// Kept, not readable.
    DeadLetter,
    /// Not kept: the catalogue says that nothing is in it.
    Ignored,
    /// Not kept: not from the provider, or malformed beyond proof.
    Refused { status: u16, why: String },
    /// Not kept: the store cannot take it now, or it cannot be verified now. The provider will come again.
    Unavailable { retry_after: Duration, why: String },
}

impl Answer {
    /// The HTTP status. A full store is 503, never 429: some providers give up on that.
    pub fn status(&self) -> u16 {
        match self {
            Answer::Refused { status, .. } => *status,
            Answer::Unavailable { .. } => 503,
            _ => 200,
        }
    }

    /// Its name in metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Answer::Kept { .. } => "kept",
            Answer::Duplicate => "duplicate",
            Answer::Conflicting => "conflicting",
            Answer::Unrouted => "unrouted",
            Answer::DeadLetter => "dead_letter",
            Answer::Ignored => "ignored",
            Answer::Refused { .. } => "refused",
            Answer::Unavailable { .. } => "unavailable",
        }
    }
}

/// A delivery as it arrived.
pub struct Delivery<'a> {
    /// Header texts by lower-case name, in their order; values that are no text are left out.
    pub headers: &'a [(String, String)],
    /// What stands behind the `?` of its address.
    pub query: Option<&'a str>,
    pub body: Bytes,
    pub received_at: Timestamp,
}

impl Delivery<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Takes a delivery in. `flows` are the live flows; those of other connections and events are left out here.
pub async fn take(
    endpoint: &Endpoint,
    flows: &[Arc<ExecutionGraph>],
    inbox: &(impl Inbox + ?Sized),
    delivery: Delivery<'_>,
) -> Answer {
    match verify(endpoint, &delivery).await {
        Ok(()) => {}
        Err(Unproved::Refused { status, why }) => return Answer::Refused { status, why },
        Err(Unproved::Later { retry_after, why }) => return Answer::Unavailable { retry_after, why },
    }
    let secret = match &endpoint.verification {
        Verification::SharedSecret { place: SecretIn::Header(name), .. } => Some(name.as_str()),
        _ => None,
    };
    let headers = intake::kept_headers(delivery.headers, secret);
    let Some((event, runs, seen)) = intake::see(endpoint, flows, headers, &delivery.body, delivery.received_at) else {
        return Answer::Ignored;
    };
    let dead = event.problem.is_some();
    let wanted = !runs.is_empty();
    match inbox.take_in(event, runs, seen).await {
        Ok(accepted) => match accepted.outcome {
            AcceptOutcome::Duplicate => Answer::Duplicate,
            AcceptOutcome::Conflicting => Answer::Conflicting,
            AcceptOutcome::Kept(_) if dead => Answer::DeadLetter,
            AcceptOutcome::Kept(_) if !wanted => Answer::Unrouted,
            AcceptOutcome::Kept(runs) => {
                Answer::Kept { runs: runs.iter().filter(|run| !run.state.is_settled()).count() }
            }
        },
        Err(error) => unavailable(error),
    }
}

fn unavailable(error: StoreError) -> Answer {
    let retry_after = match error {
        StoreError::Busy(_) => Duration::from_secs(1),
        _ => Duration::from_secs(30),
    };
    Answer::Unavailable { retry_after, why: error.to_string() }
}

async fn verify(endpoint: &Endpoint, delivery: &Delivery<'_>) -> Result<(), Unproved> {
    match &endpoint.verification {
        Verification::Stripe { secrets, tolerance } => {
            let header = delivery.header("stripe-signature");
            stripe::verify(header, &delivery.body, secrets, *tolerance, delivery.received_at.as_second())
                .map_err(|error| Unproved::Refused { status: error.status(), why: error.to_string() })
        }
        Verification::Paypal(verifier) => {
            verifier.verify(|name| delivery.header(name), &delivery.body, delivery.received_at).await
        }
        Verification::SharedSecret { secrets, place } => {
            let given = match place {
                SecretIn::Header(name) => delivery.header(name).map(str::to_owned),
                SecretIn::Query(name) => delivery.query.and_then(|query| shared_secret::in_query(query, name)),
            };
            shared_secret::verify(given.as_deref(), secrets)
                .map_err(|error| Unproved::Refused { status: error.status(), why: error.to_string() })
        }
        Verification::Hmac(signed) => {
            let header = delivery.header(&signed.header.to_ascii_lowercase());
            signed
                .verify(header, &delivery.body)
                .map_err(|error| Unproved::Refused { status: error.status(), why: error.to_string() })
        }
    }
}
