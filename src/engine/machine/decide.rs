//! A person says what became of a write that nothing can tell. Only written down: the run goes on when it is resumed.

use super::entry::{Done, Fact, Ruling};
use super::path::NodePath;
use super::state::Standing;
use super::{Action, Run};
use crate::value::{Text, Value};

/// What a person found out.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It was done; this is its row, typed like the step.
    Done(Value),
    /// It was not: the held request is sent again.
    NotDone,
    /// The run ends here.
    Stop,
}

impl Run {
    pub(super) fn decide(
        &mut self,
        node: &NodePath,
        verdict: Verdict,
        row_key: Option<Text>,
        actor: Text,
        reason: Text,
    ) {
        let failed = self.state.node(node).filter(|state| matches!(state.standing, Standing::Failed(_)));
        let Some(work) = failed.and_then(|state| state.work.as_ref()).filter(|work| work.open) else {
            return self.act(Action::Refused(format!("`{node}` is no step whose outcome is unknown")));
        };
        let (generation, attempt, now) = (work.generation, work.attempts, work.request.now);
        let effect = row_key.and_then(|row_key| self.effect(node, row_key));
        let what = match verdict {
            Verdict::Done(_) => Ruling::Done,
            Verdict::NotDone => Ruling::NotDone,
            Verdict::Stop => Ruling::Stop,
        };
        self.record(node.clone(), Fact::Decision { what, actor, reason, moved_from: None });
        if let Verdict::Done(value) = verdict {
            let done = Box::new(Done { adopted: true, effect, ..Done::computed(now, value) });
            self.record(node.clone(), Fact::Done { generation, attempt, done });
        }
    }
}
