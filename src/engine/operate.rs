//! What an operator does to runs: replay, decide, cancel, edit. Each is written down with who did it and why, and shown
//! before it is done where it can do harm.
//!
//! A run that failed at the door has no place in the order and no dedupe value yet: replaying it sends its event through
//! the door again, and what comes of that is another run.

use super::connector::Attempt;
use super::door;
use super::driver::{Rebuilt, Stopped, effect_of, numbered, payload};
use super::executor::Executor;
use super::machine::{Action, Command, Entry, NodePath, Planned, Replay, Verdict, operation_at};
use crate::language::shape::conform;
use crate::store::journal::{Payload, Record as Stored};
use crate::store::{
    AcceptOutcome, By, Encoded, Hash, JournalEntry, LoadedRun, Resume, Run, RunId, RunState, Start, StoreError,
};
use crate::value::{Value, json};
use std::time::Duration;

/// How long a run that is to be parked or ended may be on its way from hand to hand.
const PARK_WITHIN: Duration = Duration::from_secs(10);

/// Why an operator's command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Stopped> for CommandError {
    fn from(stopped: Stopped) -> CommandError {
        match stopped {
            Stopped::Store(error) => CommandError::Store(error),
            other => CommandError::Refused(other.to_string()),
        }
    }
}

/// What a replay would do.
#[derive(Clone, Debug)]
pub struct Preview {
    pub run: Run,
    /// The revision it would go on with. `None`: the flow's live one, for it has not begun.
    pub revision: Option<Hash>,
    /// It failed at the door: its event would be asked there again.
    pub door: bool,
    /// Why it cannot be done.
    pub refused: Option<String>,
    pub steps: Vec<Planned>,
}

/// A run that was sent on its way again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// The same run, or another that the door made of its event.
    pub run: RunId,
    pub state: RunState,
}

impl Executor {
    /// A person says what became of a write that nothing can tell. A row has to be one that the step could have given.
    pub async fn decide(&self, run: RunId, step: &str, verdict: Verdict, by: By) -> Result<RunState, CommandError> {
        let loaded = self.standing(run).await?;
        let mut rebuilt = self.inner.rebuild(&loaded, None).await?;
        let node = NodePath::new(step);
        let mut row_key = None;
        if let (Verdict::Done(row), Some((_, operation))) = (&verdict, operation_at(rebuilt.machine.graph(), &node)) {
            conform(row, &operation.result).map_err(|why| {
                let message = format!("`result` is not what `{step}` gives ({}): {why}", operation.result);
                CommandError::Refused(message)
            })?;
            row_key = rebuilt.machine.request(&node).and_then(|request| {
                let attempt = Attempt { operation, number: 1, timeout: None };
                self.inner.connector(&request.connection)?.row_key(&request, &attempt, row)
            });
        }
        let (actor, reason) = (by.actor.as_str().into(), by.reason.as_str().into());
        let done = facts(&mut rebuilt, Command::Decide { node, verdict, row_key, actor, reason }, &by)?;
        let effects = done.iter().filter_map(effect_of).collect();
        let entries = numbered(&done, &mut rebuilt.next_seq).map_err(Stopped::from)?;
        self.resume(run, Resume { entries, effects, revision: None, action: "decide" }, by).await.map_err(|error| {
            match error {
                CommandError::Store(taken @ StoreError::EffectTaken { .. }) => CommandError::Refused(taken.to_string()),
                error => error,
            }
        })
    }

    /// What [`replay`](Executor::replay) would do. `revision`: another than the run has.
    pub async fn preview(&self, run: RunId, how: &Replay, revision: Option<Hash>) -> Result<Preview, CommandError> {
        let loaded = self.load(run).await?;
        let mut preview = Preview {
            revision: revision.or(loaded.run.revision),
            door: failed_at_the_door(&loaded.run),
            refused: under_way(&loaded.run),
            steps: Vec::new(),
            run: loaded.run.clone(),
        };
        if preview.refused.is_some() {
            return Ok(preview);
        }
        if preview.door {
            preview.refused = self.at_the_door(&loaded).err();
            return Ok(preview);
        }
        match self.inner.rebuild(&loaded, revision).await {
            Ok(rebuilt) => (preview.steps, preview.refused) = rebuilt.machine.plan(how),
            Err(Stopped::Store(error)) => return Err(error.into()),
            Err(other) => preview.refused = Some(other.to_string()),
        }
        Ok(preview)
    }

    /// A person sends a run on its way again, with another revision where one is named.
    pub async fn replay(
        &self,
        run: RunId,
        how: Replay,
        revision: Option<Hash>,
        by: By,
    ) -> Result<Resumed, CommandError> {
        let loaded = self.load(run).await?;
        if let Some(refused) = under_way(&loaded.run) {
            return Err(CommandError::Refused(refused));
        }
        if failed_at_the_door(&loaded.run) {
            return self.through_the_door_again(&loaded, by).await;
        }
        let mut rebuilt = self.inner.rebuild(&loaded, revision).await?;
        let (actor, reason) = (by.actor.as_str().into(), by.reason.as_str().into());
        let entries = entries(&mut rebuilt, Command::Replay { how, actor, reason }, &by)?;
        let state = self.resume(run, Resume { entries, revision, effects: vec![], action: "replay" }, by).await?;
        Ok(Resumed { run, state })
    }

    /// A person ends a run: one at work here lets what is under way finish first; any other ends as it is taken up, one
    /// that waits for its turn when that has come.
    pub async fn cancel(&self, run: RunId, by: By) -> Result<RunState, CommandError> {
        let command = || {
            let (actor, reason) = (by.actor.as_str().into(), by.reason.as_str().into());
            Command::Cancel { actor, reason }
        };
        let patience = tokio::time::Instant::now() + PARK_WITHIN;
        loop {
            if self.inner.tell(run, command()).await {
                self.inner.store.audit_action("cancel", format!("run {run}"), by).await?;
                return Ok(RunState::Running);
            }
            let loaded = self.load(run).await?;
            if loaded.run.state.is_settled() {
                return Err(CommandError::Refused(format!("run {run} is {} already", loaded.run.state)));
            }
            let mut rebuilt = self.inner.rebuild(&loaded, None).await?;
            let entries = entries(&mut rebuilt, command(), &by)?;
            let written = match loaded.run.state.needs_a_person() {
                true => {
                    let how = Resume { entries, action: "cancel", ..Resume::default() };
                    self.inner.store.resume(run, how, by.clone()).await
                }
                false => self.inner.store.interrupt(run, entries, "cancel", by.clone()).await,
            };
            match written {
                Ok(state) => {
                    self.wake();
                    return Ok(state);
                }
                // Somebody has taken it up, or put it down, in this moment.
                Err(StoreError::Busy(_) | StoreError::Conflict(_)) if tokio::time::Instant::now() < patience => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A person sets a run aside: it sends nothing more until it is replayed, and keeps its order key unless that is
    /// released. A request that is under way comes to its end first; for one that takes long nobody waits here.
    pub async fn park(&self, run: RunId, by: By) -> Result<(), CommandError> {
        let patience = tokio::time::Instant::now() + PARK_WITHIN;
        loop {
            match self.inner.store.park(run, by.clone()).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Busy(_)) if tokio::time::Instant::now() < patience => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(StoreError::Busy(why)) => {
                    let message = format!("{why} and does not come to rest: try again, or `flowctl runs cancel` it");
                    return Err(CommandError::Refused(message));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A person mends what came in: the run goes by it from its next replay on. The original stays beside it, and so do
    /// the run's dedupe value, order key and sequence.
    pub async fn edit(&self, run: RunId, event: &Value, by: By) -> Result<(), CommandError> {
        let loaded = self.load(run).await?;
        let unwritable =
            |why: &dyn std::fmt::Display| CommandError::Refused(format!("the payload cannot be kept: {why}"));
        let event = json::write_tagged(event).map_err(|why| unwritable(&why))?;
        let event = Encoded::new(event).map_err(|why| unwritable(&why))?;
        let last = loaded.journal.iter().map(|entry| entry.seq).max().unwrap_or(0);
        let entry = mended(last.saturating_add(1).max(1), event, &by);
        Ok(self.inner.store.write_down(run, vec![entry], "edit", by).await?)
    }

    async fn load(&self, run: RunId) -> Result<LoadedRun, CommandError> {
        let loaded = self.inner.store.load_run(run).await?;
        Ok(loaded.ok_or_else(|| StoreError::NotFound(format!("run {run}")))?)
    }

    /// A run that only a person can help on.
    async fn standing(&self, run: RunId) -> Result<LoadedRun, CommandError> {
        let loaded = self.load(run).await?;
        match loaded.run.state {
            state if state.needs_a_person() => Ok(loaded),
            state => Err(CommandError::Refused(format!("run {run} is {state}"))),
        }
    }

    async fn resume(&self, run: RunId, how: Resume, by: By) -> Result<RunState, CommandError> {
        let state = self.inner.store.resume(run, how, by).await?;
        self.wake();
        Ok(state)
    }

    /// What the door makes of a run's event now; the error says why it still makes nothing of it.
    fn at_the_door(&self, loaded: &LoadedRun) -> Result<crate::store::NewRun, String> {
        let flow = loaded.run.flow.as_str();
        let live = self.inner.revisions.live(flow).ok_or_else(|| format!("there is no flow `{flow}` any more"))?;
        let event = live.graph.trigger.kind.event(payload(loaded).map_err(|why| why.to_string())?);
        let trigger = door::trigger(&loaded.event);
        let new = door::ask(&live.graph, &event, &trigger, &loaded.event.provider_id, loaded.event.own);
        match &new.start {
            Start::Failed(error) => Err(format!("it still fails at the door: {}", error.message)),
            _ => Ok(new),
        }
    }

    async fn through_the_door_again(&self, loaded: &LoadedRun, by: By) -> Result<Resumed, CommandError> {
        let new = self.at_the_door(loaded).map_err(CommandError::Refused)?;
        let edited = loaded.journal.iter().rev().find(|entry| matches!(entry.record, Stored::Payload(_)));
        let edited = edited.map(|entry| JournalEntry { seq: 1, ..entry.clone() });
        let event = loaded.event.id;
        let accepted = self.inner.store.accept_again(event, None, vec![new], edited.into_iter().collect(), by).await?;
        self.wake();
        let started = match accepted.outcome {
            AcceptOutcome::Kept(runs) => runs.into_iter().next(),
            _ => None,
        };
        let started = started.ok_or_else(|| {
            CommandError::Refused(format!("flow `{}` has another run of this event already", loaded.run.flow))
        })?;
        Ok(Resumed { run: started.id, state: started.state })
    }
}

/// What a command writes down, as the store keeps it.
fn entries(rebuilt: &mut Rebuilt, command: Command, by: &By) -> Result<Vec<JournalEntry>, CommandError> {
    let entries = facts(rebuilt, command, by)?;
    Ok(numbered(&entries, &mut rebuilt.next_seq).map_err(Stopped::from)?)
}

/// What a command writes down.
fn facts(rebuilt: &mut Rebuilt, command: Command, by: &By) -> Result<Vec<Entry>, CommandError> {
    let mut entries = Vec::new();
    for done in rebuilt.machine.step(command, by.at, 0.0) {
        match done {
            Action::Record(recorded) => entries.extend(recorded),
            Action::Refused(why) => return Err(CommandError::Refused(why)),
            _ => {}
        }
    }
    Ok(entries)
}

fn mended(seq: i64, event: Encoded, by: &By) -> JournalEntry {
    let record = Stored::Payload(Payload { event, actor: by.actor.clone(), reason: by.reason.clone() });
    JournalEntry { seq, node: String::new(), generation: 0, attempt: 0, record, at: by.at }
}

/// It has neither dedupe value nor place yet: an expression failed before it could begin.
fn failed_at_the_door(run: &Run) -> bool {
    run.state == RunState::DeadLetter && run.revision.is_none()
}

fn under_way(run: &Run) -> Option<String> {
    let state = run.state;
    (!state.is_settled() && !state.needs_a_person()).then(|| format!("run {} is under way ({state})", run.id))
}
