//! Bodies against the payload types: PayPal's amounts are texts, enumerations are closed, texts have a longest length. A
//! field that the type does not know is ignored, as PayPal does.

use crate::language::types::{Form, Kind, Type};
use serde_json::{Value as Json, json};

/// One detail for each thing that is wrong.
pub(super) fn problems(body: &Json, ty: &Type) -> Vec<Json> {
    let mut found = vec![];
    check(body, ty, "", &mut found);
    found
}

fn check(value: &Json, ty: &Type, at: &str, found: &mut Vec<Json>) {
    let mut refuse = |issue: &str, description: &str| {
        let field = if at.is_empty() { "/" } else { at };
        found.push(json!({ "field": field, "location": "body", "issue": issue, "description": description }));
    };
    let syntax = "The value of a field does not conform to the expected format.";
    let facts = ty.facts.as_deref();
    match (&ty.kind, value) {
        (Kind::Any, _) => {}
        (Kind::Text, Json::String(text)) => {
            let options = facts.map(|facts| facts.options.as_slice()).unwrap_or_default();
            if facts.is_some_and(|facts| facts.closed) && !options.iter().any(|(known, _)| known.as_str() == text) {
                refuse("INVALID_PARAMETER_VALUE", "The value of a field is invalid.");
            }
            let longest = facts.and_then(|facts| facts.max_length);
            if longest.is_some_and(|longest| text.encode_utf16().count() > longest as usize) {
                refuse("INVALID_STRING_MAX_LENGTH", "The value of a field is too long.");
            }
        }
        (Kind::Decimal, Json::String(text)) if facts.is_some_and(|facts| facts.form == Some(Form::DecimalText)) => {
            if crate::value::Exact::parse(text).is_err() || text.contains(['e', 'E']) {
                refuse("INVALID_PARAMETER_SYNTAX", syntax);
            }
        }
        (Kind::Int, Json::Number(number)) if number.is_i64() => {}
        (Kind::Bool, Json::Bool(_)) => {}
        (Kind::Date, Json::String(text)) if text.parse::<jiff::civil::Date>().is_ok() => {}
        (Kind::Time, Json::String(text)) if text.parse::<jiff::Timestamp>().is_ok() => {}
        (Kind::List(element), Json::Array(items)) => {
            for (n, item) in items.iter().enumerate() {
                check(item, element, &format!("{at}/{n}"), found);
            }
        }
        (Kind::Map(of), Json::Object(fields)) => {
            fields.iter().for_each(|(name, value)| check(value, of, &format!("{at}/{name}"), found));
        }
        (Kind::Record(record), Json::Object(fields)) => {
            for (name, value) in fields {
                if let Some(field) = record.fields.get(name.as_str()) {
                    check(value, &field.ty, &format!("{at}/{name}"), found);
                }
            }
        }
        _ => refuse("INVALID_PARAMETER_SYNTAX", syntax),
    }
}
