//! Constants while compiling: their text, equality, and code that is nothing but one.

use crate::language::code::{Code, Op, Statement};
use crate::value::{Number, Value};

/// The value as a person writes it, where it is a simple one.
pub(super) fn shown(value: &Value) -> Option<String> {
    Some(match value {
        Value::Missing => "missing".into(),
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.plain().ok()?.into_owned(),
        Value::Text(text) => text.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Time(time) => time.to_string(),
        _ => return None,
    })
}

/// `-n`, with the decimals that n is written with.
pub(super) fn negative(value: &Value) -> Option<Value> {
    let Value::Number(number) = value else { return None };
    let text = number.plain().ok()?.into_owned();
    let text = match text.strip_prefix('-') {
        Some(positive) => positive.to_string(),
        None if text.chars().all(|c| matches!(c, '0' | '.')) => text,
        None => format!("-{text}"),
    };
    Some(Value::Number(Number::from_json(text.into())))
}

/// Whether two simple constants are the same value.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Missing, Value::Missing) | (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Number(a), Value::Number(b)) => a.compare(b).is_eq(),
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Date(a), Value::Date(b)) => a == b,
        (Value::Time(a), Value::Time(b)) => a == b,
        _ => false,
    }
}

/// The value of code that is nothing but a constant, a list or a record of them.
pub(super) fn folded(code: &Code) -> Option<Value> {
    match &code.op {
        Op::Const(value) => Some(value.clone()),
        Op::View { value, .. } => folded(value),
        Op::List(elements) => elements.iter().map(folded).collect(),
        Op::Record(statements) => {
            let mut fields = vec![];
            for statement in statements {
                let Statement::Assign { path, value, .. } = statement else { return None };
                let [name] = path.as_slice() else { return None };
                match folded(value)? {
                    Value::Missing => {}
                    value => fields.push((name.clone(), value)),
                }
            }
            Some(Value::Record(fields.into_iter().collect()))
        }
        _ => None,
    }
}
