//! Settings: declared with a type in `flowctl.yaml`, given a value there or by an environment.

use super::read::{Named, Spanned, model, words};
use super::test::Data;
use super::values::Word;
use crate::language::types::{Field, Kind, RecordType, Type};
use crate::value::Text;

model! {
    /// A value that may differ by environment.
    pub struct Setting: "a setting" {
        /// What kind of value it is.
        ty as "type": Spanned<SettingType>,
        /// Its value where an environment gives none.
        default: Option<Data>,
        /// The only values it may have.
        one_of: Option<Vec<Data>>,
        /// What it decides, in a sentence.
        description: Option<Spanned<Word>>,
    }
}

words! {
    /// What kind of value a setting has.
    pub enum SettingType {
        /// Any text.
        Text = "text",
        /// A whole number.
        Int = "int",
        /// An exact number.
        Decimal = "decimal",
        /// `true` or `false`.
        Bool = "bool",
        /// A day: `2026-03-01`.
        Date = "date",
        /// An instant: `2026-03-01T09:00:00Z`.
        Time = "time",
    }
}

impl SettingType {
    /// As the mapping language knows it.
    pub fn kind(self) -> Kind {
        match self {
            SettingType::Text => Kind::Text,
            SettingType::Int => Kind::Int,
            SettingType::Decimal => Kind::Decimal,
            SettingType::Bool => Kind::Bool,
            SettingType::Date => Kind::Date,
            SettingType::Time => Kind::Time,
        }
    }
}

/// The type of `settings`: every field is there, because a run does not begin while a setting has no value.
pub(super) fn record_type(settings: &Named<Setting>) -> RecordType {
    let field = |setting: &Setting| {
        let doc = setting.description.as_ref().map(|text| Text::from(&**text.value));
        Field { doc, ..Field::plain(Type::new(setting.ty.kind())) }
    };
    RecordType {
        name: None,
        fields: settings.iter().map(|(key, setting)| (Text::from(&*key.text), field(setting))).collect(),
    }
}
