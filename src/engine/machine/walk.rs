//! From what is known to what is to be done: walks the graph over the folded journal, passes what is done, and begins
//! what can begin. Walking again never does anything twice.

use super::entry::{Alert, Done, Fact};
use super::path::NodePath;
use super::scope::Frame;
use super::state::Standing;
use super::{End, Run};
use crate::engine::connector::StepError;
use crate::graph::{Case, ExecutionGraph, Node, NodeKind, Then};
use crate::value::{Text, Value};
use jiff::Timestamp;

/// How far a step, or a list of them, has come.
pub(super) enum Progress {
    Finished,
    /// Something is under way or due later.
    Waiting,
    /// Nothing is under way, and nothing may begin: something beside it has ended the run.
    Held,
    Failed(Failed),
    Stopped {
        reason: Text,
        release: bool,
    },
}

/// A step that has failed for good.
pub(super) struct Failed {
    pub step: NodePath,
    pub error: StepError,
}

/// The code of a step whose outcome nothing can tell. Such a step is never given to `on_error`.
pub const OUTCOME_UNKNOWN: &str = "outcome_unknown";

impl Run {
    /// Does what can be done now.
    pub(super) fn advance(&mut self) {
        if let Some(reason) = self.state.stopped.clone() {
            if !self.in_flight() {
                self.finish(End::Stopped { reason, release: false });
            }
            return;
        }
        if self.state.started_at.is_none() {
            let revision = self.facts.revision.clone();
            self.record(NodePath::root(), Fact::Started { revision });
        }
        let graph = self.graph.clone();
        let root = Frame::root();
        if self.state.failing.is_none() {
            match self.list(&graph.steps, &root) {
                Progress::Waiting | Progress::Held => return,
                Progress::Finished => match self.give_result(&graph, &root) {
                    Ok(()) => return self.finish(End::Succeeded),
                    Err(error) => self.record(NodePath::root(), Fact::RunFailed { step: NodePath::root(), error }),
                },
                Progress::Stopped { reason, release } => return self.finish(End::Stopped { reason, release }),
                Progress::Failed(Failed { step, error }) => {
                    self.record(NodePath::root(), Fact::RunFailed { step, error });
                }
            }
        }
        let Some((step, error)) = self.state.failing.clone() else { return };
        let path = NodePath::root().join("on_failure").join(&self.state.failures.to_string());
        let frame = Frame::with(&root, path, vec![("error".into(), self.error_value(&step, &error))]);
        if !matches!(self.list(&graph.on_failure, &frame), Progress::Waiting) {
            self.finish(match error.code.as_str() {
                OUTCOME_UNKNOWN => End::OutcomeUnknown { step, error },
                _ => End::DeadLetter { step, error },
            });
        }
    }

    /// What the flow gives, written down for those who called it.
    fn give_result(&mut self, graph: &ExecutionGraph, root: &Frame<'_>) -> Result<(), StepError> {
        if let (Some(slot), None) = (&graph.result, &self.state.result) {
            let value = self.evaluate(slot, root, self.now)?;
            let done = Box::new(Done::computed(self.now, value));
            self.record(NodePath::root(), Fact::Done { generation: 0, attempt: 0, done });
        }
        Ok(())
    }

    pub(super) fn list(&mut self, nodes: &[Node], frame: &Frame<'_>) -> Progress {
        let mut rest = nodes;
        while let [first, others @ ..] = rest {
            // Lookups that do not use one another begin together; every other step waits for all before it.
            let beside = others.iter().take_while(|node| node.together).count();
            let progress = if beside == 0 {
                self.node(first, frame)
            } else {
                let lookups: Vec<&[Node]> = rest.chunks(1).take(beside + 1).collect();
                self.beside(&lookups, frame)
            };
            match progress {
                Progress::Finished => rest = others.get(beside..).unwrap_or_default(),
                progress => return progress,
            }
        }
        Progress::Finished
    }

    fn node(&mut self, node: &Node, frame: &Frame<'_>) -> Progress {
        let path = frame.path.join(&node.id);
        let failed = match self.state.node(&path).map(|state| &state.standing) {
            Some(Standing::Done | Standing::Skipped) => return Progress::Finished,
            Some(Standing::Failed(error)) => Failed { error: error.clone(), step: path.clone() },
            Some(Standing::Going) | None if self.holding && !self.has_begun(&path) => return Progress::Held,
            Some(Standing::Going) | None => match self.go(node, frame, &path) {
                Progress::Failed(failed) => failed,
                progress => return progress,
            },
        };
        self.handle(node, frame, &path, failed)
    }

    fn go(&mut self, node: &Node, frame: &Frame<'_>, path: &NodePath) -> Progress {
        let begun = self.state.node(path).and_then(|state| state.now);
        let now = begun.unwrap_or(self.now);
        if let (None, Some(when)) = (begun, &node.when) {
            match self.holds(when, frame, now) {
                Ok(true) => {}
                Ok(false) => {
                    self.record(path.clone(), Fact::Skipped);
                    return Progress::Finished;
                }
                Err(error) => return self.give_up(path, error, false),
            }
        }
        match &node.kind {
            NodeKind::Transform(slot) => match self.evaluate(slot, frame, now) {
                Ok(value) => self.done(path, now, value),
                Err(error) => self.give_up(path, error, false),
            },
            NodeKind::Lookup(operation) | NodeKind::Call(operation) => self.operate(node, operation, frame, path),
            NodeKind::Branch { cases, otherwise } => {
                self.begin(path);
                self.branch(cases, otherwise, frame, path, now)
            }
            NodeKind::ForEach(each) => {
                self.begin(path);
                self.each(each, frame, path, now)
            }
            NodeKind::Parallel(lists) => {
                self.begin(path);
                self.parallel(lists, frame, path, now)
            }
            NodeKind::Wait(wait) => self.pause(node, wait, frame, path, now),
            NodeKind::Alert { severity, code, title, detail } => {
                let texts = self.text(title, frame, now).and_then(|title| {
                    let detail = detail.as_ref().map(|detail| self.text(detail, frame, now)).transpose()?;
                    Ok((title, detail))
                });
                match texts {
                    Ok((title, detail)) => {
                        let alert = Alert { severity: *severity, code: code.clone(), title, detail };
                        let done = Done { alert: Some(alert), ..Done::computed(now, Value::Missing) };
                        self.record(path.clone(), Fact::Done { generation: 0, attempt: 0, done: Box::new(done) });
                        Progress::Finished
                    }
                    Err(error) => self.give_up(path, error, false),
                }
            }
            NodeKind::Fail { code, class, message } => {
                let error = match self.text(message, frame, now) {
                    Ok(message) => StepError::new(*class, code.clone(), message).at(self.place(node.span)),
                    Err(error) => error,
                };
                self.give_up(path, error, false)
            }
            NodeKind::Stop { reason, release } => match self.text(reason, frame, now) {
                Ok(reason) => Progress::Stopped { reason, release: *release },
                Err(error) => self.give_up(path, error, false),
            },
        }
    }

    fn has_begun(&self, path: &NodePath) -> bool {
        self.state.node(path).is_some_and(|state| state.now.is_some())
    }

    pub(super) fn begin(&mut self, path: &NodePath) {
        if self.state.node(path).is_none_or(|state| state.now.is_none()) {
            self.record(path.clone(), Fact::Began);
        }
    }

    fn branch(
        &mut self,
        cases: &[Case],
        otherwise: &Case,
        frame: &Frame<'_>,
        path: &NodePath,
        now: Timestamp,
    ) -> Progress {
        let taken = match self.memo.cases.get(path) {
            Some(taken) => *taken,
            None => match self.choose(cases, frame, now) {
                Ok(taken) => taken,
                Err(error) => return self.give_up(path, error, false),
            },
        };
        self.memo.cases.insert(path.clone(), taken);
        let case = taken.and_then(|taken| cases.get(taken)).unwrap_or(otherwise);
        match self.list(&case.steps, frame) {
            Progress::Finished => {}
            progress => return progress,
        }
        match case.result.as_ref().map(|slot| self.evaluate(slot, frame, now)).transpose() {
            Ok(value) => self.done(path, now, value.unwrap_or(Value::Missing)),
            Err(error) => self.give_up(path, error, false),
        }
    }

    /// The first case that holds; `None`: `else`.
    fn choose(&self, cases: &[Case], frame: &Frame<'_>, now: Timestamp) -> Result<Option<usize>, StepError> {
        for (n, case) in cases.iter().enumerate() {
            if case.when.as_ref().map_or(Ok(true), |when| self.holds(when, frame, now))? {
                return Ok(Some(n));
            }
        }
        Ok(None)
    }

    /// `on_error`: the first entry that holds decides what the failure means.
    fn handle(&mut self, node: &Node, frame: &Frame<'_>, path: &NodePath, failed: Failed) -> Progress {
        if failed.error.code.as_str() == OUTCOME_UNKNOWN || node.on_error.is_empty() {
            return Progress::Failed(failed);
        }
        let now = self.state.node(path).and_then(|state| state.now).unwrap_or(self.now);
        let error = self.error_value(&failed.step, &failed.error);
        let frame = Frame::with(frame, frame.path.clone(), vec![("error".into(), error)]);
        let caught = match self.memo.caught.get(path) {
            Some(caught) => *caught,
            None => {
                let mut entries = node.on_error.iter();
                // A condition that fails itself does not hold.
                entries.position(|entry| self.holds(&entry.when, &frame, now).unwrap_or(false))
            }
        };
        self.memo.caught.insert(path.clone(), caught);
        let Some(entry) = caught.and_then(|caught| node.on_error.get(caught)) else { return Progress::Failed(failed) };
        match self.list(&entry.steps, &frame) {
            Progress::Finished => {}
            progress => return progress,
        }
        match &entry.then {
            Then::Fail => Progress::Failed(failed),
            Then::Stop => Progress::Stopped { reason: failed.error.message, release: false },
            Then::Continue { result } => {
                match result.as_ref().map(|slot| self.evaluate(slot, &frame, now)).transpose() {
                    Ok(value) => self.done(path, now, value.unwrap_or(Value::Missing)),
                    Err(error) => Progress::Failed(Failed { step: path.clone(), error }),
                }
            }
        }
    }

    pub(super) fn done(&mut self, path: &NodePath, now: Timestamp, value: Value) -> Progress {
        let done = Box::new(Done::computed(now, value));
        self.record(path.clone(), Fact::Done { generation: 0, attempt: 0, done });
        Progress::Finished
    }

    /// The step has failed for good. `open`: a write of it may have been done.
    pub(super) fn give_up(&mut self, path: &NodePath, error: StepError, open: bool) -> Progress {
        self.record(path.clone(), Fact::GaveUp { error: error.clone(), open });
        Progress::Failed(Failed { step: path.clone(), error })
    }
}
