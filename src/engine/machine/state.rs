//! Where a run stands: the journal, folded. Needs no graph, so that any journal can be read.

use super::entry::{Entry, Fact, Failure, Ruling};
use super::path::NodePath;
use crate::engine::connector::{Is, Request, Row, StepError};
use crate::value::{Text, Value};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub started_at: Option<Timestamp>,
    pub nodes: HashMap<NodePath, NodeState>,
    /// Results of done steps by the frame they stand in, in the order in which they were done.
    pub results: HashMap<NodePath, Vec<(Text, Value)>>,
    /// Frames in which something has begun.
    pub begun: HashSet<NodePath>,
    /// The run is failing or has failed.
    pub failing: Option<(NodePath, StepError)>,
    /// How often it has failed.
    pub failures: u32,
    /// An operator ended it.
    pub stopped: Option<Text>,
    /// What the flow gives, once all its steps are done.
    pub result: Option<Value>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct NodeState {
    /// The step's `run.now`, once it has begun.
    pub now: Option<Timestamp>,
    pub standing: Standing,
    /// What was sent for it. Outlives resets: keys and open attempts must not be forgotten.
    pub work: Option<Work>,
}

#[derive(Clone, Debug, Default)]
pub(super) enum Standing {
    #[default]
    Going,
    Done,
    Skipped,
    Failed(StepError),
}

/// A request and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub request: Arc<Request>,
    pub generation: u32,
    /// Sent under this key.
    pub attempts: u32,
    /// When this key was first sent: the provider's memory counts from here.
    pub key_sent: Timestamp,
    /// When the step was first sent: the budget counts from here. `None`: anew at the next sending.
    pub first_sent: Option<Timestamp>,
    /// Failures since then, for the back-off.
    pub failures: u32,
    /// An attempt under this key may have been done.
    pub open: bool,
    pub phase: Phase,
    /// The last failure, and when.
    pub error: Option<(StepError, Timestamp)>,
    /// When the next attempt is due; `None`: none will be made.
    pub retry_at: Option<Timestamp>,
    /// When the next look is due, where one has failed.
    pub look_at: Option<Timestamp>,
    /// What it gave, once done.
    pub result: Option<Value>,
    /// An operator wants it done once more.
    pub again: bool,
    /// The graph no longer has the step, and an operator said that its work is to be left as it is.
    pub left: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// Under way.
    Sent,
    /// To be looked for or sent again when due.
    Waiting,
    /// Read, and to be judged by whoever waits for it. Not written down: it can be read again.
    Got(Box<Row>),
    /// Being looked for. Not written down: a look can be repeated.
    Looking(Option<Is>),
    /// The result waits for the store to say whose row it is. Not written down either.
    Claiming(Box<Entry>),
    /// The called run is waited for. `asking`: how it stands is being asked; not written down.
    Child { run: Text, asking: bool },
    /// Nothing to do.
    Rest,
}

impl State {
    pub fn node(&self, path: &NodePath) -> Option<&NodeState> {
        self.nodes.get(path)
    }

    pub fn work(&self, path: &NodePath) -> Option<&Work> {
        self.nodes.get(path).and_then(|node| node.work.as_ref())
    }

    pub fn work_mut(&mut self, path: &NodePath) -> Option<&mut Work> {
        self.nodes.get_mut(path).and_then(|node| node.work.as_mut())
    }

    /// Takes one entry in. The same entries always give the same state.
    pub fn fold(&mut self, entry: &Entry) {
        if !entry.node.is_root() {
            self.begun.insert(entry.node.frame());
        }
        match &entry.fact {
            Fact::Started { .. } => self.started_at = Some(entry.at),
            Fact::RunFailed { step, error } => {
                self.failing = Some((step.clone(), error.clone()));
                self.failures += 1;
            }
            Fact::Done { done, .. } if entry.node.is_root() => self.result = Some(done.value.clone()),
            Fact::Done { done, .. } => {
                self.keep(&entry.node, &done.value);
                self.nodes.entry(entry.node.clone()).or_default().done(done.now, &done.value);
            }
            Fact::Decision { what: Ruling::Moved, moved_from: Some(from), .. } => self.moved(from, &entry.node),
            Fact::Decision { what, reason, .. } => self.ruled(&entry.node, *what, reason, entry.at),
            fact => self.nodes.entry(entry.node.clone()).or_default().fold(fact, entry.at),
        }
    }

    fn keep(&mut self, path: &NodePath, value: &Value) {
        let results = self.results.entry(path.frame()).or_default();
        results.retain(|(id, _)| id.as_str() != path.id());
        if !matches!(value, Value::Missing) {
            results.push((path.id().into(), value.clone()));
        }
    }

    fn ruled(&mut self, path: &NodePath, what: Ruling, reason: &Text, at: Timestamp) {
        match what {
            Ruling::Stop => self.stopped = Some(reason.clone()),
            Ruling::Replay => {
                (self.failing, self.stopped, self.result) = (None, None, None);
                for node in self.nodes.values_mut().filter(|node| matches!(node.standing, Standing::Failed(_))) {
                    node.reset(at);
                }
            }
            Ruling::Done | Ruling::NotDone => {
                self.failing = None;
                if let Some(node) = self.nodes.get_mut(path) {
                    node.standing = Standing::Going;
                    if let Some(work) = &mut node.work {
                        work.open = false;
                        work.phase = Phase::Waiting;
                        work.anew(at);
                    }
                }
            }
            Ruling::Left => {
                if let Some(work) = self.work_mut(path) {
                    work.left = true;
                }
            }
            Ruling::Moved => {}
            Ruling::Reset | Ruling::Again => {
                if let Some(results) = self.results.get_mut(&path.frame()) {
                    results.retain(|(id, _)| id.as_str() != path.id());
                }
                if let Some(node) = self.nodes.get_mut(path) {
                    node.reset(at);
                    if let (Ruling::Again, Some(work)) = (what, &mut node.work) {
                        work.again = work.result.take().is_some();
                    }
                }
            }
        }
    }
}

impl State {
    /// What one node did belongs to another from now on: a step that was renamed.
    fn moved(&mut self, from: &NodePath, to: &NodePath) {
        let results = self.results.get_mut(&from.frame());
        let result = results.and_then(|results| {
            let place = results.iter().position(|(id, _)| id.as_str() == from.id())?;
            Some(results.remove(place).1)
        });
        if let Some(value) = result {
            self.keep(to, &value);
        }
        if let Some(node) = self.nodes.remove(from) {
            self.nodes.insert(to.clone(), node);
        }
    }
}

impl NodeState {
    fn done(&mut self, now: Timestamp, value: &Value) {
        self.now = Some(now);
        self.standing = Standing::Done;
        if let Some(work) = &mut self.work {
            work.phase = Phase::Rest;
            work.result = Some(value.clone());
        }
    }

    fn fold(&mut self, fact: &Fact, at: Timestamp) {
        match fact {
            Fact::Began => self.now = Some(at),
            Fact::Skipped => self.standing = Standing::Skipped,
            Fact::Intent { generation, first_sent, request, .. } => {
                self.now = Some(request.now);
                self.sent(*generation, *first_sent, request, at);
            }
            Fact::Failed { failure, .. } => {
                if let Some(work) = &mut self.work {
                    work.failed(failure, at);
                }
            }
            Fact::NotFound { .. } => {
                if let Some(work) = &mut self.work {
                    work.open = false;
                    work.look_at = None;
                    work.phase = Phase::Waiting;
                }
            }
            Fact::NotYet { next, .. } => {
                if let Some(work) = &mut self.work {
                    work.phase = Phase::Waiting;
                    work.anew(*next);
                }
            }
            Fact::GaveUp { error, open } => {
                self.now = self.now.or(Some(at));
                self.standing = Standing::Failed(error.clone());
                if let Some(work) = &mut self.work {
                    work.open = *open;
                    work.phase = Phase::Rest;
                }
            }
            Fact::Called { run, waits, .. } => {
                if let Some(work) = &mut self.work {
                    work.phase = if *waits { Phase::Child { run: run.clone(), asking: false } } else { Phase::Sent };
                }
            }
            Fact::Started { .. } | Fact::RunFailed { .. } | Fact::Done { .. } | Fact::Decision { .. } => {}
        }
    }

    fn sent(&mut self, generation: u32, first_sent: Timestamp, request: &Arc<Request>, at: Timestamp) {
        match &mut self.work {
            Some(work) if work.generation == generation => {
                work.attempts += 1;
                work.first_sent = Some(first_sent);
                work.phase = Phase::Sent;
                work.again = false;
                work.request = request.clone();
            }
            _ => {
                self.work = Some(Work {
                    request: request.clone(),
                    generation,
                    attempts: 1,
                    key_sent: at,
                    first_sent: Some(first_sent),
                    failures: 0,
                    open: false,
                    phase: Phase::Sent,
                    error: None,
                    retry_at: None,
                    look_at: None,
                    result: None,
                    again: false,
                    left: false,
                })
            }
        }
    }

    /// As if the step had not begun; what was sent for it stays known.
    fn reset(&mut self, at: Timestamp) {
        self.standing = Standing::Going;
        self.now = None;
        if let Some(work) = &mut self.work {
            // Only a write that is done stays done; what was read is read again.
            work.result = work.result.take().filter(|_| work.request.key.is_some());
            work.phase = match work.phase {
                // Still to be taken for lost, by whoever resumes.
                Phase::Sent => Phase::Sent,
                _ if work.open => Phase::Waiting,
                _ => Phase::Rest,
            };
            work.anew(at);
        }
    }
}

impl Work {
    fn failed(&mut self, failure: &Failure, at: Timestamp) {
        if !failure.uncounted {
            self.failures = self.failures.saturating_add(1);
        }
        if matches!(self.phase, Phase::Sent) {
            self.open = failure.open;
            self.retry_at = failure.retry_at;
            self.look_at = None;
            self.error = Some((failure.error.clone(), at));
        } else {
            self.look_at = failure.retry_at;
        }
        self.phase = Phase::Waiting;
    }

    /// A budget of its own from the next sending on.
    fn anew(&mut self, at: Timestamp) {
        self.first_sent = None;
        self.failures = 0;
        self.retry_at = Some(at);
        self.look_at = None;
    }
}
