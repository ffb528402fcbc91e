//! Exact numbers: a decimal of at most 28 significant digits and 28 places. Every operation gives the true result or an
//! error, never a rounded one. What has no end as a decimal lives as a [`Fraction`](super::Fraction).

use rust_decimal::Decimal;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Most significant digits, and most decimal places, once trailing zeros are dropped.
const MOST_DIGITS: u32 = 28;
const LIMIT: i128 = 10i128.pow(MOST_DIGITS);

/// Why a calculation has no exact result that fits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("the result needs more than 28 digits; round it with `round(…, places, mode)`")]
    TooLarge,
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
}

/// A decimal: at most 28 significant digits and 28 places once trailing zeros are dropped. It remembers how many
/// decimals it was written with (`1.10`), which equality and order do not see.
#[derive(Clone, Copy)]
pub struct Exact(Decimal);

// Not the operators: each of these can fail, and an operator could only panic.
#[allow(clippy::should_implement_trait)]
impl Exact {
    pub const ZERO: Exact = Exact(Decimal::ZERO);
    pub const ONE: Exact = Exact(Decimal::ONE);

    /// `mantissa · 10^-scale`, with `scale` written decimals where they fit, fewer where only zeros are lost.
    pub fn from_parts(mantissa: i128, scale: u32) -> Result<Exact, NumberError> {
        let (mut mantissa, mut scale) = (mantissa, scale);
        while mantissa.abs() >= LIMIT || scale > MOST_DIGITS {
            if mantissa % 10 != 0 || scale == 0 {
                // A whole number of more digits that ends in zeros still has them as digits: too many.
                return Err(NumberError::TooLarge);
            }
            mantissa /= 10;
            scale -= 1;
        }
        Decimal::try_from_i128_with_scale(mantissa, scale).map(Exact).map_err(|_| NumberError::TooLarge)
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
        let padding = (fraction.len() - kept.len()).min(MOST_DIGITS as usize);
        let mut mantissa: i128 = 0;
        for digit in whole.trim_start_matches('0').bytes().chain(kept.bytes()) {
            mantissa = mantissa
                .checked_mul(10)
                .and_then(|m| m.checked_add((digit - b'0') as i128))
                .ok_or(NumberError::TooLarge)?;
            if mantissa >= LIMIT {
                return Err(NumberError::TooLarge);
            }
        }
        if text.starts_with('-') {
            mantissa = -mantissa;
        }
        let exact = Exact::from_parts(mantissa, kept.len().try_into().map_err(|_| NumberError::TooLarge)?)?;
        Ok(exact.padded((kept.len() + padding) as u32))
    }

    /// All digits as a whole number, and how many of them are decimals.
    pub fn parts(self) -> (i128, u32) {
        (self.0.mantissa(), self.0.scale())
    }

    /// How many decimals it is written with.
    pub fn decimals(self) -> u32 {
        self.0.scale()
    }

    /// The same without decimals that are only zeros.
    pub fn shortest(self) -> Exact {
        Exact(self.0.normalize())
    }

    /// The same written with exactly `places` decimals. An error where that would cut digits or not fit.
    pub fn with_decimals(self, places: u32) -> Result<Exact, NumberError> {
        let short = self.shortest();
        if short.decimals() > places {
            return Err(NumberError::NotExact);
        }
        let padded = short.padded(places);
        if padded.decimals() == places { Ok(padded) } else { Err(NumberError::TooLarge) }
    }

    /// With up to `places` decimals: as many zeros as fit.
    fn padded(self, places: u32) -> Exact {
        let (mut mantissa, mut scale) = self.parts();
        while scale < places.min(MOST_DIGITS) && mantissa.abs() < LIMIT / 10 {
            mantissa *= 10;
            scale += 1;
        }
        Decimal::try_from_i128_with_scale(mantissa, scale).map_or(self, Exact)
    }

    pub fn is_zero(self) -> bool {
        self.0.mantissa() == 0
    }

    pub fn is_negative(self) -> bool {
        self.0.mantissa() < 0
    }

    /// Whether it is a whole number by its value.
    pub fn is_whole(self) -> bool {
        self.shortest().decimals() == 0
    }

    /// The whole number, where it is one.
    pub fn to_i128(self) -> Option<i128> {
        self.is_whole().then(|| self.shortest().0.mantissa())
    }

    /// The whole number, where it is one and fits.
    pub fn to_i64(self) -> Option<i64> {
        self.to_i128().and_then(|value| value.try_into().ok())
    }

    pub fn neg(self) -> Exact {
        let (mantissa, scale) = self.parts();
        Decimal::try_from_i128_with_scale(-mantissa, scale).map_or(self, Exact)
    }

    pub fn add(self, other: Exact) -> Result<Exact, NumberError> {
        let ((a, b), scale) = aligned(self, other).ok_or(NumberError::TooLarge)?;
        Exact::from_parts(a.checked_add(b).ok_or(NumberError::TooLarge)?, scale).map(Exact::shortest)
    }

    pub fn sub(self, other: Exact) -> Result<Exact, NumberError> {
        self.add(other.neg())
    }

    pub fn mul(self, other: Exact) -> Result<Exact, NumberError> {
        let ((a, a_scale), (b, b_scale)) = (self.shortest().parts(), other.shortest().parts());
        match a.checked_mul(b) {
            Some(product) => Exact::from_parts(product, a_scale + b_scale).map(Exact::shortest),
            // 2 · 5 leaves zeros behind the point: take them out before there are too many digits.
            None => super::Fraction::from(self).mul(super::Fraction::from(other))?.finish(),
        }
    }

    /// Rounded, written with exactly `places` decimals.
    pub fn round(self, places: u32, mode: Rounding) -> Result<Exact, NumberError> {
        let (mantissa, scale) = self.shortest().parts();
        if scale <= places {
            return self.with_decimals(places.min(MOST_DIGITS));
        }
        let unit = 10i128.pow(scale - places);
        Exact::from_parts(divide(mantissa, unit, mode), places)?.with_decimals(places)
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
    let ((a, a_scale), (b, b_scale)) = (a.shortest().parts(), b.shortest().parts());
    let scale = a_scale.max(b_scale);
    let widen = |value: i128, by: u32| value.checked_mul(10i128.checked_pow(by)?);
    Some(((widen(a, scale - a_scale)?, widen(b, scale - b_scale)?), scale))
}

/// `a / b` as a whole number; b is above zero.
pub(super) fn divide(a: i128, b: i128, mode: Rounding) -> i128 {
    let (quotient, rest) = (a / b, a % b);
    if rest == 0 {
        return quotient;
    }
    let sign = if a < 0 { -1 } else { 1 };
    // Twice the rest against the divisor, without overflow.
    let half = rest.unsigned_abs().cmp(&(b.unsigned_abs() - rest.unsigned_abs()));
    let away = match mode {
        Rounding::Up => true,
        Rounding::Down => false,
        Rounding::Floor => sign < 0,
        Rounding::Ceiling => sign > 0,
        Rounding::HalfAway => half != Ordering::Less,
        Rounding::HalfEven => half == Ordering::Greater || half == Ordering::Equal && quotient % 2 != 0,
    };
    quotient + if away { sign } else { 0 }
}

impl From<i64> for Exact {
    fn from(value: i64) -> Exact {
        Exact(Decimal::from(value))
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
            None => self.0.cmp(&other.0),
        }
    }
}
impl Hash for Exact {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shortest().parts().hash(state);
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
        if scale > 0 { write!(f, ".{fraction}") } else { Ok(()) }
    }
}

impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
