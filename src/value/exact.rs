//! Exact numbers: a decimal of at most 28 significant digits and 28 places. Every operation gives the true result or an
//! error, never a rounded one. What has no end as a decimal lives as a [`Fraction`](super::Fraction).

use super::wide::Wide;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Most significant digits, and most decimal places, once trailing zeros are dropped.
const MOST_DIGITS: u32 = 28;
const LIMIT: u128 = 10u128.pow(MOST_DIGITS);

/// Most digits before the point, trailing zeros included: as many as a [`Fraction`](super::Fraction) has room for.
const MOST_WHOLE: u32 = 38;

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

/// A decimal: at most 28 significant digits and 28 places once trailing zeros are dropped, below 10^38. It remembers
/// how many decimals it was written with (`1.10`, at most 28), which equality and order do not see.
///
/// It is ±digits · 10^-scale: no digit zero behind the point at the end; a scale below 0, zeros before the point, only
/// where the digits would be too many without. So each value has one form.
#[derive(Clone, Copy)]
pub struct Exact {
    // The digits, less than 10^28, in two parts: an `u128` would make every value larger.
    low: u64,
    high: u32,
    /// Never of zero.
    negative: bool,
    scale: i8,
    /// Decimals to write, at least `scale`.
    decimals: u8,
}

// Not the operators: each of these can fail, and an operator could only panic.
#[allow(clippy::should_implement_trait)]
impl Exact {
    pub const ZERO: Exact = Exact::packed(false, 0, 0);
    pub const ONE: Exact = Exact::packed(false, 1, 0);

    /// `mantissa · 10^-scale`, written with `scale` decimals where there may be so many.
    pub fn from_parts(mantissa: i128, scale: u32) -> Result<Exact, NumberError> {
        Exact::signed(mantissa < 0, Wide::from(mantissa.unsigned_abs()), scale).map(|exact| exact.keeping(scale))
    }

    const fn packed(negative: bool, digits: u128, scale: i8) -> Exact {
        Exact {
            low: digits as u64,
            high: (digits >> 64) as u32,
            negative: negative && digits != 0,
            scale,
            decimals: if scale > 0 { scale as u8 } else { 0 },
        }
    }

    /// In shortest form. The mantissa may have more digits than fit as long as they are zeros at the end.
    fn signed(negative: bool, mut mantissa: Wide, mut scale: u32) -> Result<Exact, NumberError> {
        let digits = match mantissa.to_u128().map(u64::try_from) {
            Some(Ok(mut small)) => {
                while scale > 0 && small % 10 == 0 {
                    small /= 10;
                    scale -= 1;
                    if small == 0 {
                        scale = 0;
                    }
                }
                u128::from(small)
            }
            _ => {
                while scale > 0
                    && let Some((shorter, rest)) = mantissa.div_rem(Wide::from(10))
                    && rest.is_zero()
                {
                    mantissa = shorter;
                    scale -= 1;
                }
                mantissa.to_u128().filter(|digits| *digits < 10u128.pow(MOST_WHOLE)).ok_or(NumberError::TooLarge)?
            }
        };
        if scale > MOST_DIGITS {
            return Err(NumberError::TooLarge);
        }
        if digits < LIMIT {
            return Ok(Exact::packed(negative, digits, scale as i8));
        }
        Exact::with_zeros(negative, digits, scale)
    }

    /// More digits than 28, which must be zeros before the point.
    #[cold]
    fn with_zeros(negative: bool, mut digits: u128, scale: u32) -> Result<Exact, NumberError> {
        let mut zeros = 0;
        while digits >= LIMIT {
            if scale > 0 || !digits.is_multiple_of(10) {
                return Err(NumberError::TooLarge);
            }
            digits /= 10;
            zeros += 1;
        }
        Ok(Exact::packed(negative, digits, -zeros))
    }

    /// `numerator / denominator`, rounded to exactly `places` decimals; the denominator is not zero.
    pub(super) fn divide(
        negative: bool,
        numerator: u128,
        denominator: u128,
        places: u32,
        mode: Rounding,
    ) -> Result<Exact, NumberError> {
        if let Some(quick) = Exact::divide_small(negative, numerator, denominator, places, mode) {
            return Ok(quick);
        }
        let unit = 10u128.checked_pow(places).filter(|_| places <= MOST_DIGITS).ok_or(NumberError::TooLarge)?;
        let denominator = Wide::from(denominator);
        let shifted = Wide::product(numerator, unit);
        let (mut quotient, rest) = shifted.div_rem(denominator).ok_or(NumberError::ByZero)?;
        if !rest.is_zero() && mode.goes_up(negative, quotient.is_odd(), rest.plus(rest).cmp(&denominator)) {
            quotient = quotient.plus(Wide::from(1));
        }
        Exact::signed(negative, quotient, places)?.with_decimals(places)
    }

    /// The same in words of 64 bits, as nearly all amounts fit; `None` where they do not.
    fn divide_small(negative: bool, numerator: u128, denominator: u128, places: u32, mode: Rounding) -> Option<Exact> {
        let shifted = u64::try_from(numerator).ok()?.checked_mul(10u64.checked_pow(places)?)?;
        let denominator = u64::try_from(denominator).ok()?;
        let (mut quotient, rest) = (shifted.checked_div(denominator)?, shifted.checked_rem(denominator)?);
        if rest != 0 && mode.goes_up(negative, quotient % 2 == 1, rest.cmp(&(denominator - rest))) {
            quotient += 1;
        }
        let (digits, scale) = shorten(quotient, places as u8);
        Some(Exact { decimals: places as u8, ..Exact::packed(negative, u128::from(digits), scale as i8) })
    }

    /// A whole number.
    pub fn from_i128(value: i128) -> Result<Exact, NumberError> {
        Exact::from_parts(value, 0)
    }

    /// Strictly `-?digits[.digits]`: no `+`, no `.5`, no `5.`, no exponent.
    pub fn parse(text: &str) -> Result<Exact, NumberError> {
        match Exact::verbatim(text.as_bytes()) {
            Some(exact) => Ok(exact),
            None => Exact::parse_long(text),
        }
    }

    /// The number whose written form is this text to the letter; `None` for every other text. Nearly all numbers of
    /// payloads are such, and this is the fast way to them.
    pub(super) fn verbatim(text: &[u8]) -> Option<Exact> {
        let (negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        // As many as certainly fit.
        if unsigned.len() > 19 || matches!(unsigned, [b'0', b'0'..=b'9', ..] | [b'.', ..] | [.., b'.'] | []) {
            return None;
        }
        let (mut digits, mut point) = (0u64, None);
        for (at, byte) in unsigned.iter().enumerate() {
            match byte {
                b'0'..=b'9' => digits = digits * 10 + u64::from(byte - b'0'),
                b'.' if point.is_none() => point = Some(at),
                _ => return None,
            }
        }
        if negative && digits == 0 {
            return None;
        }
        let decimals = point.map_or(0, |at| unsigned.len() - at - 1) as u8;
        let (digits, scale) = shorten(digits, decimals);
        Some(Exact { decimals, ..Exact::packed(negative, u128::from(digits), scale as i8) })
    }

    fn parse_long(text: &str) -> Result<Exact, NumberError> {
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
        }
        let scale = kept.len().try_into().map_err(|_| NumberError::TooLarge)?;
        let exact = Exact::signed(text.starts_with('-'), Wide::from(mantissa), scale)?;
        Ok(exact.keeping(fraction.len().try_into().unwrap_or(MOST_DIGITS)))
    }

    fn digits(self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    /// All digits as a whole number, without sign, below 10^38.
    fn mantissa(self) -> u128 {
        match self.scale {
            0.. => self.digits(),
            scale => self.digits() * 10u128.pow(u32::from(scale.unsigned_abs())),
        }
    }

    /// In shortest form: all digits as a whole number, below 10^38, and how many of them are decimals.
    pub fn parts(self) -> (i128, u32) {
        let mantissa = self.mantissa() as i128;
        (if self.negative { -mantissa } else { mantissa }, u32::from(self.places()))
    }

    /// Decimals of the shortest form.
    fn places(self) -> u8 {
        self.scale.max(0) as u8
    }

    /// How many decimals it is written with.
    pub fn decimals(self) -> u32 {
        u32::from(self.decimals)
    }

    /// The same without decimals that are only zeros.
    pub fn shortest(self) -> Exact {
        Exact { decimals: self.places(), ..self }
    }

    /// The same written with exactly `places` decimals, at most 28. An error where that would cut digits.
    pub fn with_decimals(self, places: u32) -> Result<Exact, NumberError> {
        if u32::from(self.places()) > places {
            return Err(NumberError::NotExact);
        }
        if places > MOST_DIGITS {
            return Err(NumberError::TooLarge);
        }
        Ok(Exact { decimals: places as u8, ..self })
    }

    /// The same written with as many of the `decimals` as there may be.
    fn keeping(self, decimals: u32) -> Exact {
        Exact { decimals: decimals.clamp(u32::from(self.places()), MOST_DIGITS) as u8, ..self }
    }

    pub fn is_zero(self) -> bool {
        self.low == 0 && self.high == 0
    }

    pub fn is_negative(self) -> bool {
        self.negative
    }

    /// Whether it is a whole number by its value.
    pub fn is_whole(self) -> bool {
        self.scale <= 0
    }

    /// The whole number, where it is one.
    pub fn to_i128(self) -> Option<i128> {
        self.is_whole().then(|| self.parts().0)
    }

    /// The whole number, where it is one of ordinary size without zeros left out.
    #[inline]
    pub(super) fn small(self) -> Option<i64> {
        let size = i64::try_from(self.low).ok().filter(|_| self.high == 0 && self.scale == 0)?;
        Some(if self.negative { -size } else { size })
    }

    /// The whole number, where it is one and fits.
    pub fn to_i64(self) -> Option<i64> {
        if let Some(small) = self.small() {
            return Some(small);
        }
        self.to_i128().and_then(|value| value.try_into().ok())
    }

    /// In shortest form, as every result.
    pub fn neg(self) -> Exact {
        Exact { negative: !self.negative && !self.is_zero(), ..self.shortest() }
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
        let scale = u32::from(self.places() + other.places());
        Exact::signed(self.negative != other.negative, Wide::product(self.mantissa(), other.mantissa()), scale)
    }

    /// Rounded, written with exactly `places` decimals.
    pub fn round(self, places: u32, mode: Rounding) -> Result<Exact, NumberError> {
        let scale = u32::from(self.places());
        if scale <= places {
            return self.with_decimals(places);
        }
        Exact::divide(self.negative, self.digits(), 10u128.pow(scale), places, mode)
    }

    /// The largest whole number that is not above it.
    pub fn floor(self) -> Result<Exact, NumberError> {
        self.round(0, Rounding::Floor)
    }

    /// The smallest whole number that is not below it.
    pub fn ceil(self) -> Result<Exact, NumberError> {
        self.round(0, Rounding::Ceiling)
    }

    /// As written, with its decimals; no exponent, never `-0`.
    pub(super) fn append(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.write(&mut [b'0'; LONGEST]));
    }

    /// How many bytes [`Exact::append`] adds.
    pub(super) fn written_len(self) -> usize {
        let digits = match self.high {
            0 => self.low.checked_ilog10(),
            _ => self.digits().checked_ilog10(),
        };
        let whole = (digits.map_or(1, |log| log as i32 + 1) - i32::from(self.scale)).max(1) as usize;
        let decimals = usize::from(self.decimals);
        usize::from(self.negative) + whole + decimals + usize::from(decimals > 0)
    }

    /// From the last digit to the first, into a buffer of nothing but `0`.
    fn write(self, buffer: &mut [u8; LONGEST]) -> &[u8] {
        let places = usize::from(self.places());
        let point = LONGEST - usize::from(self.decimals);
        let mut rest = Rest::of(self.digits());
        let mut at = LONGEST - (usize::from(self.decimals) - places);
        for _ in 0..places {
            at -= 1;
            buffer[at] = rest.digit();
        }
        if point < LONGEST {
            at -= 1;
            buffer[at] = b'.';
        }
        at -= usize::from(self.scale.min(0).unsigned_abs());
        loop {
            at -= 1;
            buffer[at] = rest.digit();
            if rest.is_done() {
                break;
            }
        }
        if self.negative {
            at -= 1;
            buffer[at] = b'-';
        }
        &buffer[at..]
    }
}

/// Longest written form: a sign, 38 digits, a point, 28 decimals.
pub(super) const LONGEST: usize = 68;

/// What is left of the digits, taken from the end: in words of 64 bits, which are divided much faster.
struct Rest {
    word: u64,
    /// How many digits `word` still stands for where `above` is not nothing.
    left: u32,
    above: u64,
}

impl Rest {
    const WORD: u64 = 10u64.pow(19);

    fn of(digits: u128) -> Rest {
        match u64::try_from(digits) {
            Ok(word) => Rest { word, left: 0, above: 0 },
            // Below 10^28: what stands above 19 digits has at most 9.
            Err(_) => Rest {
                word: (digits % u128::from(Rest::WORD)) as u64,
                left: 19,
                above: (digits / u128::from(Rest::WORD)) as u64,
            },
        }
    }

    fn digit(&mut self) -> u8 {
        if self.left == 0 && self.above > 0 {
            self.word = std::mem::take(&mut self.above);
        }
        self.left = self.left.saturating_sub(1);
        let digit = (self.word % 10) as u8;
        self.word /= 10;
        b'0' + digit
    }

    fn is_done(&self) -> bool {
        self.word == 0 && self.above == 0
    }
}

/// Without zeros at the end of the decimals.
fn shorten(mut digits: u64, mut scale: u8) -> (u64, u8) {
    while scale > 0 && digits.is_multiple_of(10) {
        digits /= 10;
        scale -= 1;
    }
    (digits, scale)
}

/// Both as whole numbers of one unit. `None` where that has too many digits to hold.
fn aligned(a: Exact, b: Exact) -> Option<((i128, i128), u32)> {
    let ((a, a_scale), (b, b_scale)) = (a.parts(), b.parts());
    if a_scale == b_scale {
        return Some(((a, b), a_scale));
    }
    let scale = a_scale.max(b_scale);
    let widen = |value: i128, by: u32| value.checked_mul(10i128.checked_pow(by)?);
    Some(((widen(a, scale - a_scale)?, widen(b, scale - b_scale)?), scale))
}

impl From<i64> for Exact {
    fn from(value: i64) -> Exact {
        Exact::packed(value < 0, u128::from(value.unsigned_abs()), 0)
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
        let form = |exact: &Exact| (exact.low, exact.high, exact.scale, exact.negative);
        form(self) == form(other)
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
        let size = match (self.negative, other.negative) {
            (false, true) => return Ordering::Greater,
            (true, false) => return Ordering::Less,
            _ => match aligned(*self, *other) {
                Some(((a, b), _)) => return a.cmp(&b),
                // The one with fewer decimals is so large that it cannot be written in the other's unit.
                None => other.places().cmp(&self.places()),
            },
        };
        if self.negative { size.reverse() } else { size }
    }
}
impl Hash for Exact {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.low, self.high, self.scale, self.negative).hash(state);
    }
}

impl fmt::Display for Exact {
    /// As written, with its decimals; no exponent, never `-0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only digits, a point and a sign.
        f.write_str(std::str::from_utf8(self.write(&mut [b'0'; LONGEST])).unwrap_or_default())
    }
}

impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
