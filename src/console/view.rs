//! What the store and the runtime hold, as JSON for people and programs. Payloads pass through [`mask`](super::mask).

use super::steps::{Step, named_parameters, steps};
use super::{Findings, FlowStatus, Refused, mask};
use crate::diagnostics::render;
use crate::engine::door;
use crate::store::{self, Alert, Approval, AuditEntry, Event, JournalEntry, Listed, LoadedRun, Record as Stored};
use crate::value::{Value, json};
use serde::Serialize;
use serde_json::value::RawValue;

pub(super) type Raw = Box<RawValue>;

/// Where payloads stand in what an entry of a journal says.
const PAYLOADS: &[&[&str]] =
    &[&["value"], &["found"], &["request", "body"], &["request", "params", "*"], &["find_by"], &["error", "body"]];

/// How payloads are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eyes {
    /// Persons and secrets hidden.
    Masked,
    /// As they are: somebody asked for it, and said why.
    Whole,
}

impl Eyes {
    /// A value as it may be shown, amounts verbatim. What cannot be written is not shown.
    pub fn show(self, value: &Value) -> Raw {
        self.show_at(value, &[])
    }

    /// The same of a value in which payloads stand at these places.
    fn show_at(self, value: &Value, payloads: &[&[&str]]) -> Raw {
        let masked = match self {
            Eyes::Masked => mask::payloads(value, payloads),
            Eyes::Whole => value.clone(),
        };
        json::write(&masked).or_else(|_| json::write_tagged(&masked)).map_or_else(|_| RawValue::NULL.to_owned(), raw)
    }

    /// Text that some value was written to, as it may be shown. What cannot be read is not shown.
    pub fn show_text(self, text: &str) -> Raw {
        json::parse_tagged(text).map_or_else(|_| RawValue::NULL.to_owned(), |value| self.show(&value))
    }

    /// A sentence as it may be shown.
    pub fn text(self, text: &str) -> String {
        match self {
            Eyes::Masked => mask::text(text),
            Eyes::Whole => text.to_owned(),
        }
    }
}

fn raw(text: String) -> Raw {
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A part of a list.
#[derive(Serialize)]
pub(super) struct List<T> {
    items: Vec<T>,
    /// `after` of the next part.
    next: Option<String>,
}

impl<T> List<T> {
    pub fn of<R>(listed: Listed<R>, view: impl Fn(R) -> T) -> List<T> {
        List { items: listed.items.into_iter().map(view).collect(), next: listed.next }
    }
}

#[derive(Serialize)]
pub(super) struct Run {
    id: String,
    number: i64,
    flow: String,
    event: String,
    state: &'static str,
    revision: Option<String>,
    holds_key: bool,
    sequence: Option<String>,
    due: Option<String>,
    accepted_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    error: Option<Raw>,
    reason: Option<String>,
    duplicate_of: Option<String>,
}

impl From<store::Run> for Run {
    fn from(run: store::Run) -> Run {
        Run {
            id: run.id.to_string(),
            number: run.number,
            flow: run.flow,
            event: run.event.to_string(),
            state: run.state.as_str(),
            revision: run.revision.map(|hash| hash.to_string()),
            holds_key: run.holds_key,
            sequence: run.sequence,
            due: run.due.map(|at| at.to_string()),
            accepted_at: run.accepted_at.to_string(),
            started_at: run.started_at.map(|at| at.to_string()),
            finished_at: run.finished_at.map(|at| at.to_string()),
            error: run
                .error
                .and_then(|error| serde_json::to_string(&error).ok())
                .map(|text| Eyes::Masked.show_text(&text)),
            reason: run.reason.as_deref().map(mask::text),
            duplicate_of: run.duplicate_of.map(|id| id.to_string()),
        }
    }
}

#[derive(Serialize)]
pub(super) struct EventView {
    id: String,
    connection: String,
    provider_id: String,
    kind: String,
    state: &'static str,
    own: bool,
    received_at: String,
    problem: Option<String>,
    delivery: Raw,
    body_hash: String,
}

impl From<Event> for EventView {
    fn from(event: Event) -> EventView {
        EventView {
            id: event.id.to_string(),
            connection: event.connection,
            provider_id: event.provider_id,
            kind: event.kind,
            state: event.state.as_str(),
            own: event.own,
            received_at: event.received_at.to_string(),
            problem: event.problem.as_deref().map(mask::text),
            delivery: Eyes::Masked.show_text(&event.delivery),
            body_hash: event.body_hash.to_string(),
        }
    }
}

/// An event with what it says and what came of it.
#[derive(Serialize)]
pub(super) struct EventDetail {
    event: EventView,
    /// `null` where the body is not JSON.
    payload: Raw,
    payload_bytes: usize,
    runs: Vec<Run>,
}

impl EventDetail {
    pub fn of(event: Event, body: &[u8], runs: Vec<store::Run>, eyes: Eyes) -> EventDetail {
        EventDetail {
            payload: door::event_value(&event, body)
                .map_or_else(|_| RawValue::NULL.to_owned(), |value| eyes.show(&value)),
            payload_bytes: body.len(),
            runs: runs.into_iter().map(Run::from).collect(),
            event: EventView::from(event),
        }
    }
}

/// A run with all that happened in it.
#[derive(Serialize)]
pub(super) struct RunDetail {
    run: Run,
    dedupe: Option<String>,
    order_key: Option<String>,
    event: EventView,
    /// `null` where the body is not JSON.
    payload: Raw,
    payload_bytes: usize,
    /// What a person put in its place: what the run goes by.
    #[serde(skip_serializing_if = "Option::is_none")]
    edited: Option<Raw>,
    steps: Vec<Step>,
    journal: Vec<Entry>,
}

impl RunDetail {
    pub fn of(loaded: LoadedRun, eyes: Eyes) -> RunDetail {
        let accepted = loaded.journal.iter().find_map(|entry| match &entry.record {
            Stored::Accepted(accepted) => Some(accepted.clone()),
            _ => None,
        });
        let edited = loaded.journal.iter().rev().find_map(|entry| match &entry.record {
            Stored::Payload(payload) => Some(eyes.show_text(payload.event.as_str())),
            _ => None,
        });
        let accepted = accepted.unwrap_or_default();
        RunDetail {
            run: loaded.run.into(),
            dedupe: accepted.dedupe.as_deref().map(|text| eyes.text(text)),
            order_key: accepted.order_key.as_deref().map(|text| eyes.text(text)),
            payload: door::event_value(&loaded.event, &loaded.body)
                .map_or_else(|_| RawValue::NULL.to_owned(), |body| eyes.show(&body)),
            event: loaded.event.into(),
            payload_bytes: loaded.body.len(),
            edited,
            steps: steps(&loaded.journal, eyes),
            journal: loaded.journal.into_iter().map(|entry| Entry::of(entry, eyes)).collect(),
        }
    }
}

#[derive(Serialize)]
struct Entry {
    seq: i64,
    /// The node's path; empty: the run itself.
    node: String,
    generation: u32,
    attempt: u32,
    kind: &'static str,
    at: String,
    data: Raw,
}

impl Entry {
    fn of(entry: JournalEntry, eyes: Eyes) -> Entry {
        let envelope = entry.record.to_json().ok().and_then(|text| json::parse_tagged(&text).ok());
        let mut data = envelope.map_or(Value::Null, |envelope| envelope.get("data").clone());
        if let (Stored::Intent(_), Value::Record(intent)) = (&entry.record, &mut data)
            && let Some(request) = intent.get("request").cloned()
        {
            intent.set("request".into(), named_parameters(request));
        }
        Entry {
            seq: entry.seq,
            node: entry.node,
            generation: entry.generation,
            attempt: entry.attempt,
            kind: entry.record.kind(),
            at: entry.at.to_string(),
            data: eyes.show_at(&data, PAYLOADS),
        }
    }
}

#[derive(Serialize)]
pub(super) struct AlertView {
    id: String,
    flow: Option<String>,
    run: Option<String>,
    severity: &'static str,
    code: String,
    title: String,
    detail: Option<String>,
    open: bool,
    acknowledged_by: Option<String>,
    acknowledged_at: Option<String>,
    count: i64,
    first_at: String,
    last_at: String,
}

impl From<Alert> for AlertView {
    fn from(alert: Alert) -> AlertView {
        let (acknowledged_by, acknowledged_at) = alert.acknowledged.map(|(actor, at)| (actor, at.to_string())).unzip();
        AlertView {
            id: alert.id.to_string(),
            flow: alert.flow,
            run: alert.run.map(|run| run.to_string()),
            severity: alert.severity.as_str(),
            code: alert.code,
            title: mask::text(&alert.title),
            detail: alert.detail.as_deref().map(mask::text),
            open: alert.open,
            acknowledged_by,
            acknowledged_at,
            count: alert.count,
            first_at: alert.first_at.to_string(),
            last_at: alert.last_at.to_string(),
        }
    }
}

/// A question to a person: `request` is `{ title detail roles expires_at items: [{ key row }] }`.
#[derive(Serialize)]
pub(super) struct ApprovalView {
    run: String,
    flow: String,
    step: String,
    state: &'static str,
    request: Raw,
    asked_at: String,
    expires_at: Option<String>,
    ended_at: Option<String>,
    answer: Option<AnswerView>,
}

#[derive(Serialize)]
struct AnswerView {
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    reason: String,
    without: Vec<String>,
}

impl From<Approval> for ApprovalView {
    fn from(approval: Approval) -> ApprovalView {
        ApprovalView {
            run: approval.run.to_string(),
            flow: approval.flow,
            step: approval.node,
            state: approval.state.as_str(),
            request: Eyes::Masked.show_text(&approval.request),
            asked_at: approval.asked_at.to_string(),
            expires_at: approval.expires_at.map(|at| at.to_string()),
            ended_at: approval.ended_at.map(|at| at.to_string()),
            answer: approval.answer.map(|answer| AnswerView {
                by: answer.actor,
                role: answer.role,
                reason: mask::text(&answer.reason),
                without: answer.without,
            }),
        }
    }
}

#[derive(Serialize)]
pub(super) struct AuditView {
    at: String,
    actor: String,
    action: String,
    target: String,
    reason: String,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> AuditView {
        let AuditEntry { at, actor, action, target, reason } = entry;
        AuditView { at: at.to_string(), actor, action, target, reason: mask::text(&reason) }
    }
}

#[derive(Serialize)]
pub(super) struct Flow {
    flow: String,
    revision: Option<String>,
    /// What the file says, where an operator chose another revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_disk: Option<String>,
    activated_at: Option<String>,
    problem: Option<Problem>,
}

#[derive(Serialize)]
struct Problem {
    at: String,
    findings: Raw,
}

impl From<FlowStatus> for Flow {
    fn from(status: FlowStatus) -> Flow {
        let problem =
            |Refused { at, findings: list }: Refused| Problem { at: at.to_string(), findings: findings(&list) };
        Flow {
            flow: status.flow,
            revision: status.revision.map(|hash| hash.to_string()),
            on_disk: status.instead_of.map(|hash| hash.to_string()),
            activated_at: status.activated_at.map(|at| at.to_string()),
            problem: status.problem.map(problem),
        }
    }
}

/// As `flowctl validate --format json` gives them.
pub(super) fn findings(list: &Findings) -> Raw {
    raw(render::json(&list.findings, &list.sources))
}
