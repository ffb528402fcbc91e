//! Between a run that asks a person and the person: what the store keeps of the question, and how an answer gets to the
//! run.
//!
//! An answer is durable before anybody is told that it was taken: the store keeps it until the run has written it into its
//! journal, wherever the run is at work at the time.

use super::executor::Executor;
use super::journal::{read_judgement, stored_ask, stored_judgement};
use super::machine::{Action, Command, EXPIRED, Entry, Fact, Judgement, NodePath, Run};
use super::operate::CommandError;
use crate::store::journal::{JournalError, Judged};
use crate::store::{ApprovalChange, By, RunId, RunState, StoreError};
use crate::value::Text;

/// What these entries do to the run's questions. `ends`: the run does, and nobody need answer any more.
pub(super) fn changes(machine: &Run, entries: &[Entry], ends: bool) -> Result<Vec<ApprovalChange>, JournalError> {
    let mut changes = Vec::new();
    for entry in entries {
        let node = || entry.node.as_str().to_owned();
        changes.extend(match &entry.fact {
            Fact::Asked(ask) => {
                let request = serde_json::to_string(&stored_ask(ask)?);
                let request = request.map_err(|error| JournalError::Json(error.to_string()))?;
                Some(ApprovalChange::Asked { node: node(), request, expires_at: ask.expires_at })
            }
            Fact::Judged(_) => Some(ApprovalChange::Taken { node: node() }),
            Fact::GaveUp { error, .. } if error.code.as_str() == EXPIRED && machine.asks_at(&entry.node) => {
                Some(ApprovalChange::Expired { node: node() })
            }
            _ => None,
        });
    }
    if ends && machine.asking().next().is_some() {
        changes.push(ApprovalChange::Withdrawn);
    }
    Ok(changes)
}

/// Kept answers as commands.
pub(super) fn given(answers: &[(String, Judged)]) -> impl Iterator<Item = Command> {
    answers
        .iter()
        .map(|(node, answer)| Command::Judged { node: NodePath::new(node.as_str()), judgement: read_judgement(answer) })
}

impl Executor {
    /// A person says yes, without some of the items, or no to what a run asks, in a role where that asks for one.
    pub async fn judge(
        &self,
        run: RunId,
        step: &str,
        approved: bool,
        without: Vec<String>,
        role: Option<String>,
        by: By,
    ) -> Result<RunState, CommandError> {
        let loaded = self.inner.store.load_run(run).await?;
        let loaded = loaded.ok_or_else(|| StoreError::NotFound(format!("run {run}")))?;
        let judgement = Judgement {
            approved,
            without: without.into_iter().map(Text::from).collect(),
            actor: by.actor.into(),
            role: role.map(Text::from),
            reason: by.reason.into(),
            at: by.at,
        };
        let answer = stored_judgement(&judgement);
        let command = Command::Judged { node: NodePath::new(step), judgement };
        // Only to hear whether it can be taken: the run itself takes it up from the store.
        let mut rebuilt = self.inner.rebuild(&loaded, None).await?;
        for action in rebuilt.machine.step(command.clone(), by.at, 0.0) {
            if let Action::Refused(why) = action {
                return Err(CommandError::Refused(why));
            }
        }
        self.inner.store.answer(run, step.to_owned(), answer).await?;
        self.inner.tell(run, command).await;
        self.wake();
        Ok(loaded.run.state)
    }
}
