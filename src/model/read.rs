//! Tree → typed model. One reader for all files of ours.
//!
//! A person wants to see all mistakes of a file at once, each at its key or value, with the name that was meant; so the
//! model is read from the tree and not through serde, which stops at the first. [`model!`] declares a struct once and
//! gives it both its reading and its JSON Schema. Invariant: whoever returns `None` has said why.

use super::yaml::{Key, Node, NodeKind, Scalar};
use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::borrow::Cow;

/// Something with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// Collects what is wrong while a file is read.
#[derive(Default)]
pub struct Reader {
    pub findings: Vec<Diagnostic>,
}

/// What can be read from a value in a file.
pub trait Read: Sized {
    /// The value, or `None` with the reason among the reader's findings.
    fn read(node: &Node, reader: &mut Reader) -> Option<Self>;

    /// What it is where its key is not written; `None` where the key is required.
    fn absent() -> Option<Self> {
        None
    }
}

/// Reads one value by itself.
pub fn read<T: Read>(node: &Node) -> Result<T, Vec<Diagnostic>> {
    let mut reader = Reader::default();
    match T::read(node, &mut reader) {
        Some(value) if reader.findings.is_empty() => Ok(value),
        _ => Err(reader.findings),
    }
}

impl Reader {
    pub fn say(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    /// Another kind of value was written than is expected here.
    pub fn unfit<T>(&mut self, node: &Node, expected: &str) -> Option<T> {
        let got = node.describe();
        self.say(Diagnostic::error(Code::F0312, format!("expected {expected}, got {got}"), node.span));
        None
    }

    /// The entries of a mapping whose keys are all known.
    pub fn fields<'n>(&mut self, node: &'n Node, what: &str, known: &'static [&'static str]) -> Option<Fields<'n>> {
        let mut fields = self.open_fields(node, what)?;
        fields.known = Some(known);
        for (key, _) in fields.entries.iter().filter(|(key, _)| !known.contains(&&*key.text)) {
            self.say(unknown_key(key, what, known));
        }
        Some(fields)
    }

    /// The entries of a mapping whose keys somebody else knows.
    pub fn open_fields<'n>(&mut self, node: &'n Node, what: &str) -> Option<Fields<'n>> {
        match &node.kind {
            NodeKind::Mapping(entries) => {
                Some(Fields { entries, span: node.span, what: what.to_string(), known: None })
            }
            _ => self.unfit(node, &format!("the keys of {what}")),
        }
    }
}

/// `key` is none of the `known` ones.
pub fn unknown_key(key: &Key, what: &str, known: &[&str]) -> Diagnostic {
    let finding = Diagnostic::error(Code::F0310, format!("{what} has no key `{}`", key.text), key.span);
    match did_you_mean(&key.text, known.iter().copied()) {
        Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(key.span, meant),
        None if key.text.contains(' ') => {
            finding.help("between { and }, a comma begins the next key: quote a text that has one")
        }
        None if known.is_empty() => finding,
        None => finding.help(format!("its keys are: {}", known.join(", "))),
    }
}

/// The entries of one mapping.
pub struct Fields<'n> {
    pub entries: &'n [(Key, Node)],
    pub span: Span,
    what: String,
    /// All its keys; `None` where somebody else knows more.
    known: Option<&'static [&'static str]>,
}

impl<'n> Fields<'n> {
    /// Reads what stands under `key`; without the key it is `absent`, and where that is `None` the key is missed.
    pub fn take<T: Read>(&self, key: &str, absent: Option<T>, reader: &mut Reader) -> Option<T> {
        match self.entries.iter().find(|(known, _)| &*known.text == key) {
            Some((_, node)) => T::read(node, reader),
            None => {
                if absent.is_none() {
                    self.miss(key, reader);
                }
                absent
            }
        }
    }

    /// `key` is missing, or written wrong: that is said once.
    fn miss(&self, key: &str, reader: &mut Reader) {
        let known = self.known.unwrap_or_default();
        let meant = |other: &Key| !known.contains(&&*other.text) && did_you_mean(&other.text, [key]).is_some();
        match self.entries.iter().find(|(other, _)| meant(other)) {
            Some((other, _)) if self.known.is_none() => reader.say(unknown_key(other, &self.what, &[key])),
            Some(_) => {}
            None => {
                let place = self.entries.first().map_or(self.span, |(first, _)| first.span);
                let message = format!("{} needs the key `{key}`", self.what);
                reader.say(Diagnostic::error(Code::F0311, message, place));
            }
        }
    }

    /// The entries whose key is none of `known`, for whoever knows them.
    pub fn rest(&self, known: &[&str]) -> Params {
        let others = self.entries.iter().filter(|(key, _)| !known.contains(&&*key.text));
        Params { entries: others.cloned().collect(), span: self.span }
    }
}

/// Keys that the catalogue knows: an operation's parameters, a system's connection. In their written order.
#[derive(Clone, Debug)]
pub struct Params {
    pub entries: Vec<(Key, Node)>,
    /// Of the whole mapping, for what is missing in it.
    pub span: Span,
}

impl Params {
    /// What stands under `key`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|(known, _)| &*known.text == key).map(|(_, node)| node)
    }
}

impl<T: Read> Read for Option<T> {
    /// What cannot be read has been said, and is as if it were not written.
    fn read(node: &Node, reader: &mut Reader) -> Option<Option<T>> {
        Some(T::read(node, reader))
    }
    fn absent() -> Option<Option<T>> {
        Some(None)
    }
}

impl<T: Read> Read for Box<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Box<T>> {
        T::read(node, reader).map(Box::new)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Vec<T>> {
        match &node.kind {
            NodeKind::Sequence(items) => Some(items.iter().filter_map(|item| T::read(item, reader)).collect()),
            _ => reader.unfit(node, "a list"),
        }
    }
}

/// Keys of one's own and what they stand for, in their written order. `NAMES`: they become names in expressions.
#[derive(Clone, Debug)]
pub struct Entries<T, const NAMES: bool>(pub Vec<(Key, T)>);

/// Entries whose keys are names: `settings.zone`.
pub type Named<T> = Entries<T, true>;
/// Entries whose keys are any texts.
pub type Keyed<T> = Entries<T, false>;

impl<T, const NAMES: bool> Entries<T, NAMES> {
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(known, _)| &*known.text == name).map(|(_, value)| value)
    }
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &T)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &*name.text)
    }
}

impl<T, const NAMES: bool> Default for Entries<T, NAMES> {
    fn default() -> Entries<T, NAMES> {
        Entries(vec![])
    }
}

impl<T: Read, const NAMES: bool> Read for Entries<T, NAMES> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Entries<T, NAMES>> {
        let NodeKind::Mapping(entries) = &node.kind else {
            return reader.unfit(node, "names and what they stand for");
        };
        let mut known = vec![];
        for (key, value) in entries {
            if NAMES && let Err(why) = super::values::is_id(&key.text) {
                let message = format!("`{}` cannot be a name here", key.text);
                reader.say(
                    Diagnostic::error(Code::F0315, message, key.span)
                        .label(why)
                        .help("a name is of a–z, 0–9 and _, beginning with a letter"),
                );
            }
            known.extend(T::read(value, reader).map(|value| (key.clone(), value)));
        }
        Some(Entries(known))
    }
}

impl<T: JsonSchema, const NAMES: bool> JsonSchema for Entries<T, NAMES> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}{}", if NAMES { "Named" } else { "Keyed" }, T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        let mut schema = schemars::json_schema!({ "type": "object", "additionalProperties": value });
        if NAMES {
            schema.insert("propertyNames".into(), serde_json::json!({ "pattern": super::values::ID }));
        }
        schema
    }
    fn inline_schema() -> bool {
        true
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
    fn inline_schema() -> bool {
        T::inline_schema()
    }
}

/// A model and the tree it was read from, where something may be laid over the tree.
#[derive(Clone, Debug)]
pub struct Layered<T> {
    pub model: T,
    pub node: Node,
}

impl<T: Read> Read for Layered<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Layered<T>> {
        Some(Layered { model: T::read(node, reader)?, node: node.clone() })
    }
}

impl<T: JsonSchema> JsonSchema for Layered<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
    fn inline_schema() -> bool {
        T::inline_schema()
    }
}

/// A value read from its scalar's text, with its place.
pub trait FromText: Sized {
    /// What is expected, for messages: "a duration such as `30s`".
    const EXPECTED: &'static str;

    /// From the text as written, or why not.
    fn from_text(scalar: &Scalar) -> Result<Self, Wrong>;
}

/// Why a scalar is not what is wanted.
pub enum Wrong {
    /// Another kind of value: "expected …, got …".
    Kind,
    /// The right kind, but not well formed, with the reason.
    Form(String),
}

impl<T: FromText> Read for Spanned<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Spanned<T>> {
        let Some(scalar) = node.scalar() else { return reader.unfit(node, T::EXPECTED) };
        match T::from_text(scalar) {
            Ok(value) => Some(Spanned { value, span: node.span }),
            Err(Wrong::Kind) => reader.unfit(node, T::EXPECTED),
            Err(Wrong::Form(why)) => {
                let message = format!("expected {}, got {}", T::EXPECTED, node.describe());
                reader.say(Diagnostic::error(Code::F0315, message, node.span).label(why));
                None
            }
        }
    }
}

/// Declares a struct of a file: its fields are the keys (`as "for"` behind a field names the key where the field is
/// called otherwise), what may be left out is an `Option` or has a value behind `=`. With `+ params`, keys that the
/// struct does not know are kept for whoever knows them.
macro_rules! model {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident: $what:literal $(+ $params:ident)? {
        $($(#[$field_meta:meta])* $field:ident $(as $key:literal)? : $ty:ty $(= $default:expr)?),* $(,)?
    })*) => { $(
        #[derive(Clone, Debug, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields, transform = $name::require)]
        $(#[$meta])*
        $vis struct $name {
            $($(#[$field_meta])* $(#[schemars(rename = $key)])? pub $field: $ty,)*
            $(
                /// The other keys.
                #[schemars(skip)]
                pub $params: $crate::model::read::Params,
            )?
            /// Of all of it.
            #[schemars(skip)]
            pub span: $crate::diagnostics::Span,
        }

        impl $name {
            /// Its keys.
            pub const KEYS: &'static [&'static str] = &[$($crate::model::read::key!($field $($key)?)),*];

            /// Says in its schema which keys must be there: those without which it cannot be read.
            fn require(schema: &mut schemars::Schema) {
                let keys = [$((
                    $crate::model::read::key!($field $($key)?),
                    <$ty as $crate::model::read::Read>::absent()$(.or(Some($default)))?.is_none(),
                )),*];
                $crate::model::schema::require(schema, &keys);
            }
        }

        impl $crate::model::read::Read for $name {
            fn read(node: &$crate::model::yaml::Node, reader: &mut $crate::model::read::Reader) -> Option<Self> {
                let others_are_kept = false $(|| stringify!($params) == "params")?;
                let fields = match others_are_kept {
                    true => reader.open_fields(node, $what)?,
                    false => reader.fields(node, $what, Self::KEYS)?,
                };
                $(let $field = fields.take::<$ty>(
                    $crate::model::read::key!($field $($key)?),
                    <$ty as $crate::model::read::Read>::absent()$(.or(Some($default)))?,
                    reader,
                );)*
                Some($name { $($field: $field?,)* $($params: fields.rest(Self::KEYS),)? span: node.span })
            }
        }
    )* };
}

macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

/// Declares an enum of words: one spelling each, with what it means.
macro_rules! words {
    ($($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal),* $(,)? })*) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, schemars::JsonSchema)]
        #[schemars(inline)]
        $vis enum $name { $($(#[$variant_meta])* #[schemars(rename = $word)] $variant),* }

        impl $name {
            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl $crate::model::read::Read for $crate::model::read::Spanned<$name> {
            fn read(node: &$crate::model::yaml::Node, reader: &mut $crate::model::read::Reader) -> Option<Self> {
                const WORDS: &[&str] = &[$($word),*];
                let value = match reader.word(node, WORDS)? { $($word => $name::$variant,)* _ => return None };
                Some($crate::model::read::Spanned { value, span: node.span })
            }
        }
    )* };
}

pub(crate) use {key, model, words};

impl Reader {
    /// One of a few words.
    pub fn word<'n>(&mut self, node: &'n Node, words: &[&str]) -> Option<&'n str> {
        let Some(scalar) = node.scalar().filter(|_| !node.is_null()) else {
            return self.unfit(node, &format!("one of {}", words.join(", ")));
        };
        if words.contains(&&*scalar.text) {
            return Some(&scalar.text);
        }
        let message = format!("expected one of {}, got {}", words.join(", "), node.describe());
        let finding = Diagnostic::error(Code::F0313, message, node.span);
        let begun = || words.iter().copied().find(|word| scalar.text.len() > 2 && word.starts_with(&*scalar.text));
        self.say(match did_you_mean(&scalar.text, words.iter().copied()).or_else(begun) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(node.span, meant),
            None => finding,
        });
        None
    }
}
