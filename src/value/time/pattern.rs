//! The one pattern language for dates and times: `yyyy-MM-dd'T'HH:mm:ss`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A checked pattern. Letters stand for parts of a time, text in `'…'` for itself (`''` is one quote), and so does
/// everything that is no letter.
///
/// | letters | part |
/// |---|---|
/// | `yyyy` `yy` | year |
/// | `MM` `M` | month |
/// | `dd` `d` | day |
/// | `HH` `H` | hour, 0–23 |
/// | `mm` `m` | minute |
/// | `ss` `s` | second |
/// | `S` … `SSSSSSSSS` | that many digits of the second's fraction, cut |
/// | `XXX` `XX` | offset `+01:00` or `+0100`, `Z` for none |
/// | `xxx` `xx` | the same, `+00:00` or `+0000` for none |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Field(char, usize),
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let mut parts = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(character) = rest.next() {
            if character == '\'' {
                let mut literal = String::new();
                loop {
                    match rest.next() {
                        Some('\'') if rest.next_if_eq(&'\'').is_some() => literal.push('\''),
                        Some('\'') => break,
                        Some(other) => literal.push(other),
                        None => return Err("a quote in the pattern has no end: `''` is one quote".into()),
                    }
                }
                // Outside of quotes, two of them are one.
                let literal = if literal.is_empty() { "'".into() } else { literal };
                parts.push(Part::Literal(literal));
            } else if character.is_ascii_alphabetic() {
                let mut count = 1;
                while rest.next_if_eq(&character).is_some() {
                    count += 1;
                }
                known(character, count)?;
                parts.push(Part::Field(character, count));
            } else {
                parts.push(Part::Literal(character.to_string()));
            }
        }
        Ok(Pattern { parts })
    }

    /// The first part that a date does not have: an hour, a second's fraction, an offset.
    pub fn beyond_date(&self) -> Option<String> {
        self.parts.iter().find_map(|part| match part {
            Part::Field(letter, count) if !matches!(letter, 'y' | 'M' | 'd') => Some(letter.to_string().repeat(*count)),
            _ => None,
        })
    }

    /// A date in this form; an error where the pattern asks for more than a date has.
    pub fn format_date(&self, date: Date) -> Result<String, String> {
        match self.beyond_date() {
            Some(part) => Err(format!("a date has no `{part}`: a date's pattern takes y, M and d")),
            None => date.to_zoned(TimeZone::UTC).map(|zoned| self.format(&zoned)).map_err(|error| error.to_string()),
        }
    }

    /// An instant in this form, in UTC.
    pub fn format_time(&self, time: Timestamp) -> String {
        self.format(&time.to_zoned(TimeZone::UTC))
    }

    /// A local time in this form.
    pub fn format(&self, local: &Zoned) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Field(letter, count) => out.push_str(&field(local, *letter, *count)),
            }
        }
        out
    }
}

fn known(letter: char, count: usize) -> Result<(), String> {
    let counts: &[usize] = match letter {
        'y' => &[2, 4],
        'M' | 'd' | 'H' | 'm' | 's' => &[1, 2],
        'S' => &[1, 2, 3, 4, 5, 6, 7, 8, 9],
        'X' | 'x' => &[2, 3],
        _ => &[],
    };
    if counts.contains(&count) {
        return Ok(());
    }
    let written = letter.to_string().repeat(count.min(12));
    let help = match letter {
        'Y' => "the year is `yyyy`",
        'D' => "the day of the month is `dd`",
        'h' => "the hour is `HH`",
        'T' | 'Z' => "a letter that stands for itself is quoted, as in `'T'`; an offset is `XXX`",
        _ => "known are yyyy yy MM M dd d HH H mm m ss s S…SSSSSSSSS XXX XX xxx xx; text stands in `'…'`",
    };
    Err(format!("`{written}` is no part of a time: {help}"))
}

fn field(local: &Zoned, letter: char, count: usize) -> String {
    let padded = |number: i32| format!("{number:0count$}");
    match letter {
        'y' if count == 2 => padded(i32::from(local.year()).rem_euclid(100)),
        'y' => padded(local.year().into()),
        'M' => padded(local.month().into()),
        'd' => padded(local.day().into()),
        'H' => padded(local.hour().into()),
        'm' => padded(local.minute().into()),
        's' => padded(local.second().into()),
        'S' => format!("{:09}", local.subsec_nanosecond()).chars().take(count).collect(),
        _ => {
            let seconds = local.offset().seconds();
            if seconds == 0 && letter == 'X' {
                return "Z".into();
            }
            let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
            let colon = if count == 3 { ":" } else { "" };
            format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
        }
    }
}
