//! Expressions: the Pratt parser orders the flat operators, the rest follows the grammar.

use super::{Builder, Parts, bounds, is_mark};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::language::ast::*;
use crate::language::parse::Rule;
use pest::iterators::Pair;
use pest::pratt_parser::{Assoc, Op, PrattParser};
use std::sync::LazyLock;

static OPERATORS: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    let left = |rule| Op::infix(rule, Assoc::Left);
    PrattParser::new()
        .op(left(Rule::op_or))
        .op(left(Rule::op_and))
        .op(Op::prefix(Rule::op_not))
        .op(left(Rule::op_equal)
            | left(Rule::op_not_equal)
            | left(Rule::op_less)
            | left(Rule::op_less_equal)
            | left(Rule::op_greater)
            | left(Rule::op_greater_equal)
            | left(Rule::op_in))
        .op(left(Rule::op_coalesce))
        .op(left(Rule::op_add) | left(Rule::op_subtract))
        .op(left(Rule::op_multiply) | left(Rule::op_divide) | left(Rule::op_remainder))
        .op(Op::prefix(Rule::op_negate))
});

impl Builder<'_> {
    pub(super) fn expr(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let joins = pair.clone().into_inner().filter(|part| part.as_rule() == Rule::op_catch).count();
        self.down(joins, &pair.clone(), |b| {
            let placeholder = Expr { kind: ExprKind::Missing, span: b.span(&pair) };
            let mut whole: Option<Expr> = None;
            let mut catch = None;
            for part in pair.into_inner() {
                if part.as_rule() == Rule::op_catch {
                    catch = Some(b.span(&part));
                    continue;
                }
                let next = b.choice(part);
                whole = Some(match (whole, catch) {
                    (Some(left), Some(op_span)) => binary(BinaryOp::Catch, op_span, left, next),
                    _ => next,
                });
            }
            whole.unwrap_or(placeholder)
        })
    }

    fn choice(&mut self, pair: Pair<'_, Rule>) -> Expr {
        match pair.as_rule() {
            Rule::operation => self.operation(pair),
            _ => self.down(1, &pair.clone(), |b| {
                let span = b.span(&pair);
                let kind = match pair.as_rule() {
                    Rule::if_ => b.if_(pair),
                    Rule::match_ => b.match_(pair),
                    _ => b.for_(pair),
                };
                Expr { kind: kind.unwrap_or(ExprKind::Missing), span }
            }),
        }
    }

    fn if_(&mut self, pair: Pair<'_, Rule>) -> Option<ExprKind> {
        let mut parts = Parts::of(pair);
        Some(ExprKind::If {
            condition: Box::new(self.operation(parts.next()?)),
            then: Box::new(self.expr(parts.next()?)),
            otherwise: Box::new(self.expr(parts.next()?)),
        })
    }

    fn match_(&mut self, pair: Pair<'_, Rule>) -> Option<ExprKind> {
        let (mut subject, mut arms, mut otherwise) = (None, vec![], None);
        for part in Parts::of(pair) {
            match part.as_rule() {
                Rule::operation => subject = Some(Box::new(self.operation(part))),
                Rule::else_arm => otherwise = Some(Box::new(self.expr(Parts::of(part).next()?))),
                _ => arms.extend(self.arm(part)),
            }
        }
        Some(ExprKind::Match { subject, arms, otherwise })
    }

    pub(super) fn arm(&mut self, pair: Pair<'_, Rule>) -> Option<Arm> {
        let mut values = vec![];
        for part in Parts::of(pair) {
            match part.as_rule() {
                Rule::operation => values.push(self.operation(part)),
                _ => return Some(Arm { values, result: self.expr(part) }),
            }
        }
        None
    }

    fn for_(&mut self, pair: Pair<'_, Rule>) -> Option<ExprKind> {
        let mut names = vec![];
        let (mut list, mut condition, mut body) = (None, None, None);
        for part in Parts::of(pair) {
            match part.as_rule() {
                Rule::name => names.push(self.name(&part)),
                Rule::operation => list = Some(Box::new(self.operation(part))),
                Rule::condition => condition = Some(Box::new(self.operation(Parts::of(part).next()?))),
                Rule::record => body = Some(Box::new(self.record(part))),
                Rule::expr => body = Some(Box::new(self.expr(part))),
                _ => {}
            }
        }
        let mut names = names.into_iter();
        Some(ExprKind::For { item: names.next()?, index: names.next(), list: list?, condition, body: body? })
    }

    pub(super) fn operation(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let operators = pair.clone().into_inner().filter(|part| part.as_rule() != Rule::chain).count();
        self.down(operators, &pair.clone(), |b| {
            let source = (b.source, b.offset);
            let place = |pair: &Pair<'_, Rule>| {
                let (start, end) = bounds(pair);
                source.0.span(source.1 + start, source.1 + end)
            };
            // One closure of the Pratt parser at a time needs the builder, but each holds it: shared through a cell.
            let builder = std::cell::RefCell::new(b);
            OPERATORS
                .map_primary(|part| builder.borrow_mut().chain(part))
                .map_prefix(|op, value| {
                    let span = place(&op).to(value.span);
                    match op.as_rule() {
                        Rule::op_not => Expr { kind: ExprKind::Not(Box::new(value)), span },
                        _ => {
                            builder.borrow_mut().refuse_not(&op, &value);
                            Expr { kind: ExprKind::Negate(Box::new(value)), span }
                        }
                    }
                })
                .map_infix(|left, op, right| {
                    let op_span = place(&op);
                    let binary_op = operator(op.as_rule());
                    let mut builder = builder.borrow_mut();
                    if !matches!(binary_op, BinaryOp::Or | BinaryOp::And) {
                        builder.refuse_not(&op, &right);
                        builder.refuse_chain(&op, binary_op, &left);
                    }
                    binary(binary_op, op_span, left, right)
                })
                .parse(pair.into_inner())
        })
    }

    /// `a == not b`: `not` reaches further right than what stands on its left.
    fn refuse_not(&mut self, op: &Pair<'_, Rule>, right: &Expr) {
        if let ExprKind::Not(_) = right.kind {
            let text = format!("`not` cannot follow `{}`", op.as_str());
            let finding = Diagnostic::error(Code::F0111, text, right.span)
                .label("put this in parentheses")
                .help("`not` binds looser than comparison and arithmetic: write `(not …)` here");
            self.finding(op, finding);
        }
    }

    fn refuse_chain(&mut self, op: &Pair<'_, Rule>, binary_op: BinaryOp, left: &Expr) {
        let ExprKind::Binary { op: first, op_span, .. } = &left.kind else { return };
        if !compares(*first) || !compares(binary_op) {
            return;
        }
        let finding = Diagnostic::error(Code::F0112, "comparisons do not chain", self.span(op))
            .label("a second comparison")
            .also(*op_span, "the first one")
            .help("compare twice and join with `and`: `a < b and b < c`");
        self.finding(op, finding);
    }

    fn chain(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let steps: usize = pair
            .clone()
            .into_inner()
            .map(|part| {
                1 + part.into_inner().filter(|tail| matches!(tail.as_rule(), Rule::index | Rule::maybe)).count()
            })
            .sum();
        self.down(steps, &pair.clone(), |b| {
            let mut value = Expr { kind: ExprKind::Missing, span: b.span(&pair) };
            for part in pair.into_inner() {
                let is_step = part.as_rule() == Rule::step;
                let mut inner = part.into_inner().filter(|part| !is_mark(part.as_rule())).peekable();
                let Some(first) = inner.next() else { continue };
                let literal = matches!(first.as_rule(), Rule::number | Rule::text | Rule::raw | Rule::word_value);
                if is_step {
                    let args = inner.next_if(|part| part.as_rule() == Rule::args);
                    value = b.step(value, &first, args);
                } else {
                    value = b.primary_value(first);
                }
                let mut direct = !is_step;
                for tail in inner {
                    if direct && literal && tail.as_rule() == Rule::maybe {
                        b.refuse_maybe(&tail, &value);
                    }
                    value = b.tail(value, tail, direct);
                    direct = false;
                }
            }
            value
        })
    }

    fn step(&mut self, base: Expr, name: &Pair<'_, Rule>, args: Option<Pair<'_, Rule>>) -> Expr {
        let (base, name) = (Box::new(base), self.name(name));
        let start = base.span;
        match args {
            Some(args) => {
                let span = start.to(self.span(&args));
                Expr { kind: ExprKind::MethodCall { base, name, args: self.args(args), maybe: false }, span }
            }
            None => {
                let span = start.to(name.span);
                Expr { kind: ExprKind::Field { base, name, maybe: false }, span }
            }
        }
    }

    /// `[…]` or `?` behind a value; `direct` where that value is a primary without a step.
    fn tail(&mut self, mut base: Expr, tail: Pair<'_, Rule>, direct: bool) -> Expr {
        let span = base.span.to(self.span(&tail));
        if tail.as_rule() == Rule::index {
            let index = Parts::of(tail).map(|part| self.expr(part)).collect();
            return Expr { kind: ExprKind::Index { base: Box::new(base), index, maybe: false }, span };
        }
        match &mut base.kind {
            ExprKind::Field { maybe, .. } | ExprKind::MethodCall { maybe, .. } | ExprKind::Index { maybe, .. }
                if !direct =>
            {
                *maybe = true;
                base.span = span;
                base
            }
            _ => Expr { kind: ExprKind::Maybe(Box::new(base)), span },
        }
    }

    fn refuse_maybe(&mut self, tail: &Pair<'_, Rule>, value: &Expr) {
        let span = self.span(tail);
        let finding =
            Diagnostic::error(Code::F0110, "`?` stands behind a step that may find nothing, not a literal", span)
                .also(value.span, "this is always what is written here")
                .help("`a.b?` asks whether `b` is there; `a.b ?? c` gives `c` where it is not")
                .fix(span, "");
        self.finding(tail, finding);
    }

    pub(super) fn primary_value(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::number => ExprKind::Number(self.number(&pair)),
            Rule::text | Rule::plain => self.text(pair),
            Rule::raw => ExprKind::Text(self.raw(&pair)),
            Rule::word_value => match pair.as_str() {
                "true" => ExprKind::Bool(true),
                "false" => ExprKind::Bool(false),
                "null" => ExprKind::Null,
                _ => ExprKind::Missing,
            },
            Rule::list => ExprKind::List(Parts::of(pair).map(|part| self.expr(part)).collect()),
            Rule::record => ExprKind::Record(self.entries(pair)),
            Rule::paren => ExprKind::Paren(Box::new(self.inside(pair))),
            Rule::fail_ => match Parts::of(pair).next() {
                Some(paren) => ExprKind::Fail(Box::new(self.inside(paren))),
                None => ExprKind::Missing,
            },
            _ => {
                let mut parts = Parts::of(pair);
                match (parts.next(), parts.next()) {
                    (Some(name), Some(args)) => ExprKind::Call { name: self.name(&name), args: self.args(args) },
                    (Some(name), None) => ExprKind::Name(self.word(&name)),
                    _ => ExprKind::Missing,
                }
            }
        };
        Expr { kind, span }
    }

    /// What stands between the parentheses.
    pub(super) fn inside(&mut self, paren: Pair<'_, Rule>) -> Expr {
        let span = self.span(&paren);
        match Parts::of(paren).next() {
            Some(value) => self.expr(value),
            None => Expr { kind: ExprKind::Missing, span },
        }
    }

    fn args(&mut self, pair: Pair<'_, Rule>) -> Vec<Arg> {
        let mut args = vec![];
        for part in Parts::of(pair) {
            if part.as_rule() == Rule::expr {
                args.push(Arg::Value(self.expr(part)));
                continue;
            }
            let span = self.span(&part);
            let mut params = vec![];
            for part in Parts::of(part) {
                match part.as_rule() {
                    Rule::name => params.push(self.name(&part)),
                    Rule::lambda_names => params = Parts::of(part).map(|name| self.name(&name)).collect(),
                    _ => {
                        let params = std::mem::take(&mut params);
                        args.push(Arg::Lambda(Lambda { params, body: Box::new(self.expr(part)), span }));
                    }
                }
            }
        }
        args
    }
}

fn binary(op: BinaryOp, op_span: Span, left: Expr, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    Expr { kind: ExprKind::Binary { op, op_span, left: Box::new(left), right: Box::new(right) }, span }
}

fn compares(op: BinaryOp) -> bool {
    use BinaryOp::*;
    matches!(op, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual | In)
}

fn operator(rule: Rule) -> BinaryOp {
    match rule {
        Rule::op_or => BinaryOp::Or,
        Rule::op_and => BinaryOp::And,
        Rule::op_equal => BinaryOp::Equal,
        Rule::op_not_equal => BinaryOp::NotEqual,
        Rule::op_less => BinaryOp::Less,
        Rule::op_less_equal => BinaryOp::LessEqual,
        Rule::op_greater => BinaryOp::Greater,
        Rule::op_greater_equal => BinaryOp::GreaterEqual,
        Rule::op_in => BinaryOp::In,
        Rule::op_add => BinaryOp::Add,
        Rule::op_subtract => BinaryOp::Subtract,
        Rule::op_multiply => BinaryOp::Multiply,
        Rule::op_divide => BinaryOp::Divide,
        Rule::op_remainder => BinaryOp::Remainder,
        _ => BinaryOp::Coalesce,
    }
}
