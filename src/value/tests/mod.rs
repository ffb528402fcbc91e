//! Tests of the values themselves; `json` and `time` have their own.

mod compare;
mod exact;
mod fraction;
mod model;
mod money;
mod number;
mod record;

use super::*;

pub(super) fn exact(text: &str) -> Exact {
    Exact::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(super) fn number(text: &str) -> Number {
    Number::from_json(text.into()).unwrap_or_else(|| panic!("{text} is no JSON number"))
}
