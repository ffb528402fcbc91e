//! What each step of a run did, read off its journal: what it was given, what came of it, how often it was tried, and
//! what people said to it.

use super::view::{Eyes, Raw};
use crate::store::{JournalEntry, Record as Stored};
use crate::value::{Record, Text, Value, json};
use serde::Serialize;

/// A step, or the run itself where `path` is empty.
#[derive(Serialize)]
pub(super) struct Step {
    path: String,
    /// `done`, `skipped`, `failed`, `going`, `sent`, `again` (to be done anew).
    state: &'static str,
    began_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// How often it was sent.
    attempts: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    adopted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Raw>,
    /// Attempts and looks that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<Failure>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    decisions: Vec<Decision>,
}

#[derive(Serialize)]
struct Failure {
    at: String,
    attempt: u32,
    error: Raw,
    /// It may have been done all the same.
    open: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<String>,
}

#[derive(Serialize)]
struct Decision {
    at: String,
    what: String,
    actor: String,
    reason: String,
}

/// The steps in the order in which they began; first the run itself, where something was said of it.
pub(super) fn steps(journal: &[JournalEntry], eyes: Eyes) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for entry in journal {
        if matches!(entry.record, Stored::Accepted(_) | Stored::Started(_)) {
            continue;
        }
        let place = steps.iter().position(|step| step.path == entry.node);
        let place = place.unwrap_or_else(|| {
            steps.push(Step::begun(entry));
            steps.len() - 1
        });
        if let Some(step) = steps.get_mut(place) {
            step.take(entry, eyes);
        }
    }
    steps
}

impl Step {
    fn begun(entry: &JournalEntry) -> Step {
        Step {
            path: entry.node.clone(),
            state: "going",
            began_at: entry.at.to_string(),
            ended_at: None,
            operation: None,
            connection: None,
            key: None,
            attempts: 0,
            adopted: false,
            input: None,
            output: None,
            error: None,
            failures: Vec::new(),
            decisions: Vec::new(),
        }
    }

    fn take(&mut self, entry: &JournalEntry, eyes: Eyes) {
        let at = entry.at.to_string();
        match &entry.record {
            Stored::Intent(intent) => {
                self.state = "sent";
                self.attempts = self.attempts.saturating_add(1);
                self.operation = Some(intent.operation.clone());
                self.connection = intent.connection.clone();
                self.key = intent.key.clone();
                let request = json::parse_tagged(intent.request.as_str()).unwrap_or(Value::Null);
                self.input = Some(eyes.show(&named_parameters(request)));
                (self.output, self.error, self.ended_at, self.adopted) = (None, None, None, false);
            }
            Stored::Result(result) => {
                self.state = "done";
                self.output = Some(eyes.show_text(result.value.as_str()));
                (self.adopted, self.error, self.ended_at) = (result.adopted, None, Some(at));
            }
            Stored::Skipped(_) => (self.state, self.ended_at) = ("skipped", Some(at)),
            Stored::Error(failure) => {
                let error = serde_json::to_string(&failure.error)
                    .map_or(Value::Null, |text| json::parse_tagged(&text).unwrap_or(Value::Null));
                let error = eyes.show(&error);
                if entry.attempt == 0 {
                    (self.state, self.error, self.ended_at) = ("failed", Some(error), Some(at));
                } else {
                    let retry_at = failure.retry_at.map(|at| at.to_string());
                    self.failures.push(Failure { at, attempt: entry.attempt, error, open: failure.open, retry_at });
                    self.state = "going";
                }
            }
            Stored::Decision(decision) => {
                if matches!(decision.what.as_str(), "reset" | "again" | "not_done") {
                    self.state = "again";
                    self.error = None;
                }
                let (what, actor) = (decision.what.clone(), decision.actor.clone());
                self.decisions.push(Decision { at, what, actor, reason: eyes.text(&decision.reason) });
            }
            Stored::Payload(payload) => {
                let (what, actor) = ("edit".to_owned(), payload.actor.clone());
                self.decisions.push(Decision { at, what, actor, reason: eyes.text(&payload.reason) });
            }
            Stored::Called(_) | Stored::NotYet(_) => self.state = "waiting",
            Stored::Accepted(_) | Stored::Started(_) | Stored::Began(_) | Stored::Look(_) => {}
        }
    }
}

/// Parameters `[{name, value}]` as a record, and conditions under the names of their columns, so that they are read, and
/// masked, by their names.
pub(super) fn named_parameters(mut request: Value) -> Value {
    if let Value::Record(fields) = &mut request
        && let Some(Value::List(params)) = fields.get("params")
    {
        let named = params.iter().filter_map(|param| {
            let param = param.as_record()?;
            let (kind, value) = param.iter().find(|(name, _)| name.as_str() != "name")?;
            let value = if kind.as_str() == "filter" { condition(value) } else { value.clone() };
            Some((param.get("name")?.as_text()?.clone(), value))
        });
        let named = named.collect::<Record>();
        fields.set("params".into(), named.into());
    }
    request
}

/// `{ Email: { "==": "x" } }` for `{ op: "==", column: ["Email"], value: "x" }`.
fn condition(filter: &Value) -> Value {
    let named = |name: String, value: Value| Value::Record([(Text::from(name), value)].into_iter().collect());
    for joined in ["and", "or"] {
        if let Some(parts) = filter.get(joined).as_list() {
            return named(joined.to_owned(), Value::from(parts.iter().map(condition).collect::<Vec<_>>()));
        }
    }
    if filter.get("not").as_record().is_some() {
        return named("not".to_owned(), condition(filter.get("not")));
    }
    let column: Vec<&str> = filter.get("column").as_list().unwrap_or_default().iter().filter_map(text_of).collect();
    let op = text_of(filter.get("op")).or_else(|| text_of(filter.get("function"))).unwrap_or("?");
    let value = ["value", "values", "args"].into_iter().map(|name| filter.get(name)).find(|value| !value.is_absent());
    let compared = named(op.to_owned(), value.cloned().unwrap_or(Value::Null));
    named(column.join("."), compared)
}

fn text_of(value: &Value) -> Option<&str> {
    value.as_text().map(Text::as_str)
}
