//! The run goes on from its journal. What was under way when the process went away may have been done; the server may
//! still be working on it, so that a settle time counts from now.

use super::Run;
use super::operation::FailedHow;
use super::path::NodePath;
use super::state::Phase;
use crate::engine::connector::StepError;
use crate::engine::journal::INTERRUPTED;
use crate::graph::ErrorClass;

impl Run {
    pub(super) fn resume(&mut self) {
        let under_way = |work: &super::state::Work| matches!(work.phase, Phase::Sent);
        let nodes = self.state.nodes.iter();
        let lost = nodes.filter(|(_, node)| node.work.as_ref().is_some_and(under_way)).map(|(path, _)| path.clone());
        let mut lost: Vec<NodePath> = lost.collect();
        lost.sort();
        for path in lost {
            let message = "flowctl stopped while this was under way";
            let error = StepError::new(ErrorClass::Unavailable, INTERRUPTED, message);
            self.attempt_failed(&path, error, FailedHow::Interrupted);
        }
        self.ask_children();
        self.advance();
    }
}
