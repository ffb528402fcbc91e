//! What Dataverse tells registered endpoints of: each change as a RemoteExecutionContext, with the key in the address or
//! in a header. Asynchronous steps: once more after 502, 503 or 504, and then it is lost.

use super::table::{Table, Tables};
use super::write::{Change, TABLE_OF};
use crate::language::types::Kind;
use crate::value::{Record, Text, Value, json, time};
use jiff::Timestamp;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Above this, row and images are left out.
const LARGEST: usize = 256 << 10;
const CONTRACTS: &str = "http://schemas.microsoft.com/xrm/2011/Contracts";

/// A registered endpoint with its steps.
#[derive(Clone, Debug)]
pub struct Hook {
    pub url: String,
    pub key: HookKey,
    pub steps: Vec<Step>,
}

/// How the endpoint knows that it is us.
#[derive(Clone, Debug)]
pub enum HookKey {
    /// `?code=…`.
    WebhookKey(String),
    Header(String, String),
    Query(String, String),
}

/// Of which changes it is told.
#[derive(Clone, Debug)]
pub struct Step {
    /// The table's logical name.
    pub table: String,
    pub message: String,
    /// An update has to touch one of these; nothing: any.
    pub filtering: Vec<String>,
    /// The row before and after comes along.
    pub images: bool,
}

/// A delivery to be made.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub url: String,
    pub header: Option<(String, String)>,
    pub table: String,
    pub message: String,
    pub oversized: bool,
    pub body: String,
}

/// A message and the status answered to it.
type Attempt = (String, Option<u16>);

/// What became of deliveries.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<Attempt>>>);

impl Log {
    /// Each attempt's message with the status answered; `None`: no answer came.
    pub fn attempts(&self) -> Vec<(String, Option<u16>)> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    fn note(&self, what: String, status: Option<u16>) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((what, status));
    }
}

/// Who is told of a change, and what.
pub fn deliveries(hooks: &[Hook], tables: &Tables, change: &Change, now: Timestamp) -> Vec<Delivery> {
    let Some(table) = tables.get(&change.table) else { return vec![] };
    let touches = |step: &Step| {
        step.table == table.logical
            && step.message == change.message
            && (step.filtering.is_empty()
                || change.message != "Update"
                || change
                    .target
                    .iter()
                    .any(|row| row.iter().any(|(name, _)| step.filtering.iter().any(|f| f == bare(name)))))
    };
    let told =
        hooks.iter().flat_map(|hook| hook.steps.iter().filter(|step| touches(step)).map(move |step| (hook, step)));
    told.map(|(hook, step)| {
        let whole = context(table, change, step.images, now, true);
        let oversized = whole.len() > LARGEST;
        let body = if oversized { context(table, change, step.images, now, false) } else { whole };
        let query = |name: &str, value: &str| {
            let mark = if hook.url.contains('?') { '&' } else { '?' };
            let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            format!("{}{mark}{name}={value}", hook.url)
        };
        let (url, header) = match &hook.key {
            HookKey::WebhookKey(code) => (query("code", code), None),
            HookKey::Query(name, value) => (query(name, value), None),
            HookKey::Header(name, value) => (hook.url.clone(), Some((name.clone(), value.clone()))),
        };
        Delivery { url, header, table: table.logical.clone(), message: change.message.to_owned(), oversized, body }
    })
    .collect()
}

/// Delivers until the channel ends.
pub async fn deliver(mut due: tokio::sync::mpsc::UnboundedReceiver<Delivery>, log: Log) {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    let Ok(client) = client.timeout(Duration::from_secs(60)).build() else { return };
    while let Some(delivery) = due.recv().await {
        for _ in 0..2 {
            let status = send(&client, &delivery).await;
            log.note(format!("{} {}", delivery.message, delivery.table), status);
            if !matches!(status, Some(502..=504)) {
                break;
            }
        }
    }
}

async fn send(client: &reqwest::Client, delivery: &Delivery) -> Option<u16> {
    let mut request = client
        .post(&delivery.url)
        .header("Content-Type", "application/json; charset=utf-8")
        .header("x-ms-dynamics-organization", "sandbox")
        .header("x-ms-dynamics-entity-name", &delivery.table)
        .header("x-ms-dynamics-request-name", &delivery.message)
        .header("x-ms-correlation-request-id", uuid::Uuid::new_v4().to_string());
    if delivery.oversized {
        request = request.header("x-ms-dynamics-msg-size-exceeded", "true");
    }
    if let Some((name, value)) = &delivery.header {
        request = request.header(name, value);
    }
    Some(request.body(delivery.body.clone()).send().await.ok()?.status().as_u16())
}

fn context(table: &Table, change: &Change, images: bool, now: Timestamp, whole: bool) -> String {
    let text = |name: &str, value: String| (Text::from(name), Value::from(value));
    let operation = operation_id(change);
    let mut fields = vec![
        text("BusinessUnitId", "e2b9dd85-0000-4000-8000-000000000000".into()),
        text("CorrelationId", operation.clone()),
        (Text::from("Depth"), Value::from(1)),
        text("InitiatingUserId", change.user.clone()),
    ];
    if whole {
        let target = match &change.target {
            Some(row) => entity(table, &change.id, row),
            None => reference(&table.logical, &change.id),
        };
        fields.push((Text::from("InputParameters"), Value::from(vec![pair("Target", target)])));
    }
    fields.extend([
        (Text::from("IsExecutingOffline"), Value::from(false)),
        (Text::from("IsInTransaction"), Value::from(false)),
        (Text::from("IsolationMode"), Value::from(1)),
        text("MessageName", change.message.into()),
        (Text::from("Mode"), Value::from(1)),
        text("OperationCreatedOn", format!("/Date({}+0000)/", now.as_millisecond())),
        text("OperationId", operation),
        text("OrganizationName", "sandbox".into()),
        (Text::from("OutputParameters"), Value::from(Vec::<Value>::new())),
    ]);
    if whole {
        let image = |row: &Option<Record>| match row {
            Some(row) if images => vec![pair("image", entity(table, &change.id, row))],
            _ => vec![],
        };
        fields.push((Text::from("PostEntityImages"), Value::from(image(&change.after))));
        fields.push((Text::from("PreEntityImages"), Value::from(image(&change.before))));
    }
    fields.extend([
        text("PrimaryEntityId", change.id.clone()),
        text("PrimaryEntityName", table.logical.clone()),
        (Text::from("SharedVariables"), Value::from(Vec::<Value>::new())),
        (Text::from("Stage"), Value::from(40)),
        text("UserId", change.user.clone()),
    ]);
    // As the real one writes it: the slashes of dates are escaped.
    json::write(&Value::Record(fields.into_iter().collect()))
        .unwrap_or_default()
        .replace("/Date(", "\\/Date(")
        .replace(")/\"", ")\\/\"")
}

/// The same for every delivery of one change.
fn operation_id(change: &Change) -> String {
    let version = change.after.as_ref().or(change.before.as_ref()).and_then(|row| row.get(super::write::VERSION));
    let version = version.and_then(Value::as_number).map(|number| number.canonical()).unwrap_or_default();
    let name = format!("{}/{}/{}/{version}", change.table, change.id, change.message);
    let hash = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    let bytes: [u8; 16] = hash.as_ref().get(..16).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

fn pair(key: &str, value: Value) -> Value {
    Value::Record(Record::from_iter([(Text::from("key"), Value::from(key)), (Text::from("value"), value)]))
}

fn typed(name: &str, fields: &[(&str, Value)]) -> Value {
    let ty = (Text::from("__type"), Value::from(format!("{name}:{CONTRACTS}")));
    Value::Record(
        [ty].into_iter().chain(fields.iter().map(|(name, value)| (Text::from(*name), value.clone()))).collect(),
    )
}

fn reference(logical: &str, id: &str) -> Value {
    let none = || Value::from(Vec::<Value>::new());
    typed(
        "EntityReference",
        &[
            ("Id", Value::from(id)),
            ("KeyAttributes", none()),
            ("LogicalName", Value::from(logical)),
            ("Name", Value::Null),
            ("RowVersion", Value::Null),
        ],
    )
}

fn entity(table: &Table, id: &str, row: &Record) -> Value {
    let attributes: Vec<Value> = row
        .iter()
        .filter(|(name, value)| !name.contains('@') && !matches!(value, Value::Missing))
        .map(|(name, value)| pair(bare(name), attribute(table, row, name, value)))
        .collect();
    let none = || Value::from(Vec::<Value>::new());
    typed(
        "Entity",
        &[
            ("Attributes", Value::from(attributes)),
            ("EntityState", Value::Null),
            ("FormattedValues", none()),
            ("Id", Value::from(id)),
            ("KeyAttributes", none()),
            ("LogicalName", Value::from(table.logical.as_str())),
            ("RelatedEntities", none()),
            ("RowVersion", Value::Null),
        ],
    )
}

/// The attribute's name of a column: a lookup's without the signs of the Web API.
fn bare(column: &str) -> &str {
    column.strip_prefix('_').and_then(|rest| rest.strip_suffix("_value")).unwrap_or(column)
}

fn attribute(table: &Table, row: &Record, column: &str, value: &Value) -> Value {
    let ty = table.row.fields.get(column).map(|field| &field.ty);
    let facts = ty.and_then(|ty| ty.facts.as_deref());
    let date = |text: &str| time::parse_time(text).or_else(|| time::parse_time(&format!("{text}T00:00:00Z")));
    match (ty.map(|ty| &ty.kind), value) {
        (_, Value::Null) => Value::Null,
        (Some(Kind::Int), value) if facts.is_some_and(|facts| !facts.options.is_empty()) => {
            typed("OptionSetValue", &[("Value", value.clone())])
        }
        // Amounts of money have four decimals at most, quantities five, rates more.
        (Some(Kind::Decimal), value) if facts.and_then(|facts| facts.scale) == Some(4) => {
            typed("Money", &[("Value", value.clone())])
        }
        (Some(Kind::Date | Kind::Time), Value::Text(text)) => match date(text) {
            Some(at) => Value::from(format!("/Date({})/", at.as_millisecond())),
            None => value.clone(),
        },
        (_, Value::Text(id)) if bare(column) != column => {
            let logical = row.get(&format!("{column}{TABLE_OF}")).and_then(Value::as_text);
            reference(logical.map_or("systemuser", |logical| logical.as_str()), id)
        }
        (_, value) => value.clone(),
    }
}
