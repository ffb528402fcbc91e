//! Settings: declared with a type in `flowctl.yaml`, given a value there or by an environment.

use super::read::{Named, Spanned, model, words};
use super::test::Data;
use super::values::{Reference, Word};
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
        name: Some("settings".into()),
        fields: settings.iter().map(|(key, setting)| (Text::from(&*key.text), field(setting))).collect(),
    }
}

impl Setting {
    /// What stands at `node`, as a value of this setting, or what is wrong with it.
    pub(super) fn value(&self, node: &Node, findings: &mut Vec<Diagnostic>) -> Option<Value> {
        if let Some(Some(Ok(reference))) = node.scalar().map(|scalar| Reference::parse(&scalar.text)) {
            let message = format!("`{reference}` would be taken as it is written: a setting is no reference");
            let finding = Diagnostic::error(Code::F0403, message, node.span);
            findings
                .push(finding.help("a setting's value is part of what a flow is; secrets belong to connections.yaml"));
            return None;
        }
        let Some(value) = self.ty.read(node) else {
            findings.push(self.ty.unfit(node));
            return None;
        };
        let Some(choices) = &self.one_of else { return Some(value) };
        let same = |choice: &Data| self.ty.read(&choice.0).is_some_and(|choice| choice.equal(&value) == Ok(true));
        if choices.iter().any(same) {
            return Some(value);
        }
        let names: Vec<&str> = choices.iter().filter_map(|choice| Some(&*choice.0.scalar()?.text)).collect();
        let message = format!("expected one of {}, got {}", names.join(", "), node.describe());
        let finding = Diagnostic::error(Code::F0403, message, node.span);
        let written = node.scalar().map_or("", |scalar| &scalar.text);
        findings.push(match did_you_mean(written, names) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(node.span, meant),
            None => finding,
        });
        None
    }

    /// Choices that are no values of this setting.
    pub(super) fn bad_choices(&self) -> impl Iterator<Item = Diagnostic> {
        let bad = |choice: &&Data| self.ty.read(&choice.0).is_none();
        self.one_of.iter().flatten().filter(bad).map(|choice| self.ty.unfit(&choice.0))
    }
}

impl SettingType {
    fn read(self, node: &Node) -> Option<Value> {
        let scalar = node.scalar()?;
        match (self, scalar.core()) {
            (SettingType::Text, Core::Text) => Some(Value::Text(Text::from(&*scalar.text))),
            (SettingType::Bool, Core::Bool(flag)) => Some(Value::Bool(flag)),
            (SettingType::Int, Core::Number) if scalar.text.contains('.') => None,
            (SettingType::Int | SettingType::Decimal, Core::Number) => {
                Exact::parse(&scalar.text).ok().map(|exact| Value::Number(exact.into()))
            }
            (SettingType::Date, Core::Text) => time::parse_date(&scalar.text).map(Value::Date),
            (SettingType::Time, Core::Text) => time::parse_time(&scalar.text).map(Value::Time),
            _ => None,
        }
    }

    fn unfit(self, node: &Node) -> Diagnostic {
        let expected = match self {
            SettingType::Text => "a text",
            SettingType::Int => "a whole number",
            SettingType::Decimal => "a number such as `12.50`",
            SettingType::Bool => "true or false",
            SettingType::Date => "a day such as `2026-03-01`",
            SettingType::Time => "an instant such as `2026-03-01T09:00:00Z`",
        };
        let message = format!("expected {expected}, got {}", node.describe());
        let finding = Diagnostic::error(Code::F0403, message, node.span);
        match node.scalar() {
            Some(scalar) if self == SettingType::Text && scalar.core() != Core::Null => finding
                .help("a text that looks like something else is quoted")
                .fix(node.span, format!("'{}'", scalar.text)),
            _ => finding,
        }
    }
}
