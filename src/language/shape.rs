//! A value against a type, deeply: the last check of every body before it is sent, and how it is written on the wire.
//!
//! What a type says about reading (which fields are always there) is not asked here: what must be written stands at the
//! operation. Everything else is: names, kinds, lengths, options, decimals, null.

use super::evaluate::see::{Seen, see};
use super::evaluate::{describe, quote};
use super::types::{Facts, Form, Kind, RecordType, Type};
use crate::diagnostics::did_you_mean;
use crate::value::{Money, Number, Record, Text, Value, time};

/// Why a value does not fit. Class `data`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("`{path}`: ") })]
pub struct ShapeError {
    /// `lines[0].SalesPrice`; empty for the whole value.
    pub path: String,
    /// What was got and expected.
    pub message: String,
}

/// What is written for `value` where `ty` is wanted: dates and times as texts in the type's form, money as
/// `{ amount, currency }`, missing left out. A value that does not fit is an error.
pub fn conform(value: &Value, ty: &Type) -> Result<Value, ShapeError> {
    let facts = ty.facts.as_deref();
    Ok(match (&ty.kind, value) {
        (_, Value::Missing) if ty.missing => Value::Missing,
        (Kind::Any, _) => plain(value)?,
        (_, Value::Null) if ty.null => Value::Null,
        (_, Value::Null) => return error(format!("null cannot be written here, expected {}", ty.clone().present())),
        (Kind::Text, Value::Text(text)) => {
            check_length(text, facts)?;
            check_option(text, facts)?;
            value.clone()
        }
        (Kind::Int, Value::Number(number)) => {
            if !number.is_whole() {
                return error(format!("expected int, got {}", describe(value)));
            }
            check_option(&number.canonical(), facts)?;
            value.clone()
        }
        (Kind::Decimal, Value::Number(number)) => {
            check_scale(number, facts)?;
            match form(facts) {
                Some(Form::DecimalText) => match number.plain() {
                    Ok(text) => Value::from(&*text),
                    Err(why) => return error(why.to_string()),
                },
                _ => value.clone(),
            }
        }
        (Kind::Bool, Value::Bool(_)) => value.clone(),
        (Kind::Date, Value::Date(date)) => written_date(*date, form(facts))?,
        (Kind::Date, Value::Text(text)) => match time::parse_date(text) {
            Some(date) => written_date(date, form(facts))?,
            None => return error(format!("expected date, got {}", describe(value))),
        },
        (Kind::Time, Value::Time(instant)) => written_time(*instant)?,
        (Kind::Time, Value::Text(text)) => match time::parse_time(text) {
            Some(instant) => written_time(instant)?,
            None => return error(format!("expected time, got {}", describe(value))),
        },
        (Kind::Money, Value::Money(money)) => written_money(money)?,
        (Kind::List(element), Value::List(items)) => {
            let items = items.iter().enumerate();
            let written = items.map(|(n, item)| match conform(item, element) {
                Ok(Value::Missing) => plain(item).map_err(|error| error.below(&format!("[{n}]"))),
                other => other.map_err(|error| error.below(&format!("[{n}]"))),
            });
            written.collect::<Result<Value, _>>()?
        }
        (Kind::Map(wanted), Value::Record(record)) => {
            fields(record, |name, value| conform(value, wanted).map_err(|error| error.below(name)))?
        }
        (Kind::Record(wanted), Value::Record(record)) => {
            fields(record, |name, value| field(name, value, wanted).map_err(|error| error.below(name)))?
        }
        _ => return error(format!("expected {}, got {}", ty.clone().present(), describe(value))),
    })
}

/// A record as something that takes `params` reads it: every name is known, what has to be there is, and each value is of
/// its kind. What lies deeper is looked at where it is read.
pub fn arguments(value: &Value, params: &Type) -> Result<Value, ShapeError> {
    let (Value::Record(record), Some(wanted)) = (value, params.fields()) else {
        return error(format!("expected {params}, got {}", describe(value)));
    };
    if let Some((name, _)) = record.iter().find(|(name, _)| !wanted.fields.contains_key(*name)) {
        let meant = did_you_mean(name, wanted.fields.keys().map(|known| &**known));
        let meant = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
        return error(format!("there is no `{name}`{meant}"));
    }
    let mut taken = Vec::with_capacity(record.len());
    for (name, field) in &wanted.fields {
        let value = record.get(name).unwrap_or(&Value::Missing);
        match see(value, &field.ty) {
            Ok(Seen::Value(value)) => taken.push((name.clone(), value)),
            Ok(Seen::Absent) if field.ty.missing => {}
            Ok(Seen::Absent) => return error(format!("`{name}` is {}, expected {}", describe(value), field.ty)),
            Err(misfit) => return error(format!("`{name}`{}", misfit.message)),
        }
    }
    Ok(Value::Record(taken.into_iter().collect()))
}

fn field(name: &Text, value: &Value, wanted: &RecordType) -> Result<Value, ShapeError> {
    let Some(field) = wanted.fields.get(name) else {
        let owner = wanted.name.as_ref().map_or("this record".into(), |name| format!("`{name}`"));
        let hint = did_you_mean(name, wanted.fields.keys().map(|known| &**known));
        let hint = hint.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        return error(format!("{owner} has no such field{hint}"));
    };
    if field.read_only {
        return error("is given by the system and cannot be written".into());
    }
    match value {
        Value::Missing => Ok(Value::Missing),
        value => conform(value, &field.ty),
    }
}

fn fields(record: &Record, write: impl Fn(&Text, &Value) -> Result<Value, ShapeError>) -> Result<Value, ShapeError> {
    let mut written = Vec::with_capacity(record.len());
    for (name, value) in record.iter() {
        match write(name, value)? {
            Value::Missing => {}
            value => written.push((name.clone(), value)),
        }
    }
    Ok(Value::Record(written.into_iter().collect()))
}

/// A value without a type: only what has no form of its own is refused.
fn plain(value: &Value) -> Result<Value, ShapeError> {
    Ok(match value {
        Value::Missing => return error("is missing, which has no form in JSON".into()),
        Value::Local(_) => return error("a local time cannot be written; use `.date()` or `.format(pattern)`".into()),
        Value::Money(_) => return error("money cannot be written here; write `.amount` and `.currency`".into()),
        Value::Date(date) => written_date(*date, None)?,
        Value::Time(instant) => written_time(*instant)?,
        Value::List(items) => {
            let items = items.iter().enumerate();
            let written = items.map(|(n, item)| plain(item).map_err(|error| error.below(&format!("[{n}]"))));
            written.collect::<Result<Value, _>>()?
        }
        Value::Record(record) => fields(record, |name, value| match value {
            Value::Missing => Ok(Value::Missing),
            value => plain(value).map_err(|error| error.below(name)),
        })?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => value.clone(),
    })
}

fn form(facts: Option<&Facts>) -> Option<Form> {
    facts.and_then(|facts| facts.form)
}

fn written_date(date: jiff::civil::Date, form: Option<Form>) -> Result<Value, ShapeError> {
    match (time::write_date(date), form) {
        (Ok(date), Some(Form::Noon)) => Ok(Value::from(format!("{date}T12:00:00Z"))),
        (Ok(date), _) => Ok(Value::from(date)),
        (Err(why), _) => error(why.to_string()),
    }
}

fn written_time(at: jiff::Timestamp) -> Result<Value, ShapeError> {
    time::write_time(at).map(Value::from).or_else(|why| error(why.to_string()))
}

/// `{ amount, currency }` with the currency's decimals.
fn written_money(money: &Money) -> Result<Value, ShapeError> {
    let amount = match money.written_amount() {
        Ok(amount) => amount,
        Err(why) => return error(why.to_string()),
    };
    let fields =
        [(Text::from("amount"), Value::from(amount)), (Text::from("currency"), Value::from(money.currency.code()))];
    Ok(Value::Record(fields.into_iter().collect()))
}

fn check_length(text: &str, facts: Option<&Facts>) -> Result<(), ShapeError> {
    let Some(most) = facts.and_then(|facts| facts.max_length) else { return Ok(()) };
    let length = text.encode_utf16().count();
    if length <= most as usize {
        return Ok(());
    }
    error(format!("{} is {length} characters long, at most {most} fit; `truncate({most})` cuts it", quote(text)))
}

fn check_option(written: &str, facts: Option<&Facts>) -> Result<(), ShapeError> {
    let Some(facts) = facts.filter(|facts| !facts.options.is_empty()) else { return Ok(()) };
    if facts.options.iter().any(|(option, _)| **option == *written) {
        return Ok(());
    }
    let known: Vec<&str> = facts.options.iter().map(|(option, _)| &**option).collect();
    let shown = known.iter().take(8).copied().collect::<Vec<_>>().join(", ");
    let more = if known.len() > 8 { ", …" } else { "" };
    error(format!("{} is none of the options {shown}{more}", quote(written)))
}

fn check_scale(number: &Number, facts: Option<&Facts>) -> Result<(), ShapeError> {
    let Some(most) = facts.and_then(|facts| facts.scale) else { return Ok(()) };
    let Ok(exact) = number.exact() else {
        return error(format!("{} has more digits than can be written here", number.written()));
    };
    let (shortest, places) = (exact.shortest(), exact.shortest().decimals());
    if places <= most {
        return Ok(());
    }
    error(format!("{shortest} has {places} decimals, at most {most} fit; `round(…, {most}, \"half_even\")` cuts it"))
}

fn error<T>(message: String) -> Result<T, ShapeError> {
    Err(ShapeError { path: String::new(), message })
}

impl ShapeError {
    fn below(self, step: &str) -> ShapeError {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        ShapeError { path: format!("{step}{dot}{}", self.path), message: self.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::types::Field;
    use crate::value::json;
    use std::sync::Arc;

    fn facts(ty: Type, facts: Facts) -> Type {
        Type { facts: Some(Arc::new(facts)), ..ty }
    }

    fn order() -> Type {
        let name = facts(Type::text(), Facts { max_length: Some(5), ..Facts::default() });
        let options = vec![("Yes".into(), None), ("No".into(), None)];
        let choice = facts(Type::text(), Facts { options, closed: true, ..Facts::default() });
        let day = facts(Type::date(), Facts { form: Some(Form::Noon), ..Facts::default() });
        let price = facts(Type::decimal(), Facts { scale: Some(2), ..Facts::default() });
        let text = facts(Type::decimal(), Facts { form: Some(Form::DecimalText), ..Facts::default() });
        let line = Type::record(RecordType::shape([("Price", price), ("Quantity", Type::int().or_missing())]));
        let mut order = RecordType::shape([
            ("Name", name),
            ("Choice", choice),
            ("Day", day),
            ("Text", text),
            ("Total", Type::money()),
            ("Lines", Type::list(line)),
            ("Note", Type::text().or_null()),
        ]);
        order.name = Some("finops.Order".into());
        order.fields.insert("Number".into(), Field { read_only: true, ..Field::plain(Type::text()) });
        Type::record(order)
    }

    fn refused(body: &str) -> String {
        conform(&json::parse(body.as_bytes()).unwrap(), &order()).unwrap_err().to_string()
    }

    #[test]
    fn what_fits_is_written_in_the_types_form() {
        let body = json::parse(
            r#"{"Name":"Adaë","Choice":"Yes","Text":10.50,"Lines":[{"Price":1.10,"Quantity":2.0}],"Note":null}"#
                .as_bytes(),
        );
        let Value::Record(record) = body.unwrap() else { panic!("a record") };
        let money = Money {
            amount: crate::value::Exact::parse("12.5").unwrap(),
            currency: crate::value::Currency::parse("USD").unwrap(),
        };
        let more =
            [(Text::from("Day"), Value::Date(jiff::civil::date(2026, 11, 1))), ("Total".into(), Value::Money(money))];
        let whole = record.iter().map(|(name, value)| (name.clone(), value.clone())).chain(more).collect();
        let written = conform(&Value::Record(whole), &order()).unwrap();
        assert_eq!(
            json::write(&written).unwrap(),
            r#"{"Name":"Adaë","Choice":"Yes","Text":"10.50","Lines":[{"Price":1.10,"Quantity":2.0}],"Note":null,"Day":"2026-11-01T12:00:00Z","Total":{"amount":12.50,"currency":"USD"}}"#
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_path() {
        assert_eq!(refused(r#"{"Nam":"x"}"#), "`Nam`: `finops.Order` has no such field; did you mean `Name`?");
        assert_eq!(refused(r#"{"Name":1}"#), "`Name`: expected text, got number 1");
        assert_eq!(refused(r#"{"Name":null}"#), "`Name`: null cannot be written here, expected text");
        assert_eq!(refused(r#"{"Choice":"yes"}"#), "`Choice`: \"yes\" is none of the options Yes, No");
        assert!(
            refused(r#"{"Lines":[{"Price":1.234}]}"#)
                .starts_with("`Lines[0].Price`: 1.234 has 3 decimals, at most 2 fit")
        );
        assert!(refused(r#"{"Lines":[{"Quantity":1.5}]}"#).starts_with("`Lines[0].Quantity`: expected int"));
        assert!(refused(r#"{"Number":"x"}"#).contains("given by the system"));
        assert!(refused(r#"{"Day":"tomorrow"}"#).contains("expected date"));
        assert!(refused(r#"{"Total":12}"#).contains("expected money"));
    }

    #[test]
    fn length_is_counted_in_utf16_units() {
        assert!(conform(&json::parse(r#"{"Name":"ab😀c"}"#.as_bytes()).unwrap(), &order()).is_ok());
        assert!(refused(r#"{"Name":"abc😀d"}"#).contains("is 6 characters long, at most 5 fit"));
    }

    #[test]
    fn money_needs_a_type_that_says_so_and_its_currencys_decimals() {
        let money = |text: &str| {
            Value::Money(Money {
                amount: crate::value::Exact::parse(text).unwrap(),
                currency: crate::value::Currency::parse("USD").unwrap(),
            })
        };
        assert!(conform(&money("1"), &Type::any()).unwrap_err().message.contains("`.amount`"));
        assert!(conform(&money("1.005"), &Type::money()).unwrap_err().message.contains("round"));
    }
}
