//! Expressions: where a wanted type goes, and the simple kinds.

use super::relate;
use super::scope::Lookup;
use super::{Checker, Origin, Typed, Variable, Want, fit, resolve};
use crate::diagnostics::{Code as Number, Diagnostic, Span, did_you_mean};
use crate::language::ast::{Body, Expr, ExprKind, Let, Name, Piece};
use crate::language::code::{Code, Op, Part};
use crate::language::types::{Kind, Type};
use crate::value::{Text, Value};
use std::sync::Arc;

impl Checker<'_> {
    /// Compiles `expr`; with `want`, its value has to fit, and the type reaches into branches.
    pub(super) fn check(&mut self, expr: &Expr, want: Option<&Want>) -> Option<Typed> {
        // `any` wants nothing of the parts.
        let part = want.filter(|want| want.ty.kind != Kind::Any);
        let reached = match &expr.kind {
            ExprKind::Paren(inner) => return self.check(inner, want),
            ExprKind::If { condition, then, otherwise } => {
                return self.if_value(expr.span, condition, then, otherwise, want);
            }
            ExprKind::Match { subject, arms, otherwise } => {
                return self.match_value(expr.span, subject.as_deref(), arms, otherwise.as_deref(), want);
            }
            ExprKind::Binary { op: crate::language::ast::BinaryOp::Coalesce, left, right, .. } => {
                return self.coalesce(expr.span, left, right, want);
            }
            ExprKind::Binary { op: crate::language::ast::BinaryOp::Catch, left, right, .. } => {
                return self.catch(expr.span, left, right, want);
            }
            ExprKind::List(elements) => self.list(expr.span, elements, part)?,
            ExprKind::Record(entries) => self.record(expr.span, entries, part)?,
            ExprKind::For { item, index, list, condition, body } => {
                self.for_value(expr.span, (item, index.as_ref(), list, condition.as_deref(), body), part)?
            }
            _ => self.infer(expr)?,
        };
        match want {
            Some(want) => self.fit(reached, want),
            None => Some(reached),
        }
    }

    /// Compiles what takes no wanted type.
    fn infer(&mut self, expr: &Expr) -> Option<Typed> {
        let span = expr.span;
        Some(match &expr.kind {
            ExprKind::Number(number) => {
                // As it is written: `1.0` in source is a decimal. (Of a JSON number only the value counts.)
                let ty = if number.written().contains('.') { Type::decimal() } else { Type::int() };
                constant(Value::Number(number.clone()), span, ty)
            }
            ExprKind::Text(text) => constant(Value::Text(text.clone()), span, Type::text()),
            ExprKind::Bool(value) => constant(Value::Bool(*value), span, Type::bool()),
            ExprKind::Null => constant(Value::Null, span, Type::never().or_null()),
            ExprKind::Missing => constant(Value::Missing, span, Type::never().or_missing()),
            ExprKind::Template(pieces) => self.template(span, pieces)?,
            ExprKind::Negate(inner) => self.negate(span, inner)?,
            ExprKind::Not(inner) => self.not(span, inner)?,
            ExprKind::Binary { op, op_span, left, right } => self.binary(span, *op, *op_span, left, right)?,
            ExprKind::Fail(message) => {
                let message = self.check(message, Some(&Want::new(Type::text(), "`fail`")))?;
                Typed::new(Op::Fail(Box::new(message.code)), span, Type::never())
            }
            _ => self.chain(expr, false)?,
        })
    }

    /// A name on its own.
    pub(super) fn name(&mut self, name: &Text, span: Span) -> Option<Typed> {
        if let Some(variable) = self.variables.iter_mut().rev().find(|variable| variable.name == *name) {
            variable.used = true;
            let mut typed = Typed::new(Op::Local(variable.slot), span, variable.ty.clone()?);
            typed.assigned = variable.assigned.clone();
            return Some(typed);
        }
        match self.names.table(name) {
            Lookup::Found(_) => {
                self.report(
                    Diagnostic::error(Number::F0223, format!("`{name}` is a table, not a value"), span)
                        .help(format!("`{name}[key]` gives the value of a row")),
                );
                return None;
            }
            Lookup::Clash(one, two) => {
                self.report(resolve::clash("table", name, span, &one, &two));
                return None;
            }
            Lookup::Broken(path) => {
                self.report(resolve::broken(name, span, &path));
                return None;
            }
            Lookup::Unread => return None,
            Lookup::Nothing => {}
        }
        if &**name == "settings" {
            return Some(Typed::new(Op::Settings, span, Type::new(Kind::Record(self.names.settings.clone()))));
        }
        if self.names.script(name).is_some() {
            let message = format!("`{name}` is a script, not a value");
            self.report(Diagnostic::error(Number::F0223, message, span).help(format!("`{name}.function(…)` calls it")));
            return None;
        }
        let function = !matches!(self.names.function(name), Lookup::Nothing);
        if function || crate::language::functions::find(name).is_some() {
            let message = format!("`{name}` is a function, and functions are no values");
            self.report(Diagnostic::error(Number::F0223, message, span).help(format!("`{name}(…)` calls it")));
            return None;
        }
        match self.names.unless_incomplete(name, span) {
            Some(finding) => self.findings.extend(finding),
            None => self.report(self.unknown_name(name, span)),
        }
        None
    }

    fn unknown_name(&self, name: &str, span: Span) -> Diagnostic {
        let scripts = self.names.scripts.keys().map(|name| &**name);
        let own = self.variables.iter().map(|variable| &*variable.name);
        let known: Vec<&str> = own.chain(self.names.table_names()).chain(scripts).chain(["settings"]).collect();
        let finding = Diagnostic::error(Number::F0201, format!("there is no `{name}` here"), span);
        if matches!(name, "None" | "nil" | "undefined" | "NULL" | "Null" | "none") {
            return finding.help("`missing` is what is not there, `null` what is written as null");
        }
        if matches!(name, "True" | "TRUE" | "False" | "FALSE") {
            let word = name.to_lowercase();
            return finding.help(format!("did you mean `{word}`?")).fix(span, word);
        }
        if name == "_" {
            return finding
                .help("a `match` has `else => …` for what is left, a lambda names what it takes: `x => x.id`");
        }
        match did_you_mean(name, known.iter().copied()) {
            None if matches!(name, "this" | "self" | "root" | "payload" | "body" | "msg" | "vars") => {
                let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                finding.help(format!(
                    "every value has a name: a payload is a parameter, or `event` in a flow; in scope: {}",
                    list.join(", ")
                ))
            }
            Some(other) => finding.help(format!("did you mean `{other}`?")).fix(span, other),
            None => {
                let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                finding.help(format!("in scope: {}", list.join(", ")))
            }
        }
    }

    fn template(&mut self, span: Span, pieces: &[Piece]) -> Option<Typed> {
        let mut parts = vec![];
        let mut whole = true;
        for piece in pieces {
            match piece {
                Piece::Plain(text) => parts.push(Part::Plain(text.clone())),
                Piece::Hole(expr) => match self.hole(expr) {
                    Some(code) => parts.push(Part::Hole(code)),
                    None => whole = false,
                },
            }
        }
        whole.then(|| Typed::new(Op::Template(parts), span, Type::text()))
    }

    fn hole(&mut self, expr: &Expr) -> Option<Code> {
        let typed = self.check(expr, None)?;
        let ok = matches!(
            typed.ty.kind,
            Kind::Never
                | Kind::Any
                | Kind::Text
                | Kind::Int
                | Kind::Decimal
                | Kind::Bool
                | Kind::Date
                | Kind::Time
                | Kind::Money
        );
        if !ok {
            let message =
                format!("a hole takes a text, number, bool, date, time or money, got {}", fit::bare(&typed.ty));
            let finding = Diagnostic::error(Number::F0209, message, expr.span);
            self.report(match typed.ty.kind {
                Kind::List(_) => finding.help("`.join(\", \")` makes one text of a list of texts"),
                Kind::Local => finding.help("`.format(pattern)` writes it"),
                _ => finding,
            });
            return None;
        }
        self.needs_value(&typed, "a hole").then_some(typed.code)
    }

    fn list(&mut self, span: Span, elements: &[Expr], want: Option<&Want>) -> Option<Typed> {
        let element_want = want.and_then(|want| match &want.ty.kind {
            Kind::List(element) => {
                let what = format!("an element of {}", want.what);
                Some(Want { what: what.into(), ..want.part((**element).clone()) })
            }
            _ => None,
        });
        let mut codes = vec![];
        let mut ty = Type::never();
        let mut values = Some(vec![]);
        let mut whole = true;
        for element in elements {
            let Some(typed) = self.check(element, element_want.as_ref()) else {
                whole = false;
                continue;
            };
            match relate::join(&ty, &typed.ty) {
                Some(joined) => ty = joined,
                None => {
                    self.report(no_one_type("the elements of a list", &ty, &typed.ty, element.span));
                    whole = false;
                }
            }
            match (&mut values, typed.values) {
                (Some(all), Some(more)) => all.extend(more.iter().cloned()),
                _ => values = None,
            }
            codes.push(typed.code);
        }
        if !whole {
            return None;
        }
        let mut typed = Typed::new(Op::List(codes), span, Type::list(ty));
        // The elements' values: what checks a list against options looks at each.
        typed.values = values.map(Arc::new);
        Some(typed)
    }

    /// `let`s and the value they serve.
    pub(super) fn body(&mut self, body: &Body, want: Option<&Want>) -> Option<Typed> {
        let before = self.variables.len();
        let mut lets = vec![];
        for one in &body.lets {
            lets.push(self.let_value(one));
        }
        let value = self.check(&body.value, want);
        self.leave(before);
        let mut typed = value?;
        for (slot, value) in lets.into_iter().rev() {
            let span = typed.span();
            let code = std::mem::replace(&mut typed.code, Code::new(Op::Const(Value::Missing), span));
            typed.code = Code::new(Op::Let { slot, value: Box::new(value?), body: Box::new(code) }, span);
        }
        // What holds of a let is nobody's business outside.
        if !body.lets.is_empty() {
            let mine = |fact: &super::Fact| !body.lets.iter().any(|one| fact.path.first() == Some(&one.name.text));
            typed.when_true.retain(mine);
            typed.when_false.retain(mine);
        }
        Some(typed)
    }

    /// A `let`: its slot and code. The name counts from here on, also where its value had a finding.
    pub(super) fn let_value(&mut self, one: &Let) -> (usize, Option<Code>) {
        let declared = one.ty.as_ref().map(|ty| self.names.resolve(ty, &mut self.findings));
        let typed = match &declared {
            Some(None) => {
                self.check(&one.value, None);
                None
            }
            Some(Some(ty)) => self.check(&one.value, Some(&Want::declared(ty, format!("`{}`", one.name.text)))),
            None => self.check(&one.value, None),
        };
        let ty = match declared {
            Some(declared) => declared,
            None => typed.as_ref().map(|typed| typed.ty.clone()),
        };
        let assigned = typed.as_ref().and_then(|typed| typed.assigned.clone());
        let slot = self.declare(&one.name, ty, Origin::Let);
        if let Some(variable) = self.variables.last_mut() {
            variable.assigned = assigned;
        }
        (slot, typed.map(|typed| typed.code))
    }

    /// Brings a name into scope and gives it a slot.
    pub(super) fn declare(&mut self, name: &Name, ty: Option<Type>, origin: Origin) -> usize {
        let slot = self.slots;
        self.slots += 1;
        if origin != Origin::Error {
            self.check_shadowing(name);
        }
        let (name, span) = (name.text.clone(), name.span);
        self.variables.push(Variable { name, slot, ty, span, origin, used: false, assigned: None });
        slot
    }

    fn check_shadowing(&mut self, name: &Name) {
        let text = &name.text;
        let earlier = self.variables.iter().rev().find(|variable| variable.name == *text);
        if let Some(earlier) = earlier.filter(|earlier| earlier.origin != Origin::Error) {
            let finding = Diagnostic::error(Number::F0211, format!("`{text}` is already a name here"), name.span);
            let finding = match earlier.origin {
                Origin::Input => finding,
                _ => finding.also(earlier.span, "it stands for this"),
            };
            self.report(finding.help("a name in reach is never repeated: choose another"));
        } else if let Some(table) = self.names.own.and_then(|own| own.tables.get(text)) {
            self.report(
                Diagnostic::error(Number::F0211, format!("`{text}` is already a table of this file"), name.span)
                    .also(table.span, "defined here"),
            );
        } else if &**text == "settings" || self.names.used.iter().any(|used| used.scope.tables.contains_key(text)) {
            let message = format!("`{text}` hides what else goes by that name");
            self.report(Diagnostic::warning(Number::F0210, message, name.span));
        }
    }

    /// Ends the scope of the names declared since there were `before` of them.
    pub(super) fn leave(&mut self, before: usize) {
        for variable in self.variables.split_off(before.min(self.variables.len())) {
            let what = match variable.origin {
                Origin::Let => "let",
                Origin::Parameter => "parameter",
                _ => continue,
            };
            if !variable.used {
                let message = format!("the {what} `{}` is never used", variable.name);
                self.report(Diagnostic::warning(Number::F0224, message, variable.span));
            }
        }
    }
}

/// A constant, whose only value is known.
pub(super) fn constant(value: Value, span: Span, ty: Type) -> Typed {
    let mut typed = Typed::new(Op::Const(value.clone()), span, ty);
    typed.values = Some(Arc::new(vec![value]));
    typed
}

/// The finding for values that become one and have no one type.
pub(super) fn no_one_type(what: &str, one: &Type, other: &Type, span: Span) -> Diagnostic {
    let message = format!("{what} have one type, and this is {} beside {}", fit::bare(other), fit::bare(one));
    let finding = Diagnostic::error(Number::F0207, message, span);
    match fit::conversion(other, one) {
        Some(help) if one.kind != Kind::Bool => finding.help(help),
        _ => finding,
    }
}
