//! One run at work: does what its machine says, in order, and gives it the answers.
//!
//! Invariants: what is recorded is durable before what follows it is done; a run that is not ours any more (its lease is
//! over) writes nothing and stops at once; a run that only waits is given back to the store, and taken up again from its
//! journal when it is due.

mod attempts;
mod children;
mod rebuild;
#[cfg(test)]
mod tests;
mod turns;

pub(super) use rebuild::{Rebuilt, payload};

use super::connector::StepError;
use super::executor::{Inner, Told};
use super::journal::{encode, run_error};
use super::machine::{Action, Command, End, Entry, Fact, NodePath, Run, operation_at};
use super::places::places;
use super::{approvals, machine, own};
use crate::store::journal::{JournalError, Judged};
use crate::store::{
    ApprovalChange, Effect, Hash, JournalEntry, Lease, NewAlert, Next, RunError, RunUpdate, StoreError,
};
use crate::value::Text;
use attempts::{Calls, Gone};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Larger runs are not copied for the sake of one write less.
const COPIED: usize = 64;

/// Why a run is not driven on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It cannot go on until somebody acts.
    #[error("{0}")]
    Parked(String),
}

pub(super) struct Driver {
    inner: Arc<Inner>,
    lease: Lease,
    flow: String,
    holds_key: bool,
    /// Its place in the order of acceptance.
    number: i64,
    machine: Run,
    /// The revision it takes, until that is written down.
    takes: Option<Hash>,
    seq: i64,
    due: Option<Timestamp>,
    calls: Calls,
    /// Writes that wait for their place.
    turns: JoinSet<turns::Turn>,
    /// One of them has given up waiting: the run is given back when nothing is under way.
    unsent: bool,
    /// Answers that the store gave.
    given: VecDeque<Command>,
    /// What persons answered while nobody had the run.
    answers: Vec<(String, Judged)>,
    /// Nodes whose answers by persons the run has been given, until that is written down.
    answered: Vec<String>,
}

/// The claim on a row that an entry makes.
pub(super) fn effect_of(entry: &Entry) -> Option<Effect> {
    let Fact::Done { done, .. } = &entry.fact else { return None };
    let effect = done.effect.as_ref()?;
    Some(Effect {
        connection: effect.connection.to_string(),
        entity: effect.entity.to_string(),
        row_key: effect.row_key.to_string(),
        node: entry.node.as_str().to_owned(),
    })
}

/// Entries numbered for the store.
pub(super) fn numbered(entries: &[Entry], next_seq: &mut i64) -> Result<Vec<JournalEntry>, JournalError> {
    let encoded =
        entries.iter().zip(*next_seq..).map(|(entry, seq)| encode(entry, seq)).collect::<Result<Vec<_>, _>>()?;
    *next_seq = next_seq.saturating_add(encoded.len() as i64);
    Ok(encoded)
}

impl Driver {
    /// Drives the run until it ends, waits, or is not ours any more. `stop`: the process is about to go away; `lost`: the
    /// lease is.
    pub(super) async fn drive(
        mut self: Box<Self>,
        mut commands: mpsc::Receiver<Box<Told>>,
        stop: CancellationToken,
        lost: CancellationToken,
    ) -> Result<(), Stopped> {
        let mut draining = false;
        // Answers before anything else, so that one in time is not found to be late.
        let answers = std::mem::take(&mut self.answers);
        let given = approvals::given(&answers).chain([Command::Resume]);
        let mut actions: Vec<Action> = given.flat_map(|command| self.step(command)).collect();
        self.answered = answers.into_iter().map(|(node, _)| node).collect();
        let mut told: Option<oneshot::Sender<()>> = None;
        loop {
            let leaves = self.perform(actions, &lost).await?;
            if let Some(heard) = told.take() {
                let _ = heard.send(());
            }
            if leaves {
                return Ok(());
            }
            if self.machine.is_stopping() {
                self.leave_the_queues();
            }
            if let Some(given) = self.given.pop_front() {
                actions = self.step(given);
                continue;
            }
            // Once nothing more is sent, only answers count.
            let due = self.due.filter(|_| !draining);
            let is_due = async || match due {
                Some(due) => tokio::time::sleep(until(due)).await,
                None => std::future::pending().await,
            };
            let command = loop {
                if self.gives_back(draining, &lost).await? {
                    return Ok(());
                }
                break tokio::select! {
                    biased;
                    () = lost.cancelled() => return Ok(()),
                    () = stop.cancelled(), if !draining => {
                        draining = true;
                        self.drain()
                    }
                    Some(done) = self.calls.next() => match done {
                        // An answer that was there at once: what stops comes first.
                        Ok(command) if !draining && stop.is_cancelled() => {
                            draining = true;
                            self.given.push_back(command);
                            self.drain()
                        }
                        Ok(command) => command,
                        Err(Gone) => return Ok(()),
                    },
                    Some(turn) = self.turns.join_next() => {
                        match turn {
                            Ok(turn) => self.its_turn(turn, &lost).await?,
                            Err(_) => return Ok(()),
                        }
                        continue;
                    }
                    Some(given) = commands.recv() => {
                        told = Some(given.heard);
                        given.command
                    }
                    () = is_due() => Command::Timer,
                };
            };
            actions = self.step(command);
        }
    }

    /// Nothing more is sent from here on.
    fn drain(&mut self) -> Command {
        self.leave_the_queues();
        Command::Drain
    }

    fn step(&mut self, command: Command) -> Vec<Action> {
        self.machine.step(command, Timestamp::now(), fastrand::f64())
    }

    /// Does what the machine says. True: the run is given back.
    async fn perform(&mut self, actions: Vec<Action>, lost: &CancellationToken) -> Result<bool, Stopped> {
        if let Some((together, effect)) = self.with_what_follows(&actions) {
            let before = std::mem::replace(&mut self.machine, together.machine);
            let seq = self.seq;
            match self.do_all(together.actions, vec![effect], lost).await {
                Err(Stopped::Store(StoreError::EffectTaken { .. })) => {
                    (self.machine, self.seq) = (before, seq);
                }
                other => return other,
            }
        }
        self.do_all(actions, Vec::new(), lost).await
    }

    /// Where the store is asked only whose a row is: what is done when it is ours, so that the result is written together
    /// with what follows from it. Nothing follows before that is on disk; where the row is another's, nothing of it is kept.
    fn with_what_follows(&self, actions: &[Action]) -> Option<(Together, Effect)> {
        let [before @ .., Action::Claim(entry)] = actions else { return None };
        let effect = effect_of(entry)?;
        let only_writes = before.iter().all(|action| matches!(action, Action::Record(_)));
        if !only_writes || self.machine.nodes() > COPIED {
            return None;
        }
        let mut machine = self.machine.clone();
        let claimed = Command::Claimed { node: entry.node.clone(), taken_by: None };
        let follow = machine.step(claimed, Timestamp::now(), fastrand::f64());
        // Who may have to wait for a place, or claims once more, does so apart.
        let apart = |action: &Action| match action {
            Action::Claim(_) => true,
            Action::Send { node, request, .. } => {
                operation_at(machine.graph(), node).is_none_or(|(_, operation)| !places(operation, request).is_empty())
            }
            _ => false,
        };
        if follow.iter().any(apart) {
            return None;
        }
        let mut actions = before.to_vec();
        actions.push(Action::Record(vec![Entry::clone(entry)]));
        actions.extend(follow);
        Some((Together { machine, actions }, effect))
    }

    /// Writes down and does all of it. `effects` are claimed with what is written.
    async fn do_all(
        &mut self,
        actions: Vec<Action>,
        effects: Vec<Effect>,
        lost: &CancellationToken,
    ) -> Result<bool, Stopped> {
        let (mut entries, mut claims, mut calls, mut end) = (Vec::new(), Vec::new(), Vec::new(), None);
        let mut children = Vec::new();
        self.due = None;
        for action in actions {
            match action {
                Action::Record(more) => entries.extend(more),
                Action::Claim(entry) => claims.push(*entry),
                Action::Wait { until } => self.due = Some(until),
                Action::Finish(how) => end = Some(how),
                Action::Refused(why) => tracing::warn!(%why, "a command was refused"),
                child @ (Action::Call { .. } | Action::Join { .. }) => children.push(child),
                call @ (Action::Send { .. } | Action::Look { .. }) => calls.push(call),
            }
        }
        let calls = self.in_turn(&mut entries, calls);
        let next = match (&end, self.due) {
            (Some(end), _) => next(end)?,
            (None, Some(due)) if !self.machine.in_flight() => Next::Waiting { due },
            (None, None) if !self.machine.in_flight() => {
                let reason = "this run neither waits nor ends: please report this as an error of flowctl";
                Next::Parked { reason: reason.to_owned() }
            }
            (None, _) => Next::Running,
        };
        let leaves = next != Next::Running;
        if leaves || !entries.is_empty() {
            let mut update = RunUpdate::to(next, Timestamp::now());
            update.effects = effects;
            update.alerts = self.alerts(&entries, end.as_ref());
            update.approvals = approvals::changes(&self.machine, &entries, end.is_some())?;
            update.approvals.extend(self.answered.iter().map(|node| ApprovalChange::Taken { node: node.clone() }));
            update.kept = own::kept(&entries);
            update.joined = self.joined(&entries);
            update.revision = self.takes;
            self.append(&entries, update, lost).await?;
            (self.takes, self.answered) = (None, Vec::new());
        }
        if let Some(end) = &end {
            match end {
                // The message stays in the store: a provider's words may hold what no log should.
                End::DeadLetter { step, error } | End::OutcomeUnknown { step, error } => {
                    let (class, code) = (error.class.as_str(), error.code.as_str());
                    tracing::error!(end = name(end), %step, class, code, "run failed");
                }
                End::Succeeded | End::Stopped { .. } => tracing::info!(end = name(end), "run ended"),
            }
            self.inner.config.metrics.run_ended(&self.flow, name(end));
        }
        if leaves {
            return Ok(true);
        }
        for entry in claims {
            let given = self.claim(entry, lost).await?;
            self.given.push_back(given);
        }
        for action in children {
            let given = self.child(action, lost).await?;
            self.given.push_back(given);
        }
        for (call, held) in calls {
            self.call(call, held);
        }
        Ok(false)
    }

    /// Writes to the store, again and again while that is out of order: the machine has gone on already.
    async fn append(
        &mut self,
        entries: &[Entry],
        update: RunUpdate,
        lost: &CancellationToken,
    ) -> Result<(), StoreErrorOr> {
        let entries = numbered(entries, &mut self.seq)?;
        let write = || self.inner.store.append(self.lease, entries.clone(), update.clone());
        // Somebody may begin now, or sleeps until a time that nobody waits for yet.
        let sleeps = matches!(update.next, Next::Waiting { .. });
        if insist(write, lost).await?.is_some() || sleeps {
            self.inner.wake.notify_one();
        }
        Ok(())
    }

    /// Writes a result together with the claim on its row.
    async fn claim(&mut self, entry: Entry, lost: &CancellationToken) -> Result<Command, Stopped> {
        let mut update = RunUpdate::running(Timestamp::now());
        update.effects.extend(effect_of(&entry));
        let seq = self.seq;
        let taken_by = match self.append(std::slice::from_ref(&entry), update, lost).await {
            Ok(()) => None,
            Err(StoreErrorOr::Store(StoreError::EffectTaken { run, node, .. })) => {
                self.seq = seq;
                Some(Text::from(format!("`{node}` in run {run}")))
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Command::Claimed { node: entry.node, taken_by })
    }

    fn alerts(&self, entries: &[Entry], end: Option<&End>) -> Vec<NewAlert> {
        let alert = |severity, code: &str, title: String, detail: Option<String>| NewAlert {
            flow: Some(self.flow.clone()),
            run: Some(self.lease.run),
            severity,
            code: code.to_owned(),
            title,
            detail,
        };
        let raised = entries.iter().filter_map(|entry| match &entry.fact {
            Fact::Done { done, .. } => done.alert.as_ref(),
            _ => None,
        });
        let mut alerts: Vec<NewAlert> = raised
            .map(|raised| {
                let detail = raised.detail.as_ref().map(Text::to_string);
                alert(raised.severity, &raised.code, raised.title.to_string(), detail)
            })
            .collect();
        let severity = crate::graph::Severity::Error;
        if let Some(End::OutcomeUnknown { step, error }) = end {
            let title = format!("Nobody knows whether `{step}` was done");
            alerts.push(alert(severity, machine::OUTCOME_UNKNOWN, title, Some(error.message.to_string())));
        }
        if self.holds_key
            && let Some(End::DeadLetter { error, .. } | End::OutcomeUnknown { error, .. }) = end
        {
            let title = "A failed run holds its order key: later runs of the key wait".to_owned();
            alerts.push(alert(severity, "key_blocked", title, Some(error.message.to_string())));
        }
        if let Some(End::DeadLetter { error, .. }) = end
            && matches!(error.code.as_str(), "rate_missing" | "rate_stale" | "rates_unreadable")
        {
            let title = "A run found no exchange rate: mend the table, then replay what failed with it".to_owned();
            alerts.push(alert(crate::graph::Severity::Warning, "no_rate", title, Some(error.message.to_string())));
        }
        alerts
    }
}

/// A run one command further, and what is to be done there.
struct Together {
    machine: Run,
    actions: Vec<Action>,
}

/// Asks the store again and again while it is out of order.
async fn insist<'s, T>(
    ask: impl Fn() -> crate::store::Reply<'s, T>,
    lost: &CancellationToken,
) -> Result<T, StoreError> {
    let mut wait = Duration::from_millis(50);
    loop {
        match ask().await {
            Err(error) if error.is_outage() && error != StoreError::Closed && !lost.is_cancelled() => {
                tracing::error!(%error, "the store does not take what this run wrote; trying again");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(5));
            }
            answer => return answer,
        }
    }
}

/// What some work gives; `None`: it panicked, and is over.
pub(super) async fn caught<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(Poll::Ready(given)) => Poll::Ready(Some(given)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// What [`Driver::append`] can fail with.
#[derive(Debug, thiserror::Error)]
enum StoreErrorOr {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<StoreErrorOr> for Stopped {
    fn from(error: StoreErrorOr) -> Stopped {
        match error {
            StoreErrorOr::Store(error) => Stopped::Store(error),
            StoreErrorOr::Journal(error) => Stopped::Journal(error),
        }
    }
}

fn until(due: Timestamp) -> Duration {
    Duration::try_from(due.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
}

fn next(end: &End) -> Result<Next, JournalError> {
    let error = |step: &NodePath, error: &StepError| -> Result<RunError, JournalError> { run_error(error, step) };
    Ok(match end {
        End::Succeeded => Next::Succeeded,
        End::Stopped { reason, release } => Next::Stopped { reason: reason.to_string(), release: *release },
        End::DeadLetter { step, error: why } => Next::DeadLetter(error(step, why)?),
        End::OutcomeUnknown { step, error: why } => Next::OutcomeUnknown(error(step, why)?),
    })
}

fn name(end: &End) -> &'static str {
    match end {
        End::Succeeded => "succeeded",
        End::Stopped { .. } => "stopped",
        End::DeadLetter { .. } => "dead_letter",
        End::OutcomeUnknown { .. } => "outcome_unknown",
    }
}
