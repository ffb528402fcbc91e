//! Signatures of built-in functions, in their small language (see `functions::Function::signatures`): parsed once, and
//! matched with the types of arguments.

use super::relate;
use super::resolve::built_in;
use crate::language::functions;
use crate::language::types::{Field, Kind, RecordType, Type};
use indexmap::IndexMap;
use std::collections::HashMap;
use std::sync::OnceLock;

/// One overload.
#[derive(Debug)]
pub(super) struct Signature {
    pub params: Vec<(String, Pattern)>,
    pub result: Pattern,
    /// As it is written in the function's file, for messages.
    pub text: &'static str,
}

/// A type with holes.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub shape: Shape,
    pub optional: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// `T U K`, `N`, `O`.
    Variable(char),
    Plain(Type),
    List(Box<Pattern>),
    Map(Box<Pattern>),
    Record(Vec<(String, Pattern)>),
    Lambda(Vec<Pattern>, Box<Pattern>),
    /// `"a" | "b"`.
    Choice(Vec<String>),
    /// `const text`.
    Constant(Type),
}

/// The overloads of a built-in.
pub(super) fn of(function: &'static functions::Function) -> &'static [Signature] {
    static ALL: OnceLock<HashMap<&'static str, Vec<Signature>>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let parsed = |function: &&'static functions::Function| {
            let signatures = function.signatures.iter().filter_map(|text| parse(text)).collect();
            (function.name, signatures)
        };
        functions::ALL.iter().map(parsed).collect()
    });
    all.get(function.name).map_or(&[], Vec::as_slice)
}

/// What variables stand for.
pub(super) type Bindings = HashMap<char, Type>;

/// Why an argument does not match.
pub(super) enum Mismatch {
    Missing,
    Kind,
}

impl Pattern {
    /// Matches a value of type `got`; `top` where it is the argument itself.
    pub fn matches(&self, got: &Type, bound: &mut Bindings, top: bool) -> Result<(), Mismatch> {
        let literal_null = got.kind == Kind::Never && got.null;
        let taken = match &self.shape {
            Shape::Variable(_) => !top,
            // An `any` inside something may be null.
            Shape::Plain(want) => !top && !got.missing && want.kind == Kind::Any,
            _ => false,
        };
        if (got.missing || literal_null) && !self.optional && !taken {
            return Err(Mismatch::Missing);
        }
        let bare = Type { missing: false, null: false, ..got.clone() };
        match &self.shape {
            Shape::Variable(name) => {
                let kept = if self.optional || top { bare } else { got.clone() };
                bind(*name, kept, bound)
            }
            // A local time is never inside `any`.
            Shape::Plain(want) if want.kind == Kind::Local && bare.kind == Kind::Any => Err(Mismatch::Kind),
            Shape::Plain(want) => relate::fits(&bare, want, false).map_err(|_| Mismatch::Kind),
            Shape::Choice(_) | Shape::Constant(_) => match bare.kind {
                Kind::Text | Kind::Never => Ok(()),
                _ => Err(Mismatch::Kind),
            },
            Shape::List(element) => match &bare.kind {
                Kind::List(got) => element.matches(got, bound, false),
                Kind::Any | Kind::Never => element.matches(&Type::new(bare.kind.clone()), bound, false),
                _ => Err(Mismatch::Kind),
            },
            Shape::Map(value) => match &bare.kind {
                Kind::Map(got) => value.matches(got, bound, false),
                Kind::Record(record) => {
                    for field in record.fields.values() {
                        value.matches(&Type { missing: false, ..field.ty.clone() }, bound, false)?;
                    }
                    Ok(())
                }
                Kind::Any | Kind::Never => value.matches(&Type::new(bare.kind.clone()), bound, false),
                _ => Err(Mismatch::Kind),
            },
            Shape::Record(fields) => {
                for (name, pattern) in fields {
                    let ty = match &bare.kind {
                        Kind::Record(record) => match record.fields.get(name.as_str()) {
                            Some(field) => field.ty.clone(),
                            None if pattern.optional => continue,
                            None => return Err(Mismatch::Kind),
                        },
                        Kind::Any | Kind::Never => Type::new(bare.kind.clone()),
                        _ => return Err(Mismatch::Kind),
                    };
                    pattern.matches(&ty, bound, false)?;
                }
                Ok(())
            }
            Shape::Lambda(..) => Err(Mismatch::Kind),
        }
    }

    /// The type with every variable filled in.
    pub fn filled(&self, bound: &Bindings) -> Type {
        let mut ty = match &self.shape {
            // The sum of nothing is 0.
            Shape::Variable('N') if bound.get(&'N').is_none_or(|ty| ty.kind == Kind::Never) => Type::int(),
            Shape::Variable(name) => bound.get(name).cloned().unwrap_or_else(Type::never),
            Shape::Plain(ty) | Shape::Constant(ty) => ty.clone(),
            Shape::List(element) => Type::list(element.filled(bound)),
            Shape::Map(value) => Type::map(value.filled(bound)),
            Shape::Record(fields) => {
                let field =
                    |(name, pattern): &(String, Pattern)| (name.as_str().into(), Field::plain(pattern.filled(bound)));
                let fields: IndexMap<_, _> = fields.iter().map(field).collect();
                Type::record(RecordType { name: None, fields })
            }
            Shape::Choice(_) => Type::text(),
            Shape::Lambda(..) => Type::never(),
        };
        ty.missing |= self.optional;
        ty
    }

    /// Whether it holds no variables, so that it is a wanted type.
    pub fn is_settled(&self) -> bool {
        match &self.shape {
            Shape::Variable(_) | Shape::Lambda(..) => false,
            Shape::List(inner) | Shape::Map(inner) => inner.is_settled(),
            Shape::Record(fields) => fields.iter().all(|(_, pattern)| pattern.is_settled()),
            _ => true,
        }
    }
}

fn bind(name: char, got: Type, bound: &mut Bindings) -> Result<(), Mismatch> {
    use Kind::*;
    let allowed = match name {
        'N' => matches!(got.kind, Int | Decimal | Any | Never),
        'O' => matches!(got.kind, Int | Decimal | Any | Never | Text | Date | Time | Money),
        _ => true,
    };
    if !allowed {
        return Err(Mismatch::Kind);
    }
    if matches!(name, 'N' | 'O') && got.missing {
        return Err(Mismatch::Missing);
    }
    // Among numbers `any` is a number: which, the run will see.
    let got = if name == 'N' && got.kind == Any { Type::decimal() } else { got };
    let joined = match bound.get(&name) {
        Some(earlier) => relate::join(earlier, &got).ok_or(Mismatch::Kind)?,
        None => got,
    };
    bound.insert(name, joined);
    Ok(())
}

impl std::fmt::Display for Pattern {
    /// In the reader's words: `N` is a number, `O` something with an order.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.shape {
            Shape::Variable('N') => f.write_str("int or decimal")?,
            Shape::Variable('O') => f.write_str("number, date, time, money or text")?,
            Shape::Variable(_) => f.write_str("any type")?,
            Shape::Plain(ty) => write!(f, "{ty}")?,
            Shape::Constant(ty) => write!(f, "constant {ty}")?,
            Shape::List(element) => match element.shape {
                Shape::Variable('T' | 'U' | 'K') => f.write_str("list")?,
                _ => write!(f, "list<{element}>")?,
            },
            Shape::Map(value) => match value.shape {
                Shape::Variable('T' | 'U' | 'K') => f.write_str("map")?,
                _ => write!(f, "map<{value}>")?,
            },
            Shape::Record(fields) => {
                let fields: Vec<String> = fields.iter().map(|(name, pattern)| format!("{name}: {pattern}")).collect();
                write!(f, "{{ {} }}", fields.join(", "))?
            }
            Shape::Lambda(params, _) => match params.len() {
                1 => f.write_str("x => …")?,
                _ => f.write_str("(a, b) => …")?,
            },
            Shape::Choice(options) => {
                let options: Vec<String> = options.iter().map(|option| format!("{option:?}")).collect();
                f.write_str(&options.join(" or "))?
            }
        }
        if self.optional { f.write_str("?") } else { Ok(()) }
    }
}

/// Parses one signature. `None` where it is not in the language: a test reads all of them.
pub(super) fn parse(text: &'static str) -> Option<Signature> {
    let mut reader = Reader { rest: text.trim_start() };
    reader.take("(")?;
    let mut params = vec![];
    while !reader.has(")") {
        let name = reader.word()?;
        reader.take(":")?;
        params.push((name.to_string(), reader.pattern()?));
        reader.has(",");
    }
    reader.take("->")?;
    let result = reader.pattern()?;
    reader.rest.is_empty().then_some(Signature { params, result, text })
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn has(&mut self, sign: &str) -> bool {
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn take(&mut self, sign: &str) -> Option<()> {
        self.has(sign).then_some(())
    }

    fn word(&mut self) -> Option<&'t str> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        self.rest = self.rest[end..].trim_start();
        (!word.is_empty()).then_some(word)
    }

    fn quoted(&mut self) -> Option<String> {
        self.take("\"")?;
        let (text, rest) = self.rest.split_once('"')?;
        self.rest = rest.trim_start();
        Some(text.to_string())
    }

    fn pattern(&mut self) -> Option<Pattern> {
        let shape = self.shape()?;
        Some(Pattern { shape, optional: self.has("?") })
    }

    fn shape(&mut self) -> Option<Shape> {
        if self.rest.starts_with('"') {
            let mut options = vec![self.quoted()?];
            while self.has("|") {
                options.push(self.quoted()?);
            }
            return Some(Shape::Choice(options));
        }
        if self.has("(") {
            let mut params = vec![];
            while !self.has(")") {
                params.push(self.pattern()?);
                self.has(",");
            }
            self.take("=>")?;
            return Some(Shape::Lambda(params, Box::new(self.pattern()?)));
        }
        if self.has("{") {
            let mut fields = vec![];
            while !self.has("}") {
                let name = self.word()?.to_string();
                self.take(":")?;
                fields.push((name, self.pattern()?));
                self.has(",");
            }
            return Some(Shape::Record(fields));
        }
        let word = self.word()?;
        Some(match word {
            "const" => match self.pattern()?.shape {
                Shape::Plain(ty) => Shape::Constant(ty),
                _ => return None,
            },
            "list" | "map" if self.has("<") => {
                let inner = Box::new(self.pattern()?);
                self.take(">")?;
                if word == "list" { Shape::List(inner) } else { Shape::Map(inner) }
            }
            "local" => Shape::Plain(Type::new(Kind::Local)),
            _ if word.len() == 1 => Shape::Variable(word.chars().next()?),
            _ => Shape::Plain(built_in(word)?),
        })
    }
}
