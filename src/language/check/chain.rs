//! Chains of steps: `.b`, `[i]`, `?`, `.f(x)`. A step asserts that something is there; `?` says that it may not be, and
//! then the whole rest of the chain is skipped and the value is missing.

use super::scope::{Lookup, TableInfo};
use super::{Checker, Origin, Typed, Want, fit, resolve};
use crate::diagnostics::{Code as Number, Diagnostic, Span, did_you_mean};
use crate::language::ast::{Expr, ExprKind};
use crate::language::code::{Code, Op, Step};
use crate::language::types::{Kind, Type};
use crate::value::{Text, Value};
use std::sync::Arc;

impl Checker<'_> {
    /// Compiles a chain; with `soft` (left of `??`) its last step is tolerant by itself.
    pub(super) fn chain(&mut self, expr: &Expr, soft: bool) -> Option<Typed> {
        self.note_read(expr);
        let mut tolerant = false;
        let mut typed = self.step(expr, soft, true, &mut tolerant)?;
        if tolerant {
            let span = typed.span();
            let code = std::mem::replace(&mut typed.code, Code::new(Op::Const(Value::Missing), span));
            typed.code = Code::new(Op::Chain(Box::new(code)), expr.span);
            typed.ty.missing = true;
        }
        Some(typed)
    }

    /// `last`: nothing follows, so that a null that is found is the value.
    fn step(&mut self, expr: &Expr, soft: bool, last: bool, tolerant: &mut bool) -> Option<Typed> {
        match &expr.kind {
            ExprKind::Name(name) => {
                let mut typed = self.name(name, expr.span)?;
                typed.ty = self.narrowed(expr, typed.ty);
                Some(typed)
            }
            ExprKind::Field { base, name, maybe } => {
                let base = self.step(base, false, false, tolerant)?;
                let place = Place { expr, name_span: name.span, maybe: *maybe || soft, last };
                self.field(base, &name.text, place, tolerant)
            }
            ExprKind::Index { base, index, maybe } => self.index(expr, (base, index), *maybe || soft, last, tolerant),
            ExprKind::MethodCall { base, name, args, maybe } => {
                if let Some(script) = self.script_alias(base) {
                    let typed = self.script_call(expr.span, &script, name, args)?;
                    return Some(if *maybe { maybe_nothing(typed, tolerant) } else { typed });
                }
                let mut first = self.step(base, false, false, tolerant);
                if let Some(first) = &mut first
                    && ends_tolerant(base)
                {
                    first.ty = first.ty.clone().present();
                }
                let typed = self.call(expr.span, name, Some(first), args)?;
                Some(if *maybe { maybe_nothing(typed, tolerant) } else { typed })
            }
            ExprKind::Maybe(inner) => {
                let typed = self.step(inner, false, false, tolerant)?;
                Some(maybe_nothing(typed, tolerant))
            }
            ExprKind::Call { name, args } => self.call(expr.span, name, None, args),
            _ => self.check(expr, None),
        }
    }

    fn script_alias(&self, base: &Expr) -> Option<Text> {
        let ExprKind::Name(name) = &base.kind else { return None };
        let hidden = self.variables.iter().any(|variable| variable.name == *name);
        (!hidden && self.names.scripts.contains_key(name)).then(|| name.clone())
    }

    fn field(&mut self, base: Typed, name: &Text, place: Place<'_>, tolerant: &mut bool) -> Option<Typed> {
        let ty = self.field_type(&base.ty, name, place.name_span)?;
        let values = base.values.as_ref().and_then(|values| field_values(values, name));
        let mut typed =
            self.stepped(ty, place, tolerant, |step| Op::Field { base: Box::new(base.code), name: name.clone(), step });
        typed.values = values;
        Some(typed)
    }

    /// A step with what its `?` makes of it.
    fn stepped(&mut self, ty: Type, place: Place<'_>, tolerant: &mut bool, op: impl FnOnce(Step) -> Op) -> Typed {
        let softened = place.maybe && !self.known_there(place.expr);
        *tolerant |= softened;
        // `steps.x` of type T? is a value: whether the step was reached may be asked. Any other step asserts.
        let asks = !place.maybe && self.is_of_steps(place.expr);
        let step = Step::new(softened, Type { missing: asks && ty.missing, ..ty.clone() });
        let mut typed = Typed::new(op(step), place.expr.span, Type::never());
        if place.maybe && !place.last && (ty.null || ty.kind == Kind::Any) {
            // Null ends the chain as well where something follows.
            *tolerant = true;
            let span = typed.span();
            let code = std::mem::replace(&mut typed.code, Code::new(Op::Const(Value::Missing), span));
            typed.code = Code::new(Op::Maybe(Box::new(code)), span);
        }
        typed.ty = self.narrowed(place.expr, Type { missing: asks && ty.missing, ..ty });
        typed
    }

    /// `steps.x` itself.
    fn is_of_steps(&self, expr: &Expr) -> bool {
        let ExprKind::Field { base, .. } = &expr.kind else { return false };
        let ExprKind::Name(name) = &base.kind else { return false };
        let input = |variable: &super::Variable| variable.name == *name && variable.origin == Origin::Input;
        &**name == "steps" && self.variables.iter().any(input)
    }

    /// The declared type of a field, flags included.
    fn field_type(&mut self, base: &Type, name: &Text, span: Span) -> Option<Type> {
        let finding = match &base.kind {
            Kind::Any => return Some(Type::any()),
            Kind::Never => return Some(Type::never()),
            Kind::Record(record) => match record.fields.get(name) {
                Some(field) if field.dropped => {
                    let message = format!("`{name}` is dropped: nothing of it ever comes here");
                    Diagnostic::error(Number::F0428, message, span)
                        .help("flowctl.yaml names it below `drop`; take it from there, or do without it")
                }
                Some(field) if field.write_only => {
                    let message = format!("`{name}` can only be written: the system never gives it");
                    Diagnostic::error(Number::F0234, message, span)
                }
                Some(field) => return Some(field.ty.clone()),
                None => {
                    let readable = record.fields.iter().filter(|(_, field)| !field.write_only && !field.dropped);
                    unknown_field(&fit::bare(base), name, span, readable.map(|(name, _)| &**name))
                }
            },
            Kind::Money => match &**name {
                "amount" => return Some(Type::decimal()),
                "currency" => return Some(Type::text()),
                _ => unknown_field(&fit::bare(base), name, span, ["amount", "currency"].into_iter()),
            },
            Kind::Map(_) => Diagnostic::error(Number::F0204, "a map has no fields of its own", span)
                .help(format!("`[\"{name}\"]` reads a key, with `?` behind it where it may not be there")),
            Kind::List(_) => Diagnostic::error(Number::F0204, format!("a list has no field `{name}`"), span)
                .help(format!("`[0].{name}` is the first element's, `.map(x => x.{name})` gives every element's")),
            _ => {
                let finding =
                    Diagnostic::error(Number::F0204, format!("{} has no field `{name}`", base.kind_name()), span);
                match crate::language::functions::find(name) {
                    Some(_) => finding.help(format!("`{name}` is a function: `.{name}()` calls it")),
                    None => finding,
                }
            }
        };
        self.report(finding);
        None
    }

    fn index(
        &mut self,
        expr: &Expr,
        (base, index): (&Expr, &[Expr]),
        maybe: bool,
        last: bool,
        tolerant: &mut bool,
    ) -> Option<Typed> {
        if let ExprKind::Name(name) = &base.kind
            && !self.variables.iter().any(|variable| variable.name == *name)
        {
            match self.names.table(name) {
                Lookup::Found(table) => {
                    let table = table.clone();
                    let typed = self.table(expr, &table, index)?;
                    if maybe && table.fails {
                        self.warn_not_softened(&table, expr.span);
                        return Some(typed);
                    }
                    // `??` looks at the value itself; only a `?` of the source ends the chain.
                    let written = matches!(expr.kind, ExprKind::Index { maybe: true, .. });
                    return Some(if written { maybe_nothing(typed, tolerant) } else { typed });
                }
                Lookup::Clash(one, two) => {
                    self.report(resolve::clash("table", name, base.span, &one, &two));
                    return None;
                }
                Lookup::Broken(path) => {
                    self.report(resolve::broken(name, base.span, &path));
                    return None;
                }
                Lookup::Unread => return None,
                Lookup::Nothing => {}
            }
        }
        let base = self.step(base, false, false, tolerant);
        let [index] = index else {
            let place = index.get(1).map_or(expr.span, |second| second.span);
            if base.is_some() {
                self.report(Diagnostic::error(Number::F0215, "only a table has several keys", place));
            }
            return None;
        };
        let Some(base) = base else {
            self.check(index, None);
            return None;
        };
        if let (Kind::Record(_), ExprKind::Text(name)) = (&base.ty.kind, &index.kind) {
            let place = Place { expr, name_span: index.span, maybe, last };
            return self.field(base, name, place, tolerant);
        }
        let (ty, key) = match &base.ty.kind {
            Kind::List(element) => ((**element).clone(), Some(Want::new(Type::int(), "the index of a list"))),
            Kind::Map(value) => ((**value).clone(), Some(Want::new(Type::text(), "the key of a map"))),
            Kind::Any | Kind::Never => (Type::any(), None),
            Kind::Record(_) => {
                self.check(index, None);
                let message = "a record's fields are named by constant text".to_string();
                self.report(Diagnostic::error(Number::F0272, message, index.span));
                return None;
            }
            _ => {
                self.check(index, None);
                let message = format!("{} cannot be indexed", fit::bare(&base.ty).kind_name());
                self.report(Diagnostic::error(Number::F0272, message, expr.span));
                return None;
            }
        };
        let index = self.check(index, key.as_ref())?;
        if key.is_none() && !matches!(index.ty.kind, Kind::Int | Kind::Text | Kind::Any | Kind::Never) {
            let message = format!("an index is an int or a text, got {}", fit::bare(&index.ty));
            self.report(Diagnostic::error(Number::F0272, message, index.span()));
            return None;
        }
        let place = Place { expr, name_span: index.span(), maybe, last };
        Some(self.stepped(ty, place, tolerant, |step| Op::Index {
            base: Box::new(base.code),
            index: Box::new(index.code),
            step,
        }))
    }

    fn table(&mut self, expr: &Expr, table: &Arc<TableInfo>, index: &[Expr]) -> Option<Typed> {
        if index.len() != table.keys.len() {
            let message = format!("`{}` has {} key(s), got {}", table.name, table.keys.len(), index.len());
            self.report(Diagnostic::error(Number::F0215, message, expr.span).also(table.span, "defined here"));
            return None;
        }
        let mut keys = vec![];
        for (index, key) in index.iter().zip(&table.keys) {
            let want = key.as_ref().map(|key| Want::new(key.clone(), format!("the key of `{}`", table.name)));
            keys.push(self.check(index, want.as_ref()).map(|typed| typed.code));
        }
        let keys = keys.into_iter().collect::<Option<Vec<_>>>()?;
        let mut typed = Typed::new(Op::Table { table: table.table, keys }, expr.span, table.value.clone()?);
        typed.values = table.values.get().cloned();
        Some(typed)
    }

    fn warn_not_softened(&mut self, table: &TableInfo, span: Span) {
        let message = format!("`{}` fails where no row fits: `?` and `??` do not soften that", table.name);
        self.report(
            Diagnostic::warning(Number::F0246, message, span)
                .also(table.span, "its `else fail` decides")
                .help("write `else missing` in the table, or `catch` behind the lookup"),
        );
    }

    /// Keeps what the expression reads of the slot's inputs.
    fn note_read(&mut self, expr: &Expr) {
        let mut at = expr;
        let mut steps = vec![];
        loop {
            at = match &at.kind {
                ExprKind::Field { base, name, .. } => {
                    steps.push(Some(name.text.clone()));
                    base
                }
                ExprKind::Index { base, index, .. } => {
                    steps.push(match index.as_slice() {
                        [Expr { kind: ExprKind::Text(name), .. }] => Some(name.clone()),
                        _ => None,
                    });
                    base
                }
                ExprKind::MethodCall { base, .. } => {
                    steps.push(None);
                    base
                }
                ExprKind::Maybe(inner) => inner,
                ExprKind::Name(name) => {
                    let input = self.variables.iter().rev().find(|variable| variable.name == *name);
                    if input.is_some_and(|variable| variable.origin == Origin::Input) {
                        let mut read = vec![name.clone()];
                        read.extend(steps.into_iter().rev().map_while(|step| step));
                        if !self.reads.contains(&read) {
                            self.reads.push(read);
                        }
                    }
                    return;
                }
                _ => return,
            }
        }
    }
}

/// Where a step stands.
struct Place<'e> {
    expr: &'e Expr,
    name_span: Span,
    maybe: bool,
    last: bool,
}

fn ends_tolerant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Field { maybe, .. } | ExprKind::Index { maybe, .. } | ExprKind::MethodCall { maybe, .. } => *maybe,
        ExprKind::Maybe(_) => true,
        _ => false,
    }
}

/// `x?` on what is no field.
fn maybe_nothing(typed: Typed, tolerant: &mut bool) -> Typed {
    if !typed.ty.missing && !typed.ty.null && typed.ty.kind != Kind::Any {
        return typed;
    }
    *tolerant = true;
    let span = typed.span();
    let code = Code::new(Op::Maybe(Box::new(typed.code)), span);
    Typed { code, ty: typed.ty.clone().present(), ..typed }
}

/// What the values have as a field; nothing where that cannot be told.
fn field_values(values: &[Value], name: &str) -> Option<Arc<Vec<Value>>> {
    let field = |value: &Value| match value {
        Value::Record(record) => Some(record.get(name).cloned()),
        Value::Missing => Some(None),
        _ => None,
    };
    let fields = values.iter().map(field).collect::<Option<Vec<_>>>()?;
    Some(Arc::new(fields.into_iter().flatten().collect()))
}

/// The finding for a field that the type does not have.
pub(super) fn unknown_field<'a>(
    of: &Type,
    name: &str,
    span: Span,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Diagnostic {
    let finding = Diagnostic::error(Number::F0204, format!("{of} has no field `{name}`"), span);
    if let Some(near) = did_you_mean(name, known.clone()) {
        let finding = finding.help(format!("did you mean `{near}`?"));
        let plain = near.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        return if plain { finding.fix(span, near) } else { finding };
    }
    let mut names: Vec<&str> = known.take(16).collect();
    match names.len() {
        0 => finding,
        16 => {
            names.pop();
            finding.help(format!("it has {}, …", names.join(", ")))
        }
        _ => finding.help(format!("it has {}", names.join(", "))),
    }
}
