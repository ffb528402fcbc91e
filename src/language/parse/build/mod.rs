//! Pairs of the grammar → tree. What the grammar lets through and the language does not (chained comparisons, `not`
//! inside arithmetic, too deep a tree) is found here; a finding leaves a placeholder behind and building goes on.

mod expressions;
mod words;

use super::{Failure, Rule, docs};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::language::SourceText;
use crate::language::ast::*;
use crate::value::Text;
use pest::iterators::Pair;

/// Deepest tree that is built, long chains (`a + b + …`, `a.b.c…`) included: whoever walks the tree may recurse.
pub(super) const MAX_DEPTH: usize = 256;

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
            self.finding(pair, too_long(span));
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
                _ => return Some(Row { keys, value: self.outcome(part) }),
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
}

pub(super) fn too_long(span: Span) -> Diagnostic {
    let text = "this expression is too long: more than 256 steps and operators hang on one another";
    Diagnostic::error(Code::F0102, text, span).help("name its parts with `let`")
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
    let start = pair.as_span().start();
    let text = pair.as_str().trim_end();
    let last_line = text.rfind('\n').and_then(|newline| text.get(newline..)).unwrap_or(text);
    if !last_line.contains("//") {
        return (start, start + text.len());
    }
    let mut last = pair.clone();
    while let Some(inner) = last.clone().into_inner().next_back() {
        last = inner;
    }
    (start, last.as_span().end())
}
