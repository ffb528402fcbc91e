//! Objects whose further keys depend on the value of one of them: `call`, `lookup`, `poll` and the writes of a change set on
//! `operation`, a connection on `system`. Each value adds its own keys, closed, so that an editor completes exactly those.

use crate::model::connections::Connection;
use crate::model::flow::{Call, Lookup, Poll, Write};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// An operation as an editor should know it.
#[derive(Clone, Debug)]
pub struct OperationSchema {
    /// `system.operation`.
    pub name: String,
    pub title: String,
    /// `call` takes it; otherwise `lookup` and `poll`.
    pub writes: bool,
    /// Only `poll` takes it.
    pub polled: bool,
    pub params: Vec<ParamSchema>,
}

/// A parameter of an operation.
#[derive(Clone, Debug)]
pub struct ParamSchema {
    pub name: String,
    pub kind: ParamKind,
    pub required: bool,
    pub description: String,
}

/// What is written for a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// An expression, a `where` included.
    Expr,
    /// A text that is no expression: a link, a flow; with the names that are known, of which more may exist.
    Name(Vec<String>),
    /// A list of column names.
    Columns,
    /// A value that is no expression, or a setting.
    Literal,
    /// The writes of a change set.
    Writes,
    /// How a list comes page by page.
    Paging,
}

/// A system as an editor should know it.
#[derive(Clone, Debug)]
pub struct SystemSchema {
    pub name: String,
    pub title: String,
    /// The keys of its connections beside the common ones.
    pub connection: Vec<ConnectionKey>,
}

/// A key of a system's connections.
#[derive(Clone, Debug)]
pub struct ConnectionKey {
    pub name: String,
    pub kind: KeyKind,
    pub required: bool,
    pub description: String,
}

/// What is written for a connection's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyKind {
    Text,
    Texts,
    OneOf(Vec<String>),
    /// Never in clear.
    Secret,
    /// Several, while one is being replaced.
    Secrets,
}

/// One value of the deciding key, and the keys that it adds.
struct Choice {
    value: String,
    title: String,
    keys: Map<String, Value>,
    required: Vec<String>,
}

/// Completes the definitions in `schema` that have keys depending on the catalogue.
pub(super) fn fill(schema: &mut Schema, operations: &[OperationSchema], systems: &[SystemSchema]) {
    let chosen = |writes: bool| -> Vec<Choice> {
        operations.iter().filter(|one| one.writes == writes).map(OperationSchema::choice).collect()
    };
    let is_set = |one: &OperationSchema| one.params.iter().any(|param| param.kind == ParamKind::Writes);
    let calls = schema.get("$defs").is_some_and(|definitions| definitions.get("Call").is_some());
    if calls && operations.iter().any(is_set) {
        define_writes(schema);
    }
    // Only systems with change sets have writes that can stand in one.
    let system = |one: &OperationSchema| one.name.split_once('.').map(|(system, _)| system.to_owned());
    let with_sets: Vec<Option<String>> = operations.iter().filter(|one| is_set(one)).map(system).collect();
    let stands = |one: &&OperationSchema| one.writes && !is_set(one) && with_sets.contains(&system(one));
    let single: Vec<Choice> = operations.iter().filter(stands).map(OperationSchema::choice).collect();
    let asked: Vec<Choice> =
        operations.iter().filter(|one| !one.writes && !one.polled).map(OperationSchema::choice).collect();
    open(schema, "Lookup", "operation", Lookup::KEYS, &asked);
    open(schema, "Poll", "operation", Poll::KEYS, &chosen(false));
    open(schema, "Call", "operation", Call::KEYS, &chosen(true));
    open(schema, "Write", "operation", Write::KEYS, &single);
    let systems: Vec<Choice> = systems.iter().map(SystemSchema::choice).collect();
    open(schema, "Connection", "system", Connection::KEYS, &systems);
}

/// The writes of a change set stand under a parameter, so no struct leads to them.
fn define_writes(schema: &mut Schema) {
    let settings = schemars::generate::SchemaSettings::draft2020_12()
        .with_transform(schemars::transform::RecursiveTransform(super::shape::mend));
    let generated = settings.into_generator().into_root_schema_for::<WriteList>();
    let Some(Value::Object(more)) = generated.get("$defs") else { return };
    if let Some(Value::Object(definitions)) = schema.get_mut("$defs") {
        for (name, one) in more {
            definitions.entry(name).or_insert_with(|| one.clone());
        }
    }
}

struct WriteList;

impl JsonSchema for WriteList {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "WriteList".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Write>()
    }
}

fn open(schema: &mut Schema, name: &str, decides: &str, common: &[&str], choices: &[Choice]) {
    let definition = schema.get_mut("$defs").and_then(|definitions| definitions.get_mut(name));
    let Some(Value::Object(definition)) = definition else { return };
    definition.remove("additionalProperties");
    if choices.is_empty() {
        return;
    }
    if let Some(Value::Object(key)) = definition.get_mut("properties").and_then(|all| all.get_mut(decides)) {
        let values: Vec<&str> = choices.iter().map(|choice| choice.value.as_str()).collect();
        let titles: Vec<&str> = choices.iter().map(|choice| choice.title.as_str()).collect();
        key.insert("type".into(), "string".into());
        key.insert("enum".into(), json!(values));
        key.insert("enumDescriptions".into(), json!(titles));
    }
    let all: Vec<Value> = choices
        .iter()
        .map(|choice| {
            let mut keys: Map<String, Value> = common.iter().map(|key| (key.to_string(), true.into())).collect();
            keys.extend(choice.keys.clone());
            let mut then = json!({ "additionalProperties": false, "properties": keys });
            if !choice.required.is_empty() {
                then["required"] = json!(choice.required);
            }
            json!({ "if": { "properties": { decides: { "const": choice.value } }, "required": [decides] }, "then": then })
        })
        .collect();
    definition.insert("allOf".into(), all.into());
}

impl OperationSchema {
    fn choice(&self) -> Choice {
        Choice {
            value: self.name.clone(),
            title: self.title.clone(),
            keys: self.params.iter().map(|param| (param.name.clone(), param.schema())).collect(),
            required: self.params.iter().filter(|param| param.required).map(|param| param.name.clone()).collect(),
        }
    }
}

impl ParamSchema {
    fn schema(&self) -> Value {
        let setting = json!({ "additionalProperties": false, "required": ["setting"], "properties": { "setting": { "type": "string" } } });
        let mut schema = match &self.kind {
            ParamKind::Expr => json!({ "type": ["string", "number", "boolean"] }),
            ParamKind::Name(known) if known.is_empty() => json!({ "type": "string" }),
            ParamKind::Name(known) => json!({ "type": "string", "examples": known }),
            ParamKind::Columns => json!({ "type": "array", "items": { "type": "string" } }),
            ParamKind::Literal => json!({
                "type": ["string", "number", "boolean", "array", "object"],
                "if": { "type": "object" },
                "then": setting,
            }),
            ParamKind::Writes => json!({ "type": "array", "items": { "$ref": "#/$defs/Write" } }),
            ParamKind::Paging => paging(),
        };
        schema["description"] = json!(self.description);
        schema
    }
}

/// The keys with which a flow says how a list comes page by page.
fn paging() -> Value {
    let (text, number) = (json!({ "type": "string" }), json!({ "type": "integer", "minimum": 0 }));
    let places = |value: &Value| json!({ "type": "object", "additionalProperties": value });
    let each = crate::catalog::Paging::KEYS.map(|key| {
        let schema = match key {
            "from" => number.clone(),
            "size" => places(&number),
            "token" | "after" => places(&text),
            _ => text.clone(),
        };
        (key.to_owned(), schema)
    });
    let ways = ["next", "page", "offset", "token", "after"].map(|key| json!({ "required": [key] }));
    let properties: serde_json::Map<String, Value> = each.into_iter().collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false, "oneOf": ways })
}

impl SystemSchema {
    fn choice(&self) -> Choice {
        Choice {
            value: self.name.clone(),
            title: self.title.clone(),
            keys: self.connection.iter().map(|key| (key.name.clone(), key.schema())).collect(),
            required: self.connection.iter().filter(|key| key.required).map(|key| key.name.clone()).collect(),
        }
    }
}

impl ConnectionKey {
    fn schema(&self) -> Value {
        let text = || json!({ "type": ["string", "number", "boolean"] });
        let secret = || crate::model::values::secret_schema().to_value();
        let mut schema = match &self.kind {
            KeyKind::Text => text(),
            KeyKind::Texts => json!({ "type": "array", "items": text() }),
            KeyKind::OneOf(words) => json!({ "type": "string", "enum": words }),
            KeyKind::Secret => secret(),
            KeyKind::Secrets => json!({ "type": "array", "items": secret() }),
        };
        schema["description"] = json!(self.description);
        schema
    }
}
