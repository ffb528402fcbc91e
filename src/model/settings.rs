//! Settings: declared with a type in `flowctl.yaml`, given a value there or by an environment.

use super::read::{Named, Spanned, model, words};
use super::test::Data;
use super::values::Word;
use super::yaml::{Core, Node};
use crate::diagnostics::{Code, Diagnostic, did_you_mean};
use crate::language::types::{Field, Kind, RecordType, Type};
use crate::value::{Exact, Text, Value, time};

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
        let doc = setting.description.as_ref().map(|text| Text::from(text.as_str()));
        Field { doc, ..Field::plain(Type::new(setting.ty.kind())) }
    };
    RecordType {
        name: None,
        fields: settings.iter().map(|(key, setting)| (Text::from(&*key.text), field(setting))).collect(),
    }
}

impl Setting {
    /// What stands at `node`, as a value of this setting.
    pub(super) fn value(&self, node: &Node) -> Result<Value, Diagnostic> {
        let value = self.ty.read(node)?;
        let Some(choices) = &self.one_of else { return Ok(value) };
        let same = |choice: &Data| self.ty.read(&choice.0).is_ok_and(|choice| choice.equal(&value) == Ok(true));
        if choices.iter().any(same) {
            return Ok(value);
        }
        let names: Vec<&str> = choices.iter().filter_map(|choice| Some(&*choice.0.scalar()?.text)).collect();
        let message = format!("expected one of {}, got {}", names.join(", "), node.describe());
        let finding = Diagnostic::error(Code::F0403, message, node.span);
        let written = node.scalar().map_or("", |scalar| &scalar.text);
        Err(match did_you_mean(written, names) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(node.span, meant),
            None => finding,
        })
    }

    /// Choices that are no values of this setting.
    pub(super) fn bad_choices(&self) -> impl Iterator<Item = Diagnostic> {
        self.one_of.iter().flatten().filter_map(|choice| self.ty.read(&choice.0).err())
    }
}

impl SettingType {
    fn read(self, node: &Node) -> Result<Value, Diagnostic> {
        let expected = match self {
            SettingType::Text => "a text",
            SettingType::Int => "a whole number",
            SettingType::Decimal => "a number such as `12.50`",
            SettingType::Bool => "true or false",
            SettingType::Date => "a day such as `2026-03-01`",
            SettingType::Time => "an instant such as `2026-03-01T09:00:00Z`",
        };
        let wrong =
            || Diagnostic::error(Code::F0403, format!("expected {expected}, got {}", node.describe()), node.span);
        let scalar = node.scalar().ok_or_else(wrong)?;
        let core = scalar.core();
        let value = match (self, core) {
            (SettingType::Text, Core::Text) => Some(Value::Text(Text::from(&*scalar.text))),
            (SettingType::Text, Core::Number | Core::Bool(_)) => {
                let quoted = format!("'{}'", scalar.text);
                return Err(wrong().help("a text that looks like something else is quoted").fix(node.span, quoted));
            }
            (SettingType::Bool, Core::Bool(flag)) => Some(Value::Bool(flag)),
            (SettingType::Int, Core::Number) if scalar.text.contains('.') => None,
            (SettingType::Int | SettingType::Decimal, Core::Number) => {
                Exact::parse(&scalar.text).ok().map(|n| Value::Number(n.into()))
            }
            (SettingType::Date, Core::Text) => time::parse_date(&scalar.text).map(Value::Date),
            (SettingType::Time, Core::Text) => time::parse_time(&scalar.text).map(Value::Time),
            _ => None,
        };
        value.ok_or_else(wrong)
    }
}
