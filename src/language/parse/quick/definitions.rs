//! Definitions of a file, and types.

use super::super::docs;
use super::super::scan::Kind;
use super::{Reader, constant};
use crate::language::ast::*;

impl Reader<'_> {
    pub(super) fn definition(&mut self, file: &mut File) -> Option<()> {
        let token = self.token()?;
        let doc = docs(self.source, token.start);
        let word = if token.kind == Kind::Word { self.str(token) } else { "" };
        self.at += 1;
        match word {
            "use" => {
                let path = self.quoted()?;
                let alias = if self.eat_word("as") { Some(self.name()?) } else { None };
                file.imports.push(Import { path, alias, doc, span: self.since(token.start) });
                return Some(());
            }
            "type" => {
                let name = self.name()?;
                self.want("=")?;
                let ty = self.type_()?;
                file.definitions.push(Definition::Type(TypeDef { name, doc, ty, span: self.since(token.start) }));
            }
            "table" => {
                let name = self.name()?;
                self.want(":")?;
                let keys = self.keys()?;
                self.want("->")?;
                let value = self.type_()?;
                let rows = if self.sees_word("from") { self.csv()? } else { self.inline()? };
                let span = self.since(token.start);
                file.definitions.push(Definition::Table(TableDef { name, doc, keys, value, rows, span }));
            }
            "fn" | "mapping" => {
                let is_mapping = word == "mapping";
                let (name, params) = (self.name()?, self.params()?);
                self.want("->")?;
                let result = self.type_()?;
                let body = if is_mapping {
                    Body { lets: vec![], value: self.record()? }
                } else {
                    self.want("=")?;
                    self.body()?
                };
                let span = self.since(token.start);
                let function = FunctionDef { name, doc, params, result, body, is_mapping, span };
                file.definitions.push(Definition::Function(function));
            }
            _ => return None,
        }
        Some(())
    }

    fn params(&mut self) -> Option<Vec<Param>> {
        self.want("(")?;
        let mut params = vec![];
        while !self.eat(")") {
            let name = self.name()?;
            self.want(":")?;
            params.push(Param { name, ty: self.type_()? });
            if !self.eat(",") {
                self.want(")")?;
                break;
            }
        }
        Some(params)
    }

    fn keys(&mut self) -> Option<Vec<TypeExpr>> {
        if !self.eat("(") {
            return Some(vec![self.type_()?]);
        }
        let mut keys = vec![self.type_()?];
        while self.eat(",") {
            keys.push(self.type_()?);
        }
        self.want(")")?;
        (keys.len() > 1).then_some(keys)
    }

    fn csv(&mut self) -> Option<Rows> {
        self.want_word("from")?;
        let path = self.quoted()?;
        self.want_word("else")?;
        Some(Rows::Csv { path, otherwise: self.outcome()? })
    }

    fn inline(&mut self) -> Option<Rows> {
        self.want("{")?;
        let mut rows = vec![];
        while !self.sees_word("else") {
            let mut keys = vec![self.key()?];
            while self.eat(",") {
                keys.push(self.key()?);
            }
            self.want("=>")?;
            rows.push(Row { keys, value: self.outcome()? });
            self.eat(",");
        }
        self.want_word("else")?;
        self.want("=>")?;
        let otherwise = self.outcome()?;
        self.eat(",");
        self.want("}")?;
        Some(Rows::Inline { rows, otherwise })
    }

    /// A constant: the key of a row.
    fn key(&mut self) -> Option<Expr> {
        let token = self.token()?;
        let negative = self.eat("-");
        let kind = match self.kind()? {
            Kind::Number => ExprKind::Number(self.number()?),
            Kind::Text if !negative => ExprKind::Text(self.quoted()?.text),
            Kind::Word if !negative => {
                self.at += 1;
                constant(self.str(token))?
            }
            _ => return None,
        };
        let last = self.tokens.get(self.at.checked_sub(1)?)?;
        let value = Expr { kind, span: self.place(*last) };
        let span = self.since(token.start);
        Some(match negative {
            true => Expr { kind: ExprKind::Negate(Box::new(value)), span },
            false => value,
        })
    }

    fn outcome(&mut self) -> Option<Outcome> {
        let token = self.token()?;
        if self.sees_word("fail") && !self.is(self.at + 1, Kind::Punct, "(") {
            self.at += 1;
            return Some(Outcome::Fail(self.place(token)));
        }
        Some(Outcome::Value(self.expr()?))
    }

    pub(super) fn type_(&mut self) -> Option<TypeExpr> {
        let start = self.here()?;
        let kind = self.nested(|reader| match reader.eat("{") {
            true => reader.shape(),
            false => reader.type_name(),
        })?;
        let optional = self.eat("?");
        Some(TypeExpr { kind, optional, span: self.since(start) })
    }

    fn shape(&mut self) -> Option<TypeExprKind> {
        let mut fields = vec![];
        while !self.eat("}") {
            let name = self.name_or_quoted()?;
            self.want(":")?;
            fields.push((name, self.type_()?));
            self.eat(",");
        }
        Some(TypeExprKind::Shape(fields))
    }

    fn type_name(&mut self) -> Option<TypeExprKind> {
        let start = self.here()?;
        let name = self.name()?;
        if self.eat("<") {
            let of = Box::new(self.type_()?);
            self.want(">")?;
            return Some(TypeExprKind::Generic(name, of));
        }
        let mut end = start + name.text.len();
        while self.sees(".") {
            if !self.touches() {
                return None;
            }
            self.at += 1;
            if !self.touches() {
                return None;
            }
            end = self.take(Kind::Word)?.end;
        }
        Some(TypeExprKind::Named(self.slice(start, end)))
    }
}
