//! Types as the generator thinks of them: those of the language and what signatures of built-ins have beside them.

use super::choices::Choices;
use flowctl::language::functions;
use flowctl::language::types::{RecordType, Type};
use std::sync::LazyLock;

#[derive(Clone, Debug, PartialEq)]
pub enum Ty {
    Int,
    Decimal,
    Text,
    Bool,
    Date,
    Time,
    Money,
    Any,
    Local,
    List(Box<Ty>),
    Map(Box<Ty>),
    Record(Vec<(String, Ty)>),
    Maybe(Box<Ty>),
    // Only in signatures:
    Variable(char),
    Lambda(Vec<Ty>, Box<Ty>),
    Choice(Vec<String>),
    Constant,
}

pub struct Signature {
    pub function: &'static functions::Function,
    pub params: Vec<Ty>,
    pub result: Ty,
}

/// Every overload of every built-in. One that this cannot read is not called, so the count is tested.
pub static SIGNATURES: LazyLock<Vec<Signature>> = LazyLock::new(|| {
    let all = functions::ALL.iter().flat_map(|function| function.signatures.iter().map(move |text| (*function, *text)));
    all.filter_map(|(function, text)| {
        let mut reader = Reader { rest: text };
        reader.sign("(")?;
        let mut params = vec![];
        while reader.sign(")").is_none() {
            reader.word()?;
            reader.sign(":")?;
            params.push(reader.ty()?);
            reader.sign(",");
        }
        reader.sign("->")?;
        Some(Signature { function, params, result: reader.ty()? })
    })
    .collect()
});

struct Reader {
    rest: &'static str,
}

impl Reader {
    fn sign(&mut self, sign: &str) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(sign)?;
        Some(())
    }

    fn word(&mut self) -> Option<&'static str> {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, rest) = rest.split_at_checked(end).filter(|(word, _)| !word.is_empty())?;
        self.rest = rest;
        Some(word)
    }

    fn ty(&mut self) -> Option<Ty> {
        let ty = self.plain()?;
        Some(if self.sign("?").is_some() { Ty::Maybe(Box::new(ty)) } else { ty })
    }

    fn plain(&mut self) -> Option<Ty> {
        if self.sign("\"").is_some() {
            let mut choices = vec![];
            loop {
                let (choice, rest) = self.rest.split_once('"')?;
                choices.push(choice.to_string());
                self.rest = rest;
                if self.sign("|").is_none() {
                    return Some(Ty::Choice(choices));
                }
                self.sign("\"")?;
            }
        }
        if self.sign("(").is_some() {
            let mut params = vec![];
            while self.sign(")").is_none() {
                params.push(self.ty()?);
                self.sign(",");
            }
            self.sign("=>")?;
            return Some(Ty::Lambda(params, Box::new(self.ty()?)));
        }
        if self.sign("{").is_some() {
            let mut fields = vec![];
            while self.sign("}").is_none() {
                let name = self.word()?.to_string();
                self.sign(":")?;
                fields.push((name, self.ty()?));
                self.sign(",");
            }
            return Some(Ty::Record(fields));
        }
        Some(match self.word()? {
            "int" => Ty::Int,
            "decimal" => Ty::Decimal,
            "text" => Ty::Text,
            "bool" => Ty::Bool,
            "date" => Ty::Date,
            "time" => Ty::Time,
            "money" => Ty::Money,
            "any" => Ty::Any,
            "local" => Ty::Local,
            "const" => {
                self.word()?;
                Ty::Constant
            }
            generic @ ("list" | "map") => {
                self.sign("<")?;
                let inner = Box::new(self.ty()?);
                self.sign(">")?;
                if generic == "list" { Ty::List(inner) } else { Ty::Map(inner) }
            }
            word if word.len() == 1 => Ty::Variable(word.chars().next()?),
            _ => return None,
        })
    }
}

impl Ty {
    pub fn list(of: Ty) -> Ty {
        Ty::List(Box::new(of))
    }

    pub fn maybe(self) -> Ty {
        match self {
            // `any` may be null as it is; the generator has no use for a missing one.
            Ty::Maybe(_) | Ty::Any => self,
            other => Ty::Maybe(Box::new(other)),
        }
    }

    /// As it is written.
    pub fn shown(&self) -> String {
        match self {
            Ty::Int => "int".into(),
            Ty::Decimal => "decimal".into(),
            Ty::Text => "text".into(),
            Ty::Bool => "bool".into(),
            Ty::Date => "date".into(),
            Ty::Time => "time".into(),
            Ty::Money => "money".into(),
            Ty::List(of) => format!("list<{}>", of.shown()),
            Ty::Map(of) => format!("map<{}>", of.shown()),
            Ty::Maybe(of) => format!("{}?", of.shown()),
            Ty::Record(fields) => {
                let fields: Vec<String> = fields.iter().map(|(name, ty)| format!("{name}: {}", ty.shown())).collect();
                format!("{{ {} }}", fields.join(", "))
            }
            _ => "any".into(),
        }
    }

    /// As the compiler knows it.
    pub fn declared(&self) -> Type {
        match self {
            Ty::Int => Type::int(),
            Ty::Decimal => Type::decimal(),
            Ty::Text => Type::text(),
            Ty::Bool => Type::bool(),
            Ty::Date => Type::date(),
            Ty::Time => Type::time(),
            Ty::Money => Type::money(),
            Ty::List(of) => Type::list(of.declared()),
            Ty::Map(of) => Type::map(of.declared()),
            Ty::Maybe(of) => of.declared().or_missing(),
            Ty::Record(fields) => {
                Type::record(RecordType::shape(fields.iter().map(|(name, ty)| (name.as_str(), ty.declared()))))
            }
            _ => Type::any(),
        }
    }

    /// Whether a value of this type can stand where `wanted` is.
    pub fn fits(&self, wanted: &Ty) -> bool {
        match (self, wanted) {
            (Ty::Local, Ty::Any) => false,
            (_, Ty::Any) => !matches!(self, Ty::Maybe(_)),
            (Ty::Int, Ty::Decimal) => true,
            (Ty::Maybe(own), Ty::Maybe(wanted)) => own.fits(wanted),
            (own, Ty::Maybe(wanted)) => own.fits(wanted),
            (Ty::List(own), Ty::List(wanted)) | (Ty::Map(own), Ty::Map(wanted)) => own.fits(wanted),
            (Ty::Record(own), Ty::Record(wanted)) => wanted
                .iter()
                .all(|(name, wanted)| own.iter().find(|(own, _)| own == name).is_some_and(|(_, own)| own.fits(wanted))),
            _ => self == wanted,
        }
    }

    /// What the variables of a signature's result have to be, so that it fits.
    pub fn unify(&self, wanted: &Ty, known: &mut Vec<(char, Ty)>) -> bool {
        match (self, wanted) {
            (Ty::Variable('N'), Ty::Int | Ty::Decimal) | (Ty::Variable('T' | 'U' | 'K'), _) => {
                let Ty::Variable(name) = *self else { return false };
                match known.iter().find(|(own, _)| *own == name) {
                    Some((_, own)) => own == wanted,
                    None => {
                        known.push((name, wanted.clone()));
                        !matches!(wanted, Ty::Maybe(_))
                    }
                }
            }
            (Ty::Variable(_), _) => false,
            (Ty::List(own), Ty::List(wanted)) | (Ty::Map(own), Ty::Map(wanted)) => own.unify(wanted, known),
            (Ty::Maybe(own), Ty::Maybe(wanted)) => own.unify(wanted, known),
            (own, Ty::Maybe(wanted)) => own.unify(wanted, known),
            (Ty::Record(own), Ty::Record(wanted)) => {
                own.len() == wanted.len()
                    && own.iter().zip(wanted).all(|((a, own), (b, wanted))| a == b && own.unify(wanted, known))
            }
            _ => self.fits(wanted),
        }
    }

    /// With the variables replaced; one that is not known yet becomes any type.
    pub fn settled(&self, known: &mut Vec<(char, Ty)>, choices: &mut Choices) -> Ty {
        match self {
            Ty::Variable(name) => match known.iter().find(|(own, _)| own == name) {
                Some((_, ty)) => ty.clone(),
                None => {
                    let ty = match name {
                        'N' => choices.one_of(&[Ty::Int, Ty::Decimal]),
                        'O' => choices.one_of(&[Ty::Int, Ty::Decimal, Ty::Date, Ty::Time, Ty::Money, Ty::Text]),
                        _ => any_type(choices, 1),
                    };
                    known.push((*name, ty.clone()));
                    ty
                }
            },
            Ty::List(of) => Ty::list(of.settled(known, choices)),
            Ty::Map(of) => Ty::Map(Box::new(of.settled(known, choices))),
            Ty::Maybe(of) => of.settled(known, choices).maybe(),
            Ty::Record(fields) => {
                Ty::Record(fields.iter().map(|(name, ty)| (name.clone(), ty.settled(known, choices))).collect())
            }
            Ty::Lambda(params, result) => {
                let params = params.iter().map(|ty| ty.settled(known, choices)).collect();
                Ty::Lambda(params, Box::new(result.settled(known, choices)))
            }
            other => other.clone(),
        }
    }
}

/// Any type that a parameter can have.
pub fn any_type(choices: &mut Choices, depth: usize) -> Ty {
    const PLAIN: &[Ty] =
        &[Ty::Int, Ty::Decimal, Ty::Text, Ty::Bool, Ty::Date, Ty::Time, Ty::Money, Ty::Any, Ty::Text, Ty::Decimal];
    match choices.below(if depth == 0 { 7 } else { 12 }) {
        0..=6 => choices.one_of(PLAIN),
        7 | 8 => Ty::list(any_type(choices, depth - 1)),
        9 => {
            let of = any_type(choices, depth - 1);
            Ty::Map(Box::new(of))
        }
        10 => any_type(choices, depth - 1).maybe(),
        _ => {
            let names = ["a", "b", "c"];
            let count = 1 + choices.below(3);
            let field = |name: &&str, choices: &mut Choices| {
                let ty = any_type(choices, depth - 1);
                (name.to_string(), if choices.chance(25) { ty.maybe() } else { ty })
            };
            Ty::Record(names[..count].iter().map(|name| field(name, choices)).collect())
        }
    }
}
