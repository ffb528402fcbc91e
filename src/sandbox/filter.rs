//! `$filter` as Finance & Operations and Dataverse read it: parsed to a tree, evaluated by each column's type.
//!
//! Known: `eq ne gt ge lt le and or not`, parentheses, `contains startswith endswith`, the wildcard `'*x*'` with `eq`,
//! typed enum literals (only `eq` and `ne`). Refused with the reason, as the real one does: `in`, `has`, lambdas,
//! unknown columns, a literal that does not fit its column. Dataverse knows null, GUIDs without quotes and days, and no
//! wildcards.

use crate::language::types::{Form, Kind, RecordType, Type};
use crate::value::{Number, Record, Text, Value, time};
use std::cmp::Ordering;

/// Whose filters they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Finops,
    Dataverse,
}

/// A parsed filter.
#[derive(Debug, PartialEq)]
pub enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare { column: String, op: Op, literal: Literal },
    Function { function: Function, column: String, text: String },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Text(String),
    Number(String),
    Time(String),
    Bool(bool),
    Null,
    /// Without quotes.
    Guid(String),
    /// `Namespace.Type'Member'`.
    Enum(String),
}

/// Reads a filter over rows of `row`. The error is the sentence that stands in the 400.
pub fn parse(text: &str, row: &RecordType) -> Result<Filter, String> {
    parse_as(text, row, Dialect::Finops)
}

/// The same in a dialect.
pub fn parse_as(text: &str, row: &RecordType, dialect: Dialect) -> Result<Filter, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, row, depth: 0, dialect };
    let filter = parser.or()?;
    match parser.peek() {
        None => Ok(filter),
        Some(token) => Err(format!("Syntax error at '{token:?}' in '{text}'.")),
    }
}

impl Filter {
    /// Whether a row meets it. A column that the row lacks counts as its type's empty value, as F&O stores it.
    pub fn holds(&self, row: &Record) -> bool {
        self.holds_in(row, Dialect::Finops)
    }

    /// The same in a dialect: to Dataverse, what is not there is null, which equals nothing else.
    pub fn holds_in(&self, row: &Record, dialect: Dialect) -> bool {
        match self {
            Filter::And(a, b) => a.holds_in(row, dialect) && b.holds_in(row, dialect),
            Filter::Or(a, b) => a.holds_in(row, dialect) || b.holds_in(row, dialect),
            Filter::Not(inner) => !inner.holds_in(row, dialect),
            Filter::Function { function, column, text } => {
                let value = row.get(column).and_then(|v| v.as_text().map(|t| t.to_lowercase())).unwrap_or_default();
                let text = text.to_lowercase();
                match function {
                    Function::Contains => value.contains(&text),
                    Function::StartsWith => value.starts_with(&text),
                    Function::EndsWith => value.ends_with(&text),
                }
            }
            Filter::Compare { column, op, literal } => {
                let value = row.get(column).filter(|value| !value.is_absent());
                match (dialect, literal) {
                    (Dialect::Finops, _) | (_, Literal::Null) => compare(row.get(column), *op, literal, dialect),
                    (Dialect::Dataverse, _) if value.is_none() => *op == Op::Ne,
                    (Dialect::Dataverse, _) => compare(value, *op, literal, dialect),
                }
            }
        }
    }
}

/// Texts compare without regard to case, as the database behind F&O does.
fn compare(value: Option<&Value>, op: Op, literal: &Literal, dialect: Dialect) -> bool {
    let value = value.unwrap_or(&Value::Missing);
    let ordering = match literal {
        Literal::Text(text) | Literal::Enum(text) | Literal::Guid(text) => {
            let value = value.as_text().map(|t| t.to_lowercase()).unwrap_or_default();
            let text = text.to_lowercase();
            if op == Op::Eq && text.contains('*') && dialect == Dialect::Finops {
                return wildcard(&text, &value);
            }
            Some(value.cmp(&text))
        }
        Literal::Number(text) => {
            let literal = Number::from_json(Text::from(text.as_str()));
            match value {
                Value::Number(number) => Some(number.compare(&literal)),
                _ => Some(Number::from(0).compare(&literal)),
            }
        }
        Literal::Time(text) => {
            let instant =
                |text: &str| time::parse_time(text).or_else(|| time::parse_time(&format!("{text}T00:00:00Z")));
            match (value.as_text().and_then(|t| instant(t)), instant(text)) {
                (Some(a), Some(b)) => Some(a.cmp(&b)),
                _ => None,
            }
        }
        Literal::Bool(literal) => match value {
            Value::Bool(value) => Some(value.cmp(literal)),
            _ => Some(false.cmp(literal)),
        },
        Literal::Null => Some(if value.is_absent() { Ordering::Equal } else { Ordering::Greater }),
    };
    match (op, ordering) {
        (_, None) => false,
        (Op::Eq, Some(o)) => o.is_eq(),
        (Op::Ne, Some(o)) => o.is_ne(),
        (Op::Gt, Some(o)) => o.is_gt(),
        (Op::Ge, Some(o)) => o.is_ge(),
        (Op::Lt, Some(o)) => o.is_lt(),
        (Op::Le, Some(o)) => o.is_le(),
    }
}

/// `*paypal*`: each star stands for any text.
fn wildcard(pattern: &str, value: &str) -> bool {
    let parts: Vec<&str> = pattern.split('*').collect();
    let mut rest = value;
    for (n, part) in parts.iter().enumerate() {
        let first = n == 0;
        let last = n + 1 == parts.len();
        if first {
            match rest.strip_prefix(part) {
                Some(after) => rest = after,
                None => return false,
            }
        } else if last {
            return rest.ends_with(part);
        } else {
            match rest.find(part) {
                Some(place) => rest = &rest[place + part.len()..],
                None => return false,
            }
        }
    }
    rest.is_empty()
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Literal(Literal),
    Open,
    Close,
    Comma,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    let mut found = Vec::new();
    while let Some(&c) = chars.get(at) {
        let guid: Option<String> = chars.get(at..at + 36).map(|guid| guid.iter().collect());
        if let Some(guid) = guid.filter(|guid| uuid::Uuid::try_parse(guid).is_ok()) {
            found.push(Token::Literal(Literal::Guid(guid)));
            at += 36;
            continue;
        }
        match c {
            ' ' | '\t' => at += 1,
            '(' => (found.push(Token::Open), at += 1).1,
            ')' => (found.push(Token::Close), at += 1).1,
            ',' => (found.push(Token::Comma), at += 1).1,
            '\'' => found.push(Token::Literal(Literal::Text(quoted(&chars, &mut at)?))),
            '-' | '0'..='9' => {
                let start = at;
                at += 1;
                while chars.get(at).is_some_and(|c| c.is_ascii_alphanumeric() || ".:-+".contains(*c)) {
                    at += 1;
                }
                let word: String = chars[start..at].iter().collect();
                let is_time = word.contains('T') || word.matches('-').count() >= 2;
                found.push(Token::Literal(if is_time { Literal::Time(word) } else { Literal::Number(word) }));
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let start = at;
                while chars.get(at).is_some_and(|c| c.is_ascii_alphanumeric() || "_./".contains(*c)) {
                    at += 1;
                }
                let word: String = chars[start..at].iter().collect();
                if chars.get(at) == Some(&'\'') {
                    if !word.starts_with("Microsoft.Dynamics.DataEntities.") {
                        return Err(format!("Unrecognized type '{word}' in '{text}'."));
                    }
                    found.push(Token::Literal(Literal::Enum(quoted(&chars, &mut at)?)));
                } else {
                    found.push(match word.as_str() {
                        "true" => Token::Literal(Literal::Bool(true)),
                        "false" => Token::Literal(Literal::Bool(false)),
                        "null" => Token::Literal(Literal::Null),
                        _ => Token::Word(word),
                    });
                }
            }
            other => return Err(format!("Syntax error: character '{other}' is not valid in '{text}'.")),
        }
    }
    Ok(found)
}

/// A quoted text from its opening quote; `''` is one quote.
fn quoted(chars: &[char], at: &mut usize) -> Result<String, String> {
    *at += 1;
    let mut text = String::new();
    loop {
        match chars.get(*at) {
            Some('\'') if chars.get(*at + 1) == Some(&'\'') => {
                text.push('\'');
                *at += 2;
            }
            Some('\'') => {
                *at += 1;
                return Ok(text);
            }
            Some(c) => {
                text.push(*c);
                *at += 1;
            }
            None => return Err("There is an unterminated string literal.".into()),
        }
    }
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    row: &'a RecordType,
    depth: usize,
    dialect: Dialect,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.peek().cloned().ok_or("Expression expected, the filter ends here.")?;
        self.at += 1;
        Ok(token)
    }

    fn word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(w)) if w == word);
        self.at += is as usize;
        is
    }

    fn expect(&mut self, token: Token) -> Result<(), String> {
        match self.next()? {
            found if found == token => Ok(()),
            found => Err(format!("Syntax error: {token:?} expected, {found:?} found.")),
        }
    }

    fn or(&mut self) -> Result<Filter, String> {
        let mut left = self.and()?;
        while self.word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Filter, String> {
        let mut left = self.not()?;
        while self.word("and") {
            left = Filter::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > 100 {
            return Err("The node count limit of the filter is exceeded.".into());
        }
        let filter = if self.word("not") { Filter::Not(Box::new(self.not()?)) } else { self.primary()? };
        self.depth -= 1;
        Ok(filter)
    }

    fn primary(&mut self) -> Result<Filter, String> {
        let name = match self.next()? {
            Token::Open => {
                let inner = self.or()?;
                self.expect(Token::Close)?;
                return Ok(inner);
            }
            Token::Word(name) => name,
            other => return Err(format!("Syntax error: a property name expected, {other:?} found.")),
        };
        if self.peek() == Some(&Token::Open) {
            return self.function(&name);
        }
        if name.contains('/') {
            return Err(format!("Lambda and navigation expressions are not supported: '{name}'."));
        }
        let ty = self.column(&name)?;
        let op = match self.next()? {
            Token::Word(op) => match op.as_str() {
                "eq" => Op::Eq,
                "ne" => Op::Ne,
                "gt" => Op::Gt,
                "ge" => Op::Ge,
                "lt" => Op::Lt,
                "le" => Op::Le,
                "in" | "has" => return Err(format!("The operator '{op}' is not supported.")),
                other => return Err(format!("Unknown operator '{other}'.")),
            },
            other => return Err(format!("Syntax error: an operator expected, {other:?} found.")),
        };
        let literal = match self.next()? {
            Token::Literal(literal) => literal,
            other => return Err(format!("Syntax error: a literal expected, {other:?} found.")),
        };
        fits(&name, &ty, op, &literal, self.dialect)?;
        Ok(Filter::Compare { column: name, op, literal })
    }

    fn function(&mut self, name: &str) -> Result<Filter, String> {
        let function = match name {
            "contains" => Function::Contains,
            "startswith" => Function::StartsWith,
            "endswith" => Function::EndsWith,
            other => return Err(format!("An unknown function with name '{other}' was found.")),
        };
        self.expect(Token::Open)?;
        let Token::Word(column) = self.next()? else { return Err(format!("'{name}' needs a property name.")) };
        self.column(&column)?;
        self.expect(Token::Comma)?;
        let Token::Literal(Literal::Text(text)) = self.next()? else { return Err(format!("'{name}' needs a text.")) };
        self.expect(Token::Close)?;
        Ok(Filter::Function { function, column, text })
    }

    fn column(&self, name: &str) -> Result<Type, String> {
        let field = self.row.fields.get(name);
        field.map(|field| field.ty.clone()).ok_or_else(|| {
            let entity = self.row.name.as_deref().unwrap_or("the row");
            format!("Could not find a property named '{name}' on type '{entity}'.")
        })
    }
}

fn fits(column: &str, ty: &Type, op: Op, literal: &Literal, dialect: Dialect) -> Result<(), String> {
    let is_guid = ty.facts.as_ref().is_some_and(|facts| facts.form == Some(Form::Guid));
    let is_enum = ty.facts.as_ref().is_some_and(|facts| !facts.options.is_empty());
    let good = match (&ty.kind, literal) {
        (_, Literal::Null) => true,
        (Kind::Text, Literal::Enum(_)) => is_enum && matches!(op, Op::Eq | Op::Ne),
        (Kind::Text, Literal::Guid(_)) => is_guid,
        (Kind::Text, Literal::Text(_)) => !(is_enum || is_guid && dialect == Dialect::Dataverse),
        (Kind::Date, Literal::Time(text)) if dialect == Dialect::Dataverse => {
            text.len() == 10 && time::parse_date(text).is_some()
        }
        (Kind::Int | Kind::Decimal, Literal::Number(_)) => true,
        (Kind::Date | Kind::Time, Literal::Time(text)) => time::parse_time(text).is_some(),
        (Kind::Bool, Literal::Bool(_)) => true,
        _ => false,
    };
    if good {
        return Ok(());
    }
    Err(format!("A binary operator with incompatible types was detected for '{column}': {ty} and {literal:?}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::types::Facts;
    use std::sync::Arc;

    fn row() -> RecordType {
        let mut status = Type::text();
        status.facts = Some(Arc::new(Facts { options: vec![("Backorder".into(), None)], ..Facts::default() }));
        RecordType::shape([
            ("dataAreaId", Type::text()),
            ("Email", Type::text()),
            ("LineNumber", Type::int()),
            ("Due", Type::date()),
            ("Status", status),
        ])
    }

    fn sample() -> Record {
        let text = r#"{"dataAreaId":"usmf","Email":"o'neil@Example.com","LineNumber":2,"Due":"2026-11-01T12:00:00Z","Status":"Backorder"}"#;
        match crate::value::json::parse(text.as_bytes()) {
            Ok(Value::Record(record)) => record,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn holds(filter: &str) -> bool {
        parse(filter, &row()).unwrap_or_else(|e| panic!("{filter}: {e}")).holds(&sample())
    }

    #[test]
    fn conditions_hold_by_the_columns_type() {
        assert!(holds("dataAreaId eq 'USMF' and Email eq 'o''neil@example.com'"));
        assert!(holds("LineNumber eq 2.0 and not (LineNumber gt 2)"));
        assert!(!holds("LineNumber lt 2 or LineNumber ge 3"));
        assert!(holds("Due eq 2026-11-01T12:00:00Z"));
        assert!(holds("Status eq Microsoft.Dynamics.DataEntities.SalesStatus'Backorder'"));
        assert!(holds("Email eq '*@example*' and startswith(Email, 'O''N')"));
        assert!(holds("Email ne ''"));
    }

    #[test]
    fn what_the_real_one_refuses_is_refused() {
        for (filter, why) in [
            ("Email in ('a','b')", "'in' is not supported"),
            ("Emial eq 'a'", "Could not find a property named 'Emial'"),
            ("LineNumber eq '2'", "incompatible types"),
            ("Status eq 'Backorder'", "incompatible types"),
            ("Status gt Microsoft.Dynamics.DataEntities.SalesStatus'Backorder'", "incompatible types"),
            ("Lines/any(l: l/Qty gt 1)", "is not valid"),
            ("Email eq 'a", "unterminated"),
            ("Email eq 'a' 'b'", "Syntax error"),
            ("tolower(Email) eq 'a'", "unknown function"),
            ("", "Expression expected"),
        ] {
            let error = parse(filter, &row()).expect_err(filter);
            assert!(error.contains(why), "{filter}: {error}");
        }
        assert!(parse(&"not ".repeat(10_000), &row()).is_err());
        assert!(parse(&"(".repeat(10_000), &row()).is_err());
    }
}
