//! What was expected against what was got: numbers by value, dates as they are written, everything else as it is.

use super::problems::{Change, Problems};
use super::tree::{Kind, Tree};
use crate::diagnostics::{Code, Diagnostic, did_you_mean};
use crate::language::shape::conform;
use crate::language::types::{self, Type};
use crate::value::{Record, Text, Value, excerpt, json, time};

/// How much has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Nothing but what is expected.
    Exact,
    /// Records may have more fields; lists are whole.
    Part,
}

/// Says each difference at the place of the expectation. `ty`: the type by which `got` was written, where there is one.
pub fn compare(path: &str, want: &Tree, got: &Value, extent: Extent, ty: Option<&Type>, out: &mut Problems) {
    match (&want.kind, got) {
        (Kind::Missing, Value::Missing) => {}
        (Kind::Record(fields), Value::Record(record)) => {
            let known = ty.and_then(Type::fields);
            for field in fields {
                let ty = known.and_then(|known| known.fields.get(&field.name)).map(|field| &field.ty);
                // What can never be there is missing whatever the flow does.
                if let (Kind::Missing, Some(known), None) = (&field.value.kind, known, ty) {
                    let message =
                        format!("`{}` is expected to be missing, and there is no such field", below(path, &field.name));
                    let finding = failed(message, &field.value);
                    let meant = did_you_mean(&field.name, known.fields.keys().map(|name| name.as_str()));
                    out.push(
                        meant
                            .into_iter()
                            .fold(finding, |finding, meant| finding.help(format!("did you mean `{meant}`?"))),
                    );
                    continue;
                }
                let got = record.get(&field.name).unwrap_or(&Value::Missing);
                compare(&below(path, &field.name), &field.value, got, extent, ty, out);
            }
            if extent == Extent::Exact {
                for (name, value) in record.iter().filter(|(name, _)| !fields.iter().any(|field| field.name == **name))
                {
                    let message = format!("`{}` is not expected, got {}", below(path, name), show(value));
                    out.amend(failed(message, want), want.span, Change::Field(name.clone(), plain(value)));
                }
            }
        }
        (Kind::List(items), Value::List(got)) => {
            let element = ty.and_then(|ty| match &ty.kind {
                types::Kind::List(of) => Some(&**of),
                _ => None,
            });
            if items.len() != got.len() {
                let message = format!(
                    "`{path}` has {} elements, expected {}: got {}",
                    got.len(),
                    items.len(),
                    show(&Value::List(got.clone()))
                );
                let change = Change::Value(plain(&Value::List(got.clone())));
                return out.amend(failed(message, want), want.span, change);
            }
            for (n, (want, got)) in items.iter().zip(got.iter()).enumerate() {
                compare(&format!("{path}[{n}]"), want, got, extent, element, out);
            }
        }
        (Kind::One(value), got) if same(value, got, ty) => {}
        _ => {
            let message = format!("`{path}`: expected {}, got {}", show(&want.value()), show(got));
            let finding = failed(message, want);
            let finding = match (&want.kind, got) {
                (Kind::One(Value::Text(_)), Value::Number(_) | Value::Bool(_)) => {
                    finding.help("what is quoted is a text")
                }
                (Kind::One(Value::Number(_) | Value::Bool(_)), Value::Text(_)) => finding.help("a text is quoted"),
                _ => finding,
            };
            out.amend(finding, want.span, Change::Value(plain(got)));
        }
    }
}

/// An expectation that was not met.
pub fn failed(message: String, want: &Tree) -> Diagnostic {
    Diagnostic::error(Code::F0500, message, want.span)
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn same(want: &Value, got: &Value, ty: Option<&Type>) -> bool {
    if want == got {
        return true;
    }
    // A day or an instant is expected as it is meant and written as the system wants it.
    let moment = ty.is_some_and(|ty| matches!(ty.kind, types::Kind::Date | types::Kind::Time));
    match (want, got, ty) {
        (Value::Text(want), Value::Time(got), _) => time::parse_time(want).is_some_and(|want| want == *got),
        (Value::Text(want), Value::Date(got), _) => time::parse_date(want).is_some_and(|want| want == *got),
        (Value::Text(_), Value::Text(_), Some(ty)) if moment => conform(want, ty).is_ok_and(|want| want == *got),
        _ => false,
    }
}

/// As it is shown: JSON, not too long.
pub fn show(value: &Value) -> String {
    match value {
        Value::Missing => "missing".into(),
        value => excerpt_of(&json::write(&plain(value)).unwrap_or_else(|_| value.kind().to_owned())),
    }
}

fn excerpt_of(text: &str) -> String {
    if text.len() <= 160 { text.to_owned() } else { excerpt(text) }
}

/// A value with nothing in it that JSON has no form for: money as `{ amount, currency }`, a local time as text.
pub fn plain(value: &Value) -> Value {
    match value {
        Value::Local(local) => Value::from(local.to_string()),
        Value::Money(money) => {
            let fields = [("amount", Value::from(money.amount)), ("currency", Value::from(money.currency.code()))];
            Value::Record(fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect::<Record>())
        }
        Value::List(items) => Value::from(items.iter().map(plain).collect::<Vec<_>>()),
        Value::Record(record) => {
            Value::Record(record.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        other => other.clone(),
    }
}
