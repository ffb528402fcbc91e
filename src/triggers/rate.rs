//! How many deliveries of one webhook are taken in a time: an even rate, with as much at once as one such time allows.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A rate. Whoever comes too fast is told when to come again, and costs nothing.
#[derive(Debug)]
pub struct Pace {
    /// Between two, at an even pace.
    gap: Duration,
    /// So much may come at once.
    burst: Duration,
    /// When the next would come at an even pace.
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// So many in that time. A count of zero is one.
    pub fn new(count: u32, per: Duration) -> Pace {
        Pace { gap: per / count.max(1), burst: per, next: Mutex::new(None) }
    }

    /// Takes a place now, or says how long to wait for one.
    pub fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let due = next.filter(|next| *next > now).unwrap_or(now);
        let ahead = due.duration_since(now) + self.gap;
        if ahead > self.burst.max(self.gap) {
            return Err(ahead - self.burst);
        }
        *next = now.checked_add(ahead);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_the_rate_allows_and_no_more() {
        let (pace, begun) = (Pace::new(10, Duration::from_secs(1)), Instant::now());
        let taken =
            |at: u64, tries: usize| (0..tries).filter(|_| pace.take(begun + Duration::from_millis(at)).is_ok()).count();
        assert_eq!(taken(0, 30), 10, "a second's worth at once");
        assert_eq!(taken(100, 30), 1, "then one for every tenth");
        assert_eq!(taken(350, 30), 2);
        assert_eq!(taken(60_000, 30), 10, "and never more saved up than that");
        let wait = pace.take(begun + Duration::from_secs(60)).unwrap_err();
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
    }
}
