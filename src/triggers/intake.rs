//! What to keep of an event, and what each flow makes of it: of deliveries, of what a list of a provider holds, and of
//! what a flow asked for itself.
//!
//! Pure. Invariant: whatever is wrong with a body or with a flow's own expressions, it is kept.

use super::ingress::Endpoint;
use super::privacy;
use crate::catalog::{Decoder, EventGroup, Own, Place};
use crate::engine::{Seen, door};
use crate::graph::{ExecutionGraph, Trigger, TriggerKind};
use crate::model::project::Privacy;
use crate::store::{Hash, NewEvent, NewRun};
use crate::value::{Record, Value, json, time};
use jiff::Timestamp;
use std::sync::Arc;

/// What to keep of a verified delivery, and what each flow that listens makes of it. `None`: nothing is to be kept.
pub fn read(
    endpoint: &Endpoint,
    flows: &[Arc<ExecutionGraph>],
    headers: Record,
    bytes: &[u8],
    received_at: Timestamp,
) -> Option<(NewEvent, Vec<NewRun>)> {
    see(endpoint, flows, headers, bytes, received_at).map(|(event, runs, _)| (event, runs))
}

/// The same, with the event as its runs will see it; without runs, nothing is seen.
pub fn see(
    endpoint: &Endpoint,
    flows: &[Arc<ExecutionGraph>],
    headers: Record,
    bytes: &[u8],
    received_at: Timestamp,
) -> Option<(NewEvent, Vec<NewRun>, Seen)> {
    let nothing = Seen { event: Value::Missing, trigger: Value::Missing };
    let mut event = NewEvent {
        connection: endpoint.connection.clone(),
        provider_id: String::new(),
        kind: String::new(),
        same: Hash::ANY,
        body: bytes.to_vec(),
        delivery: delivery_facts(&headers, None),
        own: false,
        received_at,
        problem: None,
        subjects: vec![],
    };
    let body = match json::parse(bytes) {
        Ok(body) => body,
        Err(error) => {
            event.problem = Some(format!("the body is not JSON: {error}"));
            return Some((known_by_its_body(event, bytes), vec![], nothing));
        }
    };
    let told = told(endpoint, &body);
    let decoder = told.as_ref().and_then(|told| told.decoder);
    let seen = privacy::apply(&endpoint.privacy, &mut event, &body, decoder);
    let Some(Told { group, kind, id, .. }) = told else {
        event.problem = Some(format!("the body is no event of {} as the catalogue knows them", endpoint.system.title));
        return Some((known_by_its_body(event, bytes), vec![], nothing));
    };
    // Parts of names: F&O puts the company's own in front.
    if group.ignore.iter().any(|part| kind.contains(part.as_str())) {
        return None;
    }
    event.provider_id = id;
    event.kind = kind;
    event.own = is_own(endpoint, group, &body);
    event.same = what_must_be_equal(group, &body).unwrap_or_else(|| Hash::of(bytes));
    if let Some(problem) = wrong_mode(endpoint, group, &body) {
        event.problem = Some(problem);
        return Some((event, vec![], nothing));
    }
    let trigger = trigger_facts(&event, headers);
    let wanted = |flow: &&Arc<ExecutionGraph>| {
        listens(&flow.trigger, &endpoint.connection, group, &event.kind) && flow.trigger.kind.concerns(&seen)
    };
    let runs = flows.iter().filter(wanted);
    let runs = runs.map(|flow| door::ask(flow, &seen, &trigger, &event.provider_id, event.own)).collect();
    // As it is kept, and not as the flow's trigger reads it.
    let kept = match decoder {
        Some(_) => json::parse(&event.body).unwrap_or(Value::Missing),
        None => seen,
    };
    Some((event, runs, Seen { event: kept, trigger }))
}

/// An event whose own id cannot be read.
fn known_by_its_body(mut event: NewEvent, bytes: &[u8]) -> NewEvent {
    event.same = Hash::of(bytes);
    event.provider_id = format!("body {}", event.same);
    event
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

/// The event repeats an idempotency key that this project has sent, or names the user that we are.
fn is_own(endpoint: &Endpoint, group: &EventGroup, body: &Value) -> bool {
    match &group.own {
        Own::Unknown => false,
        Own::IdempotencyKey(place) => text_at(place, body).is_some_and(|key| key.starts_with(&endpoint.own_prefix)),
        Own::User { place, key } => {
            let ours = endpoint.own_users.get(key);
            let bare = |id: &str| id.trim_matches(['{', '}']).to_ascii_lowercase();
            ours.zip(text_at(place, body)).is_some_and(|(ours, named)| bare(ours) == bare(&named))
        }
    }
}

/// The trigger subscribes to it, under whichever of the event's names.
fn listens(trigger: &Trigger, connection: &str, group: &EventGroup, kind: &str) -> bool {
    let TriggerKind::Webhook { connection: wanted, events, .. } = &trigger.kind else { return false };
    let name = |name| group.event(name).map_or(name, |(known, _)| known);
    wanted.as_str() == connection && events.iter().any(|event| name(event.as_str()) == name(kind))
}

/// The group whose event this is, with its kind and id.
struct Told<'e> {
    group: &'e EventGroup,
    decoder: Option<&'e Decoder>,
    kind: String,
    id: String,
}

fn told<'e>(endpoint: &'e Endpoint, body: &Value) -> Option<Told<'e>> {
    endpoint.system.events.iter().find_map(|(name, group)| {
        let only = group.only.iter().all(|(place, wanted)| text_at(place, body).as_ref() == Some(wanted));
        let decoder = endpoint.decoders.get(name);
        let rows = decoder.filter(|decoder| decoder.tells_of_rows());
        if let (Some(_), Some(id)) = (rows, listed_id(body)) {
            return Some(Told { group, decoder, kind: row_kind(body)?, id });
        }
        let kind = match (rows, &group.always) {
            (Some(decoder), _) => decoder.event(body).and_then(|event| row_kind(&event))?,
            (None, Some(name)) => name.clone(),
            (None, None) => text_at(group.matches.as_ref()?, body)?,
        };
        let mut ids: Vec<String> = group.id.iter().map(|place| text_at(place, body)).collect::<Option<_>>()?;
        if let Some(path) = &endpoint.event_id {
            ids.push(path.find(body).and_then(plain)?);
        }
        let id = ids.join("/");
        (only && !id.is_empty()).then_some(Told { group, decoder, kind, id })
    })
}

/// Where a listed row's event carries what no event of the provider has: its own id, and when it was.
pub const LISTED: &str = "listed";

fn listed_id(body: &Value) -> Option<String> {
    Some(body.get(LISTED).get("id").as_text()?.to_string())
}

/// `salesorders.Update`, of an event that tells of a row.
pub fn row_kind(event: &Value) -> Option<String> {
    Some(format!("{}.{}", event.get("entity").as_text()?, event.get("message").as_text()?))
}

fn text_at(place: &Place, body: &Value) -> Option<String> {
    place.in_body(body).and_then(plain)
}

fn plain(value: &Value) -> Option<String> {
    match value {
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
/// `secret`: the one in which the webhook expects its own.
pub fn kept_headers(headers: &[(String, String)], secret: Option<&str>) -> Record {
    let mut kept = Record::new();
    let proves = |name: &str| Some(name) == secret || PROOFS.iter().any(|part| name.contains(part));
    for (name, value) in headers.iter().filter(|(name, _)| !proves(name)) {
        let value = match kept.get(name) {
            Some(Value::Text(before)) => format!("{before}, {value}"),
            _ => value.clone(),
        };
        kept.set(name.as_str().into(), value.into());
    }
    kept
}

/// What the store keeps of a delivery beside its body: `door::trigger` reads it again. `asked`: the connection that a
/// flow asked for the event.
pub fn delivery_facts(headers: &Record, asked: Option<&str>) -> String {
    let mut facts = Record::from_iter([("headers".into(), headers.clone().into())]);
    if let Some(connection) = asked {
        facts.set("connection".into(), connection.into());
    }
    // Texts can always be written.
    json::write(&Value::Record(facts)).unwrap_or_else(|_| "{}".into())
}

/// `trigger` in the flow's slots at the door: what `door::trigger` makes of the kept event later.
pub fn trigger_facts(event: &NewEvent, headers: Record) -> Value {
    let connection = Value::from(event.connection.as_str());
    door::delivered(&event.provider_id, &event.kind, event.received_at, headers.into(), connection, event.own)
}

/// An event that a flow asked for itself, with its run. `asked`: the connection that was asked.
pub fn asked_for(
    graph: &ExecutionGraph,
    privacy: &Privacy,
    asked: Option<&str>,
    id: String,
    body: &Value,
    at: Timestamp,
) -> Result<(NewEvent, Vec<NewRun>), json::WriteError> {
    let kind = &graph.trigger.kind;
    let mut event = NewEvent {
        connection: door::inbox(kind, &graph.flow),
        provider_id: id,
        kind: kind.word().to_owned(),
        same: Hash::ANY,
        body: json::write(body)?.into_bytes(),
        delivery: delivery_facts(&Record::new(), asked),
        own: false,
        received_at: at,
        problem: None,
        subjects: vec![],
    };
    let seen = privacy::apply(privacy, &mut event, body, None);
    let connection = asked.map_or(Value::Missing, Value::from);
    let trigger = door::delivered(&event.provider_id, &event.kind, at, Record::new().into(), connection, event.own);
    let run = door::ask(graph, &seen, &trigger, &event.provider_id, event.own);
    Ok((event, vec![run]))
}

/// When an event of a provider happened, where it says so.
pub fn happened(endpoint: &Endpoint, body: &Value) -> Option<Timestamp> {
    if let Some(at) = body.get(LISTED).get("at").as_text() {
        return time::parse_time(at);
    }
    let told = told(endpoint, body)?;
    match told.group.created.as_ref()?.in_body(body)? {
        Value::Number(seconds) => Timestamp::from_second(seconds.exact().ok()?.to_i64()?).ok(),
        Value::Text(text) => time::parse_time(text),
        _ => None,
    }
}
