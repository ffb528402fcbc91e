//! The systems of the catalogue, spoken over HTTP: the engine's [`Connector`] for all of them.
//!
//! An operation is data; code stands here only for what data cannot say. A request comes complete from the engine and
//! becomes one HTTP request or, where a list is long, several ([`request`], [`odata`], [`form`]); a connection's token,
//! limits and circuit decide when it goes out ([`live`]); its answer becomes an outcome ([`answer`], [`pages`]).
//!
//! What it is not: it retries nothing (but a 401, once, with a new token), remembers no run and decides nothing that
//! follows from an outcome. Invariants: a request goes only below its connection's own address and no redirect is
//! followed; what may have arrived is never called "not sent"; no error and no log holds a secret, a token or a body
//! that we sent.

#![expect(clippy::result_large_err, reason = "an error is made once for a request that failed")]

pub mod answer;
mod aside;
mod changeset;
pub mod circuit;
pub mod config;
mod delta;
mod direct;
pub mod form;
pub mod http;
pub mod limits;
pub mod live;
pub mod oauth;
pub mod odata;
pub mod pages;
pub mod registration;
pub mod request;
pub mod search;
pub mod secret;
pub mod secrets;
#[cfg(test)]
mod tests;
mod windows;
mod written;

pub use config::{ConnectionConfig, resolve_all};
pub use secret::{ReferenceError, Secret, read_reference};

use crate::catalog::{Catalog, Exactly, Find, TypeRef, Types};
use crate::engine::connector::{
    Attempt, Connector, EvaluatedFilter, Is, LookOutcome, NO_LOOK, Outcome, Parameter, Reply, Request, Row, Sent,
    StepError,
};
use crate::graph::ErrorClass;
use crate::value::{Record, Text, Value};
use arc_swap::ArcSwap;
use live::{Live, NoAnswer};
use pages::Pages;
use request::{Bound, equals};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// All connections of a project, to be replaced as a whole when it is reloaded.
pub struct Connectors {
    client: reqwest::Client,
    now: ArcSwap<Now>,
}

/// What is known of a project's systems, and its connections, at one time.
struct Now {
    catalog: Catalog,
    types: Types,
    live: BTreeMap<String, Arc<Live>>,
}

impl Connectors {
    /// The connections of those names. Fails only where this machine cannot make an HTTP client.
    pub fn new(
        catalog: Catalog,
        configs: BTreeMap<String, ConnectionConfig>,
    ) -> Result<Connectors, Box<dyn std::error::Error + Send + Sync>> {
        let nothing = Now { types: Types::bundled(&catalog), catalog: catalog.clone(), live: BTreeMap::new() };
        let connectors = Connectors { client: http::client()?, now: ArcSwap::from_pointee(nothing) };
        connectors.replace(catalog, configs);
        Ok(connectors)
    }

    /// Takes new configurations, and the catalogue with the project's own tables. A connection whose own has not changed
    /// keeps its token, limits and circuit; what is under way ends with the old one.
    pub fn replace(&self, catalog: Catalog, configs: BTreeMap<String, ConnectionConfig>) {
        let before = self.now.load_full();
        let live = configs.into_iter().map(|(name, config)| {
            let kept = before.live.get(&name).filter(|live| live.config == config).cloned();
            (name, kept.unwrap_or_else(|| Arc::new(Live::new(config))))
        });
        let live = live.collect();
        self.now.store(Arc::new(Now { types: Types::bundled(&catalog), catalog, live }));
    }

    /// Whether the system of each connection takes our credentials.
    pub fn standings(&self) -> Vec<(String, live::Standing)> {
        self.now.load().live.iter().map(|(name, live)| (name.clone(), live.standing())).collect()
    }

    async fn do_send(&self, request: &Request, attempt: &Attempt<'_>) -> Outcome {
        let now = self.now.load_full();
        let live = match now.connection(&request.connection) {
            Ok(live) => live,
            Err(error) => return Outcome::Failed(error),
        };
        let done = match now.bind(live, request, attempt) {
            Ok(bound) if !bound.graph.members().is_empty() => {
                self.change(&now, live, &bound, request, timeout(live, attempt)).await
            }
            Ok(bound) if bound.operation.tells_changes() => self.changes(live, &bound, timeout(live, attempt)).await,
            Ok(bound) => self.perform(live, &bound, timeout(live, attempt)).await,
            Err(error) => Err(Stop::Failed(error)),
        };
        match done {
            Ok(row) => Outcome::Done(row),
            Err(Stop::Missing(error)) => Outcome::Missing(error),
            Err(Stop::Failed(error)) => Outcome::Failed(error),
            Err(Stop::Held { until, error }) => Outcome::Held { until, error },
        }
    }

    async fn do_look(&self, request: &Request, attempt: &Attempt<'_>) -> LookOutcome {
        match self.find(request, attempt).await {
            Ok(rows) => LookOutcome::Found(rows),
            Err(Stop::Missing(_)) => LookOutcome::Found(vec![]),
            Err(Stop::Failed(error) | Stop::Held { error, .. }) => LookOutcome::Failed(error),
        }
    }

    /// Sends a change set.
    async fn change(
        &self,
        now: &Now,
        live: &Live,
        set: &Bound<'_>,
        request: &Request,
        timeout: Duration,
    ) -> Result<Row, Stop> {
        let mut requests = vec![];
        for write in request.writes() {
            let member = changeset::member(set.graph, &write.path).ok_or_else(|| changeset::no_member(&write.path))?;
            let body = changeset::binds(&write.refer, write.request.body.clone());
            let key = changeset::key_of(request, &write.path);
            requests.push((&write.path, Request { body, key, ..write.request.clone() }, &member.operation));
        }
        let bind = |(path, request, operation)| {
            let attempt = Attempt { operation, number: 1, timeout: None };
            Ok((path, now.bind(live, request, &attempt)?))
        };
        let writes = requests.iter().map(|(path, request, operation)| bind((*path, request, *operation)));
        let writes: Vec<(&Text, Bound<'_>)> = writes.collect::<Result<_, StepError>>()?;
        let call = changeset::call(set, &writes)?;
        let answer = live.exchange(&self.client, set, &call, timeout).await?;
        changeset::result(set, &writes, &answer)
    }

    async fn do_look_there(&self, request: &Request, attempt: &Attempt<'_>, refusal: &Value) -> LookOutcome {
        match self.there(request, attempt, refusal).await {
            Ok(rows) => LookOutcome::Found(rows),
            Err(Stop::Missing(_)) => LookOutcome::Found(vec![]),
            Err(Stop::Failed(error) | Stop::Held { error, .. }) => LookOutcome::Failed(error),
        }
    }

    /// The work of an earlier attempt at the address that a refusal names (`find.at`), else where it is always looked for.
    async fn there(&self, request: &Request, attempt: &Attempt<'_>, refusal: &Value) -> Result<Vec<Row>, Stop> {
        let now = self.now.load_full();
        let live = now.connection(&request.connection)?;
        let written = now.bind(live, request, attempt)?;
        let find = written.operation.repeat(false, false).and_then(|entry| entry.find.as_ref());
        let link = find.and_then(|find| find.at.iter().find_map(|path| path.find(refusal)?.as_text()));
        let Some(link) = link else { return self.find(request, attempt).await };
        let Some(url) = written.address(link) else {
            let message =
                format!("{} says that the work stands at an address that is not its own", written.system.title);
            return Err(Stop::Failed(undone(StepError::new(ErrorClass::Config, "foreign_link", message))));
        };
        let call = request::Call { method: "GET", url, headers: vec![], body: None };
        let answer = live.exchange(&self.client, &written, &call, timeout(live, attempt)).await?;
        let value = written.result(&answer)?;
        Ok(vec![written.row(value, false, None)])
    }

    /// The rows that an earlier attempt at `request` may have made: at most two, the second one tells enough.
    async fn find(&self, request: &Request, attempt: &Attempt<'_>) -> Result<Vec<Row>, Stop> {
        // A change set is one transaction: done when its first write is found.
        if let Some(first) = request.writes().first() {
            let member = changeset::member(attempt.operation, &first.path);
            let operation = &member.ok_or_else(|| changeset::no_member(&first.path))?.operation;
            let first_request = Request { key: changeset::key_of(request, &first.path), ..first.request.clone() };
            let rows = Box::pin(self.find(&first_request, &Attempt { operation, ..*attempt })).await?;
            return Ok(rows.into_iter().map(|row| changeset::found(&first.path, row)).collect());
        }
        let now = self.now.load_full();
        let live = now.connection(&request.connection)?;
        let written = now.bind(live, request, attempt)?;
        let chosen = written.entity.is_some_and(|entity| entity.is_chosen());
        let found_by = !request.find_by.is_empty();
        let find = written.operation.repeat(chosen, found_by).and_then(|entry| entry.find.as_ref());
        let asked = find.and_then(|find| Some((find, look_request(&written, find)?)));
        let Some((find, asked)) = asked else {
            let message = format!("nothing tells what an earlier `{}` did", request.operation);
            return Err(Stop::Failed(undone(StepError::new(ErrorClass::Config, NO_LOOK, message))));
        };
        let looking = now.bind(live, &asked, attempt)?;
        let timeout = timeout(live, attempt);
        let is_list = looking.operation.result().at.is_some();
        let rows = match is_list {
            true => self.rows(live, &looking, timeout).await?,
            false => vec![self.perform(live, &looking, timeout).await?.value],
        };
        let gives_nothing = written.operation.result().ty == TypeRef::None;
        let done = rows.into_iter().filter(|row| find.is_done(row));
        let done = done.map(|row| if gives_nothing { Value::Missing } else { row });
        Ok(done.map(|row| written.row(row, false, None)).collect())
    }

    /// Sends what one request asks for; a list to its end.
    async fn perform(&self, live: &Live, bound: &Bound<'_>, timeout: Duration) -> Result<Row, Stop> {
        let outcome = bound.operation.result();
        let is_list = matches!(outcome.ty, TypeRef::List(_));
        if is_list || outcome.exactly == Some(Exactly::One) {
            let mut rows = self.rows(live, bound, timeout).await?;
            if is_list {
                return Ok(Row::value(Value::from(rows)));
            }
            return match (rows.pop(), rows.is_empty()) {
                (Some(row), true) => Ok(Row::value(row)),
                (Some(_), false) => {
                    Err(Stop::Failed(StepError::data("not_unique", "more than one row meets the condition")))
                }
                (None, _) => Err(Stop::Missing(StepError::data("not_found", "no row meets the condition"))),
            };
        }
        let calls = bound.calls().map_err(undone)?;
        let [call] = calls.as_slice() else {
            return Err(Stop::Failed(StepError::data("not_found", "there is nothing to ask for")));
        };
        match live.exchange(&self.client, bound, call, timeout).await {
            Ok(answer) => Ok(bound.row(bound.result(&answer)?, true, Some(answer.status))),
            // What gives nothing and is done already is done, where nothing has to be looked for.
            Err(NoAnswer::Failed(error)) if error.is == Some(Is::Done) && bound.operation.gives_nothing_to_find() => {
                Ok(Row { status: error.status, ..Row::value(Value::Missing) })
            }
            Err(NoAnswer::Failed(error)) if error.status.is_some_and(|status| outcome.missing.contains(&status)) => {
                Err(Stop::Missing(error))
            }
            Err(none) => Err(none.into()),
        }
    }

    /// The rows of a list: all of its span of time, or as many as are wanted.
    async fn rows(&self, live: &Live, bound: &Bound<'_>, timeout: Duration) -> Result<Vec<Value>, Stop> {
        let Some(rules) = &bound.operation.windows else { return self.pages(live, bound, timeout).await };
        let wanted = bound.limit().unwrap_or(usize::MAX);
        let mut left = windows::cut(rules, bound.request).map_err(undone)?;
        let mut rows = vec![];
        while let Some(window) = left.pop() {
            let request = window.of(rules, bound.request);
            match self.pages(live, &Bound { request: &request, ..*bound }, timeout).await {
                Ok(found) => rows.extend(found),
                Err(Stop::Failed(error)) if rules.too_long.as_deref() == Some(error.code.as_str()) => {
                    let Some((first, second)) = window.halved() else { return Err(Stop::Failed(error)) };
                    left.extend([second, first]);
                }
                Err(stop) => return Err(stop),
            }
            if rows.len() >= wanted {
                rows.truncate(wanted);
                break;
            }
        }
        Ok(rows)
    }

    /// The rows of a list: all pages of all its parts, or as many as are wanted.
    async fn pages(&self, live: &Live, bound: &Bound<'_>, timeout: Duration) -> Result<Vec<Value>, Stop> {
        let wanted = bound.limit().unwrap_or(usize::MAX);
        let calls = bound.calls().map_err(undone)?;
        let (parts, mut rows) = (calls.len(), vec![]);
        // Parts are sorted each by itself: only all of them show which rows come first.
        let sorts = parts > 1 && !bound.sort().is_empty();
        for call in calls {
            let mut pages = Pages::new(*bound, call);
            let mut next = Some(pages.begin());
            while let Some(call) = next.filter(|_| pages.rows.len() < wanted) {
                let answer = live.exchange(&self.client, bound, &call, timeout).await?;
                next = pages.take(&answer)?;
            }
            rows.append(&mut pages.rows);
            if rows.len() >= wanted && !sorts {
                break;
            }
        }
        if sorts {
            rows.sort_by(|a, b| compare(a, b, bound.sort()));
        }
        rows.truncate(wanted);
        Ok(rows)
    }
}

impl Now {
    fn connection(&self, name: &str) -> Result<&Live, StepError> {
        self.live.get(name).map(|live| &**live).ok_or_else(|| {
            undone(StepError::new(ErrorClass::Config, "no_connection", format!("there is no connection `{name}`")))
        })
    }

    fn bind<'a>(&'a self, live: &'a Live, request: &'a Request, attempt: &Attempt<'a>) -> Result<Bound<'a>, StepError> {
        let known = self.catalog.operation(&request.operation).filter(|(system, _)| system.name == live.config.system);
        let Some((system, operation)) = known else {
            let message = format!("connection `{}` has no operation `{}`", request.connection, request.operation);
            return Err(undone(StepError::new(ErrorClass::Config, "no_operation", message)));
        };
        let entity = match request.entity.as_ref().map(|name| (name, system.entities.get(name.as_str()))) {
            None => None,
            Some((_, Some(entity))) => Some(entity),
            Some((name, None)) => {
                let message = format!("{} has no entity `{name}`", system.title);
                return Err(undone(StepError::new(ErrorClass::Config, "no_entity", message)));
            }
        };
        let (config, types, graph) = (&live.config, &self.types, attempt.operation);
        Ok(Bound { system, operation, entity, config, types, request, graph })
    }
}

fn timeout(live: &Live, attempt: &Attempt<'_>) -> Duration {
    attempt.timeout.unwrap_or(live.config.limits.timeout)
}

impl Connector for Connectors {
    fn send<'a>(&'a self, request: &'a Request, attempt: &'a Attempt) -> Reply<'a, Outcome> {
        Box::pin(self.do_send(request, attempt))
    }

    fn look<'a>(&'a self, request: &'a Request, attempt: &'a Attempt) -> Reply<'a, LookOutcome> {
        Box::pin(self.do_look(request, attempt))
    }

    fn row_key(&self, request: &Request, attempt: &Attempt, row: &Value) -> Option<Text> {
        let now = self.now.load_full();
        let live = now.connection(&request.connection).ok()?;
        let (request, operation, row) = match request.writes().first() {
            // A change set is known by the row of its first write.
            Some(first) => {
                let member = changeset::member(attempt.operation, &first.path)?;
                (&first.request, &member.operation, row.get(&first.path))
            }
            None => (request, attempt.operation, row),
        };
        now.bind(live, request, &Attempt { operation, ..*attempt }).ok()?.key_text(row)
    }

    fn look_there<'a>(
        &'a self,
        request: &'a Request,
        attempt: &'a Attempt,
        refusal: &'a Value,
    ) -> Reply<'a, LookOutcome> {
        Box::pin(self.do_look_there(request, attempt, refusal))
    }
}

/// Why there is no row.
enum Stop {
    Missing(StepError),
    Failed(StepError),
    Held { until: jiff::Timestamp, error: StepError },
}

impl From<StepError> for Stop {
    fn from(error: StepError) -> Stop {
        Stop::Failed(error)
    }
}

impl From<NoAnswer> for Stop {
    fn from(none: NoAnswer) -> Stop {
        match none {
            NoAnswer::Failed(error) => Stop::Failed(error),
            NoAnswer::Held { until, error } => Stop::Held { until, error },
        }
    }
}

/// An error from before anything was sent.
fn undone(error: StepError) -> StepError {
    StepError { sent: Sent::Undone, ..error }
}

/// The key of `find` that names the entity of the row that tells, where it is not the write's own.
const ENTITY: &str = "entity";

/// The request that the catalogue's `find` makes of a write: each parameter filled by one of the write's.
fn look_request(written: &Bound<'_>, find: &Find) -> Option<Request> {
    let operation = find.operation.as_ref()?;
    let reading = written.system.operations.get(operation)?;
    let mut params = vec![];
    for (name, source) in find.with.iter().filter(|(name, _)| *name != ENTITY) {
        let of_write = || written.request.params.iter().find(|(known, _)| known.as_str() == source).map(|(_, it)| it);
        let param = match source.as_str() {
            "body" => {
                let key = written.key(written.request.body.as_ref()?)?;
                let key: Record = key.into_iter().map(|(column, value)| (Text::from(column), value)).collect();
                Parameter::Value(Value::Record(key))
            }
            "made" => Parameter::Value(written.made_key()?),
            "find_by" if !written.request.find_by.is_empty() => {
                let columns = written.request.find_by.iter();
                let each = columns.map(|(column, value)| equals(column, value.clone()));
                Parameter::Filter(EvaluatedFilter::And(each.collect()))
            }
            _ => of_write()?.clone(),
        };
        // What a flow writes as `key` has a name of its own.
        params.push((Text::from(reading.param(name)?.0), param));
    }
    // The same company as the write's.
    let company = written.system.company.as_deref();
    let of_body = company.zip(written.request.body.as_ref()).map(|(column, body)| body.get(column));
    match of_body.filter(|company| !company.is_blank()) {
        Some(company) => params.push(("company".into(), Parameter::Value(company.clone()))),
        None => params.extend(written.request.params.iter().find(|(name, _)| name.as_str() == "company").cloned()),
    }
    Some(Request {
        operation: Text::from(format!("{}.{}", written.system.name, operation)),
        connection: written.request.connection.clone(),
        entity: find
            .with
            .get(ENTITY)
            .or(written.entity.map(|entity| &entity.name))
            .map(|entity| Text::from(entity.as_str())),
        params,
        body: None,
        key: None,
        find_by: vec![],
        now: written.request.now,
    })
}

/// By these columns; texts without regard to case, as the systems sort.
fn compare(a: &Value, b: &Value, columns: &[Text]) -> Ordering {
    let order = |column: &Text| match (a.get(column), b.get(column)) {
        (Value::Text(a), Value::Text(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
        (a, b) => a.order(b).unwrap_or(Ordering::Equal),
    };
    columns.iter().map(order).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
