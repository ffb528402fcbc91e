//! A person has said "yes" or "no" to what an `approve` asks. An answer that comes twice, or to nothing that is asked,
//! changes nothing. Before the run is taken up it is only written down: an answer counts from when it was given.

use super::entry::{Fact, Judgement};
use super::path::NodePath;
use super::{Action, Run};

impl Run {
    pub(super) fn judged(&mut self, node: &NodePath, judgement: Judgement) {
        match self.objection(node, &judgement) {
            Some(why) => self.act(Action::Refused(why)),
            None => self.record(node.clone(), Fact::Judged(judgement.into())),
        }
        if self.at_work {
            self.advance();
        }
    }
}
