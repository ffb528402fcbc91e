//! The shape that editors like, where it differs from what is derived. Tried with the YAML language server.

use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

/// Exactly one of `verbs` is present. `errorMessage` is what editors show; other validators ignore it.
pub fn exactly_one(what: &'static str, verbs: &'static [&'static str]) -> impl Fn(&mut Schema) {
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
pub fn short_form(mut plain: Schema, long: Schema) -> Schema {
    mend(&mut plain);
    let types = match plain.get("type") {
        Some(Value::String(one)) => vec![json!(one), json!("object")],
        Some(Value::Array(several)) => several.iter().cloned().chain([json!("object")]).collect(),
        _ => vec![json!("string"), json!("number"), json!("boolean"), json!("object")],
    };
    json_schema!({ "type": types, "if": { "type": "object" }, "then": long, "else": plain })
}

/// The keys that must be there: those that are `true`.
pub fn require(schema: &mut Schema, keys: &[(&str, bool)]) {
    let required: Vec<&str> = keys.iter().filter(|(_, required)| *required).map(|(key, _)| *key).collect();
    if required.is_empty() {
        schema.remove("required");
    } else {
        schema.insert("required".into(), json!(required));
    }
}

/// Takes out what editors stumble over: `null` beside what an `Option` holds, and enums as a `oneOf` of constants.
pub fn mend(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    let is_null = |one: &Value| one.get("type").is_some_and(|kind| kind == "null");
    if let Some(Value::Array(mut choices)) = schema.get("anyOf").cloned() {
        choices.retain(|one| !is_null(one));
        if let [Value::Object(only)] = &choices[..] {
            schema.remove("anyOf");
            for (key, value) in only {
                if schema.get(key).is_none() {
                    schema.insert(key.clone(), value.clone());
                }
            }
        }
    }
    if let Some(Value::Array(choices)) = schema.get("oneOf").cloned() {
        let words: Option<Vec<Value>> = choices.iter().map(|one| one.get("const").cloned()).collect();
        if let Some(words) = words {
            let described = choices.iter().map(|one| one.get("description").cloned().unwrap_or_else(|| "".into()));
            schema.remove("oneOf");
            schema.insert("type".into(), "string".into());
            schema.insert("enum".into(), words.into());
            schema.insert("enumDescriptions".into(), described.collect());
        }
    }
}

/// Puts the type of what is referred to beside each reference: an editor writes `: ` behind a key only where it sees one.
pub fn say_types(schema: &mut Schema) {
    let Some(Value::Object(definitions)) = schema.get("$defs").cloned() else { return };
    let types: Map<String, Value> =
        definitions.iter().filter_map(|(name, one)| Some((name.clone(), one.get("type")?.clone()))).collect();
    if let Some(root) = schema.as_object_mut() {
        root.values_mut().for_each(|value| beside_references(value, &types));
    }
}

fn beside_references(value: &mut Value, types: &Map<String, Value>) {
    match value {
        Value::Object(object) => {
            let name = object.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
            if let Some(kind) = name.and_then(|name| types.get(name)).cloned() {
                object.entry("type").or_insert(kind);
            }
            object.values_mut().for_each(|one| beside_references(one, types));
        }
        Value::Array(list) => list.iter_mut().for_each(|one| beside_references(one, types)),
        _ => {}
    }
}
