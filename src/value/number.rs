//! A number as it passes through: its own text where it came from JSON, an exact value where it was calculated.
//!
//! Numbers longer than 28 digits or far out of scale (`1e999999999`) pass through and compare by value; only
//! [`Number::exact`] refuses them. No work here is larger than the texts themselves.

use super::{Exact, NumberError, Text};
use std::borrow::Cow;
use std::cmp::Ordering;

/// Most zeros that are written out for an exponent.
const ZEROS: i64 = 1000;

/// A number, with the text it was written with where that must come out again byte for byte.
#[derive(Clone)]
pub struct Number(Form);

#[derive(Clone)]
enum Form {
    /// Valid JSON, checked by [`Written::json`].
    Untouched(Text),
    Exact(Exact),
}

impl Number {
    /// The number with that JSON text; `None` where it is none (or has an exponent of more than 18 digits).
    pub fn from_json(text: Text) -> Option<Number> {
        Written::json(&text)?;
        Some(Number(Form::Untouched(text)))
    }

    /// For the reader, which has just checked the text.
    pub(super) fn checked(text: Text) -> Number {
        Number(Form::Untouched(text))
    }

    /// The value to calculate with; an error where it has more than 28 digits.
    pub fn exact(&self) -> Result<Exact, NumberError> {
        match &self.0 {
            Form::Untouched(text) => Written::of(text).exact(),
            Form::Exact(exact) => Ok(*exact),
        }
    }

    /// Whether its value is whole: `1.0` and `1e3` are.
    pub fn is_whole(&self) -> bool {
        match &self.0 {
            Form::Untouched(text) => Written::of(text).is_whole(),
            Form::Exact(exact) => exact.is_whole(),
        }
    }

    /// Where it is whole and fits.
    pub fn to_i64(&self) -> Option<i64> {
        self.exact().ok()?.to_i64()
    }

    /// As it is written into JSON: an untouched number's own text.
    pub fn written(&self) -> Cow<'_, str> {
        match &self.0 {
            Form::Untouched(text) => Cow::Borrowed(text),
            Form::Exact(exact) => Cow::Owned(exact.to_string()),
        }
    }

    /// As text: its decimals kept, exponents spelt out, no `-0`. An error where that takes more than a thousand zeros.
    pub fn plain(&self) -> Result<Cow<'_, str>, NumberError> {
        match &self.0 {
            Form::Untouched(text) => Written::of(text).spelt_out(text),
            Form::Exact(exact) => Ok(Cow::Owned(exact.to_string())),
        }
    }

    /// One text for each value, for keys: `1.0` and `1e0` are `1`. What takes too many zeros has an exponent.
    pub fn canonical(&self) -> String {
        match &self.0 {
            Form::Untouched(text) => Written::of(text).canonical(),
            Form::Exact(exact) => exact.shortest().to_string(),
        }
    }

    /// By value, however long.
    pub fn compare(&self, other: &Number) -> Ordering {
        match (self.exact(), other.exact()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            _ => {
                let (a, b) = (self.written(), other.written());
                Written::of(&a).compare(&Written::of(&b))
            }
        }
    }
}

impl From<Exact> for Number {
    fn from(exact: Exact) -> Number {
        Number(Form::Exact(exact))
    }
}

impl From<i64> for Number {
    fn from(whole: i64) -> Number {
        Number::from(Exact::from(whole))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.compare(other).is_eq()
    }
}
impl Eq for Number {}

impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.written())
    }
}

/// The parts of a number's text.
pub(super) struct Written<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

/// A value's digits without zeros at either end, and the power of ten of the last one. No digits: zero.
struct Significant<'a> {
    before: &'a str,
    behind: &'a str,
    power: i64,
}

impl<'a> Written<'a> {
    /// `-?digits[.digits]`.
    pub(super) fn plain(text: &'a str) -> Option<Written<'a>> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match rest.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (rest, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        (!whole.is_empty() && digits(whole) && digits(fraction)).then_some(Written {
            negative,
            whole,
            fraction,
            exponent: 0,
        })
    }

    /// A JSON number (RFC 8259) whose exponent has at most 18 digits.
    pub(super) fn json(text: &'a str) -> Option<Written<'a>> {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (text.get(..at)?, text.get(at + 1..)?),
            None => (text, "0"),
        };
        let written = Written::plain(mantissa)?;
        if written.whole.len() > 1 && written.whole.starts_with('0') {
            return None;
        }
        let (down, digits) = match exponent.as_bytes().first()? {
            b'-' => (true, exponent.get(1..)?),
            b'+' => (false, exponent.get(1..)?),
            _ => (false, exponent),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = digits.trim_start_matches('0');
        if digits.len() > 18 {
            return None;
        }
        let exponent: i64 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
        Some(Written { exponent: if down { -exponent } else { exponent }, ..written })
    }

    /// The parts of a text that was checked before.
    fn of(text: &'a str) -> Written<'a> {
        Written::json(text).unwrap_or(Written { negative: false, whole: "0", fraction: "", exponent: 0 })
    }

    fn significant(&self) -> Significant<'a> {
        let behind = self.fraction.trim_end_matches('0');
        let (before, power) = if behind.is_empty() {
            let before = self.whole.trim_end_matches('0');
            (before, self.whole.len() - before.len())
        } else {
            (self.whole, 0)
        };
        let power = self.exponent + power as i64 - behind.len() as i64;
        let before = before.trim_start_matches('0');
        let behind = if before.is_empty() { behind.trim_start_matches('0') } else { behind };
        Significant { before, behind, power }
    }

    fn is_whole(&self) -> bool {
        let significant = self.significant();
        significant.count() == 0 || significant.power >= 0
    }

    pub(super) fn exact(&self) -> Result<Exact, NumberError> {
        let significant = self.significant();
        let decimals = (self.fraction.len() as i64).saturating_sub(self.exponent).max(0) as u64;
        if significant.count() == 0 {
            return Ok(Exact::ZERO.keeping(decimals));
        }
        // Zeros at the end of a whole number count: they take room.
        if significant.count() + significant.power.max(0) > 28 || significant.power < -28 {
            return Err(NumberError::TooLarge);
        }
        let digits = significant.digits().fold(0i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        let mantissa = digits * 10i128.pow(significant.power.max(0) as u32);
        let exact = Exact::new(if self.negative { -mantissa } else { mantissa }, (-significant.power).max(0) as u32)?;
        Ok(exact.keeping(decimals))
    }

    fn compare(&self, other: &Written<'_>) -> Ordering {
        let (a, b) = (self.significant(), other.significant());
        match (a.sign(self.negative), b.sign(other.negative)) {
            (0, 0) => Ordering::Equal,
            (x, y) if x != y => x.cmp(&y),
            (x, _) => {
                let sizes = (a.power + a.count()).cmp(&(b.power + b.count()));
                let order = sizes.then_with(|| a.digits().cmp(b.digits()));
                if x < 0 { order.reverse() } else { order }
            }
        }
    }

    fn canonical(&self) -> String {
        let significant = self.significant();
        let digits: String = significant.digits().map(char::from).collect();
        if digits.is_empty() {
            return "0".into();
        }
        let sign = if self.negative { "-" } else { "" };
        match shifted(&digits, significant.power) {
            Some(plain) => format!("{sign}{plain}"),
            None => format!("{sign}{digits}e{}", significant.power),
        }
    }

    fn spelt_out(&self, text: &'a str) -> Result<Cow<'a, str>, NumberError> {
        let zero = self.significant().count() == 0;
        if !text.contains(['e', 'E']) {
            return Ok(Cow::Borrowed(if zero { text.trim_start_matches('-') } else { text }));
        }
        if zero {
            return Ok(Cow::Borrowed("0"));
        }
        let digits = format!("{}{}", self.whole, self.fraction);
        let plain = shifted(&digits, self.exponent - self.fraction.len() as i64).ok_or(NumberError::TooLarge)?;
        // A whole part of zero stands in front of what was shifted: `0.15e1` is `01.5`.
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let whole = match whole.trim_start_matches('0') {
            "" => "0",
            whole => whole,
        };
        let point = if fraction.is_empty() { "" } else { "." };
        let sign = if self.negative { "-" } else { "" };
        Ok(Cow::Owned(format!("{sign}{whole}{point}{fraction}")))
    }
}

impl<'a> Significant<'a> {
    fn digits(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.before.bytes().chain(self.behind.bytes())
    }

    fn count(&self) -> i64 {
        (self.before.len() + self.behind.len()) as i64
    }

    fn sign(&self, negative: bool) -> i8 {
        match (self.count(), negative) {
            (0, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        }
    }
}

/// `digits` times ten to the `power`, without an exponent; `None` where it takes too many zeros.
fn shifted(digits: &str, power: i64) -> Option<String> {
    let length = digits.len() as i64;
    if power >= 0 {
        return (power <= ZEROS).then(|| format!("{digits}{}", "0".repeat(power as usize)));
    }
    let whole = length + power;
    if whole > 0 {
        let (whole, fraction) = digits.split_at_checked(whole as usize)?;
        return Some(format!("{whole}.{fraction}"));
    }
    (-whole <= ZEROS).then(|| format!("0.{}{digits}", "0".repeat(whole.unsigned_abs() as usize)))
}
