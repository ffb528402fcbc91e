//! A `where` taken apart: comparisons of columns of `row` with values over the slot's other variables. What is no such
//! condition is an error: nothing is ever filtered afterwards.

use super::{Checker, Origin, SlotScope, Variable, Want, narrow, operator, relate};
use crate::diagnostics::{Code as Number, Diagnostic, Span};
use crate::language::ast::{Arg, BinaryOp, Expr, ExprKind, Let};
use crate::language::code::{CompareOp, Op};
use crate::language::filter::{Column, Filter, Operand};
use crate::language::types::{Kind, Type};
use crate::value::Value;

const FUNCTIONS: [&str; 3] = ["contains", "starts_with", "ends_with"];

/// Takes a condition apart.
pub(super) fn filter(
    scope: &SlotScope<'_>,
    lets: &[Let],
    value: &Expr,
    row: &Type,
) -> (Option<Filter>, Vec<Diagnostic>) {
    let mut split = Split { scope, row, findings: vec![] };
    if let Some(first) = lets.first() {
        let message = "a `where` is one condition, without `let`".to_string();
        split.report(
            Diagnostic::error(Number::F0260, message, first.span)
                .help("work the value out in a `transform` step before"),
        );
    }
    let filter = split.condition(value);
    let failed = super::has_errors(&split.findings);
    (filter.filter(|_| !failed), split.findings)
}

struct Split<'a> {
    scope: &'a SlotScope<'a>,
    row: &'a Type,
    findings: Vec<Diagnostic>,
}

impl Split<'_> {
    fn report(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    fn condition(&mut self, expr: &Expr) -> Option<Filter> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Paren(inner) => self.condition(inner),
            ExprKind::Not(inner) => Some(Filter::Not(Box::new(self.condition(inner)?))),
            ExprKind::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), left, right, .. } => {
                let (left, right) = (self.condition(left), self.condition(right));
                let is_and = *op == BinaryOp::And;
                let mut all = vec![];
                for side in [left?, right?] {
                    match side {
                        Filter::And(more) if is_and => all.extend(more),
                        Filter::Or(more) if !is_and => all.extend(more),
                        one => all.push(one),
                    }
                }
                Some(if is_and { Filter::And(all) } else { Filter::Or(all) })
            }
            ExprKind::Binary { op: BinaryOp::In, left, right, .. } => {
                let column = self.column(left)?;
                let want = Want::new(Type::list(open(&column.ty)), "the list on the right of `in`");
                let list = self.operand(right, Some(&want))?;
                Some(Filter::In { column, list: list.0, span })
            }
            ExprKind::Binary { op, left, right, .. } => {
                let Some(op) = comparison(*op) else { return self.refuse(span) };
                match (mentions_row(left), mentions_row(right)) {
                    (true, true) => {
                        let message = "a column can only be compared with a value, not with another column".to_string();
                        self.report(Diagnostic::error(Number::F0260, message, span));
                        None
                    }
                    (false, false) => self.refuse(span),
                    (true, false) => self.compare(left, op, right, span),
                    (false, true) => self.compare(right, turned(op), left, span),
                }
            }
            ExprKind::MethodCall { base, name, args, .. } if FUNCTIONS.contains(&&*name.text) && mentions_row(base) => {
                let column = self.column(base)?;
                if column.ty.kind != Kind::Text && column.ty.kind != Kind::Any {
                    let message = format!("`{}` asks a text, and this column is {}", name.text, column.ty);
                    self.report(Diagnostic::error(Number::F0216, message, base.span));
                    return None;
                }
                let [Arg::Value(arg)] = args.as_slice() else {
                    let message = format!("`{}` takes the text to look for", name.text);
                    self.report(Diagnostic::error(Number::F0215, message, name.span));
                    return None;
                };
                let want = Want::new(Type::text(), format!("argument of `{}`", name.text));
                let (operand, _) = self.operand(arg, Some(&want))?;
                Some(Filter::Function { name: name.text.clone(), column, args: vec![operand], span })
            }
            // `row.active` is `row.active == true`.
            ExprKind::Field { .. } if mentions_row(expr) => {
                let column = self.column(expr)?;
                if column.ty.kind != Kind::Bool {
                    let message = format!("a condition is bool, and this column is {}", column.ty);
                    self.report(Diagnostic::error(Number::F0205, message, span).help("compare it: `row.x == …`"));
                    return None;
                }
                let value = self.literal(Value::Bool(true), span)?;
                Some(Filter::Compare { column, op: CompareOp::Equal, value, span })
            }
            _ => self.refuse(span),
        }
    }

    fn refuse(&mut self, span: Span) -> Option<Filter> {
        let message = "this is no condition that a system can be asked".to_string();
        self.report(Diagnostic::error(Number::F0260, message, span).help(
            "compare columns with values: `row.x == …`, `row.x in [...]`, `row.x.contains(…)`, joined by `and or not`; what does not concern the row belongs into `when`",
        ));
        None
    }

    fn compare(&mut self, column: &Expr, op: CompareOp, value: &Expr, span: Span) -> Option<Filter> {
        let column = self.column(column)?;
        let (operand, ty) = self.operand(value, None)?;
        let equality = matches!(op, CompareOp::Equal | CompareOp::NotEqual);
        let absent = ty.kind == Kind::Never;
        let fits =
            if equality { relate::comparable(&column.ty, &ty) } else { relate::ordered(&column.ty, &ty) && !absent };
        if !fits {
            let finding = match equality {
                true => operator::not_comparable(&column.ty, &ty, span),
                false => operator::not_ordered(&column.ty, &ty, span),
            };
            self.report(finding);
            return None;
        }
        self.check_option(&column, &operand);
        Some(Filter::Compare { column, op, value: operand, span })
    }

    /// A constant that the column can never have.
    fn check_option(&mut self, column: &Column, operand: &Operand) {
        let names = self.scope.names();
        let mut checker = Checker::new(&names);
        if let Op::Const(value) = &operand.expression.routine.code.op {
            let typed = super::expression::constant(value.clone(), operand.span, operand.expression.result().clone());
            checker.check_option(&column.ty, &typed);
        }
        self.findings.extend(checker.findings);
    }

    /// The column that an expression is.
    fn column(&mut self, expr: &Expr) -> Option<Column> {
        let path =
            narrow::path(expr).filter(|path| path.len() > 1 && path.first().is_some_and(|root| &**root == "row"));
        let Some(path) = path else {
            self.refuse(expr.span);
            return None;
        };
        let names = self.scope.names();
        let mut checker = Checker::new(&names);
        checker.variables.push(Variable {
            name: "row".into(),
            slot: 0,
            ty: Some(self.row.clone()),
            span: Span::default(),
            origin: Origin::Input,
            used: true,
            assigned: None,
        });
        let typed = checker.check(expr, None);
        self.findings.extend(checker.findings);
        Some(Column { path: path.into_iter().skip(1).collect(), ty: typed?.ty, span: expr.span })
    }

    fn operand(&mut self, expr: &Expr, want: Option<&Want>) -> Option<(Operand, Type)> {
        let (operand, findings) = self.scope.operand(expr, want);
        self.findings.extend(findings);
        let (expression, ty, constant) = operand?;
        Some((Operand { expression, constant, span: expr.span }, ty))
    }

    fn literal(&self, value: Value, span: Span) -> Option<Operand> {
        let (checked, _) = self.scope.checked(span, |_| Some(super::expression::constant(value, span, Type::bool())));
        Some(Operand { expression: checked?.expression, constant: true, span })
    }
}

/// A column's type as elements may have it.
fn open(ty: &Type) -> Type {
    Type { facts: None, ..ty.clone().or_missing().or_null() }
}

fn comparison(op: BinaryOp) -> Option<CompareOp> {
    Some(match op {
        BinaryOp::Equal => CompareOp::Equal,
        BinaryOp::NotEqual => CompareOp::NotEqual,
        BinaryOp::Less => CompareOp::Less,
        BinaryOp::LessEqual => CompareOp::LessEqual,
        BinaryOp::Greater => CompareOp::Greater,
        BinaryOp::GreaterEqual => CompareOp::GreaterEqual,
        _ => return None,
    })
}

/// The same comparison with its sides exchanged.
fn turned(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Less => CompareOp::Greater,
        CompareOp::LessEqual => CompareOp::GreaterEqual,
        CompareOp::Greater => CompareOp::Less,
        CompareOp::GreaterEqual => CompareOp::LessEqual,
        same => same,
    }
}

/// Whether the expression is `row` or a path from it. Anything else with `row` inside is refused where it is compiled.
fn mentions_row(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Name(name) => &**name == "row",
        ExprKind::Paren(inner) | ExprKind::Maybe(inner) | ExprKind::Negate(inner) => mentions_row(inner),
        ExprKind::Field { base, .. } | ExprKind::Index { base, .. } | ExprKind::MethodCall { base, .. } => {
            mentions_row(base)
        }
        _ => false,
    }
}
