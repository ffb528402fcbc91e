//! Amounts: texts with as many decimals as PayPal takes of a currency, computed exactly.

use super::Refusal;
use crate::value::{Exact, Rounding};
use serde_json::{Value as Json, json};

/// What PayPal takes, with the decimals of each.
const CURRENCIES: &[(&str, u32)] = &[
    ("AUD", 2),
    ("BRL", 2),
    ("CAD", 2),
    ("CNY", 2),
    ("CZK", 2),
    ("DKK", 2),
    ("EUR", 2),
    ("HKD", 2),
    ("HUF", 0),
    ("ILS", 2),
    ("JPY", 0),
    ("MYR", 2),
    ("MXN", 2),
    ("TWD", 0),
    ("NZD", 2),
    ("NOK", 2),
    ("PHP", 2),
    ("PLN", 2),
    ("GBP", 2),
    ("SGD", 2),
    ("SEK", 2),
    ("CHF", 2),
    ("THB", 2),
    ("USD", 2),
    ("RUB", 2),
];

/// An amount in a currency.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Money {
    pub currency: String,
    pub value: Exact,
}

impl Money {
    /// Reads `{ currency_code, value }` at a field of the request; it is not below zero.
    pub fn read(written: &Json, field: &str) -> Result<Money, Refusal> {
        Money::named(written, field, "currency_code")
    }

    /// The same where the currency has another name.
    pub fn named(written: &Json, field: &str, name: &str) -> Result<Money, Refusal> {
        let at = |part: &str| format!("{field}/{part}");
        let text = |part: &str| written.get(part).and_then(Json::as_str).ok_or_else(|| Refusal::missing(&at(part)));
        let (currency, value) = (text(name)?, text("value")?);
        let issue = |issue: &str, why: &str, part: &str| Refusal::unprocessable(issue, why).at(&at(part));
        let Some((_, decimals)) = CURRENCIES.iter().find(|(known, _)| *known == currency) else {
            return Err(issue(
                "INVALID_CURRENCY_CODE",
                "Currency code is invalid or is not currently supported.",
                name,
            ));
        };
        let value = Exact::parse(value).map_err(|_| {
            Refusal::invalid(
                "INVALID_PARAMETER_SYNTAX",
                &at("value"),
                "The value of a field does not conform to the expected format.",
            )
        })?;
        match value.shortest().decimals() {
            more if more > *decimals && *decimals == 0 => {
                return Err(issue("DECIMALS_NOT_SUPPORTED", "Currency does not support decimals.", "value"));
            }
            more if more > *decimals => {
                let why = "If the currency supports decimals, only two decimal place precision is supported.";
                return Err(issue("DECIMAL_PRECISION", why, "value"));
            }
            _ => {}
        }
        if value.is_negative() {
            return Err(issue("CANNOT_BE_NEGATIVE", "Must be greater than or equal to 0.", "value"));
        }
        Ok(Money { currency: currency.to_owned(), value })
    }

    /// The same, and more than nothing.
    pub fn above_zero(written: &Json, field: &str) -> Result<Money, Refusal> {
        let money = Money::read(written, field)?;
        match money.value.is_zero() {
            true => {
                let why = "Must be greater than zero.";
                Err(Refusal::unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE", why).at(&format!("{field}/value")))
            }
            false => Ok(money),
        }
    }

    /// What an object of ours holds.
    pub fn of(written: &Json) -> Money {
        let text = |part: &str| written.get(part).and_then(Json::as_str).unwrap_or_default();
        let currency = if written.get("currency").is_some() { text("currency") } else { text("currency_code") };
        Money { currency: currency.to_owned(), value: Exact::parse(text("value")).unwrap_or(Exact::ZERO) }
    }

    pub fn nothing(currency: &str) -> Money {
        Money { currency: currency.to_owned(), value: Exact::ZERO }
    }

    fn decimals(&self) -> u32 {
        CURRENCIES.iter().find(|(known, _)| *known == self.currency).map_or(2, |(_, decimals)| *decimals)
    }

    pub fn with(&self, value: Exact) -> Money {
        Money { currency: self.currency.clone(), value }
    }

    pub fn plus(&self, other: &Money) -> Money {
        self.with(self.value.add(other.value).unwrap_or(self.value))
    }

    pub fn minus(&self, other: &Money) -> Money {
        self.with(self.value.sub(other.value).unwrap_or(self.value))
    }

    pub fn negated(&self) -> Money {
        self.with(self.value.neg())
    }

    pub fn is_above(&self, other: &Money) -> bool {
        let rest = self.minus(other).value;
        !rest.is_negative() && !rest.is_zero()
    }

    /// 3.49 % and 0.49, or what that is without decimals.
    pub fn fee(&self) -> Money {
        let (rate, fixed) = (Exact::parse("0.0349"), Exact::parse(if self.decimals() == 0 { "40" } else { "0.49" }));
        let fee = rate.and_then(|rate| self.value.mul(rate)?.add(fixed?)?.round(self.decimals(), Rounding::HalfAway));
        self.with(fee.unwrap_or(Exact::ZERO))
    }

    fn written(&self) -> String {
        self.value
            .round(self.decimals(), Rounding::HalfAway)
            .and_then(|value| value.with_decimals(self.decimals()))
            .map_or_else(|_| "0".into(), |value| value.to_string())
    }

    /// As most APIs write it.
    pub fn json(&self) -> Json {
        json!({ "currency_code": self.currency, "value": self.written() })
    }

    /// As the payouts API writes it.
    pub fn payout(&self) -> Json {
        json!({ "currency": self.currency, "value": self.written() })
    }

    /// As the v1 payments API writes it.
    pub fn sale(&self) -> Json {
        json!({ "total": self.written(), "currency": self.currency })
    }
}
