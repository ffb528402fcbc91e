//! JSON Schemas of our files, for editors: from the structs of this module, in the shape that editors understand.

use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

/// Exactly one of `verbs` is present. `errorMessage` is what editors show; other validators ignore it.
pub(super) fn exactly_one(what: &'static str, verbs: &'static [&'static str]) -> impl Fn(&mut Schema) {
    move |schema| {
        let any: Vec<Value> = verbs.iter().map(|verb| json!({ "required": [verb] })).collect();
        let none = format!("A {what} has exactly one of: {}.", verbs.join(", "));
        schema.insert("if".into(), json!({ "anyOf": any }));
        schema.insert("else".into(), json!({ "type": "null", "errorMessage": none }));
        let alone = verbs.iter().map(|verb| {
            let others: Map<String, Value> =
                verbs.iter().filter(|other| *other != verb).map(|other| (other.to_string(), false.into())).collect();
            let twice = format!("This {what} has `{verb}` already; it can have only one of: {}.", verbs.join(", "));
            (verb.to_string(), json!({ "properties": others, "errorMessage": twice }))
        });
        schema.insert("dependentSchemas".into(), Value::Object(alone.collect()));
    }
}

/// What `plain` says, or a mapping as `long` says: told apart by if/then/else, so that an editor points at the typo.
pub(super) fn short_form(plain: Schema, long: Schema) -> Schema {
    let types = match plain.get("type") {
        Some(Value::String(one)) => vec![json!(one), json!("object")],
        Some(Value::Array(several)) => several.iter().cloned().chain([json!("object")]).collect(),
        _ => vec![json!("string"), json!("number"), json!("boolean"), json!("object")],
    };
    json_schema!({ "type": types, "if": { "type": "object" }, "then": long, "else": plain })
}
