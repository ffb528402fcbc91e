//! Dataverse: a row of `serviceendpoints` for the address, and a step (`sdkmessageprocessingsteps`) for each message of
//! each table, with the columns of which an update has to touch one.

use super::{Plan, Registered, Wanted};
use crate::catalog::System;
use crate::connectors::Connectors;
use crate::engine::connector::StepError;
use crate::graph::ErrorClass;
use crate::value::{Record, Text, Value};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// After the main operation, in the background: what a webhook is meant for.
const STAGE: i64 = 40;
const ASYNCHRONOUS: i64 = 1;
const WEBHOOK: i64 = 8;
/// How the secret is sent: as `?code=`, as a header, as a parameter of the query.
const WEBHOOK_KEY: i64 = 4;
const HTTP_HEADER: i64 = 5;
const HTTP_QUERY: i64 = 6;

pub(super) async fn plan(
    connectors: &Connectors,
    connection: &str,
    system: &System,
    wanted: &Wanted,
) -> Result<Plan, StepError> {
    let list = Asked { connectors, connection, system };
    let endpoints = list.rows("serviceendpoints?$select=serviceendpointid,name,url,contract").await?;
    let ours = endpoints.iter().filter(|row| text(row, "url").is_some_and(|url| super::same_address(url, &wanted.url)));
    let ids: Vec<String> = ours.filter_map(|row| text(row, "serviceendpointid")).map(str::to_owned).collect();
    let [id] = ids.as_slice() else {
        return Ok(match ids.is_empty() {
            true => Plan::Create { events: wanted.events.clone() },
            false => Plan::Several { ids },
        });
    };
    let steps = list.steps(id).await?;
    let of = |event: &String| steps.iter().find(|step| step.name == step_name(event));
    let missing: Vec<String> = wanted.events.iter().filter(|event| of(event).is_none()).cloned().collect();
    let there = || wanted.events.iter().filter_map(|event| Some((event, of(event)?)));
    let narrow = there().filter(|(event, step)| step.widened(&columns(wanted, event)).is_some());
    let narrow: Vec<String> = narrow.map(|(event, _)| event.clone()).collect();
    let switched_off = there().any(|(_, step)| step.off);
    Ok(match missing.is_empty() && narrow.is_empty() && !switched_off {
        true => Plan::InPlace { id: id.clone() },
        false => Plan::Update { id: id.clone(), events: missing.clone(), missing, narrow, switched_off },
    })
}

pub(super) async fn register(
    connectors: &Connectors,
    connection: &str,
    system: &System,
    wanted: &Wanted,
    plan: &Plan,
) -> Result<Registered, StepError> {
    let asked = Asked { connectors, connection, system };
    let (id, events) = match plan {
        Plan::Create { events } => (asked.endpoint(wanted).await?, events),
        Plan::Update { id, missing, .. } => {
            asked.mend(id, wanted).await?;
            (id.clone(), missing)
        }
        _ => return Ok(Registered::default()),
    };
    for event in events {
        asked.step(&id, event, &columns(wanted, event)).await?;
    }
    Ok(Registered { id, secret: None })
}

/// A step as it is registered.
struct Step {
    id: String,
    name: String,
    off: bool,
    /// The columns of which an update has to touch one; none: any.
    columns: Vec<String>,
}

impl Step {
    /// The columns that it should have where it hears of too few. It never hears of less than before: somebody may count
    /// on it.
    fn widened(&self, wanted: &[String]) -> Option<Vec<String>> {
        if self.columns.is_empty() || !wanted.is_empty() && wanted.iter().all(|column| self.columns.contains(column)) {
            return None;
        }
        let more = wanted.iter().filter(|column| !self.columns.contains(column));
        Some(if wanted.is_empty() { vec![] } else { self.columns.iter().chain(more).cloned().collect() })
    }
}

/// What an update of that event has to touch, as attributes: a lookup has no signs of the Web API there.
fn columns(wanted: &Wanted, event: &str) -> Vec<String> {
    let columns = wanted.columns.get(event).into_iter().flatten();
    columns
        .map(|name| name.strip_prefix('_').and_then(|n| n.strip_suffix("_value")).unwrap_or(name).to_owned())
        .collect()
}

struct Asked<'a> {
    connectors: &'a Connectors,
    connection: &'a str,
    system: &'a System,
}

impl Asked<'_> {
    async fn rows(&self, path: &str) -> Result<Vec<Value>, StepError> {
        let told = self.connectors.ask(self.connection, self.system, "GET", path, None).await?;
        told.body.get("value").as_list().map(<[Value]>::to_vec).ok_or_else(|| super::unread(self.system))
    }

    async fn steps(&self, endpoint: &str) -> Result<Vec<Step>, StepError> {
        let filter = encoded(&format!("_eventhandler_value eq {endpoint}"));
        let select = "sdkmessageprocessingstepid,name,statecode,filteringattributes";
        let rows = self.rows(&format!("sdkmessageprocessingsteps?$select={select}&$filter={filter}")).await?;
        let steps = rows.iter().filter_map(|row| {
            let columns = text(row, "filteringattributes").unwrap_or_default().split(',').map(str::trim);
            Some(Step {
                id: text(row, "sdkmessageprocessingstepid").unwrap_or_default().to_owned(),
                name: text(row, "name")?.to_owned(),
                off: row.get("statecode").as_number().is_some_and(|state| state.canonical() == "1"),
                columns: columns.filter(|column| !column.is_empty()).map(str::to_owned).collect(),
            })
        });
        Ok(steps.collect())
    }

    /// Switches our steps on, and lets them hear of all columns that are wanted.
    async fn mend(&self, endpoint: &str, wanted: &Wanted) -> Result<(), StepError> {
        let steps = self.steps(endpoint).await?;
        let ours = wanted
            .events
            .iter()
            .filter_map(|event| Some((event, steps.iter().find(|step| step.name == step_name(event))?)));
        for (event, step) in ours {
            let mut row = Record::new();
            if let Some(columns) = step.widened(&columns(wanted, event)) {
                let all = if columns.is_empty() { Value::Null } else { Value::from(columns.join(",")) };
                row.set("filteringattributes".into(), all);
            }
            if step.off {
                row.set("statecode".into(), int(0));
                row.set("statuscode".into(), int(1));
            }
            if !row.is_empty() {
                let path = format!("sdkmessageprocessingsteps({})", encoded(&step.id).replace("%2D", "-"));
                self.connectors.ask(self.connection, self.system, "PATCH", &path, Some(&Value::Record(row))).await?;
            }
        }
        Ok(())
    }

    /// The id of a new row.
    async fn create(&self, set: &str, row: Record) -> Result<String, StepError> {
        let told = self.connectors.ask(self.connection, self.system, "POST", set, Some(&Value::Record(row))).await?;
        let id =
            told.entity_id.as_deref().and_then(|url| Some(url.rsplit_once('(')?.1.trim_end_matches(')').to_owned()));
        id.ok_or_else(|| super::unread(self.system))
    }

    async fn endpoint(&self, wanted: &Wanted) -> Result<String, StepError> {
        let (kind, value) = match &wanted.secret {
            Some((secret, place)) => match place.split_once('.') {
                Some(("header", name)) => (HTTP_HEADER, settings(name, secret.expose())),
                Some((_, "code")) | None => (WEBHOOK_KEY, secret.expose().to_owned()),
                Some((_, name)) => (HTTP_QUERY, settings(name, secret.expose())),
            },
            None => return Err(StepError::new(ErrorClass::Config, "no_secret", "the webhook has no `secret`")),
        };
        let row = [
            ("name", Value::from(format!("flowctl {}", self.connection).as_str())),
            ("url", Value::from(wanted.url.as_str())),
            ("contract", int(WEBHOOK)),
            ("authtype", int(kind)),
            ("authvalue", Value::from(value.as_str())),
        ];
        self.create("serviceendpoints", row.into_iter().map(|(name, value)| (Text::from(name), value)).collect()).await
    }

    /// `salesorders.Update`: a step for that message of that table.
    async fn step(&self, endpoint: &str, event: &str, columns: &[String]) -> Result<(), StepError> {
        let unfit = |why: &str| StepError::new(ErrorClass::Config, "event", format!("`{event}`: {why}"));
        let (set, message) = event.split_once('.').ok_or_else(|| unfit("is no event of a table"))?;
        let logical = self.system.entities.get(set).and_then(|entity| entity.logical_name.as_deref());
        let logical = logical.ok_or_else(|| unfit("its table has no `x-logical-name`"))?;
        let filter = encoded(&format!("name eq '{}'", message.replace('\'', "''")));
        let messages = self.rows(&format!("sdkmessages?$select=sdkmessageid&$filter={filter}")).await?;
        let message_id = messages
            .first()
            .and_then(|row| text(row, "sdkmessageid"))
            .ok_or_else(|| unfit("Dataverse knows no such message"))?;
        let filter = encoded(&format!("primaryobjecttypecode eq '{logical}' and _sdkmessageid_value eq {message_id}"));
        let filters = self.rows(&format!("sdkmessagefilters?$select=sdkmessagefilterid&$filter={filter}")).await?;
        let filter_id = filters
            .first()
            .and_then(|row| text(row, "sdkmessagefilterid"))
            .ok_or_else(|| unfit("this table does not tell of that message"))?;
        let row = [
            ("name", Value::from(step_name(event).as_str())),
            ("stage", int(STAGE)),
            ("mode", int(ASYNCHRONOUS)),
            ("rank", int(1)),
            ("supporteddeployment", int(0)),
            ("asyncautodelete", Value::Bool(true)),
            ("sdkmessageid@odata.bind", Value::from(format!("/sdkmessages({message_id})").as_str())),
            ("sdkmessagefilterid@odata.bind", Value::from(format!("/sdkmessagefilters({filter_id})").as_str())),
            ("eventhandler_serviceendpoint@odata.bind", Value::from(format!("/serviceendpoints({endpoint})").as_str())),
        ];
        let mut row: Record = row.into_iter().map(|(name, value)| (Text::from(name), value)).collect();
        if !columns.is_empty() {
            row.set("filteringattributes".into(), Value::from(columns.join(",")));
        }
        self.create("sdkmessageprocessingsteps", row).await.map(|_| ())
    }
}

/// By its name a step is found again.
fn step_name(event: &str) -> String {
    format!("flowctl: {event}")
}

/// Names and values of headers or parameters, as Dataverse wants them.
fn settings(name: &str, value: &str) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    format!("<settings><setting name=\"{}\" value=\"{}\" /></settings>", escaped(name), escaped(value))
}

fn int(n: i64) -> Value {
    Value::Number(crate::value::Number::from(n))
}

fn text<'v>(row: &'v Value, field: &str) -> Option<&'v str> {
    row.get(field).as_text().map(Text::as_str)
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
