//! `wait`: for a time, until a time, until a row is as it should be.

use super::scope::Scope;
use super::steps::nothing;
use super::{Work, text};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::graph::{NodeKind, Poll, Wait};
use crate::language::types::Type;
use crate::model::flow::{self, WaitLookup};
use std::time::Duration;

/// Who asks more often than that is asking for trouble with the system's limits.
const SHORTEST: Duration = Duration::from_secs(1);

impl Work<'_> {
    pub(super) fn wait(&mut self, wait: &flow::Wait, scope: &Scope) -> (Option<NodeKind>, Option<Type>) {
        match wait {
            flow::Wait::For(time) => (self.duration(time).map(|time| NodeKind::Wait(Wait::For(time))), Some(nothing())),
            flow::Wait::Until(until) => {
                let slot = self.slot(until, scope, Some(&Type::time()));
                (slot.map(|(slot, _)| NodeKind::Wait(Wait::Until(slot))), Some(Type::time()))
            }
            flow::Wait::Lookup(wait) => match self.poll(wait, scope) {
                Some((poll, row)) => (Some(NodeKind::Wait(Wait::Row(Box::new(poll)))), Some(row)),
                None => (None, None),
            },
        }
    }

    fn poll(&mut self, wait: &WaitLookup, scope: &Scope) -> Option<(Poll, Type)> {
        let mut refuse = |key: &str, span: Option<Span>, why: &str| {
            let Some(span) = span else { return };
            let message = format!("a lookup that is waited for has no `{key}`");
            self.say(Diagnostic::error(Code::F0380, message, span).help(why.to_owned()));
        };
        let lookup = &wait.lookup;
        refuse("cache", lookup.cache.as_ref().map(|cache| cache.span()), "it is asked anew each time: leave it out");
        let why = "where nothing is asked, nothing can change: give the step a `when`";
        refuse("blank_key", lookup.blank_key.as_ref().map(|blank| blank.span()), why);
        let every = self.duration(&wait.every);
        if every.is_some_and(|every| every < SHORTEST) {
            let finding = Diagnostic::error(Code::F0380, "`every` is at least 1s", wait.every.span());
            self.say(finding.help("each question is a request to the system"));
        }
        let at_most = self.duration(&wait.at_most);
        let operation = self.lookup(lookup, scope)?;
        let mut seen = scope.clone();
        seen.bound.push((text("row"), operation.result.clone()));
        let (until, checked) = self.slot(&wait.until, &seen, Some(&Type::bool()))?;
        // `until: row != missing` has waited for it.
        let mut row = operation.result.clone();
        let of_row = checked.when_true.iter().filter(|fact| matches!(&fact.path[..], [name] if name.as_str() == "row"));
        for fact in of_row {
            row.missing &= fact.not_missing != Some(true);
        }
        Some((Poll { operation, until, every: every?, at_most: at_most? }, row))
    }
}
