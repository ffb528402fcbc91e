//! The runs that a run calls: started, or found, in one transaction with what the caller writes down; asked for when the
//! caller is taken up again.

use super::super::connector::{Outcome, Request, Row, StepError};
use super::super::door;
use super::super::journal::param_value;
use super::super::machine::{Action, Command, Entry, Fact, RUN_FAILED, operation_at};
use super::{Driver, Stopped, insist};
use crate::diagnostics::Code;
use crate::graph::{ErrorClass, RUN_FLOW, TriggerKind};
use crate::language::shape::arguments;
use crate::store::journal::JournalError;
use crate::store::{Called, Event, EventId, EventState, Hash, NewCall, NewEvent, NewRun, RunId, RunState, StoreError};
use crate::value::{Record, Text, Value, json};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

impl Driver {
    /// Starts a called run, or asks how one stands.
    pub(super) async fn child(&mut self, action: Action, lost: &CancellationToken) -> Result<Command, Stopped> {
        match action {
            Action::Call { node, generation, attempt, request } => {
                let failed = |error| Command::Answered {
                    node: node.clone(),
                    generation,
                    attempt,
                    outcome: Outcome::Failed(error),
                };
                let (event, run) = match self.asked_for(&request, node.as_str()) {
                    Ok(asked) => asked,
                    Err(error) => return Ok(failed(error)),
                };
                let wait = param_value(&request, "wait") == Some(&Value::Bool(true));
                let flow = run.flow.clone();
                let (seq, path) = (self.seq, node.as_str().to_owned());
                let call = NewCall { event, run, wait, seq, node: path, generation, attempt, at: Timestamp::now() };
                let called = match insist(|| self.inner.store.call(self.lease, call.clone()), lost).await {
                    Ok(called) => called,
                    Err(StoreError::NotFound(what)) => {
                        let message = format!("{what} is kept no longer: how it ended cannot be told");
                        return Ok(failed(StepError::data("run_gone", message).explained(Code::F1130)));
                    }
                    Err(error) => return Err(error.into()),
                };
                self.seq = self.seq.saturating_add(1);
                self.inner.wake.notify_one();
                let outcome =
                    if wait { ended(&called, &flow)? } else { Some(Outcome::Done(row(&called, Value::Missing))) };
                Ok(Command::Called { node, generation, attempt, run: called.run.to_string().into(), outcome })
            }
            Action::Join { node, run } => {
                let id: RunId = run.parse().map_err(|error| JournalError::Json(format!("{error}")))?;
                let called = insist(|| self.inner.store.child(id), lost).await?;
                let outcome = match &called {
                    Some(called) => ended(called, "")?,
                    None => {
                        let message = format!("run {run} is kept no longer: how it ended cannot be told");
                        Some(Outcome::Failed(StepError::data("run_gone", message).explained(Code::F1130)))
                    }
                };
                Ok(Command::Joined { node, outcome })
            }
            _ => Ok(Command::Timer),
        }
    }

    /// The event and the run that the request comes to, as the called flow is now.
    fn asked_for(&self, request: &Request, node: &str) -> Result<(NewEvent, NewRun), StepError> {
        let refuse =
            |message: String| StepError::new(ErrorClass::Config, "not_callable", message).explained(Code::F1131);
        let flow = param_value(request, "flow").and_then(Value::as_text).cloned().unwrap_or_else(|| "".into());
        let live = self.inner.revisions.live(&flow);
        let graph = live.ok_or_else(|| refuse(format!("there is no flow `{flow}` that could be called")))?.graph;
        let TriggerKind::Flow { params } = &graph.trigger.kind else {
            return Err(refuse(format!("the flow `{flow}` is not called by flows: its trigger is another")));
        };
        let with = request.body.clone().unwrap_or_else(|| Value::Record(Record::new()));
        arguments(&with, params)
            .map_err(|error| refuse(format!("the flow `{flow}` takes other params by now: {error}")))?;
        let body = json::write_tagged(&with).map_err(|error| StepError::data("with", error.to_string()))?;
        let key = request.key.as_ref().map(Text::to_string).unwrap_or_default();
        let caller = format!("{}/{}/{node}", self.flow, self.lease.run);
        let delivery = Record::from_iter([("caller".into(), Value::from(caller))]);
        let event = NewEvent {
            connection: door::CALLS.to_owned(),
            provider_id: key,
            kind: "flow".to_owned(),
            same: Hash::of(body.as_bytes()),
            body: body.into_bytes(),
            delivery: json::write(&Value::Record(delivery)).unwrap_or_else(|_| "{}".to_owned()),
            own: false,
            received_at: Timestamp::now(),
            problem: None,
            // Whoever the calling event is about: the store knows.
            subjects: vec![],
        };
        let run = door::ask(&graph, &with, &door::trigger(&kept(&event)), &event.provider_id, false);
        Ok((event, run))
    }

    /// The nodes of entries that end the waiting for a called run.
    pub(super) fn joined(&self, entries: &[Entry]) -> Vec<String> {
        let graph = self.machine.graph();
        let ends = |entry: &&Entry| {
            matches!(entry.fact, Fact::Done { .. } | Fact::GaveUp { .. })
                && operation_at(graph, &entry.node).is_some_and(|(_, operation)| operation.name.as_str() == RUN_FLOW)
        };
        entries.iter().filter(ends).map(|entry| entry.node.as_str().to_owned()).collect()
    }
}

/// As it will be kept.
fn kept(event: &NewEvent) -> Event {
    Event {
        id: EventId::new(),
        connection: event.connection.clone(),
        provider_id: event.provider_id.clone(),
        kind: event.kind.clone(),
        state: EventState::Routed,
        own: event.own,
        received_at: event.received_at,
        problem: None,
        delivery: event.delivery.clone(),
        body_hash: event.same,
    }
}

/// What a called run that has ended gives; `None`: it has not.
fn ended(called: &Called, flow: &str) -> Result<Option<Outcome>, JournalError> {
    if !called.has_ended() {
        return Ok(None);
    }
    if called.state == RunState::DeadLetter {
        let of = if flow.is_empty() { String::new() } else { format!(" of `{flow}`") };
        let why = called.error.as_ref().map(|error| format!(": {}, {}", error.code, error.message)).unwrap_or_default();
        let message = format!("run {}{of} is in the dead letters{why}", called.run);
        return Ok(Some(Outcome::Failed(StepError::data(RUN_FAILED, message).explained(Code::F1130))));
    }
    let result = called.result.as_ref().map(|result| json::parse_tagged(result.as_str())).transpose();
    let result = result.map_err(|error| JournalError::Json(error.to_string()))?.unwrap_or(Value::Missing);
    let mut row = row(called, result);
    if let Value::Record(fields) = &mut row.value {
        fields.set("state".into(), Value::from(called.state.as_str()));
    }
    Ok(Some(Outcome::Done(row)))
}

fn row(called: &Called, result: Value) -> Row {
    let mut fields = Record::new();
    fields.set("run".into(), Value::from(called.run.to_string()));
    if !matches!(result, Value::Missing) {
        fields.set("result".into(), result);
    }
    Row::value(Value::Record(fields))
}
