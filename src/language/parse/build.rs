//! Pairs of the grammar → tree. What the grammar lets through and the language does not (chained comparisons, `not`
//! inside arithmetic, too deep a tree) is found here; a finding leaves a placeholder behind and building goes on.

use super::{Failure, Rule, docs};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::language::SourceText;
use crate::language::ast::*;
use crate::value::{Number, Text};
use pest::iterators::Pair;
use pest::pratt_parser::{Assoc, Op, PrattParser};
use std::sync::LazyLock;

/// Deepest tree that is built, long chains (`a + b + …`, `a.b.c…`) included: whoever walks the tree may recurse.
pub(super) const MAX_DEPTH: usize = 256;

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

/// Builds from one parsed input.
pub(super) struct Builder<'s> {
    source: &'s SourceText,
    /// Where the parsed input begins in the source's text.
    offset: usize,
    depth: usize,
    pub findings: Vec<Failure>,
}

impl<'s> Builder<'s> {
    pub fn new(source: &'s SourceText, offset: usize) -> Builder<'s> {
        Builder { source, offset, depth: 0, findings: vec![] }
    }

    // ---- places and texts

    fn place(&self, start: usize, end: usize) -> Span {
        self.source.span(self.offset + start, self.offset + end)
    }

    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let (start, end) = bounds(pair);
        self.place(start, end)
    }

    fn slice(&self, start: usize, end: usize) -> Text {
        Text::slice(&self.source.text, self.offset + start, self.offset + end)
    }

    fn word(&self, pair: &Pair<'_, Rule>) -> Text {
        let span = pair.as_span();
        self.slice(span.start(), span.end())
    }

    fn finding(&mut self, at: &Pair<'_, Rule>, diagnostic: Diagnostic) {
        let start = self.offset + at.as_span().start();
        self.findings.push(Failure { at: start, diagnostic });
    }

    /// Goes `by` levels down for what `build` does; too deep is a finding and gives a placeholder.
    fn down(&mut self, by: usize, pair: &Pair<'_, Rule>, build: impl FnOnce(&mut Self) -> Expr) -> Expr {
        if self.depth + by > MAX_DEPTH {
            let span = self.span(pair);
            let text = "this expression is too long: more than 256 steps and operators hang on one another";
            let finding = Diagnostic::error(Code::F0102, text, span).help("name its parts with `let`");
            self.finding(pair, finding);
            return Expr { kind: ExprKind::Missing, span };
        }
        self.depth += by;
        let built = build(self);
        self.depth -= by;
        built
    }

    /// A part that recovery looks at: only for its findings.
    pub fn part(&mut self, pair: Pair<'_, Rule>) {
        match pair.as_rule() {
            Rule::body => drop(self.body(pair)),
            Rule::let_ | Rule::require | Rule::if_entry | Rule::spread | Rule::set => drop(self.entry(pair)),
            Rule::arm => drop(self.arm(pair)),
            Rule::row => drop(self.row(pair)),
            Rule::else_arm | Rule::else_row => Parts::of(pair).for_each(|part| match part.as_rule() {
                Rule::outcome => drop(self.outcome(part)),
                _ => drop(self.expr(part)),
            }),
            _ => self.definition(pair, &mut File::default()),
        }
    }

    pub fn signature<'i>(&mut self, parts: impl Iterator<Item = Pair<'i, Rule>>) -> Option<Signature> {
        let mut parts = parts.filter(|part| !is_mark(part.as_rule())).peekable();
        let name = parts.next_if(|part| part.as_rule() == Rule::name).map(|name| self.name(&name));
        Some(Signature { name, params: self.params(parts.next()?), result: self.type_(parts.next()?) })
    }

    // ---- definitions

    pub fn definition(&mut self, pair: Pair<'_, Rule>, file: &mut File) {
        let span = self.span(&pair);
        let doc = docs(self.source, self.offset + pair.as_span().start());
        let rule = pair.as_rule();
        let mut parts = Parts::of(pair);
        match rule {
            Rule::import => {
                let path = parts.next().map(|p| self.name(&p));
                let alias = parts.next().map(|p| self.name(&p));
                if let Some(path) = path {
                    file.imports.push(Import { path, alias, doc, span });
                }
            }
            Rule::type_def => {
                if let (Some(name), Some(ty)) = (parts.next(), parts.next()) {
                    let (name, ty) = (self.name(&name), self.type_(ty));
                    file.definitions.push(Definition::Type(TypeDef { name, doc, ty, span }));
                }
            }
            Rule::table => {
                if let (Some(name), Some(keys), Some(value), Some(rows)) =
                    (parts.next(), parts.next(), parts.next(), parts.next())
                {
                    let name = self.name(&name);
                    let keys = Parts::of(keys).map(|p| self.type_(p)).collect();
                    let value = self.type_(value);
                    if let Some(rows) = self.rows(rows) {
                        file.definitions.push(Definition::Table(TableDef { name, doc, keys, value, rows, span }));
                    }
                }
            }
            Rule::function | Rule::mapping => {
                if let (Some(name), Some(params), Some(result), Some(body)) =
                    (parts.next(), parts.next(), parts.next(), parts.next())
                {
                    let (name, params, result) = (self.name(&name), self.params(params), self.type_(result));
                    let is_mapping = rule == Rule::mapping;
                    let body = match is_mapping {
                        true => Body { lets: vec![], value: self.record(body) },
                        false => self.body(body),
                    };
                    let function = FunctionDef { name, doc, params, result, body, is_mapping, span };
                    file.definitions.push(Definition::Function(function));
                }
            }
            _ => {}
        }
    }

    fn params(&mut self, pair: Pair<'_, Rule>) -> Vec<Param> {
        let mut params = vec![];
        for param in Parts::of(pair) {
            let mut parts = Parts::of(param);
            if let (Some(name), Some(ty)) = (parts.next(), parts.next()) {
                params.push(Param { name: self.name(&name), ty: self.type_(ty) });
            }
        }
        params
    }

    fn rows(&mut self, pair: Pair<'_, Rule>) -> Option<Rows> {
        let is_csv = pair.as_rule() == Rule::csv;
        let mut parts = Parts::of(pair);
        if is_csv {
            let path = self.name(&parts.next()?);
            return Some(Rows::Csv { path, otherwise: self.outcome(parts.next()?) });
        }
        let mut rows = vec![];
        for part in parts {
            match part.as_rule() {
                Rule::else_row => {
                    let otherwise = self.outcome(Parts::of(part).next()?);
                    return Some(Rows::Inline { rows, otherwise });
                }
                _ => rows.extend(self.row(part)),
            }
        }
        None
    }

    fn row(&mut self, pair: Pair<'_, Rule>) -> Option<Row> {
        let mut keys = vec![];
        for part in Parts::of(pair) {
            match part.as_rule() {
                Rule::constant => keys.push(self.constant(part)),
                _ => return Some(Row { keys, value: self.expr(part) }),
            }
        }
        None
    }

    fn constant(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let mut negative = false;
        let mut value = Expr { kind: ExprKind::Missing, span };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::op_negate => negative = true,
                _ => value = self.primary_value(part),
            }
        }
        match negative {
            true => Expr { kind: ExprKind::Negate(Box::new(value)), span },
            false => value,
        }
    }

    fn outcome(&mut self, pair: Pair<'_, Rule>) -> Outcome {
        let span = self.span(&pair);
        match Parts::of(pair).next() {
            Some(value) => Outcome::Value(self.expr(value)),
            None => Outcome::Fail(span),
        }
    }

    // ---- types

    pub fn type_(&mut self, pair: Pair<'_, Rule>) -> TypeExpr {
        let span = self.span(&pair);
        let mut kind = TypeExprKind::Named(Text::from(""));
        let mut optional = false;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::question => optional = true,
                Rule::type_name => kind = TypeExprKind::Named(self.word(&part)),
                Rule::generic => {
                    let mut parts = Parts::of(part);
                    if let (Some(name), Some(of)) = (parts.next(), parts.next()) {
                        kind = TypeExprKind::Generic(self.name(&name), Box::new(self.type_(of)));
                    }
                }
                Rule::shape => {
                    let fields = Parts::of(part).filter_map(|field| self.shape_field(field)).collect();
                    kind = TypeExprKind::Shape(fields);
                }
                _ => {}
            }
        }
        TypeExpr { kind, optional, span }
    }

    fn shape_field(&mut self, pair: Pair<'_, Rule>) -> Option<(Name, TypeExpr)> {
        let mut parts = Parts::of(pair);
        Some((self.name(&parts.next()?), self.type_(parts.next()?)))
    }

    // ---- bodies

    pub fn body(&mut self, pair: Pair<'_, Rule>) -> Body {
        let mut body = Body { lets: vec![], value: Expr { kind: ExprKind::Missing, span: self.span(&pair) } };
        for part in Parts::of(pair) {
            match part.as_rule() {
                Rule::let_ => body.lets.extend(self.let_(part)),
                _ => body.value = self.expr(part),
            }
        }
        body
    }

    fn let_(&mut self, pair: Pair<'_, Rule>) -> Option<Let> {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let name = self.name(&parts.next()?);
        let mut ty = None;
        let mut value = parts.next()?;
        if value.as_rule() == Rule::type_ {
            ty = Some(self.type_(value));
            value = parts.next()?;
        }
        Some(Let { name, ty, value: self.expr(value), span })
    }

    fn record(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        Expr { kind: ExprKind::Record(self.entries(pair)), span }
    }

    fn entries(&mut self, pair: Pair<'_, Rule>) -> Vec<Entry> {
        Parts::of(pair).filter_map(|entry| self.entry(entry)).collect()
    }

    fn entry(&mut self, pair: Pair<'_, Rule>) -> Option<Entry> {
        let span = self.span(&pair);
        let rule = pair.as_rule();
        if rule == Rule::let_ {
            return self.let_(pair).map(Entry::Let);
        }
        if rule == Rule::if_entry {
            return self.if_entry(pair);
        }
        let mut parts = Parts::of(pair);
        let first = parts.next()?;
        Some(match rule {
            Rule::require => Entry::Require { condition: self.expr(first), message: self.expr(parts.next()?), span },
            Rule::spread => Entry::Spread { value: self.expr(first), span },
            _ => {
                let target = Parts::of(first).map(|part| self.name(&part)).collect();
                Entry::Assign { target, value: self.expr(parts.next()?), span }
            }
        })
    }

    /// A chain of `else if` nests to the right and is as deep as it is long: the scan has bounded it.
    fn if_entry(&mut self, pair: Pair<'_, Rule>) -> Option<Entry> {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        self.depth += 1;
        let condition = self.operation(parts.next()?);
        let then = self.entries(parts.next()?);
        let otherwise = match parts.next() {
            Some(part) if part.as_rule() == Rule::if_entry => self.if_entry(part).into_iter().collect(),
            Some(part) => self.entries(part),
            None => vec![],
        };
        self.depth -= 1;
        Some(Entry::If { condition, then, otherwise, span })
    }

    // ---- expressions

    fn expr(&mut self, pair: Pair<'_, Rule>) -> Expr {
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

    fn arm(&mut self, pair: Pair<'_, Rule>) -> Option<Arm> {
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

    fn operation(&mut self, pair: Pair<'_, Rule>) -> Expr {
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

    fn primary_value(&mut self, pair: Pair<'_, Rule>) -> Expr {
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
    fn inside(&mut self, paren: Pair<'_, Rule>) -> Expr {
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

    // ---- words, numbers, texts

    /// A name, or a quoted one without its quotes.
    fn name(&mut self, pair: &Pair<'_, Rule>) -> Name {
        let span = self.span(pair);
        let text = match pair.as_rule() {
            Rule::raw => self.raw(pair),
            Rule::plain => match self.text(pair.clone()) {
                ExprKind::Text(text) => text,
                _ => Text::from(""),
            },
            _ => self.word(pair),
        };
        Name { text, span }
    }

    fn number(&self, pair: &Pair<'_, Rule>) -> Number {
        match pair.as_str().contains('_') {
            true => Number::from_json(Text::from(pair.as_str().replace('_', ""))),
            false => Number::from_json(self.word(pair)),
        }
    }

    fn raw(&self, pair: &Pair<'_, Rule>) -> Text {
        let span = pair.as_span();
        match pair.as_str().get(1..pair.as_str().len().saturating_sub(1)) {
            Some(inner) if inner.contains('\'') => Text::from(inner.replace("''", "'")),
            Some(_) => self.slice(span.start() + 1, span.end() - 1),
            None => Text::from(""),
        }
    }

    /// The inside of a `"…"` or of a text slot.
    pub fn text(&mut self, pair: Pair<'_, Rule>) -> ExprKind {
        let mut pieces = vec![];
        let mut plain = vec![];
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::chars | Rule::slot_chars => plain.push(self.word(&part)),
                Rule::escape => plain.push(self.escape(&part)),
                Rule::hole => {
                    pieces.extend(joined(&mut plain).map(Piece::Plain));
                    let hole = self.inside(part);
                    pieces.push(Piece::Hole(hole));
                }
                _ => {}
            }
        }
        let last = joined(&mut plain);
        if pieces.is_empty() {
            return ExprKind::Text(last.unwrap_or_else(|| Text::from("")));
        }
        pieces.extend(last.map(Piece::Plain));
        ExprKind::Template(pieces)
    }

    fn escape(&mut self, pair: &Pair<'_, Rule>) -> Text {
        let written = pair.as_str().get(1..).unwrap_or("");
        match written {
            "n" => Text::from("\n"),
            "t" => Text::from("\t"),
            "r" => Text::from("\r"),
            _ => match written.strip_prefix("u{").and_then(|hex| hex.strip_suffix('}')) {
                None => Text::from(written),
                Some(hex) => match u32::from_str_radix(hex, 16).ok().and_then(char::from_u32) {
                    Some(c) => Text::from(c.to_string()),
                    None => {
                        let text = format!("there is no character U+{}", hex.to_uppercase());
                        let finding = Diagnostic::error(Code::F0104, text, self.span(pair))
                            .help("characters go up to U+10FFFF, without the surrogates D800 to DFFF");
                        self.finding(pair, finding);
                        Text::from("")
                    }
                },
            },
        }
    }
}

/// The children of a pair that carry meaning: without keywords and punctuation.
struct Parts<'i>(pest::iterators::Pairs<'i, Rule>);

impl<'i> Parts<'i> {
    fn of(pair: Pair<'i, Rule>) -> Parts<'i> {
        Parts(pair.into_inner())
    }
}

impl<'i> Iterator for Parts<'i> {
    type Item = Pair<'i, Rule>;

    fn next(&mut self) -> Option<Pair<'i, Rule>> {
        self.0.by_ref().find(|part| !is_mark(part.as_rule()))
    }
}

/// Keywords and punctuation. Operators are told apart by whoever reads them, but for the `in` of a `for` and signs.
fn is_mark(rule: Rule) -> bool {
    use Rule::*;
    matches!(
        rule,
        kw_use
            | kw_as
            | kw_from
            | kw_type
            | kw_table
            | kw_fn
            | kw_mapping
            | kw_let
            | kw_require
            | kw_if
            | kw_then
            | kw_else
            | kw_match
            | kw_for
            | kw_where
            | kw_fail
            | op_in
            | assign
            | arrow
            | gives
            | colon
            | comma
            | dot
            | dots
            | open_paren
            | close_paren
            | open_bracket
            | close_bracket
            | open_brace
            | close_brace
            | open_angle
            | close_angle
            | close_text
            | EOI
    )
}

/// Start and end without the white space and comments that a rule with an optional end swallows.
fn bounds(pair: &Pair<'_, Rule>) -> (usize, usize) {
    let mut last = pair.clone();
    while let Some(inner) = last.clone().into_inner().next_back() {
        last = inner;
    }
    (pair.as_span().start(), last.as_span().end())
}

/// The parts of a text up to a hole as one; `None` where there is nothing.
fn joined(plain: &mut Vec<Text>) -> Option<Text> {
    match plain.len() {
        0 | 1 => plain.pop(),
        _ => Some(Text::from(plain.drain(..).map(|text| text.to_string()).collect::<String>())),
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
