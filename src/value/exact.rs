//! Exact numbers: a decimal of at most 28 significant digits and 28 places. Every operation gives the true result or
//! an error, never a rounded one; only `round`, `floor` and `ceil` round, because they were asked to.
//!
//! `rust_decimal` packs the digits and nothing more: its own operators round silently and are never used.

use super::number::Written;
use super::wide::Wide;
use rust_decimal::Decimal;
use std::cmp::Ordering;

/// Most decimal places.
pub(super) const PLACES: u32 = 28;
/// The first mantissa with more than 28 digits.
const LIMIT: u128 = 10u128.pow(28);

/// Why a calculation has no exact result that fits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("the number needs more than 28 digits, which is as far as exact numbers go")]
    TooLarge,
    #[error("the result has no end as a decimal: say how to round it, as in `round(…, 2, \"half_even\")`")]
    NotExact,
    #[error("division by zero")]
    ByZero,
    #[error("{0:?} is not a number: expected digits with at most one point between them, as in `-12.50`")]
    NotANumber(String),
    #[error("{0} decimal places are too many: at most 28 can be kept")]
    Places(u32),
    #[error("{0} does not fit into {1} decimal places: say how to round it, as in `round(…, {1}, \"half_even\")`")]
    WouldCut(Exact, u32),
}

/// How `round` treats what lies between. There is no default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest; a tie to the even neighbour.
    HalfEven,
    /// To the nearest; a tie away from zero.
    HalfAway,
    /// Away from zero.
    Up,
    /// Toward zero.
    Down,
    /// Toward negative infinity.
    Floor,
    /// Toward positive infinity.
    Ceiling,
}

impl Rounding {
    /// The names as they are written in source.
    pub const NAMES: [&str; 6] = ["half_even", "half_away", "up", "down", "floor", "ceiling"];

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

    /// Whether a cut quotient goes one further from zero; `half` compares what was cut off (never nothing) with a half.
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
/// decimals it was written with (`1.10`, at most 28), which [`Exact::eq`] does not see.
#[derive(Clone, Copy)]
pub struct Exact {
    /// Without trailing zeros behind the point; zero is never negative.
    value: Decimal,
    /// Decimals to write, at least those of `value`.
    decimals: u8,
}

#[allow(clippy::should_implement_trait)] // the operators' own signatures cannot fail
impl Exact {
    pub const ZERO: Exact = Exact { value: Decimal::ZERO, decimals: 0 };
    pub const ONE: Exact = Exact { value: Decimal::ONE, decimals: 0 };

    /// Reads `-?digits[.digits]`: no plus, no exponent, no `.5`, `5.` or `1_000`.
    pub fn parse(text: &str) -> Result<Exact, NumberError> {
        let written = Written::plain(text);
        written.ok_or_else(|| NumberError::NotANumber(text.chars().take(40).collect()))?.exact()
    }

    pub fn from_i128(whole: i128) -> Result<Exact, NumberError> {
        Exact::new(whole, 0)
    }

    /// `mantissa` shifted `scale` places to the right, in its shortest form.
    pub(super) fn new(mut mantissa: i128, mut scale: u32) -> Result<Exact, NumberError> {
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        if mantissa.unsigned_abs() >= LIMIT || scale > PLACES {
            return Err(NumberError::TooLarge);
        }
        let value = Decimal::try_from_i128_with_scale(mantissa, scale).map_err(|_| NumberError::TooLarge)?;
        Ok(Exact { value, decimals: scale as u8 })
    }

    /// The same as [`Exact::new`] for a mantissa that may only fit once its trailing zeros are gone.
    fn from_wide(negative: bool, mut mantissa: Wide, mut scale: u32) -> Result<Exact, NumberError> {
        while scale > 0 && mantissa.to_i128().is_none() {
            match mantissa.div_rem(Wide::from(10)) {
                Some((shorter, rest)) if rest.is_zero() => mantissa = shorter,
                _ => break,
            }
            scale -= 1;
        }
        let mantissa = mantissa.to_i128().ok_or(NumberError::TooLarge)?;
        Exact::new(if negative { -mantissa } else { mantissa }, scale)
    }

    /// `numerator / denominator`, rounded to exactly `places` decimals.
    pub(super) fn divide(
        negative: bool,
        numerator: u128,
        denominator: u128,
        places: u32,
        rounding: Rounding,
    ) -> Result<Exact, NumberError> {
        if places > PLACES {
            return Err(NumberError::Places(places));
        }
        let shifted = Wide::product(numerator, 10u128.pow(places));
        let denominator = Wide::from(denominator);
        let (mut quotient, rest) = shifted.div_rem(denominator).ok_or(NumberError::ByZero)?;
        if !rest.is_zero() && rounding.goes_up(negative, quotient.is_odd(), rest.plus(rest).cmp(&denominator)) {
            quotient = quotient.plus(Wide::from(1));
        }
        Exact::from_wide(negative, quotient, places)?.with_decimals(places)
    }

    /// All digits as a whole number; with [`Exact::scale`] the value.
    pub(super) fn mantissa(self) -> i128 {
        self.value.mantissa()
    }

    /// Decimal places of the value without trailing zeros.
    pub fn scale(self) -> u32 {
        self.value.scale()
    }

    /// Decimals it is written with: `1.10` has two.
    pub fn decimals(self) -> u32 {
        u32::from(self.decimals)
    }

    /// The same value without trailing zeros behind the point.
    pub fn shortest(self) -> Exact {
        Exact { decimals: self.scale() as u8, ..self }
    }

    /// The same value written with exactly `decimals`; an error where that would cut digits off.
    pub fn with_decimals(self, decimals: u32) -> Result<Exact, NumberError> {
        if decimals > PLACES {
            return Err(NumberError::Places(decimals));
        }
        if decimals < self.scale() {
            return Err(NumberError::WouldCut(self.shortest(), decimals));
        }
        Ok(Exact { decimals: decimals as u8, ..self })
    }

    /// The same value written with as many of the `decimals` as can be kept.
    pub(super) fn keeping(self, decimals: u64) -> Exact {
        let decimals = decimals.clamp(u64::from(self.scale()), u64::from(PLACES));
        Exact { decimals: decimals as u8, ..self }
    }

    pub fn is_zero(self) -> bool {
        self.mantissa() == 0
    }

    pub fn is_negative(self) -> bool {
        self.mantissa() < 0
    }

    pub fn is_whole(self) -> bool {
        self.scale() == 0
    }

    /// Where it is whole and fits.
    pub fn to_i64(self) -> Option<i64> {
        self.to_i128()?.try_into().ok()
    }

    /// Where it is whole.
    pub fn to_i128(self) -> Option<i128> {
        self.is_whole().then(|| self.mantissa())
    }

    pub fn add(self, other: Exact) -> Result<Exact, NumberError> {
        // Both mantissas are in shortest form: where aligning them leaves i128, the sum has more than 28 digits too.
        let scale = self.scale().max(other.scale());
        let sum = match (self.mantissa_at(scale), other.mantissa_at(scale)) {
            (Some(a), Some(b)) => a.checked_add(b),
            _ => None,
        };
        Exact::new(sum.ok_or(NumberError::TooLarge)?, scale)
    }

    pub fn sub(self, other: Exact) -> Result<Exact, NumberError> {
        self.add(other.neg())
    }

    pub fn mul(self, other: Exact) -> Result<Exact, NumberError> {
        let scale = self.scale() + other.scale();
        match self.mantissa().checked_mul(other.mantissa()) {
            Some(product) => Exact::new(product, scale),
            None => {
                let product = Wide::product(self.mantissa().unsigned_abs(), other.mantissa().unsigned_abs());
                Exact::from_wide(self.is_negative() != other.is_negative(), product, scale)
            }
        }
    }

    /// The negated value in its shortest form.
    pub fn neg(self) -> Exact {
        let value = if self.is_zero() { self.value } else { -self.value };
        Exact { value, decimals: self.scale() as u8 }
    }

    /// Rounded to exactly `places` decimals.
    pub fn round(self, places: u32, rounding: Rounding) -> Result<Exact, NumberError> {
        if places >= self.scale() {
            return self.with_decimals(places);
        }
        Exact::divide(self.is_negative(), self.mantissa().unsigned_abs(), 10u128.pow(self.scale()), places, rounding)
    }

    /// The next whole number below, or itself.
    pub fn floor(self) -> Result<Exact, NumberError> {
        self.shortest().round(0, Rounding::Floor)
    }

    /// The next whole number above, or itself.
    pub fn ceil(self) -> Result<Exact, NumberError> {
        self.shortest().round(0, Rounding::Ceiling)
    }

    /// The mantissa for a scale that is at least its own.
    pub(super) fn mantissa_at(self, scale: u32) -> Option<i128> {
        let factor = 10i128.checked_pow(scale.checked_sub(self.scale())?)?;
        self.mantissa().checked_mul(factor)
    }
}

impl From<i64> for Exact {
    fn from(whole: i64) -> Exact {
        Exact { value: Decimal::from(whole), decimals: 0 }
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Exact) -> bool {
        self.mantissa() == other.mantissa() && self.scale() == other.scale()
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
        let scale = self.scale().max(other.scale());
        match (self.mantissa_at(scale), other.mantissa_at(scale)) {
            (Some(a), Some(b)) => a.cmp(&b),
            // Only one of them is scaled, and what leaves i128 is larger than any mantissa.
            (None, _) => self.mantissa().cmp(&0),
            (_, None) => 0.cmp(&other.mantissa()),
        }
    }
}

impl std::hash::Hash for Exact {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.mantissa(), self.scale()).hash(state);
    }
}

impl std::fmt::Display for Exact {
    /// With the decimals it was written with; never an exponent, never `-0`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (scale, decimals) = (self.scale() as usize, self.decimals as usize);
        if self.is_negative() {
            f.write_str("-")?;
        }
        let digits = format!("{:0>width$}", self.mantissa().unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        f.write_str(whole)?;
        if decimals > 0 {
            write!(f, ".{fraction:0<decimals$}")?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Exact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
