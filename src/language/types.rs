//! The types of the mapping language.
//!
//! A type is a kind with two flags: may be missing, may be null. Payload types come from the catalogue through
//! [`TypeSource`], with what is known of a text or number beside its kind in [`Facts`].

use crate::value::Text;
use indexmap::IndexMap;
use std::sync::Arc;

/// What a value can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Type {
    pub kind: Kind,
    /// `T?`: may be missing.
    pub missing: bool,
    /// May be null. Only payload types say so, and the literal.
    pub null: bool,
    /// What a payload type knows of a text or number beside its kind.
    pub facts: Option<Arc<Facts>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No value at all: `fail(…)`; the element of `[]`; with `missing` or `null` set, the type of that literal.
    Never,
    Any,
    Text,
    Int,
    Decimal,
    Bool,
    Date,
    Time,
    /// `t.in_zone(z)`: neither written nor named in source.
    Local,
    Money,
    List(Arc<Type>),
    Map(Arc<Type>),
    Record(Arc<RecordType>),
}

/// A record's fields in their written order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordType {
    /// How a person knows it: `stripe.charge`, a `type` definition's name; `None` for a shape.
    pub name: Option<Text>,
    pub fields: IndexMap<Text, Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// With `missing` where the field may be absent when read.
    pub ty: Type,
    /// Hover text.
    pub doc: Option<Text>,
    /// Given by the system: cannot be assigned.
    pub read_only: bool,
    /// Can only be sent (`…@odata.bind`): cannot be read.
    pub write_only: bool,
    /// The project drops it before anything sees it: cannot be read either.
    pub dropped: bool,
}

/// What a payload type knows beside the kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The only texts or whole numbers that may be written (`enum`, `x-options`), with their labels.
    pub options: Vec<(Text, Option<Text>)>,
    /// `true` where the set is complete, so that a `match` can cover it whole (`enum`); false for `x-options`.
    pub closed: bool,
    /// The system's own name of that set, where its filters want it (`SalesStatus`).
    pub enum_name: Option<Text>,
    /// Longest text, in UTF-16 units as Dataverse and F&O count.
    pub max_length: Option<u32>,
    /// Most decimal places.
    pub scale: Option<u32>,
    /// How a date or time is written where it is not the usual way.
    pub form: Option<Form>,
}

/// How a system writes a date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// F&O's dates: `2026-11-01T12:00:00Z`; `1900-01-01T…` is no date.
    Noon,
    /// Text that holds a decimal (`"10.50"`).
    DecimalText,
    /// Text that is a GUID: in filters and keys it stands without quotes.
    Guid,
}

/// Where payload types come from. Implemented by the catalogue, below this module.
pub trait TypeSource: Send + Sync {
    /// The type with that dotted name, and the parts below it (`paypal.order.item`).
    fn payload(&self, name: &str) -> Option<Type>;
    /// All names, for suggestions.
    fn payload_names(&self) -> Vec<String>;
}

impl Type {
    pub fn new(kind: Kind) -> Type {
        Type { kind, missing: false, null: false, facts: None }
    }
    pub fn text() -> Type {
        Type::new(Kind::Text)
    }
    pub fn int() -> Type {
        Type::new(Kind::Int)
    }
    pub fn decimal() -> Type {
        Type::new(Kind::Decimal)
    }
    pub fn bool() -> Type {
        Type::new(Kind::Bool)
    }
    pub fn date() -> Type {
        Type::new(Kind::Date)
    }
    pub fn time() -> Type {
        Type::new(Kind::Time)
    }
    pub fn money() -> Type {
        Type::new(Kind::Money)
    }
    pub fn any() -> Type {
        Type::new(Kind::Any)
    }
    pub fn never() -> Type {
        Type::new(Kind::Never)
    }
    pub fn list(element: Type) -> Type {
        Type::new(Kind::List(Arc::new(element)))
    }
    pub fn map(value: Type) -> Type {
        Type::new(Kind::Map(Arc::new(value)))
    }
    pub fn record(record: RecordType) -> Type {
        Type::new(Kind::Record(Arc::new(record)))
    }

    /// The same, and it may be missing.
    pub fn or_missing(mut self) -> Type {
        self.missing = true;
        self
    }

    /// The same, and it may be null.
    pub fn or_null(mut self) -> Type {
        self.null = true;
        self
    }

    /// The same, always there and never null.
    pub fn present(mut self) -> Type {
        self.missing = false;
        self.null = false;
        self
    }

    /// With an article, for messages: "a date", "an int".
    pub fn kind_name(&self) -> String {
        let bare = Type { missing: false, null: false, ..self.clone() }.to_string();
        match bare.chars().next() {
            Some('a' | 'i') if !bare.starts_with("a ") => format!("an {bare}"),
            _ if bare.starts_with("a ") => bare,
            _ => format!("a {bare}"),
        }
    }

    /// The fields, where this is a record.
    pub fn fields(&self) -> Option<&RecordType> {
        match &self.kind {
            Kind::Record(record) => Some(record),
            _ => None,
        }
    }
}

impl RecordType {
    /// A shape without a name; every field is always there.
    pub fn shape<'a>(fields: impl IntoIterator<Item = (&'a str, Type)>) -> RecordType {
        let fields = fields.into_iter().map(|(name, ty)| (Text::from(name), Field::plain(ty))).collect();
        RecordType { name: None, fields }
    }
}

impl Field {
    /// A field that can be read and written.
    pub fn plain(ty: Type) -> Field {
        Field { ty, doc: None, read_only: false, write_only: false, dropped: false }
    }
}

impl std::fmt::Display for Type {
    /// As it is written in source: `list<text>?`, a payload type by its name; `or null` where null is known.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            Kind::Never if self.missing => return f.write_str("missing"),
            Kind::Never if self.null => return f.write_str("null"),
            Kind::Never => f.write_str("nothing")?,
            Kind::Any => f.write_str("any")?,
            Kind::Text => f.write_str("text")?,
            Kind::Int => f.write_str("int")?,
            Kind::Decimal => f.write_str("decimal")?,
            Kind::Bool => f.write_str("bool")?,
            Kind::Date => f.write_str("date")?,
            Kind::Time => f.write_str("time")?,
            Kind::Local => f.write_str("a local time")?,
            Kind::Money => f.write_str("money")?,
            Kind::List(element) => write!(f, "list<{element}>")?,
            Kind::Map(value) => write!(f, "map<{value}>")?,
            Kind::Record(record) => match &record.name {
                Some(name) => f.write_str(name)?,
                None => {
                    f.write_str("{ ")?;
                    for (n, (name, field)) in record.fields.iter().enumerate() {
                        write!(f, "{}{name}: {}", if n > 0 { ", " } else { "" }, field.ty)?;
                    }
                    f.write_str(" }")?;
                }
            },
        }
        if self.missing {
            f.write_str("?")?;
        }
        if self.null {
            f.write_str(" or null")?;
        }
        Ok(())
    }
}
