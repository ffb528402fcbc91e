//! `wait`: for a time, until a time, or until a row is as it should be.
//!
//! Durable without a timer of its own: time counts from when the step began, and that stands in the journal. A row that
//! is not yet as it should be is written down with the moment of the next question; the last one is asked when the time
//! is over.

use super::Run;
use super::backoff::after;
use super::entry::{Done, Fact};
use super::path::NodePath;
use super::scope::Frame;
use super::state::Phase;
use super::walk::Progress;
use crate::diagnostics::Code;
use crate::engine::connector::{Row, StepError};
use crate::graph::{ErrorClass, Node, Poll, Wait};
use crate::value::Value;
use crate::value::time::write_duration;
use jiff::Timestamp;

impl Run {
    pub(super) fn pause(
        &mut self,
        node: &Node,
        wait: &Wait,
        frame: &Frame<'_>,
        path: &NodePath,
        now: Timestamp,
    ) -> Progress {
        self.begin(path);
        match wait {
            Wait::For(time) => self.pause_until(path, now, after(now, *time), Value::Missing),
            Wait::Until(slot) => match self.evaluate(slot, frame, now) {
                Ok(Value::Time(time)) => self.pause_until(path, now, time, Value::Time(time)),
                Ok(other) => {
                    let message = format!("`until` gave {}, not a time", other.kind());
                    self.give_up(path, StepError::data("type", message).at(self.place(slot.span)), false)
                }
                Err(error) => self.give_up(path, error, false),
            },
            Wait::Row(poll) => self.poll(node, poll, frame, path, now),
        }
    }

    fn pause_until(&mut self, path: &NodePath, now: Timestamp, until: Timestamp, value: Value) -> Progress {
        if self.now < until { self.wait(until) } else { self.done(path, now, value) }
    }

    fn poll(&mut self, node: &Node, poll: &Poll, frame: &Frame<'_>, path: &NodePath, now: Timestamp) -> Progress {
        let end = after(now, poll.at_most);
        if let Some(Phase::Got(row)) = self.state.work(path).map(|work| work.phase.clone()) {
            return self.judge(poll, *row, frame, path, now);
        }
        // What fails when the time is over is not asked once more.
        let failing = |run: &Run| {
            run.state.work(path).is_some_and(|work| matches!(work.phase, Phase::Waiting) && work.failures > 0)
        };
        if failing(self) && self.now >= end {
            return self.expired(poll, path);
        }
        let progress = self.operate(node, &poll.operation, frame, path);
        if matches!(progress, Progress::Waiting) && failing(self) { self.wait(end) } else { progress }
    }

    /// Whether the row is what the step waits for.
    fn judge(&mut self, poll: &Poll, row: Row, frame: &Frame<'_>, path: &NodePath, now: Timestamp) -> Progress {
        let seen = Frame::with(frame, frame.path.clone(), vec![("row".into(), row.value.clone())]);
        let (generation, attempt) =
            self.state.work(path).map(|work| (work.generation, work.attempts)).unwrap_or_default();
        let end = after(now, poll.at_most);
        match self.holds(&poll.until, &seen, now) {
            Ok(true) => {
                let done = Box::new(Done { status: row.status, ..Done::computed(now, row.value) });
                self.record(path.clone(), Fact::Done { generation, attempt, done });
                Progress::Finished
            }
            Ok(false) if self.now < end => {
                let next = after(self.now, poll.every).min(end);
                self.record(path.clone(), Fact::NotYet { generation, attempt, next });
                self.wait(next)
            }
            Ok(false) => self.expired(poll, path),
            Err(error) => self.give_up(path, error, false),
        }
    }

    fn expired(&mut self, poll: &Poll, path: &NodePath) -> Progress {
        let failure = self.state.work(path).filter(|work| work.failures > 0).and_then(|work| work.error.as_ref());
        let failure = failure.map(|(error, _)| format!(" (last answer: {}, {})", error.code, error.message));
        let message = format!(
            "what is waited for did not come within {}{}",
            write_duration(poll.at_most),
            failure.unwrap_or_default()
        );
        let error = StepError::new(ErrorClass::Timeout, "wait_expired", message).explained(Code::F1110);
        self.give_up(path, error.at(self.place(poll.until.span)), false)
    }
}
