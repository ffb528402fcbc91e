//! What the admin API may see and do.

use super::Inner;
use crate::console::operate::{Operation, Start, Verdict, Which};
use crate::console::{Answer, Control, Findings, FlowStatus, NotDone, ReloadReport};
use crate::engine::{CommandError, machine};
use crate::store::{By, RunId, StoreError};
use std::pin::Pin;

impl Control for Inner {
    fn flows(&self) -> Vec<FlowStatus> {
        self.status.load().as_ref().clone()
    }

    fn reload(&self) -> Pin<Box<dyn Future<Output = ReloadReport> + Send + '_>> {
        Box::pin(async move {
            let report = Inner::reload(self).await;
            let mut findings = Findings::default();
            for problem in &report.problems {
                findings.sources = problem.findings.sources.clone();
                findings.findings.extend(problem.findings.findings.iter().cloned());
            }
            ReloadReport { applied: report.problems.is_empty(), flows: self.flows(), findings }
        })
    }

    fn operate(&self, run: RunId, operation: Operation, by: By) -> Answer<'_> {
        Box::pin(async move {
            match operation {
                Operation::Replay { from, revision } => {
                    let from = match from {
                        Start::Start => machine::From::Start,
                        Start::Failed => machine::From::Failed,
                    };
                    let revision = match revision {
                        Which::Old => None,
                        Which::Current => self.live_revision_of(run).await?,
                    };
                    Ok(self.executor.replay(run, from, vec![], revision, by).await?)
                }
                Operation::Decide { step, verdict } => {
                    let verdict = match verdict {
                        Verdict::Done(row) => machine::Verdict::Done(row),
                        Verdict::NotDone => machine::Verdict::NotDone,
                        Verdict::Stop => machine::Verdict::Stop,
                    };
                    Ok(self.executor.decide(run, &step, verdict, by).await?)
                }
                Operation::Judge { step, approved, without } => {
                    Ok(self.executor.judge(run, &step, approved, without, by).await?)
                }
                Operation::Release => {
                    self.store.release_key(run, by).await?;
                    self.executor.wake();
                    Ok(self.run(run).await?.state)
                }
            }
        })
    }
}

impl Inner {
    async fn run(&self, run: RunId) -> Result<crate::store::Run, StoreError> {
        let loaded = self.store.load_run(run).await?;
        Ok(loaded.ok_or_else(|| StoreError::NotFound(format!("run {run}")))?.run)
    }

    /// The live revision of the run's flow; none where the flow is gone: then its own holds.
    async fn live_revision_of(&self, run: RunId) -> Result<Option<crate::store::Hash>, StoreError> {
        let run = self.run(run).await?;
        Ok(self.revisions.live(&run.flow).map(|live| live.revision))
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
