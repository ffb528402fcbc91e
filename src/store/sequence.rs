//! Which of two sequences of an order key is older.

use crate::value::{Exact, time};
use std::cmp::Ordering;

/// Numbers by value, instants by time, anything else by code point.
pub fn in_sequence(a: &str, b: &str) -> Ordering {
    if let (Ok(a), Ok(b)) = (Exact::parse(a), Exact::parse(b)) {
        return a.cmp(&b);
    }
    match (time::parse_time(a), time::parse_time(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}
