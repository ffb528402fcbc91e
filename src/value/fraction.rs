//! Fractions: what an arithmetic tree calculates with, so that `a / 3 * 3` is `a`. They never leave the tree.

use super::exact::divide;
use super::{Exact, NumberError, Rounding};
use std::cmp::Ordering;

/// Above and below the line: at most 38 digits, which is what an `i128` holds.
const LIMIT: u128 = 10u128.pow(38);

/// A fraction in lowest terms, the denominator above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    numerator: i128,
    denominator: i128,
}

// Not the operators: each of these can fail, and an operator could only panic.
#[allow(clippy::should_implement_trait)]
impl Fraction {
    /// In lowest terms. `denominator` is not zero.
    fn new(numerator: i128, denominator: i128) -> Result<Fraction, NumberError> {
        let divisor = gcd(numerator.unsigned_abs(), denominator.unsigned_abs()).max(1);
        let (n, d) = (numerator.unsigned_abs() / divisor, denominator.unsigned_abs() / divisor);
        if n >= LIMIT || d >= LIMIT {
            return Err(NumberError::TooLarge);
        }
        let negative = (numerator < 0) != (denominator < 0);
        Ok(Fraction { numerator: if negative { -(n as i128) } else { n as i128 }, denominator: d as i128 })
    }

    pub fn is_zero(self) -> bool {
        self.numerator == 0
    }

    pub fn is_negative(self) -> bool {
        self.numerator < 0
    }

    pub fn neg(self) -> Fraction {
        Fraction { numerator: -self.numerator, denominator: self.denominator }
    }

    pub fn add(self, other: Fraction) -> Result<Fraction, NumberError> {
        // Over the least common denominator, so that the steps between are no larger than they must be.
        let divisor = gcd(self.denominator.unsigned_abs(), other.denominator.unsigned_abs()) as i128;
        let (left, right) = (other.denominator / divisor, self.denominator / divisor);
        let sum = || {
            let a = self.numerator.checked_mul(left)?;
            let b = other.numerator.checked_mul(right)?;
            Some((a.checked_add(b)?, self.denominator.checked_mul(left)?))
        };
        let (numerator, denominator) = sum().ok_or(NumberError::TooLarge)?;
        Fraction::new(numerator, denominator)
    }

    pub fn sub(self, other: Fraction) -> Result<Fraction, NumberError> {
        self.add(other.neg())
    }

    pub fn mul(self, other: Fraction) -> Result<Fraction, NumberError> {
        // Crosswise in lowest terms first.
        let a = gcd(self.numerator.unsigned_abs(), other.denominator.unsigned_abs()).max(1) as i128;
        let b = gcd(other.numerator.unsigned_abs(), self.denominator.unsigned_abs()).max(1) as i128;
        let product = || {
            let numerator = (self.numerator / a).checked_mul(other.numerator / b)?;
            let denominator = (self.denominator / b).checked_mul(other.denominator / a)?;
            Some((numerator, denominator))
        };
        let (numerator, denominator) = product().ok_or(NumberError::TooLarge)?;
        Fraction::new(numerator, denominator)
    }

    pub fn div(self, other: Fraction) -> Result<Fraction, NumberError> {
        if other.numerator == 0 {
            return Err(NumberError::ByZero);
        }
        let sign = other.numerator.signum();
        self.mul(Fraction { numerator: other.denominator * sign, denominator: other.numerator * sign })
    }

    /// `x - y · (x / y cut toward zero)`.
    pub fn rem(self, other: Fraction) -> Result<Fraction, NumberError> {
        let quotient = self.div(other)?;
        let cut = Fraction { numerator: quotient.numerator / quotient.denominator, denominator: 1 };
        self.sub(other.mul(cut)?)
    }

    /// The decimal that it is, in shortest form; an error where it has no end or too many digits.
    pub fn finish(self) -> Result<Exact, NumberError> {
        let (mut rest, mut twos, mut fives) = (self.denominator, 0u32, 0u32);
        while rest % 2 == 0 {
            (rest, twos) = (rest / 2, twos + 1);
        }
        while rest % 5 == 0 {
            (rest, fives) = (rest / 5, fives + 1);
        }
        if rest != 1 {
            return Err(NumberError::NotExact);
        }
        let scale = twos.max(fives);
        let factor = || 2i128.checked_pow(scale - twos)?.checked_mul(5i128.checked_pow(scale - fives)?);
        let mantissa = factor().and_then(|factor| self.numerator.checked_mul(factor)).ok_or(NumberError::TooLarge)?;
        Exact::from_parts(mantissa, scale).map(Exact::shortest)
    }

    /// Rounded, written with exactly `places` decimals.
    pub fn round(self, places: u32, mode: Rounding) -> Result<Exact, NumberError> {
        if let Ok(exact) = self.finish() {
            return exact.round(places, mode);
        }
        let (whole, rest) = (self.numerator / self.denominator, self.numerator % self.denominator);
        let unit = 10i128.checked_pow(places).filter(|_| places <= 28).ok_or(NumberError::TooLarge)?;
        // Digit by digit, so that the rest never grows beyond ten times the denominator.
        let (mut digits, mut rest) = (whole.checked_mul(unit).ok_or(NumberError::TooLarge)?, rest.unsigned_abs());
        let denominator = self.denominator.unsigned_abs();
        let mut fraction: i128 = 0;
        for _ in 0..places {
            let (digit, left) = ten_times(rest, denominator);
            fraction = fraction * 10 + digit as i128;
            rest = left;
        }
        let negative = self.numerator < 0;
        digits = digits.checked_add(if negative { -fraction } else { fraction }).ok_or(NumberError::TooLarge)?;
        // What is left decides as a fraction of one unit would: below, at or above a half.
        let half = rest.cmp(&(denominator - rest));
        let left = match half {
            Ordering::Less => 1,
            Ordering::Equal => 2,
            Ordering::Greater => 3,
        };
        let quarters = digits.checked_mul(4).ok_or(NumberError::TooLarge)?;
        let quarters = if rest == 0 {
            quarters
        } else if negative {
            quarters - left
        } else {
            quarters + left
        };
        Exact::from_parts(divide(quarters, 4, mode), places)?.with_decimals(places)
    }

    pub fn floor(self) -> Result<Exact, NumberError> {
        self.round(0, Rounding::Floor)
    }

    pub fn ceil(self) -> Result<Exact, NumberError> {
        self.round(0, Rounding::Ceiling)
    }
}

/// The first decimal digit of `rest / of`, and what is left of it. `rest < of`.
fn ten_times(rest: u128, of: u128) -> (u32, u128) {
    // `of` has at most 38 digits, ten times that may not fit: add ten times instead.
    let (mut digit, mut left) = (0, 0u128);
    for _ in 0..10 {
        // left + rest >= of, without overflow
        if left >= of - rest {
            left -= of - rest;
            digit += 1;
        } else {
            left += rest;
        }
    }
    (digit, left)
}

impl From<Exact> for Fraction {
    fn from(exact: Exact) -> Fraction {
        let (mantissa, scale) = exact.shortest().parts();
        let denominator = 10i128.pow(scale);
        let divisor = gcd(mantissa.unsigned_abs(), denominator.unsigned_abs()).max(1) as i128;
        Fraction { numerator: mantissa / divisor, denominator: denominator / divisor }
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Fraction) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fraction {
    /// By continued fractions: exact, without products that could overflow.
    fn cmp(&self, other: &Fraction) -> Ordering {
        let (mut a, mut b) = ((self.numerator, self.denominator), (other.numerator, other.denominator));
        let mut turned = false;
        loop {
            let (whole_a, whole_b) = (a.0.div_euclid(a.1), b.0.div_euclid(b.1));
            let (rest_a, rest_b) = (a.0.rem_euclid(a.1), b.0.rem_euclid(b.1));
            let order = match whole_a.cmp(&whole_b) {
                Ordering::Equal => match (rest_a, rest_b) {
                    (0, 0) => return Ordering::Equal,
                    (0, _) => Ordering::Less,
                    (_, 0) => Ordering::Greater,
                    _ => {
                        // Of the rests' reciprocals, the larger belongs to the smaller rest.
                        (a, b) = ((a.1, rest_a), (b.1, rest_b));
                        turned = !turned;
                        continue;
                    }
                },
                order => order,
            };
            return if turned { order.reverse() } else { order };
        }
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
