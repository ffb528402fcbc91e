//! Money: an exact amount and its currency.
//!
//! While it is calculated with, a money may have more digits than its currency has; only writing it, its minor units
//! and sharing it out insist on whole minor units.

use super::wide::Wide;
use super::{Currency, Exact, Fraction, NumberError, Rounding};
use std::cmp::{Ordering, Reverse};

/// An exact amount in a currency. Equal where both are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    pub amount: Exact,
    pub currency: Currency,
}

/// Why something cannot be done with a money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error(transparent)]
    Number(#[from] NumberError),
    #[error("{0} and {1} are two currencies: convert one of them first")]
    Currencies(Currency, Currency),
    #[error("{0} has more digits than {currency} ({units}): say how to round it, as in `m.round(\"half_even\")`", currency = .0.currency, units = .0.currency.minor_units().unwrap_or_default())]
    Digits(Money),
    #[error("{0} has no minor unit")]
    NoMinorUnit(Currency),
    #[error("a weight is {0}: none may be negative")]
    NegativeWeight(Exact),
    #[error("the weights add up to 0: at least one must be above it")]
    NoWeight,
}

#[allow(clippy::should_implement_trait)] // the operators' own signatures cannot fail
impl Money {
    pub fn new(amount: Exact, currency: Currency) -> Money {
        Money { amount, currency }
    }

    /// From a number of minor units: 1999 is 19.99 USD.
    pub fn from_minor(minor: Exact, currency: Currency) -> Result<Money, MoneyError> {
        let units = currency.minor_units().ok_or(MoneyError::NoMinorUnit(currency))?;
        let amount = minor.mul(Exact::new(1, units)?)?;
        Ok(Money { amount, currency }.padded())
    }

    /// The number of minor units: 19.99 USD is 1999. An error where it has more digits than the currency.
    pub fn to_minor(self) -> Result<Exact, MoneyError> {
        let units = self.currency.minor_units().ok_or(MoneyError::NoMinorUnit(self.currency))?;
        if self.amount.scale() > units {
            return Err(MoneyError::Digits(self));
        }
        Ok(self.amount.mul(Exact::from(10i64.pow(units)))?)
    }

    /// The amount with the currency's decimals, or more where it has more: `m.amount`.
    pub fn amount(self) -> Exact {
        self.amount.shortest().keeping(u64::from(self.currency.minor_units().unwrap_or_default()))
    }

    /// The amount as it is written; an error where it has more digits than the currency.
    pub fn written(self) -> Result<Exact, MoneyError> {
        match self.currency.minor_units() {
            Some(units) if self.amount.scale() > units => Err(MoneyError::Digits(self)),
            _ => Ok(self.amount()),
        }
    }

    pub fn add(self, other: Money) -> Result<Money, MoneyError> {
        self.same_currency(other)?;
        Ok(Money { amount: self.amount.add(other.amount)?, ..self })
    }

    pub fn sub(self, other: Money) -> Result<Money, MoneyError> {
        self.add(other.neg())
    }

    pub fn neg(self) -> Money {
        Money { amount: self.amount.neg(), ..self }
    }

    pub fn mul(self, factor: Exact) -> Result<Money, MoneyError> {
        Ok(Money { amount: self.amount.mul(factor)?, ..self })
    }

    /// An error where the result has no end as a decimal; see [`Money::rounded`].
    pub fn div(self, divisor: Exact) -> Result<Money, MoneyError> {
        let amount = Fraction::from(self.amount).div(Fraction::from(divisor))?.finish()?;
        Ok(Money { amount, ..self })
    }

    /// `m / n`: a number.
    pub fn ratio(self, other: Money) -> Result<Fraction, MoneyError> {
        self.same_currency(other)?;
        Ok(Fraction::from(self.amount).div(Fraction::from(other.amount))?)
    }

    pub fn cmp(self, other: Money) -> Result<Ordering, MoneyError> {
        self.same_currency(other)?;
        Ok(self.amount.cmp(&other.amount))
    }

    /// Rounded to the currency's decimals.
    pub fn round(self, rounding: Rounding) -> Result<Money, MoneyError> {
        Money::rounded(Fraction::from(self.amount), self.currency, rounding)
    }

    /// A fraction of an amount, rounded to the currency's decimals.
    pub fn rounded(amount: Fraction, currency: Currency, rounding: Rounding) -> Result<Money, MoneyError> {
        let units = currency.minor_units().ok_or(MoneyError::NoMinorUnit(currency))?;
        Ok(Money { amount: amount.round(units, rounding)?, currency })
    }

    /// Shares it out by weight in whole minor units, nothing lost: each part is cut toward zero, and what is left goes
    /// one unit each to the largest remainders, the earlier first.
    pub fn allocate(self, weights: &[Exact]) -> Result<Vec<Money>, MoneyError> {
        if let Some(negative) = weights.iter().find(|weight| weight.is_negative()) {
            return Err(MoneyError::NegativeWeight(*negative));
        }
        let scale = weights.iter().map(|weight| weight.scale()).max().unwrap_or_default();
        let whole = |weight: &Exact| weight.mantissa_at(scale).map(i128::unsigned_abs);
        let weights: Vec<u128> = weights.iter().map(whole).collect::<Option<_>>().ok_or(NumberError::TooLarge)?;
        let sum = weights.iter().try_fold(0u128, |sum, weight| sum.checked_add(*weight));
        let sum = Wide::from(sum.ok_or(NumberError::TooLarge)?);
        if sum.is_zero() {
            return Err(MoneyError::NoWeight);
        }

        let minor = self.to_minor()?.to_i128().ok_or(NumberError::TooLarge)?;
        let (total, sign) = (minor.unsigned_abs(), minor.signum());
        let mut parts = Vec::with_capacity(weights.len());
        let mut remainders = Vec::with_capacity(weights.len());
        let mut left = total;
        for (at, weight) in weights.into_iter().enumerate() {
            let (part, remainder) = Wide::product(total, weight).div_rem(sum).ok_or(NumberError::ByZero)?;
            let part = part.to_u128().ok_or(NumberError::TooLarge)?;
            left = left.saturating_sub(part);
            parts.push(part);
            remainders.push((Reverse(remainder), at));
        }
        remainders.sort_unstable();
        for (_, at) in remainders.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
            if let Some(part) = parts.get_mut(at) {
                *part += 1;
            }
        }
        parts.into_iter().map(|part| Money::from_minor(Exact::from_i128(sign * part as i128)?, self.currency)).collect()
    }

    fn padded(self) -> Money {
        Money { amount: self.amount(), ..self }
    }

    fn same_currency(self, other: Money) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::Currencies(self.currency, other.currency))
        }
    }
}

impl std::fmt::Display for Money {
    /// `12.50 USD`, with more digits where it has more.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}
