//! Flows that ask by themselves, each tended by a task of its own: looks what is due, does it, sleeps until the next.
//!
//! What is live is read anew for every turn, so that a changed schedule holds at once and a removed flow stops; where it
//! stands is in the store alone, so that neither a restart nor a reload loses or doubles anything. What fails is tried
//! again, later and later; what keeps failing raises an alert, which closes by itself when it works again.

use super::ingress::Endpoint;
use super::server::Routes;
use super::{changes, files, intake, poll, reconcile, schedule};
use crate::diagnostics::Code;
use crate::engine::connector::{Attempt, Connector, Outcome, Request, StepError};
use crate::engine::{Revisions, door};
use crate::graph::{ErrorClass, ExecutionGraph, Operation, Severity, TriggerKind};
use crate::model::project::Privacy;
use crate::store::{
    AcceptOutcome, Accepted, AlertFilter, By, CursorMove, NewAlert, NewEvent, NewRun, Page, Store, StoreError,
};
use crate::telemetry::Metrics;
use crate::value::Value;
use crate::value::json::WriteError;
use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The longest sleep: a clock that is set must not be noticed only tomorrow.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// What passes by itself is tried again after that, then twice as long, at most five minutes.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// So often in a row something that passes may fail before anybody is told.
const PATIENCE: u32 = 3;

/// What the tasks work with.
pub struct Askers {
    /// The project's folder.
    pub root: PathBuf,
    pub revisions: Arc<Revisions>,
    pub routes: Arc<ArcSwap<Routes>>,
    pub store: Arc<dyn Store>,
    pub connector: Arc<dyn Connector>,
    /// What the project says of private data.
    pub privacy: Arc<ArcSwap<Privacy>>,
    pub metrics: Arc<Metrics>,
    /// Called when an event was kept that a worker should look at.
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

/// What a flow is tended for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    Schedule,
    Poll,
    Reconcile,
    Files,
}

impl Part {
    fn of(graph: &ExecutionGraph) -> Option<Part> {
        match &graph.trigger.kind {
            TriggerKind::Schedule(_) => Some(Part::Schedule),
            TriggerKind::Poll(_) | TriggerKind::Changes(_) => Some(Part::Poll),
            TriggerKind::Files(_) => Some(Part::Files),
            TriggerKind::Webhook { reconcile: Some(_), .. } => Some(Part::Reconcile),
            TriggerKind::Webhook { reconcile: None, .. } | TriggerKind::Flow { .. } => None,
        }
    }

    /// Its name in alerts.
    fn word(self) -> &'static str {
        match self {
            Part::Schedule => "schedule",
            Part::Poll => "poll",
            Part::Reconcile => "reconcile",
            Part::Files => "file",
        }
    }
}

/// Why a turn came to nothing.
#[derive(Debug)]
pub struct Trouble {
    pub message: String,
    /// Waiting may help.
    pub passing: bool,
    /// Nothing before this.
    pub not_before: Option<Timestamp>,
    /// Only a part of the work is in trouble: the rest goes on after that long.
    pub rest: Option<Duration>,
}

impl Trouble {
    /// Something that stays wrong until somebody mends it; the page explains it.
    pub fn lasting(message: String, page: Code) -> Trouble {
        Trouble { passing: false, ..Trouble::passing(format!("{message} (flowctl explain {page})")) }
    }

    /// Something that may be over soon.
    pub fn passing(message: String) -> Trouble {
        Trouble { message, passing: true, not_before: None, rest: None }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble::passing(error.to_string())
    }
}

impl From<WriteError> for Trouble {
    fn from(error: WriteError) -> Trouble {
        Trouble { passing: false, ..Trouble::passing(error.to_string()) }
    }
}

impl From<StepError> for Trouble {
    fn from(error: StepError) -> Trouble {
        let asked = error.retry_after.and_then(|wait| SignedDuration::try_from(wait).ok());
        let retry_at = asked.and_then(|wait| Timestamp::now().checked_add(wait).ok());
        let hint = error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        Trouble {
            message: format!("{} {}: {}{hint}", error.class.as_str(), error.code, error.message),
            passing: error.is_passing() || error.class == ErrorClass::Conflict,
            not_before: error.not_before.filter(|at| *at < Timestamp::MAX).max(retry_at),
            rest: None,
        }
    }
}

/// What became of events that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Those that were not there yet, by their provider's id.
    pub new: Vec<String>,
    /// How many runs they started.
    pub runs: usize,
}

impl Askers {
    /// One request, counted as every attempt is.
    pub(super) async fn ask(&self, operation: &Operation, request: &Request) -> Outcome {
        let begun = Instant::now();
        let outcome = self.connector.send(request, &Attempt { operation, number: 1, timeout: None }).await;
        let word = match &outcome {
            Outcome::Done(_) | Outcome::Missing(_) => "done",
            Outcome::Failed(error) => error.class.as_str(),
            Outcome::Held { .. } => "held",
        };
        self.metrics.attempt(&request.connection, &request.operation, word, begun.elapsed());
        outcome
    }

    /// Tends every live flow that asks by itself, until `stop`. `changed`: something else is live.
    pub async fn run(self: Arc<Askers>, mut changed: watch::Receiver<()>, stop: CancellationToken) {
        let mut tended = HashSet::new();
        let mut tasks = JoinSet::new();
        loop {
            for graph in self.revisions.graphs() {
                let Some(part) = Part::of(&graph) else { continue };
                let place = (graph.flow.to_string(), part);
                if tended.insert(place.clone()) {
                    let tending = self.clone().tend(place.clone(), changed.clone(), stop.clone());
                    tasks.spawn(async move {
                        if let Err(panic) = tokio::spawn(tending).await {
                            tracing::error!(flow = %place.0, %panic, "flowctl broke down over this trigger: please report it");
                            tokio::time::sleep(FIRST_PAUSE).await;
                        }
                        place
                    });
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                end = changed.changed() => if end.is_err() { break },
                // A task ends where its flow is gone; it may be back by now.
                Some(ended) = tasks.join_next() => if let Ok(place) = ended { tended.remove(&place); },
            }
        }
        stop.cancelled().await;
        while tasks.join_next().await.is_some() {}
    }

    /// The flow's live graph, where it is still to be tended for that.
    pub fn live(&self, flow: &str, part: Part) -> Option<Arc<ExecutionGraph>> {
        self.revisions.live(flow).map(|live| live.graph).filter(|graph| Part::of(graph) == Some(part))
    }

    async fn tend(self: Arc<Askers>, place: (String, Part), mut changed: watch::Receiver<()>, stop: CancellationToken) {
        let (flow, part) = place;
        let mut failures = Failures::default();
        let mut seen = files::Seen::default();
        while let Some(graph) = self.live(&flow, part) {
            let turn = tokio::select! {
                // Whatever is under way is one transaction: done, or not.
                () = stop.cancelled() => return,
                turn = self.turn(&graph, &mut seen, Timestamp::now()) => turn,
            };
            let next = match turn {
                Ok(next) => {
                    failures.are_over(&self, &flow, part).await;
                    next
                }
                Err(trouble) => failures.one_more(&self, &flow, part, trouble).await,
            };
            let wait = Duration::try_from(next.duration_since(Timestamp::now())).unwrap_or_default();
            tokio::select! {
                () = stop.cancelled() => return,
                end = changed.changed() => if end.is_err() { return },
                () = tokio::time::sleep(wait.clamp(Duration::from_millis(5), LONGEST_SLEEP)) => {}
            }
        }
    }

    /// Does what is due. Gives when to look again.
    async fn turn(
        &self,
        graph: &Arc<ExecutionGraph>,
        seen: &mut files::Seen,
        now: Timestamp,
    ) -> Result<Timestamp, Trouble> {
        match &graph.trigger.kind {
            TriggerKind::Schedule(schedule) => schedule::turn(self, graph, schedule, now).await,
            TriggerKind::Poll(poll) => poll::turn(self, graph, poll, now).await,
            TriggerKind::Changes(tracking) => changes::turn(self, graph, tracking, now).await,
            TriggerKind::Files(files) => files::turn(self, graph, files, seen, now).await,
            TriggerKind::Webhook { reconcile: Some(asked), .. } => reconcile::turn(self, graph, *asked, now).await,
            TriggerKind::Webhook { reconcile: None, .. } | TriggerKind::Flow { .. } => Ok(Timestamp::MAX),
        }
    }

    /// Keeps events with the runs that they start and moves the cursor of whoever asked, in one transaction.
    pub async fn keep(&self, events: Vec<(NewEvent, Vec<NewRun>)>, cursor: CursorMove) -> Result<Kept, Trouble> {
        let told: Vec<(String, String)> =
            events.iter().map(|(event, _)| (event.connection.clone(), event.provider_id.clone())).collect();
        let accepted = self.store.accept_all(events, cursor).await?;
        let mut kept = Kept::default();
        for ((inbox, id), accepted) in told.into_iter().zip(accepted) {
            self.count(&inbox, &accepted);
            if let AcceptOutcome::Kept(runs) = &accepted.outcome {
                kept.new.push(id);
                kept.runs += runs.iter().filter(|run| !run.state.is_settled()).count();
            }
        }
        if kept.runs > 0 {
            (self.wake)();
        }
        Ok(kept)
    }

    /// Counts one event that was asked for.
    pub fn count(&self, inbox: &str, accepted: &Accepted) {
        let answer = match &accepted.outcome {
            AcceptOutcome::Kept(_) => "kept",
            AcceptOutcome::Duplicate => "duplicate",
            AcceptOutcome::Conflicting => "conflicting",
        };
        self.metrics.delivery(inbox, answer);
    }

    /// An event that a flow asked for itself, as it is kept, with its run. `asked`: the connection that was asked.
    pub fn event(
        &self,
        graph: &ExecutionGraph,
        asked: Option<&str>,
        id: String,
        body: &Value,
        now: Timestamp,
    ) -> Result<(NewEvent, Vec<NewRun>), WriteError> {
        intake::asked_for(graph, &self.privacy.load(), asked, id, body, now)
    }

    /// Where the events of a connection come in.
    pub fn endpoint(&self, connection: &str) -> Option<Arc<Endpoint>> {
        self.routes.load().endpoints.values().find(|endpoint| endpoint.connection == connection).cloned()
    }
}

/// Turns that failed, one after the other.
#[derive(Default)]
struct Failures {
    in_a_row: u32,
    /// Some turn of this process went well, and nobody has been alerted since.
    quiet: bool,
    /// What was told last.
    told: Option<String>,
}

impl Failures {
    async fn one_more(&mut self, askers: &Askers, flow: &str, part: Part, trouble: Trouble) -> Timestamp {
        self.in_a_row = self.in_a_row.saturating_add(1);
        let Trouble { message, passing, not_before, rest } = trouble;
        if let (Some(rest), true) = (rest, self.told.as_ref() == Some(&message)) {
            return later(Timestamp::now(), rest);
        }
        tracing::warn!(flow, trigger = part.word(), times = self.in_a_row, "{message}");
        askers.metrics.delivery(&format!("{}/{flow}", part.word()), "failed");
        if !passing || self.in_a_row >= PATIENCE {
            (self.quiet, self.told) = (false, Some(message.clone()));
            let alert = NewAlert {
                flow: Some(flow.to_owned()),
                run: None,
                severity: Severity::Error,
                code: format!("{}_failing", part.word()),
                title: format!("The {} of {flow} fails", part.word()),
                detail: Some(message),
            };
            if let Err(error) = askers.store.raise(alert, Timestamp::now()).await {
                tracing::error!(%error, "the alert could not be raised");
            }
        }
        let pause = match (rest, passing) {
            (Some(rest), _) => rest,
            (None, true) => FIRST_PAUSE.saturating_mul(1 << self.in_a_row.saturating_sub(1).min(16)).min(LONGEST_PAUSE),
            // Only a person helps, and a reload is noticed at once.
            (None, false) => LONGEST_PAUSE,
        };
        later(Timestamp::now(), pause).max(not_before.unwrap_or(Timestamp::MIN))
    }

    async fn are_over(&mut self, askers: &Askers, flow: &str, part: Part) {
        (self.in_a_row, self.told) = (0, None);
        if std::mem::replace(&mut self.quiet, true) {
            return;
        }
        let code = format!("{}_failing", part.word());
        let open = AlertFilter { open: Some(true), flow: Some(flow.to_owned()), code: Some(code) };
        let Ok(alerts) = askers.store.alerts(open, Page::first(100)).await else { return };
        for alert in alerts.items {
            let by = By { actor: "flowctl".into(), reason: "it works again".into(), at: Timestamp::now() };
            if let Err(error) = askers.store.close_alert(alert.id, by).await {
                tracing::error!(%error, "the alert could not be closed");
            }
        }
    }
}

/// The inbox of a flow that asks by itself.
pub fn inbox(graph: &ExecutionGraph) -> String {
    door::inbox(&graph.trigger.kind, &graph.flow)
}

/// `at` and so much later; never a panic over a length from a file.
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| at.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

/// `at` and so much earlier.
pub fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| at.checked_sub(by).ok()).unwrap_or(Timestamp::MIN)
}
