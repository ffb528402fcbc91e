//! What starts a run of the flow, and the slots at its door.

use super::scope::Scope;
use super::{Work, text};
use crate::catalog::Own;
use crate::diagnostics::{Code, Diagnostic};
use crate::graph::{Trigger, TriggerKind};
use crate::language::types::{Field, RecordType, Type};
use crate::model::flow::{self, TriggerSource};
use crate::model::slot::Configurable;

impl Work<'_> {
    /// Also gives the scope its `event`.
    pub(super) fn trigger(&mut self, trigger: &flow::Trigger, scope: &mut Scope) -> Option<Trigger> {
        let mut ignore_own = false;
        let kind = match &trigger.source {
            TriggerSource::Webhook(webhook) => {
                ignore_own = webhook.ignore_own.as_ref().is_some_and(|flag| flag.value.0);
                self.webhook(webhook, scope)
            }
            TriggerSource::Schedule(schedule) => self.schedule(schedule, scope),
            TriggerSource::Poll(poll) => self.polling(poll, scope),
            TriggerSource::File(file) => self.files(file, scope),
            TriggerSource::Flow(flow) => {
                let params = self.params(flow);
                scope.event = params.clone();
                params.map(|params| TriggerKind::Flow { params })
            }
        };
        scope.at_door = true;
        let condition = Type::bool();
        let when = trigger.when.as_ref().map(|expr| self.slot(expr, scope, Some(&condition)));
        let mut key = |expr: &Option<crate::model::slot::Expr>| expr.as_ref().map(|expr| self.slot(expr, scope, None));
        let (dedupe, order_by, sequence) = (key(&trigger.dedupe), key(&trigger.order_by), key(&trigger.sequence));
        scope.at_door = false;
        if let Some(Some((_, checked))) = &dedupe {
            self.dedupe_reads = checked.reads.clone();
        }
        if let (Some(sequence), None) = (&trigger.sequence, &trigger.order_by) {
            let finding = Diagnostic::error(Code::F0374, "`sequence` stands without `order_by`", sequence.span);
            self.say(finding.help("write `order_by`: what has a sequence are the events of one key"));
        }
        // What holds of every event that starts a run also holds in its steps.
        if let Some(Some((_, checked))) = &when {
            scope.facts.extend(checked.when_true.iter().cloned());
        }
        let slot = |compiled: Option<Option<(crate::graph::Slot, _)>>| compiled.flatten().map(|(slot, _)| slot);
        Some(Trigger {
            kind: kind?,
            ignore_own,
            when: when.flatten().map(|(slot, _)| slot),
            dedupe: slot(dedupe),
            order_by: slot(order_by),
            sequence: slot(sequence),
            span: trigger.span,
        })
    }

    fn webhook(&mut self, webhook: &flow::Webhook, scope: &mut Scope) -> Option<TriggerKind> {
        let (name, span) = match &webhook.connection {
            Configurable::Given(name) => (name.to_string(), name.span),
            Configurable::Setting(name) => {
                self.say(Diagnostic::error(Code::F0368, "a trigger names its connection itself", name.span));
                return None;
            }
        };
        let connection = self.connection(&name, span)?;
        let catalog = self.compiler.catalog;
        let system = catalog.system(&connection.system)?;
        if webhook.events.is_empty() {
            let finding = Diagnostic::error(Code::F0365, "a webhook trigger names at least one event", webhook.span);
            self.say(finding.help(system.event_help("")));
            return None;
        }
        let mut types = Vec::new();
        let mut names = Vec::new();
        for written in &webhook.events {
            match catalog.event(&system.name, written) {
                Some((group, name, _)) => {
                    types.push(self.compiler.types.event(group, name));
                    names.push(text(name));
                    if webhook.ignore_own.as_ref().is_some_and(|flag| flag.value.0) && group.own == Own::Unknown {
                        let span = webhook.ignore_own.as_ref().map_or(webhook.span, |flag| flag.span);
                        let message = format!("{} does not say who caused an event", system.title);
                        self.say(Diagnostic::error(Code::F0367, message, span).help("leave `ignore_own` out"));
                    }
                }
                None => {
                    let message = format!("{} has no event `{}`", system.title, written.value.0);
                    let help = system.event_help(written);
                    self.say(Diagnostic::error(Code::F0365, message, written.span).help(help));
                }
            }
        }
        scope.event = types.into_iter().reduce(common);
        let columns = webhook.columns.first().map(|column| {
            let message = format!("{} does not say which columns an update touched", system.title);
            let finding = Diagnostic::error(Code::F0490, message, column.span);
            self.say(finding.help("leave `columns` out, and ask in `when` what you want to know of the event"));
        });
        let reconcile = webhook.reconcile.as_ref().map(|written| self.reconcile(written, webhook, system));
        if names.len() != webhook.events.len() || columns.is_some() || matches!(reconcile, Some(None)) {
            return None;
        }
        Some(TriggerKind::Webhook { connection: text(&name), events: names, reconcile: reconcile.flatten() })
    }
}

/// The fields that both have, with one type: where the events of one trigger differ, nothing else can be read.
fn common(a: Type, b: Type) -> Type {
    if a == b {
        return a;
    }
    let (Some(left), Some(right)) = (a.fields(), b.fields()) else { return Type::any() };
    let mut fields = indexmap::IndexMap::new();
    for (name, field) in &left.fields {
        let Some(other) = right.fields.get(name) else { continue };
        if field.ty == other.ty {
            fields.insert(name.clone(), field.clone());
        } else if field.ty.fields().is_some() && other.ty.fields().is_some() {
            let mut ty = common(field.ty.clone(), other.ty.clone());
            ty.missing = field.ty.missing || other.ty.missing;
            ty.null = field.ty.null || other.ty.null;
            fields.insert(name.clone(), Field { ty, ..field.clone() });
        }
    }
    Type::record(RecordType { name: None, fields })
}
