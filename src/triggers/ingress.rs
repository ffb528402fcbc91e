//! The door: one delivery in, one answer out. Verify the raw bytes → read → ask each flow → keep in one transaction →
//! 2xx.
//!
//! Deliberately without HTTP types, so that the order of these steps can be read and tested in one place; `server`
//! speaks HTTP. Invariants: nothing unverified is kept; nothing kept is answered before it is durable; whatever is
//! wrong with a verified body or with a flow's own expressions, it is kept and answered 200.

use super::stripe;
use crate::catalog::{EventGroup, Place, System};
use crate::engine::door;
use crate::graph::ExecutionGraph;
use crate::store::{AcceptOutcome, Hash, NewEvent, NewRun, Store, StoreError};
use crate::value::{Record, Text, Value, json};
use bytes::Bytes;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Where the events of a connection come in.
#[derive(Clone)]
pub struct Endpoint {
    pub connection: String,
    pub system: Arc<System>,
    pub verification: Verification,
    /// What the connection says beside: `mode`, `own_user`.
    pub live: Option<bool>,
}

/// How deliveries of an endpoint are proved. Secrets are the current ones.
#[derive(Clone)]
pub enum Verification {
    Stripe { secrets: Vec<String>, tolerance: Duration },
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
    /// Not kept: not from the provider, or malformed beyond proof.
    Refused { status: u16, why: String },
    /// Not kept: the store cannot take it now. The provider will come again.
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
            Answer::Refused { .. } => "refused",
            Answer::Unavailable { .. } => "unavailable",
        }
    }
}

/// A delivery as it arrived.
pub struct Delivery<'a> {
    /// Header texts by lower-case name, in their order; values that are no text are left out.
    pub headers: &'a [(String, String)],
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
    store: &dyn Store,
    delivery: Delivery<'_>,
) -> Answer {
    if let Err((status, why)) = verify(endpoint, &delivery) {
        return Answer::Refused { status, why };
    }
    let (event, runs) = read(endpoint, flows, &delivery);
    let dead = event.problem.is_some();
    let wanted = !runs.is_empty();
    match store.accept(event, runs).await {
        Ok(accepted) => match accepted.outcome {
            AcceptOutcome::Duplicate => Answer::Duplicate,
            AcceptOutcome::Conflicting => Answer::Conflicting,
            AcceptOutcome::Kept(_) if dead => Answer::DeadLetter,
            AcceptOutcome::Kept(_) if !wanted => Answer::Unrouted,
            AcceptOutcome::Kept(runs) => Answer::Kept { runs: runs.iter().filter(|run| !run.state.is_settled()).count() },
        },
        Err(error) => unavailable(error),
    }
}

fn unavailable(error: StoreError) -> Answer {
    let retry_after = match error {
        StoreError::Busy => Duration::from_secs(1),
        _ => Duration::from_secs(30),
    };
    Answer::Unavailable { retry_after, why: error.to_string() }
}

fn verify(endpoint: &Endpoint, delivery: &Delivery<'_>) -> Result<(), (u16, String)> {
    match &endpoint.verification {
        Verification::Stripe { secrets, tolerance } => {
            let header = delivery.header("stripe-signature");
            stripe::verify(header, &delivery.body, secrets, *tolerance, delivery.received_at.as_second())
                .map_err(|error| (error.status(), error.to_string()))
        }
    }
}

/// What to keep of a verified delivery, and what each flow that listens makes of it.
fn read(endpoint: &Endpoint, flows: &[Arc<ExecutionGraph>], delivery: &Delivery<'_>) -> (NewEvent, Vec<NewRun>) {
    let mut event = NewEvent {
        connection: endpoint.connection.clone(),
        provider_id: format!("body {}", Hash::of(&delivery.body)),
        kind: String::new(),
        same: Hash::of(&delivery.body),
        body: delivery.body.to_vec(),
        delivery: delivery_facts(delivery),
        own: false,
        received_at: delivery.received_at,
        problem: None,
    };
    let body = match json::parse(&delivery.body) {
        Ok(body) => body,
        Err(error) => {
            event.problem = Some(format!("the body is not JSON: {error}"));
            return (event, vec![]);
        }
    };
    let Some((group, kind, id)) = endpoint.system.events.values().find_map(|group| told(group, &body)) else {
        event.problem = Some(format!("the body is no event of {}: its kind or id is missing", endpoint.system.title));
        return (event, vec![]);
    };
    event.provider_id = id;
    event.kind = kind.clone();
    if let Some(same) = what_must_be_equal(group, &body) {
        event.same = same;
    }
    if let (Some(expected), Some(place)) = (endpoint.live, &group.live)
        && let Some(Value::Bool(live)) = place.in_body(&body)
        && *live != expected
    {
        let (got, wanted) = if *live { ("live", "sandbox") } else { ("test", "live") };
        event.problem = Some(format!("a {got} event came to a connection whose mode is {wanted}"));
        return (event, vec![]);
    }
    let trigger = trigger_facts(endpoint, &event, delivery);
    let runs = flows.iter().filter(|flow| flow.trigger.listens(&endpoint.connection, group, &kind));
    let runs = runs.map(|flow| door::ask(flow, &body, &trigger, &event.provider_id, event.own)).collect();
    (event, runs)
}

/// The group whose event this is, with its kind and id.
fn told<'g>(group: &'g EventGroup, body: &Value) -> Option<(&'g EventGroup, String, String)> {
    let only = group.only.iter().all(|(place, wanted)| text_at(place, body).as_deref() == Some(wanted));
    let kind = text_at(&group.matches, body)?;
    let ids: Option<Vec<String>> = group.id.iter().map(|place| text_at(place, body)).collect();
    let id = ids?.join("/");
    (only && !id.is_empty()).then_some((group, kind, id))
}

fn text_at(place: &Place, body: &Value) -> Option<String> {
    match place.in_body(body)? {
        Value::Text(text) => Some(text.to_string()),
        Value::Number(number) => Some(number.plain().to_string()),
        _ => None,
    }
}

/// The hash of the parts that every delivery of one id has in common; `None`: the whole body.
fn what_must_be_equal(group: &EventGroup, body: &Value) -> Option<Hash> {
    if group.same.is_empty() {
        return None;
    }
    let parts: Vec<String> = group
        .same
        .iter()
        .map(|place| place.in_body(body).and_then(|value| json::write(value).ok()).unwrap_or_default())
        .collect();
    Some(Hash::of(parts.join("\n").as_bytes()))
}

/// Headers worth keeping: never the signature, never a secret.
fn delivery_facts(delivery: &Delivery<'_>) -> String {
    let mut headers = Record::new();
    for (name, value) in delivery.headers {
        if !["stripe-signature", "authorization", "cookie"].contains(&name.as_str()) {
            headers.set(Text::from(name.as_str()), Value::Text(Text::from(value.as_str())));
        }
    }
    let mut facts = Record::new();
    facts.set("headers".into(), Value::Record(headers));
    json::write(&Value::Record(facts)).unwrap_or_else(|_| "{}".into())
}

/// `trigger` in the flow's slots.
fn trigger_facts(endpoint: &Endpoint, event: &NewEvent, delivery: &Delivery<'_>) -> Value {
    let mut headers = Record::new();
    for (name, value) in delivery.headers {
        headers.set(Text::from(name.as_str()), Value::Text(Text::from(value.as_str())));
    }
    let mut facts = Record::new();
    facts.set("id".into(), Value::Text(Text::from(event.provider_id.as_str())));
    facts.set("type".into(), Value::Text(Text::from(event.kind.as_str())));
    facts.set("received_at".into(), Value::Time(event.received_at));
    facts.set("headers".into(), Value::Record(headers));
    facts.set("connection".into(), Value::Text(Text::from(endpoint.connection.as_str())));
    facts.set("own".into(), Value::Bool(event.own));
    Value::Record(facts)
}
