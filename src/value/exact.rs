//! Exact numbers: a decimal of at most 28 significant digits and 28 places, and the fractions that live inside one
//! arithmetic tree. Every operation gives the true result or an error, never a rounded one.

use rust_decimal::Decimal;

/// Why a calculation has no exact result that fits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("the result needs more than 28 digits")]
    TooLarge,
    #[error("the result has no end as a decimal")]
    NotExact,
    #[error("division by zero")]
    ByZero,
    #[error("{0:?} is not a number")]
    NotANumber(String),
}

/// How `round` treats what lies between. There is no default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    HalfEven,
    HalfAway,
    Up,
    Down,
    Floor,
    Ceiling,
}

/// A decimal: at most 28 significant digits and 28 places once trailing zeros are dropped. It remembers how many
/// decimals it was written with (`1.10`), which [`Exact::eq`] does not see.
#[derive(Clone, Copy, Debug)]
pub struct Exact(Decimal);

/// A fraction in lowest terms, at most 38 digits above and below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    numerator: i128,
    denominator: i128,
}
