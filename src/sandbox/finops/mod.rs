//! The stand-in of Dynamics 365 Finance & Operations: token endpoint and `/data`, strict like the real one.
//!
//! It checks tokens, keys, required fields, types, lengths and option sets against the payload types, refuses what the
//! real one refuses (PATCH on an absent key is 404, `in` and lambdas in `$filter` are 400), numbers its own orders and
//! customers, and stores texts that were not given as `""`, dates as 1900-01-01. It has no idempotency. What is posted
//! (by people, or by a custom service) is told as a business event, where an endpoint is set up.

mod column;
mod key;
mod ledger;
mod list;
mod refusal;
mod write;

use super::batch;
use super::faults::Faults;
use super::server::{Call, Reply, Standin};
use super::webhooks::{Delivery, Habits, Outbox};
use crate::language::types::RecordType;
use crate::value::{Record, Text, Value, json};
use key::read_key;
use list::select;
use refusal::{Refusal, bad, not_found};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// What the stand-in is set up with.
pub struct Settings {
    pub client_id: String,
    pub client_secret: String,
    pub tenant: String,
    /// The companies that exist.
    pub companies: Vec<String>,
    /// Rows a page holds before a next link is given. The real one has 10,000.
    pub page: usize,
}

/// An entity: its key, what a new row must have, what is numbered when left out.
pub struct Entity {
    pub name: String,
    pub key: Vec<String>,
    pub required: Vec<String>,
    /// Key column and the prefix of its number sequence.
    pub assigned: Vec<(String, String)>,
    /// What columns hold in a new row when nothing is given for them.
    pub defaults: Vec<(String, String)>,
    /// Column → entity and column in which its value must exist.
    pub references: Vec<(String, String, String)>,
    pub row: Arc<RecordType>,
}

/// Finance & Operations on loopback.
pub struct Finops {
    settings: Settings,
    entities: BTreeMap<String, Entity>,
    state: Mutex<State>,
    /// Held alone by a change set: nobody sees half of it.
    turn: RwLock<()>,
    faults: Faults,
    outbox: Outbox,
    url: std::sync::OnceLock<String>,
}

#[derive(Clone, Default)]
struct State {
    rows: BTreeMap<String, Vec<Record>>,
    sequences: BTreeMap<String, u64>,
    tokens: Vec<String>,
    changes: u64,
    /// Where business events go.
    endpoints: Vec<String>,
}

impl Finops {
    /// An empty system with these entities.
    pub fn new(settings: Settings, entities: Vec<Entity>) -> Finops {
        let entities = entities.into_iter().map(|entity| (entity.name.clone(), entity)).collect();
        let turn = RwLock::default();
        let (state, faults, outbox) = (Mutex::default(), Faults::default(), Outbox::default());
        Finops { settings, entities, state, turn, faults, outbox, url: Default::default() }
    }

    /// The address it is served at, for `@odata.context` and the token's audience.
    pub fn served_at(&self, url: String) {
        let _ = self.url.set(url);
    }

    /// All rows of an entity, in the order in which they were written.
    pub fn rows(&self, entity: &str) -> Vec<Record> {
        self.lock().rows.get(entity).cloned().unwrap_or_default()
    }

    /// Puts a row there as an administrator would: checked like any other.
    pub fn insert(&self, entity: &str, row: &str) -> Result<Record, String> {
        let row = match json::parse(row.as_bytes()) {
            Ok(Value::Record(row)) => row,
            _ => return Err("not a JSON object".into()),
        };
        self.create(entity, &row).map_err(|refusal| refusal.message)
    }

    /// Forgets all tokens, as an expired or revoked secret would.
    pub fn forget_tokens(&self) {
        self.lock().tokens.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn base(&self) -> &str {
        self.url.get().map(String::as_str).unwrap_or_default()
    }

    /// `POST /TENANT/oauth2/v2.0/token`, as Microsoft Entra ID answers it.
    fn token(&self, call: &Call) -> Reply {
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(&call.body).into_owned().collect();
        let has = |name: &str, value: &str| form.get(name).is_some_and(|v| v == value);
        let error =
            |code: &str, why: &str| Reply::json(401, format!(r#"{{"error":"{code}","error_description":"{why}"}}"#));
        if call.method != "POST" || !has("grant_type", "client_credentials") {
            return error("unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type.");
        }
        if !has("client_id", &self.settings.client_id) {
            return error("unauthorized_client", "AADSTS700016: Application was not found in the directory.");
        }
        if !has("client_secret", &self.settings.client_secret) {
            return error("invalid_client", "AADSTS7000215: Invalid client secret provided.");
        }
        if !has("scope", &format!("{}/.default", self.base())) {
            return error("invalid_scope", "AADSTS500011: The resource principal was not found in the tenant.");
        }
        let mut state = self.lock();
        let token = format!("sandbox-token-{}", uuid::Uuid::new_v4().simple());
        state.tokens.push(token.clone());
        Reply::json(
            200,
            format!(r#"{{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"{token}"}}"#),
        )
    }

    fn data(&self, call: &Call) -> Result<Reply, Refusal> {
        let bearer = call.header("authorization").strip_prefix("Bearer ").unwrap_or_default().to_string();
        if !self.lock().tokens.contains(&bearer) {
            return Err(Refusal { status: 401, message: String::new() });
        }
        if call.method == "POST" && call.path == "/data/$batch" {
            return self.batch(call);
        }
        let _turn = self.turn.read().unwrap_or_else(PoisonError::into_inner);
        match call.path.strip_prefix("/api/services/") {
            Some(service) => self.service(service, call),
            None => self.one(call),
        }
    }

    /// `POST /data/$batch`: each change set is done as a whole or not at all.
    fn batch(&self, call: &Call) -> Result<Reply, Refusal> {
        let sections = batch::read(call, "/data/").map_err(|why| bad(&why))?;
        let _turn = self.turn.write().unwrap_or_else(PoisonError::into_inner);
        let done = sections.iter().map(|section| match section {
            batch::Section::One(operation) => {
                let reply = self.one(&operation.call);
                let reply = reply.unwrap_or_else(|refusal| Reply::json(refusal.status, refusal.body()));
                batch::Done::One((operation.id.clone(), reply))
            }
            batch::Section::Set(writes) => match self.change_set(writes) {
                Ok(parts) => batch::Done::Set(parts),
                Err(failed) => batch::Done::One(failed),
            },
        });
        Ok(batch::answer(&done.collect::<Vec<_>>(), 200))
    }

    fn change_set(&self, set: &[batch::Operation]) -> Result<Vec<batch::Part>, batch::Part> {
        let before = self.lock().clone();
        let mut done = vec![];
        for operation in set {
            match self.one(&operation.call) {
                Ok(reply) => done.push((operation.id.clone(), reply)),
                Err(refusal) => {
                    // Numbers that were taken are not given back.
                    let mut state = self.lock();
                    let sequences = std::mem::take(&mut state.sequences);
                    *state = State { sequences, tokens: state.tokens.clone(), ..before };
                    return Err((operation.id.clone(), Reply::json(refusal.status, refusal.body())));
                }
            }
        }
        Ok(done)
    }

    /// One request below `/data/`, its token checked.
    fn one(&self, call: &Call) -> Result<Reply, Refusal> {
        let path = call.path.strip_prefix("/data/").unwrap_or_default();
        let (name, key) = match path.split_once('(') {
            Some((name, key)) => (name, Some(key.strip_suffix(')').ok_or_else(|| bad("The key is not closed."))?)),
            None => (path, None),
        };
        let entity = self.entities.get(name).ok_or_else(|| Refusal {
            status: 404,
            message: format!("No HTTP resource was found that matches the request URI '{}'.", call.path),
        })?;
        match (call.method.as_str(), key) {
            ("GET", None) => self.list(entity, call),
            ("GET", Some(key)) => {
                let key = read_key(entity, key)?;
                let state = self.lock();
                let row = state.rows.get(name).and_then(|rows| rows.iter().find(|row| meets(row, &key)));
                let row = row.filter(|row| self.company_visible(call, row)).ok_or_else(not_found)?;
                let shown = select(row, call.parameter("$select"), entity)?;
                let mut body = Record::new();
                body.set("@odata.context".into(), text(&self.context(name, "/$entity")));
                body.set("@odata.etag".into(), text(&etag(row)));
                shown.iter().for_each(|(name, value)| body.set(name.clone(), value.clone()));
                Ok(Reply::json(200, written(&Value::Record(body))))
            }
            ("POST", None) => {
                let row = read_body(call)?;
                let row = self.create(name, &row)?;
                let mut body = Record::new();
                body.set("@odata.context".into(), text(&self.context(name, "/$entity")));
                body.set("@odata.etag".into(), text(&etag(&row)));
                row.iter().filter(|(name, _)| !name.starts_with('#')).for_each(|(n, v)| body.set(n.clone(), v.clone()));
                Ok(Reply::json(201, written(&Value::Record(body))))
            }
            ("PATCH", Some(key)) => {
                let key = read_key(entity, key)?;
                let changes = read_body(call)?;
                self.update(entity, &key, &changes, call)?;
                Ok(Reply::empty(204))
            }
            ("DELETE", Some(key)) => {
                let key = read_key(entity, key)?;
                self.delete(entity, &key, call)?;
                Ok(Reply::empty(204))
            }
            _ => Err(Refusal {
                status: 405,
                message: "The requested resource does not support this HTTP method.".into(),
            }),
        }
    }

    /// Reads return only the user's default company unless `cross-company=true`.
    fn company_visible(&self, call: &Call, row: &Record) -> bool {
        let default = self.settings.companies.first().map(String::as_str).unwrap_or_default();
        call.parameter("cross-company") == Some("true")
            || row
                .get("dataAreaId")
                .and_then(Value::as_text)
                .is_none_or(|company| company.eq_ignore_ascii_case(default))
    }

    fn context(&self, entity: &str, suffix: &str) -> String {
        format!("{}/data/$metadata#{entity}{suffix}", self.base())
    }
}

impl Standin for Finops {
    fn answer(&self, call: &Call) -> Reply {
        if call.path == format!("/{}/oauth2/v2.0/token", self.settings.tenant) {
            return self.token(call);
        }
        match self.data(call) {
            Ok(reply) => reply,
            Err(refusal) if refusal.status == 401 => Reply::empty(401)
                .with("WWW-Authenticate", "Bearer authorization_uri=\"https://login.microsoftonline.com\""),
            Err(refusal) => Reply::json(refusal.status, refusal.body()),
        }
    }

    fn fault(&self, status: u16) -> Reply {
        match status {
            429 => Reply::empty(429),
            status => Reply::json(status, Refusal { status, message: "The service is busy.".into() }.body()),
        }
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn inspect(&self, what: &str) -> Option<Vec<Record>> {
        self.entities.get(what)?;
        Some(self.rows(what).into_iter().map(|mut row| (row.remove("#version"), row).1).collect())
    }

    fn kinds(&self) -> Vec<String> {
        self.entities.keys().cloned().collect()
    }

    fn actions(&self) -> &'static [(&'static str, &'static str)] {
        ledger::ACTIONS
    }

    fn act(&self, what: &str, with: &Record) -> Option<Result<Record, String>> {
        self.happen(what, with).map(|done| done.map_err(|refusal| refusal.message))
    }

    fn snapshot(&self) -> Option<Value> {
        let state = self.lock();
        let rows = state.rows.iter().map(|(entity, rows)| {
            (Text::from(entity.as_str()), Value::from(rows.iter().cloned().map(Value::Record).collect::<Vec<_>>()))
        });
        let count = |number: u64| Value::from(i64::try_from(number).unwrap_or(i64::MAX));
        let sequences = state.sequences.iter().map(|(name, last)| (Text::from(name.as_str()), count(*last)));
        let endpoints = state.endpoints.iter().map(|url| text(url)).collect::<Vec<_>>();
        let whole = [
            ("rows", Value::Record(rows.collect())),
            ("sequences", Value::Record(sequences.collect())),
            ("changes", count(state.changes)),
            ("endpoints", Value::from(endpoints)),
        ];
        Some(Value::Record(whole.into_iter().map(|(name, value)| (Text::from(name), value)).collect()))
    }

    fn restore(&self, snapshot: &Value) {
        let count =
            |value: &Value| value.as_number().and_then(|n| n.small()).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        let mut state = self.lock();
        for (entity, rows) in snapshot.get("rows").as_record().into_iter().flat_map(Record::iter) {
            let rows = rows.as_list().unwrap_or_default().iter().filter_map(|row| row.as_record().cloned());
            state.rows.insert(entity.to_string(), rows.collect());
        }
        for (name, last) in snapshot.get("sequences").as_record().into_iter().flat_map(Record::iter) {
            state.sequences.insert(name.to_string(), count(last));
        }
        state.changes = count(snapshot.get("changes"));
        let urls = snapshot.get("endpoints").as_list().unwrap_or_default().iter();
        state.endpoints = urls.filter_map(|url| url.as_text().map(|url| url.to_string())).collect();
    }

    fn outbox(&self) -> Option<(&Outbox, Habits)> {
        // Three tries about a second apart; then someone has to resend it.
        let second = std::time::Duration::from_secs(1);
        Some((&self.outbox, Habits { pauses: vec![second, second], again: |_| true }))
    }
}

fn text(value: &str) -> Value {
    Value::Text(Text::from(value))
}

fn written(value: &Value) -> String {
    json::write(value).unwrap_or_else(|_| "{}".into())
}

/// `@odata.etag` and the like stand beside a row's columns; they are none.
fn is_annotation(name: &str) -> bool {
    name.starts_with("@odata.")
}

fn is_blank(value: Option<&Value>) -> bool {
    value.is_none_or(Value::is_blank)
}

fn same_text(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a.and_then(Value::as_text), b.and_then(Value::as_text)) {
        (Some(a), Some(b)) => a.to_lowercase() == b.to_lowercase(),
        _ => false,
    }
}

fn meets(row: &Record, key: &[(String, Value)]) -> bool {
    key.iter().all(|(column, wanted)| match (row.get(column), wanted) {
        (Some(Value::Number(a)), Value::Number(b)) => a.compare(b).is_eq(),
        (value, wanted) => same_text(value, Some(wanted)),
    })
}

fn etag(row: &Record) -> String {
    let version = row.get("#version").and_then(Value::as_number).map(|n| n.canonical()).unwrap_or_default();
    format!("W/\"{version}\"")
}

fn read_body(call: &Call) -> Result<Record, Refusal> {
    if !call.header("content-type").starts_with("application/json") {
        return Err(Refusal { status: 415, message: "The content type has to be application/json.".into() });
    }
    match json::parse(&call.body) {
        Ok(Value::Record(row)) => Ok(row),
        Ok(_) => Err(bad("A JSON object was expected.")),
        Err(error) => Err(bad(&format!("An error occurred while reading the payload: {error}."))),
    }
}
