//! Slots of flows: expressions and texts over what the flow gives them, and mappings by name.

use super::scope::{Names, Used};
use super::{Checked, Checker, Origin, SlotScope, Typed, Variable, Want, condition, relate};
use crate::diagnostics::{Diagnostic, Severity, Span};
use crate::language::ast::{Arg, BinaryOp, Body, Expr, ExprKind, Name, Piece};
use crate::language::code::{Op, Routine};
use crate::language::filter::Filter;
use crate::language::types::Type;
use crate::language::{Expression, SourceText, parse};
use crate::value::Value;
use indexmap::IndexMap;
use std::cell::Cell;
use std::sync::Arc;

impl SlotScope<'_> {
    /// Compiles an expression slot. With `want`, its value has to fit that type (and the type reaches into branches).
    pub fn expression(&self, text: &SourceText, want: Option<&Type>) -> (Option<Checked>, Vec<Diagnostic>) {
        let body = match parse::slot(text) {
            Ok(body) => body,
            Err(findings) => return (None, findings),
        };
        let want = want.map(|ty| {
            let writing = ty.fields().is_some_and(relate::is_payload);
            Want { writing, target: true, ..Want::new(ty.clone(), "this") }
        });
        self.checked(body.value.span, |checker| checker.body(&body, want.as_ref()))
    }

    /// Compiles a key of that type. Any part of it may come out with nothing.
    pub fn key(&self, text: &SourceText, want: &Type) -> (Option<Checked>, Vec<Diagnostic>) {
        let body = match parse::slot(text) {
            Ok(body) => body,
            Err(findings) => return (None, findings),
        };
        let ty = want.clone().or_missing().or_null();
        let want = Want { target: true, key: true, ..Want::new(ty, "this") };
        self.checked(body.value.span, |checker| checker.body(&body, Some(&want)))
    }

    /// Compiles a text slot: gives text.
    pub fn text(&self, text: &SourceText) -> (Option<Checked>, Vec<Diagnostic>) {
        let expr = match parse::text_slot(text) {
            Ok(expr) => expr,
            Err(findings) => return (None, findings),
        };
        let want = Want::new(Type::text(), "this text");
        self.checked(expr.span, |checker| checker.check(&expr, Some(&want)))
    }

    /// Compiles a path: a text slot whose every hole is one encoded part of a URL, and never blank.
    pub fn path(&self, text: &SourceText) -> (Option<Checked>, Vec<Diagnostic>) {
        let mut expr = match parse::text_slot(text) {
            Ok(expr) => expr,
            Err(findings) => return (None, findings),
        };
        if let ExprKind::Template(pieces) = &mut expr.kind {
            for piece in pieces {
                if let Piece::Hole(hole) = piece {
                    *hole = encoded(hole.clone());
                }
            }
        }
        let want = Want::new(Type::text(), "this path");
        self.checked(expr.span, |checker| checker.check(&expr, Some(&want)))
    }

    /// Compiles a `where`: a condition over `row` of that type. Whether the system can express it is the caller's to ask.
    pub fn filter(&self, text: &SourceText, row: &Type) -> (Option<Filter>, Vec<Diagnostic>) {
        match parse::slot(text) {
            Ok(Body { lets, value }) => condition::filter(self, &lets, &value, row),
            Err(findings) => (None, findings),
        }
    }

    /// The type that is written so.
    pub fn written_type(&self, text: &SourceText) -> (Option<Type>, Vec<Diagnostic>) {
        match parse::type_slot(text) {
            Ok(written) => {
                let mut findings = vec![];
                let ty = self.names().resolve(&written, &mut findings);
                (ty, findings)
            }
            Err(findings) => (None, findings),
        }
    }

    /// The `mapping` or `fn` of that name in that file, as something to evaluate with its parameters as inputs.
    pub fn routine(&self, file: &str, name: &str) -> Option<Expression> {
        let scope = self.library.scopes.get(file).filter(|scope| !scope.broken)?;
        let info = scope.functions.get(name)?;
        let routine = Arc::new(self.library.program.routines.get(info.routine)?.clone());
        Some(Expression { program: self.library.program.clone(), routine })
    }

    pub(super) fn names(&self) -> Names<'_> {
        let scope = |path: &'_ String| {
            let (path, scope) = self.library.scopes.get_key_value(path)?;
            Some(Used { path, scope, used: Cell::new(false) })
        };
        let used: Vec<Used<'_>> = self.uses.iter().filter_map(scope).collect();
        Names {
            own: None,
            incomplete: used.iter().find(|used| used.scope.incomplete).map(|used| used.path.to_string()),
            used,
            scripts: IndexMap::new(),
            scripts_used: Cell::new(0),
            types: self.inputs.types,
            settings: self.inputs.settings.clone(),
        }
    }

    pub(super) fn checker<'n>(&self, names: &'n Names<'n>) -> Checker<'n> {
        let mut checker = Checker::new(names);
        for (slot, (name, ty)) in self.variables.iter().enumerate() {
            checker.variables.push(Variable {
                name: name.clone(),
                slot,
                ty: Some(ty.clone()),
                span: Span::default(),
                origin: Origin::Input,
                used: false,
                assigned: None,
            });
        }
        checker.slots = self.variables.len();
        checker.facts = self.facts.to_vec();
        checker
    }

    /// Checks one expression over the slot's variables.
    pub(super) fn checked(
        &self,
        span: Span,
        work: impl FnOnce(&mut Checker<'_>) -> Option<Typed>,
    ) -> (Option<Checked>, Vec<Diagnostic>) {
        let names = self.names();
        let mut checker = self.checker(&names);
        let typed = work(&mut checker);
        let failed = typed.is_none() || checker.has_errors();
        let mut findings = std::mem::take(&mut checker.findings);
        if failed {
            findings.retain(|finding| finding.severity == Severity::Error || finding.code.0 != "F0224");
        }
        let Some(typed) = typed.filter(|_| !failed) else { return (None, findings) };
        let params = self.variables.to_vec();
        let name = "slot".into();
        let routine = Routine { name, params, slots: checker.slots, result: typed.ty, code: typed.code, span };
        let expression = Expression { program: self.library.program.clone(), routine: Arc::new(routine) };
        let checked = Checked {
            expression,
            when_true: typed.when_true,
            when_false: typed.when_false,
            reads: checker.reads,
            assigns: typed.assigned,
        };
        (Some(checked), findings)
    }

    /// An operand of a `where`: an expression without `row`.
    pub(super) fn operand(
        &self,
        expr: &Expr,
        row_wanted: Option<&Want>,
    ) -> (Option<(Expression, Type, bool)>, Vec<Diagnostic>) {
        let mut constant = false;
        let (checked, findings) = self.checked(expr.span, |checker| {
            checker.lenient = true;
            let typed = checker.check(expr, row_wanted)?;
            constant = matches!(typed.code.op, Op::Const(_)) || all_constant(&typed.code.op);
            Some(typed)
        });
        let operand = checked.map(|checked| {
            let ty = checked.expression.routine.result.clone();
            (checked.expression, ty, constant)
        });
        (operand, findings)
    }
}

fn all_constant(op: &Op) -> bool {
    match op {
        Op::Const(value) => !matches!(value, Value::Local(_)),
        Op::List(elements) => elements.iter().all(|element| all_constant(&element.op)),
        _ => false,
    }
}

/// `url_encode(present("{hole}") ?? fail("…"))`, at the place of the hole.
fn encoded(hole: Expr) -> Expr {
    let span = hole.span;
    let expr = |kind| Expr { kind, span };
    let call =
        |name: &str, arg| expr(ExprKind::Call { name: Name { text: name.into(), span }, args: vec![Arg::Value(arg)] });
    let text = expr(ExprKind::Template(vec![Piece::Hole(hole)]));
    let blank = expr(ExprKind::Text("a part of the path came out blank: another one would be asked".into()));
    let there = expr(ExprKind::Binary {
        op: BinaryOp::Coalesce,
        op_span: span,
        left: Box::new(call("present", text)),
        right: Box::new(expr(ExprKind::Fail(Box::new(blank)))),
    });
    call("url_encode", there)
}
