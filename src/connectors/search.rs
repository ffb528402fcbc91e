//! Stripe's search queries as texts: `email:"a@b.example" AND -metadata["order"]:"SO-1"`.
//!
//! A value is always one quoted literal, whatever is in it.

use crate::catalog::FilterRules;
use crate::engine::connector::{EvaluatedColumn, EvaluatedFilter, StepError};
use crate::language::code::CompareOp;
use crate::value::Value;

/// The query of a condition; the compiler has refused what cannot be said.
pub fn query(filter: &EvaluatedFilter, rules: &FilterRules) -> Result<String, StepError> {
    match filter {
        EvaluatedFilter::And(parts) => {
            let parts = parts.iter().map(|part| query(part, rules));
            Ok(parts.collect::<Result<Vec<_>, _>>()?.join(" AND "))
        }
        EvaluatedFilter::Compare { column, op, value } => {
            let (field, value) = (field(column), literal(column, value)?);
            Ok(match op {
                CompareOp::Equal => format!("{field}:{value}"),
                CompareOp::NotEqual => format!("-{field}:{value}"),
                CompareOp::Less => format!("{field}<{value}"),
                CompareOp::LessEqual => format!("{field}<={value}"),
                CompareOp::Greater => format!("{field}>{value}"),
                CompareOp::GreaterEqual => format!("{field}>={value}"),
            })
        }
        EvaluatedFilter::Function { name, column, args } if rules.functions.contains_key(name.as_str()) => {
            match &args[..] {
                [part] => Ok(format!("{}{}{}", field(column), rules.functions[name.as_str()], literal(column, part)?)),
                _ => Err(refuse("a search compares with one text")),
            }
        }
        _ => Err(refuse("this condition cannot be searched for")),
    }
}

/// `email`, `metadata["order"]`.
fn field(column: &EvaluatedColumn) -> String {
    let mut parts = column.path.iter();
    let first = parts.next().map(|part| part.to_string()).unwrap_or_default();
    parts.fold(first, |field, part| format!("{field}[{}]", quoted(part)))
}

fn literal(column: &EvaluatedColumn, value: &Value) -> Result<String, StepError> {
    match value {
        Value::Text(text) => Ok(quoted(text)),
        Value::Number(number) => number.plain().map(|text| text.into_owned()).map_err(|why| refuse(&why.to_string())),
        other => Err(refuse(&format!("{} cannot be searched for in `{}`", other.kind(), field(column)))),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn refuse(why: &str) -> StepError {
    StepError::data("filter", why)
}
