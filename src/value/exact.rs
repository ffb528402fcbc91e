//! Exact numbers: a decimal of at most 28 significant digits and 28 places. Every operation gives the true result or an
//! error, never a rounded one. What has no end as a decimal lives as a [`Fraction`](super::Fraction).
//!
//! `rust_decimal` packs the digits and nothing more: its own operators round silently and are never used.

use super::wide::Wide;
use rust_decimal::Decimal;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Most significant digits, and most decimal places, once trailing zeros are dropped.
const MOST_DIGITS: u32 = 28;
const LIMIT: u128 = 10u128.pow(MOST_DIGITS);

/// Why a calculation has no exact result that fits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("the result needs more than 28 digits; round it with `round(…, places, mode)`")]
    TooLarge,
    #[error("the number cannot be written without an exponent: it would have more than {0} zeros")]
    TooManyZeros(u64),
    #[error("the result has no end as a decimal; round it with `round(…, places, mode)`")]
    NotExact,
    #[error("division by zero")]
    ByZero,
    #[error("{0:?} is not a number")]
    NotANumber(String),
    #[error("{written} has more decimals than {currency} has; write `m.round(\"half_even\")`")]
    MoreDecimals { written: String, currency: String },
    #[error("{0} has no minor unit")]
    NoMinorUnit(String),
    #[error("{0} and {1} are two currencies")]
    TwoCurrencies(String, String),
    #[error("{0}")]
    Weights(&'static str),
}

/// How `round` treats what lies between. There is no default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    HalfEven,
    HalfAway,
    /// Away from zero.
    Up,
    /// Toward zero.
    Down,
    Floor,
    Ceiling,
}

impl Rounding {
    /// The names as they are written in a mapping.
    pub const NAMES: &'static [&'static str] = &["half_even", "half_away", "up", "down", "floor", "ceiling"];

    /// The mode with that name.
    pub fn parse(name: &str) -> Option<Rounding> {
        Some(match name {
            "half_even" => Rounding::HalfEven,
            "half_away" => Rounding::HalfAway,
            "up" => Rounding::Up,
            "down" => Rounding::Down,
            "floor" => Rounding::Floor,
            "ceiling" => Rounding::Ceiling,
            _ => return None,
        })
    }

    /// Whether a quotient that was cut goes one further from zero; `half` holds what was cut off (not nothing) against a
    /// half.
    fn goes_up(self, negative: bool, odd: bool, half: Ordering) -> bool {
        match self {
            Rounding::HalfEven => half.is_gt() || half.is_eq() && odd,
            Rounding::HalfAway => half.is_ge(),
            Rounding::Up => true,
            Rounding::Down => false,
            Rounding::Floor => negative,
            Rounding::Ceiling => !negative,
        }
    }
}

/// A decimal: at most 28 significant digits and 28 places once trailing zeros are dropped. It remembers how many
/// decimals it was written with (`1.10`, at most 28), which equality and order do not see.
#[derive(Clone, Copy)]
pub struct Exact {
    /// Without trailing zeros behind the point.
    value: Decimal,
    /// Decimals to write, at least those of `value`.
    decimals: u8,
}

// Not the operators: each of these can fail, and an operator could only panic.
#[allow(clippy::should_implement_trait)]
impl Exact {
    pub const ZERO: Exact = Exact { value: Decimal::ZERO, decimals: 0 };
    pub const ONE: Exact = Exact { value: Decimal::ONE, decimals: 0 };

    /// `mantissa · 10^-scale`, written with `scale` decimals where there may be so many.
    pub fn from_parts(mantissa: i128, scale: u32) -> Result<Exact, NumberError> {
        Exact::signed(mantissa < 0, Wide::from(mantissa.unsigned_abs()), scale).map(|exact| exact.keeping(scale))
    }

    /// In shortest form. The mantissa may have more digits than fit as long as they are zeros behind the point.
    fn signed(negative: bool, mut mantissa: Wide, mut scale: u32) -> Result<Exact, NumberError> {
        while scale > 0 {
            match mantissa.div_rem(Wide::from(10)) {
                Some((shorter, rest)) if rest.is_zero() => mantissa = shorter,
                _ => break,
            }
            scale -= 1;
        }
        let mantissa = mantissa.to_i128().filter(|m| m.unsigned_abs() < LIMIT).ok_or(NumberError::TooLarge)?;
        let mantissa = if negative { -mantissa } else { mantissa };
        let value = Decimal::try_from_i128_with_scale(mantissa, scale).map_err(|_| NumberError::TooLarge)?;
        Ok(Exact { value, decimals: scale as u8 })
    }

    /// `numerator / denominator`, rounded to exactly `places` decimals; the denominator is not zero.
    pub(super) fn divide(
        negative: bool,
        numerator: u128,
        denominator: u128,
        places: u32,
        mode: Rounding,
    ) -> Result<Exact, NumberError> {
        let unit = 10u128.checked_pow(places).filter(|_| places <= MOST_DIGITS).ok_or(NumberError::TooLarge)?;
        let denominator = Wide::from(denominator);
        let shifted = Wide::product(numerator, unit);
        let (mut quotient, rest) = shifted.div_rem(denominator).ok_or(NumberError::ByZero)?;
        if !rest.is_zero() && mode.goes_up(negative, quotient.is_odd(), rest.plus(rest).cmp(&denominator)) {
            quotient = quotient.plus(Wide::from(1));
        }
        Exact::signed(negative, quotient, places)?.with_decimals(places)
    }

    /// A whole number.
    pub fn from_i128(value: i128) -> Result<Exact, NumberError> {
        Exact::from_parts(value, 0)
    }

    /// Strictly `-?digits[.digits]`: no `+`, no `.5`, no `5.`, no exponent.
    pub fn parse(text: &str) -> Result<Exact, NumberError> {
        let not = || NumberError::NotANumber(super::excerpt(text));
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(not()),
            Some((whole, fraction)) => (whole, fraction),
            None => (digits, ""),
        };
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(not());
        }
        // Zeros that mean nothing may be many: what counts is what is left.
        let kept = fraction.trim_end_matches('0');
        let mut mantissa: u128 = 0;
        for digit in whole.trim_start_matches('0').bytes().chain(kept.bytes()) {
            mantissa = mantissa
                .checked_mul(10)
                .and_then(|m| m.checked_add((digit - b'0') as u128))
                .ok_or(NumberError::TooLarge)?;
            if mantissa >= LIMIT {
                return Err(NumberError::TooLarge);
            }
        }
        let scale = kept.len().try_into().map_err(|_| NumberError::TooLarge)?;
        let exact = Exact::signed(text.starts_with('-'), Wide::from(mantissa), scale)?;
        Ok(exact.keeping(fraction.len().try_into().unwrap_or(MOST_DIGITS)))
    }

    /// In shortest form: all digits as a whole number, and how many of them are decimals.
    pub fn parts(self) -> (i128, u32) {
        (self.value.mantissa(), self.value.scale())
    }

    /// How many decimals it is written with.
    pub fn decimals(self) -> u32 {
        u32::from(self.decimals)
    }

    /// The same without decimals that are only zeros.
    pub fn shortest(self) -> Exact {
        Exact { decimals: self.value.scale() as u8, ..self }
    }

    /// The same written with exactly `places` decimals, at most 28. An error where that would cut digits.
    pub fn with_decimals(self, places: u32) -> Result<Exact, NumberError> {
        if self.value.scale() > places {
            return Err(NumberError::NotExact);
        }
        if places > MOST_DIGITS {
            return Err(NumberError::TooLarge);
        }
        Ok(Exact { decimals: places as u8, ..self })
    }

    /// The same written with as many of the `decimals` as there may be.
    fn keeping(self, decimals: u32) -> Exact {
        Exact { decimals: decimals.clamp(self.value.scale(), MOST_DIGITS) as u8, ..self }
    }

    pub fn is_zero(self) -> bool {
        self.value.mantissa() == 0
    }

    pub fn is_negative(self) -> bool {
        self.value.mantissa() < 0
    }

    /// Whether it is a whole number by its value.
    pub fn is_whole(self) -> bool {
        self.value.scale() == 0
    }

    /// The whole number, where it is one.
    pub fn to_i128(self) -> Option<i128> {
        self.is_whole().then(|| self.value.mantissa())
    }

    /// The whole number, where it is one and fits.
    pub fn to_i64(self) -> Option<i64> {
        self.to_i128().and_then(|value| value.try_into().ok())
    }

    /// In shortest form, as every result.
    pub fn neg(self) -> Exact {
        let (mantissa, scale) = self.parts();
        Decimal::try_from_i128_with_scale(-mantissa, scale).map_or(self, |value| Exact { value, decimals: scale as u8 })
    }

    pub fn add(self, other: Exact) -> Result<Exact, NumberError> {
        // What leaves an i128 here has too many digits whatever is added: the last one is no zero.
        let ((a, b), scale) = aligned(self, other).ok_or(NumberError::TooLarge)?;
        Exact::from_parts(a.checked_add(b).ok_or(NumberError::TooLarge)?, scale).map(Exact::shortest)
    }

    pub fn sub(self, other: Exact) -> Result<Exact, NumberError> {
        self.add(other.neg())
    }

    pub fn mul(self, other: Exact) -> Result<Exact, NumberError> {
        let ((a, a_scale), (b, b_scale)) = (self.parts(), other.parts());
        Exact::signed((a < 0) != (b < 0), Wide::product(a.unsigned_abs(), b.unsigned_abs()), a_scale + b_scale)
    }

    /// Rounded, written with exactly `places` decimals.
    pub fn round(self, places: u32, mode: Rounding) -> Result<Exact, NumberError> {
        let (mantissa, scale) = self.parts();
        if scale <= places {
            return self.with_decimals(places);
        }
        Exact::divide(mantissa < 0, mantissa.unsigned_abs(), 10u128.pow(scale), places, mode)
    }

    /// The largest whole number that is not above it.
    pub fn floor(self) -> Result<Exact, NumberError> {
        self.round(0, Rounding::Floor)
    }

    /// The smallest whole number that is not below it.
    pub fn ceil(self) -> Result<Exact, NumberError> {
        self.round(0, Rounding::Ceiling)
    }
}

/// Both as whole numbers of one unit. `None` where that has too many digits to hold.
fn aligned(a: Exact, b: Exact) -> Option<((i128, i128), u32)> {
    let ((a, a_scale), (b, b_scale)) = (a.parts(), b.parts());
    let scale = a_scale.max(b_scale);
    let widen = |value: i128, by: u32| value.checked_mul(10i128.checked_pow(by)?);
    Some(((widen(a, scale - a_scale)?, widen(b, scale - b_scale)?), scale))
}

impl From<i64> for Exact {
    fn from(value: i64) -> Exact {
        Exact { value: Decimal::from(value), decimals: 0 }
    }
}

impl FromStr for Exact {
    type Err = NumberError;
    fn from_str(text: &str) -> Result<Exact, NumberError> {
        Exact::parse(text)
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Exact) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Exact {}
impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Exact) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Exact {
    fn cmp(&self, other: &Exact) -> Ordering {
        match aligned(*self, *other) {
            Some(((a, b), _)) => a.cmp(&b),
            // One of them is so much larger that it cannot be written in the other's unit: decimals compare exactly.
            None => self.value.cmp(&other.value),
        }
    }
}
impl Hash for Exact {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl fmt::Display for Exact {
    /// As written, with its decimals; no exponent, never `-0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mantissa, scale) = self.parts();
        let digits = format!("{:0>width$}", mantissa.unsigned_abs(), width = scale as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
        f.write_str(if mantissa < 0 { "-" } else { "" })?;
        f.write_str(whole)?;
        let decimals = usize::from(self.decimals);
        if decimals > 0 { write!(f, ".{fraction:0<decimals$}") } else { Ok(()) }
    }
}

impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
