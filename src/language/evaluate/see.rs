//! A value seen as its declared type: what is checked and converted when it is read, and how messages speak of values.

use super::{ErrorCode, Failure, Limits};
use crate::language::types::{Form, Kind, RecordType, Type};
use crate::value::{Currency, Exact, Money, Number, Record, Value, time};

/// A value as its type says it.
pub(crate) enum Seen {
    Value(Value),
    /// Missing, null where the type knows no null, or a system's way of writing "no date".
    Absent,
}

/// A value that its type does not fit. The message goes on from the value's name: "` is text "12", expected int`",
/// "`.lines[0].price is …`".
pub(crate) struct Misfit {
    pub code: ErrorCode,
    pub message: String,
}

impl Misfit {
    fn kind(value: &Value, ty: &Type) -> Misfit {
        Misfit { code: ErrorCode::Type, message: format!(" is {}, expected {}", describe(value), expected(ty)) }
    }

    fn value(value: &Value, expected: &str) -> Misfit {
        Misfit { code: ErrorCode::Value, message: format!(" is {}, expected {expected}", describe(value)) }
    }

    fn below(self, step: impl std::fmt::Display) -> Misfit {
        Misfit { message: format!("{step}{}", self.message), ..self }
    }
}

/// A type without its `?`, which says nothing about a value that is there.
fn expected(ty: &Type) -> Type {
    ty.clone().present()
}

/// What a look at a value finds, before anything is made of it.
pub(super) enum Look {
    /// The value is as its type says it.
    Same,
    Absent,
    /// It has to be read, or it does not fit: [`see`] says which.
    Other,
}

/// Whether a value is as its type says it already. Fields of records and elements of lists are looked at only when they
/// are read in turn, except for scalars in a list that need conversion.
#[inline(always)]
pub(super) fn look(value: &Value, ty: &Type) -> Look {
    match (&ty.kind, value) {
        // Most are one of these.
        (Kind::Text, Value::Text(_)) | (Kind::Decimal, Value::Number(_)) | (Kind::Record(_), Value::Record(_)) => {
            Look::Same
        }
        (Kind::Int, Value::Number(number)) if number.small().is_some() => Look::Same,
        _ => look_closely(value, ty),
    }
}

#[inline(never)]
fn look_closely(value: &Value, ty: &Type) -> Look {
    match (&ty.kind, value) {
        (_, Value::Missing) => Look::Absent,
        (Kind::Any, _) => Look::Same,
        (_, Value::Null) => match ty.null {
            true => Look::Same,
            false => Look::Absent,
        },
        (Kind::Int, Value::Number(number)) if number.is_whole() => Look::Same,
        (Kind::List(element), Value::List(_)) if !converts(element) => Look::Same,
        (Kind::Never, _)
        | (Kind::Text, Value::Text(_))
        | (Kind::Decimal, Value::Number(_))
        | (Kind::Bool, Value::Bool(_))
        | (Kind::Date, Value::Date(_))
        | (Kind::Time, Value::Time(_))
        | (Kind::Local, Value::Local(_))
        | (Kind::Money, Value::Money(_))
        | (Kind::Map(_) | Kind::Record(_), Value::Record(_)) => Look::Same,
        _ => Look::Other,
    }
}

/// Checks the kind, reads texts that are dates, times, decimals or monies by type.
pub(crate) fn see(value: &Value, ty: &Type) -> Result<Seen, Misfit> {
    match look(value, ty) {
        Look::Same => Ok(Seen::Value(value.clone())),
        Look::Absent => Ok(Seen::Absent),
        Look::Other => read(value, ty),
    }
}

/// The same of a value that has no type of its own: text in it is text, never read as something else.
pub(super) fn check(value: &Value, ty: &Type) -> Result<Seen, Misfit> {
    match (look(value, ty), &ty.kind, value) {
        (Look::Other, Kind::Decimal | Kind::Date | Kind::Time, Value::Text(_)) => Err(Misfit::kind(value, ty)),
        (Look::Other, Kind::List(element), Value::List(items)) => elements(items, |item| check(item, element)),
        _ => see(value, ty),
    }
}

fn elements(items: &[Value], see: impl Fn(&Value) -> Result<Seen, Misfit>) -> Result<Seen, Misfit> {
    let mut seen = Vec::with_capacity(items.len());
    for (n, item) in items.iter().enumerate() {
        seen.push(match see(item).map_err(|misfit| misfit.below(format!("[{n}]")))? {
            Seen::Value(value) => value,
            Seen::Absent => item.clone(),
        });
    }
    Ok(Seen::Value(Value::from(seen)))
}

fn read(value: &Value, ty: &Type) -> Result<Seen, Misfit> {
    let form = ty.facts.as_ref().and_then(|facts| facts.form);
    let seen = match (&ty.kind, value) {
        (Kind::Int, Value::Number(_)) => return Err(Misfit::value(value, "int, a whole number")),
        (Kind::Decimal, Value::Text(text)) if form == Some(Form::DecimalText) => match Exact::parse(text) {
            Ok(exact) => Value::Number(Number::from(exact)),
            Err(_) => return Err(Misfit::value(value, "text that holds a decimal, as in \"10.50\"")),
        },
        (Kind::Date, Value::Text(text)) => match read_date(text, form) {
            Some(Some(date)) => Value::Date(date),
            Some(None) => return Ok(Seen::Absent),
            None => return Err(Misfit::value(value, "a date")),
        },
        (Kind::Time, Value::Text(text)) => {
            if form == Some(Form::Noon) && is_no_date(text) {
                return Ok(Seen::Absent);
            }
            match time::parse_time(text) {
                Some(time) => Value::Time(time),
                None => return Err(Misfit::value(value, "a time, as in 2026-03-01T09:00:00Z")),
            }
        }
        (Kind::Money, Value::Record(record)) => match read_money(record) {
            Some(money) => Value::Money(money),
            None => return Err(Misfit::value(value, "money, `{ amount, currency }`")),
        },
        (Kind::List(element), Value::List(items)) => return elements(items, |item| see(item, element)),
        _ => return Err(Misfit::kind(value, ty)),
    };
    Ok(Seen::Value(seen))
}

/// The element of a list at that number; nothing where it is no whole one, or outside.
pub(super) fn element<'v>(items: &'v [Value], index: &Value) -> Option<&'v Value> {
    let Value::Number(number) = index else { return None };
    items.get(usize::try_from(number.exact().ok()?.to_i64()?).ok()?)
}

/// Whether values of this type are something else in JSON than in the language.
fn converts(ty: &Type) -> bool {
    match &ty.kind {
        Kind::Date | Kind::Time | Kind::Money => true,
        Kind::Decimal => ty.facts.as_ref().is_some_and(|facts| facts.form == Some(Form::DecimalText)),
        Kind::List(element) => converts(element),
        _ => false,
    }
}

/// `Some(None)` is a system's way of writing "no date".
fn read_date(text: &str, form: Option<Form>) -> Option<Option<jiff::civil::Date>> {
    match form {
        Some(Form::Noon) if is_no_date(text) => Some(None),
        Some(Form::Noon) => {
            let (day, _) = text.split_once('T')?;
            time::parse_time(text)?;
            time::parse_date(day).map(Some)
        }
        _ => time::parse_date(text).map(Some),
    }
}

fn is_no_date(text: &str) -> bool {
    text.starts_with("1900-01-01T")
}

fn read_money(record: &Record) -> Option<Money> {
    let (Some(Value::Number(amount)), Some(Value::Text(currency))) = (record.get("amount"), record.get("currency"))
    else {
        return None;
    };
    Some(Money { amount: amount.exact().ok()?, currency: Currency::parse(currency)? })
}

/// The same all the way down, keeping only the fields that the type names.
pub(crate) fn project(value: &Value, ty: &Type) -> Result<Seen, Misfit> {
    let Seen::Value(value) = see(value, ty)? else { return Ok(Seen::Absent) };
    Ok(Seen::Value(match (&ty.kind, &value) {
        (Kind::Record(wanted), Value::Record(record)) => Value::Record(project_record(record, wanted)?),
        (Kind::Map(wanted), Value::Record(record)) => {
            let mut kept = Vec::with_capacity(record.len());
            for (name, value) in record.iter() {
                if let Some(value) = inside(value, wanted, || format!("[{}]", quote(name)))? {
                    kept.push((name.clone(), value));
                }
            }
            Value::Record(kept.into_iter().collect())
        }
        (Kind::List(element), Value::List(items)) => {
            let mut kept = Vec::with_capacity(items.len());
            for (n, item) in items.iter().enumerate() {
                kept.push(inside(item, element, || format!("[{n}]"))?.unwrap_or(Value::Missing));
            }
            Value::from(kept)
        }
        _ => value,
    }))
}

fn project_record(record: &Record, wanted: &RecordType) -> Result<Record, Misfit> {
    let mut kept = Vec::with_capacity(record.len().min(wanted.fields.len()));
    for (name, value) in record.iter() {
        if let Some(field) = wanted.fields.get(name)
            && let Some(value) = inside(value, &field.ty, || format!(".{name}"))?
        {
            kept.push((name.clone(), value));
        }
    }
    let lacking = wanted.fields.iter().find(|(name, field)| !field.ty.missing && record.get(name).is_none());
    if let Some((name, field)) = lacking.filter(|(_, field)| !field.write_only && !field.dropped) {
        let message = format!(".{name} is absent, expected {}", field.ty);
        return Err(Misfit { code: ErrorCode::Absent, message });
    }
    Ok(kept.into_iter().collect())
}

fn inside(value: &Value, ty: &Type, step: impl Fn() -> String) -> Result<Option<Value>, Misfit> {
    match project(value, ty).map_err(|misfit| misfit.below(step()))? {
        Seen::Value(value) => Ok(Some(value)),
        Seen::Absent if ty.missing => Ok(None),
        Seen::Absent => {
            let message = format!("{} is {}, expected {ty}", step(), describe(value));
            Err(Misfit { code: ErrorCode::Absent, message })
        }
    }
}

/// What a hole writes: text, int, decimal, bool, date, time, money; nothing else.
pub(crate) fn written(value: &Value) -> Result<String, Failure> {
    let mut text = String::new();
    write(value, &mut text)?;
    Ok(text)
}

/// The same at the end of a text.
pub(super) fn write(value: &Value, out: &mut String) -> Result<(), Failure> {
    match value {
        Value::Text(text) => out.push_str(text),
        Value::Number(number) => out.push_str(&number.plain()?),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Date(date) => out.push_str(&time::write_date(*date)?),
        Value::Time(instant) => out.push_str(&time::write_time(*instant)?),
        Value::Money(money) => out.extend([&money.written_amount()?.to_string(), " ", money.currency.code()]),
        _ => return Err(Failure::kind(format!("{} cannot stand in a text", describe(value)))),
    }
    Ok(())
}

/// The kind of a value, with a short excerpt where it has a short form.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Missing => "missing".into(),
        Value::Null => "null".into(),
        Value::Text(text) => format!("text {}", quote(text)),
        Value::Number(number) => format!("number {}", shorten(&number.written(), 40)),
        Value::Bool(value) => format!("bool {value}"),
        Value::Date(date) => format!("date {date}"),
        Value::Time(instant) => format!("time {instant}"),
        Value::Local(_) => "a local time".into(),
        Value::Money(money) => format!("money {money}"),
        Value::List(items) => match items.len() {
            1 => "a list of 1 element".into(),
            n => format!("a list of {n} elements"),
        },
        Value::Record(_) => "a record".into(),
    }
}

/// A text in quotes, at most 40 characters of it.
pub(crate) fn quote(text: &str) -> String {
    format!("{:?}", shorten(text, 40))
}

pub(super) fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// How many values there are, inside one another included; counts no further than `most`.
pub(super) fn count(value: &Value, most: u64) -> u64 {
    fn add(value: &Value, total: &mut u64, most: u64) {
        *total += 1;
        if *total > most {
            return;
        }
        match value {
            Value::List(items) => items.iter().for_each(|item| add(item, total, most)),
            Value::Record(record) => record.values().for_each(|value| add(value, total, most)),
            _ => {}
        }
    }
    let mut total = 0;
    add(value, &mut total, most);
    total
}

/// Whether a result stays within the limits of size and nesting.
pub(super) fn measure(value: &Value, limits: &Limits) -> Result<(), String> {
    // Nearly every result is far from its limit: then no text needs to be looked at, and no digit counted.
    if bound(value, &mut limits.output.clone(), limits.nesting).is_some() {
        return Ok(());
    }
    let mut exact = Measure { left: limits.output };
    match exact.add(value, limits.nesting) {
        Some(()) => Ok(()),
        None if exact.left == 0 => Err(format!("a result of more than {} bytes", limits.output)),
        None => Err(format!("a result nested more than {} deep", limits.nesting)),
    }
}

/// Takes off no less than the bytes of a value as JSON; `None` where that is not left, or it is nested deeper.
fn bound(value: &Value, left: &mut usize, depth: usize) -> Option<()> {
    let mut bytes = 3;
    match value {
        Value::List(items) => {
            let depth = depth.checked_sub(1)?;
            for item in items.iter() {
                match item {
                    Value::List(_) | Value::Record(_) => bound(item, left, depth)?,
                    leaf => bytes += most(leaf),
                }
            }
        }
        Value::Record(record) => {
            let depth = depth.checked_sub(1)?;
            let all = record.each(|name, value| {
                bytes += name.len() + 3;
                match value {
                    Value::List(_) | Value::Record(_) => return bound(value, left, depth).ok_or(()),
                    leaf => bytes += most(leaf),
                }
                Ok(())
            });
            all.ok()?;
        }
        leaf => bytes += most(leaf),
    }
    *left = left.checked_sub(bytes)?;
    Some(())
}

/// How many bytes a text, number or the like takes in JSON, without its quotes.
fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len() + text.bytes().filter(|b| matches!(b, b'"' | b'\\')).count(),
        Value::Number(number) => number.written_len(),
        Value::List(_) | Value::Record(_) => 0,
        _ => 8,
    }
}

/// No less than [`size`] and what stands around it.
#[inline]
fn most(value: &Value) -> usize {
    match value {
        Value::Text(text) => 2 * text.len() + 3,
        Value::Number(number) => number.most_len() + 3,
        _ => 11,
    }
}

/// Counts the bytes of a value as JSON.
struct Measure {
    left: usize,
}

impl Measure {
    fn add(&mut self, value: &Value, depth: usize) -> Option<()> {
        self.take(size(value) + 2)?;
        match value {
            Value::List(items) => {
                let depth = depth.checked_sub(1)?;
                items.iter().try_for_each(|item| self.add(item, depth))
            }
            Value::Record(record) => {
                let depth = depth.checked_sub(1)?;
                record.iter().try_for_each(|(name, value)| {
                    self.take(name.len() + 3)?;
                    self.add(value, depth)
                })
            }
            _ => Some(()),
        }
    }

    fn take(&mut self, bytes: usize) -> Option<()> {
        self.left = self.left.saturating_sub(bytes);
        (self.left > 0).then_some(())
    }
}
