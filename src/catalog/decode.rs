//! Bodies that are not yet the event as a flow sees it.

use super::event::EventGroup;
use super::payload::Types;
use super::remote_context::{self, Context};
use super::system::System;
use crate::value::paths::Paths;
use crate::value::{Value, time};

/// How the bodies of a group of events are read.
#[derive(Clone, Debug)]
pub enum Decoder {
    /// Dataverse's contexts: which row of which table, and what became of it.
    Context(Context),
    /// The body is the event, but its times stand in it as `/Date(1672408275000)/`.
    Dates,
}

impl Decoder {
    /// The decoder of a group of events; `None`: their bodies are the events.
    pub fn of(group: &EventGroup, system: &System, types: &Types) -> Option<Decoder> {
        match &group.dates {
            Some(_) => Some(Decoder::Dates),
            None => Context::of(group, system, types).map(Decoder::Context),
        }
    }

    /// The event; `None`: the body is none of the group's.
    pub fn event(&self, body: &Value) -> Option<Value> {
        match self {
            Decoder::Context(context) => context.event(body),
            Decoder::Dates => body.as_record().map(|_| dated(body)),
        }
    }

    /// Whether its events are named by a table and what became of one of its rows.
    pub fn tells_of_rows(&self) -> bool {
        matches!(self, Decoder::Context(_))
    }

    /// A body without what a project drops. The paths are those of the event, for that is what its author sees.
    pub fn without(&self, body: &Value, drop: &Paths) -> Value {
        match self {
            Decoder::Context(context) => context.without(body, drop),
            Decoder::Dates => drop.without(body),
        }
    }
}

/// The same with its times as every other system writes them.
fn dated(value: &Value) -> Value {
    match value {
        Value::Text(text) => match remote_context::instant(text).and_then(|at| time::write_time(at).ok()) {
            Some(at) => Value::from(at),
            None => value.clone(),
        },
        Value::List(items) => Value::from(items.iter().map(dated).collect::<Vec<_>>()),
        Value::Record(record) => {
            Value::Record(record.iter().map(|(name, value)| (name.clone(), dated(value))).collect())
        }
        other => other.clone(),
    }
}
