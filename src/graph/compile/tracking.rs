//! A poll of what a system itself tells to have changed: there is no column that grows, only the link that the last answer
//! gave.

use super::Work;
use super::scope::Scope;
use crate::catalog;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::graph::{DELETE, Tracking, TriggerKind, UPDATE};
use crate::language::types::{Facts, Kind, RecordType, Type};
use crate::model::flow;
use crate::value::Text;
use std::sync::Arc;

impl Work<'_> {
    /// Also gives the scope its `event`.
    pub(super) fn tracking(&mut self, poll: &flow::Poll, scope: &mut Scope) -> Option<TriggerKind> {
        let alone = Scope { alone: true, ..Scope::default() };
        let every = self.interval(&poll.every, "every");
        let cursor = poll.cursor.as_ref().map(|column| ("cursor", column.span));
        let from = poll.from.as_ref().map(|expr| ("from", expr.span));
        for (key, span) in [cursor, from].into_iter().flatten() {
            let message = format!("`{}` goes on from its own last answer and has no `{key}`", poll.operation.value.0);
            let finding = Diagnostic::error(Code::F0521, message, span);
            self.say(finding.help("it begins with now; with `all: true` the rows that are there come first"));
        }
        let operation = self.operation(&poll.operation, poll.connection.as_ref(), &poll.params, &alone, false)?;
        scope.event = match &operation.result.kind {
            Kind::List(row) => Some(event((**row).clone())),
            _ => None,
        };
        Some(TriggerKind::Changes(Box::new(Tracking { operation, every: every? })))
    }

    /// A lookup has no last answer to go on from.
    pub(super) fn refuse_changes(&mut self, operation: &catalog::Operation, span: Span) {
        if operation.tells_changes() {
            let message =
                format!("`{}` tells what has changed since it was asked last, and a step asks once", operation.name);
            let finding = Diagnostic::error(Code::F0522, message, span);
            self.say(finding.help("it belongs under `trigger: { poll: … }`; a step reads rows with `list`"));
        }
    }
}

/// What the trigger gives: the shape of an event that tells of a row, with the whole row.
fn event(row: Type) -> Type {
    let options = [UPDATE, DELETE].map(|message| (Text::from(message), None)).to_vec();
    let facts = Facts { options, closed: true, ..Facts::default() };
    let message = Type { facts: Some(Arc::new(facts)), ..Type::text() };
    Type::record(RecordType::shape([
        ("message", message),
        ("entity", Type::text()),
        ("id", Type::text()),
        ("target", row.or_missing()),
    ]))
}
