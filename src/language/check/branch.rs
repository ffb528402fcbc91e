//! What chooses or repeats: `if`, `match`, `??`, `catch`, `for`. A wanted type reaches into each branch.

use super::expression::no_one_type;
use super::operator::{compared, not_comparable};
use super::relate;
use super::{Checker, Fact, Origin, Typed, Want, constant, fit, narrow};
use crate::diagnostics::{Code as Number, Diagnostic, Span};
use crate::language::ast::{Arm, BinaryOp, Expr, ExprKind, Name};
use crate::language::code::{Code, For, MatchArm, Op};
use crate::language::types::{Kind, RecordType, Type};
use crate::value::Value;
use std::sync::Arc;

/// Branches as they come together.
struct Joined {
    ty: Type,
    assigned: Option<super::Assigned>,
    values: Option<Vec<Value>>,
    first: bool,
    whole: bool,
}

impl Joined {
    fn new() -> Joined {
        Joined { ty: Type::never(), assigned: None, values: Some(vec![]), first: true, whole: true }
    }
}

/// Whether all that `typed` can be is among the options of `ty`.
fn is_option(ty: &Type, typed: &Typed) -> bool {
    let (Some(facts), Some(values)) = (&ty.facts, &typed.values) else { return false };
    let is_one = |value: &Value| {
        constant::shown(value).is_some_and(|shown| facts.options.iter().any(|(option, _)| **option == *shown))
    };
    !facts.options.is_empty() && !values.is_empty() && values.iter().all(is_one)
}

impl Checker<'_> {
    /// Adds a branch to those before it; gives its code.
    fn branch(&mut self, joined: &mut Joined, typed: Option<Typed>, want: Option<&Want>) -> Option<Code> {
        let Some(typed) = typed else {
            joined.whole = false;
            return None;
        };
        // A constant that is one of the options is of their type.
        let ty = if is_option(&joined.ty, &typed) { &joined.ty } else { &typed.ty };
        match (relate::join(&joined.ty, ty), want) {
            (Some(ty), _) => joined.ty = ty,
            (None, Some(want)) => joined.ty = want.ty.clone(),
            (None, None) => {
                self.report(no_one_type("branches", &joined.ty, &typed.ty, typed.span()));
                joined.whole = false;
            }
        }
        match (&mut joined.values, typed.values) {
            (Some(all), Some(more)) => all.extend(more.iter().cloned()),
            // `fail` gives no value at all.
            _ if typed.ty == Type::never() => {}
            (values, _) => *values = None,
        }
        if typed.ty != Type::never() {
            joined.assigned = match (joined.assigned.take(), typed.assigned) {
                (_, more) if joined.first => more,
                (Some(one), Some(other)) => Some(one.or(&other)),
                _ => None,
            };
            joined.first = false;
        }
        Some(typed.code)
    }

    fn joined(&self, joined: Joined, op: Op, span: Span) -> Option<Typed> {
        let mut typed = Typed::new(op, span, joined.ty);
        typed.assigned = joined.assigned;
        typed.values = joined.values.map(Arc::new);
        joined.whole.then_some(typed)
    }

    pub(super) fn if_value(
        &mut self,
        span: Span,
        condition: &Expr,
        then: &Expr,
        otherwise: &Expr,
        want: Option<&Want>,
    ) -> Option<Typed> {
        let condition = self.condition(condition, "`if`");
        let (yes, no) = facts(&condition);
        let mut joined = Joined::new();
        let then = self.given(&yes, |this| this.check(then, want));
        let then = self.branch(&mut joined, then, want);
        let otherwise = self.given(&no, |this| this.check(otherwise, want));
        let otherwise = self.branch(&mut joined, otherwise, want);
        let condition = Box::new(condition?.code);
        let (then, otherwise) = (Box::new(then?), Box::new(otherwise?));
        self.joined(joined, Op::If { condition, then, otherwise }, span)
    }

    pub(super) fn coalesce(&mut self, span: Span, left: &Expr, right: &Expr, want: Option<&Want>) -> Option<Typed> {
        if let Some(sum) = arithmetic(left) {
            let finding = Diagnostic::error(
                Number::F0238,
                "arithmetic is never missing, so `??` behind it has nothing to do",
                sum,
            );
            self.report(
                finding.help("put the part that may be missing in parentheses with its `??`: `a + (b.c ?? 0)`"),
            );
            return None;
        }
        let value = match self.soft(left) {
            Some(value) => match want {
                // The left side may be nothing whatever is wanted.
                Some(want) => {
                    let soft = Want { ty: want.ty.clone().or_missing().or_null(), ..want.clone() };
                    let null = value.ty.null;
                    let value = Typed { ty: Type { null: false, ..value.ty.clone() }, ..value };
                    self.fit(value, &soft).map(|value| Typed { ty: Type { null, ..value.ty.clone() }, ..value })
                }
                None => Some(value),
            },
            None => None,
        };
        let right = self.check(right, want);
        let mut joined = Joined::new();
        let value = value.map(|value| Typed { ty: value.ty.clone().present(), ..value });
        let value = self.branch(&mut joined, value, want);
        let right = self.branch(&mut joined, right, want);
        self.joined(joined, Op::Coalesce(Box::new(value?), Box::new(right?)), span)
    }

    /// The left side of `??`: its last step is tolerant by itself.
    fn soft(&mut self, left: &Expr) -> Option<Typed> {
        match &left.kind {
            ExprKind::Paren(inner) => self.soft(inner),
            ExprKind::Binary { op: BinaryOp::Coalesce, left: first, right, .. } => {
                if arithmetic(first).is_some() {
                    return self.coalesce(left.span, first, right, None);
                }
                let (value, right) = (self.soft(first), self.soft(right));
                let mut joined = Joined::new();
                let value = value.map(|value| Typed { ty: value.ty.clone().present(), ..value });
                let value = self.branch(&mut joined, value, None);
                let right = self.branch(&mut joined, right, None);
                self.joined(joined, Op::Coalesce(Box::new(value?), Box::new(right?)), left.span)
            }
            ExprKind::Field { .. } | ExprKind::Index { .. } | ExprKind::MethodCall { .. } => self.chain(left, true),
            _ => self.check(left, None),
        }
    }

    pub(super) fn catch(&mut self, span: Span, left: &Expr, right: &Expr, want: Option<&Want>) -> Option<Typed> {
        let value = self.check(left, want);
        let before = self.variables.len();
        let error = RecordType::shape([("code", Type::text()), ("message", Type::text())]);
        let name = Name { text: "error".into(), span: right.span };
        let slot = self.declare(&name, Some(Type::record(error)), Origin::Error);
        let otherwise = self.check(right, want);
        self.leave(before);
        let mut joined = Joined::new();
        let value = self.branch(&mut joined, value, want);
        let otherwise = self.branch(&mut joined, otherwise, want);
        let (value, otherwise) = (Box::new(value?), Box::new(otherwise?));
        self.joined(joined, Op::Catch { value, otherwise, slot }, span)
    }

    pub(super) fn match_value(
        &mut self,
        span: Span,
        subject: Option<&Expr>,
        arms: &[Arm],
        otherwise: Option<&Expr>,
        want: Option<&Want>,
    ) -> Option<Typed> {
        let slot = self.slots;
        let compiled = subject.map(|subject| {
            self.slots += 1;
            self.check(subject, None)
        });
        let subject_type = compiled.as_ref().map(|typed| typed.as_ref().map(|typed| typed.ty.clone()));
        let mut seen: Vec<(Value, Span)> = vec![];
        let mut joined = Joined::new();
        let mut codes = vec![];
        let mut whole = true;
        // What holds because the arms above did not.
        let mut above: Vec<Fact> = vec![];
        // Where nothing gets past.
        let mut ended: Option<Span> = None;
        for arm in arms {
            self.check_reached(ended, arm.values.first().map_or(arm.result.span, |value| value.span));
            let (values, yes, no) = match &subject_type {
                Some(ty) => self.arm_values(subject, ty.as_ref(), arm, &above, &mut seen),
                None => self.arm_conditions(arm, &above),
            };
            let known: Vec<Fact> = above.iter().chain(&yes).cloned().collect();
            let result = self.given(&known, |this| this.check(&arm.result, want));
            let result = self.branch(&mut joined, result, want);
            above.extend(no);
            if subject.is_none() && ended.is_none() {
                let always = |code: &Code| matches!(code.op, Op::Const(Value::Bool(true)));
                ended = values.iter().flatten().find(|code| always(code)).map(|code| code.span);
            }
            match (values, result) {
                (Some(values), Some(result)) => codes.push(MatchArm { values, result }),
                _ => whole = false,
            }
        }
        let rest = match otherwise {
            Some(otherwise) => {
                if subject.is_some() && covers_bool(subject_type.as_ref().and_then(Option::as_ref), &seen) {
                    ended = seen.last().map(|(_, span)| *span);
                }
                self.check_reached(ended, otherwise.span);
                let result = self.given(&above, |this| this.check(otherwise, want));
                Some(self.branch(&mut joined, result, want))
            }
            None => {
                self.check_covered(span, subject_type.as_ref().map(Option::as_ref), &seen, whole);
                None
            }
        };
        let subject = match compiled {
            Some(typed) => Some((Box::new(compared(typed?)), slot)),
            None => None,
        };
        let otherwise = match rest {
            Some(code) => Some(Box::new(code?)),
            None => None,
        };
        if !whole {
            return None;
        }
        self.joined(joined, Op::Match { subject, arms: codes, otherwise }, span)
    }

    /// The values of an arm, compared with the subject; what holds in the arm, and below it.
    #[allow(clippy::type_complexity)]
    fn arm_values(
        &mut self,
        subject: Option<&Expr>,
        ty: Option<&Type>,
        arm: &Arm,
        above: &[Fact],
        seen: &mut Vec<(Value, Span)>,
    ) -> (Option<Vec<Code>>, Vec<Fact>, Vec<Fact>) {
        let path = subject.and_then(narrow::path);
        let mut codes = Some(vec![]);
        let (mut yes, mut no): (Option<Vec<Fact>>, Vec<Fact>) = (None, vec![]);
        for value in &arm.values {
            let typed = self.given(above, |this| this.check(value, None));
            let (Some(typed), Some(ty)) = (typed, ty) else {
                codes = None;
                continue;
            };
            if !relate::comparable(ty, &typed.ty) {
                self.report(not_comparable(ty, &typed.ty, value.span));
                codes = None;
                continue;
            }
            self.check_option(ty, &typed);
            let (mut here, mut below) = (vec![], vec![]);
            match (&typed.code.op, &path) {
                (Op::Const(Value::Missing), Some(path)) => {
                    (here, below) = (narrow::is_missing(path), narrow::is_there(path));
                }
                (Op::Const(Value::Null), Some(path)) => {
                    (here, below) = (narrow::is_null(path), narrow::is_not_null(path))
                }
                (Op::Const(_), Some(path)) => here = narrow::is_given(path),
                _ => {}
            }
            yes = Some(match yes {
                Some(yes) => narrow::either(&yes, &here),
                None => here,
            });
            no.extend(below);
            if let Op::Const(constant) = &typed.code.op {
                self.check_reachable(ty, constant, value.span, seen);
            }
            if let Some(codes) = &mut codes {
                codes.push(compared(typed));
            }
        }
        (codes, yes.unwrap_or_default(), no)
    }

    /// An arm behind one that takes everything.
    fn check_reached(&mut self, ended: Option<Span>, span: Span) {
        let Some(earlier) = ended else { return };
        self.report(
            Diagnostic::error(Number::F0221, "nothing gets to this arm: those above take everything", span)
                .also(earlier, "nothing gets past this one"),
        );
    }

    /// An arm that no value reaches: one above has its value, or the subject is never that.
    fn check_reachable(&mut self, ty: &Type, value: &Value, span: Span, seen: &mut Vec<(Value, Span)>) {
        if let Some((_, earlier)) = seen.iter().find(|(other, _)| constant::same(other, value)) {
            let earlier = *earlier;
            self.report(
                Diagnostic::error(Number::F0221, "an arm above has this value already", span)
                    .also(earlier, "this one is taken"),
            );
            return;
        }
        seen.push((value.clone(), span));
        let never = match value {
            Value::Missing => !ty.missing && ty.kind != Kind::Never,
            Value::Null => !ty.null && !matches!(ty.kind, Kind::Never | Kind::Any),
            _ => false,
        };
        if never {
            let message =
                format!("what is matched is never {}: its type is {ty}", constant::shown(value).unwrap_or_default());
            self.report(Diagnostic::warning(Number::F0239, message, span));
        }
    }

    #[allow(clippy::type_complexity)]
    fn arm_conditions(&mut self, arm: &Arm, above: &[Fact]) -> (Option<Vec<Code>>, Vec<Fact>, Vec<Fact>) {
        let mut codes = Some(vec![]);
        let (mut yes, mut no): (Option<Vec<Fact>>, Vec<Fact>) = (None, vec![]);
        for value in &arm.values {
            let known: Vec<Fact> = above.iter().chain(&no).cloned().collect();
            let Some(typed) = self.given(&known, |this| this.condition(value, "an arm of a `match` without a subject"))
            else {
                codes = None;
                continue;
            };
            yes = Some(match yes {
                Some(yes) => narrow::either(&yes, &typed.when_true),
                None => typed.when_true,
            });
            no.extend(typed.when_false);
            if let Some(codes) = &mut codes {
                codes.push(typed.code);
            }
        }
        (codes, yes.unwrap_or_default(), no)
    }

    /// Without `else`, every value has to have its arm: only a closed set of options or a bool can be covered.
    fn check_covered(&mut self, span: Span, subject: Option<Option<&Type>>, seen: &[(Value, Span)], whole: bool) {
        let place = Span { end: span.start + 5, ..span };
        let needs = |message: String| {
            Diagnostic::error(Number::F0220, message, place).help("add `else => …`, or `else => fail(\"…\")`")
        };
        let ty = match subject {
            None => {
                self.report(needs("a `match` without a subject needs an `else`".into()));
                return;
            }
            Some(None) => return,
            Some(Some(ty)) => ty,
        };
        let covers = |shown: &str| seen.iter().any(|(value, _)| constant::shown(value).as_deref() == Some(shown));
        let mut open: Vec<String> = match (&ty.kind, &ty.facts) {
            (Kind::Bool, _) => {
                ["true", "false"].iter().filter(|value| !covers(value)).map(|value| value.to_string()).collect()
            }
            (_, Some(facts)) if facts.closed => {
                let options = facts.options.iter().map(|(option, _)| &**option);
                options.filter(|option| !covers(option)).map(|option| format!("{option:?}")).collect()
            }
            _ => {
                if whole {
                    let message = format!("a `match` on {} needs an `else`: it can have other values", fit::bare(ty));
                    self.report(needs(message));
                }
                return;
            }
        };
        if ty.missing && !seen.iter().any(|(value, _)| matches!(value, Value::Missing)) {
            open.push("missing".into());
        }
        if ty.null && !seen.iter().any(|(value, _)| matches!(value, Value::Null)) {
            open.push("null".into());
        }
        if !open.is_empty() && whole {
            self.report(needs(format!("this `match` has no arm for {}", open.join(", "))));
        }
    }

    pub(super) fn for_value(
        &mut self,
        span: Span,
        (item, index, list, condition, body): (&Name, Option<&Name>, &Expr, Option<&Expr>, &Expr),
        want: Option<&Want>,
    ) -> Option<Typed> {
        let list = self.check(list, None).and_then(|list| {
            let element = self.element(&list, "`for`")?;
            Some((list.code, element))
        });
        let element = list.as_ref().map(|(_, element)| element.clone());
        let before = self.variables.len();
        let item = self.declare(item, element.clone(), Origin::Loop);
        let condition = condition.map(|condition| self.condition(condition, "`where`"));
        let known = condition.as_ref().map_or(vec![], |condition| facts(condition).0);
        let index = index.map(|index| self.declare(index, Some(Type::int()), Origin::Loop));
        let body_want = want.and_then(|want| match &want.ty.kind {
            Kind::List(element) => Some(want.part((**element).clone())),
            _ => None,
        });
        let body = self.given(&known, |this| this.check(body, body_want.as_ref()));
        self.leave(before);
        let condition = match condition {
            Some(condition) => Some(condition?.code),
            None => None,
        };
        let (body, (list, element)) = (body?, list?);
        let ty = Type::list(body.ty);
        let each = For { list, item, element, index, condition, body: body.code };
        Some(Typed::new(Op::For(Box::new(each)), span, ty))
    }

    /// The type of a list's elements; a finding where it is no list.
    fn element(&mut self, list: &Typed, what: &str) -> Option<Type> {
        let element = match &list.ty.kind {
            Kind::List(element) => (**element).clone(),
            Kind::Any => Type::any(),
            Kind::Never if !list.ty.missing && !list.ty.null => Type::never(),
            Kind::Never => {
                self.needs_value(list, what);
                return None;
            }
            _ => {
                let message = format!("{what} takes a list, got {}", fit::bare(&list.ty));
                let finding = Diagnostic::error(Number::F0205, message, list.span());
                self.report(match list.ty.kind {
                    Kind::Map(_) | Kind::Record(_) => finding.help("`.keys()` lists the names in it"),
                    _ => finding,
                });
                return None;
            }
        };
        self.needs_value(list, what).then_some(element)
    }
}

/// Whether both values of a bool that is always there have their arm.
fn covers_bool(ty: Option<&Type>, seen: &[(Value, Span)]) -> bool {
    let has = |wanted: bool| seen.iter().any(|(value, _)| matches!(value, Value::Bool(value) if *value == wanted));
    ty.is_some_and(|ty| ty.kind == Kind::Bool && !ty.missing && !ty.null) && has(true) && has(false)
}

fn facts(condition: &Option<Typed>) -> (Vec<Fact>, Vec<Fact>) {
    condition.as_ref().map_or((vec![], vec![]), |typed| (typed.when_true.clone(), typed.when_false.clone()))
}

/// Where the expression ends in arithmetic, whose value can never be missing.
fn arithmetic(expr: &Expr) -> Option<Span> {
    use BinaryOp::*;
    match &expr.kind {
        ExprKind::Paren(inner) => arithmetic(inner),
        ExprKind::Negate(_) | ExprKind::Binary { op: Add | Subtract | Multiply | Divide | Remainder, .. } => {
            Some(expr.span)
        }
        _ => None,
    }
}
