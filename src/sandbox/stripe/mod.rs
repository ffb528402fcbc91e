//! The stand-in of Stripe: `/v1` with bearer keys, form bodies held to the payload types, stored idempotent answers,
//! lists with cursors, searches, expansion, and events of whatever changes.
//!
//! Idempotency as documented: the first answer is stored once the work has begun and replayed with
//! `Idempotent-Replayed: true`; the same key with other parameters is 400 `idempotency_error`. Validation failures are
//! not stored. Objects have the shape of the newest API version. Fields whose name begins with `#` are the stand-in's own.

mod form;
mod kinds;
mod lists;
mod money;
mod writes;

use super::faults::Faults;
use super::server::{Call, Reply, Standin};
use super::webhooks::{Delivery, Habits, Outbox, signed};
use crate::catalog::Catalog;
use crate::language::types::{Type, TypeSource};
use crate::value::{Record, Text, Value, json};
use kinds::{KINDS, Kind, of_object, of_segment};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

/// The API version in which it writes.
const API_VERSION: &str = "2026-10-28.endive";
/// The account that it is.
const ACCOUNT: &str = "acct_sandbox";

/// Stripe on loopback.
pub struct Stripe {
    api_key: String,
    known: Known,
    state: Mutex<State>,
    faults: Faults,
    outbox: Outbox,
}

/// What the catalogue says of Stripe.
struct Known {
    types: BTreeMap<&'static str, Type>,
    /// Payload types of whole objects, by what they call themselves.
    objects: BTreeMap<&'static str, Type>,
    events: BTreeSet<String>,
}

/// Everything that it keeps.
#[derive(Default)]
struct State {
    /// Oldest first, by their path segment: `charges`, `customers`, `events`.
    objects: BTreeMap<String, Vec<Record>>,
    /// Idempotency key → what was asked and what was answered.
    answers: BTreeMap<String, (String, Reply)>,
    /// Deliveries of events, to be handed over.
    out: Vec<Delivery>,
}

/// The request that caused a change.
struct Origin {
    request: String,
    key: Option<String>,
}

/// Why a request is not done, in Stripe's words.
#[derive(Debug)]
struct Refusal {
    status: u16,
    code: &'static str,
    param: String,
    message: String,
}

impl Stripe {
    /// An empty account with this secret key.
    pub fn new(api_key: impl Into<String>, catalog: &Catalog, types: &dyn TypeSource) -> Stripe {
        let params = KINDS.iter().flat_map(|kind| [kind.create, kind.update]).flatten();
        let objects =
            KINDS.iter().filter_map(|kind| Some((kind.object, types.payload(&format!("stripe.{}", kind.object))?)));
        let groups = catalog.system("stripe").into_iter().flat_map(|system| system.events.values());
        let known = Known {
            types: params.filter_map(|name| Some((name, types.payload(name)?))).collect(),
            objects: objects.collect(),
            events: groups.flat_map(|group| group.types.keys().cloned()).collect(),
        };
        let (api_key, state, faults) = (api_key.into(), Mutex::default(), Faults::default());
        Stripe { api_key, known, state, faults, outbox: Outbox::default() }
    }

    /// Keeps an object (a JSON text with `object` and `id`), so that it can be read back; one with its id is replaced. A
    /// balance transaction may say of which `payout` it is.
    pub fn insert(&self, object: &str) -> Result<(), String> {
        let Ok(Value::Record(mut record)) = json::parse(object.as_bytes()) else {
            return Err("not a JSON object".into());
        };
        let kind = text_of(&record, "object").to_string();
        let kind = of_object(&kind).ok_or(format!("unknown object '{kind}'"))?;
        if kind.object == "balance_transaction"
            && let Some(payout) = record.remove("payout")
        {
            record.set("#payout".into(), payout);
        }
        self.lock().put(kind, record);
        Ok(())
    }

    /// Forgets the answers stored for idempotency keys, as when more time has passed than they are remembered.
    pub fn forget_keys(&self) {
        self.lock().answers.clear();
    }

    /// All objects of a kind (`charges`), oldest first.
    pub fn objects(&self, segment: &str) -> Vec<Record> {
        self.lock().all(segment).iter().map(shown).collect()
    }

    /// Registers an endpoint for all events, as the dashboard does.
    pub fn listens(&self, url: &str, secret: &str) {
        let endpoint = serde_json::json!({
            "id": new_id("we_"), "object": "webhook_endpoint", "api_version": API_VERSION, "application": null, "created": now(),
            "description": null, "enabled_events": ["*"], "livemode": false, "metadata": {}, "status": "enabled", "url": url,
            "#secret": secret,
        });
        let mut state = self.lock();
        if let (Some(kind), false) = (
            of_segment("webhook_endpoints"),
            state.all("webhook_endpoints").iter().any(|known| text_of(known, "url") == url),
        ) {
            state.put(kind, writes::record(&endpoint.to_string()));
        }
    }

    /// Hands over what is to be delivered.
    fn tell(&self) {
        let out = std::mem::take(&mut self.lock().out);
        out.into_iter().for_each(|delivery| self.outbox.push(delivery));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn respond(&self, call: &Call, request: &str) -> Result<Reply, Refusal> {
        let segments: Vec<&str> = call.path.trim_start_matches('/').split('/').collect();
        let unknown = || Refusal {
            status: 404,
            ..invalid("", &format!("Unrecognized request URL ({}: {}).", call.method, call.path))
        };
        let (segment, rest) = match segments.as_slice() {
            ["v1", segment, rest @ ..] => (*segment, rest),
            _ => return Err(unknown()),
        };
        let kind = of_segment(segment).ok_or_else(unknown)?;
        match (call.method.as_str(), rest) {
            ("GET", []) => Ok(ok(&self.lock().list(kind, call)?)),
            ("GET", ["search"]) if !kind.search.is_empty() => Ok(ok(&self.lock().search(kind, call)?)),
            ("GET", [id]) => Ok(ok(&self.lock().one(kind, id, call)?)),
            ("GET", [id, "lines"]) if kind.object == "invoice" => {
                let invoice = self.lock().one(kind, id, call)?;
                match invoice.get("lines") {
                    Some(Value::Record(lines)) => Ok(ok(lines)),
                    _ => Err(unknown()),
                }
            }
            ("POST", [] | [_]) => self.post(call, kind, rest.first().copied(), request),
            ("DELETE", [id]) if kind.delete => {
                let origin = Origin { request: request.to_string(), key: None };
                let gone = self.lock().delete(&self.known, kind, id, &origin)?;
                Ok(ok(&gone))
            }
            _ => Err(unknown()),
        }
    }

    fn post(&self, call: &Call, kind: &Kind, id: Option<&str>, request: &str) -> Result<Reply, Refusal> {
        if !call.body.is_empty() && !call.header("content-type").starts_with("application/x-www-form-urlencoded") {
            return Err(invalid("", "The body has to be application/x-www-form-urlencoded."));
        }
        let key = call.header("idempotency-key").to_string();
        if key.len() > 255 {
            return Ok(error(400, "idempotency_error", "", "", "Idempotency keys are at most 255 characters long."));
        }
        let asked = asked(call);
        let mut state = self.lock();
        if let Some((first, answer)) = state.answers.get(&key).filter(|_| !key.is_empty()) {
            if *first != asked {
                let why =
                    "Keys for idempotent requests can only be used with the same parameters they were first used with.";
                return Ok(error(400, "idempotency_error", "", "", why));
            }
            return Ok(answer.clone().with("Idempotent-Replayed", "true"));
        }
        let mut form = form::Form::read(&call.body)?;
        form.take_expand();
        let origin = Origin { request: request.to_string(), key: Some(key.clone()).filter(|key| !key.is_empty()) };
        let object = match id {
            None => state.create(&self.known, kind, &form, &origin)?,
            Some(id) => state.update(&self.known, kind, id, &form, &origin)?,
        };
        let answer = ok(&object);
        if !key.is_empty() {
            state.answers.insert(key, (asked, answer.clone()));
        }
        Ok(answer)
    }
}

impl State {
    fn all(&self, segment: &str) -> &[Record] {
        self.objects.get(segment).map(Vec::as_slice).unwrap_or_default()
    }

    fn find(&self, segment: &str, id: &str) -> Option<&Record> {
        self.all(segment).iter().find(|object| id_of(object) == id)
    }

    /// The object of whatever kind with that id.
    fn by_id(&self, id: &str) -> Option<&Record> {
        self.objects.values().flatten().find(|object| id_of(object) == id)
    }

    /// Keeps an object; one with its id is replaced where it stands.
    fn put(&mut self, kind: &Kind, object: Record) {
        let objects = self.objects.entry(kind.segment.to_string()).or_default();
        match objects.iter().position(|known| id_of(known) == id_of(&object)) {
            Some(place) => objects[place] = object,
            None => objects.push(object),
        }
    }

    /// Something happened to an object, where Stripe has an event for it.
    fn happened(
        &mut self,
        known: &Known,
        name: &str,
        object: &Record,
        before: Option<Record>,
        origin: Option<&Origin>,
    ) {
        if !known.events.contains(name) {
            return;
        }
        let mut data = Record::new();
        data.set("object".into(), Value::Record(shown(object)));
        if let Some(before) = before {
            data.set("previous_attributes".into(), Value::Record(before));
        }
        let request = origin.map_or(Value::Null, |origin| {
            let key = origin.key.as_deref().map_or(Value::Null, Value::from);
            let fields = [("id", Value::from(origin.request.as_str())), ("idempotency_key", key)];
            Value::Record(fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect())
        });
        let fields = [
            ("id", Value::from(new_id("evt_"))),
            ("object", Value::from("event")),
            ("api_version", Value::from(API_VERSION)),
            ("created", Value::from(now())),
            ("data", Value::Record(data)),
            ("livemode", Value::Bool(false)),
            ("pending_webhooks", Value::from(1)),
            ("request", request),
            ("type", Value::from(name)),
        ];
        let event: Record = fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect();
        let body = bytes::Bytes::from(written(&event));
        let endpoints = self.all("webhook_endpoints").iter().filter(|endpoint| {
            let wanted = endpoint.get("enabled_events").and_then(Value::as_list).unwrap_or_default();
            let wants = |wanted: &Value| {
                wanted.as_text().is_some_and(|wanted| wanted.as_str() == "*" || wanted.as_str() == name)
            };
            text_of(endpoint, "status") == "enabled" && wanted.iter().any(wants)
        });
        let out = endpoints.map(|endpoint| {
            let (url, secret) = (text_of(endpoint, "url").to_string(), text_of(endpoint, "#secret").to_string());
            Delivery { event: name.to_string(), url, body: body.clone(), headers: signed(secret) }
        });
        let out: Vec<Delivery> = out.collect();
        self.out.extend(out);
        self.objects.entry("events".to_string()).or_default().push(event);
    }
}

impl Standin for Stripe {
    fn answer(&self, call: &Call) -> Reply {
        let request = new_id("req_");
        let account = call.header("stripe-account");
        let answer = if call.header("authorization") != format!("Bearer {}", self.api_key) {
            Err(Refusal { status: 401, ..invalid("", "Invalid API Key provided.") })
        } else if !account.is_empty() && account != ACCOUNT {
            let why = format!(
                "The provided key does not have access to account '{account}' (or that account does not exist)."
            );
            Err(Refusal { status: 403, code: "account_invalid", ..invalid("", &why) })
        } else {
            self.respond(call, &request)
        };
        self.tell();
        let reply = answer.unwrap_or_else(|refusal| {
            let Refusal { status, code, param, message } = refusal;
            error(status, "invalid_request_error", code, &param, &message)
        });
        reply.with("Request-Id", request)
    }

    fn fault(&self, status: u16) -> Reply {
        match status {
            429 => error(429, "invalid_request_error", "rate_limit", "", "Request rate limit exceeded."),
            status => {
                error(status, "api_error", "", "", "Sorry! There was an error while talking to one of our backends.")
            }
        }
    }

    fn stored_fault(&self, call: &Call, status: u16) -> Reply {
        let (key, answer) = (call.header("idempotency-key").to_string(), self.fault(status));
        self.lock().answers.insert(key, (asked(call), answer.clone()));
        answer
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn inspect(&self, what: &str) -> Option<Vec<Record>> {
        of_segment(what).map(|kind| self.objects(kind.segment))
    }

    fn kinds(&self) -> Vec<String> {
        KINDS.iter().map(|kind| kind.segment.to_string()).collect()
    }

    fn actions(&self) -> &'static [(&'static str, &'static str)] {
        money::ACTIONS
    }

    fn act(&self, what: &str, with: &Record) -> Option<Result<Record, String>> {
        let done = self.lock().act(&self.known, what, with);
        self.tell();
        done
    }

    fn snapshot(&self) -> Option<Value> {
        let state = self.lock();
        let objects = state.objects.iter().map(|(segment, objects)| {
            let rows = objects.iter().map(|object| Value::Record(object.clone())).collect::<Vec<_>>();
            (Text::from(segment.as_str()), Value::from(rows))
        });
        let answers = state.answers.iter().map(|(key, (asked, reply))| {
            let fields = [
                ("asked", Value::from(asked.as_str())),
                ("status", Value::from(i64::from(reply.status))),
                ("body", Value::from(reply.body.as_str())),
            ];
            let fields = fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect();
            (Text::from(key.as_str()), Value::Record(fields))
        });
        let whole = [("objects", Value::Record(objects.collect())), ("answers", Value::Record(answers.collect()))];
        Some(Value::Record(whole.into_iter().map(|(name, value)| (Text::from(name), value)).collect()))
    }

    fn restore(&self, snapshot: &Value) {
        let mut state = self.lock();
        for (segment, rows) in snapshot.get("objects").as_record().into_iter().flat_map(Record::iter) {
            let rows = rows.as_list().unwrap_or_default().iter().filter_map(|row| row.as_record().cloned());
            state.objects.insert(segment.to_string(), rows.collect());
        }
        for (key, kept) in snapshot.get("answers").as_record().into_iter().flat_map(Record::iter) {
            let text = |name: &str| kept.get(name).as_text().map(|text| text.to_string()).unwrap_or_default();
            let status = kept.get("status").as_number().and_then(|n| n.small()).and_then(|n| u16::try_from(n).ok());
            let reply = Reply::json(status.unwrap_or(200), text("body"));
            state.answers.insert(key.to_string(), (text("asked"), reply));
        }
    }

    fn outbox(&self) -> Option<(&Outbox, Habits)> {
        // For three days with growing pauses; here as often, and sooner.
        let pauses = [1, 2, 4, 8, 15, 30, 60, 120].map(Duration::from_secs).to_vec();
        Some((&self.outbox, Habits { pauses, again: |_| true }))
    }
}

/// What a request asked for, as far as its key must stand for the same.
fn asked(call: &Call) -> String {
    format!("{} {}", call.path, String::from_utf8_lossy(&call.body))
}

fn ok(object: &Record) -> Reply {
    Reply::json(200, written(&shown(object)))
}

fn error(status: u16, kind: &str, code: &str, param: &str, message: &str) -> Reply {
    let mut inner = Record::new();
    inner.set("type".into(), Value::Text(Text::from(kind)));
    for (name, value) in [("code", code), ("param", param)] {
        if !value.is_empty() {
            inner.set(Text::from(name), Value::Text(Text::from(value)));
        }
    }
    inner.set("message".into(), Value::Text(Text::from(message)));
    let mut body = Record::new();
    body.set("error".into(), Value::Record(inner));
    Reply::json(status, written(&body))
}

fn invalid(param: &str, message: &str) -> Refusal {
    Refusal { status: 400, code: "", param: param.to_string(), message: message.to_string() }
}

fn missing(object: &str, id: &str) -> Refusal {
    Refusal { status: 404, code: "resource_missing", ..invalid("id", &format!("No such {object}: '{id}'")) }
}

fn written(record: &Record) -> String {
    json::write(&Value::Record(record.clone())).unwrap_or_else(|_| "{}".into())
}

/// An object without what is only the stand-in's.
fn shown(object: &Record) -> Record {
    object
        .iter()
        .filter(|(name, _)| !name.starts_with('#'))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn text_of<'r>(object: &'r Record, name: &str) -> &'r str {
    object.get(name).and_then(Value::as_text).map_or("", Text::as_str)
}

fn id_of(object: &Record) -> &str {
    text_of(object, "id")
}

fn new_id(prefix: &str) -> String {
    format!("{prefix}{}", uuid::Uuid::new_v4().simple())
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
