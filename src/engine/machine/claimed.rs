//! The store kept the result together with the claim on its row, or said that the row is another node's.

use super::Run;
use super::path::NodePath;
use super::state::Phase;
use crate::diagnostics::Code;
use crate::engine::connector::StepError;
use crate::value::Text;

impl Run {
    pub(super) fn claimed(&mut self, node: &NodePath, taken_by: Option<Text>) {
        if let Some(Phase::Claiming(entry)) = self.state.work(node).map(|work| work.phase.clone()) {
            match taken_by {
                // It is in the journal already.
                None => self.state.fold(&entry),
                Some(owner) => {
                    let message = format!("the row found is the work of {owner}, not of this step");
                    self.give_up(node, StepError::data("key_taken", message).explained(Code::F1103), false);
                }
            }
        }
        self.advance();
    }
}
