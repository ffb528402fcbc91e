//! What a connection may do at once: so many requests under way, so many in a time. Both are fair: first come, first
//! served. Waiting here is before anything is sent.

use crate::catalog::Rate;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// The door through which every request of a connection goes.
pub struct Gate {
    places: Semaphore,
    pace: Option<Pace>,
}

impl Gate {
    pub fn new(concurrency: usize, rate: Option<Rate>) -> Gate {
        Gate { places: Semaphore::new(concurrency.min(Semaphore::MAX_PERMITS)), pace: rate.map(Pace::new) }
    }

    /// Waits for a free place and for the rate. The place is held until the permit is dropped.
    pub async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.places.acquire().await.ok();
        if let Some(pace) = &self.pace {
            // A timer that is due already would still wait for the next tick of the clock.
            let now = Instant::now();
            let at = pace.reserve(now);
            if at > now {
                tokio::time::sleep_until(at).await;
            }
        }
        permit
    }
}

/// A token bucket as the time at which it is full again. It lets a quarter of a second's worth through at once: with
/// what flows in meanwhile, no second sees more than a quarter above the rate.
struct Pace {
    interval: Duration,
    ahead: Duration,
    full_at: Mutex<Option<Instant>>,
}

impl Pace {
    fn new(rate: Rate) -> Pace {
        let interval = rate.per / rate.count.max(1);
        let ahead = Duration::from_millis(250).saturating_sub(interval);
        Pace { interval, ahead, full_at: Mutex::new(None) }
    }

    /// When the next one in line may go.
    fn reserve(&self, now: Instant) -> Instant {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let from = full_at.map_or(now, |at| at.max(now));
        *full_at = Some(from + self.interval);
        from.checked_sub(self.ahead).map_or(now, |at| at.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_lets_a_few_through_and_then_keeps_the_rate() {
        let pace = Pace::new(Rate { count: 20, per: Duration::from_secs(1) });
        let start = Instant::now();
        let waits: Vec<u128> = (0..12).map(|_| (pace.reserve(start) - start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 50, 100, 150, 200, 250, 300, 350]);
        assert_eq!(pace.reserve(start + Duration::from_secs(9)), start + Duration::from_secs(9));
    }

    #[test]
    fn a_slow_rate_has_no_burst() {
        let pace = Pace::new(Rate { count: 2, per: Duration::from_secs(60) });
        let start = Instant::now();
        assert_eq!((pace.reserve(start) - start).as_secs(), 0);
        assert_eq!((pace.reserve(start) - start).as_secs(), 30);
    }
}
