//! One operation, from its request to its result: what is sent, looked for, sent again, and when nobody can tell.
//!
//! While an attempt is open (it may have been done) look and repeat use exactly the request that was sent. Only when it
//! is certain that nothing was done is the step evaluated anew, and then a different request has a new generation.

use super::backoff::{Facts, after, next_attempt};
use super::compare::same_request;
use super::entry::{Done, Effect, Entry, Fact, Failure};
use super::key::{Work as KeyedWork, idempotency_key};
use super::path::NodePath;
use super::request::Prepared;
use super::scope::Frame;
use super::state::{Phase, Work};
use super::walk::{OUTCOME_UNKNOWN, Progress};
use super::{Action, Run};
use crate::diagnostics::Code;
use crate::engine::connector::{Is, NO_LOOK, Request, Row, StepError};
use crate::engine::journal::HELD;
use crate::graph::{Node, NodeKind, Operation, RUN_FLOW, Repeat, RepeatBy, Wait};
use crate::language::types::Kind;
use crate::value::{Text, Value};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// The call timeout where neither step nor connection says one; it shortens the provider's memory of keys.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Run {
    /// Does what can be done for an operation now.
    pub(super) fn operate(
        &mut self,
        node: &Node,
        operation: &Operation,
        frame: &Frame<'_>,
        path: &NodePath,
    ) -> Progress {
        if operation.repeat.by == RepeatBy::Transaction {
            return self.keep(operation, frame, path);
        }
        let Some(work) = self.state.work(path) else { return self.prepare_and_send(node, operation, frame, path) };
        match &work.phase {
            Phase::Sent
            | Phase::Looking(_)
            | Phase::Claiming(_)
            | Phase::Got(_)
            | Phase::Child { asking: true, .. } => Progress::Waiting,
            Phase::Child { asking: false, .. } => self.wait_for_child(),
            Phase::Rest => match work.result.clone() {
                // Done before a replay: it stays done and gives what it gave.
                Some(value) => self.done(path, self.now, value),
                None => self.prepare_and_send(node, operation, frame, path),
            },
            Phase::Waiting if work.open && must_look(&operation.repeat, node, work, self.now) => {
                if !operation.repeat.look {
                    return self.unknown(path);
                }
                let settled = work.error.as_ref().map_or(self.now, |(_, at)| after(*at, operation.repeat.settle));
                match work.look_at.unwrap_or(settled) {
                    due if due > self.now => self.wait(due),
                    _ => self.look(path, None),
                }
            }
            Phase::Waiting => match work.retry_at {
                Some(due) if due > self.now => self.wait(due),
                Some(_) => self.send_again(path),
                None => self.give_up_after(path),
            },
        }
    }

    fn prepare_and_send(&mut self, node: &Node, operation: &Operation, frame: &Frame<'_>, path: &NodePath) -> Progress {
        // Where nothing is asked, nothing can become what is waited for.
        let waits = matches!(node.kind, NodeKind::Wait(_));
        let now = self.state.node(path).and_then(|node| node.now).unwrap_or(self.now);
        let mut request = match self.prepare(operation, frame, now) {
            Ok(Prepared::Request(request)) => request,
            Ok(Prepared::Blank) => return self.done(path, now, nothing(operation)),
            Ok(Prepared::Unchanged) => return self.done(path, now, Value::Missing),
            Ok(Prepared::Nothing) if !waits && (operation.missing_continues || is_list(operation)) => {
                return self.done(path, now, nothing(operation));
            }
            Ok(Prepared::Nothing) => {
                let error = StepError::data("not_found", "nothing to look for: the list in `where` is empty");
                let error = error.explained(Code::F1107);
                return self.give_up(path, error, false);
            }
            Err(error) => return self.give_up(path, error, false),
        };
        let generation = self.next_generation(path, &request);
        if operation.writes {
            request.key = Some(request_key(self, path, generation));
        }
        self.send(path, generation, Arc::new(request))
    }

    /// The generation that a request belongs to: another one where it is to be done anew, or is not what was sent.
    pub(super) fn next_generation(&self, path: &NodePath, request: &Request) -> u32 {
        match self.state.work(path) {
            Some(work) if work.again || !same_request(&work.request, request) => work.generation.saturating_add(1),
            Some(work) => work.generation,
            None => 0,
        }
    }

    /// The held request, once more.
    fn send_again(&mut self, path: &NodePath) -> Progress {
        let Some((generation, request)) = self.state.work(path).map(|work| (work.generation, work.request.clone()))
        else {
            return Progress::Waiting;
        };
        self.send(path, generation, request)
    }

    fn send(&mut self, path: &NodePath, generation: u32, request: Arc<Request>) -> Progress {
        if self.draining {
            return self.wait(self.now);
        }
        let known = self.state.work(path);
        let attempt = known.filter(|work| work.generation == generation).map_or(0, |work| work.attempts) + 1;
        let first_sent = known.and_then(|work| work.first_sent).unwrap_or(self.now);
        self.record(path.clone(), Fact::Intent { generation, attempt, first_sent, request: request.clone() });
        let node = path.clone();
        self.act(match request.operation.as_str() {
            RUN_FLOW => Action::Call { node, generation, attempt, request },
            _ => Action::Send { node, generation, attempt, request },
        });
        Progress::Waiting
    }

    /// Asks what the held request did.
    pub(super) fn look(&mut self, path: &NodePath, because: Option<Is>) -> Progress {
        if self.draining {
            return self.wait(self.now);
        }
        if let Some(work) = self.state.work_mut(path) {
            work.phase = Phase::Looking(because);
            let (generation, attempt, request) = (work.generation, work.attempts, work.request.clone());
            self.act(Action::Look { node: path.clone(), generation, attempt, request });
        }
        Progress::Waiting
    }

    /// An attempt failed: writes down what that means, and what comes next.
    pub(super) fn attempt_failed(&mut self, path: &NodePath, mut error: StepError, how: FailedHow) {
        if let FailedHow::Held { .. } = how {
            error.code = HELD.into();
        }
        let graph = self.graph.clone();
        let Some((node, operation)) = operation_at(&graph, path) else { return };
        let Some(work) = self.state.work(path) else { return };
        let counted = matches!(how, FailedHow::Answered);
        let because = error.is.filter(|_| operation.repeat.look);
        let retry_at = match how {
            FailedHow::Interrupted => Some(self.now),
            FailedHow::Answered if because.is_some() => Some(self.now),
            FailedHow::Held { until } => Some(until).filter(|until| *until <= self.budget_end(node, work)),
            FailedHow::Answered if error.is_passing() => self.next_attempt(node, work, &error),
            FailedHow::Answered => None,
        };
        // A refusal speaks of the repeat only; that an earlier attempt was not done either is said by a look, or by a
        // server that knows the key and passes judgement on it.
        let settles = matches!(how, FailedHow::Answered) && !error.is_passing();
        let open = operation.writes && (opens(&error, &how) || because.is_some() || (work.open && !settles));
        let (generation, attempt) = (work.generation, work.attempts);
        let failure = Failure { error, open, retry_at, uncounted: !counted };
        self.record(path.clone(), Fact::Failed { generation, attempt, failure });
        if because.is_some() {
            self.look(path, because);
        }
    }

    /// A look could not be made.
    pub(super) fn look_failed(&mut self, path: &NodePath, error: StepError) {
        if error.code.as_str() == NO_LOOK {
            self.unknown(path);
            return;
        }
        let graph = self.graph.clone();
        let Some((node, _)) = operation_at(&graph, path) else { return };
        let Some(work) = self.state.work(path) else { return };
        let retry_at = if error.is_passing() { self.next_attempt(node, work, &error) } else { None };
        let (generation, attempt, open) = (work.generation, work.attempts, work.open);
        let failure = Failure { error: error.clone(), open, retry_at, uncounted: false };
        self.record(path.clone(), Fact::Failed { generation, attempt, failure });
        if retry_at.is_none() {
            self.give_up(path, error, open);
        }
    }

    /// The work is done: its result is written down, for a row together with the claim that it is ours.
    pub(super) fn work_done(&mut self, path: &NodePath, row: Row, adopted: bool) {
        let graph = self.graph.clone();
        let Some((node, _)) = operation_at(&graph, path) else { return };
        if let (NodeKind::Wait(_), Some(work)) = (&node.kind, self.state.work_mut(path)) {
            // Whether that is what it waits for is judged where the step stands.
            work.phase = Phase::Got(Box::new(row));
            return;
        }
        let Some(work) = self.state.work(path) else { return };
        let (generation, attempt, now) = (work.generation, work.attempts, work.request.now);
        let effect = row.key.and_then(|row_key| self.effect(path, row_key));
        let claims = effect.is_some();
        let done = Done { adopted, status: row.status, effect, ..Done::computed(now, row.value) };
        let fact = Fact::Done { generation, attempt, done: Box::new(done) };
        if !claims {
            return self.record(path.clone(), fact);
        }
        let entry = Box::new(Entry { node: path.clone(), at: self.now, fact });
        if let Some(work) = self.state.work_mut(path) {
            work.phase = Phase::Claiming(entry.clone());
        }
        self.act(Action::Claim(entry));
    }

    /// The claim on a row that the step has made.
    pub(super) fn effect(&self, path: &NodePath, row_key: Text) -> Option<Effect> {
        let (_, operation) = operation_at(&self.graph, path)?;
        let request = &self.state.work(path)?.request;
        // Whoever changes a row does not make it: any number of nodes may.
        let makes = operation.writes && operation.repeat.by != RepeatBy::Set;
        let entity = request.entity.clone().filter(|_| makes)?;
        Some(Effect { connection: request.connection.clone(), entity, row_key })
    }

    /// No attempt will follow.
    pub(super) fn give_up_after(&mut self, path: &NodePath) -> Progress {
        let Some(work) = self.state.work(path) else { return Progress::Waiting };
        let open = work.open;
        let error = work.error.as_ref().map(|(error, _)| error.clone());
        let error = error.unwrap_or_else(|| StepError::data("not_sent", "the request was never sent"));
        self.give_up(path, error, open)
    }

    /// Nothing can tell whether the work was done.
    pub(super) fn unknown(&mut self, path: &NodePath) -> Progress {
        let last = self.state.work(path).and_then(|work| work.error.as_ref());
        let class = last.map_or(crate::graph::ErrorClass::Unavailable, |(error, _)| error.class);
        let why = last.map_or(String::new(), |(error, _)| format!(" (last answer: {}, {})", error.code, error.message));
        let mut error = StepError::new(
            class,
            OUTCOME_UNKNOWN,
            format!("nothing can tell whether the work of `{path}` was done{why}"),
        );
        let next = "look in the system itself, then";
        error.hint = Some(
            format!("{next}: flowctl runs decide {} {path} done|not-done|stop ({})", self.facts.id, Code::F1104).into(),
        );
        self.give_up(path, error, true)
    }

    fn next_attempt(&self, node: &Node, work: &Work, error: &StepError) -> Option<Timestamp> {
        let facts = Facts {
            now: self.now,
            first_sent: work.first_sent.unwrap_or(self.now),
            failures: work.failures.saturating_add(1),
            retry_after: error.retry_after,
            not_before: error.not_before,
            chance: self.chance,
        };
        next_attempt(&node.retry, facts)
    }

    fn budget_end(&self, node: &Node, work: &Work) -> Timestamp {
        after(work.first_sent.unwrap_or(self.now), node.retry.budget)
    }
}

/// The idempotency key of a node's work.
pub(super) fn request_key(run: &Run, path: &NodePath, generation: u32) -> crate::value::Text {
    idempotency_key(KeyedWork {
        project: &run.facts.project,
        flow: &run.graph.flow,
        dedupe: &run.facts.dedupe,
        node: path,
        generation,
    })
}

/// How an attempt came to nothing.
pub(super) enum FailedHow {
    Answered,
    /// We went away while it was under way.
    Interrupted,
    /// Nothing was sent.
    Held {
        until: Timestamp,
    },
}

fn opens(error: &StepError, how: &FailedHow) -> bool {
    match how {
        FailedHow::Answered => error.leaves_open(),
        FailedHow::Interrupted => true,
        FailedHow::Held { .. } => false,
    }
}

/// Whether an open attempt has to be looked for before it may be sent again.
fn must_look(repeat: &Repeat, node: &Node, work: &Work, now: Timestamp) -> bool {
    match repeat.by {
        RepeatBy::Read | RepeatBy::Set | RepeatBy::Transaction => false,
        RepeatBy::Key => repeat.look,
        RepeatBy::Made | RepeatBy::FindBy | RepeatBy::None => true,
        RepeatBy::Header => repeat.remembers.is_some_and(|remembers| {
            let timeout = node.timeout.unwrap_or(TIMEOUT);
            now >= after(work.key_sent, remembers.saturating_sub(timeout))
        }),
    }
}

fn is_list(operation: &Operation) -> bool {
    matches!(operation.result.kind, Kind::List(_))
}

/// What a reading operation gives that found nothing.
fn nothing(operation: &Operation) -> Value {
    if is_list(operation) { Value::from(vec![]) } else { Value::Missing }
}

/// The operation of that step, wherever it stands in the graph.
pub fn operation_at<'g>(graph: &'g crate::graph::ExecutionGraph, path: &NodePath) -> Option<(&'g Node, &'g Operation)> {
    let node = find(&graph.steps, path.id()).or_else(|| find(&graph.on_failure, path.id()))?;
    match &node.kind {
        NodeKind::Lookup(operation) | NodeKind::Call(operation) => Some((node, operation)),
        NodeKind::Wait(Wait::Row(poll)) => Some((node, &poll.operation)),
        _ => None,
    }
}

/// All operations of a flow, those of change sets among them.
pub fn operations(graph: &crate::graph::ExecutionGraph) -> Vec<&Operation> {
    fn of<'g>(nodes: &'g [Node], found: &mut Vec<&'g Operation>) {
        for node in nodes {
            if let NodeKind::Lookup(operation) | NodeKind::Call(operation) = &node.kind {
                found.push(operation);
                found.extend(operation.members().iter().map(|member| &member.operation));
            }
            lists(node).into_iter().for_each(|list| of(list, found));
        }
    }
    let mut found = vec![];
    of(&graph.steps, &mut found);
    of(&graph.on_failure, &mut found);
    found
}

/// The step with that id: ids are unique in a flow.
pub(super) fn find<'g>(nodes: &'g [Node], id: &str) -> Option<&'g Node> {
    nodes.iter().find_map(|node| {
        if node.id.as_str() == id {
            return Some(node);
        }
        lists(node).into_iter().find_map(|list| find(list, id))
    })
}

/// The lists of steps inside a step.
pub(super) fn lists(node: &Node) -> Vec<&[Node]> {
    let mut lists: Vec<&[Node]> = node.on_error.iter().map(|entry| entry.steps.as_slice()).collect();
    match &node.kind {
        NodeKind::Branch { cases, otherwise } => {
            lists.extend(cases.iter().map(|case| case.steps.as_slice()));
            lists.push(&otherwise.steps);
        }
        NodeKind::ForEach(each) => lists.push(&each.steps),
        NodeKind::Parallel(inner) => lists.extend(inner.iter().map(Vec::as_slice)),
        _ => {}
    }
    lists
}
