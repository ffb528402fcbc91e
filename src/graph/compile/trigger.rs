//! What starts a run of the flow, and the slots at its door.

use super::scope::Scope;
use super::{Work, text};
use crate::catalog::{Decoder, Entity, EventGroup, Own, System};
use crate::diagnostics::{Code, Diagnostic, did_you_mean};
use crate::graph::{Trigger, TriggerKind, UPDATE};
use crate::language::types::{Field, RecordType, Type, TypeSource};
use crate::model::flow::{self, TriggerSource};
use crate::model::slot::Configurable;
use crate::value::Text;

impl Work<'_> {
    /// Also gives the scope its `event`.
    pub(super) fn trigger(&mut self, trigger: &flow::Trigger, scope: &mut Scope) -> Option<Trigger> {
        let mut ignore_own = false;
        let kind = match &trigger.source {
            TriggerSource::Webhook(webhook) => {
                ignore_own = webhook.ignore_own.as_ref().is_some_and(|flag| flag.value.0);
                self.webhook(webhook, trigger.dedupe.is_some(), scope)
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

    fn webhook(&mut self, webhook: &flow::Webhook, has_dedupe: bool, scope: &mut Scope) -> Option<TriggerKind> {
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
        let mut groups: Vec<&EventGroup> = Vec::new();
        for written in &webhook.events {
            let Some((group, name)) = system.event(written) else {
                let message = format!("{} has no event `{}`", system.title, written.value.0);
                let help = system.event_help(written);
                self.say(Diagnostic::error(Code::F0365, message, written.span).help(help));
                continue;
            };
            let unnamed = name.split_once('.').and_then(|(entity, _)| system.entities.get(entity));
            if let Some(entity) = unnamed.filter(|entity| group.decode.is_some() && entity.logical_name.is_none()) {
                let message = format!("nothing says what {} calls `{}` in its events", system.title, entity.name);
                let finding = Diagnostic::error(Code::F0523, message, written.span);
                let place = format!("types/{}/{}.json", system.name, entity.name);
                self.say(finding.help(format!("write its `x-logical-name` in {place}")));
            }
            types.push(self.compiler.types.event(system, group, name));
            names.push(text(name));
            groups.push(group);
            if webhook.ignore_own.as_ref().is_some_and(|flag| flag.value.0) && group.own == Own::Unknown {
                let span = webhook.ignore_own.as_ref().map_or(webhook.span, |flag| flag.span);
                let message = format!("{} does not say who caused an event", system.title);
                self.say(Diagnostic::error(Code::F0367, message, span).help("leave `ignore_own` out"));
            }
        }
        scope.event = types.into_iter().reduce(common);
        let columns = self.columns_touched(webhook, system, &names, &groups);
        let reconcile = webhook.reconcile.as_ref().map(|written| self.reconcile(written, webhook, system, has_dedupe));
        if names.len() != webhook.events.len() || matches!(reconcile, Some(None)) {
            return None;
        }
        let decoders = system.events.values().filter(|group| groups.iter().any(|used| std::ptr::eq(*used, *group)));
        let decoders = decoders.filter_map(|group| Decoder::of(group, system, self.compiler.types)).collect();
        let (connection, columns) = (text(&name), columns?);
        Some(TriggerKind::Webhook { connection, events: names, columns, decoders, reconcile: reconcile.flatten() })
    }

    /// The columns of which an update has to touch one.
    fn columns_touched(
        &mut self,
        webhook: &flow::Webhook,
        system: &System,
        names: &[Text],
        groups: &[&EventGroup],
    ) -> Option<Vec<Text>> {
        let Some(first) = webhook.columns.first() else { return Some(vec![]) };
        if groups.iter().any(|group| !group.gives.contains_key("target")) {
            let message = format!("{} does not say which columns an update touched", system.title);
            let finding = Diagnostic::error(Code::F0490, message, first.span);
            self.say(finding.help("leave `columns` out, and ask in `when` what you want to know of the event"));
            return None;
        }
        let updated = names.iter().filter_map(|name| name.split_once('.')).filter(|(_, message)| *message == UPDATE);
        let updated: Vec<&Entity> = updated.filter_map(|(entity, _)| system.entities.get(entity)).collect();
        if updated.is_empty() {
            let finding = Diagnostic::error(Code::F0468, "`columns` without the event of an update", first.span);
            self.say(finding.help("they choose among updates; a new or deleted row always comes"));
            return None;
        }
        let mut good = true;
        for (column, entity) in webhook.columns.iter().flat_map(|column| updated.iter().map(move |of| (column, *of))) {
            let row = self.compiler.types.payload(&entity.ty);
            let fields = row.as_ref().and_then(Type::fields);
            let readable = fields.into_iter().flat_map(|record| &record.fields).filter(|(_, field)| !field.write_only);
            let readable: Vec<&str> = readable.map(|(name, _)| name.as_str()).collect();
            if readable.contains(&column.as_str()) {
                continue;
            }
            good = false;
            let message = format!("`{}` has no column `{}`", entity.name, column.value.0);
            let finding = Diagnostic::error(Code::F0360, message, column.span);
            self.say(match did_you_mean(column, readable) {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(column.span, meant),
                None => finding,
            });
        }
        good.then(|| webhook.columns.iter().map(|column| text(column)).collect())
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
