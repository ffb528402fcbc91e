//! The small texts of the format: durations, rates, templates with `{names}`, types, one-or-many.

use crate::value::time::parse_duration;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

/// `180s`, `24h`, `45d`.
pub(super) fn duration<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(input)?;
    parse_duration(&text).map(Some).map_err(serde::de::Error::custom)
}

/// One value or a list of them; nothing is an empty list.
pub(super) fn one_or_many<'de, D, T>(input: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given<T> {
        Many(Vec<T>),
        One(T),
    }
    Ok(match Option::<Given<T>>::deserialize(input)? {
        None => vec![],
        Some(Given::One(one)) => vec![one],
        Some(Given::Many(many)) => many,
    })
}

/// How many requests in which time: `20/s`, `6000/5m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Rate {
    pub count: u32,
    pub per: Duration,
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Rate, String> {
        let bad = || format!("{text:?} is no rate such as 20/s");
        let (count, per) = text.split_once('/').ok_or_else(bad)?;
        let count: u32 = count.trim().parse().map_err(|_| bad())?;
        let per = per.trim();
        let per = if per.starts_with(|c: char| c.is_ascii_digit()) { per.to_owned() } else { format!("1{per}") };
        let per = parse_duration(&per).map_err(|_| bad())?;
        if count == 0 || per.is_zero() {
            return Err(bad());
        }
        Ok(Rate { count, per })
    }
}

/// A text with `{names}` that something else fills: `{base_url}/data/`, `{entity}({key})`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Name(String),
}

impl Template {
    /// The names in it, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Name(name) => Some(name.as_str()),
            Piece::Plain(_) => None,
        })
    }

    /// The text with each name replaced by what `value` gives for it; the first name without a value is the error.
    /// What is filled in is taken as it is: whoever fills a URL encodes.
    pub fn fill(&self, mut value: impl FnMut(&str) -> Option<String>) -> Result<String, &str> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Name(name) => text.push_str(&value(name).ok_or(name.as_str())?),
            }
        }
        Ok(text)
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Template, String> {
        let mut pieces = vec![];
        let mut rest = text.as_str();
        while let Some((plain, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').ok_or_else(|| format!("{text:?} has a {{ without }}"))?;
            if !plain.is_empty() {
                pieces.push(Piece::Plain(plain.to_owned()));
            }
            pieces.push(Piece::Name(name.to_owned()));
            rest = tail;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Plain(rest.to_owned()));
        }
        Ok(Template { pieces })
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Plain(plain) => f.write_str(plain),
            Piece::Name(name) => write!(f, "{{{name}}}"),
        })
    }
}

/// A type as the catalogue names it: of the language, a payload type, or one that depends on the entity in hand.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum TypeRef {
    /// `text`, `int`, `stripe.charge`.
    Named(String),
    /// The entity's key.
    Key,
    /// One of the entity's alternate keys.
    AlternateKey,
    /// The entity's payload type as it is read.
    Row,
    /// The entity's payload type as it is written.
    Body,
    /// Any of its fields, none required: `partial<body>`.
    Partial(Box<TypeRef>),
    List(Box<TypeRef>),
    Map(Box<TypeRef>),
    /// The results of a change set's writes, by their id.
    Writes,
    /// The flow writes the type itself.
    Type,
    /// Nothing is given.
    None,
}

impl TryFrom<String> for TypeRef {
    type Error = String;

    fn try_from(text: String) -> Result<TypeRef, String> {
        let inner = |prefix: &str| text.strip_prefix(prefix)?.strip_suffix('>').map(str::to_owned);
        if let Some(of) = inner("list<") {
            return Ok(TypeRef::List(Box::new(TypeRef::try_from(of)?)));
        }
        if let Some(of) = inner("map<") {
            return Ok(TypeRef::Map(Box::new(TypeRef::try_from(of)?)));
        }
        if let Some(of) = inner("partial<") {
            return Ok(TypeRef::Partial(Box::new(TypeRef::try_from(of)?)));
        }
        Ok(match text.as_str() {
            "key" => TypeRef::Key,
            "alternate_key" => TypeRef::AlternateKey,
            "row" => TypeRef::Row,
            "body" => TypeRef::Body,
            "writes" => TypeRef::Writes,
            "type" => TypeRef::Type,
            "none" => TypeRef::None,
            name if name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')) && !name.is_empty() => {
                TypeRef::Named(text)
            }
            _ => return Err(format!("{text:?} is no type")),
        })
    }
}

impl std::fmt::Display for TypeRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TypeRef::Named(name) => f.write_str(name),
            TypeRef::Key => f.write_str("key"),
            TypeRef::AlternateKey => f.write_str("alternate_key"),
            TypeRef::Row => f.write_str("row"),
            TypeRef::Body => f.write_str("body"),
            TypeRef::Partial(of) => write!(f, "partial<{of}>"),
            TypeRef::List(of) => write!(f, "list<{of}>"),
            TypeRef::Map(of) => write!(f, "map<{of}>"),
            TypeRef::Writes => f.write_str("writes"),
            TypeRef::Type => f.write_str("type"),
            TypeRef::None => f.write_str("none"),
        }
    }
}
