//! A number as it passes through: an exact value, or its own text where that says more than the value is written with
//! (`1e3`, `-0.0`, more than 28 digits).

use super::exact::LONGEST;
use super::{Exact, NumberError, Text};
use std::borrow::Cow;
use std::cmp::Ordering;

/// Most digits of an exponent: so large, they still can be compared.
pub(super) const EXPONENT_DIGITS: usize = 18;

/// Most zeros that are written out for an exponent.
const ZEROS: u64 = 10_000;

/// A number, with the text it was written with where that must come out again byte for byte.
#[derive(Clone, Debug)]
pub struct Number(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Exact(Exact),
    /// Valid JSON, untouched; never what [`Exact`] would write to the letter.
    Source(Text),
}

impl Number {
    /// The text of a JSON number, already known to be one.
    pub fn from_json(text: Text) -> Number {
        Number(Exact::verbatim(text.as_bytes()).map_or(Repr::Source(text), Repr::Exact))
    }

    /// The same for the reader, which makes the text itself only where it is needed.
    pub(super) fn read(digits: &[u8], text: impl FnOnce() -> Text) -> Number {
        Number(Exact::verbatim(digits).map_or_else(|| Repr::Source(text()), Repr::Exact))
    }

    /// Its exact value. Longer ones pass through but cannot be calculated with.
    #[inline]
    pub fn exact(&self) -> Result<Exact, NumberError> {
        match &self.0 {
            Repr::Exact(exact) => Ok(*exact),
            Repr::Source(text) => read(text),
        }
    }

    /// The whole number, where it is one of ordinary size, written as such.
    #[inline]
    pub fn small(&self) -> Option<i64> {
        match &self.0 {
            Repr::Exact(exact) => exact.small(),
            Repr::Source(_) => None,
        }
    }

    /// Whether it is a whole number by its value: `1.0` and `1e3` are.
    #[inline]
    pub fn is_whole(&self) -> bool {
        match &self.0 {
            Repr::Exact(exact) => exact.is_whole(),
            Repr::Source(text) => {
                let digits = Digits::of(text);
                digits.digits.is_empty() || digits.point >= digits.digits.len() as i64
            }
        }
    }

    /// As it is written in JSON: the source's own text where it was not calculated with.
    pub fn written(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Exact(exact) => Cow::Owned(exact.to_string()),
            Repr::Source(text) => Cow::Borrowed(text),
        }
    }

    /// The same at the end of what is there.
    pub(super) fn append(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Repr::Exact(exact) => exact.append(out),
            Repr::Source(text) => out.extend_from_slice(text.as_bytes()),
        }
    }

    /// How many bytes [`Number::written`] has, without writing it.
    pub fn written_len(&self) -> usize {
        match &self.0 {
            Repr::Exact(exact) => exact.written_len(),
            Repr::Source(text) => text.len(),
        }
    }

    /// No less than [`Number::written_len`], at once.
    pub fn most_len(&self) -> usize {
        match &self.0 {
            Repr::Exact(_) => LONGEST,
            Repr::Source(text) => text.len(),
        }
    }

    /// For people and texts: exponents spelt out, no `-0`. An error where an exponent stands for too many zeros.
    pub fn plain(&self) -> Result<Cow<'_, str>, NumberError> {
        Ok(match &self.0 {
            Repr::Exact(exact) => Cow::Owned(exact.to_string()),
            Repr::Source(text) if text.contains(['e', 'E']) => {
                Cow::Owned(Digits::of(text).spelt_out().ok_or(NumberError::TooManyZeros(ZEROS))?)
            }
            Repr::Source(text) if text.starts_with('-') && Digits::of(text).digits.is_empty() => {
                Cow::Borrowed(&text[1..])
            }
            Repr::Source(text) => Cow::Borrowed(text),
        })
    }

    /// By value, without zeros that mean nothing: `1.0` is `1`. An error where that takes too many zeros.
    pub fn shortest(&self) -> Result<String, NumberError> {
        match self.exact() {
            Ok(exact) => Ok(exact.shortest().to_string()),
            Err(_) => Digits::of(&self.written()).spelt_out().ok_or(NumberError::TooManyZeros(ZEROS)),
        }
    }

    /// One text for each value, for keys: the shortest, with an exponent where that would have too many zeros.
    pub fn canonical(&self) -> String {
        self.shortest().unwrap_or_else(|_| {
            let digits = Digits::of(&self.written());
            let exponent = digits.point - digits.digits.len() as i64;
            format!("{}{}e{exponent}", if digits.negative { "-" } else { "" }, digits.digits)
        })
    }

    /// By value, however long: no digits are made up for large exponents.
    pub fn compare(&self, other: &Number) -> Ordering {
        if let (Repr::Exact(a), Repr::Exact(b)) = (&self.0, &other.0) {
            return a.cmp(b);
        }
        if let (Ok(a), Ok(b)) = (self.exact(), other.exact()) {
            return a.cmp(&b);
        }
        let (a, b) = (self.written(), other.written());
        let (a, b) = (Digits::of(&a), Digits::of(&b));
        match (a.sign(), b.sign()) {
            (0, 0) => Ordering::Equal,
            (x, y) if x != y => x.cmp(&y),
            (sign, _) => {
                let size = a.point.cmp(&b.point).then_with(|| a.digits.cmp(&b.digits));
                if sign < 0 { size.reverse() } else { size }
            }
        }
    }
}

/// The exact value of a JSON number.
fn read(text: &str) -> Result<Exact, NumberError> {
    if !text.contains(['e', 'E']) {
        return Exact::parse(text);
    }
    let digits = Digits::of(text);
    let shift = digits.point - digits.digits.len() as i64;
    if digits.digits.is_empty() {
        return Ok(Exact::ZERO);
    }
    if digits.digits.len() > 28 || !(-56..=38).contains(&shift) {
        return Err(NumberError::TooLarge);
    }
    let mantissa: i128 = digits.digits.parse().unwrap_or(0);
    let mantissa = if digits.negative { -mantissa } else { mantissa };
    match u32::try_from(shift) {
        Ok(zeros) => {
            let factor = 10i128.checked_pow(zeros).ok_or(NumberError::TooLarge)?;
            Exact::from_i128(mantissa.checked_mul(factor).ok_or(NumberError::TooLarge)?)
        }
        Err(_) => Exact::from_parts(mantissa, shift.unsigned_abs() as u32),
    }
}

impl From<Exact> for Number {
    fn from(exact: Exact) -> Number {
        Number(Repr::Exact(exact))
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Number {
        Number(Repr::Exact(Exact::from(value)))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.compare(other).is_eq()
    }
}
impl Eq for Number {}

/// A number taken apart: `0.DIGITS · 10^point`, without zeros at either end.
struct Digits {
    negative: bool,
    digits: String,
    point: i64,
}

impl Digits {
    fn of(text: &str) -> Digits {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], exponent(&unsigned[at + 1..])),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let leading = all.len() - all.trim_start_matches('0').len();
        let digits = all.trim_matches('0').to_string();
        let point = (whole.len() as i64 - leading as i64).saturating_add(exponent);
        let point = if digits.is_empty() { 0 } else { point };
        Digits { negative: text.starts_with('-'), digits, point }
    }

    fn sign(&self) -> i32 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        }
    }

    /// Without an exponent; `None` where that takes too many zeros.
    fn spelt_out(&self) -> Option<String> {
        if self.digits.is_empty() {
            return Some("0".into());
        }
        let count = self.digits.len() as i64;
        let zeros = if self.point <= 0 { self.point.unsigned_abs() } else { (self.point - count).max(0) as u64 };
        if zeros > ZEROS {
            return None;
        }
        let unsigned = if self.point <= 0 {
            format!("0.{}{}", "0".repeat(self.point.unsigned_abs() as usize), self.digits)
        } else if self.point >= count {
            format!("{}{}", self.digits, "0".repeat((self.point - count) as usize))
        } else {
            let (whole, fraction) = self.digits.split_at(self.point as usize);
            format!("{whole}.{fraction}")
        };
        Some(format!("{}{unsigned}", if self.negative { "-" } else { "" }))
    }
}

/// An exponent. The reader refuses those beyond a quintillion; here they would all be alike.
fn exponent(text: &str) -> i64 {
    const FAR: i64 = 1_000_000_000_000_000_000;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let size = digits.parse::<i64>().map_or(FAR, |value| value.min(FAR));
    if negative { -size } else { size }
}
