//! The stand-in of Dynamics 365 Finance & Operations: token endpoint and `/data`, strict like the real one.
//!
//! It checks tokens, keys, required fields, types, lengths and option sets against the payload types, refuses what the
//! real one refuses (PATCH on an absent key is 404, `in` and lambdas in `$filter` are 400), numbers its own orders and
//! customers, and stores texts that were not given as `""`, dates as 1900-01-01. It has no idempotency. What is posted
//! (by people, or by a custom service) is told as a business event, where an endpoint is set up.

mod ledger;

use super::batch;
use super::faults::Faults;
use super::filter;
use super::server::{Call, Reply, Standin};
use super::webhooks::{Delivery, Habits, Outbox};
use crate::language::types::{Form, Kind, RecordType, Type};
use crate::value::{Number, Record, Text, Value, json, time};
use percent_encoding::percent_decode_str;
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

const NO_DATE: &str = "1900-01-01T12:00:00Z";

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
        let sets = batch::read(call, "/data/").map_err(|why| bad(&why))?;
        let _turn = self.turn.write().unwrap_or_else(PoisonError::into_inner);
        let sets: Vec<_> = sets.iter().map(|set| self.change_set(set)).collect();
        Ok(batch::answer(&sets))
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

    fn list(&self, entity: &Entity, call: &Call) -> Result<Reply, Refusal> {
        for (name, _) in &call.query {
            if !["$filter", "$select", "$top", "$skip", "$orderby", "$count", "cross-company"].contains(&name.as_str())
            {
                return Err(bad(&format!("The query parameter '{name}' is not supported.")));
            }
        }
        let filter =
            call.parameter("$filter").map(|f| filter::parse(f, &entity.row)).transpose().map_err(|e| bad(&e))?;
        let number = |name: &str| {
            call.parameter(name).map(str::parse::<usize>).transpose().map_err(|_| bad("A whole number was expected."))
        };
        let (top, skip) = (number("$top")?, number("$skip")?.unwrap_or(0));
        let state = self.lock();
        let all = state.rows.get(&entity.name).map(Vec::as_slice).unwrap_or_default();
        let mut rows: Vec<&Record> = all
            .iter()
            .filter(|row| self.company_visible(call, row) && filter.as_ref().is_none_or(|filter| filter.holds(row)))
            .collect();
        if let Some(order) = call.parameter("$orderby") {
            for part in order.split(',').rev() {
                let (column, descending) = match part.trim().split_once(' ') {
                    Some((column, "desc")) => (column, true),
                    Some((column, "asc")) => (column, false),
                    None => (part.trim(), false),
                    Some(_) => return Err(bad("`$orderby` takes asc or desc.")),
                };
                if !entity.row.fields.contains_key(column) {
                    return Err(bad(&format!("Could not find a property named '{column}'.")));
                }
                rows.sort_by(|a, b| {
                    let order = order_of(a.get(column), b.get(column));
                    if descending { order.reverse() } else { order }
                });
            }
        }
        let count = rows.len();
        let wanted = top.unwrap_or(usize::MAX);
        let size = wanted.min(self.settings.page);
        let shown = rows.iter().skip(skip).take(size);
        let rows: Result<Vec<Value>, Refusal> = shown
            .map(|row| {
                let mut body = Record::new();
                body.set("@odata.etag".into(), text(&etag(row)));
                select(row, call.parameter("$select"), entity)?
                    .iter()
                    .for_each(|(n, v)| body.set(n.clone(), v.clone()));
                Ok(Value::Record(body))
            })
            .collect();
        let rows = rows?;
        let more = wanted > size && skip + size < count;
        let mut body = Record::new();
        body.set("@odata.context".into(), text(&self.context(&entity.name, "")));
        if call.parameter("$count") == Some("true") {
            body.set("@odata.count".into(), Value::Number(Number::from(count as i64)));
        }
        body.set("value".into(), Value::from(rows));
        if more {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in &call.query {
                match name.as_str() {
                    "$skip" => {}
                    "$top" => drop(query.append_pair("$top", &(wanted - size).to_string())),
                    _ => drop(query.append_pair(name, value)),
                }
            }
            query.append_pair("$skip", &(skip + size).to_string());
            body.set(
                "@odata.nextLink".into(),
                text(&format!("{}/data/{}?{}", self.base(), entity.name, query.finish())),
            );
        }
        Ok(Reply::json(200, written(&Value::Record(body))))
    }

    fn create(&self, name: &str, given: &Record) -> Result<Record, Refusal> {
        let entity = self.entities.get(name).ok_or_else(not_found)?;
        let refuse = |why: String| write_failed(name, &why);
        let mut state = self.lock();
        let mut row = Record::new();
        for (column, field) in &entity.row.fields {
            if is_annotation(column) {
                continue;
            }
            let default = entity.defaults.iter().find(|(name, _)| name.as_str() == column.as_str());
            let value = match (given.get(column), default) {
                (Some(value), _) => stored(column, &field.ty, value).map_err(|why| bad(&why))?,
                (None, Some((_, value))) => text(value),
                (None, None) => empty(&field.ty),
            };
            row.set(column.clone(), value);
        }
        for (column, _) in given.iter() {
            if !entity.row.fields.contains_key(column) && !is_annotation(column) {
                return Err(bad(&format!(
                    "The property '{column}' does not exist on type 'Microsoft.Dynamics.DataEntities.{name}'."
                )));
            }
        }
        let default = self.settings.companies.first().cloned().unwrap_or_default();
        let of_company = entity.row.fields.contains_key("dataAreaId");
        let given_company = row.get("dataAreaId").filter(|company| !is_blank(Some(company))).and_then(Value::as_text);
        let company = given_company.map_or(default, |company| company.to_lowercase());
        if !self.settings.companies.iter().any(|known| known.eq_ignore_ascii_case(&company)) {
            return Err(refuse(format!("Error: Company {company} does not exist.")));
        }
        if of_company {
            row.set("dataAreaId".into(), text(&company));
        }
        for column in &entity.required {
            if is_blank(row.get(column)) && given.get(column).is_none_or(|v| v.as_number().is_none()) {
                return Err(refuse(format!("Error: Field '{column}' must be filled in.")));
            }
        }
        for (column, other, key) in &entity.references {
            let Some(value) = row.get(column).filter(|value| !is_blank(Some(value))) else { continue };
            let known = state.rows.get(other).is_some_and(|rows| {
                rows.iter().any(|row| {
                    same_text(row.get(key), Some(value)) && same_text(row.get("dataAreaId"), Some(&text(&company)))
                })
            });
            if !known {
                let shown = value.as_text().map(|t| t.to_string()).unwrap_or_default();
                let why = format!(
                    "Warning: The value '{shown}' in field '{column}' is not found in the related table '{other}'."
                );
                return Err(refuse(why));
            }
        }
        for (column, prefix) in &entity.assigned {
            if is_blank(row.get(column)) {
                let next = state.sequences.entry(format!("{name}.{column}")).or_insert(0);
                *next += 1;
                row.set(Text::from(column.as_str()), text(&format!("{prefix}{next:06}")));
            }
        }
        ledger::is_open(&state, entity, &row)?;
        ledger::numbered(&mut state, entity, &mut row);
        let rows = state.rows.entry(name.to_string()).or_default();
        let taken = rows.iter().any(|other| {
            entity.key.iter().all(|column| {
                let (a, b) = (other.get(column), row.get(column));
                same_text(a, b)
                    || matches!((a, b), (Some(Value::Number(a)), Some(Value::Number(b))) if a.compare(b).is_eq())
            })
        });
        if taken {
            return Err(refuse(format!("Error: Cannot create a record in {name}. The record already exists.")));
        }
        state.changes += 1;
        let change = state.changes;
        row.set("#version".into(), Value::Number(Number::from(change as i64)));
        state.rows.entry(name.to_string()).or_default().push(row.clone());
        ledger::written(&mut state, name, &row);
        Ok(row)
    }

    fn update(&self, entity: &Entity, key: &[(String, Value)], changes: &Record, call: &Call) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.changes += 1;
        let change = state.changes;
        let rows = state.rows.entry(entity.name.clone()).or_default();
        let place =
            rows.iter().position(|row| meets(row, key) && self.company_visible(call, row)).ok_or_else(not_found)?;
        unchanged(&rows[place], call)?;
        let mut changed = rows[place].clone();
        ledger::is_open(&state, entity, &changed)?;
        for (column, value) in changes.iter().filter(|(column, _)| !is_annotation(column)) {
            if entity.key.iter().any(|key| key.as_str() == column.as_str()) {
                return Err(bad(&format!("The key property '{column}' cannot be changed.")));
            }
            let field = entity
                .row
                .fields
                .get(column.as_str())
                .ok_or_else(|| bad(&format!("The property '{column}' does not exist.")))?;
            changed.set(column.clone(), stored(column, &field.ty, value).map_err(|why| bad(&why))?);
        }
        changed.set("#version".into(), Value::Number(Number::from(change as i64)));
        state.rows.entry(entity.name.clone()).or_default()[place] = changed.clone();
        ledger::written(&mut state, &entity.name, &changed);
        Ok(())
    }

    fn delete(&self, entity: &Entity, key: &[(String, Value)], call: &Call) -> Result<(), Refusal> {
        let mut state = self.lock();
        let rows = state.rows.entry(entity.name.clone()).or_default();
        let place =
            rows.iter().position(|row| meets(row, key) && self.company_visible(call, row)).ok_or_else(not_found)?;
        unchanged(&rows[place], call)?;
        ledger::is_open(&state, entity, &state.rows[&entity.name][place])?;
        let gone = state.rows.entry(entity.name.clone()).or_default().remove(place);
        ledger::written(&mut state, &entity.name, &gone);
        Ok(())
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

/// Somebody else has changed the row since it was read.
fn unchanged(row: &Record, call: &Call) -> Result<(), Refusal> {
    let expected = call.header("if-match");
    if expected.is_empty() || expected == "*" || expected == etag(row) {
        return Ok(());
    }
    Err(Refusal { status: 412, message: "The record has been changed by another user.".into() })
}

/// Why a request is not done, in F&O's shape.
#[derive(Debug)]
struct Refusal {
    status: u16,
    message: String,
}

impl Refusal {
    fn body(&self) -> String {
        let mut inner = Record::new();
        inner.set("message".into(), text(&self.message));
        inner.set("type".into(), text("Microsoft.Dynamics.Platform.Integration.Services.OData.ODataWriteException"));
        let mut error = Record::new();
        error.set("code".into(), text(""));
        error.set("message".into(), text("An error has occurred."));
        error.set("innererror".into(), Value::Record(inner));
        let mut body = Record::new();
        body.set("error".into(), Value::Record(error));
        written(&Value::Record(body))
    }
}

fn bad(why: &str) -> Refusal {
    Refusal { status: 400, message: why.to_string() }
}

fn not_found() -> Refusal {
    Refusal { status: 404, message: "No resources were found when selecting for update.".into() }
}

fn write_failed(entity: &str, infolog: &str) -> Refusal {
    let singular = entity.strip_suffix('s').unwrap_or(entity);
    bad(&format!(
        "Write failed for table row of type '{singular}Entity'. Infolog: {infolog}; Error: Update has been canceled.."
    ))
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

fn order_of(a: Option<&Value>, b: Option<&Value>) -> std::cmp::Ordering {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => a.compare(b),
        (Some(a), Some(b)) => a.as_text().map(|t| t.to_string()).cmp(&b.as_text().map(|t| t.to_string())),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

fn etag(row: &Record) -> String {
    let version = row.get("#version").and_then(Value::as_number).map(|n| n.canonical()).unwrap_or_default();
    format!("W/\"{version}\"")
}

/// What a column holds when nothing was given: F&O has no null.
fn empty(ty: &Type) -> Value {
    match &ty.kind {
        Kind::Int | Kind::Decimal => Value::Number(Number::from(0)),
        Kind::Date | Kind::Time => text(NO_DATE),
        Kind::Bool => Value::Bool(false),
        _ => match ty.facts.as_ref().and_then(|facts| facts.options.first()) {
            Some((first, _)) => Value::Text(first.clone()),
            None => text(""),
        },
    }
}

/// Checks a given value against its column's type; gives what is stored.
fn stored(column: &str, ty: &Type, value: &Value) -> Result<Value, String> {
    let wrong = |expected: &str| {
        Err(format!("Cannot convert the value of property '{column}' to the expected type '{expected}'."))
    };
    let facts = ty.facts.as_deref();
    match (&ty.kind, value) {
        (Kind::Text, Value::Text(given)) => {
            if let Some(most) = facts.and_then(|f| f.max_length)
                && given.encode_utf16().count() > most as usize
            {
                return Err(format!("The value of property '{column}' is longer than {most} characters."));
            }
            if let Some(facts) = facts.filter(|facts| !facts.options.is_empty())
                && !facts.options.iter().any(|(option, _)| option == given)
            {
                return Err(format!("The value '{given}' is not a member of the enumeration of property '{column}'."));
            }
            Ok(value.clone())
        }
        (Kind::Int, Value::Number(number)) if number.is_whole() => Ok(value.clone()),
        (Kind::Int, _) => wrong("Edm.Int32"),
        (Kind::Decimal, Value::Number(_)) => Ok(value.clone()),
        (Kind::Decimal, _) => wrong("Edm.Decimal"),
        (Kind::Bool, Value::Bool(_)) => Ok(value.clone()),
        (Kind::Bool, _) => wrong("Edm.Boolean"),
        (Kind::Date | Kind::Time, Value::Text(given)) => {
            let noon = facts.and_then(|f| f.form) == Some(Form::Noon);
            match time::parse_time(given) {
                None => wrong("Edm.DateTimeOffset"),
                Some(_) if noon && !given.ends_with("T12:00:00Z") => {
                    Err(format!("The date of property '{column}' has to be written as yyyy-MM-ddT12:00:00Z."))
                }
                Some(_) => Ok(value.clone()),
            }
        }
        (Kind::Date | Kind::Time, _) => wrong("Edm.DateTimeOffset"),
        _ => wrong("Edm.String"),
    }
}

/// `dataAreaId='usmf',LineNumber=1`: every key part is required, none may be strange.
fn read_key(entity: &Entity, written: &str) -> Result<Vec<(String, Value)>, Refusal> {
    let decoded = percent_decode_str(written).decode_utf8().map_err(|_| bad("The key is not UTF-8."))?;
    let mut parts = Vec::new();
    let mut rest = decoded.as_ref();
    while !rest.is_empty() {
        let (column, after) = rest.split_once('=').ok_or_else(|| bad("The key needs `name=value`."))?;
        let (value, after) = if let Some(quoted) = after.strip_prefix('\'') {
            let mut end = None;
            let mut at = 0;
            while let Some(found) = quoted[at..].find('\'') {
                if quoted[at + found + 1..].starts_with('\'') {
                    at += found + 2;
                } else {
                    end = Some(at + found);
                    break;
                }
            }
            let end = end.ok_or_else(|| bad("A text in the key is not closed."))?;
            (text(&quoted[..end].replace("''", "'")), &quoted[end + 1..])
        } else {
            let end = after.find(',').unwrap_or(after.len());
            let bare = after[..end].trim();
            let number = Number::from_json(Text::from(bare));
            let value = match (number.exact().is_ok(), time::parse_time(bare)) {
                (true, _) => Value::Number(number),
                (false, Some(_)) => text(bare),
                (false, None) => return Err(bad("A key part is a quoted text, a number or a time.")),
            };
            (value, &after[end..])
        };
        parts.push((column.trim().to_string(), value));
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    let all_there = entity.key.iter().all(|key| parts.iter().any(|(column, _)| column == key));
    if !all_there || parts.len() != entity.key.len() {
        return Err(bad(&format!("The key of {} is {}.", entity.name, entity.key.join(", "))));
    }
    Ok(parts)
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

fn select(row: &Record, columns: Option<&str>, entity: &Entity) -> Result<Record, Refusal> {
    let mut shown = Record::new();
    match columns {
        None => row.iter().filter(|(n, _)| !n.starts_with('#')).for_each(|(n, v)| shown.set(n.clone(), v.clone())),
        Some(columns) => {
            for column in columns.split(',').map(str::trim) {
                if !entity.row.fields.contains_key(column) {
                    return Err(bad(&format!("Could not find a property named '{column}'.")));
                }
                shown.set(Text::from(column), row.get(column).cloned().unwrap_or(Value::Null));
            }
        }
    }
    Ok(shown)
}
