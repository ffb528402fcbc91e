//! What a column holds: what it takes, and what stands in it when nothing was given.

use super::text;
use crate::language::types::{Form, Kind, Type};
use crate::value::{Number, Value, time};

const NO_DATE: &str = "1900-01-01T12:00:00Z";

/// What a column holds when nothing was given: F&O has no null.
pub fn empty(ty: &Type) -> Value {
    match &ty.kind {
        Kind::Int | Kind::Decimal => Value::Number(Number::from(0)),
        Kind::Date | Kind::Time => text(NO_DATE),
        Kind::Bool => Value::Bool(false),
        _ => match ty.facts.as_ref().and_then(|facts| facts.options.first()) {
            Some((first, _)) => Value::Text(first.clone()),
            None => text(""),
        },
    }
}

/// Checks a given value against its column's type; gives what is stored.
pub fn stored(column: &str, ty: &Type, value: &Value) -> Result<Value, String> {
    let wrong = |expected: &str| {
        Err(format!("Cannot convert the value of property '{column}' to the expected type '{expected}'."))
    };
    let facts = ty.facts.as_deref();
    match (&ty.kind, value) {
        (Kind::Text, Value::Text(given)) => {
            if let Some(most) = facts.and_then(|f| f.max_length)
                && given.encode_utf16().count() > most as usize
            {
                return Err(format!("The value of property '{column}' is longer than {most} characters."));
            }
            if let Some(facts) = facts.filter(|facts| !facts.options.is_empty())
                && !facts.options.iter().any(|(option, _)| option == given)
            {
                return Err(format!("The value '{given}' is not a member of the enumeration of property '{column}'."));
            }
            Ok(value.clone())
        }
        (Kind::Int, Value::Number(number)) if number.is_whole() => Ok(value.clone()),
        (Kind::Int, _) => wrong("Edm.Int32"),
        (Kind::Decimal, Value::Number(_)) => Ok(value.clone()),
        (Kind::Decimal, _) => wrong("Edm.Decimal"),
        (Kind::Bool, Value::Bool(_)) => Ok(value.clone()),
        (Kind::Bool, _) => wrong("Edm.Boolean"),
        (Kind::Date | Kind::Time, Value::Text(given)) => {
            let noon = facts.and_then(|f| f.form) == Some(Form::Noon);
            match time::parse_time(given) {
                None => wrong("Edm.DateTimeOffset"),
                Some(_) if noon && !given.ends_with("T12:00:00Z") => {
                    Err(format!("The date of property '{column}' has to be written as yyyy-MM-ddT12:00:00Z."))
                }
                Some(_) => Ok(value.clone()),
            }
        }
        (Kind::Date | Kind::Time, _) => wrong("Edm.DateTimeOffset"),
        _ => wrong("Edm.String"),
    }
}
