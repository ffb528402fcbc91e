//! What a slot sees: `event`, `trigger`, `run`, `steps`, what loops bind, `error`.

use super::Run;
use super::path::NodePath;
use crate::diagnostics::Span;
use crate::engine::connector::StepError;
use crate::graph::Slot;
use crate::language::Expression;
use crate::language::evaluate::{Context, EvalError};
use crate::store::Place;
use crate::value::{Record, Text, Value};
use jiff::Timestamp;

/// Where a list of steps stands: the run, an iteration, the handling of an error; with what it binds.
pub(super) struct Frame<'a> {
    pub path: NodePath,
    pub parent: Option<&'a Frame<'a>>,
    pub variables: Vec<(Text, Value)>,
}

impl<'a> Frame<'a> {
    pub fn root() -> Frame<'a> {
        Frame { path: NodePath::root(), parent: None, variables: Vec::new() }
    }

    /// The same place with more names.
    pub fn with(parent: &'a Frame<'a>, path: NodePath, variables: Vec<(Text, Value)>) -> Frame<'a> {
        Frame { path, parent: Some(parent), variables }
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        let own = self.variables.iter().find(|(known, _)| known.as_str() == name).map(|(_, value)| value);
        own.or_else(|| self.parent.and_then(|parent| parent.variable(name)))
    }

    /// The frames from the outermost to this, each once.
    fn places(&self) -> Vec<&NodePath> {
        let mut places = self.parent.map_or_else(Vec::new, Frame::places);
        if places.last() != Some(&&self.path) {
            places.push(&self.path);
        }
        places
    }
}

impl Run {
    pub(super) fn evaluate(&self, slot: &Slot, frame: &Frame<'_>, now: Timestamp) -> Result<Value, StepError> {
        self.expression(&slot.expression, &slot.inputs, frame, now)
    }

    pub(super) fn expression(
        &self,
        expression: &Expression,
        inputs: &[Text],
        frame: &Frame<'_>,
        now: Timestamp,
    ) -> Result<Value, StepError> {
        let values: Vec<Value> = inputs.iter().map(|name| self.input(name, frame, now)).collect();
        let context = Context { settings: &self.graph.settings, limits: &self.limits };
        expression.evaluate(&values, &context).map_err(|error| evaluation_error(&error, |span| self.place(span)))
    }

    /// A condition: anything but true and false is the checker's mistake, told as an error of the data.
    pub(super) fn holds(&self, slot: &Slot, frame: &Frame<'_>, now: Timestamp) -> Result<bool, StepError> {
        match self.evaluate(slot, frame, now)? {
            Value::Bool(holds) => Ok(holds),
            _ => Err(StepError::data("type", "expected true or false").at(self.place(slot.span))),
        }
    }

    pub(super) fn text(&self, slot: &Slot, frame: &Frame<'_>, now: Timestamp) -> Result<Text, StepError> {
        match self.evaluate(slot, frame, now)? {
            Value::Text(text) => Ok(text),
            _ => Err(StepError::data("type", "expected text").at(self.place(slot.span))),
        }
    }

    fn input(&self, name: &str, frame: &Frame<'_>, now: Timestamp) -> Value {
        match name {
            "event" => self.facts.event.clone(),
            "trigger" => self.facts.trigger.clone(),
            "run" => self.run_value(now),
            "steps" => self.steps(frame),
            _ => frame.variable(name).cloned().unwrap_or(Value::Missing),
        }
    }

    fn run_value(&self, now: Timestamp) -> Value {
        let started_at = self.state.started_at.unwrap_or(now);
        let fields = [
            ("id", Value::Text(self.facts.id.clone())),
            ("flow", Value::Text(self.graph.flow.clone())),
            ("revision", Value::Text(self.facts.revision.clone())),
            ("started_at", Value::Time(started_at)),
            ("now", Value::Time(now)),
        ];
        record(fields.map(|(name, value)| (Text::from(name), value)))
    }

    fn steps(&self, frame: &Frame<'_>) -> Value {
        let results = frame.places().into_iter().filter_map(|place| self.state.results.get(place));
        record(results.flatten().cloned())
    }

    /// The results of the steps of one frame alone.
    pub(super) fn own_steps(&self, frame: &NodePath) -> Value {
        record(self.state.results.get(frame).into_iter().flatten().cloned())
    }

    /// What `error` is where a step's failure is handled.
    pub(super) fn error_value(&self, step: &NodePath, error: &StepError) -> Value {
        let attempts = self.state.work(step).map_or(0, |work| work.attempts);
        let mut fields = vec![
            ("class", Value::Text(error.class.as_str().into())),
            ("code", Value::Text(error.code.clone())),
            ("message", Value::Text(error.message.clone())),
        ];
        fields.extend(error.status.map(|status| ("status", Value::from(i64::from(status)))));
        fields.extend(error.body.clone().map(|body| ("body", body)));
        fields.push(("step", Value::Text(step.as_str().into())));
        fields.push(("attempts", Value::from(i64::from(attempts))));
        record(fields.into_iter().map(|(name, value)| (Text::from(name), value)))
    }

    pub(super) fn place(&self, span: Span) -> Option<Place> {
        Some(self.graph.sources.position(span).into())
    }
}

pub(super) fn record(fields: impl IntoIterator<Item = (Text, Value)>) -> Value {
    Value::Record(fields.into_iter().collect::<Record>())
}

/// An evaluation's error as a step's.
pub(crate) fn evaluation_error(error: &EvalError, place: impl Fn(Span) -> Option<Place>) -> StepError {
    let mut told = StepError::data(error.code.as_str(), error.message.as_str()).at(place(error.span));
    told.hint = Some(format!("flowctl explain {}", error.number).into());
    told
}
