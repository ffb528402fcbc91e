//! Something is due: a repeat, a look.

use super::Run;

impl Run {
    pub(super) fn timer(&mut self) {
        self.advance();
    }
}
