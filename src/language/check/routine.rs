//! Bodies of `fn` and `mapping`.

use super::scope::{FunctionInfo, Names};
use super::{Assigned, Checker, Origin, Want};
use crate::diagnostics::{Code as Number, Diagnostic, Severity};
use crate::language::ast::{Expr, ExprKind, FunctionDef, Name};
use crate::language::code::Routine;
use crate::language::types::{Kind, Type};
use crate::value::Text;

/// Compiles a `fn` or `mapping`. `None` where it has errors.
pub(super) fn compile(
    names: &Names<'_>,
    written: &FunctionDef,
    info: &FunctionInfo,
) -> (Option<(Routine, Option<Assigned>)>, Vec<Diagnostic>) {
    let mut checker = Checker::new(names);
    for (param, (_, ty)) in written.params.iter().zip(&info.params) {
        checker.declare(&param.name, ty.clone(), Origin::Parameter);
    }
    if written.is_mapping
        && let Some(result) = &info.result
        && (!matches!(result.kind, Kind::Record(_) | Kind::Any) || result.missing)
    {
        let message = format!("a mapping gives a record, not {result}");
        checker.report(Diagnostic::error(Number::F0274, message, written.result.span).help("`fn` gives any type"));
    }
    // A result that no mapping has is wanted of nothing.
    let wanted = info.result.as_ref().filter(|_| !checker.has_errors());
    let want = wanted.map(|ty| Want::declared(ty, format!("the result of `{}`", info.name)));
    let typed = checker.body(&written.body, want.as_ref());
    checker.leave(0);
    let (slots, mut findings) = (checker.slots, checker.findings);
    let untyped = info.result.is_none() || info.params.iter().any(|(_, ty)| ty.is_none());
    // Without a type of its own it rests on something that had its finding elsewhere.
    let failed = untyped || typed.is_none() || super::has_errors(&findings);
    if failed {
        // What had a finding was not looked at to its end: "never used" would be a guess.
        findings.retain(|finding| finding.severity == Severity::Error || finding.code != Number::F0224);
    }
    let params: Option<Vec<(_, Type)>> =
        info.params.iter().map(|(name, ty)| Some((name.clone(), ty.clone()?))).collect();
    let routine = match (typed, params, &info.result) {
        (Some(typed), Some(params), Some(result)) if !failed => {
            let (name, result, span) = (info.name.clone(), result.clone(), written.span);
            Some((Routine { name, params, slots, result, code: typed.code, span }, typed.assigned))
        }
        _ => None,
    };
    (routine, findings)
}

/// Takes a name that is called, and the name in front of its dot: a script's function is none of ours.
type Found<'f, 'e> = &'f mut dyn FnMut(&'e Name, Option<&'e Text>);

/// The names that a body calls, each with its place: `f(x)` and `x.f()`.
pub(super) fn calls<'e>(written: &'e FunctionDef, found: Found<'_, 'e>) {
    for one in &written.body.lets {
        walk(&one.value, found);
    }
    walk(&written.body.value, found);
}

fn walk<'e>(expr: &'e Expr, found: Found<'_, 'e>) {
    use crate::language::ast::{Arg, Piece};
    let args = |args: &'e [Arg], found: Found<'_, 'e>| {
        for arg in args {
            match arg {
                Arg::Value(expr) => walk(expr, found),
                Arg::Lambda(lambda) => walk(&lambda.body, found),
            }
        }
    };
    match &expr.kind {
        ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Bool(_)
        | ExprKind::Null
        | ExprKind::Missing
        | ExprKind::Name(_) => {}
        ExprKind::Template(pieces) => {
            for piece in pieces {
                if let Piece::Hole(expr) = piece {
                    walk(expr, found);
                }
            }
        }
        ExprKind::List(elements) => elements.iter().for_each(|element| walk(element, found)),
        ExprKind::Record(entries) => walk_entries(entries, found),
        ExprKind::Paren(inner)
        | ExprKind::Maybe(inner)
        | ExprKind::Negate(inner)
        | ExprKind::Not(inner)
        | ExprKind::Fail(inner) => walk(inner, found),
        ExprKind::Call { name, args: given } => {
            found(name, None);
            args(given, found);
        }
        ExprKind::MethodCall { base, name, args: given, .. } => {
            walk(base, found);
            let receiver = match &base.kind {
                ExprKind::Name(name) => Some(name),
                _ => None,
            };
            found(name, receiver);
            args(given, found);
        }
        ExprKind::Field { base, .. } => walk(base, found),
        ExprKind::Index { base, index, .. } => {
            walk(base, found);
            index.iter().for_each(|index| walk(index, found));
        }
        ExprKind::Binary { left, right, .. } => {
            walk(left, found);
            walk(right, found);
        }
        ExprKind::If { condition, then, otherwise } => {
            walk(condition, found);
            walk(then, found);
            walk(otherwise, found);
        }
        ExprKind::Match { subject, arms, otherwise } => {
            subject.iter().for_each(|subject| walk(subject, found));
            for arm in arms {
                arm.values.iter().for_each(|value| walk(value, found));
                walk(&arm.result, found);
            }
            otherwise.iter().for_each(|otherwise| walk(otherwise, found));
        }
        ExprKind::For { list, condition, body, .. } => {
            walk(list, found);
            condition.iter().for_each(|condition| walk(condition, found));
            walk(body, found);
        }
    }
}

fn walk_entries<'e>(entries: &'e [crate::language::ast::Entry], found: Found<'_, 'e>) {
    use crate::language::ast::Entry;
    for entry in entries {
        match entry {
            Entry::Let(one) => walk(&one.value, found),
            Entry::Assign { value, .. } | Entry::Spread { value, .. } => walk(value, found),
            Entry::If { condition, then, otherwise, .. } => {
                walk(condition, found);
                walk_entries(then, found);
                walk_entries(otherwise, found);
            }
            Entry::Require { condition, message, .. } => {
                walk(condition, found);
                walk(message, found);
            }
        }
    }
}
