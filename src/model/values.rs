//! Values of our files beside texts with expressions: words, durations, rates, decimals, references to secrets.

use super::read::{FromText, Read, Reader, Spanned, Wrong};
use super::yaml::{Core, Node, Scalar};
use crate::diagnostics::{Code, Diagnostic};
use crate::value::paths::Path;
use crate::value::{Exact, NumberError, time};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::sync::Arc;

macro_rules! scalars {
    ($($(#[$meta:meta])* $name:ident($inner:ty): $expected:literal, $schema:tt, $from:expr;)*) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl FromText for $name {
            const EXPECTED: &'static str = $expected;
            fn from_text(scalar: &Scalar) -> Result<$name, Wrong> {
                let from: fn(&Scalar) -> Result<$inner, Wrong> = $from;
                from(scalar).map($name)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
            fn inline_schema() -> bool {
                true
            }
        }
    )* };
}

scalars! {
    /// A text as written: `description: 2024` is text, too.
    Word(Arc<str>): "a text", { "type": ["string", "number", "boolean"] }, |scalar| match scalar.core() {
        Core::Null => Err(Wrong::Kind),
        _ => Ok(scalar.text.clone()),
    };

    /// A name that becomes part of expressions: `steps.order`, `line.amount`.
    Id(Arc<str>): "a name of a–z, 0–9 and _, beginning with a letter", { "type": "string", "pattern": ID }, |scalar| match scalar.core() {
        Core::Null | Core::Bool(_) => Err(Wrong::Kind),
        _ => is_id(&scalar.text).map(|_| scalar.text.clone()).map_err(Wrong::Form),
    };

    /// The name of a flow or project.
    FlowName(Arc<str>): "a name of a–z, 0–9, - and _, beginning with a letter", { "type": "string", "pattern": "^[a-z][a-z0-9_-]*$" }, |scalar| {
        if matches!(scalar.core(), Core::Null | Core::Bool(_)) {
            return Err(Wrong::Kind);
        }
        is_id(&scalar.text.replace('-', "_")).map(|_| scalar.text.clone()).map_err(Wrong::Form)
    };

    /// `true` or `false`.
    Flag(bool): "true or false", { "type": "boolean" }, |scalar| match scalar.core() {
        Core::Bool(flag) => Ok(flag),
        _ => Err(Wrong::Kind),
    };

    /// A whole number from 0 on.
    Count(u32): "a whole number", { "type": "integer", "minimum": 0 }, |scalar| {
        if scalar.core() != Core::Number {
            return Err(Wrong::Kind);
        }
        scalar.text.parse().map_err(|_| Wrong::Form("from 0 to 4294967295".into()))
    };

    /// A place in data: `$.resource.payer.email_address`, `$..email`.
    JsonPath(Path): "a path such as `$..email`", { "type": "string", "pattern": "^[$](\\.|\\[).+$" }, |scalar| match scalar.core() {
        Core::Text => Path::parse(&scalar.text).map_err(Wrong::Form),
        _ => Err(Wrong::Kind),
    };

    /// A decimal, read from its text.
    Decimal(Arc<str>): "a number", { "type": ["number", "string"], "pattern": "^-?[0-9]+([.][0-9]+)?$" }, |scalar| {
        match Exact::parse(&scalar.text) {
            Ok(_) => Ok(scalar.text.clone()),
            Err(NumberError::NotANumber(_)) => Err(Wrong::Kind),
            Err(why) => Err(Wrong::Form(why.to_string())),
        }
    };

    /// A length of time: `30s`, `15m`, `3d`.
    Duration(std::time::Duration): "a duration such as `30s`, `15m` or `3d`", { "type": "string", "pattern": "^([0-9]+(w|d|h|ms|m|s) *)+$" }, |scalar| {
        time::parse_duration(&scalar.text).map_err(|_| Wrong::Form("whole numbers with the units w, d, h, m, s, ms".into()))
    };

    /// A size on disk: `500MB`, `20GB`.
    Size(u64): "a size such as `500MB` or `20GB`", { "type": "string", "pattern": "^[1-9][0-9]*(MB|GB)$" }, |scalar| {
        let units = [("MB", 1_000_000_u64), ("GB", 1_000_000_000)];
        let found = units.iter().find_map(|(unit, bytes)| Some((scalar.text.strip_suffix(unit)?, bytes)));
        let (count, bytes) = found.ok_or(Wrong::Kind)?;
        let count = count.parse::<u32>().ok().filter(|count| *count > 0 && !scalar.text.starts_with('+'));
        count.map(|count| u64::from(count) * bytes).ok_or_else(|| Wrong::Form("a whole number above 0 stands before the unit".into()))
    };

    /// An instant: `2026-03-02T09:00:00Z`.
    Time(jiff::Timestamp): "an instant such as `2026-03-02T09:00:00Z`", { "type": "string", "format": "date-time", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$" }, |scalar| {
        time::parse_time(&scalar.text).ok_or(Wrong::Kind)
    };

    /// How often in how long a time: `20/s`, `100/m`.
    Rate(PerSecond): "a rate such as `20/s` or `300/m`", { "type": "string", "pattern": "^[1-9][0-9]*/(s|m|h)$" }, |scalar| {
        let (count, per) = scalar.text.split_once('/').ok_or(Wrong::Kind)?;
        let seconds = match per {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(Wrong::Form("per `s`, `m` or `h`".into())),
        };
        match count.parse() {
            Ok(count) if count > 0 => Ok(PerSecond { count, seconds }),
            _ => Err(Wrong::Form("a whole number above 0 stands before the `/`".into())),
        }
    };
}

macro_rules! texts {
    ($($name:ident)*) => { $(
        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }
    )* };
}

texts! { Word Id FlowName Decimal }

macro_rules! derefs {
    ($($name:ident -> $inner:ty;)*) => { $(
        impl std::ops::Deref for $name {
            type Target = $inner;
            fn deref(&self) -> &$inner {
                &self.0
            }
        }
    )* };
}

derefs! {
    Flag -> bool;
    Count -> u32;
    Size -> u64;
    Duration -> std::time::Duration;
    Time -> jiff::Timestamp;
    Rate -> PerSecond;
}

/// So many in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PerSecond {
    pub count: u32,
    pub seconds: u32,
}

/// What [`is_id`] takes, as a pattern.
pub(super) const ID: &str = "^[a-z][a-z0-9_]*$";

/// Whether a text can be a name in expressions, or why not.
pub(super) fn is_id(text: &str) -> Result<(), String> {
    let mut chars = text.chars();
    match chars.next() {
        Some('a'..='z') => {}
        Some(first) => return Err(format!("begins with `{first}`")),
        None => return Err("nothing is written".into()),
    }
    match chars.find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '_')) {
        Some(other) => Err(format!("`{other}` is not allowed")),
        None => Ok(()),
    }
}

/// Where a secret, or what should not stand in a file, is found when it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `env://NAME`: an environment variable.
    Env(Arc<str>),
    /// `file://PATH`: a file's content without its last line break.
    File(Arc<str>),
    /// `secret://NAME`: the secret store.
    Secret(Arc<str>),
}

impl Reference {
    /// `None` where the text is no reference at all; an error where it begins like one.
    pub fn parse(text: &str) -> Option<Result<Reference, String>> {
        let (scheme, rest) = text.split_once("://")?;
        let make: fn(Arc<str>) -> Reference = match scheme {
            "env" => Reference::Env,
            "file" => Reference::File,
            "secret" => Reference::Secret,
            _ => return None,
        };
        Some(match rest {
            "" => Err("the name is missing".into()),
            rest if rest.chars().any(|c| c.is_whitespace() || c.is_control()) => {
                Err("a name has no white space".into())
            }
            rest => Ok(make(rest.into())),
        })
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reference::Env(name) => write!(f, "env://{name}"),
            Reference::File(path) => write!(f, "file://{path}"),
            Reference::Secret(name) => write!(f, "secret://{name}"),
        }
    }
}

/// A secret: always a reference, never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret(pub Reference);

/// A text written here, or a reference to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Referable {
    Text(Arc<str>),
    Reference(Reference),
}

impl Read for Spanned<Secret> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Spanned<Secret>> {
        let scalar = node.scalar().filter(|_| !node.is_null());
        let Some(scalar) = scalar else { return reader.unfit(node, "a reference to a secret such as `secret://NAME`") };
        match Reference::parse(&scalar.text) {
            Some(Ok(reference)) => Some(Spanned { value: Secret(reference), span: node.span }),
            Some(Err(why)) => bad_reference(node, reader, &why),
            // Never shown: the text may be the secret.
            None => {
                reader.say(
                    Diagnostic::error(Code::F0400, "a secret stands here in clear", node.span)
                        .help("write `secret://NAME`, `env://NAME` or `file://PATH`, and the secret there")
                        .help("whoever has read this file knows it: make a new one at the provider"),
                );
                None
            }
        }
    }
}

impl Read for Spanned<Referable> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Spanned<Referable>> {
        let Some(scalar) = node.scalar().filter(|_| !node.is_null()) else { return reader.unfit(node, "a text") };
        let value = match Reference::parse(&scalar.text) {
            Some(Ok(reference)) => Referable::Reference(reference),
            Some(Err(why)) => return bad_reference(node, reader, &why),
            None => Referable::Text(scalar.text.clone()),
        };
        Some(Spanned { value, span: node.span })
    }
}

fn bad_reference<T>(node: &Node, reader: &mut Reader, why: &str) -> Option<T> {
    let message = "expected a reference such as `secret://NAME`, `env://NAME` or `file://PATH`";
    reader.say(Diagnostic::error(Code::F0401, message, node.span).label(why));
    None
}

/// What a secret may look like.
pub(super) fn secret_schema() -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^(env|file|secret)://\\S+$",
        "patternErrorMessage": "A secret is named, not written: secret://NAME, env://NAME or file://PATH.",
    })
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        secret_schema()
    }
    fn inline_schema() -> bool {
        true
    }
}

impl JsonSchema for Referable {
    fn schema_name() -> Cow<'static, str> {
        "Referable".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
    fn inline_schema() -> bool {
        true
    }
}
