//! The run begins.

use super::Run;

impl Run {
    pub(super) fn start(&mut self) {
        self.at_work = true;
        self.advance();
    }
}
