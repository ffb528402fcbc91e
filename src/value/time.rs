//! Times, dates, durations and the one pattern language.

use jiff::civil::{Date, DateTime, Time as Clock};
use jiff::{Timestamp, Zoned};
use std::time::Duration;

/// The first second of the year 0.
const YEAR_ZERO: i64 = -62_167_219_200;

/// A day or instant before the year 0, which the written form has no place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a date of the year {0} cannot be written: years go from 0 to 9999")]
pub struct YearError(i16);

/// RFC 3339 with an offset: `2026-03-01T09:00:00Z`, `…T10:00:00.5+01:00`; at most nine digits of a second, no leap
/// second, nothing before the year 0.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let b = text.as_bytes();
    let shape = b.len() >= 20
        && b[4] == b'-'
        && b[7] == b'-'
        && matches!(b[10], b'T' | b't')
        && b[13] == b':'
        && b[16] == b':'
        && b[17] < b'6';
    let rest = shape.then(|| text.get(19..))??;
    let offset = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let fraction = &rest[..rest.len() - offset.len()];
    let good_fraction = fraction.is_empty()
        || (2..=10).contains(&fraction.len()) && fraction.starts_with('.') && !fraction[1..].contains('.');
    let o = offset.as_bytes();
    let good_offset = matches!(offset, "Z" | "z") || o.len() == 6 && matches!(o[0], b'+' | b'-') && o[3] == b':';
    // An offset may lead before the year 0, which could not be written again.
    let written_again = |at: &Timestamp| at.as_second() >= YEAR_ZERO;
    if good_fraction && good_offset { text.parse().ok().filter(written_again) } else { None }
}

/// `2026-03-01`.
pub fn parse_date(text: &str) -> Option<Date> {
    let b = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| b[range].iter().all(u8::is_ascii_digit);
    let shape = b.len() == 10 && b[4] == b'-' && b[7] == b'-' && digits(0..4) && digits(5..7) && digits(8..10);
    if shape { text.parse().ok() } else { None }
}

/// `2026-03-01T09:00:00Z`; a fraction only where it is not zero, at most nine digits.
pub fn write_time(at: Timestamp) -> Result<String, YearError> {
    text(|out| append_time(at, out))
}

/// `2026-03-01`.
pub fn write_date(date: Date) -> Result<String, YearError> {
    text(|out| append_date(date, out))
}

fn text(append: impl FnOnce(&mut Vec<u8>) -> Result<(), YearError>) -> Result<String, YearError> {
    let mut out = Vec::with_capacity(20);
    append(&mut out)?;
    Ok(out.into_iter().map(char::from).collect())
}

pub(super) fn append_time(at: Timestamp, out: &mut Vec<u8>) -> Result<(), YearError> {
    let utc = jiff::tz::Offset::UTC.to_datetime(at);
    append_date(utc.date(), out)?;
    for (mark, number) in [(b'T', utc.hour()), (b':', utc.minute()), (b':', utc.second())] {
        out.push(mark);
        append_digits(number.unsigned_abs().into(), 2, out);
    }
    let mut nanoseconds = utc.subsec_nanosecond().unsigned_abs();
    if nanoseconds != 0 {
        let mut count = 9;
        while nanoseconds.is_multiple_of(10) {
            nanoseconds /= 10;
            count -= 1;
        }
        out.push(b'.');
        append_digits(nanoseconds, count, out);
    }
    out.push(b'Z');
    Ok(())
}

pub(super) fn append_date(date: Date, out: &mut Vec<u8>) -> Result<(), YearError> {
    let year = u32::try_from(date.year()).map_err(|_| YearError(date.year()))?;
    append_digits(year, 4, out);
    for number in [date.month(), date.day()] {
        out.push(b'-');
        append_digits(number.unsigned_abs().into(), 2, out);
    }
    Ok(())
}

/// The last `count` digits of a number.
fn append_digits(number: u32, count: u32, out: &mut Vec<u8>) {
    for place in (0..count).rev() {
        out.push(b'0' + (number / 10u32.pow(place) % 10) as u8);
    }
}

/// `3d`, `15m`, `1h30m`, `500ms`. Units w d h m s ms; a day is 24 hours; nothing negative, no months, no years.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 6] =
        [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];
    let bad = || format!("{text:?} is no duration such as 30s, 15m, 24h or 3d");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(bad());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_lowercase).count();
        let count: u64 = rest[..digits].parse().map_err(|_| bad())?;
        let unit = &rest[digits..digits + letters];
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(bad)?;
        total = count.checked_mul(*factor).and_then(|part| total.checked_add(part)).ok_or_else(bad)?;
        rest = rest[digits + letters..].trim_start();
    }
    Ok(Duration::from_millis(total))
}

/// The shortest form that [`parse_duration`] reads: `1h30m`. Below a millisecond nothing is shown.
pub fn write_duration(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, size) in [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)]
    {
        if left >= size {
            text.push_str(&format!("{}{unit}", left / size));
            left %= size;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

/// A parsed pattern: `yyyy-MM-dd'T'HH:mm:ss`.
///
/// Letters: `yyyy` `yy` year, `M` `MM` month, `d` `dd` day, `H` `HH` hour of 24, `m` `mm` minute, `s` `ss` second, `S`… as
/// many digits of the second's fraction (cut, at most nine), `XXX` offset (`+01:00`, `Z`). Letters for themselves stand in
/// `'…'`, `''` is one quote; everything else stands for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Plain(String),
    Field(char, usize),
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let mut parts = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\'' {
                parts.push(Part::Plain(quoted(&mut chars)?));
            } else if c.is_ascii_alphabetic() {
                let mut count = 1;
                while chars.next_if_eq(&c).is_some() {
                    count += 1;
                }
                let good = match c {
                    'y' => count == 2 || count == 4,
                    'M' | 'd' | 'H' | 'm' | 's' => count <= 2,
                    'S' => count <= 9,
                    'X' => count == 3,
                    _ => false,
                };
                if !good {
                    let letters: String = std::iter::repeat_n(c, count).collect();
                    return Err(format!("`{letters}` is no part of a pattern; letters for themselves stand in '…'"));
                }
                parts.push(Part::Field(c, count));
            } else {
                parts.push(Part::Plain(c.into()));
            }
        }
        Ok(Pattern(parts))
    }

    /// Whether it needs a time of day or an offset, which a date has not.
    pub fn needs_clock(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Field('H' | 'm' | 's' | 'S' | 'X', _)))
    }

    /// Formats a local time.
    pub fn format(&self, local: &Zoned) -> String {
        let seconds = local.offset().seconds();
        let offset = match seconds {
            0 => "Z".to_string(),
            _ => {
                let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
                format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        };
        self.write(local.datetime(), &offset)
    }

    /// Formats a date; midnight where the pattern asks for a time of day.
    pub fn format_date(&self, date: Date) -> String {
        self.write(date.to_datetime(Clock::midnight()), "")
    }

    /// The letters of its fields.
    pub fn letters(&self) -> impl Iterator<Item = char> {
        self.0.iter().filter_map(|part| match part {
            Part::Field(letter, _) => Some(*letter),
            Part::Plain(_) => None,
        })
    }

    /// Reads a text of this form: the date and time of day, 0 where the pattern does not say, and the offset in seconds
    /// where it says one. `yy` is of the years 2000 to 2099; `M d H m s` take one digit or two. `None` where the text is
    /// not of this form, or no time of the calendar.
    pub fn read(&self, text: &str) -> Option<(DateTime, Option<i32>)> {
        let (mut year, mut month, mut day, mut clock, mut nanoseconds) = (None, None, None, [0; 3], 0);
        let mut offset = None;
        let mut rest = text;
        for part in &self.0 {
            match part {
                Part::Plain(plain) => rest = rest.strip_prefix(plain.as_str())?,
                Part::Field('X', _) => (offset, rest) = read_offset(rest).map(|(offset, rest)| (Some(offset), rest))?,
                Part::Field(letter, count) => {
                    let most = if *count == 1 && *letter != 'S' { 2 } else { *count };
                    let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
                    if digits < *count {
                        return None;
                    }
                    let (number, behind) = rest.split_at(digits);
                    rest = behind;
                    let number: i32 = number.parse().ok()?;
                    match letter {
                        'y' => year = Some(if *count == 2 { 2000 + number } else { number }),
                        'M' => month = Some(number),
                        'd' => day = Some(number),
                        'H' => clock[0] = number,
                        'm' => clock[1] = number,
                        's' => clock[2] = number,
                        _ => nanoseconds = number * 10i32.pow(9 - *count as u32),
                    }
                }
            }
        }
        let small = |number: i32| i8::try_from(number).ok();
        let date = Date::new(i16::try_from(year?).ok()?, small(month?)?, small(day?)?).ok()?;
        let clock = Clock::new(small(clock[0])?, small(clock[1])?, small(clock[2])?, nanoseconds).ok()?;
        rest.is_empty().then_some((date.to_datetime(clock), offset))
    }

    fn write(&self, at: DateTime, offset: &str) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Plain(plain) => text.push_str(plain),
                Part::Field('X', _) => text.push_str(offset),
                Part::Field('S', count) => text.push_str(&format!("{:09}", at.subsec_nanosecond())[..*count]),
                Part::Field('y', 2) => text.push_str(&format!("{:02}", at.year().rem_euclid(100))),
                Part::Field(letter, count) => {
                    let number = match letter {
                        'y' => at.year() as i32,
                        'M' => at.month() as i32,
                        'd' => at.day() as i32,
                        'H' => at.hour() as i32,
                        'm' => at.minute() as i32,
                        _ => at.second() as i32,
                    };
                    text.push_str(&format!("{number:0count$}"));
                }
            }
        }
        text
    }
}

/// `Z` or `+01:00` at the beginning of a text, in seconds, and what follows.
fn read_offset(text: &str) -> Option<(i32, &str)> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some((0, rest));
    }
    let (offset, rest) = text.split_at_checked(6)?;
    let b = offset.as_bytes();
    let digits = [1, 2, 4, 5].iter().all(|at| b[*at].is_ascii_digit());
    if !digits || b[3] != b':' {
        return None;
    }
    let (hours, minutes): (i32, i32) = (offset.get(1..3)?.parse().ok()?, offset.get(4..6)?.parse().ok()?);
    let seconds = (hours * 60 + minutes) * 60;
    match b[0] {
        b'+' if hours < 24 && minutes < 60 => Some((seconds, rest)),
        b'-' if hours < 24 && minutes < 60 => Some((-seconds, rest)),
        _ => None,
    }
}

/// The text up to the closing quote; directly behind the opening one stands `'` for a quote itself.
fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    if chars.next_if_eq(&'\'').is_some() {
        return Ok("'".into());
    }
    let mut text = String::new();
    loop {
        match chars.next() {
            Some('\'') if chars.next_if_eq(&'\'').is_some() => text.push('\''),
            Some('\'') => return Ok(text),
            Some(c) => text.push(c),
            None => return Err("a `'` is not closed".into()),
        }
    }
}
