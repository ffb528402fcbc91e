//! `for_each`: iterations by key, some at a time. When one fails, running ones finish and none begins.

use super::Run;
use super::path::{NodePath, key_text, segment};
use super::scope::Frame;
use super::walk::{Failed, OUTCOME_UNKNOWN, Progress};
use crate::diagnostics::Code;
use crate::engine::connector::StepError;
use crate::graph::ForEach;
use crate::value::{Text, Value};
use jiff::Timestamp;
use std::collections::HashSet;

/// The iterations of a `for_each` under way. Not written down: evaluating the items again gives the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Loop {
    items: Vec<Iteration>,
}

#[derive(Clone, Debug)]
struct Iteration {
    path: NodePath,
    variables: Vec<(Text, Value)>,
    /// Its result, once its steps are done.
    result: Option<Value>,
}

impl Run {
    pub(super) fn each(&mut self, each: &ForEach, frame: &Frame<'_>, path: &NodePath, now: Timestamp) -> Progress {
        let mut items = match self.memo.loops.remove(path) {
            Some(known) => known,
            None => match self.iterations(each, frame, path, now) {
                Ok(items) => items,
                Err(error) => return self.give_up(path, error, false),
            },
        };
        let progress = self.iterate(each, &mut items, frame, now);
        let progress = match progress {
            Ok(Progress::Finished) => {
                let results = items.items.iter().map(|item| item.result.clone().unwrap_or(Value::Null)).collect();
                return self.done(path, now, results);
            }
            Ok(progress) => progress,
            Err(error) => return self.give_up(path, error, false),
        };
        self.memo.loops.insert(path.clone(), items);
        progress
    }

    fn iterate(
        &mut self,
        each: &ForEach,
        items: &mut Loop,
        frame: &Frame<'_>,
        now: Timestamp,
    ) -> Result<Progress, StepError> {
        let mut running = 0;
        let mut held = false;
        let mut ended: Option<Progress> = None;
        for item in items.items.iter_mut().filter(|item| item.result.is_none()) {
            let begun = self.state.begun.contains(&item.path);
            if !begun && (ended.is_some() || held || running >= each.concurrency.max(1)) {
                break;
            }
            let frame = Frame::with(frame, item.path.clone(), item.variables.clone());
            match self.list(&each.steps, &frame) {
                Progress::Waiting => running += 1,
                Progress::Held => held = true,
                Progress::Finished => {
                    item.result = Some(match &each.result {
                        Some(slot) => match self.evaluate(slot, &frame, now)? {
                            Value::Missing => Value::Null,
                            value => value,
                        },
                        None => self.own_steps(&item.path),
                    });
                }
                progress => ended = Some(graver(ended.take(), progress)),
            }
        }
        Ok(match ended {
            _ if running > 0 => Progress::Waiting,
            Some(progress) => progress,
            None if held => Progress::Held,
            None => Progress::Finished,
        })
    }

    fn iterations(
        &self,
        each: &ForEach,
        frame: &Frame<'_>,
        path: &NodePath,
        now: Timestamp,
    ) -> Result<Loop, StepError> {
        let Value::List(values) = self.evaluate(&each.items, frame, now)? else {
            return Err(StepError::data("type", "`items` gave no list").at(self.place(each.items.span)));
        };
        let mut seen = HashSet::new();
        let mut items = Vec::with_capacity(values.len());
        for (n, value) in values.iter().enumerate() {
            let mut variables = vec![(each.item.clone(), value.clone())];
            variables.extend(each.index.clone().map(|index| (index, Value::from(n as i64))));
            let keyed = Frame::with(frame, frame.path.clone(), variables);
            let key = key_text(&self.evaluate(&each.key, &keyed, now)?).ok_or_else(|| {
                let message = format!("the key of item {} is missing, null or blank, or no single value", n + 1);
                StepError::data("iteration_key", message).explained(Code::F1101).at(self.place(each.key.span))
            })?;
            let item = Iteration { path: path.join(&segment(&key)), variables: keyed.variables, result: None };
            if !seen.insert(key.clone()) {
                let message = format!("two items have the key {key:?}; each needs one of its own");
                return Err(StepError::data("iteration_key", message)
                    .explained(Code::F1101)
                    .at(self.place(each.key.span)));
            }
            items.push(item);
        }
        Ok(Loop { items })
    }
}

/// Of two ends of iterations the one that the run ends with: what nobody can tell before a failure before a stop.
pub(super) fn graver(first: Option<Progress>, second: Progress) -> Progress {
    let rank = |progress: &Progress| match progress {
        Progress::Failed(Failed { error, .. }) if error.code.as_str() == OUTCOME_UNKNOWN => 3,
        Progress::Failed(_) => 2,
        Progress::Stopped { .. } => 1,
        _ => 0,
    };
    match first {
        Some(first) if rank(&first) >= rank(&second) => first,
        _ => second,
    }
}
