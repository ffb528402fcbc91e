//! What the engine keeps itself, links and totals: no system is asked, so that nothing can be open. The request and the
//! result are written down together, and the driver keeps the thing in the same transaction.

use super::Run;
use super::entry::{Done, Fact};
use super::operation::request_key;
use super::path::{NodePath, key_text};
use super::request::Prepared;
use super::scope::Frame;
use super::walk::Progress;
use crate::diagnostics::Code;
use crate::engine::connector::{Parameter, Request, StepError};
use crate::graph::Operation;
use crate::store::Keep;
use crate::value::Value;
use std::sync::Arc;

/// The longest key of a link or total, in bytes.
const KEY: usize = 1000;
/// The longest value of a link, in bytes.
const VALUE: usize = 10_000;

impl Run {
    pub(super) fn keep(&mut self, operation: &Operation, frame: &Frame<'_>, path: &NodePath) -> Progress {
        if let Some(value) = self.state.work(path).and_then(|work| work.result.clone()) {
            // Done before a replay: it stays done.
            return self.done(path, self.now, value);
        }
        let now = self.state.node(path).and_then(|node| node.now).unwrap_or(self.now);
        let request = match self.prepare(operation, frame, now) {
            Ok(Prepared::Request(request)) => request,
            Ok(_) => return self.done(path, now, Value::Missing),
            Err(error) => return self.give_up(path, error, false),
        };
        let keep = match kept(&request) {
            Ok(keep) => keep,
            Err(error) => return self.give_up(path, error, false),
        };
        let generation = self.next_generation(path, &request);
        let request = Request { key: Some(request_key(self, path, generation)), ..request };
        let known = self.state.work(path).filter(|work| work.generation == generation);
        let attempt = known.map_or(0, |work| work.attempts).saturating_add(1);
        self.record(
            path.clone(),
            Fact::Intent { generation, attempt, first_sent: self.now, request: Arc::new(request) },
        );
        let done = Done { kept: Some(keep), ..Done::computed(now, Value::Missing) };
        self.record(path.clone(), Fact::Done { generation, attempt, done: Box::new(done) });
        Progress::Finished
    }
}

/// What a request asks the store to keep.
fn kept(request: &Request) -> Result<Keep, StepError> {
    let wrong = |message: String| StepError::data("keep", message).explained(Code::F1120);
    let param = |name: &str| match request.params.iter().find(|(known, _)| known.as_str() == name) {
        Some((_, Parameter::Value(value))) => value,
        _ => &Value::Missing,
    };
    let name = |kind: &str| param(kind).as_text().map_or_else(String::new, |name| name.to_string());
    let key = key_text(param("key")).ok_or_else(|| wrong(format!("`key` is a text, got {}", param("key").kind())))?;
    if key.len() > KEY {
        return Err(wrong(format!("`key` has {} bytes, and a key has at most {KEY}", key.len())));
    }
    match request.operation.as_str() {
        "links.put" => {
            let value = param("value");
            let text = value.as_text().filter(|_| !value.is_blank());
            let text =
                text.ok_or_else(|| wrong(format!("`value` is a text that is not blank, got {}", value.kind())))?;
            if text.len() > VALUE {
                return Err(wrong(format!("`value` has {} bytes, and a link's value has at most {VALUE}", text.len())));
            }
            Ok(Keep::Link { name: name("link"), key, value: Some(text.to_string()) })
        }
        "links.delete" => Ok(Keep::Link { name: name("link"), key, value: None }),
        "totals.add" => {
            let value = param("value");
            let number =
                value.as_number().ok_or_else(|| wrong(format!("`value` is a number, got {}", value.kind())))?;
            let amount = number.exact().map_err(|why| wrong(format!("`value` cannot be added: {why}")))?;
            Ok(Keep::Total { name: name("total"), key, amount })
        }
        other => {
            let message = format!("this flowctl does not know how to do `{other}`");
            Err(StepError::new(crate::graph::ErrorClass::Config, "keep", message).explained(Code::F1120))
        }
    }
}
