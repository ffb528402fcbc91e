//! A run that a step calls: it was started or found, and, where the step waits for it, it has ended.
//!
//! The store writes down what it started, so that nothing is in doubt after a crash: a call without its answer is made
//! again and finds the same run. A step that waits asks once whenever its run is taken up; the store wakes it at the end.

use super::path::NodePath;
use super::state::Phase;
use super::walk::Progress;
use super::{Action, Entry, Fact, Run};
use crate::engine::connector::{Outcome, Row};
use crate::value::Text;
use jiff::Timestamp;

/// The code of a step whose called run is in the dead letters.
pub const RUN_FAILED: &str = "run_failed";

impl Run {
    pub(super) fn called(
        &mut self,
        node: &NodePath,
        generation: u32,
        attempt: u32,
        run: Text,
        outcome: Option<Outcome>,
    ) {
        let awaited = self.state.work(node).is_some_and(|work| {
            matches!(work.phase, Phase::Sent) && work.generation == generation && work.attempts == attempt
        });
        if awaited {
            // It is in the journal already.
            let fact = Fact::Called { generation, attempt, run, waits: outcome.is_none() };
            self.state.fold(&Entry { node: node.clone(), at: self.now, fact });
            if let Some(outcome) = outcome {
                self.child_ended(node, outcome);
            }
        }
        self.advance();
    }

    pub(super) fn joined(&mut self, node: &NodePath, outcome: Option<Outcome>) {
        if let Some(Phase::Child { asking, .. }) = self.state.work_mut(node).map(|work| &mut work.phase) {
            *asking = false;
            if let Some(outcome) = outcome {
                self.child_ended(node, outcome);
            }
        }
        self.advance();
    }

    fn child_ended(&mut self, node: &NodePath, outcome: Outcome) {
        match outcome {
            Outcome::Done(Row { value, .. }) => self.work_done(node, Row::value(value), false),
            Outcome::Missing(error) | Outcome::Failed(error) | Outcome::Held { error, .. } => {
                self.give_up(node, error, false);
            }
        }
    }

    /// Asks how the called runs stand that were waited for when this run was last at work.
    pub(super) fn ask_children(&mut self) {
        let waiting =
            self.state.nodes.iter().filter_map(|(path, node)| match node.work.as_ref().map(|work| &work.phase) {
                Some(Phase::Child { run, .. }) => Some((path.clone(), run.clone())),
                _ => None,
            });
        let mut waiting: Vec<_> = waiting.collect();
        waiting.sort();
        for (node, run) in waiting {
            if let Some(Phase::Child { asking, .. }) = self.state.work_mut(&node).map(|work| &mut work.phase) {
                *asking = true;
            }
            self.act(Action::Join { node, run });
        }
    }

    /// Nothing is due by itself: the store wakes the run when the called one has ended.
    pub(super) fn wait_for_child(&mut self) -> Progress {
        self.wait(Timestamp::MAX)
    }
}
