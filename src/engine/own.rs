//! The engine's own operations (`schemas/systems/engine.yaml`): what they read, and what is to be kept of a step.
//!
//! Links and totals stand in the store. Rates do not belong to a revision, as connections' credentials do not: they are
//! of today, whatever revision a run goes by, and what a step was told is written down with it.

use super::connector::{Outcome, Parameter, Request, Row, StepError};
use super::machine::path::key_text;
use super::machine::{Entry, Fact};
use crate::diagnostics::Code;
use crate::graph::ErrorClass;
use crate::model::rates::{NoRate, Rates};
use crate::store::{Kept, Store, StoreError};
use crate::value::{Number, Text, Value, time};
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// What these entries keep, in their order.
pub fn kept(entries: &[Entry]) -> Vec<Kept> {
    let done = entries.iter().filter_map(|entry| match &entry.fact {
        Fact::Done { done, .. } => Some((entry, done.kept.clone()?)),
        _ => None,
    });
    done.map(|(entry, keep)| Kept { node: entry.node.as_str().to_owned(), keep }).collect()
}

/// Answers a lookup.
pub async fn read(store: &dyn Store, rates: &Rates, request: &Request) -> Outcome {
    let key = || key_text(param(request, "key")).unwrap_or_default();
    let answered = match request.operation.as_str() {
        "links.get" => {
            let name = word(request, "link");
            store.link(name.clone(), key()).await.map(|value| match value {
                Some(value) => done(Value::Text(value.into())),
                None => Outcome::Missing(StepError::data("not_found", format!("the link `{name}` has no such key"))),
            })
        }
        "totals.get" => store
            .total(word(request, "total"), key())
            .await
            .map(|sum| done(Value::Number(sum.map_or_else(|| Number::from(0), Number::from)))),
        "rates.get" => Ok(match rate(rates, request) {
            Ok(value) => done(value),
            Err(error) => Outcome::Failed(error),
        }),
        other => {
            let message = format!("this flowctl does not know how to do `{other}`");
            Ok(Outcome::Failed(StepError::new(ErrorClass::Config, "no_operation", message)))
        }
    };
    answered.unwrap_or_else(|error| Outcome::Failed(unavailable(&error)))
}

fn done(value: Value) -> Outcome {
    Outcome::Done(Row::value(value))
}

fn unavailable(error: &StoreError) -> StepError {
    StepError::new(ErrorClass::Unavailable, "store", error.to_string())
}

fn param<'r>(request: &'r Request, name: &str) -> &'r Value {
    match request.params.iter().find(|(known, _)| known.as_str() == name) {
        Some((_, Parameter::Value(value))) => value,
        _ => &Value::Missing,
    }
}

fn word(request: &Request, name: &str) -> String {
    param(request, name).as_text().map_or_else(String::new, Text::to_string)
}

/// `{ rate, day }` for the day asked for.
fn rate(rates: &Rates, request: &Request) -> Result<Value, StepError> {
    let day = match param(request, "day") {
        Value::Missing => request.now.to_zoned(TimeZone::UTC).date(),
        Value::Date(day) => *day,
        other => other.as_text().and_then(|text| time::parse_date(text)).ok_or_else(|| {
            StepError::data("day", format!("`day` is a date, got {}", other.kind())).explained(Code::F1121)
        })?,
    };
    let (from, to) = (word(request, "from"), word(request, "to"));
    let found = rates.get(&word(request, "rate"), &from, &to, day).map_err(no_rate)?;
    let fields = [("rate", Value::Number(found.rate.into())), ("day", Value::from(written(found.day)))];
    Ok(Value::Record(fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect()))
}

fn written(day: Date) -> String {
    day.strftime("%Y-%m-%d").to_string()
}

fn no_rate(why: NoRate) -> StepError {
    let code = why.code();
    let class = match why {
        // Somebody has to bring the file up to date, or mend flowctl.yaml.
        NoRate::Stale { .. } | NoRate::NoTable { .. } => ErrorClass::Config,
        // The feed is asked again and again.
        NoRate::NotYet { .. } => ErrorClass::Unavailable,
        NoRate::NoCurrency { .. } | NoRate::NoDay { .. } | NoRate::Unreckonable { .. } => ErrorClass::Data,
    };
    StepError::new(class, code, why.to_string()).explained(Code::F1121)
}
