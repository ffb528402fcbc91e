//! Operators: logic, comparison, arithmetic.

use super::relate;
use super::scope::Lookup;
use super::{Checker, Typed, Want, constant, fit, narrow};
use crate::diagnostics::{Code as Number, Diagnostic, Span, did_you_mean};
use crate::language::ast::{Arg, BinaryOp, Expr, ExprKind};
use crate::language::code::{ArithmeticOp, Code, CompareOp, Op};
use crate::language::types::{Kind, Type};
use crate::value::Value;

impl Checker<'_> {
    /// A condition: bool, with what it establishes.
    pub(super) fn condition(&mut self, expr: &Expr, what: &str) -> Option<Typed> {
        self.check(expr, Some(&Want::new(Type::bool(), what)))
    }

    pub(super) fn not(&mut self, span: Span, inner: &Expr) -> Option<Typed> {
        let inner = self.condition(inner, "`not`")?;
        let mut typed = Typed::new(Op::Not(Box::new(inner.code)), span, Type::bool());
        typed.when_true = inner.when_false;
        typed.when_false = inner.when_true;
        Some(typed)
    }

    pub(super) fn binary(
        &mut self,
        span: Span,
        op: BinaryOp,
        op_span: Span,
        left: &Expr,
        right: &Expr,
    ) -> Option<Typed> {
        use BinaryOp::*;
        match op {
            And | Or => self.logic(span, op, left, right),
            Equal => self.equality(span, CompareOp::Equal, left, right),
            NotEqual => self.equality(span, CompareOp::NotEqual, left, right),
            Less => self.order(span, CompareOp::Less, left, right),
            LessEqual => self.order(span, CompareOp::LessEqual, left, right),
            Greater => self.order(span, CompareOp::Greater, left, right),
            GreaterEqual => self.order(span, CompareOp::GreaterEqual, left, right),
            In => self.within(span, left, right),
            Add => self.arithmetic(span, op_span, ArithmeticOp::Add, left, right),
            Subtract => self.arithmetic(span, op_span, ArithmeticOp::Subtract, left, right),
            Multiply => self.arithmetic(span, op_span, ArithmeticOp::Multiply, left, right),
            Divide => self.arithmetic(span, op_span, ArithmeticOp::Divide, left, right),
            Remainder => self.arithmetic(span, op_span, ArithmeticOp::Remainder, left, right),
            // These take a wanted type and never come here.
            Catch => self.catch(span, left, right, None),
            Coalesce => self.coalesce(span, left, right, None),
        }
    }

    fn logic(&mut self, span: Span, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Typed> {
        let is_and = op == BinaryOp::And;
        let what = if is_and { "`and`" } else { "`or`" };
        let left = self.condition(left, what);
        let known =
            left.as_ref().map_or(vec![], |left| if is_and { left.when_true.clone() } else { left.when_false.clone() });
        let right = self.given(&known, |this| this.condition(right, what));
        let (left, right) = (left?, right?);
        let both = |a: Vec<_>, b: Vec<_>| a.into_iter().chain(b).collect::<Vec<_>>();
        let (codes, when_true, when_false) = if is_and {
            // The right side is only false where the left one was true.
            let not_right = both(left.when_true.clone(), right.when_false);
            let when_false = narrow::either(&left.when_false, &not_right);
            ((left.code, right.code), both(left.when_true, right.when_true), when_false)
        } else {
            let or_right = both(left.when_false.clone(), right.when_true);
            let when_true = narrow::either(&left.when_true, &or_right);
            ((left.code, right.code), when_true, both(left.when_false, right.when_false))
        };
        let (left, right) = (Box::new(codes.0), Box::new(codes.1));
        let op = if is_and { Op::And(left, right) } else { Op::Or(left, right) };
        Some(Typed { when_true, when_false, ..Typed::new(op, span, Type::bool()) })
    }

    fn equality(&mut self, span: Span, op: CompareOp, left: &Expr, right: &Expr) -> Option<Typed> {
        let (a, b) = (self.check(left, None), self.check(right, None));
        let (a, b) = (a?, b?);
        if !relate::comparable(&a.ty, &b.ty) {
            self.report(not_comparable(&a.ty, &b.ty, span));
            return None;
        }
        self.check_option(&a.ty, &b);
        self.check_option(&b.ty, &a);
        let mut when_equal = vec![];
        let mut when_not = vec![];
        for (one, one_type, other) in [(left, &a.ty, &b.ty), (right, &b.ty, &a.ty)] {
            if other.kind != Kind::Never || !(other.missing || other.null) {
                continue;
            }
            self.check_can_be(one, one_type, other);
            if let Some(path) = narrow::path(one) {
                match other.missing {
                    true => (when_equal, when_not) = (narrow::is_missing(&path), narrow::is_there(&path)),
                    false => (when_equal, when_not) = (narrow::is_null(&path), narrow::is_not_null(&path)),
                }
            } else if let Some(path) = self.presence(one).filter(|_| other.missing) {
                when_not = narrow::is_given(&path);
            }
        }
        // What a record holds does not matter where only its absence is asked for.
        let literal = a.ty.kind == Kind::Never || b.ty.kind == Kind::Never;
        let side = |typed: Typed| Box::new(if literal { typed.code } else { compared(typed) });
        let (left, right) = (side(a), side(b));
        let mut typed = Typed::new(Op::Compare { op, left, right }, span, Type::bool());
        (typed.when_true, typed.when_false) = match op {
            CompareOp::Equal => (when_equal, when_not),
            _ => (when_not, when_equal),
        };
        Some(typed)
    }

    /// The path that `present(path)` asks for.
    fn presence(&self, expr: &Expr) -> Option<Vec<crate::value::Text>> {
        let (name, asked) = match &expr.kind {
            ExprKind::Call { name, args } => match args.as_slice() {
                [Arg::Value(asked)] => (name, asked),
                _ => return None,
            },
            ExprKind::MethodCall { base, name, args, .. } if args.is_empty() => (name, &**base),
            _ => return None,
        };
        let is_built_in = &*name.text == "present" && matches!(self.names.function(&name.text), Lookup::Nothing);
        is_built_in.then(|| narrow::path(asked)).flatten()
    }

    /// Warns where something that always is there is compared with `missing`, or something that knows no null with it.
    pub(super) fn check_can_be(&mut self, expr: &Expr, ty: &Type, literal: &Type) {
        let can_be = match literal.missing {
            true => ty.missing,
            false => ty.null || ty.kind == Kind::Any,
        };
        if can_be || ty.kind == Kind::Never || (literal.missing && ty.kind == Kind::Any && !asserts(expr)) {
            return;
        }
        if literal.missing && self.known_there(expr) {
            return;
        }
        let message = format!("this is never {literal}: its type is {ty}");
        let finding = Diagnostic::warning(Number::F0239, message, expr.span);
        self.report(match (&expr.kind, literal.missing) {
            (ExprKind::Field { .. } | ExprKind::Index { .. }, true) => finding
                .help("a step asserts that its field is there: write `?` behind it to ask whether it is")
                .fix(expr.span.end_point(), "?"),
            _ => finding,
        });
    }

    /// A constant that is compared with a set of options has to be one of them.
    pub(super) fn check_option(&mut self, ty: &Type, other: &Typed) {
        let Some(facts) = &ty.facts else { return };
        if facts.options.is_empty() || !matches!(other.code.op, Op::Const(_) | Op::List(_)) {
            return;
        }
        let options = || facts.options.iter().map(|(option, _)| &**option);
        for value in other.values.iter().flat_map(|values| values.iter()) {
            if matches!(value, Value::Missing | Value::Null) {
                continue;
            }
            let Some(shown) = constant::shown(value) else { continue };
            if options().any(|option| option == shown) {
                continue;
            }
            let message = format!("{shown:?} is none of the values that this can have");
            let finding = match facts.closed {
                true => Diagnostic::error(Number::F0217, message, other.span()),
                false => Diagnostic::warning(Number::F0217, message, other.span()),
            };
            let near = did_you_mean(&shown, options()).map(|near| format!("did you mean {near:?}?"));
            self.report(finding.help(near.unwrap_or_else(|| format!("its options are {}", fit::listed(facts)))));
            return;
        }
    }

    fn order(&mut self, span: Span, op: CompareOp, left: &Expr, right: &Expr) -> Option<Typed> {
        let (a, b) = (self.check(left, None), self.check(right, None));
        let (a, b) = (a?, b?);
        if !relate::ordered(&a.ty, &b.ty) {
            self.report(not_ordered(&a.ty, &b.ty, span));
            return None;
        }
        let there = self.needs_value(&a, "a comparison") & self.needs_value(&b, "a comparison");
        let (left, right) = (Box::new(a.code), Box::new(b.code));
        there.then(|| Typed::new(Op::Compare { op, left, right }, span, Type::bool()))
    }

    fn within(&mut self, span: Span, left: &Expr, right: &Expr) -> Option<Typed> {
        let (value, list) = (self.check(left, None), self.check(right, None));
        let (value, list) = (value?, list?);
        let element = match &list.ty.kind {
            Kind::List(element) => (**element).clone(),
            Kind::Any | Kind::Never => Type::any(),
            _ => {
                let message = format!("`in` has a list on its right, got {}", fit::bare(&list.ty));
                self.report(Diagnostic::error(Number::F0209, message, right.span));
                return None;
            }
        };
        if !relate::comparable(&value.ty, &element) {
            self.report(not_comparable(&value.ty, &element, span));
            return None;
        }
        if !self.needs_value(&list, "`in`") {
            return None;
        }
        self.check_option(&value.ty, &list);
        let (value, list) = (Box::new(compared(value)), Box::new(compared(list)));
        Some(Typed::new(Op::In { value, list }, span, Type::bool()))
    }

    /// Whether the value is always there; a finding otherwise.
    pub(super) fn needs_value(&mut self, typed: &Typed, what: &str) -> bool {
        let literal = typed.ty.kind == Kind::Never && (typed.ty.missing || typed.ty.null);
        if literal || (typed.ty.missing && !self.lenient) {
            let message = match literal {
                true => format!("{what} needs a value, and this is {}", typed.ty),
                false => format!("{what} needs a value, and this may be missing ({})", typed.ty),
            };
            self.report(Diagnostic::error(Number::F0206, message, typed.span()).help(
                "`?? value` stands in for nothing, `x?.f()` skips the rest of the chain, `if x != missing` asks first",
            ));
            return false;
        }
        true
    }

    fn arithmetic(&mut self, span: Span, op_span: Span, op: ArithmeticOp, left: &Expr, right: &Expr) -> Option<Typed> {
        let (a, b) = (self.check(left, None), self.check(right, None));
        if b.is_none() && op == ArithmeticOp::Subtract {
            self.explain_hyphen(left, op_span, right);
        }
        let (a, b) = (a?, b?);
        let there = self.needs_value(&a, "an operator") & self.needs_value(&b, "an operator");
        if !there {
            return None;
        }
        let Some(kind) = result(op, &a.ty.kind, &b.ty.kind) else {
            self.report(no_operator(op, &a.ty, &b.ty, op_span));
            return None;
        };
        let op = Op::Arithmetic { op, left: Box::new(a.code), right: Box::new(b.code) };
        Some(Typed::new(op, span, Type::new(kind)))
    }

    /// `event.first-name` was meant as one field where `name` is nothing by itself.
    fn explain_hyphen(&mut self, left: &Expr, op_span: Span, right: &Expr) {
        let (ExprKind::Field { name, .. }, ExprKind::Name(second)) = (&left.kind, &right.kind) else { return };
        let touches = name.span.end == op_span.start && op_span.end == right.span.start;
        let Some(unknown) = self.findings.last_mut().filter(|_| touches) else { return };
        if unknown.code != Number::F0201
            || unknown.primary.as_ref().map(|mark| mark.span.start) != Some(right.span.start)
        {
            return;
        }
        let quoted = format!("[\"{}-{second}\"]", name.text);
        unknown.help = vec![format!("a field with a hyphen is quoted, in brackets and without the dot: `{quoted}`")];
    }

    pub(super) fn negate(&mut self, span: Span, inner: &Expr) -> Option<Typed> {
        let inner = self.check(inner, None)?;
        if !matches!(inner.ty.kind, Kind::Int | Kind::Decimal | Kind::Money | Kind::Any | Kind::Never) {
            let message = format!("`-` takes a number or money, got {}", fit::bare(&inner.ty));
            self.report(Diagnostic::error(Number::F0209, message, inner.span()));
            return None;
        }
        if !self.needs_value(&inner, "`-`") {
            return None;
        }
        if let Op::Const(value @ Value::Number(_)) = &inner.code.op
            && let Some(negative) = constant::negative(value)
        {
            return Some(super::expression::constant(negative, span, inner.ty));
        }
        let ty = Type::new(inner.ty.kind.clone());
        Some(Typed::new(Op::Negate(Box::new(inner.code)), span, ty))
    }
}

/// A side of a comparison: of records only what the type names is compared.
pub(super) fn compared(typed: Typed) -> Code {
    if !relate::holds_records(&typed.ty) || matches!(typed.code.op, Op::Const(_)) {
        return typed.code;
    }
    let span = typed.span();
    Code::new(Op::View { value: Box::new(typed.code), ty: relate::sight(&typed.ty), project: true }, span)
}

/// Whether the last step of the expression asserts that something is there.
fn asserts(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Field { maybe: false, .. } | ExprKind::Index { maybe: false, .. })
}

fn result(op: ArithmeticOp, a: &Kind, b: &Kind) -> Option<Kind> {
    use ArithmeticOp::*;
    use Kind::{Any, Decimal, Int, Money, Never, Text};
    let number = |kind: &Kind| matches!(kind, Int | Decimal | Never);
    Some(match (op, a, b) {
        (Add, Text, Text | Any) | (Add, Any, Text) => Text,
        (Add | Subtract, Money, Money | Any) | (Add | Subtract, Any, Money) => Money,
        (Multiply | Divide, Money, b) if number(b) => Money,
        (Multiply, a, Money) if number(a) => Money,
        (Divide, Money, Money) => Decimal,
        (_, Any, b) if number(b) || *b == Any => Any,
        (_, a, Any) if number(a) => Any,
        (Multiply, Any, Money) | (Multiply | Divide, Money, Any) => Any,
        (Divide, a, b) if number(a) && number(b) => Decimal,
        (_, Int | Never, Int | Never) => Int,
        (_, a, b) if number(a) && number(b) => Decimal,
        _ => return None,
    })
}

fn no_operator(op: ArithmeticOp, a: &Type, b: &Type, span: Span) -> Diagnostic {
    let (sign, takes) = match op {
        ArithmeticOp::Add => ("+", "two numbers, two texts, or two monies"),
        ArithmeticOp::Subtract => ("-", "two numbers or two monies"),
        ArithmeticOp::Multiply => ("*", "two numbers, or a money and a number"),
        ArithmeticOp::Divide => ("/", "two numbers, a money and a number, or two monies"),
        ArithmeticOp::Remainder => ("%", "two numbers"),
    };
    let message = format!("`{sign}` takes {takes}, got {} and {}", fit::bare(a), fit::bare(b));
    let finding = Diagnostic::error(Number::F0209, message, span);
    match (op, &a.kind, &b.kind) {
        (ArithmeticOp::Add, Kind::Text, _) | (ArithmeticOp::Add, _, Kind::Text) => finding.help(
            "nothing is converted by itself: put values into holes, \"{a}{b}\", or read the text with `decimal(…)`",
        ),
        (_, Kind::Text, Kind::Int | Kind::Decimal) | (_, Kind::Int | Kind::Decimal, Kind::Text) => {
            finding.help("`decimal(…)` reads a text as a number")
        }
        _ => finding,
    }
}

/// The finding for `==`, `in` and arms of different types.
pub(super) fn not_comparable(a: &Type, b: &Type, span: Span) -> Diagnostic {
    let message = format!("{} and {} are different types and never equal", fit::bare(a), fit::bare(b));
    let finding = Diagnostic::error(Number::F0208, message, span);
    match fit::conversion(a, b).or_else(|| fit::conversion(b, a)) {
        Some(help) if a.kind != Kind::Bool && b.kind != Kind::Bool => finding.help(help),
        _ => finding,
    }
}

/// The finding for `<` between what has no order.
pub(super) fn not_ordered(a: &Type, b: &Type, span: Span) -> Diagnostic {
    let (a_kind, b_kind) = (fit::bare(a), fit::bare(b));
    let message = format!("`< <= > >=` take two numbers, dates, times, monies or texts, got {a_kind} and {b_kind}");
    let finding = Diagnostic::error(Number::F0208, message, span);
    match fit::conversion(a, b).or_else(|| fit::conversion(b, a)) {
        Some(help) => finding.help(help),
        None => finding,
    }
}
