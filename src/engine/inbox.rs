//! Events that came through the door: kept, and begun at once where there is room. What was accepted this moment need be
//! neither claimed nor read back.
//!
//! The store stays the truth: a run is begun from memory only when it is kept as this process's, and a process that dies
//! before that leaves it to be claimed. Whoever waits already goes first: while more is due than there are places for,
//! nothing is begun here.

use super::executor::Executor;
use crate::store::{AcceptOutcome, Accepted, NewEvent, NewRun, Reply, Start};
use crate::value::{Text, Value};

/// A kept event as it is read: its body, and `trigger`.
#[derive(Clone, Debug)]
pub struct Seen {
    pub event: Value,
    pub trigger: Value,
}

/// Where events go that came through the door.
pub trait Inbox: Send + Sync {
    /// Keeps an event and what the door found for each flow, as [`Store::accept`](crate::store::Store::accept), and sees
    /// to it that its runs are taken up. `seen`: what the kept event gives when it is read.
    fn take_in(&self, event: NewEvent, runs: Vec<NewRun>, seen: Seen) -> Reply<'_, Accepted>;
}

impl Inbox for Executor {
    fn take_in(&self, event: NewEvent, runs: Vec<NewRun>, seen: Seen) -> Reply<'_, Accepted> {
        Box::pin(async move {
            let wanted = runs.iter().filter(|run| matches!(run.start, Start::Run)).count();
            let Some(mut room) = self.room(wanted).await else {
                let accepted = self.inner.store.accept(event, runs).await?;
                if wanted > 0 {
                    self.wake();
                }
                return Ok(accepted);
            };
            let id = Text::from(event.provider_id.as_str());
            let dedupes: Vec<Text> =
                runs.iter().map(|run| run.dedupe.as_deref().map_or_else(|| id.clone(), Text::from)).collect();
            let accepted = self.inner.store.accept_claimed(event, runs, self.inner.lease_end()).await?;
            if let AcceptOutcome::Kept(kept) = &accepted.outcome {
                for (run, dedupe) in kept.iter().zip(dedupes) {
                    match run.lease {
                        Some(lease) => self.begin(lease, run.clone(), dedupe, seen.clone(), &mut room),
                        None if !run.state.is_settled() => self.wake(),
                        None => {}
                    }
                }
            }
            Ok(accepted)
        })
    }
}
