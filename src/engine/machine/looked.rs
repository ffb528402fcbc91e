//! A look came to an end: the work is found and ours, found and not ours, or was not done.

use super::Run;
use super::compare::holds;
use super::entry::Fact;
use super::operation::operation_at;
use super::path::NodePath;
use super::state::Phase;
use crate::diagnostics::Code;
use crate::engine::connector::{Is, LookOutcome, Row, StepError};
use crate::graph::RepeatBy;

impl Run {
    pub(super) fn looked(&mut self, node: &NodePath, outcome: LookOutcome) {
        if let Some(Phase::Looking(because)) = self.state.work(node).map(|work| work.phase.clone()) {
            match outcome {
                LookOutcome::Failed(error) => self.look_failed(node, error),
                LookOutcome::Found(rows) => self.found(node, rows, because),
            }
        }
        self.advance();
    }

    fn found(&mut self, node: &NodePath, mut rows: Vec<Row>, because: Option<Is>) {
        let graph = self.graph.clone();
        let Some((_, operation)) = operation_at(&graph, node) else { return };
        let Some(work) = self.state.work(node) else { return };
        let (generation, attempt, request) = (work.generation, work.attempts, work.request.clone());
        if rows.len() > 1 {
            let message = format!("{} rows answer to what should tell ours from every other", rows.len());
            self.give_up(node, StepError::data("not_unique", message).explained(Code::F1102), true);
            return;
        }
        let Some(row) = rows.pop() else {
            self.record(node.clone(), Fact::NotFound { generation, attempt });
            if because.is_some() {
                self.give_up_after(node);
            } else if operation.repeat.by == RepeatBy::None {
                self.unknown(node);
            }
            return;
        };
        let by = operation.repeat.by;
        let compares = by == RepeatBy::Key || because == Some(Is::MaybeDone) && by != RepeatBy::Made;
        // Of a change set only its first write is looked for.
        let (written, found) = match request.writes().first() {
            Some(first) => (first.request.body.as_ref(), row.value.get(&first.path)),
            None => (request.body.as_ref(), &row.value),
        };
        if compares && written.is_some_and(|body| !holds(found, body)) {
            let message = "a row with this key exists and holds other values than we would have written";
            self.give_up(node, StepError::data("key_taken", message).explained(Code::F1103), false);
            return;
        }
        self.work_done(node, row, true);
    }
}
