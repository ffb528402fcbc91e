//! What a connection may do at once: so many requests under way, so many in a time. Both are fair: first come, first
//! served. Waiting here is before anything is sent.
//!
//! A provider that says "too many" is heeded by the whole connection: nothing is sent before the time that it names, and
//! then only half as much as before, growing slowly back while it does not say so again.

use crate::catalog::Rate;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Nobody is left alone for longer, whatever it asks for: it is asked once more, and can say so again.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The whole of what is allowed; what is left of it after refusals is counted in these parts.
const WHOLE: u32 = 64;
/// So often one part comes back: from half to all in a minute and a half.
const PART_COMES_BACK: Duration = Duration::from_millis(2800);

/// The door through which every request of a connection goes.
pub struct Gate {
    places: Semaphore,
    concurrency: usize,
    pace: Option<Pace>,
    heed: Mutex<Heed>,
}

/// What the provider's refusals leave of what is allowed.
#[derive(Clone, Copy)]
struct Heed {
    paused_until: Option<Instant>,
    parts: u32,
    since: Instant,
}

impl Gate {
    pub fn new(concurrency: usize, rate: Option<Rate>) -> Gate {
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let heed = Heed { paused_until: None, parts: WHOLE, since: Instant::now() };
        Gate { places: Semaphore::new(concurrency), concurrency, pace: rate.map(Pace::new), heed: Mutex::new(heed) }
    }

    /// How long nothing is to be sent, because the provider said so.
    pub fn paused(&self) -> Option<Duration> {
        let until = self.heed().paused_until?;
        Some(until.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }

    /// Waits for a free place and for the rate. The place is held until the permit is dropped.
    pub async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        let parts = self.heed().parts(Instant::now());
        let Some(pace) = &self.pace else {
            // Without a rate it is the number under way that shrinks.
            let weight = (WHOLE / parts).min(self.concurrency as u32);
            return self.places.acquire_many(weight).await.ok();
        };
        let permit = self.places.acquire().await.ok();
        // A timer that is due already would still wait for the next tick of the clock.
        let now = Instant::now();
        let at = pace.reserve(now, parts);
        if at > now {
            tokio::time::sleep_until(at).await;
        }
        permit
    }

    /// The provider said "too many" to a request that was sent at `sent`, and when to come again.
    pub fn throttled(&self, sent: Instant, retry_after: Option<Duration>) {
        self.heed().throttled(sent, retry_after, Instant::now());
    }

    fn heed(&self) -> MutexGuard<'_, Heed> {
        self.heed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heed {
    /// What is left now; at least one part.
    fn parts(&self, now: Instant) -> u32 {
        let back = now.saturating_duration_since(self.since).as_millis() / PART_COMES_BACK.as_millis();
        self.parts.saturating_add(u32::try_from(back).unwrap_or(WHOLE)).clamp(1, WHOLE)
    }

    fn throttled(&mut self, sent: Instant, retry_after: Option<Duration>, now: Instant) {
        // Those that were under way together are refused together: that is one refusal.
        if sent >= self.since || self.parts == WHOLE {
            self.parts = (self.parts(now) / 2).max(1);
            self.since = now;
        }
        if let Some(until) = retry_after.and_then(|wait| now.checked_add(wait.min(LONGEST_PAUSE))) {
            self.paused_until = Some(self.paused_until.map_or(until, |paused| paused.max(until)));
        }
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

    /// When the next one in line may go, at so many parts of the rate.
    fn reserve(&self, now: Instant, parts: u32) -> Instant {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let from = full_at.map_or(now, |at| at.max(now));
        *full_at = Some(from + self.interval * WHOLE / parts.max(1));
        let ahead = if parts < WHOLE { Duration::ZERO } else { self.ahead };
        from.checked_sub(ahead).map_or(now, |at| at.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_lets_a_few_through_and_then_keeps_the_rate() {
        let pace = Pace::new(Rate { count: 20, per: Duration::from_secs(1) });
        let start = Instant::now();
        let waits: Vec<u128> = (0..12).map(|_| (pace.reserve(start, WHOLE) - start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 50, 100, 150, 200, 250, 300, 350]);
        assert_eq!(pace.reserve(start + Duration::from_secs(9), WHOLE), start + Duration::from_secs(9));
        let later = start + Duration::from_secs(20);
        let waits: Vec<u128> = (0..4).map(|_| (pace.reserve(later, WHOLE / 2) - later).as_millis()).collect();
        assert_eq!(waits, [0, 100, 200, 300], "half the rate, and none at once");
    }

    #[test]
    fn a_slow_rate_has_no_burst() {
        let pace = Pace::new(Rate { count: 2, per: Duration::from_secs(60) });
        let start = Instant::now();
        assert_eq!((pace.reserve(start, WHOLE) - start).as_secs(), 0);
        assert_eq!((pace.reserve(start, WHOLE) - start).as_secs(), 30);
    }

    #[test]
    fn each_refusal_halves_and_time_brings_back() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut heed = Heed { paused_until: None, parts: WHOLE, since: start };
        for _ in 0..8 {
            heed.throttled(start, Some(Duration::from_secs(2)), at(1));
        }
        assert_eq!((heed.parts(at(1)), heed.paused_until), (32, Some(at(3))), "sent together, refused together");
        heed.throttled(at(4), None, at(5));
        assert_eq!(heed.parts(at(5)), 16);
        for n in 6..20 {
            heed.throttled(at(n), None, at(n));
        }
        assert_eq!(heed.parts(at(19)), 1, "never nothing");
        let mut before = 0;
        for n in 19..200 {
            let parts = heed.parts(at(n));
            assert!(parts >= before && parts - before <= 1, "{before} → {parts}");
            before = parts;
        }
        assert_eq!(heed.parts(at(200)), WHOLE);
        heed.throttled(at(201), Some(Duration::MAX), at(201));
        assert_eq!(heed.paused_until, Some(at(201) + LONGEST_PAUSE));
    }

    #[tokio::test]
    async fn without_a_rate_fewer_are_under_way() {
        let gate = Gate::new(8, None);
        gate.throttled(Instant::now(), None);
        gate.throttled(Instant::now(), None);
        let held: Vec<_> = vec![gate.enter().await, gate.enter().await];
        let third = tokio::time::timeout(Duration::from_millis(20), gate.enter()).await;
        assert!(third.is_err(), "a quarter of eight");
        drop(held);
        assert!(gate.enter().await.is_some());
    }
}
