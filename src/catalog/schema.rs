//! The part of JSON Schema in which payload types are written, read strictly: a keyword that is not listed here is
//! refused, so that nothing is believed to be checked that is not.

use super::Known;
use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// One schema: a whole file, a property, an element.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Schema {
    #[serde(rename = "$schema", default)]
    _schema: IgnoredAny,
    pub title: Option<String>,
    /// Hover text.
    pub description: Option<String>,
    #[serde(rename = "type", default)]
    pub kind: Kinds,
    pub format: Option<Format>,
    /// `#/$defs/NAME`, or another type of the same system by its name: `stripe.charge`.
    #[serde(rename = "$ref")]
    pub reference: Option<String>,
    #[serde(rename = "$defs", default)]
    pub defs: IndexMap<String, Schema>,
    pub properties: Option<IndexMap<String, Schema>>,
    /// Always there when read.
    #[serde(default)]
    pub required: Vec<String>,
    /// The values of a map with text keys.
    pub additional_properties: Option<Box<Schema>>,
    pub items: Option<Box<Schema>>,
    /// All values there are.
    #[serde(rename = "enum")]
    pub values: Option<Vec<String>>,
    pub max_length: Option<u32>,
    /// Given by the system: cannot be assigned.
    #[serde(default)]
    pub read_only: bool,
    /// Can only be sent: cannot be read.
    #[serde(default)]
    pub write_only: bool,
    /// How a date is written where it is not the usual way.
    #[serde(rename = "x-form")]
    pub form: Option<WrittenForm>,
    /// Values that are known, with their labels; there may be others.
    #[serde(rename = "x-options")]
    pub options: Option<IndexMap<String, String>>,
    /// The system's own name of the set of values, where its filters want it.
    #[serde(rename = "x-enum")]
    pub enum_name: Option<String>,
    /// Most decimal places.
    #[serde(rename = "x-scale")]
    pub scale: Option<u32>,
    /// How this is known; for a whole file: how everything in it is known that does not say otherwise.
    #[serde(rename = "x-known")]
    pub known: Option<Known>,
    #[serde(rename = "x-extends")]
    pub extends: Option<String>,
    /// Of a table: what the system itself calls one row, `new_refundrequest`.
    #[serde(rename = "x-logical-name")]
    pub logical_name: Option<String>,
    /// Of a table: the columns of its key.
    #[serde(rename = "x-key", default)]
    pub key: Vec<String>,
    /// Of a table: other keys by which a row can be written, each a list of columns.
    #[serde(rename = "x-alternate-keys", default)]
    pub alternate_keys: Vec<Vec<String>>,
}

/// `"string"` or `["string", "null"]`. None at all: anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "KindsWritten")]
pub(super) struct Kinds {
    pub kind: Option<JsonKind>,
    pub null: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum JsonKind {
    String,
    Integer,
    Number,
    Boolean,
    Object,
    Array,
    Null,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "`type` is one of string, number, integer, boolean, object, array, null, or a list of them"
)]
enum KindsWritten {
    One(JsonKind),
    Many(Vec<JsonKind>),
}

impl TryFrom<KindsWritten> for Kinds {
    type Error = String;

    fn try_from(written: KindsWritten) -> Result<Kinds, String> {
        let kinds = match written {
            KindsWritten::One(kind) => vec![kind],
            KindsWritten::Many(kinds) => kinds,
        };
        let mut others = kinds.iter().filter(|kind| **kind != JsonKind::Null);
        match (others.next(), others.next()) {
            (Some(kind), None) => Ok(Kinds { kind: Some(*kind), null: kinds.contains(&JsonKind::Null) }),
            _ => Err("a type is one kind, or one kind and \"null\"".to_owned()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Format {
    Date,
    DateTime,
    Decimal,
    Uuid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WrittenForm {
    /// F&O's dates.
    Noon,
}

impl Schema {
    /// The first keyword that only a whole file can have, where there is one.
    pub(super) fn table_keyword(&self) -> Option<&'static str> {
        let written = [
            ("x-logical-name", self.logical_name.is_some()),
            ("x-key", !self.key.is_empty()),
            ("x-alternate-keys", !self.alternate_keys.is_empty()),
            ("x-extends", self.extends.is_some()),
        ];
        written.into_iter().find_map(|(keyword, there)| there.then_some(keyword))
    }

    /// The first column that a key names and that is no property, or that can only be written.
    pub(super) fn lacking_key_column(&self) -> Option<&str> {
        let named = self.key.iter().chain(self.alternate_keys.iter().flatten());
        let is_column = |name: &&String| {
            let property = self.properties.as_ref().and_then(|properties| properties.get(name.as_str()));
            property.is_some_and(|property| !property.write_only)
        };
        named.into_iter().find(|name| !is_column(name)).map(String::as_str)
    }

    /// Adds what a project's file says to the bundled type of that name: a property that both have is the project's.
    pub(super) fn extend(&mut self, project: Schema) {
        let properties = self.properties.get_or_insert_default();
        for (name, property) in project.properties.unwrap_or_default() {
            // A property that the project says again and does not require any longer may be missing.
            self.required.retain(|required| *required != name);
            properties.insert(name, property);
        }
        self.required.extend(project.required);
        self.defs.extend(project.defs);
        self.logical_name = project.logical_name.or(self.logical_name.take());
        if !project.key.is_empty() {
            self.key = project.key;
        }
        self.alternate_keys.extend(project.alternate_keys);
        self.description = project.description.or(self.description.take());
    }
}
