//! The process is about to go away: nothing more is sent or looked for, answers under way are still taken in.

use super::Run;

impl Run {
    pub(super) fn drain(&mut self) {
        self.draining = true;
        self.advance();
    }
}
