//! A person ends the run: nothing new begins; what is under way comes to its end first, so that it is not left open.

use super::Run;
use super::entry::{Fact, Ruling};
use super::path::NodePath;
use crate::value::Text;

impl Run {
    pub(super) fn cancel(&mut self, actor: Text, reason: Text) {
        self.record(NodePath::root(), Fact::Decision { what: Ruling::Stop, actor, reason, moved_from: None });
        self.advance();
    }
}
