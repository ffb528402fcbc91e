//! Triggers that start runs by themselves: schedules, polls, files, and the reconciliation of webhooks.

use super::scope::Scope;
use super::{Work, join, text};
use crate::catalog::{self, Entity, ParamKind, System};
use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use crate::graph::cron::{CronError, Ticks, zone_meant};
use crate::graph::{Files, Format, Param, Polling, Reconcile, Schedule, TriggerKind};
use crate::language::types::{Kind, RecordType, Type, TypeSource};
use crate::model::flow;
use crate::model::read::{Params, Spanned};
use crate::model::slot::Configurable;
use crate::model::values;
use crate::value::{Text, time};
use std::time::Duration;

/// A file that has not changed for so long is complete, unless the flow says otherwise.
const SETTLE: Duration = Duration::from_secs(10);

/// Parameters that a poll fills itself.
const POLLS_OWN: [&str; 3] = ["sort", "limit", "all"];

/// Folders of a project that hold its own files, in which nothing is ever taken.
const OWN_FOLDERS: [&str; 4] = ["tables", "types", "tests", "environments"];

impl Work<'_> {
    pub(super) fn schedule(&mut self, schedule: &flow::Schedule, scope: &mut Scope) -> Option<TriggerKind> {
        scope.unconnected = true;
        scope.event = Some(Type::record(RecordType::shape([
            ("scheduled_at", Type::time()),
            ("previous_at", Type::time().or_missing()),
        ])));
        let (cron, zone) = (self.word(&schedule.cron), self.word(&schedule.zone));
        let catch_up = schedule.catch_up.as_ref().map_or(Some(true), |flag| self.flag(flag));
        let ticks = match Ticks::new(&cron?, &zone?) {
            Ok(ticks) => ticks,
            Err(error) => {
                let finding = match &error {
                    CronError::Zone(zone) => {
                        let finding = Diagnostic::error(Code::F0481, error.to_string(), schedule.zone.span());
                        match zone_meant(zone) {
                            Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                            None => finding.help("write one of the tz database, such as `Europe/Oslo` or `UTC`"),
                        }
                    }
                    CronError::Pattern { .. } => {
                        let finding = Diagnostic::error(Code::F0480, error.to_string(), schedule.cron.span());
                        finding
                            .help("five fields: minute, hour, day of month, month, day of week, as in `30 6 * * 1-5`")
                    }
                    CronError::Never(_) => Diagnostic::error(Code::F0480, error.to_string(), schedule.cron.span())
                        .help("no day of any year is like that"),
                };
                self.say(finding);
                return None;
            }
        };
        Some(TriggerKind::Schedule(Box::new(Schedule { ticks, catch_up: catch_up? })))
    }

    pub(super) fn reconcile(
        &mut self,
        written: &flow::Reconcile,
        webhook: &flow::Webhook,
        system: &System,
        has_dedupe: bool,
    ) -> Option<Reconcile> {
        let (every, lookback) = (self.interval(&written.every, "every"), self.interval(&written.lookback, "lookback"));
        let mut good = true;
        let mut keeps: Option<Duration> = None;
        for event in &webhook.events {
            let Some((group, name)) = system.event(event) else { continue };
            match &group.reconcile {
                catalog::Reconcile::None => {
                    good = false;
                    let message = format!("{} cannot be asked for past `{name}` events", system.title);
                    let finding = Diagnostic::error(Code::F0486, message, written.span);
                    self.say(finding.also(event.span, "this event").help("leave `reconcile` out"));
                }
                catalog::Reconcile::List(list) => {
                    keeps = keeps.into_iter().chain(list.keeps).min();
                }
                catalog::Reconcile::Rows(_) if !name.ends_with(".Create") && !name.ends_with(".Update") => {
                    good = false;
                    let message = format!("{} cannot be asked for past `{name}` events", system.title);
                    let finding = Diagnostic::error(Code::F0486, message, written.span);
                    self.say(finding.also(event.span, "this event").help("rows that are gone cannot be listed"));
                }
                catalog::Reconcile::Rows(_) if !has_dedupe => {
                    good = false;
                    let message = format!("{} lists rows, and no events with ids", system.title);
                    let finding = Diagnostic::error(Code::F0486, message, written.span);
                    self.say(
                        finding.help("write `dedupe:` in the trigger: what a listed row and its event have in common"),
                    );
                }
                catalog::Reconcile::Rows(_) => {}
            }
        }
        let (every, lookback) = (every?, lookback?);
        let write = time::write_duration;
        if lookback < every {
            good = false;
            let message = format!("every {} it is asked only {} back", write(every), write(lookback));
            let finding = Diagnostic::error(Code::F0487, message, written.lookback.span());
            self.say(finding.help("a `lookback` shorter than `every` leaves gaps that nobody ever asks about"));
        }
        if let Some(keeps) = keeps.filter(|keeps| lookback > *keeps) {
            good = false;
            let message = format!("{} keeps events for {}, not {}", system.title, write(keeps), write(lookback));
            self.say(Diagnostic::error(Code::F0487, message, written.lookback.span()));
        }
        good.then_some(Reconcile { every, lookback })
    }

    pub(super) fn polling(&mut self, poll: &flow::Poll, scope: &mut Scope) -> Option<TriggerKind> {
        let declared = self.compiler.catalog.operation(&poll.operation).map(|(_, operation)| operation);
        if declared.is_some_and(catalog::Operation::tells_changes) {
            return self.tracking(poll, scope);
        }
        let Some(column) = &poll.cursor else {
            let message = "nothing says by which column new and changed rows are told";
            let finding = Diagnostic::error(Code::F0520, message, poll.span);
            self.say(finding.help("write `cursor:` with a column that the system sets in every new or changed row"));
            return None;
        };
        let alone = Scope { alone: true, ..Scope::default() };
        let every = self.interval(&poll.every, "every");
        for (key, _) in poll.params.entries.iter().filter(|(key, _)| POLLS_OWN.contains(&&*key.text)) {
            let finding = Diagnostic::error(Code::F0485, format!("a poll has no `{}`", key.text), key.span);
            self.say(finding.help("it asks for all rows from the last value of `cursor` on, in that order"));
        }
        let entries = poll.params.entries.iter().filter(|(key, _)| !POLLS_OWN.contains(&&*key.text));
        let written = Params { entries: entries.cloned().collect(), span: poll.params.span };
        let mut operation = self.operation(&poll.operation, poll.connection.as_ref(), &written, &alone, false)?;
        let (system, declared) = self.compiler.catalog.operation(&operation.name)?;
        let entity = operation.entity.as_ref().and_then(|name| system.entities.get(name.as_str()));
        let pollable = can_be_polled(system, declared);
        let (Some(entity), true) = (entity, pollable) else {
            let message = format!("`{}` cannot be polled", operation.name);
            let help = "a poll needs an operation that lists rows of an entity by a condition, such as `finops.list`";
            self.say(Diagnostic::error(Code::F0482, message, poll.operation.span).help(help));
            return None;
        };
        scope.event = match &operation.result.kind {
            Kind::List(row) => Some((**row).clone()),
            _ => None,
        };
        let cursor_type = self.cursor(column, entity)?;
        let from = match &poll.from {
            Some(expr) => Some(self.slot(expr, &alone, Some(&cursor_type))?.0),
            None if matches!(cursor_type.kind, Kind::Int | Kind::Decimal) => {
                let message = format!("nothing says from which `{}` on the first rows are asked for", column.value.0);
                let finding = Diagnostic::error(Code::F0484, message, column.span);
                self.say(finding.help("write `from:` with the first value; only dates and times can begin with now"));
                return None;
            }
            None => None,
        };
        // What names a row has to be read, whatever else is.
        let cursor = text(column);
        let key: Vec<Text> = entity.key.iter().map(|column| text(column)).collect();
        for (name, param) in &mut operation.params {
            if let (true, Param::Columns(columns)) = (name.as_str() == "select", param) {
                for needed in key.iter().chain([&cursor]) {
                    if !columns.contains(needed) {
                        columns.push(needed.clone());
                    }
                }
            }
        }
        let overlap = match cursor_type.kind {
            Kind::Time => self.overlap(&operation.connection, system),
            _ => Duration::ZERO,
        };
        Some(TriggerKind::Poll(Box::new(Polling { operation, every: every?, cursor, cursor_type, from, overlap, key })))
    }

    /// The type of the column that grows.
    fn cursor(&mut self, column: &Spanned<values::Word>, entity: &Entity) -> Option<Type> {
        let row = self.compiler.types.payload(&entity.ty)?;
        let fields = &row.fields()?.fields;
        let Some(field) = fields.get(&*column.value.0) else {
            let message = format!("`{}` has no column `{}`", entity.name, column.value.0);
            let finding = Diagnostic::error(Code::F0483, message, column.span);
            let meant = did_you_mean(column, fields.keys().map(|name| name.as_str()));
            self.say(match meant {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(column.span, meant),
                None => finding,
            });
            return None;
        };
        if !matches!(field.ty.kind, Kind::Time | Kind::Date | Kind::Int | Kind::Decimal) {
            let message =
                format!("`{}` is {}: it does not grow with every change", column.value.0, field.ty.kind_name());
            let finding = Diagnostic::error(Code::F0483, message, column.span);
            self.say(
                finding.help("a cursor is a time, a date or a number that the system sets in every new or changed row"),
            );
            return None;
        }
        Some(field.ty.clone().present())
    }

    /// How long the system may still be writing a row after the time that stands in it.
    fn overlap(&self, connection: &str, system: &System) -> Duration {
        let own = self.compiler.connections.get(connection).and_then(|facts| facts.settle);
        let known = system.operations.values().flat_map(|operation| &operation.repeat).filter_map(|entry| entry.settle);
        own.or(known.max()).unwrap_or_default()
    }

    pub(super) fn files(&mut self, file: &flow::FileTrigger, scope: &mut Scope) -> Option<TriggerKind> {
        scope.unconnected = true;
        let settle = match &file.settle {
            Some(settle) => self.interval(settle, "settle"),
            None => Some(SETTLE),
        };
        // The folder decides which files belong to the project: it cannot differ between environments.
        let place = self.given_word(&file.path).and_then(|path| self.place(&path, file.path.span()));
        let reader = match &file.reader {
            Some(reader) => self.word(reader).map(|name| (name, reader.span())),
            None => {
                let end = place.as_ref().and_then(|(_, name)| name.rsplit_once('.')).map_or("", |(_, end)| end);
                Some((end.into(), file.path.span()))
            }
        };
        let reader = reader.and_then(|(name, span)| {
            let found = Format::ALL.iter().copied().find(|format| format.as_str() == name.as_str());
            if found.is_none() && (file.reader.is_some() || place.is_some()) {
                let known = Format::ALL.iter().map(|format| format!("`{}`", format.as_str())).collect::<Vec<_>>();
                let message = match file.reader {
                    Some(_) => format!("there is no reader `{name}`"),
                    None => "the file's name does not say how it is read".to_string(),
                };
                let help = format!("write `reader:` with one of: {}", known.join(", "));
                self.say(Diagnostic::error(Code::F0489, message, span).help(help));
            }
            found
        });
        let rows = match reader {
            Some(Format::Csv) => Type::list(Type::map(Type::text())),
            Some(Format::Settlement) => {
                Type::list(self.compiler.types.payload("paypal.settlement_row").unwrap_or_else(Type::any))
            }
            _ => Type::list(Type::any()),
        };
        scope.event = Some(Type::record(RecordType::shape([
            ("name", Type::text()),
            ("path", Type::text()),
            ("size", Type::int()),
            ("sha256", Type::text()),
            ("rows", rows),
        ])));
        let (folder, name) = place?;
        Some(TriggerKind::Files(Files { folder, name, reader: reader?, settle: settle? }))
    }

    fn given_word(&mut self, value: &Configurable<values::Word>) -> Option<Text> {
        match value {
            Configurable::Given(word) => Some(text(word)),
            Configurable::Setting(name) => {
                let message = "`path` stands in the flow itself: which files are the project's own depends on it";
                self.say(Diagnostic::error(Code::F0368, message, name.span));
                None
            }
        }
    }

    /// The folder, from the project's root, and the name with its `*`.
    fn place(&mut self, path: &str, span: Span) -> Option<(Text, Text)> {
        let own = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut refuse = |why: &str, help: &str| {
            self.findings.push(Diagnostic::error(Code::F0488, format!("`{path}` {why}"), span).help(help.to_string()));
            None
        };
        if path.starts_with('/') || path.contains('\\') || path.contains(':') {
            return refuse(
                "is no path inside the project",
                "paths are relative to the flow's file and never leave the project",
            );
        }
        let Some(whole) = join(own, path) else {
            return refuse("leaves the project", "paths never leave the project");
        };
        let (folder, name) = whole.rsplit_once('/').unwrap_or(("", &whole));
        if name.is_empty() || path.ends_with('/') || name.starts_with('.') {
            return refuse("names no file", "end it with a name, as in `inbox/*.csv`");
        }
        if folder.contains('*') || path.contains(['?', '[', '{']) || name.contains("**") {
            return refuse(
                "has a pattern that is not known",
                "`*` stands for any part of the file's name, and for nothing else",
            );
        }
        let last = folder.rsplit_once('/').map_or(folder, |(_, last)| last);
        let holds = |known: &String| known.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        if folder == own
            || folder.is_empty()
            || OWN_FOLDERS.contains(&last)
            || self.compiler.inputs.files.keys().any(holds)
        {
            let help = "files that are taken are moved away: give them a folder of their own, as in `inbox/*.csv`";
            return refuse("stands in a folder with files of the project", help);
        }
        Some((text(folder), text(name)))
    }

    /// A length of time above zero.
    pub(super) fn interval(&mut self, value: &Configurable<values::Duration>, key: &str) -> Option<Duration> {
        let duration = self.duration(value)?;
        if duration < Duration::from_millis(1) {
            let message = format!("`{key}` is no time at all");
            self.say(
                Diagnostic::error(Code::F0491, message, value.span()).help("write a length of time such as `15m`"),
            );
            return None;
        }
        Some(duration)
    }
}

/// It lists rows, can be told from where on and in which order.
fn can_be_polled(system: &System, operation: &catalog::Operation) -> bool {
    let has = |name: &str, kind: ParamKind| operation.params.get(name).is_some_and(|param| param.kind == kind);
    let grows = system.filter.as_ref().is_some_and(|rules| rules.allows(">=") && rules.allows("and"));
    let lists = matches!(operation.result().ty, catalog::TypeRef::List(_));
    grows
        && lists
        && has("where", ParamKind::Filter)
        && has("sort", ParamKind::Columns)
        && has("limit", ParamKind::Literal)
}
