//! Times, dates, durations and the one pattern language.
//!
//! What is not written exactly as RFC 3339 says is no time: nothing is guessed, and no clock is read here.

mod duration;
mod pattern;

#[cfg(test)]
mod tests;

pub use duration::{parse_duration, write_duration};
pub use pattern::Pattern;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// Reads an RFC 3339 time: with an offset, at most nine digits of a second, `T` and `Z` in any case.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let (date, rest) = (parse_date(text.get(..10)?)?, text.get(10..)?);
    let rest = rest.strip_prefix(['T', 't'])?;
    let (clock, rest) = (rest.get(..8)?, rest.get(8..)?);
    let (hour, minute, second) = (number(clock, 0, 2)?, number(clock, 3, 2)?, number(clock, 6, 2)?);
    if clock.get(2..3)? != ":" || clock.get(5..6)? != ":" {
        return None;
    }
    let (nanosecond, rest) = match rest.strip_prefix('.') {
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let scale = 9usize.checked_sub(digits).filter(|_| digits > 0)?;
            (number(rest, 0, digits)? * 10i32.pow(scale as u32), rest.get(digits..)?)
        }
        None => (0, rest),
    };
    let offset = match rest {
        "Z" | "z" => 0,
        _ => {
            let sign = match rest.get(..1)? {
                "+" => 1,
                "-" => -1,
                _ => return None,
            };
            let (hours, minutes) = (number(rest, 1, 2)?, number(rest, 4, 2)?);
            if rest.len() != 6 || rest.get(3..4)? != ":" || hours > 23 || minutes > 59 {
                return None;
            }
            sign * (hours * 3600 + minutes * 60)
        }
    };
    let time = Time::new(hour as i8, minute as i8, second as i8, nanosecond).ok()?;
    Offset::from_seconds(offset).ok()?.to_timestamp(DateTime::from_parts(date, time)).ok()
}

/// Reads `2026-03-01`.
pub fn parse_date(text: &str) -> Option<Date> {
    if text.len() != 10 || text.get(4..5)? != "-" || text.get(7..8)? != "-" {
        return None;
    }
    Date::new(number(text, 0, 4)? as i16, number(text, 5, 2)? as i8, number(text, 8, 2)? as i8).ok()
}

/// `2026-03-01T09:00:00Z`, with a fraction only where it is not zero.
pub fn write_time(time: Timestamp) -> String {
    time.to_string()
}

/// `2026-03-01`.
pub fn write_date(date: Date) -> String {
    date.to_string()
}

/// Exactly `length` digits from `start`, at most nine.
fn number(text: &str, start: usize, length: usize) -> Option<i32> {
    let digits = text.get(start..start + length)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
