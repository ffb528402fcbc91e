//! What can stand under a key beside plain values: expressions, texts with holes, `{ setting: NAME }`.

use super::read::{Read, Reader, Spanned};
use super::values::Word;
use super::yaml::{Node, NodeKind, Style};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::language::SourceText;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// An expression of the mapping language, with the place of every character in the file. Not parsed yet.
#[derive(Clone, Debug)]
pub struct Expr {
    pub text: SourceText,
    /// Quotes included.
    pub span: Span,
    /// ` #` ended the text here, to YAML: where the expression does not parse, this may be why.
    pub cut: Option<Span>,
}

/// The inside of a `"…"` of the mapping language: text with `{holes}`.
#[derive(Clone, Debug)]
pub struct Template {
    pub text: SourceText,
    pub span: Span,
    /// ` #` ended the text here, to YAML.
    pub cut: Option<Span>,
}

impl Read for Expr {
    fn read(node: &Node, reader: &mut Reader) -> Option<Expr> {
        let (text, cut) = slot(node, reader, "an expression")?;
        Some(Expr { text, span: node.span, cut })
    }
}

impl Read for Template {
    fn read(node: &Node, reader: &mut Reader) -> Option<Template> {
        let (text, cut) = slot(node, reader, "a text")?;
        Some(Template { text, span: node.span, cut })
    }
}

/// One line, a `|` block or a quoted scalar: what has a place for each of its characters.
fn slot(node: &Node, reader: &mut Reader, what: &str) -> Option<(SourceText, Option<Span>)> {
    let wrong = |reader: &mut Reader, written: &str| {
        let message = format!("{what} is written on one line or as a block, not as {written}");
        let finding = Diagnostic::error(Code::F0314, message, node.span);
        reader.say(match what {
            "a text" => finding.help("a text that begins with { or [ is quoted: '{steps.order.id} …'"),
            _ => finding.help("write it below `|`, indented:\n  key: |\n    { a = 1, b = 2 }"),
        });
        None
    };
    let scalar = match &node.kind {
        NodeKind::Scalar(scalar) => scalar,
        NodeKind::Sequence(_) => return wrong(reader, "a YAML list"),
        NodeKind::Mapping(_) => return wrong(reader, "YAML keys and values"),
    };
    if scalar.style == Style::Folded {
        return wrong(reader, "a folded block (`>`)");
    }
    if !scalar.traceable {
        return wrong(reader, "several lines");
    }
    if scalar.text.trim().is_empty() || node.is_null() {
        let finding = Diagnostic::error(Code::F0314, format!("expected {what}, got nothing"), node.span);
        reader.say(match &*scalar.text {
            "" => finding,
            null => finding
                .help(format!("to YAML, {null} is no value: as an expression it is quoted"))
                .fix(node.span, "'null'"),
        });
        return None;
    }
    let mut text = scalar.source_text();
    if scalar.style == Style::Literal {
        text.text = scalar.text.trim_end_matches('\n').into();
    }
    Some((text, scalar.comment))
}

fn slot_schema() -> Schema {
    json_schema!({ "type": ["string", "number", "boolean"], "pattern": "\\S" })
}

impl JsonSchema for Expr {
    fn schema_name() -> Cow<'static, str> {
        "Expr".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        slot_schema()
    }
    fn inline_schema() -> bool {
        true
    }
}

impl JsonSchema for Template {
    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        slot_schema()
    }
    fn inline_schema() -> bool {
        true
    }
}

/// A value written here, or taken from a setting: `{ setting: NAME }`.
#[derive(Clone, Debug)]
pub enum Configurable<T> {
    Given(Spanned<T>),
    Setting(Spanned<Word>),
}

impl<T> Configurable<T> {
    pub fn span(&self) -> Span {
        match self {
            Configurable::Given(value) => value.span,
            Configurable::Setting(name) => name.span,
        }
    }
}

impl<T> Read for Configurable<T>
where
    Spanned<T>: Read,
{
    fn read(node: &Node, reader: &mut Reader) -> Option<Configurable<T>> {
        if matches!(node.kind, NodeKind::Mapping(_)) {
            let fields = reader.fields(node, "a value from a setting", &["setting"])?;
            return Some(Configurable::Setting(fields.take("setting", None, reader)?));
        }
        Some(Configurable::Given(Read::read(node, reader)?))
    }
}

impl<T: JsonSchema> JsonSchema for Configurable<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrSetting", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let setting = json_schema!({
            "additionalProperties": false,
            "required": ["setting"],
            "properties": { "setting": { "type": ["string", "number", "boolean"], "description": "Name of a setting of flowctl.yaml whose value counts." } },
        });
        super::schema::short_form(generator.subschema_for::<T>(), setting)
    }
    fn inline_schema() -> bool {
        true
    }
}
