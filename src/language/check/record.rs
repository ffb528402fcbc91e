//! Bodies `{ … }`: what is assigned on which path, spreads, and the fields that a type wants.

use super::chain::unknown_field;
use super::expression::no_one_type;
use super::relate;
use super::{Assigned, Checker, Typed, Want, fit};
use crate::diagnostics::{Code as Number, Diagnostic, Span};
use crate::language::ast::{Entry, Expr, Name};
use crate::language::code::{Code, Op, Statement};
use crate::language::types::{Field, Kind, RecordType, Type};
use crate::value::Text;
use indexmap::IndexMap;
use std::sync::Arc;

/// What a record under construction holds so far, on the path being looked at.
#[derive(Clone, Default)]
struct Frame {
    fields: IndexMap<Text, Slot>,
    /// A spread of a map or `any`, which can hold every field.
    open: Option<Span>,
}

#[derive(Clone)]
struct Slot {
    span: Span,
    /// Holds a value on every path.
    always: bool,
    /// Of the value, without *may be missing*.
    ty: Type,
    how: How,
}

#[derive(Clone)]
enum How {
    /// `a = …`, on some path at least.
    Whole,
    /// By `a.b = …` alone.
    Parts(Frame),
    Spread,
}

/// What is wanted of the record's fields.
#[derive(Clone)]
enum Wanted {
    Nothing,
    Fields(Arc<RecordType>, Want),
    Values(Want),
}

impl Checker<'_> {
    pub(super) fn record(&mut self, span: Span, entries: &[Entry], want: Option<&Want>) -> Option<Typed> {
        let wanted = match want {
            Some(want) => match &want.ty.kind {
                Kind::Record(record) => {
                    let writing = want.writing || relate::is_payload(record);
                    Wanted::Fields(record.clone(), Want { writing, ..want.clone() })
                }
                Kind::Map(value) => Wanted::Values(want.part((**value).clone())),
                _ => Wanted::Nothing,
            },
            None => Wanted::Nothing,
        };
        let mut frame = Frame::default();
        let errors = self.findings.len();
        let statements = self.block(entries, &mut frame, &wanted);
        let failed = super::has_errors(&self.findings[errors.min(self.findings.len())..]);
        if failed {
            return None;
        }
        let ty = match &wanted {
            Wanted::Fields(record, want) => {
                if !want.writing {
                    self.check_complete(&frame, record, span)?;
                }
                Type::new(Kind::Record(record.clone()))
            }
            _ if frame.open.is_some() => Type::any(),
            _ => Type::record(frame.record_type()),
        };
        let mut typed = Typed::new(Op::Record(statements), span, ty);
        if frame.open.is_none() {
            let always = frame.fields.iter().filter(|(_, slot)| slot.always).map(|(name, _)| name.clone()).collect();
            typed.assigned = Some(Assigned { always, sometimes: frame.fields.keys().cloned().collect() });
        }
        Some(typed)
    }

    /// Every field that the type always has is assigned on every path.
    fn check_complete(&mut self, frame: &Frame, record: &RecordType, span: Span) -> Option<()> {
        if frame.open.is_some() {
            return Some(());
        }
        let lacks = |(name, field): &(&Text, &Field)| {
            !field.ty.missing && !frame.fields.get(*name).is_some_and(|slot| slot.always)
        };
        let mut whole = Some(());
        for (name, _) in record.fields.iter().filter(lacks) {
            let of = record.name.as_deref().unwrap_or("this record");
            let open = Span { end: span.start + 1, ..span };
            let finding = match frame.fields.get(name) {
                Some(slot) => {
                    let message = format!("`{name}` of {of} is not assigned on every path");
                    Diagnostic::error(Number::F0232, message, open).also(slot.span, "only here")
                }
                None => Diagnostic::error(Number::F0232, format!("`{name}` of {of} is not assigned"), open),
            };
            self.report(finding);
            whole = None;
        }
        whole
    }

    /// The entries of one `{ }`. What had a finding is left out: the code is not used then.
    fn block(&mut self, entries: &[Entry], frame: &mut Frame, wanted: &Wanted) -> Vec<Statement> {
        let before = (self.variables.len(), self.facts.len());
        let mut statements = vec![];
        for entry in entries {
            if let Some(statement) = self.entry(entry, frame, wanted) {
                statements.push(statement);
            }
        }
        self.leave(before.0);
        self.facts.truncate(before.1);
        statements
    }

    fn entry(&mut self, entry: &Entry, frame: &mut Frame, wanted: &Wanted) -> Option<Statement> {
        match entry {
            Entry::Let(one) => {
                let (slot, value) = self.let_value(one);
                Some(Statement::Let { slot, value: value? })
            }
            Entry::Assign { target, value, span } => self.assign(target, value, *span, frame, wanted),
            Entry::Spread { value, span } => self.spread(value, *span, frame, wanted),
            Entry::If { condition, then, otherwise, .. } => {
                let condition = self.condition(condition, "`if`");
                let (yes, no) = condition
                    .as_ref()
                    .map_or((vec![], vec![]), |typed| (typed.when_true.clone(), typed.when_false.clone()));
                let mut other = frame.clone();
                let then = self.given(&yes, |this| this.block(then, frame, wanted));
                let otherwise = self.given(&no, |this| this.block(otherwise, &mut other, wanted));
                if let Err((span, one, two)) = frame.merge(other) {
                    self.report(no_one_type("the values of a field", &one, &two, span));
                }
                Some(Statement::If { condition: condition?.code, then, otherwise })
            }
            Entry::Require { condition, message, span } => {
                let condition = self.condition(condition, "`require`");
                let no = condition.as_ref().map_or(vec![], |typed| typed.when_false.clone());
                let text = Want::new(Type::text(), "the text of `require`");
                let message = self.given(&no, |this| this.check(message, Some(&text)));
                let condition = condition?;
                self.facts.extend(condition.when_true);
                Some(Statement::Require { condition: condition.code, message: message?.code, span: *span })
            }
        }
    }

    fn assign(
        &mut self,
        target: &[Name],
        value: &Expr,
        span: Span,
        frame: &mut Frame,
        wanted: &Wanted,
    ) -> Option<Statement> {
        let want = self.target(target, wanted);
        let typed = match &want {
            // The target has a finding: the value gets its own.
            None => {
                self.check(value, None);
                None
            }
            Some(want) => self.check(value, want.as_ref()),
        };
        let mut ty = typed.as_ref().map_or_else(Type::any, |typed| typed.ty.clone());
        if matches!(wanted, Wanted::Fields(_, want) if want.key) {
            ty = ty.present();
        }
        let place = target.first().zip(target.last()).map_or(span, |(first, last)| first.span.to(last.span));
        if let Err(finding) = frame.assign(target, ty, place) {
            self.report(*finding);
            return None;
        }
        let path = target.iter().map(|name| name.text.clone()).collect();
        Some(Statement::Assign { path, value: typed?.code, span })
    }

    /// What is wanted of a target: `None` after a finding, `Some(None)` where anything goes.
    fn target(&mut self, target: &[Name], wanted: &Wanted) -> Option<Option<Want>> {
        let (mut record, want) = match wanted {
            Wanted::Nothing => return Some(None),
            Wanted::Values(want) if target.len() == 1 => {
                let what = format!("`{}`", target.first()?.text);
                return Some(Some(Want {
                    ty: want.ty.clone().or_missing(),
                    what: what.into(),
                    target: true,
                    ..want.clone()
                }));
            }
            Wanted::Values(_) => return Some(None),
            Wanted::Fields(record, want) => (record.clone(), want),
        };
        for (at, name) in target.iter().enumerate() {
            let Some(field) = record.fields.get(&name.text) else {
                let of = record.name.as_deref().map_or("this record".to_string(), str::to_string);
                let known = record.fields.iter().filter(|(_, field)| !field.read_only).map(|(name, _)| &**name);
                let finding = unknown_field(&Type::text(), &name.text, name.span, known);
                let message = format!("{of} has no field `{}`", name.text);
                self.report(Diagnostic { message, ..finding });
                return None;
            };
            if field.read_only {
                let message = format!("`{}` is given by the system and cannot be assigned", name.text);
                self.report(Diagnostic::error(Number::F0233, message, name.span));
                return None;
            }
            if at + 1 == target.len() {
                let path: Vec<&str> = target.iter().map(|name| &*name.text).collect();
                let mut ty = field.ty.clone();
                ty.missing |= want.writing || want.key;
                ty.null |= want.key;
                let what = format!("`{}`", path.join(".")).into();
                // The types of payloads have a dot in their names.
                let declared = record.name.as_ref().is_none_or(|name| !name.contains('.'));
                return Some(Some(Want { ty, what, target: true, declared, ..want.clone() }));
            }
            match &field.ty.kind {
                Kind::Record(inner) => record = inner.clone(),
                Kind::Any | Kind::Map(_) => return Some(None),
                _ => {
                    let message = format!("`{}` is {}, which has no fields", name.text, fit::bare(&field.ty));
                    self.report(Diagnostic::error(Number::F0204, message, target[at + 1].span));
                    return None;
                }
            }
        }
        Some(None)
    }

    fn spread(&mut self, value: &Expr, span: Span, frame: &mut Frame, wanted: &Wanted) -> Option<Statement> {
        let typed = self.check(value, None)?;
        if !self.needs_value(&typed, "`...`") {
            return None;
        }
        let seen = match (&typed.ty.kind, wanted) {
            (Kind::Never, _) => return Some(Statement::Spread { value: typed.code }),
            (Kind::Any | Kind::Map(_), _) => {
                if let Err(finding) = frame.spread_open(span) {
                    self.report(*finding);
                    return None;
                }
                let code = match wanted {
                    Wanted::Fields(record, want) => {
                        let ty = writable(record, want.writing);
                        view(typed.code, ty, span)
                    }
                    _ => typed.code,
                };
                return Some(Statement::Spread { value: code });
            }
            (Kind::Record(has), Wanted::Fields(record, want)) => {
                let target = Type::new(Kind::Record(Arc::new(shared(has, record))));
                let got = Type::new(Kind::Record(Arc::new(shared(record, has))));
                if let Err(misfit) = relate::fits(&got, &all_may_be_missing(&target), want.writing) {
                    let message = format!("`{}` of this record does not fit {}", misfit.path, want.ty);
                    self.report(
                        Diagnostic::error(Number::F0205, message, value.span).label(format!("got {}", typed.ty)),
                    );
                    return None;
                }
                relate::seen(&got, &target)
            }
            (Kind::Record(has), Wanted::Values(want)) => {
                let got = Type::new(Kind::Record(has.clone()));
                if relate::fits(&got, &Type::map(want.ty.clone()), false).is_err() {
                    let message = format!("{} takes {}, got {}", want.what, Type::map(want.ty.clone()), typed.ty);
                    self.report(Diagnostic::error(Number::F0205, message, value.span));
                    return None;
                }
                got
            }
            (Kind::Record(_), Wanted::Nothing) => fit::bare(&typed.ty),
            _ => {
                let message = format!("`...` takes a record, got {}", fit::bare(&typed.ty));
                self.report(Diagnostic::error(Number::F0205, message, value.span));
                return None;
            }
        };
        let fields = seen.fields()?;
        for (name, field) in &fields.fields {
            let assigned = typed.assigned.as_ref();
            let always = assigned.map_or(!field.ty.missing, |assigned| assigned.always.contains(name));
            // What the record never assigns cannot stand in anybody's way.
            if assigned.is_some_and(|assigned| !assigned.sometimes.contains(name)) {
                continue;
            }
            if let Err(finding) = frame.spread(name, &field.ty, always, span) {
                self.report(*finding);
                return None;
            }
        }
        Some(Statement::Spread { value: view(typed.code, seen, span) })
    }
}

fn view(code: Code, ty: Type, span: Span) -> Code {
    let ty = relate::sight(&ty);
    Code::new(Op::View { value: Box::new(code), ty, project: true }, span)
}

/// The fields of `of` that `with` has too and that can be written.
fn shared(with: &RecordType, of: &RecordType) -> RecordType {
    let both =
        |name: &Text, field: &Field| !field.read_only && with.fields.get(name).is_some_and(|other| !other.read_only);
    let fields = of.fields.iter().filter(|(name, field)| both(name, field));
    RecordType { name: None, fields: fields.map(|(name, field)| (name.clone(), field.clone())).collect() }
}

fn writable(record: &RecordType, writing: bool) -> Type {
    let fields = record.fields.iter().filter(|(_, field)| !field.read_only);
    let field = |field: &Field| Field { ty: Type { missing: true, ..field.ty.clone() }, ..field.clone() };
    let fields = fields.map(|(name, has)| (name.clone(), if writing { field(has) } else { has.clone() })).collect();
    Type::record(RecordType { name: None, fields })
}

fn all_may_be_missing(ty: &Type) -> Type {
    match ty.fields() {
        Some(record) => {
            let field = |(name, field): (&Text, &Field)| {
                (name.clone(), Field { ty: field.ty.clone().or_missing(), ..field.clone() })
            };
            Type::record(RecordType { name: None, fields: record.fields.iter().map(field).collect() })
        }
        None => ty.clone(),
    }
}

type Refused = Result<(), Box<Diagnostic>>;

fn refused(code: Number, message: String, span: Span, earlier: Span, text: &str) -> Refused {
    Err(Box::new(Diagnostic::error(code, message, span).also(earlier, text)))
}

impl Frame {
    fn assign(&mut self, target: &[Name], ty: Type, span: Span) -> Refused {
        let Some((name, rest)) = target.split_first() else { return Ok(()) };
        let slot = self.fields.get_mut(&name.text);
        if rest.is_empty() {
            let always = !ty.missing;
            let ty = Type { missing: false, ..ty };
            match slot {
                Some(Slot { how: How::Whole, span: earlier, .. }) => {
                    let message = format!("`{}` is assigned twice on one path", name.text);
                    refused(Number::F0230, message, span, *earlier, "assigned here first")
                }
                Some(Slot { how: How::Parts(_), span: earlier, .. }) => {
                    let message = format!("`{}` is already built by its parts", name.text);
                    refused(Number::F0231, message, span, *earlier, "one of its fields is assigned here")
                }
                Some(slot) => {
                    *slot = Slot { span, always, ty, how: How::Whole };
                    Ok(())
                }
                None => {
                    self.fields.insert(name.text.clone(), Slot { span, always, ty, how: How::Whole });
                    Ok(())
                }
            }
        } else if let Some(open) = self.open {
            let message = format!("`...` can hold `{}`, so its fields cannot be assigned one by one", name.text);
            refused(Number::F0231, message, span, open, "spread here")
        } else {
            match slot {
                Some(Slot { how: How::Parts(inner), always, .. }) => {
                    inner.assign(rest, ty, span)?;
                    *always = inner.fields.values().any(|slot| slot.always);
                    Ok(())
                }
                Some(Slot { how: How::Whole, span: earlier, .. }) => {
                    let message = format!("`{}` is already assigned as a whole", name.text);
                    refused(Number::F0231, message, span, *earlier, "assigned here")
                }
                Some(Slot { how: How::Spread, span: earlier, .. }) => {
                    let message =
                        format!("`...` can hold `{}`, so its fields cannot be assigned one by one", name.text);
                    refused(Number::F0231, message, span, *earlier, "spread here")
                }
                None => {
                    let mut inner = Frame::default();
                    inner.assign(rest, ty, span)?;
                    let always = inner.fields.values().any(|slot| slot.always);
                    let slot = Slot { span, always, ty: Type::never(), how: How::Parts(inner) };
                    self.fields.insert(name.text.clone(), slot);
                    Ok(())
                }
            }
        }
    }

    fn spread(&mut self, name: &Text, ty: &Type, always: bool, span: Span) -> Refused {
        let bare = Type { missing: false, ..ty.clone() };
        match self.fields.get_mut(name) {
            None => {
                self.fields.insert(name.clone(), Slot { span, always, ty: bare, how: How::Spread });
                Ok(())
            }
            Some(slot) if matches!(slot.how, How::Spread) => {
                slot.ty = match always {
                    true => bare,
                    false => relate::join(&slot.ty, &bare).unwrap_or_else(Type::any),
                };
                slot.always |= always;
                slot.span = span;
                Ok(())
            }
            Some(slot) => {
                let message = format!("this `...` can hold `{name}`, which is assigned above");
                let help = "spreads come first: what is assigned behind them replaces";
                refused(Number::F0231, message, span, slot.span, "assigned here")
                    .map_err(|finding| Box::new(finding.help(help)))
            }
        }
    }

    fn spread_open(&mut self, span: Span) -> Refused {
        if let Some((name, slot)) = self.fields.iter().find(|(_, slot)| !matches!(slot.how, How::Spread)) {
            let message = format!("this `...` can hold any field, so also `{name}`, which is assigned above");
            let help = "spreads come first: what is assigned behind them replaces";
            return refused(Number::F0231, message, span, slot.span, "assigned here")
                .map_err(|finding| Box::new(finding.help(help)));
        }
        self.open = Some(span);
        Ok(())
    }

    /// What holds behind an `if`: `other` is its other branch. `Err` where a field has no one type.
    fn merge(&mut self, mut other: Frame) -> Result<(), (Span, Type, Type)> {
        let mut failed = Ok(());
        for (name, slot) in &mut self.fields {
            match other.fields.shift_remove(name) {
                Some(from) => {
                    slot.always &= from.always;
                    match relate::join(&slot.ty, &from.ty) {
                        Some(ty) => slot.ty = ty,
                        None => failed = Err((from.span, slot.ty.clone(), from.ty.clone())),
                    }
                    match (&mut slot.how, from.how) {
                        (How::Parts(inner), How::Parts(from)) => {
                            inner.merge(from)?;
                        }
                        (How::Spread, How::Whole) => (slot.how, slot.span) = (How::Whole, from.span),
                        _ => {}
                    }
                }
                None => slot.always = false,
            }
        }
        for (name, mut slot) in other.fields {
            slot.always = false;
            self.fields.insert(name, slot);
        }
        self.open = self.open.or(other.open);
        failed
    }

    fn record_type(&self) -> RecordType {
        let field = |slot: &Slot| {
            let mut ty = match &slot.how {
                How::Parts(inner) => Type::record(inner.record_type()),
                _ => slot.ty.clone(),
            };
            ty.missing = !slot.always;
            Field::plain(ty)
        };
        RecordType { name: None, fields: self.fields.iter().map(|(name, slot)| (name.clone(), field(slot))).collect() }
    }
}
