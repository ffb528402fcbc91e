//! When a failed attempt is tried again. Time and chance come in from outside.

use crate::graph::Retry;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The wait after that many failures in a row: `initial * factor^n`, at most `max`, of which up to the share `jitter` is
/// taken off by `chance` (0 to 1).
pub fn delay(retry: &Retry, failures: u32, chance: f64) -> Duration {
    let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
    let max = retry.max.as_secs_f64();
    let grown = retry.initial.as_secs_f64() * retry.factor.max(1.0).powi(exponent);
    let capped = if grown < max { grown } else { max };
    let share = (retry.jitter.clamp(0.0, 1.0) * chance.clamp(0.0, 1.0)).clamp(0.0, 1.0);
    Duration::try_from_secs_f64(capped * (1.0 - share)).unwrap_or(retry.max).min(retry.max)
}

/// What decides when the next attempt is due.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub now: Timestamp,
    /// When the step was first sent; the budget counts from here.
    pub first_sent: Timestamp,
    /// Failures since then, this one included.
    pub failures: u32,
    pub retry_after: Option<Duration>,
    pub not_before: Option<Timestamp>,
    pub chance: f64,
}

/// The next attempt: the latest of back-off, Retry-After and the circuit's next probe. `None` where that lies past the
/// budget.
pub fn next_attempt(retry: &Retry, facts: Facts) -> Option<Timestamp> {
    let mut at = after(facts.now, delay(retry, facts.failures, facts.chance));
    if let Some(wait) = facts.retry_after {
        at = at.max(after(facts.now, wait));
    }
    if let Some(probe) = facts.not_before {
        at = at.max(probe);
    }
    (at <= after(facts.first_sent, retry.budget)).then_some(at)
}

/// `at + wait`, at most the end of time.
pub fn after(at: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| at.checked_add(wait).ok()).unwrap_or(Timestamp::MAX)
}
