//! The stand-in of Stripe: `/v1` with bearer keys, form bodies, stored idempotent answers, lists with cursors.
//!
//! Idempotency as documented: the first answer is stored once the work has begun and replayed with
//! `Idempotent-Replayed: true`; the same key with other parameters is 400 `idempotency_error`. Validation failures are
//! not stored.

use super::faults::Faults;
use super::server::{Call, Reply, Standin};
use crate::value::{Number, Record, Text, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Stripe on loopback.
pub struct Stripe {
    api_key: String,
    state: Mutex<State>,
    faults: Faults,
}

#[derive(Default)]
struct State {
    /// Newest last. Kinds by their path segment: `charges`, `customers`, `events`.
    objects: BTreeMap<String, Vec<Record>>,
    /// Idempotency key → what was asked and what was answered.
    answers: BTreeMap<String, (String, Reply)>,
}

/// The kinds it keeps: path segment and `object`.
const KINDS: &[(&str, &str)] = &[
    ("charges", "charge"),
    ("customers", "customer"),
    ("payment_intents", "payment_intent"),
    ("balance_transactions", "balance_transaction"),
    ("events", "event"),
];

impl Stripe {
    /// An empty account with this secret key.
    pub fn new(api_key: impl Into<String>) -> Stripe {
        Stripe { api_key: api_key.into(), state: Mutex::default(), faults: Faults::default() }
    }

    /// Keeps an object (a JSON text with `object` and `id`), so that it can be read back; one with its id is replaced.
    pub fn insert(&self, object: &str) -> Result<(), String> {
        let Ok(Value::Record(record)) = json::parse(object.as_bytes()) else { return Err("not a JSON object".into()) };
        let kind = record.get("object").and_then(Value::as_text).map(|t| t.to_string()).unwrap_or_default();
        let (segment, _) = KINDS.iter().find(|(_, name)| *name == kind).ok_or(format!("unknown object '{kind}'"))?;
        let mut state = self.lock();
        let objects = state.objects.entry(segment.to_string()).or_default();
        objects.retain(|object| !has_id(object, &text_of(&record, "id")));
        objects.push(record);
        Ok(())
    }

    /// Forgets the answers stored for idempotency keys, as when more time has passed than they are remembered.
    pub fn forget_keys(&self) {
        self.lock().answers.clear();
    }

    /// All objects of a kind (`charges`), oldest first.
    pub fn objects(&self, segment: &str) -> Vec<Record> {
        self.lock().objects.get(segment).cloned().unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn get(&self, call: &Call, segment: &str, id: Option<&str>) -> Reply {
        let state = self.lock();
        let all = state.objects.get(segment).map(Vec::as_slice).unwrap_or_default();
        if let Some(id) = id {
            let kind = KINDS.iter().find(|(s, _)| *s == segment).map(|(_, name)| *name).unwrap_or_default();
            return match all.iter().find(|object| has_id(object, id)) {
                Some(object) => Reply::json(200, written(object)),
                None => error(404, "invalid_request_error", "resource_missing", &format!("No such {kind}: '{id}'")),
            };
        }
        let limit = match call.parameter("limit").map(str::parse::<usize>) {
            None => 10,
            Some(Ok(limit)) if (1..=100).contains(&limit) => limit,
            Some(_) => {
                return error(400, "invalid_request_error", "parameter_invalid_integer", "Invalid integer: limit");
            }
        };
        let mut newest: Vec<&Record> = all.iter().rev().collect();
        for (name, value) in &call.query {
            match name.as_str() {
                "limit" | "starting_after" => {}
                name if name.starts_with("expand[") => {}
                "created[gte]" => {
                    newest.retain(|o| created(o).is_some_and(|c| value.parse::<i64>().is_ok_and(|v| c >= v)))
                }
                "created[lt]" => {
                    newest.retain(|o| created(o).is_some_and(|c| value.parse::<i64>().is_ok_and(|v| c < v)))
                }
                name if name.starts_with("types[") => {
                    let types: Vec<&String> =
                        call.query.iter().filter(|(n, _)| n.starts_with("types[")).map(|(_, v)| v).collect();
                    newest.retain(|o| types.iter().any(|t| text_of(o, "type") == **t));
                }
                "customer" | "charge" | "payout" | "type" => newest.retain(|o| text_of(o, name) == *value),
                other => {
                    let why = format!("Received unknown parameter: {other}");
                    return error(400, "invalid_request_error", "parameter_unknown", &why);
                }
            }
        }
        if let Some(after) = call.parameter("starting_after") {
            match newest.iter().position(|o| has_id(o, after)) {
                Some(place) => drop(newest.drain(..=place)),
                None => {
                    return error(
                        400,
                        "invalid_request_error",
                        "resource_missing",
                        &format!("No such object: '{after}'"),
                    );
                }
            }
        }
        let more = newest.len() > limit;
        let data = newest.into_iter().take(limit).map(|o| Value::Record(o.clone())).collect();
        let mut list = Record::new();
        list.set("object".into(), Value::Text("list".into()));
        list.set("data".into(), Value::List(Arc::new(data)));
        list.set("has_more".into(), Value::Bool(more));
        list.set("url".into(), Value::Text(Text::from(call.path.as_str())));
        Reply::json(200, written(&list))
    }

    fn post(&self, call: &Call, segment: &str, id: Option<&str>) -> Reply {
        if !call.header("content-type").starts_with("application/x-www-form-urlencoded") {
            return error(400, "invalid_request_error", "", "The body has to be application/x-www-form-urlencoded.");
        }
        let key = call.header("idempotency-key").to_string();
        if key.len() > 255 {
            return error(400, "idempotency_error", "", "Idempotency keys are at most 255 characters long.");
        }
        let asked = format!("{} {}", call.path, String::from_utf8_lossy(&call.body));
        let mut state = self.lock();
        if let Some((first, answer)) = state.answers.get(&key).filter(|_| !key.is_empty()) {
            if *first != asked {
                let why =
                    "Keys for idempotent requests can only be used with the same parameters they were first used with.";
                return error(400, "idempotency_error", "", why);
            }
            return answer.clone().with("Idempotent-Replayed", "true");
        }
        let form: Vec<(String, String)> = url::form_urlencoded::parse(&call.body).into_owned().collect();
        let Some(id) = id else { return error(404, "invalid_request_error", "", "Unrecognized request URL.") };
        let objects = state.objects.entry(segment.to_string()).or_default();
        let Some(object) = objects.iter_mut().find(|object| has_id(object, id)) else {
            return error(404, "invalid_request_error", "resource_missing", &format!("No such object: '{id}'"));
        };
        let mut changed = object.clone();
        for (name, value) in &form {
            let metadata = name.strip_prefix("metadata[").and_then(|rest| rest.strip_suffix(']'));
            if let Some(key) = metadata {
                if key.is_empty() || key.len() > 40 || value.len() > 500 {
                    return error(
                        400,
                        "invalid_request_error",
                        "",
                        "Metadata keys are at most 40, values at most 500 characters.",
                    );
                }
                let mut all = changed.get("metadata").and_then(|v| v.as_record().cloned()).unwrap_or_default();
                if value.is_empty() {
                    all.remove(key);
                } else {
                    all.set(Text::from(key), Value::Text(Text::from(value.as_str())));
                }
                changed.set("metadata".into(), Value::Record(all));
            } else if ["description", "email", "name", "phone"].contains(&name.as_str()) {
                changed.set(Text::from(name.as_str()), Value::Text(Text::from(value.as_str())));
            } else {
                return error(
                    400,
                    "invalid_request_error",
                    "parameter_unknown",
                    &format!("Received unknown parameter: {name}"),
                );
            }
        }
        *object = changed.clone();
        let answer = Reply::json(200, written(&changed));
        if !key.is_empty() {
            state.answers.insert(key, (asked, answer.clone()));
        }
        answer
    }
}

impl Standin for Stripe {
    fn answer(&self, call: &Call) -> Reply {
        let request_id = format!("req_{}", uuid::Uuid::new_v4().simple());
        if call.header("authorization") != format!("Bearer {}", self.api_key) {
            return error(401, "invalid_request_error", "", "Invalid API Key provided.").with("Request-Id", request_id);
        }
        let mut segments = call.path.trim_start_matches('/').split('/');
        let (version, segment, id, rest) = (segments.next(), segments.next(), segments.next(), segments.next());
        let known = segment.filter(|segment| KINDS.iter().any(|(kind, _)| kind == segment));
        let reply = match (version, known, rest, call.method.as_str()) {
            (Some("v1"), Some(segment), None, "GET") => self.get(call, segment, id),
            (Some("v1"), Some(segment), None, "POST") => self.post(call, segment, id),
            _ => error(
                404,
                "invalid_request_error",
                "",
                &format!("Unrecognized request URL ({}: {}).", call.method, call.path),
            ),
        };
        reply.with("Request-Id", request_id)
    }

    fn fault(&self, status: u16) -> Reply {
        match status {
            429 => error(429, "invalid_request_error", "rate_limit", "Request rate limit exceeded."),
            status => error(status, "api_error", "", "Sorry! There was an error while talking to one of our backends."),
        }
    }

    fn stored_fault(&self, call: &Call, status: u16) -> Reply {
        let (key, answer) = (call.header("idempotency-key").to_string(), self.fault(status));
        let asked = format!("{} {}", call.path, String::from_utf8_lossy(&call.body));
        self.lock().answers.insert(key, (asked, answer.clone()));
        answer
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn inspect(&self, what: &str) -> Option<Vec<Record>> {
        KINDS.iter().any(|(segment, _)| *segment == what).then(|| self.objects(what))
    }
}

fn error(status: u16, kind: &str, code: &str, message: &str) -> Reply {
    let mut inner = Record::new();
    inner.set("type".into(), Value::Text(Text::from(kind)));
    if !code.is_empty() {
        inner.set("code".into(), Value::Text(Text::from(code)));
    }
    inner.set("message".into(), Value::Text(Text::from(message)));
    let mut body = Record::new();
    body.set("error".into(), Value::Record(inner));
    Reply::json(status, written(&body))
}

fn written(record: &Record) -> String {
    json::write(&Value::Record(record.clone())).unwrap_or_else(|_| "{}".into())
}

fn text_of(object: &Record, name: &str) -> String {
    object.get(name).and_then(Value::as_text).map(|t| t.to_string()).unwrap_or_default()
}

fn has_id(object: &Record, id: &str) -> bool {
    text_of(object, "id") == id
}

fn created(object: &Record) -> Option<i64> {
    object.get("created").and_then(Value::as_number).and_then(|n: &Number| n.exact().ok()).and_then(|e| e.to_i64())
}
