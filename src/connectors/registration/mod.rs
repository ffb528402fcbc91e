//! Webhooks at the providers: what is registered, what should be, and the requests that make it so.
//!
//! A registration is reconciled and never simply created: what is there is read first, and again after a create.
//! Invariants: where it cannot be read nothing is created; nothing is deleted, and no event is taken away that somebody
//! else may have asked for; no secret is in a plan.

mod dataverse;
#[cfg(test)]
mod tests;

use super::secret::Secret;
use super::{ConnectionConfig, Connectors};
use crate::catalog::{Registration, RegistrationList, RegistrationRequest, System};
use crate::engine::connector::StepError;
use crate::value::{Record, Text, Value};
use std::collections::BTreeMap;

/// What a connection's webhook should be at its provider.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The whole address that the provider delivers to.
    pub url: String,
    /// As the provider calls them, in order, each once.
    pub events: Vec<String>,
    /// Of updates, the columns of which one has to be touched; an event that is not here: any.
    pub columns: BTreeMap<String, Vec<String>>,
    /// The secret that proves deliveries, where we choose it, and where it stands.
    pub secret: Option<(Secret, String)>,
    /// The provider's id of it, where the connection knows it.
    pub id: Option<String>,
    /// Whose it is: of this project, environment and connection.
    pub mark: String,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Registered as it should be.
    InPlace { id: String },
    /// Nothing is registered for the address.
    Create { events: Vec<String> },
    /// Something is, and lacks these events, hears of too few columns of those, or is switched off.
    Update { id: String, missing: Vec<String>, events: Vec<String>, narrow: Vec<String>, switched_off: bool },
    /// Ours is registered for another address.
    Move { id: String, from: String, events: Vec<String> },
    /// Registered more than once: every event comes as often. A person decides which goes.
    Several { ids: Vec<String> },
    /// No request can do it.
    ByHand { what: String },
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Registered {
    pub id: String,
    /// Signs deliveries; given once.
    pub secret: Option<Secret>,
}

impl Connectors {
    /// What has to be done so that the events come. Only reads.
    pub async fn plan_registration(
        &self,
        connection: &str,
        system: &System,
        wanted: &Wanted,
    ) -> Result<Plan, StepError> {
        let Some(registration) = &system.registration else {
            return Ok(by_hand(&format!("register {{url}} for {{events}} at {}", system.title), wanted));
        };
        if let Some(what) = &registration.by_hand {
            return Ok(by_hand(what, wanted));
        }
        match (&registration.list, registration.code.as_deref()) {
            (Some(list), _) => {
                let rows = self.ask(connection, system, "GET", &list.path, None).await?.body;
                let rows = list.rows.find(&rows).and_then(Value::as_list).ok_or_else(|| unread(system))?;
                Ok(plan(registration, list, rows, wanted))
            }
            (None, Some("dataverse_steps")) => dataverse::plan(self, connection, system, wanted).await,
            (None, _) => Ok(by_hand("register {url} for {events}", wanted)),
        }
    }

    /// Does what a plan says.
    pub async fn register(
        &self,
        connection: &str,
        system: &System,
        config: &ConnectionConfig,
        wanted: &Wanted,
        plan: &Plan,
    ) -> Result<Registered, StepError> {
        let Some(registration) = &system.registration else { return Ok(Registered::default()) };
        if registration.code.as_deref() == Some("dataverse_steps") {
            return dataverse::register(self, connection, system, wanted, plan).await;
        }
        let (request, id, events) = match plan {
            Plan::Create { events } => (&registration.create, "", events),
            Plan::Update { id, events, .. } => (&registration.update, id.as_str(), events),
            Plan::Move { id, events, .. } => (&registration.relocate, id.as_str(), events),
            _ => return Ok(Registered::default()),
        };
        let Some(request) = request else { return Ok(Registered::default()) };
        let event_field = registration.list.as_ref().and_then(|list| list.event.as_deref());
        let body = fill(&request.body, wanted, events, event_field, config);
        let told = self.send_registration(connection, system, request, id, &body).await?;
        let given = match told.get("id").as_text() {
            Some(given) => given.to_string(),
            None => id.to_owned(),
        };
        let secret = registration.secret.as_ref().and_then(|path| path.find(&told)).and_then(Value::as_text);
        Ok(Registered { id: given, secret: secret.map(|text| Secret::new(text)) })
    }

    async fn send_registration(
        &self,
        connection: &str,
        system: &System,
        request: &RegistrationRequest,
        id: &str,
        body: &Value,
    ) -> Result<Value, StepError> {
        let id = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string();
        // An id of Stripe has an underscore, which would be encoded without need.
        let path = request.path.replace("{id}", &id.replace("%5F", "_").replace("%2D", "-"));
        Ok(self.ask(connection, system, request.method.as_str(), &path, Some(body)).await?.body)
    }
}

fn by_hand(what: &str, wanted: &Wanted) -> Plan {
    let events = if wanted.events.is_empty() { "its events".to_owned() } else { wanted.events.join(", ") };
    Plan::ByHand { what: what.replace("{url}", &wanted.url).replace("{events}", &events) }
}

fn unread(system: &System) -> StepError {
    let message = format!("the answer of {} shows no list of registrations", system.title);
    StepError::new(crate::graph::ErrorClass::Unavailable, "unreadable_answer", message)
}

/// Compares what is registered with what should be.
fn plan(registration: &Registration, list: &RegistrationList, rows: &[Value], wanted: &Wanted) -> Plan {
    let same = |row: &&Value| row.get(&list.url).as_text().is_some_and(|url| same_address(url, &wanted.url));
    let ours: Vec<&Value> = rows.iter().filter(same).collect();
    let id = |row: &Value| row.get("id").as_text().map(|id| id.to_string()).unwrap_or_default();
    let listens = |row: &Value| -> Vec<String> {
        let events = row.get(&list.events).as_list().unwrap_or_default().iter();
        let name = |event: &Value| match &list.event {
            Some(field) => event.get(field).as_text().map(|name| name.to_string()),
            None => event.as_text().map(|name| name.to_string()),
        };
        events.filter_map(name).collect()
    };
    match ours.as_slice() {
        [] => {
            let known = |row: &&Value| {
                let marked = list.mark.as_ref().and_then(|mark| mark.find(row)).and_then(Value::as_text);
                wanted.id.as_ref().is_some_and(|wanted| *wanted == id(row))
                    || marked.is_some_and(|mark| mark.as_str() == wanted.mark)
            };
            match rows.iter().filter(known).collect::<Vec<_>>().as_slice() {
                [one] if registration.relocate.is_some() => {
                    let mut events = listens(one);
                    let missing = wanted
                        .events
                        .iter()
                        .filter(|name| !events.contains(name) && !events.iter().any(|all| all == "*"));
                    let missing: Vec<String> = missing.cloned().collect();
                    events.extend(missing);
                    let from = one.get(&list.url).as_text().map(|url| url.to_string()).unwrap_or_default();
                    Plan::Move { id: id(one), from, events }
                }
                _ => Plan::Create { events: wanted.events.clone() },
            }
        }
        [one] => {
            let mut events = listens(one);
            let all = events.iter().any(|name| name == "*");
            let missing: Vec<String> =
                wanted.events.iter().filter(|name| !all && !events.contains(name)).cloned().collect();
            let switched_off = list
                .active
                .as_ref()
                .is_some_and(|(field, active)| one.get(field).as_text().is_some_and(|state| state.as_str() != active));
            if missing.is_empty() && !switched_off {
                return Plan::InPlace { id: id(one) };
            }
            events.extend(missing.iter().cloned());
            Plan::Update { id: id(one), missing, events, narrow: vec![], switched_off }
        }
        several => Plan::Several { ids: several.iter().map(|row| id(row)).collect() },
    }
}

/// Addresses that lead to one place: a slash at the end or a capital in the host make no other.
fn same_address(a: &str, b: &str) -> bool {
    let whole = |text: &str| url::Url::parse(text).map(|url| url.as_str().trim_end_matches('/').to_owned());
    matches!((whole(a), whole(b)), (Ok(a), Ok(b)) if a == b)
}

/// A body of the catalogue with what it names.
fn fill(
    body: &serde_yaml::Value,
    wanted: &Wanted,
    events: &[String],
    event_field: Option<&str>,
    config: &ConnectionConfig,
) -> Value {
    match body {
        serde_yaml::Value::String(text) => match text.as_str() {
            "{url}" => Value::from(wanted.url.as_str()),
            "{mark}" => Value::from(wanted.mark.as_str()),
            "{events}" => {
                let events = events.iter().map(|name| match event_field {
                    Some(field) => Value::Record(Record::from_iter([(Text::from(field), Value::from(name.as_str()))])),
                    None => Value::from(name.as_str()),
                });
                Value::from(events.collect::<Vec<_>>())
            }
            text => match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
                Some(key) => config.param(key).map_or(Value::Missing, Value::from),
                None => Value::from(text),
            },
        },
        serde_yaml::Value::Sequence(items) => {
            Value::from(items.iter().map(|item| fill(item, wanted, events, event_field, config)).collect::<Vec<_>>())
        }
        serde_yaml::Value::Mapping(fields) => {
            let fields = fields.iter().filter_map(|(name, value)| {
                Some((Text::from(name.as_str()?), fill(value, wanted, events, event_field, config)))
            });
            Value::Record(fields.filter(|(_, value)| !matches!(value, Value::Missing)).collect())
        }
        serde_yaml::Value::Bool(flag) => Value::Bool(*flag),
        _ => Value::Null,
    }
}
