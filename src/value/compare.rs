//! `==` and `<` of the language.

use super::{Currency, Value};
use std::cmp::Ordering;
use std::sync::Arc;

/// Why two values cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("cannot compare {0} with {1}")]
    Kinds(&'static str, &'static str),
    #[error("{0} has no order: only numbers, dates, times, money and texts have one")]
    Unordered(&'static str),
    #[error("cannot order {0} and {1}: convert one of them first")]
    Currencies(Currency, Currency),
}

impl Value {
    /// `==`: by value. Missing, null and all else differ; two kinds cannot be compared, except int with decimal, and
    /// inside lists and records, where they are just unequal.
    pub fn equal(&self, other: &Value) -> Result<bool, Mismatch> {
        if self.is_absent() || other.is_absent() || self.comparable(other) {
            Ok(self == other)
        } else {
            Err(Mismatch::Kinds(self.kind(), other.kind()))
        }
    }

    /// `<` and its like, and `sort_by`: two numbers, dates, times, monies of one currency, or texts by code point.
    pub fn order(&self, other: &Value) -> Result<Ordering, Mismatch> {
        match (self, other) {
            (Value::Number(a), Value::Number(b)) => Ok(a.compare(b)),
            (Value::Text(a), Value::Text(b)) => Ok(a.cmp(b)),
            (Value::Date(a), Value::Date(b)) => Ok(a.cmp(b)),
            (Value::Time(a), Value::Time(b)) => Ok(a.cmp(b)),
            (Value::Money(a), Value::Money(b)) if a.currency == b.currency => Ok(a.amount.cmp(&b.amount)),
            (Value::Money(a), Value::Money(b)) => Err(Mismatch::Currencies(a.currency, b.currency)),
            _ if self.comparable(other) => Err(Mismatch::Unordered(self.kind())),
            _ => Err(Mismatch::Kinds(self.kind(), other.kind())),
        }
    }

    /// Whether both are of one kind; int and decimal are one.
    fn comparable(&self, other: &Value) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl PartialEq for Value {
    /// By value: `1.0` equals `1`, records whatever the order of their fields. Two kinds are unequal.
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Missing, Value::Missing) | (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Date(a), Value::Date(b)) => a == b,
            (Value::Time(a), Value::Time(b)) => a == b,
            (Value::Local(a), Value::Local(b)) => a == b,
            (Value::Money(a), Value::Money(b)) => a == b,
            (Value::List(a), Value::List(b)) => Arc::ptr_eq(a, b) || a == b,
            (Value::Record(a), Value::Record(b)) => a == b,
            _ => false,
        }
    }
}

impl PartialEq for super::Record {
    fn eq(&self, other: &super::Record) -> bool {
        self.same(other) || self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}
