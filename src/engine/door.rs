//! At the door: what one flow makes of an event. `ignore_own` → `when` → `dedupe` → `order_by`, `sequence`.
//!
//! Pure: gives what the store is to keep. An expression that fails here, or a key that comes out missing, null or blank,
//! makes the run a dead letter from the start: the event is kept, nothing is lost.

use super::connector::StepError;
use super::journal::run_error;
use super::machine::path::key_text;
use super::machine::{NodePath, evaluation_error};
use crate::diagnostics::Code;
use crate::graph::{ExecutionGraph, RUN_FLOW, Slot, TriggerKind};
use crate::language::evaluate::{Context, Limits};
use crate::store::{Event, NewRun, RunError, Start};
use crate::value::json::{self, JsonError};
use crate::value::{Text, Value};
use jiff::Timestamp;

/// What `flow` makes of an event with that body and delivery. `id`: the provider's, unless the flow names a `dedupe`.
/// `own`: caused by ourselves.
pub fn ask(flow: &ExecutionGraph, event: &Value, trigger: &Value, id: &str, own: bool) -> NewRun {
    let mut run =
        NewRun { flow: flow.flow.to_string(), dedupe: None, order_key: None, sequence: None, start: Start::Run };
    if flow.trigger.ignore_own && own {
        run.start = Start::Ignored;
        return run;
    }
    let door = Door { flow, event, trigger };
    match door.fill(&mut run, id) {
        Ok(true) => {}
        Ok(false) => run.start = Start::Skipped,
        Err(error) => run.start = Start::Failed(failure(&error)),
    }
    run
}

/// The connection of events that are calls by other flows.
pub const CALLS: &str = RUN_FLOW;

/// A kept event's body as its runs see it. What another flow gave has its own types; what came from outside is JSON.
pub fn event_value(event: &Event, body: &[u8]) -> Result<Value, JsonError> {
    match std::str::from_utf8(body) {
        Ok(text) if event.connection == CALLS => json::parse_tagged(text),
        _ => json::parse(body),
    }
}

/// `trigger` as a run sees it: the delivery of a kept event.
pub fn trigger(event: &Event) -> Value {
    let delivery = json::parse(event.delivery.as_bytes()).unwrap_or(Value::Missing);
    // What a flow asked for itself stands under the flow's own name, and says here which connection it asked.
    let connection = match asked_by(&event.connection) {
        Some(_) => delivery.get("connection").clone(),
        None => Value::from(event.connection.as_str()),
    };
    let Event { provider_id, kind, received_at, own, .. } = event;
    delivered(provider_id, kind, *received_at, delivery.get("headers").clone(), connection, *own)
}

/// `trigger` of these facts; `connection` is missing where none was asked.
pub fn delivered(id: &str, kind: &str, at: Timestamp, headers: Value, connection: Value, own: bool) -> Value {
    // As it is kept, so that a run sees the same whenever it is taken up.
    let at = Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
    let fields = [
        ("id", Value::from(id)),
        ("type", Value::from(kind)),
        ("received_at", Value::Time(at)),
        ("headers", headers),
        ("connection", connection),
        ("own", Value::from(own)),
    ];
    let there = fields.into_iter().filter(|(_, value)| *value != Value::Missing);
    Value::Record(there.map(|(name, value)| (Text::from(name), value)).collect())
}

/// Where the events of a trigger that asks by itself are kept, in the place of a connection: two flows that ask for the
/// same row each have their own event of it.
pub fn inbox(kind: &TriggerKind, flow: &str) -> String {
    format!("{}/{flow}", kind.word())
}

/// The flow that asked for the events of that inbox; `None`: it is a connection's.
pub fn asked_by(inbox: &str) -> Option<&str> {
    inbox.split_once('/').map(|(_, flow)| flow)
}

struct Door<'a> {
    flow: &'a ExecutionGraph,
    event: &'a Value,
    trigger: &'a Value,
}

impl Door<'_> {
    /// False: `when` does not hold.
    fn fill(&self, run: &mut NewRun, id: &str) -> Result<bool, StepError> {
        let trigger = &self.flow.trigger;
        if let Some(when) = &trigger.when {
            match self.evaluate(when)? {
                Value::Bool(true) => {}
                Value::Bool(false) => return Ok(false),
                other => return Err(self.wrong(when, format!("`when` gave {}, not true or false", other.kind()))),
            }
        }
        run.dedupe = Some(match &trigger.dedupe {
            Some(slot) => self.key("dedupe", slot)?,
            None => id.to_owned(),
        });
        run.order_key = trigger.order_by.as_ref().map(|slot| self.key("order_by", slot)).transpose()?;
        run.sequence = trigger.sequence.as_ref().map(|slot| self.key("sequence", slot)).transpose()?;
        Ok(true)
    }

    fn evaluate(&self, slot: &Slot) -> Result<Value, StepError> {
        let inputs: Vec<Value> = slot.inputs.iter().map(|name| self.input(name)).collect();
        let context = Context { settings: &self.flow.settings, limits: &Limits::default() };
        let place = |span| Some(self.flow.sources.position(span).into());
        slot.expression.evaluate(&inputs, &context).map_err(|error| evaluation_error(&error, place))
    }

    fn input(&self, name: &str) -> Value {
        match name {
            "event" => self.event.clone(),
            "trigger" => self.trigger.clone(),
            _ => Value::Missing,
        }
    }

    fn key(&self, name: &str, slot: &Slot) -> Result<String, StepError> {
        let value = self.evaluate(slot)?;
        key_text(&value).ok_or_else(|| {
            let what =
                if value.is_blank() { "missing, null or blank".to_owned() } else { format!("a {}", value.kind()) };
            self.wrong(slot, format!("`{name}` came out {what}: it has to name this event"))
        })
    }

    fn wrong(&self, slot: &Slot, message: String) -> StepError {
        StepError::data("door", message).explained(Code::F1105).at(Some(self.flow.sources.position(slot.span).into()))
    }
}

/// Errors at the door have no provider's body, so that nothing can be unwritable in them.
fn failure(error: &StepError) -> RunError {
    run_error(error, &NodePath::root()).unwrap_or_else(|unwritable| RunError {
        class: error.class,
        code: error.code.to_string(),
        message: unwritable.to_string(),
        hint: None,
        status: None,
        step: None,
        position: None,
        body: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::*;

    fn flow(change: impl FnOnce(&mut crate::graph::Trigger)) -> ExecutionGraph {
        let mut flow = graph(vec![]);
        change(&mut flow.trigger);
        flow
    }

    fn ask_of(flow: &ExecutionGraph, own: bool) -> NewRun {
        let event = json::parse(br#"{"id":1.0,"customer":"C-1","blank":" ","no":null,"list":[1]}"#).unwrap();
        ask(flow, &event, &fields(&[]), "EVT-1", own)
    }

    fn failed(run: &NewRun) -> &RunError {
        let Start::Failed(error) = &run.start else { panic!("{run:?}") };
        error
    }

    #[test]
    fn the_events_id_is_the_dedupe_value_where_none_is_named() {
        let run = ask_of(&flow(|_| {}), true);
        assert!(matches!(run.start, Start::Run));
        assert_eq!((run.dedupe.as_deref(), run.order_key), (Some("EVT-1"), None));
    }

    #[test]
    fn keys_are_canonical() {
        let run = ask_of(
            &flow(|trigger| {
                trigger.dedupe = Some(slot(path("event.id")));
                trigger.order_by = Some(slot(path("event.customer")));
            }),
            false,
        );
        assert_eq!((run.dedupe.as_deref(), run.order_key.as_deref()), (Some("1"), Some("C-1")));
    }

    #[test]
    fn it_is_asked_in_order() {
        let bad = || Some(slot(path("event.nothing")));
        let no = || Some(slot(constant(Value::Bool(false))));
        let own = flow(|trigger| (trigger.ignore_own, trigger.when) = (true, bad()));
        assert!(matches!(ask_of(&own, true).start, Start::Ignored));
        assert_eq!(failed(&ask_of(&own, false)).code, "absent");
        let skipped = ask_of(&flow(|trigger| (trigger.when, trigger.dedupe) = (no(), bad())), false);
        assert!(matches!(skipped.start, Start::Skipped));
        assert_eq!(skipped.dedupe, None);
    }

    #[test]
    fn what_names_nothing_is_a_dead_letter() {
        for name in ["event.blank", "event.no", "event.list", "event.nothing"] {
            let dedupe = ask_of(&flow(|trigger| trigger.dedupe = Some(slot(path(name)))), false);
            let order = ask_of(&flow(|trigger| trigger.order_by = Some(slot(path(name)))), false);
            for run in [dedupe, order] {
                assert_eq!(failed(&run).class, crate::graph::ErrorClass::Data, "{name}");
            }
        }
        let run = ask_of(&flow(|trigger| trigger.when = Some(slot(path("event.id")))), false);
        assert_eq!(failed(&run).message, "`when` gave int, not true or false");
    }
}
