//! Attempts: what a run sends, and where it looks for what an earlier attempt did. A panic in a connector is the attempt's,
//! and leaves it open.

use super::super::cache::Cache;
use super::super::connector::{Attempt, LookOutcome, Outcome, Request, Row, Sent, StepError};
use super::super::executor::Inner;
use super::super::machine::{Action, Command, NodePath, operation_at};
use super::super::own;
use super::super::places::Held;
use super::{Driver, caught};
use crate::diagnostics::Code;
use crate::graph::{ErrorClass, ExecutionGraph};
use crate::value::Value;
use jiff::Timestamp;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::task::JoinSet;
use tracing::Instrument;

/// The attempts of a run that are under way. The only one is worked on by the run's own task: handing it to another, and its
/// answer back, costs more than the two could do at the same time. Several are tasks of their own.
#[derive(Default)]
pub(super) struct Calls {
    only: Option<Pin<Box<dyn Future<Output = Command> + Send>>>,
    several: JoinSet<Command>,
}

impl Calls {
    pub fn is_empty(&self) -> bool {
        self.only.is_none() && self.several.is_empty()
    }

    fn begin(&mut self, call: impl Future<Output = Command> + Send + 'static) {
        if self.is_empty() {
            self.only = Some(Box::pin(call));
            return;
        }
        if let Some(only) = self.only.take() {
            self.several.spawn(only.in_current_span());
        }
        self.several.spawn(call.in_current_span());
    }

    /// What the next one gives that ends; `None`: none is under way. A call's own panics are caught in it; an error is the
    /// runtime going away.
    pub async fn next(&mut self) -> Option<Result<Command, Gone>> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Command, Gone>>> {
        if let Some(only) = &mut self.only {
            let Poll::Ready(command) = only.as_mut().poll(context) else { return Poll::Pending };
            self.only = None;
            return Poll::Ready(Some(Ok(command)));
        }
        self.several.poll_join_next(context).map(|next| next.map(|done| done.map_err(|_| Gone)))
    }
}

/// The runtime goes away.
pub(super) struct Gone;

impl Driver {
    /// Sends or looks, beside everything else. A panic in a connector is the attempt's, and leaves it open.
    pub(super) fn call(&mut self, action: Action, held: Option<Held>) {
        let (inner, graph) = (self.inner.clone(), self.machine.graph().clone());
        let revision = self.machine.revision().clone();
        let refusal = match &action {
            Action::Look { node, .. } => self.machine.refused_with(node),
            _ => None,
        };
        self.calls.begin(async move {
            match action {
                Action::Send { node, generation, attempt, request } => {
                    let path = node.clone();
                    let sending = send(&inner, &graph, &revision, &path, attempt, &request, held);
                    let outcome = caught(sending).await.unwrap_or_else(|| Outcome::Failed(panicked()));
                    Command::Answered { node, generation, attempt, outcome }
                }
                Action::Look { node, attempt, request, .. } => {
                    let path = node.clone();
                    let looking = look(&inner, &graph, &path, attempt, &request, refusal);
                    let outcome = caught(looking).await.unwrap_or_else(|| LookOutcome::Failed(panicked()));
                    Command::Looked { node, outcome }
                }
                _ => Command::Timer,
            }
        });
    }
}

async fn send(
    inner: &Inner,
    graph: &ExecutionGraph,
    revision: &str,
    path: &NodePath,
    number: u32,
    request: &Request,
    held: Option<Held>,
) -> Outcome {
    let Some((node, operation)) = operation_at(graph, path) else { return Outcome::Failed(no_step(path)) };
    let cached = operation.cache.and_then(|time| Some((time, Cache::place(revision, request)?)));
    if let Some((time, place)) = &cached
        && let Some(value) = inner.cache.get(place, *time, Timestamp::now())
    {
        return Outcome::Done(Row::value(value));
    }
    if request.connection.is_empty() {
        return own::read(&*inner.store, &inner.rates(), request).await;
    }
    let Some(connector) = inner.connector(&request.connection) else {
        return Outcome::Failed(no_connection(&request.connection));
    };
    tracing::debug!(step = %path, operation = %request.operation, number, "sending");
    let begun = std::time::Instant::now();
    let held = held.map(Held::goes_out);
    let outcome = connector.send(request, &Attempt { operation, number, timeout: node.timeout }).await;
    let outcome = outcome.without(&inner.drop());
    let became = match &outcome {
        Outcome::Done(_) => "done",
        Outcome::Missing(_) => "missing",
        Outcome::Held { .. } => "held",
        Outcome::Failed(error) => error.class.as_str(),
    };
    inner.config.metrics.attempt(&request.connection, &request.operation, became, begun.elapsed());
    if let (Some((_, place)), Outcome::Done(row)) = (cached, &outcome) {
        inner.cache.put(place, &row.value, Timestamp::now());
    }
    // What is open keeps its place: the server may still be working.
    if let Some(held) = held.filter(|_| !matches!(&outcome, Outcome::Failed(error) if error.leaves_open())) {
        held.let_go();
    }
    outcome
}

async fn look(
    inner: &Inner,
    graph: &ExecutionGraph,
    path: &NodePath,
    number: u32,
    request: &Request,
    refusal: Option<Value>,
) -> LookOutcome {
    let Some((node, operation)) = operation_at(graph, path) else { return LookOutcome::Failed(no_step(path)) };
    let Some(connector) = inner.connector(&request.connection) else {
        return LookOutcome::Failed(no_connection(&request.connection));
    };
    tracing::debug!(step = %path, operation = %request.operation, number, "looking");
    let attempt = Attempt { operation, number, timeout: node.timeout };
    let looked = match &refusal {
        Some(refusal) => connector.look_there(request, &attempt, refusal).await,
        None => connector.look(request, &attempt).await,
    };
    looked.without(&inner.drop())
}

fn no_connection(connection: &str) -> StepError {
    let message = format!("there is no connection `{connection}`");
    StepError {
        sent: Sent::Undone,
        ..StepError::new(ErrorClass::Config, "no_connection", message).explained(Code::F1108)
    }
}

fn no_step(path: &NodePath) -> StepError {
    let message = format!("the revision has no step `{path}`");
    StepError { sent: Sent::Undone, ..StepError::new(ErrorClass::Config, "no_step", message).explained(Code::F1108) }
}

fn panicked() -> StepError {
    let message = "the connector broke down: please report this as an error of flowctl";
    StepError::new(ErrorClass::Unavailable, "connector_panicked", message)
}
