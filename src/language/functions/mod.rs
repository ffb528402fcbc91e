//! The built-in functions, one file each: signature, documentation, examples that are its tests, and the work.
//!
//! To add one: copy the nearest file, edit it, and add its name to the list below. `flowctl functions --write docs` writes
//! the pages that `docs/` has of them.

#[cfg(test)]
mod tests;

use super::evaluate::{Call, Failure, describe};
use super::types::Type;
use crate::value::{Text, Value};
use jiff::Timestamp;
use jiff::civil::Date;
use std::any::Any;
use std::sync::Arc;

/// A built-in function of the mapping language.
pub struct Function {
    pub name: &'static str,
    /// Where lists and pages put it.
    pub area: Area,
    /// One or more overloads in the language's own type syntax: `"(xs: list<T>, f: (T) => U) -> list<U>"`.
    ///
    /// Beside the named types: `local` is a local time (`t.in_zone(z)`); `T U K` stand for any one type each; `N` for int
    /// or decimal (the result is int only where all are int); `O` for what `<` compares (numbers, dates, times, monies, texts); `(A, B) => C` is a lambda;
    /// `"a" | "b"` a constant text out of a set; `const text` a constant text that `prepare` looks at; `x: T = …` is
    /// not offered: write two overloads. A parameter takes null or missing only where its type says `?`.
    pub signatures: &'static [&'static str],
    /// One sentence for completion and lists.
    pub summary: &'static str,
    /// The rest of its documentation: units, limits, errors.
    pub doc: &'static str,
    /// `source` evaluates to `result` (an expression, or `error CODE` with a code of `error.code`). They run as tests.
    pub examples: &'static [Example],
    /// Looks at constant arguments while compiling: a pattern, a path, a zone. `Err((argument, why))`.
    pub prepare: Option<Prepare>,
    /// The type of its result where no signature can say it.
    pub gives: Option<Gives>,
    /// Writes its result where it stays.
    pub run: fn(&mut Call<'_, '_>, &mut Value) -> Result<(), Failure>,
}

/// Gets each constant argument, and `None` for any other.
pub type Prepare = fn(&[Option<Value>]) -> Result<Prepared, (usize, String)>;

/// What [`Function::prepare`] made of constant arguments, for [`Function::run`] to use.
pub type Prepared = Arc<dyn Any + Send + Sync>;

/// Gets the types of the arguments and the constant ones; `None` leaves it at what the signature says.
pub type Gives = fn(&[Type], &[Option<Value>]) -> Result<Option<Type>, (usize, String)>;

/// What a function is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    Text,
    Numbers,
    Money,
    Time,
    Lists,
    Records,
    Encodings,
    Absence,
}

impl Area {
    /// In the order of lists and pages.
    pub const ALL: [Area; 8] = [
        Area::Text,
        Area::Numbers,
        Area::Money,
        Area::Time,
        Area::Lists,
        Area::Records,
        Area::Encodings,
        Area::Absence,
    ];

    /// As a heading.
    pub fn title(self) -> &'static str {
        match self {
            Area::Text => "Text",
            Area::Numbers => "Numbers",
            Area::Money => "Money",
            Area::Time => "Dates and times",
            Area::Lists => "Lists",
            Area::Records => "Records and maps",
            Area::Encodings => "Encodings and JSON",
            Area::Absence => "Absence",
        }
    }
}

pub struct Example {
    pub source: &'static str,
    pub result: &'static str,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! functions {
    ($($name:ident)*) => {
        $(mod $name;)*
        /// Every function, in alphabetical order.
        pub static ALL: &[&Function] = &[$(&$name::FUNCTION),*];
    };
}

functions! {
    abs add_days add_months all allocate any
    base64_decode base64_encode
    capture ceil changes chunk contains convert count
    date days_between decimal distinct drop_last
    ends_with entries
    filter first flatten floor format from_minor from_unix
    given group_by
    in_zone index_by int
    join json
    keys
    last length lines lower lower_ascii
    map matches max merge min money
    omit option_label option_value
    pad_left parse_json parse_time pick present
    query
    replace replace_pattern reverse round
    sha256 slice sort_by split squeeze start_of_day starts_with strip_prefix strip_suffix sum
    text to_minor to_unix trim truncate
    upper upper_ascii url_decode url_encode
    values
    zip
}

pub use option_label::Options;

/// The function with that name.
pub fn find(name: &str) -> Option<&'static Function> {
    ALL.iter().find(|function| function.name == name).copied()
}

/// Puts a result in its empty place. Inlined, as is what gives it: then it is never anywhere else.
#[inline(always)]
fn give(result: Result<Value, Failure>, out: &mut Value) -> Result<(), Failure> {
    *out = result?;
    Ok(())
}

/// White space: of `trim`, `squeeze` and what counts as blank.
fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n')
}

fn day(call: &Call<'_, '_>, n: usize) -> Result<Date, Failure> {
    if let Some(Value::Date(date)) = call.peek(n) {
        return Ok(*date);
    }
    match call.value(n)? {
        Value::Date(date) => Ok(date),
        other => Err(Failure::kind(format!("expected a date, got {}", describe(&other)))),
    }
}

fn time(call: &Call<'_, '_>, n: usize) -> Result<Timestamp, Failure> {
    if let Some(Value::Time(time)) = call.peek(n) {
        return Ok(*time);
    }
    match call.value(n)? {
        Value::Time(time) => Ok(time),
        other => Err(Failure::kind(format!("expected a time, got {}", describe(&other)))),
    }
}

fn list(items: Vec<Value>) -> Value {
    Value::from(items)
}

fn record<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect())
}

/// A text that is the same for two values exactly where `==` holds between them.
fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Missing => out.push('-'),
        Value::Null => out.push('0'),
        Value::Bool(value) => out.push_str(if *value { "t" } else { "f" }),
        Value::Number(number) => out.extend(["n", &number.canonical()]),
        Value::Text(text) => out.extend(["s", &text.len().to_string(), ":", text]),
        Value::Date(date) => out.extend(["d", &date.to_string()]),
        Value::Time(time) => out.extend(["i", &time.to_string()]),
        Value::Local(local) => out.extend(["l", &local.to_string()]),
        Value::Money(money) => out.extend(["m", &money.amount.shortest().to_string(), money.currency.code()]),
        Value::List(items) => {
            out.push('[');
            for item in items.iter() {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        // By name: records are equal whatever the order of their fields.
        Value::Record(record) => {
            let mut fields: Vec<_> = record.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (name, value) in fields {
                out.extend([&name.len().to_string(), ":", name]);
                write_canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
    }
}
