//! Fractions: what an arithmetic tree calculates with, so that `a / 3 * 3` is `a`. They never leave the tree.
//!
//! Only a result may be too large, never a step on the way to it: steps have 256 bits.

use super::wide::Wide;
use super::{Exact, NumberError, Rounding};
use std::cmp::Ordering;

/// The first number with more than 38 digits.
const LIMIT: i128 = 10i128.pow(38);

/// A fraction, at most 38 digits above and below once it is in lowest terms. The denominator is positive.
///
/// One of small numbers that were divided is brought into lowest terms when somebody needs it: most amounts are rounded
/// next, which does not.
#[derive(Clone, Copy, Debug)]
pub struct Fraction {
    numerator: i128,
    denominator: i128,
}

// Not the operators: each of these can fail, and an operator could only panic.
#[allow(clippy::should_implement_trait)]
impl Fraction {
    pub fn add(self, other: Fraction) -> Result<Fraction, NumberError> {
        if let (Some(a), Some(b)) = (self.small(), other.small()) {
            return Ok(Fraction { numerator: i128::from(a) + i128::from(b), denominator: 1 });
        }
        let (a, b, denominator) = self.aligned(other);
        let (negative, sum) = match (self.numerator < 0, other.numerator < 0) {
            (x, y) if x == y => (x, a.plus(b)),
            (x, _) if a >= b => (x, a.minus(b)),
            (x, _) => (!x, b.minus(a)),
        };
        Fraction::reduced(negative, sum, denominator)
    }

    pub fn sub(self, other: Fraction) -> Result<Fraction, NumberError> {
        self.add(other.neg())
    }

    pub fn mul(self, other: Fraction) -> Result<Fraction, NumberError> {
        if let (Some(a), Some(b)) = (self.small(), other.small()) {
            return Ok(Fraction { numerator: i128::from(a) * i128::from(b), denominator: 1 });
        }
        Fraction::reduced(
            (self.numerator < 0) != (other.numerator < 0),
            Wide::product(self.above(), other.above()),
            Wide::product(self.below(), other.below()),
        )
    }

    pub fn div(self, other: Fraction) -> Result<Fraction, NumberError> {
        if let (Some(a), Some(b)) = (self.small(), other.small())
            && b != 0
        {
            let (above, denominator) = (i128::from(a.unsigned_abs()), i128::from(b.unsigned_abs()));
            return Ok(Fraction { numerator: if (a < 0) != (b < 0) { -above } else { above }, denominator });
        }
        Fraction::reduced(
            (self.numerator < 0) != (other.numerator < 0),
            Wide::product(self.above(), other.below()),
            Wide::product(self.below(), other.above()),
        )
    }

    /// `x - y * (x / y cut toward zero)`: the sign is that of `x`.
    pub fn rem(self, other: Fraction) -> Result<Fraction, NumberError> {
        let (a, b, denominator) = self.aligned(other);
        let (_, rest) = a.div_rem(b).ok_or(NumberError::ByZero)?;
        Fraction::reduced(self.numerator < 0, rest, denominator)
    }

    pub fn neg(self) -> Fraction {
        Fraction { numerator: -self.numerator, ..self }
    }

    pub fn is_zero(self) -> bool {
        self.numerator == 0
    }

    pub fn is_negative(self) -> bool {
        self.numerator < 0
    }

    /// The decimal it is, in its shortest form.
    pub fn finish(self) -> Result<Exact, NumberError> {
        if self.denominator == 1 {
            return Exact::from_i128(self.numerator);
        }
        self.lowest().finish_lowest()
    }

    /// In lowest terms.
    fn lowest(self) -> Fraction {
        let common = gcd(self.above(), self.below()) as i128;
        Fraction { numerator: self.numerator / common, denominator: self.denominator / common }
    }

    fn finish_lowest(self) -> Result<Exact, NumberError> {
        let twos = self.denominator.trailing_zeros();
        let (mut rest, mut fives) = (self.denominator >> twos, 0u32);
        while rest % 5 == 0 {
            rest /= 5;
            fives += 1;
        }
        if rest != 1 {
            return Err(NumberError::NotExact);
        }
        let places = twos.max(fives);
        // The last of these digits is no zero: what leaves an i128 has too many.
        let mantissa = 10i128.checked_pow(places).and_then(|ten| self.numerator.checked_mul(ten / self.denominator));
        Exact::from_parts(mantissa.ok_or(NumberError::TooLarge)?, places)
    }

    /// Rounded to exactly `places` decimals.
    pub fn round(self, places: u32, mode: Rounding) -> Result<Exact, NumberError> {
        Exact::divide(self.numerator < 0, self.above(), self.below(), places, mode)
    }

    /// The largest whole number that is not above it.
    pub fn floor(self) -> Result<Exact, NumberError> {
        self.round(0, Rounding::Floor)
    }

    /// The smallest whole number that is not below it.
    pub fn ceil(self) -> Result<Exact, NumberError> {
        self.round(0, Rounding::Ceiling)
    }

    /// A whole number that is not large: then there is no denominator to care for, and no limit to meet.
    #[inline]
    pub fn small(self) -> Option<i64> {
        if self.denominator == 1 { i64::try_from(self.numerator).ok() } else { None }
    }

    fn above(self) -> u128 {
        self.numerator.unsigned_abs()
    }

    fn below(self) -> u128 {
        self.denominator.unsigned_abs()
    }

    /// Both numerators, without their signs, over their least common denominator. All are below 10^76.
    fn aligned(self, other: Fraction) -> (Wide, Wide, Wide) {
        if self.denominator == other.denominator {
            return (Wide::from(self.above()), Wide::from(other.above()), Wide::from(self.below()));
        }
        let common = gcd(self.below(), other.below());
        let (b, d) = (self.below() / common, other.below() / common);
        (Wide::product(self.above(), d), Wide::product(other.above(), b), Wide::product(self.below(), d))
    }

    fn reduced(negative: bool, above: Wide, below: Wide) -> Result<Fraction, NumberError> {
        if below.is_zero() {
            return Err(NumberError::ByZero);
        }
        if let (Some(above), Some(below)) = (above.to_i128(), below.to_i128())
            && above < LIMIT
            && below < LIMIT
        {
            let common = gcd(above.unsigned_abs(), below.unsigned_abs()) as i128;
            let (above, denominator) = match common {
                1 => (above, below),
                _ => (above / common, below / common),
            };
            return Ok(Fraction { numerator: if negative { -above } else { above }, denominator });
        }
        let common = above.gcd(below);
        let part = |number: Wide| number.div_rem(common)?.0.to_i128().filter(|digits| *digits < LIMIT);
        match (part(above), part(below)) {
            (Some(above), Some(denominator)) => {
                Ok(Fraction { numerator: if negative { -above } else { above }, denominator })
            }
            _ => Err(NumberError::TooLarge),
        }
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    // Words of 64 bits are divided much faster.
    if let (Ok(a), Ok(b)) = (u64::try_from(a), u64::try_from(b)) {
        return u128::from(small_gcd(a, b));
    }
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn small_gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl From<i64> for Fraction {
    fn from(value: i64) -> Fraction {
        Fraction { numerator: i128::from(value), denominator: 1 }
    }
}

impl From<Exact> for Fraction {
    fn from(exact: Exact) -> Fraction {
        let (numerator, scale) = exact.parts();
        if scale == 0 {
            return Fraction { numerator, denominator: 1 };
        }
        let denominator = 10u128.pow(scale);
        let common = gcd(numerator.unsigned_abs(), denominator) as i128;
        Fraction { numerator: numerator / common, denominator: denominator as i128 / common }
    }
}

impl PartialEq for Fraction {
    fn eq(&self, other: &Fraction) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Fraction {}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Fraction) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Fraction) -> Ordering {
        match (self.numerator < 0, other.numerator < 0) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (negative, _) => {
                let (a, b, _) = self.aligned(*other);
                if negative { b.cmp(&a) } else { a.cmp(&b) }
            }
        }
    }
}
