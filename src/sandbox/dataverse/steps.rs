//! What is registered to hear of changes: service endpoints, and the steps that say of which message of which table, checked
//! as Dataverse checks them. A step is at work as soon as it is there.

use super::hooks::{Hook, HookKey, Step};
use super::refusal::{Refusal, code};
use super::table::Tables;
use crate::sandbox::server::{Call, Reply};
use crate::value::{Record, Text, Value};
use std::collections::BTreeMap;

/// The messages that tell of rows, with their ids.
const MESSAGES: [(&str, &str); 3] = [
    ("Create", "9ebdbb1b-ea3e-db11-86a7-000a3a5473e8"),
    ("Update", "20bebb1b-ea3e-db11-86a7-000a3a5473e8"),
    ("Delete", "a1bdbb1b-ea3e-db11-86a7-000a3a5473e8"),
];
const ENDPOINTS: &str = "serviceendpoints";
const STEPS: &str = "sdkmessageprocessingsteps";
const MESSAGE_SET: &str = "sdkmessages";
const FILTERS: &str = "sdkmessagefilters";
const WEBHOOK: i64 = 8;

/// What is registered.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    endpoints: Vec<Record>,
    steps: Vec<Record>,
}

impl Registry {
    /// Whether a path is one of ours.
    pub fn has(path: &str) -> bool {
        let set = path.split('(').next().unwrap_or_default();
        [ENDPOINTS, STEPS, MESSAGE_SET, FILTERS].contains(&set)
    }

    /// All rows of a set, for looking at.
    pub fn rows(&self, set: &str) -> Option<Vec<Record>> {
        match set {
            ENDPOINTS => Some(self.endpoints.clone()),
            STEPS => Some(self.steps.clone()),
            _ => None,
        }
    }

    /// One request below the service's address.
    pub fn answer(&mut self, path: &str, call: &Call, tables: &Tables, base: &str) -> Result<Reply, Refusal> {
        let (set, id) = match path.split_once('(') {
            Some((set, id)) => (set, Some(id.trim_end_matches(')'))),
            None => (path, None),
        };
        match (call.method.as_str(), set, id) {
            ("GET", set, None) => self.list(set, call, tables),
            ("POST", ENDPOINTS, None) => {
                let row = self.endpoint(super::read_body(call)?)?;
                Ok(made(base, set, &row, "serviceendpointid"))
            }
            ("POST", STEPS, None) => {
                let row = self.step(super::read_body(call)?, tables)?;
                Ok(made(base, set, &row, "sdkmessageprocessingstepid"))
            }
            ("PATCH", STEPS, Some(id)) => {
                let body = super::read_body(call)?;
                let place = self.steps.iter().position(|step| text(step, "sdkmessageprocessingstepid") == id);
                let place = place.ok_or_else(|| Refusal::no_row("sdkmessageprocessingstep", id))?;
                let mut row = self.steps[place].clone();
                body.iter().for_each(|(name, value)| row.set(name.clone(), value.clone()));
                check_columns(&row, tables)?;
                self.steps[place] = row;
                Ok(Reply::empty(204))
            }
            _ => Err(Refusal::new(405, code::INVALID, "The requested resource does not support this HTTP method.")),
        }
    }

    fn list(&self, set: &str, call: &Call, tables: &Tables) -> Result<Reply, Refusal> {
        let record = |fields: &[(&str, &str)]| -> Record {
            fields.iter().map(|(name, value)| (Text::from(*name), Value::from(*value))).collect()
        };
        let rows: Vec<Record> = match set {
            ENDPOINTS => self.endpoints.clone(),
            STEPS => self.steps.clone(),
            MESSAGE_SET => MESSAGES.iter().map(|(name, id)| record(&[("name", name), ("sdkmessageid", id)])).collect(),
            _ => {
                let filters = tables.values().flat_map(|table| {
                    MESSAGES.iter().map(|(message, id)| {
                        record(&[
                            ("primaryobjecttypecode", &table.logical),
                            ("_sdkmessageid_value", id),
                            ("sdkmessagefilterid", &filter_id(&table.logical, message)),
                        ])
                    })
                });
                filters.collect()
            }
        };
        let wanted = conditions(call.parameter("$filter").unwrap_or_default())?;
        let meets = |row: &Record| wanted.iter().all(|(column, value)| text(row, column) == value);
        let columns: Vec<&str> = call.parameter("$select").map(|all| all.split(',').collect()).unwrap_or_default();
        let shown = rows.into_iter().filter(meets).map(|row| {
            let kept = |name: &str| name != "authvalue" && (columns.is_empty() || columns.contains(&name));
            Value::Record(row.iter().filter(|(name, _)| kept(name)).map(|(n, v)| (n.clone(), v.clone())).collect())
        });
        let body = Record::from_iter([(Text::from("value"), Value::from(shown.collect::<Vec<_>>()))]);
        Ok(super::json_reply(200, &Value::Record(body)))
    }

    fn endpoint(&mut self, mut row: Record) -> Result<Record, Refusal> {
        let url = url::Url::parse(text(&row, "url")).map_err(|_| bad("The url of an endpoint is no address."))?;
        let fits = matches!((url.scheme(), url.port_or_known_default()), ("https", Some(443)) | ("http", Some(80)));
        if !fits {
            return Err(bad("A webhook is called at port 443 or 80 only."));
        }
        if number(&row, "contract") != Some(WEBHOOK)
            || text(&row, "authvalue").is_empty()
            || text(&row, "name").is_empty()
        {
            return Err(bad("A webhook has contract 8, a name and an authvalue."));
        }
        key(&row)?;
        row.set("serviceendpointid".into(), Value::from(uuid::Uuid::new_v4().to_string()));
        self.endpoints.push(row.clone());
        Ok(row)
    }

    fn step(&mut self, mut row: Record, tables: &Tables) -> Result<Record, Refusal> {
        let bound = |column: &str, set: &str| {
            let bind = row.get(&format!("{column}@odata.bind")).and_then(Value::as_text);
            let id = bind.and_then(|bind| bind.strip_prefix(&format!("/{set}("))?.strip_suffix(')'));
            id.map(str::to_owned).ok_or_else(|| bad(&format!("A step is bound to a row of {set}.")))
        };
        let endpoint = bound("eventhandler_serviceendpoint", ENDPOINTS)?;
        let (message, filter) = (bound("sdkmessageid", MESSAGE_SET)?, bound("sdkmessagefilterid", FILTERS)?);
        if !self.endpoints.iter().any(|known| text(known, "serviceendpointid") == endpoint) {
            return Err(Refusal::no_row("serviceendpoint", &endpoint));
        }
        let name = MESSAGES.iter().find(|(_, id)| *id == message).map(|(name, _)| *name);
        let name = name.ok_or_else(|| Refusal::no_row("sdkmessage", &message))?;
        let table = tables.values().find(|table| filter_id(&table.logical, name) == filter);
        let table = table.ok_or_else(|| Refusal::no_row("sdkmessagefilter", &filter))?;
        if number(&row, "stage") != Some(40) || number(&row, "mode") != Some(1) {
            return Err(bad("A webhook is called after the operation, asynchronously: stage 40, mode 1."));
        }
        let id = uuid::Uuid::new_v4().to_string();
        for (column, value) in [
            ("sdkmessageprocessingstepid", id.as_str()),
            ("_eventhandler_value", endpoint.as_str()),
            ("message", name),
            ("primaryobjecttypecode", table.logical.as_str()),
        ] {
            row.set(column.into(), Value::from(value));
        }
        row.set("statecode".into(), Value::from(0));
        check_columns(&row, tables)?;
        self.steps.push(row.clone());
        Ok(row)
    }

    /// The endpoints with their steps that are switched on.
    pub fn hooks(&self) -> Vec<Hook> {
        let mut by_endpoint: BTreeMap<&str, Vec<Step>> = BTreeMap::new();
        for step in self.steps.iter().filter(|step| number(step, "statecode") == Some(0)) {
            by_endpoint.entry(text(step, "_eventhandler_value")).or_default().push(Step {
                table: text(step, "primaryobjecttypecode").to_owned(),
                message: text(step, "message").to_owned(),
                filtering: filtering(step).map(str::to_owned).collect(),
                images: false,
            });
        }
        let hooks = self.endpoints.iter().filter_map(|endpoint| {
            let steps = by_endpoint.remove(text(endpoint, "serviceendpointid"))?;
            Some(Hook { url: text(endpoint, "url").to_owned(), key: key(endpoint).ok()?, steps })
        });
        hooks.collect()
    }
}

/// How the endpoint is to know that it is Dataverse.
fn key(endpoint: &Record) -> Result<HookKey, Refusal> {
    let value = text(endpoint, "authvalue");
    let setting = || {
        let part =
            |name: &str| value.split_once(&format!(" {name}=\""))?.1.split_once('"').map(|(part, _)| unescaped(part));
        value.starts_with("<settings><setting ").then_some(())?;
        Some((part("name")?, part("value")?))
    };
    let unread = || bad("The authvalue holds no <settings>.");
    match number(endpoint, "authtype") {
        Some(4) => Ok(HookKey::WebhookKey(value.to_owned())),
        Some(5) => setting().map(|(name, value)| HookKey::Header(name, value)).ok_or_else(unread),
        Some(6) => setting().map(|(name, value)| HookKey::Query(name, value)).ok_or_else(unread),
        _ => Err(bad("The authtype of a webhook is 4, 5 or 6.")),
    }
}

/// Only updates are filtered, and only by columns of the table.
fn check_columns(step: &Record, tables: &Tables) -> Result<(), Refusal> {
    let table = tables.values().find(|table| table.logical == text(step, "primaryobjecttypecode"));
    for column in filtering(step) {
        if text(step, "message") != "Update" {
            return Err(bad("Filtering attributes are for the message Update."));
        }
        let lookup = format!("_{column}_value");
        let known = |name: &str| table.is_some_and(|table| table.row.fields.contains_key(name));
        if !known(column) && !known(&lookup) {
            return Err(bad(&format!("'{column}' is no attribute of {}.", text(step, "primaryobjecttypecode"))));
        }
    }
    Ok(())
}

fn filtering(step: &Record) -> impl Iterator<Item = &str> {
    text(step, "filteringattributes").split(',').map(str::trim).filter(|column| !column.is_empty())
}

/// `name eq 'Update' and _sdkmessageid_value eq GUID`: all that is asked of these tables.
fn conditions(filter: &str) -> Result<Vec<(String, String)>, Refusal> {
    let parts = filter.split(" and ").filter(|part| !part.is_empty()).map(|part| {
        let (column, value) = part.split_once(" eq ").ok_or_else(|| bad("Only `eq` is known here."))?;
        Ok((column.trim().to_owned(), value.trim().trim_matches('\'').replace("''", "'")))
    });
    parts.collect()
}

fn filter_id(logical: &str, message: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, format!("{logical}/{message}").as_bytes());
    let bytes: [u8; 16] = hash.as_ref().get(..16).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

fn made(base: &str, set: &str, row: &Record, key: &str) -> Reply {
    Reply::empty(204).with("OData-EntityId", format!("{base}{set}({})", text(row, key)))
}

fn bad(why: &str) -> Refusal {
    Refusal::bad(code::PAYLOAD, why)
}

fn text<'r>(row: &'r Record, column: &str) -> &'r str {
    row.get(column).and_then(Value::as_text).map(Text::as_str).unwrap_or_default()
}

fn number(row: &Record, column: &str) -> Option<i64> {
    row.get(column).and_then(Value::as_number).and_then(|number| number.exact().ok()?.to_i64())
}

fn unescaped(text: &str) -> String {
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&")
}
