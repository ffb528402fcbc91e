//! An attempt came to an end. An answer to anything but the attempt under way is late or a repetition: dropped.

use super::Run;
use super::operation::{FailedHow, operation_at};
use super::path::NodePath;
use super::state::Phase;
use crate::engine::connector::{Outcome, Row};
use crate::value::Value;

impl Run {
    pub(super) fn answered(&mut self, node: &NodePath, generation: u32, attempt: u32, outcome: Outcome) {
        let awaited = self.state.work(node).is_some_and(|work| {
            matches!(work.phase, Phase::Sent) && work.generation == generation && work.attempts == attempt
        });
        if awaited {
            match outcome {
                Outcome::Done(row) => self.work_done(node, row, false),
                Outcome::Missing(_) if self.missing_continues(node) => {
                    self.work_done(node, Row::value(Value::Missing), false);
                }
                Outcome::Missing(error) | Outcome::Failed(error) => {
                    self.attempt_failed(node, error, FailedHow::Answered);
                }
                Outcome::Held { until, error } => self.attempt_failed(node, error, FailedHow::Held { until }),
            }
        }
        self.advance();
    }

    fn missing_continues(&self, node: &NodePath) -> bool {
        operation_at(&self.graph, node).is_some_and(|(_, operation)| operation.missing_continues)
    }
}
