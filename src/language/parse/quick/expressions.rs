//! Expressions: operators by how tightly they bind, everything else as the grammar has it.

use super::super::scan::Kind;
use super::{Reader, constant, one_more};
use crate::diagnostics::Span;
use crate::language::ast::*;
use crate::value::{Number, Text};

/// How tightly prefixes and comparisons bind; see [`precedence`].
const NOT: u8 = 3;
const COMPARES: u8 = 4;
const NEGATE: u8 = 8;

impl Reader<'_> {
    pub(super) fn body(&mut self) -> Option<Body> {
        let mut lets = vec![];
        while self.sees_word("let") {
            lets.push(self.let_()?);
        }
        Some(Body { lets, value: self.expr()? })
    }

    pub(super) fn let_(&mut self) -> Option<Let> {
        let start = self.here()?;
        self.want_word("let")?;
        let name = self.name()?;
        let ty = if self.eat(":") { Some(self.type_()?) } else { None };
        self.want("=")?;
        let value = self.expr()?;
        Some(Let { name, ty, value, span: self.since(start) })
    }

    pub(super) fn expr(&mut self) -> Option<Expr> {
        self.nested(|reader| {
            reader.counted(|reader, joins| {
                let mut value = reader.choice()?;
                while let Some(token) = reader.token().filter(|_| reader.sees_word("catch")) {
                    reader.at += 1;
                    one_more(joins)?;
                    value = binary(BinaryOp::Catch, reader.place(token), value, reader.choice()?);
                }
                Some(value)
            })
        })
    }

    fn choice(&mut self) -> Option<Expr> {
        let token = self.token()?;
        let read = match self.str(token) {
            _ if token.kind != Kind::Word => None,
            "if" => Some(Self::if_ as fn(&mut Self) -> Option<ExprKind>),
            "match" => Some(Self::match_ as fn(&mut Self) -> Option<ExprKind>),
            "for" => Some(Self::for_ as fn(&mut Self) -> Option<ExprKind>),
            _ => None,
        };
        let Some(read) = read else { return self.operation() };
        let kind = self.nested(|reader| {
            reader.counted(|reader, own| {
                *own = 1;
                reader.at += 1;
                read(reader)
            })
        })?;
        Some(Expr { kind, span: self.since(token.start) })
    }

    fn if_(&mut self) -> Option<ExprKind> {
        let condition = Box::new(self.operation()?);
        self.want_word("then")?;
        let then = Box::new(self.expr()?);
        self.want_word("else")?;
        Some(ExprKind::If { condition, then, otherwise: Box::new(self.expr()?) })
    }

    fn match_(&mut self) -> Option<ExprKind> {
        let subject = if self.sees("{") { None } else { Some(Box::new(self.operation()?)) };
        self.want("{")?;
        let (mut arms, mut otherwise) = (vec![], None);
        while !self.eat("}") {
            if self.eat_word("else") {
                self.want("=>")?;
                otherwise = Some(Box::new(self.expr()?));
                self.eat(",");
                self.want("}")?;
                break;
            }
            let mut values = vec![self.operation()?];
            while self.eat(",") {
                values.push(self.operation()?);
            }
            self.want("=>")?;
            arms.push(Arm { values, result: self.expr()? });
            self.eat(",");
        }
        Some(ExprKind::Match { subject, arms, otherwise })
    }

    fn for_(&mut self) -> Option<ExprKind> {
        let item = self.name()?;
        let index = if self.eat(",") { Some(self.name()?) } else { None };
        self.want_word("in")?;
        let list = Box::new(self.operation()?);
        let condition = if self.eat_word("where") { Some(Box::new(self.operation()?)) } else { None };
        let body = Box::new(if self.eat("=>") { self.expr()? } else { self.record()? });
        Some(ExprKind::For { item, index, list, condition, body })
    }

    fn operation(&mut self) -> Option<Expr> {
        self.counted(|reader, operators| reader.climb(0, operators))
    }

    /// Operands with the operators between them that bind more tightly than `least`.
    fn climb(&mut self, least: u8, operators: &mut usize) -> Option<Expr> {
        let mut left = self.operand(operators)?;
        while let Some((op, binds)) = self.infix().filter(|(_, binds)| *binds > least) {
            let op_span = self.place(self.token()?);
            self.at += 1;
            one_more(operators)?;
            let right = self.climb(binds, operators)?;
            // `a == not b` and `a < b < c` are the grammar's to put into words.
            let logic = matches!(op, BinaryOp::Or | BinaryOp::And);
            let chained =
                binds == COMPARES && matches!(&left.kind, ExprKind::Binary { op, .. } if precedence(*op) == COMPARES);
            if !logic && (chained || matches!(right.kind, ExprKind::Not(_))) {
                return None;
            }
            left = binary(op, op_span, left, right);
        }
        Some(left)
    }

    fn operand(&mut self, operators: &mut usize) -> Option<Expr> {
        let token = self.token()?;
        let not = self.sees_word("not");
        if !not && !self.sees("-") {
            return self.chain();
        }
        self.at += 1;
        one_more(operators)?;
        let value = self.nested(|reader| reader.climb(if not { NOT } else { NEGATE }, operators))?;
        let span = self.place(token).to(value.span);
        match (not, &value.kind) {
            (true, _) => Some(Expr { kind: ExprKind::Not(Box::new(value)), span }),
            (false, ExprKind::Not(_)) => None,
            (false, _) => Some(Expr { kind: ExprKind::Negate(Box::new(value)), span }),
        }
    }

    fn infix(&self) -> Option<(BinaryOp, u8)> {
        let token = self.token()?;
        let op = match (token.kind, self.str(token)) {
            (Kind::Word, "or") => BinaryOp::Or,
            (Kind::Word, "and") => BinaryOp::And,
            (Kind::Word, "in") => BinaryOp::In,
            (Kind::Punct, "==") => BinaryOp::Equal,
            (Kind::Punct, "!=") => BinaryOp::NotEqual,
            (Kind::Punct, "<") => BinaryOp::Less,
            (Kind::Punct, "<=") => BinaryOp::LessEqual,
            (Kind::Punct, ">") => BinaryOp::Greater,
            (Kind::Punct, ">=") => BinaryOp::GreaterEqual,
            (Kind::Punct, "??") => BinaryOp::Coalesce,
            (Kind::Punct, "+") => BinaryOp::Add,
            (Kind::Punct, "-") => BinaryOp::Subtract,
            (Kind::Punct, "*") => BinaryOp::Multiply,
            (Kind::Punct, "/") => BinaryOp::Divide,
            (Kind::Punct, "%") => BinaryOp::Remainder,
            _ => return None,
        };
        Some((op, precedence(op)))
    }

    /// A value with its steps: `.field`, `.f(x)`, and directly behind either `[…]` and `?`.
    fn chain(&mut self) -> Option<Expr> {
        self.counted(|reader, steps| {
            *steps = 1;
            let (value, literal) = reader.primary()?;
            if literal && reader.sees("?") && reader.touches() {
                return None;
            }
            let mut value = reader.tails(value, true, steps)?;
            while reader.eat(".") {
                if !reader.touches() {
                    return None;
                }
                one_more(steps)?;
                let (base, name) = (Box::new(value), reader.word()?);
                let start = base.span;
                value = if reader.sees("(") && reader.touches() {
                    let (args, end) = reader.args()?;
                    Expr { kind: ExprKind::MethodCall { base, name, args, maybe: false }, span: start.to(end) }
                } else {
                    let span = start.to(name.span);
                    Expr { kind: ExprKind::Field { base, name, maybe: false }, span }
                };
                value = reader.tails(value, false, steps)?;
            }
            Some(value)
        })
    }

    /// `direct`: behind a primary without a step.
    fn tails(&mut self, mut value: Expr, mut direct: bool, steps: &mut usize) -> Option<Expr> {
        while self.touches() {
            let token = self.token()?;
            if self.sees("[") {
                self.at += 1;
                let mut index = vec![self.expr()?];
                while self.eat(",") {
                    index.push(self.expr()?);
                }
                self.want("]")?;
                let span = value.span.to(self.since(token.start));
                value = Expr { kind: ExprKind::Index { base: Box::new(value), index, maybe: false }, span };
            } else if self.eat("?") {
                let span = value.span.to(self.place(token));
                match &mut value.kind {
                    ExprKind::Field { maybe, .. }
                    | ExprKind::MethodCall { maybe, .. }
                    | ExprKind::Index { maybe, .. }
                        if !direct =>
                    {
                        *maybe = true;
                        value.span = span;
                    }
                    _ => value = Expr { kind: ExprKind::Maybe(Box::new(value)), span },
                }
            } else {
                break;
            }
            one_more(steps)?;
            direct = false;
        }
        Some(value)
    }

    /// A value, and whether it is written out.
    fn primary(&mut self) -> Option<(Expr, bool)> {
        let token = self.token()?;
        let (kind, literal) = match (token.kind, self.str(token)) {
            (Kind::Text | Kind::Head, _) => (self.text(true)?, true),
            (Kind::Number, _) => (ExprKind::Number(self.number()?), true),
            (Kind::Word, "fail") => {
                self.at += 1;
                if !self.touches() {
                    return None;
                }
                (ExprKind::Fail(Box::new(self.parenthesized()?)), false)
            }
            (Kind::Word, word) => match constant(word) {
                Some(value) => {
                    self.at += 1;
                    (value, true)
                }
                None => (self.named()?, false),
            },
            (Kind::Punct, "(") => (ExprKind::Paren(Box::new(self.parenthesized()?)), false),
            (Kind::Punct, "[") => {
                self.at += 1;
                let mut items = vec![];
                while !self.eat("]") {
                    items.push(self.expr()?);
                    if !self.eat(",") {
                        self.want("]")?;
                        break;
                    }
                }
                (ExprKind::List(items), false)
            }
            (Kind::Punct, "{") => (ExprKind::Record(self.entries()?), false),
            _ => return None,
        };
        Some((Expr { kind, span: self.since(token.start) }, literal))
    }

    pub(super) fn number(&mut self) -> Option<Number> {
        let token = self.take(Kind::Number)?;
        let written = self.str(token);
        Some(Number::from_json(match written.contains('_') {
            true => Text::from(written.replace('_', "")),
            false => self.slice(token.start, token.end),
        }))
    }

    fn named(&mut self) -> Option<ExprKind> {
        let name = self.name()?;
        if self.sees("(") && self.touches() {
            let (args, _) = self.args()?;
            return Some(ExprKind::Call { name, args });
        }
        Some(ExprKind::Name(name.text))
    }

    fn parenthesized(&mut self) -> Option<Expr> {
        self.want("(")?;
        let value = self.expr()?;
        self.want(")")?;
        Some(value)
    }

    fn args(&mut self) -> Option<(Vec<Arg>, Span)> {
        let start = self.here()?;
        self.want("(")?;
        let mut args = vec![];
        while !self.eat(")") {
            args.push(self.arg()?);
            if !self.eat(",") {
                self.want(")")?;
                break;
            }
        }
        Some((args, self.since(start)))
    }

    fn arg(&mut self) -> Option<Arg> {
        let start = self.here()?;
        let params = if self.sees_name(self.at) && self.is(self.at + 1, Kind::Punct, "=>") {
            vec![self.name()?]
        } else if self.sees_names() {
            self.at += 1;
            let mut names = vec![self.name()?];
            while self.eat(",") {
                names.push(self.name()?);
            }
            self.want(")")?;
            names
        } else {
            return Some(Arg::Value(self.expr()?));
        };
        self.want("=>")?;
        let body = Box::new(self.expr()?);
        Some(Arg::Lambda(Lambda { params, body, span: self.since(start) }))
    }

    /// Whether `(a, b) =>` is next.
    fn sees_names(&self) -> bool {
        let mut n = self.at;
        let mark = |n: usize, mark: &str| self.is(n, Kind::Punct, mark);
        if !mark(n, "(") {
            return false;
        }
        while self.sees_name(n + 1) {
            n += 2;
            if mark(n, ")") {
                return mark(n + 1, "=>");
            }
            if !mark(n, ",") {
                return false;
            }
        }
        false
    }

    pub(super) fn record(&mut self) -> Option<Expr> {
        let start = self.here()?;
        let entries = self.entries()?;
        Some(Expr { kind: ExprKind::Record(entries), span: self.since(start) })
    }

    fn entries(&mut self) -> Option<Vec<Entry>> {
        self.nested(|reader| {
            reader.want("{")?;
            let mut entries = vec![];
            while !reader.eat("}") {
                entries.push(reader.entry()?);
                reader.eat(",");
            }
            Some(entries)
        })
    }

    fn entry(&mut self) -> Option<Entry> {
        let start = self.here()?;
        if self.sees_word("let") {
            return self.let_().map(Entry::Let);
        }
        if self.sees_word("if") {
            return self.if_entry();
        }
        if self.eat_word("require") {
            let condition = self.expr()?;
            self.want_word("else")?;
            let message = self.expr()?;
            return Some(Entry::Require { condition, message, span: self.since(start) });
        }
        if self.eat("...") {
            let value = self.expr()?;
            return Some(Entry::Spread { value, span: self.since(start) });
        }
        let mut target = vec![self.name_or_quoted()?];
        while self.eat(".") {
            target.push(if self.kind() == Some(Kind::Text) { self.quoted()? } else { self.word()? });
        }
        self.want("=")?;
        let value = self.expr()?;
        Some(Entry::Assign { target, value, span: self.since(start) })
    }

    fn if_entry(&mut self) -> Option<Entry> {
        let start = self.here()?;
        self.nested(|reader| {
            reader.counted(|reader, own| {
                *own = 1;
                reader.want_word("if")?;
                let condition = reader.operation()?;
                let then = reader.entries()?;
                let otherwise = match reader.eat_word("else") {
                    true if reader.sees_word("if") => vec![reader.if_entry()?],
                    true => reader.entries()?,
                    false => vec![],
                };
                Some(Entry::If { condition, then, otherwise, span: reader.since(start) })
            })
        })
    }
}

fn binary(op: BinaryOp, op_span: Span, left: Expr, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    Expr { kind: ExprKind::Binary { op, op_span, left: Box::new(left), right: Box::new(right) }, span }
}

/// How tightly an operator binds; `not` stands between `and` and comparisons, a sign before all.
fn precedence(op: BinaryOp) -> u8 {
    use BinaryOp::*;
    match op {
        Catch => 0,
        Or => 1,
        And => 2,
        Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual | In => COMPARES,
        Coalesce => 5,
        Add | Subtract => 6,
        Multiply | Divide | Remainder => 7,
    }
}
