//! The door: one delivery in, one answer out. Verify the raw bytes → read → ask each flow → keep in one transaction →
//! 2xx.
//!
//! Deliberately without HTTP types, so that the order of these steps can be read and tested in one place; `server`
//! speaks HTTP. Invariants: nothing unverified is kept; nothing kept is answered before it is durable; whatever is
//! wrong with a verified body or with a flow's own expressions, it is kept and answered 200.

use super::{privacy, stripe};
use crate::catalog::{EventGroup, Own, Place, System};
use crate::engine::door;
use crate::graph::{ExecutionGraph, Trigger, TriggerKind};
use crate::model::project::Privacy;
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
    /// The connection's `mode`: whether events of live or of test data are taken. `None`: the system has no modes.
    pub live: Option<bool>,
    /// How idempotency keys of this project begin (`engine::machine::key::own_prefix`): an event that repeats one is our own.
    pub own_prefix: String,
    /// What the project says of private data.
    pub privacy: Arc<Privacy>,
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
    /// Not kept: the catalogue says that nothing is in it.
    Ignored,
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
    let Some((event, runs)) = read(endpoint, flows, &delivery) else { return Answer::Ignored };
    let dead = event.problem.is_some();
    let wanted = !runs.is_empty();
    match store.accept(event, runs).await {
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

fn verify(endpoint: &Endpoint, delivery: &Delivery<'_>) -> Result<(), (u16, String)> {
    match &endpoint.verification {
        Verification::Stripe { secrets, tolerance } => {
            let header = delivery.header("stripe-signature");
            stripe::verify(header, &delivery.body, secrets, *tolerance, delivery.received_at.as_second())
                .map_err(|error| (error.status(), error.to_string()))
        }
    }
}

/// What to keep of a verified delivery, and what each flow that listens makes of it. `None`: nothing is to be kept.
fn read(
    endpoint: &Endpoint,
    flows: &[Arc<ExecutionGraph>],
    delivery: &Delivery<'_>,
) -> Option<(NewEvent, Vec<NewRun>)> {
    let headers = kept_headers(delivery);
    let mut event = NewEvent {
        connection: endpoint.connection.clone(),
        provider_id: format!("body {}", Hash::of(&delivery.body)),
        kind: String::new(),
        same: Hash::of(&delivery.body),
        body: delivery.body.to_vec(),
        delivery: delivery_facts(&headers),
        own: false,
        received_at: delivery.received_at,
        problem: None,
        subjects: vec![],
    };
    let body = match json::parse(&delivery.body) {
        Ok(body) => body,
        Err(error) => {
            event.problem = Some(format!("the body is not JSON: {error}"));
            return Some((event, vec![]));
        }
    };
    let seen = privacy::apply(&endpoint.privacy, &mut event, &body);
    let Some((group, kind, id)) = endpoint.system.events.values().find_map(|group| told(group, &body)) else {
        event.problem = Some(format!("the body is no event of {} as the catalogue knows them", endpoint.system.title));
        return Some((event, vec![]));
    };
    if group.ignore.contains(&kind) {
        return None;
    }
    event.provider_id = id;
    event.kind = kind;
    event.own = is_own(endpoint, group, &body);
    if let Some(same) = what_must_be_equal(group, &body) {
        event.same = same;
    }
    if let Some(problem) = wrong_mode(endpoint, group, &body) {
        event.problem = Some(problem);
        return Some((event, vec![]));
    }
    let trigger = trigger_facts(&event, headers);
    let runs = flows.iter().filter(|flow| listens(&flow.trigger, &endpoint.connection, group, &event.kind));
    let runs = runs.map(|flow| door::ask(flow, &seen, &trigger, &event.provider_id, event.own)).collect();
    Some((event, runs))
}

/// Test data in a live connection, or the other way round.
fn wrong_mode(endpoint: &Endpoint, group: &EventGroup, body: &Value) -> Option<String> {
    let (expected, place) = (endpoint.live?, group.live.as_ref()?);
    let name = |live: bool| if live { "live" } else { "test" };
    match place.in_body(body) {
        Some(Value::Bool(live)) if *live == expected => None,
        Some(Value::Bool(live)) => Some(format!(
            "an event of {} data came to a connection for {} data: its `mode` or the webhook's secret is of the other kind",
            name(*live),
            name(expected)
        )),
        _ => Some("the body does not say whether it is of live or of test data".to_owned()),
    }
}

/// The event repeats an idempotency key that this project has sent.
fn is_own(endpoint: &Endpoint, group: &EventGroup, body: &Value) -> bool {
    let Own::IdempotencyKey(place) = &group.own else { return false };
    text_at(place, body).is_some_and(|key| key.starts_with(&endpoint.own_prefix))
}

/// The trigger subscribes to it, under whichever of the event's names.
fn listens(trigger: &Trigger, connection: &str, group: &EventGroup, kind: &str) -> bool {
    let TriggerKind::Webhook { connection: wanted, events } = &trigger.kind else { return false };
    let name = |name| group.event(name).map_or(name, |(known, _)| known);
    wanted.as_str() == connection && events.iter().any(|event| name(event.as_str()) == name(kind))
}

/// The group whose event this is, with its kind and id.
fn told<'g>(group: &'g EventGroup, body: &Value) -> Option<(&'g EventGroup, String, String)> {
    let only = group.only.iter().all(|(place, wanted)| text_at(place, body).as_ref() == Some(wanted));
    let kind = text_at(&group.matches, body)?;
    let ids: Option<Vec<String>> = group.id.iter().map(|place| text_at(place, body)).collect();
    let id = ids?.join("/");
    (only && !id.is_empty()).then_some((group, kind, id))
}

fn text_at(place: &Place, body: &Value) -> Option<String> {
    match place.in_body(body)? {
        Value::Text(text) => Some(text.to_string()),
        Value::Number(number) => number.plain().ok().map(|text| text.into_owned()),
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

/// Parts of the names of headers that prove something: whoever reads them could pass for the sender.
const PROOFS: [&str; 8] = ["signature", "-sig", "authorization", "cookie", "token", "secret", "api-key", "password"];

/// Headers worth keeping: no signature, no secret. One that came several times is a list, as HTTP has it.
pub(super) fn kept_headers(delivery: &Delivery<'_>) -> Record {
    let mut kept = Record::new();
    for (name, value) in delivery.headers.iter().filter(|(name, _)| !PROOFS.iter().any(|part| name.contains(part))) {
        let value = match kept.get(name) {
            Some(Value::Text(before)) => format!("{before}, {value}"),
            _ => value.clone(),
        };
        kept.set(name.as_str().into(), value.into());
    }
    kept
}

/// What the store keeps of a delivery beside its body: `door::trigger` reads it again.
pub(super) fn delivery_facts(headers: &Record) -> String {
    let facts = Record::from_iter([("headers".into(), headers.clone().into())]);
    // Texts can always be written.
    json::write(&Value::Record(facts)).unwrap_or_else(|_| "{}".into())
}

/// `trigger` in the flow's slots at the door: what `door::trigger` makes of the kept event later.
pub fn trigger_facts(event: &NewEvent, headers: Record) -> Value {
    let fields = [
        ("id", event.provider_id.as_str().into()),
        ("type", event.kind.as_str().into()),
        ("received_at", Value::Time(event.received_at)),
        ("headers", headers.into()),
        ("connection", event.connection.as_str().into()),
        ("own", event.own.into()),
    ];
    Value::Record(fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect())
}
