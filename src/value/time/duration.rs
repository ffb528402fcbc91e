//! Durations as settings write them: `500ms`, `15m`, `1h30m`, `3d`. A day is 24 hours.

use std::time::Duration;

/// Units in milliseconds, largest first.
const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Reads a duration: whole numbers with `w d h m s ms`, the larger first, nothing between them.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let form = "write whole numbers with w, d, h, m, s or ms, as in `15m` or `1h30m`";
    let wrong = |why: &str| format!("`{}` is not a duration: {why}", text.chars().take(40).collect::<String>());
    if text.starts_with('-') {
        return Err(wrong("it cannot be negative"));
    }
    let (mut rest, mut total, mut last) = (text, 0u64, None);
    while !rest.is_empty() || last.is_none() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        if number.is_empty() || unit.is_empty() {
            return Err(wrong(form));
        }
        let place = match UNITS.iter().position(|(name, _)| *name == unit) {
            Some(place) => place,
            None if matches!(unit, "y" | "M" | "mo" | "month" | "months" | "year" | "years") => {
                return Err(wrong("months and years have no fixed length; use days"));
            }
            None => return Err(wrong(form)),
        };
        if last.is_some_and(|last| place <= last) {
            return Err(wrong("each unit stands once, the larger first"));
        }
        let length = UNITS.get(place).map_or(0, |(_, length)| *length);
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(length));
        total = part.and_then(|part| total.checked_add(part)).ok_or_else(|| wrong("it is too long"))?;
        (rest, last) = (tail, Some(place));
    }
    Ok(Duration::from_millis(total))
}

/// The shortest text that [`parse_duration`] reads as that duration, cut to milliseconds.
pub fn write_duration(duration: Duration) -> String {
    let total = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if total == 0 {
        return "0s".into();
    }
    let mut parts = String::new();
    let mut rest = total;
    for (unit, length) in UNITS {
        if rest >= length {
            parts.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    let whole =
        UNITS.iter().find(|(_, length)| total % length == 0).map(|(unit, length)| format!("{}{unit}", total / length));
    match whole {
        Some(whole) if whole.len() < parts.len() => whole,
        _ => parts,
    }
}
