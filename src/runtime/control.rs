//! What the admin API may see and do.

use super::Inner;
use crate::console::operate::{Operation, Which};
use crate::console::{Answer, Control, Door, Findings, FlowStatus, Found, NotDone, ReloadReport};
use crate::engine::machine::Replay;
use crate::engine::{CommandError, Preview, Resumed};
use crate::graph::ExecutionGraph;
use crate::store::{By, EventId, Hash, RunId, StoreError};
use crate::triggers::reconcile;
use crate::value::paths::Paths;
use jiff::Timestamp;
use std::pin::Pin;
use std::sync::Arc;

impl Control for Inner {
    fn flows(&self) -> Vec<FlowStatus> {
        self.status.load().as_ref().clone()
    }

    fn masks(&self) -> Arc<Paths> {
        self.privacy.load().mask.clone()
    }

    fn reload(&self) -> Pin<Box<dyn Future<Output = ReloadReport> + Send + '_>> {
        Box::pin(async move {
            let report = Inner::reload(self).await;
            let mut findings = Findings::default();
            for problem in &report.problems {
                findings.sources = problem.findings.sources.clone();
                findings.findings.extend(problem.findings.findings.iter().cloned());
            }
            ReloadReport {
                applied: report.problems.is_empty(),
                changed: report.swapped.into_iter().map(|(flow, _)| flow).collect(),
                removed: report.removed,
                flows: self.flows(),
                findings,
            }
        })
    }

    fn backfill(&self, flow: String, from: Timestamp, to: Timestamp, by: By) -> Found<'_> {
        Box::pin(async move { reconcile::backfill(&self.askers, &flow, from, to, by).await })
    }

    fn operate(&self, run: RunId, operation: Operation, by: By) -> Answer<'_, Resumed> {
        Box::pin(async move {
            let stands = |state| Resumed { run, state };
            match operation {
                Operation::Replay { how, revision } => {
                    let revision = self.revision_for(run, revision).await?;
                    Ok(self.executor.replay(run, how, revision, by).await?)
                }
                Operation::Decide { step, verdict } => Ok(stands(self.executor.decide(run, &step, verdict, by).await?)),
                Operation::Cancel => Ok(stands(self.executor.cancel(run, by).await?)),
                Operation::Edit { payload } => {
                    self.executor.edit(run, &payload, by).await?;
                    Ok(stands(self.run(run).await?.state))
                }
                Operation::Park => {
                    self.executor.park(run, by).await?;
                    Ok(stands(self.run(run).await?.state))
                }
                Operation::Judge { step, approved, without, role } => {
                    Ok(stands(self.executor.judge(run, &step, approved, without, role, by).await?))
                }
                Operation::Release => {
                    self.store.release_key(run, by).await?;
                    self.executor.wake();
                    Ok(stands(self.run(run).await?.state))
                }
            }
        })
    }

    fn replay_event(&self, event: EventId, by: Option<By>) -> Answer<'_, Door> {
        Box::pin(self.through_the_door_again(event, by))
    }

    fn preview(&self, run: RunId, how: Replay, revision: Which) -> Answer<'_, Preview> {
        Box::pin(async move {
            let revision = self.revision_for(run, revision).await?;
            Ok(self.executor.preview(run, &how, revision).await?)
        })
    }

    fn activate(&self, revision: Hash, by: By) -> Answer<'_, FlowStatus> {
        Box::pin(self.choose(revision, by))
    }

    fn graph(&self, flow: String, revision: Hash) -> Answer<'_, Arc<ExecutionGraph>> {
        Box::pin(async move {
            let graph = self.revisions.pinned(&flow, revision, &*self.store).await;
            graph.map_err(|error| NotDone::Refused(error.to_string()))
        })
    }
}

impl Inner {
    async fn run(&self, run: RunId) -> Result<crate::store::Run, StoreError> {
        let loaded = self.store.load_run(run).await?;
        Ok(loaded.ok_or_else(|| StoreError::NotFound(format!("run {run}")))?.run)
    }

    /// The revision that a replay goes on with, where it is not the run's own; the flow may be gone: then its own holds.
    async fn revision_for(&self, run: RunId, which: Which) -> Result<Option<Hash>, NotDone> {
        let run = self.run(run).await?;
        match which {
            Which::Old => Ok(None),
            // A run that has not begun takes what is live by itself.
            Which::Current if run.revision.is_none() => Ok(None),
            Which::Current => Ok(self.revisions.live(&run.flow).map(|live| live.revision)),
            Which::One(hash) => match self.store.revision(hash).await? {
                Some(revision) if revision.flow == run.flow => Ok(Some(hash)),
                Some(revision) => {
                    Err(NotDone::Refused(format!("revision {hash} is of flow `{}`, not `{}`", revision.flow, run.flow)))
                }
                None => Err(StoreError::NotFound(format!("revision {hash}")).into()),
            },
        }
    }
}

impl From<CommandError> for NotDone {
    fn from(error: CommandError) -> NotDone {
        match error {
            CommandError::Refused(why) => NotDone::Refused(why),
            CommandError::Store(error @ StoreError::Conflict(_)) => NotDone::Refused(error.to_string()),
            CommandError::Store(error) => NotDone::Store(error),
        }
    }
}
