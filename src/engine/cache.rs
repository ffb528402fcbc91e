//! Results of lookups that may be used again for a while: `cache`.
//!
//! In memory, and small: what is lost here costs a question. Only rows that were found are kept, each for the revision,
//! connection, operation and parameters that it answers; what a run is given from here is written into its journal like
//! any other result.

use super::connector::Request;
use super::journal::request_text;
use crate::value::Value;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// So many results are kept at most.
const MOST: usize = 1000;
/// A result of more values is not kept.
const LARGEST: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<HashMap<String, (Value, Timestamp)>>);

impl Cache {
    /// The place of what a request asks; `None`: nowhere.
    pub fn place(revision: &str, request: &Request) -> Option<String> {
        Some(format!("{revision} {}", request_text(request).ok()?))
    }

    /// What is kept there and not older than `time`.
    pub fn get(&self, place: &str, time: Duration, now: Timestamp) -> Option<Value> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (value, at) = kept.get(place)?;
        let age = now.duration_since(*at);
        let fresh = age >= SignedDuration::ZERO && SignedDuration::try_from(time).map_or(true, |time| age < time);
        fresh.then(|| value.clone())
    }

    /// Keeps a result; where it is full, instead of the oldest.
    pub fn put(&self, place: String, value: &Value, now: Timestamp) {
        if size(value) > LARGEST {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST && !kept.contains_key(&place) {
            let oldest = kept.iter().min_by_key(|(_, (_, at))| *at).map(|(place, _)| place.clone());
            oldest.and_then(|oldest| kept.remove(&oldest));
        }
        kept.insert(place, (value.clone(), now));
    }

    /// Forgets everything: connections may lead elsewhere now.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::List(items) => items.iter().map(size).sum::<usize>() + 1,
        Value::Record(record) => record.values().map(size).sum::<usize>() + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_result_is_used_again_while_it_is_fresh() {
        let cache = Cache::default();
        let minute = Duration::from_secs(60);
        cache.put("a".into(), &Value::from("x"), at(0));
        assert_eq!(cache.get("a", minute, at(59)), Some(Value::from("x")));
        assert_eq!(cache.get("a", minute, at(60)), None);
        assert_eq!(cache.get("a", minute, at(-1)), None, "the clock jumped back");
        assert_eq!(cache.get("b", minute, at(0)), None);
        cache.clear();
        assert_eq!(cache.get("a", minute, at(0)), None);
    }

    #[test]
    fn it_stays_small() {
        let cache = Cache::default();
        for n in 0..MOST as i64 + 1 {
            cache.put(n.to_string(), &Value::from(n), at(n));
        }
        let day = Duration::from_secs(86_400);
        assert_eq!(cache.get("0", day, at(2000)), None, "the oldest has gone");
        assert!(cache.get("1", day, at(2000)).is_some());
        let large = Value::from(vec![Value::from(1_i64); LARGEST]);
        cache.put("large".into(), &large, at(0));
        assert_eq!(cache.get("large", day, at(0)), None);
    }
}
