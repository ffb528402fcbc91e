//! Writes of which one at a time is allowed: each waits here for its place, and is written down as begun only when it has it.
//! Until then nothing of it is durable, so that a process that dies leaves nothing open that was never sent.
//!
//! Who waits too long gives its room in memory to others: the run is taken up again from its journal, as if the write had
//! not been asked for, and comes back to its turn. So does a run that somebody ends: it is taken up to be over.

use super::super::machine::backoff::after;
use super::super::machine::{Action, Entry, Fact, operation_at};
use super::super::places::{Held, places};
use super::{Driver, Stopped};
use crate::store::{Next, RunUpdate};
use jiff::Timestamp;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a run stays away that has waited in memory long enough.
const AWAY: Duration = Duration::from_millis(500);

/// A write whose waiting is over.
pub(super) struct Turn {
    entry: Option<Entry>,
    action: Action,
    /// `None`: not within the patience.
    held: Option<Held>,
}

impl Driver {
    /// The calls that can be made now, with their places; the others wait, and what says that they have begun is taken out
    /// of `entries`.
    pub(super) fn in_turn(&mut self, entries: &mut Vec<Entry>, calls: Vec<Action>) -> Vec<(Action, Option<Held>)> {
        let mut now = Vec::with_capacity(calls.len());
        for action in calls {
            let Action::Send { node, generation, attempt, request } = &action else {
                now.push((action, None));
                continue;
            };
            let operation = operation_at(self.machine.graph(), node).map(|(_, operation)| operation);
            let wanted = operation.map(|operation| (places(operation, request), operation.repeat.settle));
            let Some((wanted, settle)) = wanted.filter(|(wanted, _)| !wanted.is_empty()) else {
                now.push((action, None));
                continue;
            };
            if let Some(held) = self.inner.places.take_now(&wanted, settle) {
                now.push((action, Some(held)));
                continue;
            }
            let begins = |entry: &Entry| {
                let Fact::Intent { generation: of, attempt: number, .. } = &entry.fact else { return false };
                entry.node == *node && of == generation && number == attempt
            };
            let entry = entries.iter().position(begins).map(|at| entries.remove(at));
            let (inner, number) = (self.inner.clone(), self.number);
            self.turns.spawn(async move {
                let held = inner.places.take(wanted, settle, number, inner.config.patience).await;
                Turn { entry, action, held }
            });
        }
        now
    }

    /// A write has its place: it is written down as begun, and sent.
    pub(super) async fn its_turn(&mut self, turn: Turn, lost: &CancellationToken) -> Result<(), Stopped> {
        let Turn { entry, action, held: Some(held) } = turn else {
            self.unsent = true;
            return Ok(());
        };
        if let Some(entry) = entry {
            let mut update = RunUpdate::running(Timestamp::now());
            update.revision = self.takes.take();
            self.append(std::slice::from_ref(&entry), update, lost).await?;
        }
        self.call(action, Some(held));
        Ok(())
    }

    /// Nobody waits for a place any longer: the process goes away, or the run is to end.
    pub(super) fn leave_the_queues(&mut self) {
        self.unsent |= !self.turns.is_empty();
        self.turns.abort_all();
        self.turns.detach_all();
    }

    /// Gives the run back with what it has not sent, once nothing is under way. True: it is given back.
    pub(super) async fn gives_back(&mut self, draining: bool, lost: &CancellationToken) -> Result<bool, Stopped> {
        if !self.unsent || !self.calls.is_empty() || !self.turns.is_empty() {
            return Ok(false);
        }
        let now = Timestamp::now();
        let due = if draining || self.machine.is_stopping() { now } else { after(now, AWAY) };
        self.append(&[], RunUpdate::to(Next::Waiting { due }, now), lost).await?;
        Ok(true)
    }
}
