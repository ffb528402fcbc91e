//! Steps beside each other: the lists of `parallel`, and lookups of one list that do not use one another.
//!
//! When one of them ends the run, what is under way beside it finishes and nothing begins. What is under way is walked
//! before anything new begins, so that a failure is known first, also after a restart.

use super::Run;
use super::each::graver;
use super::path::NodePath;
use super::scope::Frame;
use super::walk::Progress;
use crate::graph::Node;
use crate::value::Value;
use jiff::Timestamp;

/// What has become of steps that stand beside each other.
#[derive(Default)]
struct Beside {
    waiting: bool,
    held: bool,
    /// The gravest end of them.
    ended: Option<Progress>,
}

impl Run {
    pub(super) fn parallel(
        &mut self,
        lists: &[Vec<Node>],
        frame: &Frame<'_>,
        path: &NodePath,
        now: Timestamp,
    ) -> Progress {
        let lists: Vec<&[Node]> = lists.iter().map(Vec::as_slice).collect();
        match self.beside(&lists, frame) {
            Progress::Finished => self.done(path, now, Value::Missing),
            progress => progress,
        }
    }

    /// Lists of steps at the same time.
    pub(super) fn beside(&mut self, lists: &[&[Node]], frame: &Frame<'_>) -> Progress {
        let outside = std::mem::replace(&mut self.holding, true);
        let mut beside = self.round(lists, frame);
        if beside.ended.is_none() && !outside {
            self.holding = false;
            beside = self.round(lists, frame);
        }
        self.holding = outside;
        match beside {
            Beside { waiting: true, .. } => Progress::Waiting,
            Beside { ended: Some(end), .. } => end,
            Beside { held: true, .. } => Progress::Held,
            Beside { .. } => Progress::Finished,
        }
    }

    fn round(&mut self, lists: &[&[Node]], frame: &Frame<'_>) -> Beside {
        let mut beside = Beside::default();
        for list in lists {
            match self.list(list, frame) {
                Progress::Finished => {}
                Progress::Waiting => beside.waiting = true,
                Progress::Held => beside.held = true,
                end => {
                    beside.ended = Some(graver(beside.ended.take(), end));
                    self.holding = true;
                }
            }
        }
        beside
    }
}
