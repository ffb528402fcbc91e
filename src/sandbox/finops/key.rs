//! Rows by their keys, as they stand in an address.

use super::refusal::{Refusal, bad};
use super::{Entity, text};
use crate::value::{Number, Text, Value, time};
use percent_encoding::percent_decode_str;

/// `dataAreaId='usmf',LineNumber=1`: every key part is required, none may be strange.
pub fn read_key(entity: &Entity, written: &str) -> Result<Vec<(String, Value)>, Refusal> {
    let decoded = percent_decode_str(written).decode_utf8().map_err(|_| bad("The key is not UTF-8."))?;
    let mut parts = Vec::new();
    let mut rest = decoded.as_ref();
    while !rest.is_empty() {
        let (column, after) = rest.split_once('=').ok_or_else(|| bad("The key needs `name=value`."))?;
        let (value, after) = if let Some(quoted) = after.strip_prefix('\'') {
            let mut end = None;
            let mut at = 0;
            while let Some(found) = quoted[at..].find('\'') {
                if quoted[at + found + 1..].starts_with('\'') {
                    at += found + 2;
                } else {
                    end = Some(at + found);
                    break;
                }
            }
            let end = end.ok_or_else(|| bad("A text in the key is not closed."))?;
            (text(&quoted[..end].replace("''", "'")), &quoted[end + 1..])
        } else {
            let end = after.find(',').unwrap_or(after.len());
            let bare = after[..end].trim();
            let number = Number::from_json(Text::from(bare));
            let value = match (number.exact().is_ok(), time::parse_time(bare)) {
                (true, _) => Value::Number(number),
                (false, Some(_)) => text(bare),
                (false, None) => return Err(bad("A key part is a quoted text, a number or a time.")),
            };
            (value, &after[end..])
        };
        parts.push((column.trim().to_string(), value));
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    let all_there = entity.key.iter().all(|key| parts.iter().any(|(column, _)| column == key));
    if !all_there || parts.len() != entity.key.len() {
        return Err(bad(&format!("The key of {} is {}.", entity.name, entity.key.join(", "))));
    }
    Ok(parts)
}
