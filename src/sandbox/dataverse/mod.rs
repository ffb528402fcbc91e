//! The stand-in of Dataverse: token endpoint and `/api/data/v9.2`, strict like the real one.
//!
//! It checks tokens, columns, types, lengths, option sets, lookups, alternate keys, versions and states against the
//! payload types, works out totals and names, pages, tracks changes, does change sets whole or not at all, and tells
//! registered endpoints of every change. A row's id may be chosen by the caller; a second row with it is refused.

mod actions;
mod address;
pub mod hooks;
mod query;
mod refusal;
pub mod seed;
mod steps;
mod table;
#[cfg(test)]
mod tests;
mod write;

use super::batch;
use super::faults::Faults;
use super::server::{Call, Reply, Standin};
use crate::catalog::Catalog;
use crate::language::types::TypeSource;
use crate::value::{Record, Text, Value, json};
use address::Address;
use hooks::{Delivery, Hook, Log};
use jiff::Timestamp;
use query::Query;
use refusal::{Refusal, code};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use steps::Registry;
use table::{Table, Tables};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use write::{Change, Named, State, Writer, etag, id_of};

/// What the stand-in is set up with.
pub struct Settings {
    pub client_id: String,
    pub client_secret: String,
    pub tenant: String,
    /// The app's own user, as which it writes.
    pub app_user: String,
    /// Published duplicate detection rules: table and column in which no two rows should be equal.
    pub duplicate_rules: Vec<(String, String)>,
}

/// Dataverse on loopback.
pub struct Dataverse {
    settings: Settings,
    tables: Tables,
    /// One request after the other: nobody sees half of a change set.
    state: Mutex<State>,
    tokens: Mutex<Vec<String>>,
    hooks: Mutex<Vec<Hook>>,
    registry: Mutex<Registry>,
    due: UnboundedSender<Delivery>,
    faults: Faults,
    url: OnceLock<String>,
    /// Delta tokens from before that version are expired.
    forgotten: Mutex<i64>,
    longest_page: AtomicUsize,
    pub log: Log,
}

const BELOW: &str = "/api/data/v9.2/";

impl Dataverse {
    /// An empty environment with the tables that the catalogue knows, and what is to be delivered to its endpoints: give
    /// that to [`hooks::deliver`].
    pub fn new(
        settings: Settings,
        catalog: &Catalog,
        types: &dyn TypeSource,
    ) -> (Dataverse, UnboundedReceiver<Delivery>) {
        let (due, deliveries) = unbounded_channel();
        let dataverse = Dataverse {
            settings,
            tables: table::tables(catalog, types),
            state: Mutex::default(),
            tokens: Mutex::default(),
            hooks: Mutex::default(),
            registry: Mutex::default(),
            due,
            faults: Faults::default(),
            url: OnceLock::new(),
            forgotten: Mutex::default(),
            longest_page: AtomicUsize::new(query::PAGE),
            log: Log::default(),
        };
        (dataverse, deliveries)
    }

    /// The address it is served at, for links and the token's audience.
    pub fn served_at(&self, url: String) {
        let _ = self.url.set(url);
    }

    /// Registers an endpoint, as a `serviceendpoint` with its steps.
    pub fn register(&self, hook: Hook) {
        lock(&self.hooks).push(hook);
    }

    /// All rows of a table, in the order in which they were made.
    pub fn rows(&self, table: &str) -> Vec<Record> {
        lock(&self.state).rows.get(table).cloned().unwrap_or_default()
    }

    /// Makes a row as that user, checked like any other.
    pub fn insert(&self, table: &str, row: &str, user: &str) -> Result<Record, String> {
        self.by_hand(table, row, user, |writer, table, row| writer.create(table, row, &[]))
    }

    /// Changes a row as that user, checked like any other.
    pub fn change(&self, table: &str, id: &str, row: &str, user: &str) -> Result<Record, String> {
        self.by_hand(table, row, user, |writer, table, row| writer.update(table, &Named::Id(id.to_owned()), row))
    }

    /// Deletes a row as that user.
    pub fn remove(&self, table: &str, id: &str, user: &str) -> Result<(), String> {
        let table = self.tables.get(table).ok_or_else(|| format!("there is no table {table}"))?;
        let (none, named) = (BTreeMap::new(), Named::Id(id.to_owned()));
        let removed = self.transaction(user, &none, |writer| writer.delete(table, &named));
        removed.map_err(|refusal| refusal.message().to_owned())
    }

    /// No page is longer than that from now on, whatever a request would like.
    pub fn pages_of(&self, rows: usize) {
        self.longest_page.store(rows.max(1), Ordering::Relaxed);
    }

    /// Puts a row there as it is, unchecked: what was there before anybody came.
    fn plant(&self, table: &str, row: &str) -> Result<(), String> {
        let Ok(Value::Record(row)) = json::parse(row.as_bytes()) else { return Err("not a JSON object".into()) };
        let table = self.tables.get(table).ok_or_else(|| format!("there is no table {table}"))?;
        let none = BTreeMap::new();
        let planted = self.transaction(seed::SELLER, &none, |writer| {
            writer.plant(table, &row);
            Ok(())
        });
        planted.map_err(|refusal| refusal.message().to_owned())
    }

    /// Forgets all tokens, as an expired or revoked secret would.
    pub fn forget_tokens(&self) {
        lock(&self.tokens).clear();
    }

    /// Delta links given so far are no good any more, as after seven days.
    pub fn forget_changes(&self) {
        let version = lock(&self.state).version;
        *lock(&self.forgotten) = version.saturating_add(1);
    }

    fn by_hand(
        &self,
        table: &str,
        row: &str,
        user: &str,
        does: impl FnOnce(&mut Writer<'_>, &Table, &Record) -> Result<Record, Refusal>,
    ) -> Result<Record, String> {
        let Ok(Value::Record(row)) = json::parse(row.as_bytes()) else { return Err("not a JSON object".into()) };
        let table = self.tables.get(table).ok_or_else(|| format!("there is no table {table}"))?;
        let none = BTreeMap::new();
        self.transaction(user, &none, |writer| does(writer, table, &row))
            .map_err(|refusal| refusal.message().to_owned())
    }

    /// Keeps what was done, or nothing of it; tells of it once it is kept.
    fn transaction<T>(
        &self,
        user: &str,
        made: &BTreeMap<String, (String, String)>,
        does: impl FnOnce(&mut Writer<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut kept = lock(&self.state);
        let mut state = kept.clone();
        let mut changes = vec![];
        let mut writer = Writer {
            tables: &self.tables,
            state: &mut state,
            user,
            now: Timestamp::now(),
            made,
            changes: &mut changes,
        };
        let done = does(&mut writer)?;
        *kept = state;
        drop(kept);
        self.tell(&changes);
        Ok(done)
    }

    fn tell(&self, changes: &[Change]) {
        let mut hooks = lock(&self.hooks).clone();
        hooks.extend(lock(&self.registry).hooks());
        for change in changes {
            for delivery in hooks::deliveries(&hooks, &self.tables, change, Timestamp::now()) {
                // Nobody delivers where the stand-in is not served.
                let _ = self.due.send(delivery);
            }
        }
    }

    fn origin(&self) -> &str {
        self.url.get().map(String::as_str).unwrap_or_default()
    }

    fn base(&self) -> String {
        format!("{}{BELOW}", self.origin())
    }

    /// `POST /TENANT/oauth2/v2.0/token`, as Microsoft Entra ID answers it.
    fn token(&self, call: &Call) -> Reply {
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(&call.body).into_owned().collect();
        let has = |name: &str, value: &str| form.get(name).is_some_and(|given| given == value);
        let refuse = |error: &str, number: u32, why: &str| {
            Reply::json(
                401,
                format!(
                    r#"{{"error":"{error}","error_description":"AADSTS{number}: {why}","error_codes":[{number}]}}"#
                ),
            )
        };
        if call.method != "POST" || !has("grant_type", "client_credentials") {
            return refuse("unsupported_grant_type", 70003, "The app requested an unsupported grant type.");
        }
        if !has("client_id", &self.settings.client_id) {
            return refuse("unauthorized_client", 700016, "Application was not found in the directory.");
        }
        if !has("client_secret", &self.settings.client_secret) {
            return refuse("invalid_client", 7000215, "Invalid client secret provided.");
        }
        if !has("scope", &format!("{}/.default", self.origin())) {
            return refuse("invalid_scope", 500011, "The resource principal was not found in the tenant.");
        }
        let token = format!("sandbox-token-{}", uuid::Uuid::new_v4().simple());
        lock(&self.tokens).push(token.clone());
        Reply::json(
            200,
            format!(r#"{{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"{token}"}}"#),
        )
    }

    fn data(&self, call: &Call) -> Result<Reply, Refusal> {
        let bearer = call.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
        if !lock(&self.tokens).iter().any(|token| token == bearer) {
            return Err(Refusal::new(401, "", ""));
        }
        if call.method == "POST" && call.path == format!("{BELOW}$batch") {
            return self.batch(call);
        }
        self.one(call)
    }

    /// One request, its token checked.
    fn one(&self, call: &Call) -> Result<Reply, Refusal> {
        if let Some(path) = call.path.strip_prefix(BELOW).filter(|path| Registry::has(path)) {
            return lock(&self.registry).answer(path, call, &self.tables, &self.base());
        }
        let none = BTreeMap::new();
        match call.method.as_str() {
            "GET" => self.read(call),
            _ => self
                .transaction(&self.settings.app_user, &none, |writer| self.write(writer, call).map(|(reply, _)| reply)),
        }
    }

    /// `POST $batch`: each change set is done as a whole or not at all. What comes behind a failure is not done, unless the
    /// request says `odata.continue-on-error`.
    fn batch(&self, call: &Call) -> Result<Reply, Refusal> {
        let sections = batch::read(call, BELOW).map_err(|why| Refusal::bad(code::PAYLOAD, why))?;
        let goes_on = call.header("prefer").split(',').any(|word| word.trim() == "odata.continue-on-error");
        let mut all = vec![];
        for section in &sections {
            let done = match section {
                batch::Section::One(operation) => {
                    let reply = self.one(&operation.call).unwrap_or_else(|refusal| refusal.reply());
                    batch::Done::One((operation.id.clone(), reply))
                }
                batch::Section::Set(writes) => match self.change_set(writes) {
                    Ok(parts) => batch::Done::Set(parts),
                    Err(failed) => batch::Done::One(failed),
                },
            };
            let failed = done.refused();
            all.push(done);
            if let (Some(status), false) = (failed, goes_on) {
                return Ok(batch::answer(&all, status));
            }
        }
        Ok(batch::answer(&all, 200))
    }

    fn change_set(&self, set: &[batch::Operation]) -> Result<Vec<batch::Part>, batch::Part> {
        let mut failed = None;
        let none = BTreeMap::new();
        let done = self.transaction(&self.settings.app_user, &none, |writer| {
            let mut made: BTreeMap<String, (String, String)> = BTreeMap::new();
            let mut parts = vec![];
            for operation in set {
                let mut with_rows = Writer {
                    tables: writer.tables,
                    state: writer.state,
                    user: writer.user,
                    now: writer.now,
                    made: &made,
                    changes: writer.changes,
                };
                match self.write(&mut with_rows, &operation.call) {
                    Ok((reply, row)) => {
                        made.extend(operation.id.clone().zip(row));
                        parts.push((operation.id.clone(), reply));
                    }
                    Err(refusal) => {
                        failed = Some((operation.id.clone(), refusal.reply()));
                        return Err(refusal);
                    }
                }
            }
            Ok(parts)
        });
        done.map_err(|refusal| failed.unwrap_or_else(|| (None, refusal.reply())))
    }

    fn read(&self, call: &Call) -> Result<Reply, Refusal> {
        let path = call.path.strip_prefix(BELOW).unwrap_or_default();
        let state = lock(&self.state);
        let (base, forgotten) = (self.base(), *lock(&self.forgotten));
        let longest_page = self.longest_page.load(Ordering::Relaxed);
        let query =
            |table| Query { tables: &self.tables, state: &state, table, call, base: &base, forgotten, longest_page };
        match address::read(&self.tables, path)? {
            Address::Rows(table) => Ok(json_reply(200, &query(table).list()?)),
            Address::Row(table, named) => {
                let row = state.row(table, &named).ok_or_else(|| write::no_row(table, &named))?;
                let shown = query(table).shown(row)?;
                let mut body = Record::new();
                body.set("@odata.context".into(), Value::from(format!("{base}$metadata#{}/$entity", table.name)));
                let fields = shown.as_record().into_iter().flat_map(|record| record.iter());
                fields.for_each(|(name, value)| body.set(name.clone(), value.clone()));
                Ok(json_reply(200, &Value::Record(body)))
            }
            Address::Tie(..) => {
                Err(Refusal::new(405, code::INVALID, "The requested resource does not support this HTTP method."))
            }
            Address::Other(name) if name == "WhoAmI" => {
                let organization = "4ef5b371-0000-4000-8000-000000000000";
                Ok(Reply::json(
                    200,
                    format!(
                        r#"{{"@odata.context":"{base}$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse","BusinessUnitId":"e2b9dd85-0000-4000-8000-000000000000","UserId":"{}","OrganizationId":"{organization}"}}"#,
                        self.settings.app_user
                    ),
                ))
            }
            Address::Other(name) if name == "EntityDefinitions" => Ok(json_reply(200, &self.definitions())),
            Address::Other(name) => {
                Err(Refusal::new(404, code::SEGMENT, format!("Resource not found for the segment '{name}'.")))
            }
        }
    }

    /// The tables with their keys, as `flowctl check` asks for them.
    fn definitions(&self) -> Value {
        let record = |fields: Vec<(&str, Value)>| {
            Value::Record(fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect())
        };
        let tables = self.tables.values().map(|table| {
            let keys = table.alternate_keys.iter().map(|key| {
                let columns: Vec<Value> = key.iter().map(|column| Value::from(column.as_str())).collect();
                record(vec![("KeyAttributes", Value::from(columns)), ("EntityKeyIndexStatus", Value::from("Active"))])
            });
            record(vec![
                ("LogicalName", Value::from(table.logical.as_str())),
                ("EntitySetName", Value::from(table.name.as_str())),
                ("PrimaryIdAttribute", Value::from(table.id.as_str())),
                ("Keys", Value::from(keys.collect::<Vec<_>>())),
            ])
        });
        record(vec![("value", Value::from(tables.collect::<Vec<_>>()))])
    }

    /// One write; the row that it made or changed.
    fn write(&self, writer: &mut Writer<'_>, call: &Call) -> Result<(Reply, Option<(String, String)>), Refusal> {
        let not_allowed =
            || Refusal::new(405, code::INVALID, "The requested resource does not support this HTTP method.");
        let path = call.path.strip_prefix(BELOW).unwrap_or_default();
        match (call.method.as_str(), address::read(&self.tables, path)?) {
            ("POST", Address::Rows(table)) => {
                let body = read_body(call)?;
                self.look_for_duplicates(writer, table, &body, call)?;
                let row = writer.create(table, &body, &[])?;
                Ok((self.done(table, &row, call, true)?, Some((table.name.clone(), id_of(&row, table)))))
            }
            ("PATCH", Address::Row(table, named)) => {
                let body = read_body(call)?;
                let (row, made) = self.upsert(writer, table, &named, &body, call)?;
                Ok((self.done(table, &row, call, made)?, Some((table.name.clone(), id_of(&row, table)))))
            }
            ("DELETE", Address::Row(table, named)) => {
                if let Some(row) = writer.state.row(table, &named) {
                    self.check_version(row, call)?;
                }
                writer.delete(table, &named)?;
                Ok((Reply::empty(204), None))
            }
            (method, Address::Tie(table, named, navigation)) => {
                self.tie(writer, method, table, &named, &navigation, call)?;
                Ok((Reply::empty(204), None))
            }
            ("POST", Address::Other(name)) => {
                let body = read_body(call)?;
                Ok(match writer.act(&name, &body)? {
                    Some(given) => (json_reply(200, &given), None),
                    None => (Reply::empty(204), None),
                })
            }
            _ => Err(not_allowed()),
        }
    }

    /// PATCH: changes a row, or makes it under the id or alternate key that names it.
    fn upsert(
        &self,
        writer: &mut Writer<'_>,
        table: &Table,
        named: &Named,
        body: &Record,
        call: &Call,
    ) -> Result<(Record, bool), Refusal> {
        match writer.state.row(table, named) {
            Some(_) if call.header("if-none-match") == "*" => {
                let why = "A record with matching key values already exists.";
                Err(Refusal::new(412, code::DUPLICATE_KEY, why))
            }
            Some(row) => {
                self.check_version(row, call)?;
                self.look_for_duplicates(writer, table, body, call)?;
                Ok((writer.update(table, named, body)?, false))
            }
            None if !call.header("if-match").is_empty() => Err(write::no_row(table, named)),
            None => {
                self.look_for_duplicates(writer, table, body, call)?;
                let key = match named {
                    Named::Id(id) => vec![(table.id.clone(), Value::from(id.as_str()))],
                    Named::Alternate(key) => key.clone(),
                };
                Ok((writer.create(table, body, &key)?, true))
            }
        }
    }

    fn check_version(&self, row: &Record, call: &Call) -> Result<(), Refusal> {
        let wanted = call.header("if-match");
        if wanted.is_empty() || wanted == "*" || wanted == etag(row) {
            return Ok(());
        }
        let why = "The version of the existing record doesn't match the RowVersion property provided.";
        Err(Refusal::new(412, code::VERSION, why))
    }

    /// Off, unless the request says otherwise.
    fn look_for_duplicates(
        &self,
        writer: &Writer<'_>,
        table: &Table,
        body: &Record,
        call: &Call,
    ) -> Result<(), Refusal> {
        if call.header("mscrm.suppressduplicatedetection") != "false" {
            return Ok(());
        }
        for (_, column) in self.settings.duplicate_rules.iter().filter(|(of, _)| *of == table.name) {
            let Some(value) = body.get(column).filter(|value| !value.is_blank()) else { continue };
            let mut rows = writer.state.rows.get(&table.name).into_iter().flatten();
            if rows.any(|row| row.get(column).is_some_and(|known| write::same(known, value))) {
                let why =
                    "A record was not created or updated because a duplicate of the current record already exists.";
                return Err(Refusal::new(412, code::DUPLICATE_FOUND, why));
            }
        }
        Ok(())
    }

    /// Ties and unties rows in a collection.
    fn tie(
        &self,
        writer: &mut Writer<'_>,
        method: &str,
        table: &Table,
        named: &Named,
        navigation: &str,
        call: &Call,
    ) -> Result<(), Refusal> {
        let row = writer.state.row(table, named).ok_or_else(|| write::no_row(table, named))?;
        let own = id_of(row, table);
        let other = match method {
            "DELETE" => call.parameter("$id").map(str::to_owned),
            "POST" | "PUT" => {
                let body = read_body(call)?;
                let id = body.get("@odata.id").and_then(Value::as_text).map(|id| id.to_string());
                Some(id.ok_or_else(|| Refusal::bad(code::PAYLOAD, "The reference has no @odata.id."))?)
            }
            _ => {
                return Err(Refusal::new(
                    405,
                    code::INVALID,
                    "The requested resource does not support this HTTP method.",
                ));
            }
        };
        if table.navigation(navigation).is_some() {
            let bind = match other {
                Some(other) if method != "DELETE" => Value::from(other),
                _ => Value::Null,
            };
            let body = Record::from_iter([(Text::from(format!("{navigation}@odata.bind")), bind)]);
            return writer.update(table, &Named::Id(own), &body).map(drop);
        }
        let other = other.ok_or_else(|| Refusal::bad(code::QUERY, "A collection needs $id."))?;
        let (to, id) = writer.target(&other)?;
        let (to, tables) = (to.name.clone(), &self.tables);
        let line = table::LINES
            .iter()
            .find(|(lines, _, whole, name)| *lines == to && *whole == table.name && *name == navigation);
        if let (Some((_, lookup, ..)), Some(child)) = (line, tables.get(&to)) {
            let navigations = [format!("parentcustomerid_{}", table.logical), format!("{}id", table.logical)];
            let navigation =
                navigations.iter().find(|name| child.navigation(name).is_some_and(|(column, _)| column == *lookup));
            let Some(navigation) = navigation else { return Ok(()) };
            let bind = match method {
                "DELETE" => Value::Null,
                _ => Value::from(format!("/{}({own})", table.name)),
            };
            let body = Record::from_iter([(Text::from(format!("{navigation}@odata.bind")), bind)]);
            return writer.update(child, &Named::Id(id), &body).map(drop);
        }
        let tie = (navigation.to_owned(), own, id);
        match method {
            "DELETE" if !writer.state.ties.remove(&tie) => Err(Refusal::no_row(navigation, &tie.2)),
            "DELETE" => Ok(()),
            _ if !writer.state.ties.insert(tie) => {
                Err(Refusal::new(412, code::DUPLICATE_KEY, "Cannot insert duplicate key."))
            }
            _ => Ok(()),
        }
    }

    /// The answer to a write: the row where it is wanted, else where it is.
    fn done(&self, table: &Table, row: &Record, call: &Call, made: bool) -> Result<Reply, Refusal> {
        let address = format!("{}{}({})", self.base(), table.name, id_of(row, table));
        if !call.header("prefer").contains("return=representation") {
            return Ok(Reply::empty(204).with("OData-EntityId", address).with("OData-Version", "4.0"));
        }
        let mut body = Record::new();
        body.set("@odata.context".into(), Value::from(format!("{}$metadata#{}/$entity", self.base(), table.name)));
        body.set("@odata.etag".into(), Value::from(etag(row)));
        let columns = call.parameter("$select").map(|columns| columns.split(',').map(str::trim).collect::<Vec<_>>());
        for (name, value) in row.iter().filter(|(name, _)| !name.contains('@')) {
            if columns.as_ref().is_none_or(|columns| columns.contains(&name.as_str())) {
                body.set(name.clone(), value.clone());
            }
        }
        let reply = json_reply(if made { 201 } else { 200 }, &Value::Record(body));
        Ok(reply.with("Preference-Applied", "return=representation").with("OData-Version", "4.0"))
    }
}

impl Standin for Dataverse {
    fn answer(&self, call: &Call) -> Reply {
        if call.path == format!("/{}/oauth2/v2.0/token", self.settings.tenant) {
            return self.token(call);
        }
        self.data(call).unwrap_or_else(|refusal| refusal.reply())
    }

    fn fault(&self, status: u16) -> Reply {
        let (code, message) = match status {
            429 => (code::LIMIT, "Number of requests exceeded the limit of 6000 over the time window of 300 seconds."),
            _ => (code::UNEXPECTED, "An unexpected error occurred."),
        };
        Refusal::new(status, code, message).reply()
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }

    fn kinds(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    fn actions(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("insert", r#"{"table":"contacts","row":{"lastname":"Doe"}}"#),
            ("change", r#"{"table":"contacts","id":"GUID","row":{"emailaddress1":"a@b.example"}}"#),
            ("remove", r#"{"table":"contacts","id":"GUID"}"#),
        ]
    }

    /// As the person who works there.
    fn act(&self, what: &str, with: &Record) -> Option<Result<Record, String>> {
        let text =
            |name: &str| with.get(name).and_then(Value::as_text).map(|text| text.to_string()).unwrap_or_default();
        let row = with.get("row").and_then(|row| json::write(row).ok()).unwrap_or_default();
        match what {
            "insert" => Some(self.insert(&text("table"), &row, seed::SELLER)),
            "remove" => Some(self.remove(&text("table"), &text("id"), seed::SELLER).map(|()| Record::new())),
            "change" => Some(self.change(&text("table"), &text("id"), &row, seed::SELLER)),
            _ => None,
        }
    }

    fn snapshot(&self) -> Option<Value> {
        Some(lock(&self.state).snapshot())
    }

    fn restore(&self, snapshot: &Value) {
        *lock(&self.state) = State::restored(snapshot);
    }

    fn inspect(&self, what: &str) -> Option<Vec<Record>> {
        if let Some(rows) = lock(&self.registry).rows(what) {
            return Some(rows);
        }
        self.tables.get(what)?;
        let shown =
            |row: Record| row.iter().filter(|(n, _)| !n.contains('@')).map(|(n, v)| (n.clone(), v.clone())).collect();
        Some(self.rows(what).into_iter().map(shown).collect())
    }
}

fn read_body(call: &Call) -> Result<Record, Refusal> {
    if !call.header("content-type").starts_with("application/json") {
        return Err(Refusal::new(415, code::PAYLOAD, "The content type has to be application/json."));
    }
    let payload =
        |why: String| Refusal::bad(code::PAYLOAD, format!("Error identified in Payload provided by the user: {why}"));
    match json::parse(&call.body) {
        Ok(Value::Record(row)) => Ok(row),
        Ok(_) => Err(payload("a JSON object was expected.".into())),
        Err(error) => Err(payload(error.to_string())),
    }
}

fn json_reply(status: u16, body: &Value) -> Reply {
    let text = json::write(body).unwrap_or_else(|_| "{}".into());
    let mut reply = Reply::json(status, text);
    reply.headers = vec![("Content-Type".into(), "application/json; odata.metadata=minimal".into())];
    reply
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
