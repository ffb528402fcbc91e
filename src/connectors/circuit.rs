//! The circuit breaker of a connection: a system that fails is left alone, and asked again by one request at a time.
//!
//! Only unavailable and timeout count, in a row and within a time: an answer of any other kind says that the system is
//! there. Credentials that are refused open it at once: no request would fare better. What is held back was not sent and
//! is no attempt.

use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// When it opens, and how often it is then tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitSettings {
    pub open_after: usize,
    pub within: Duration,
    pub probe_every: Duration,
}

pub struct Circuit {
    settings: CircuitSettings,
    state: Mutex<State>,
    /// Changes when a probe has ended.
    probed: watch::Sender<()>,
}

enum State {
    Closed { failures: VecDeque<Instant> },
    Open { until: Instant, because: Because },
    Probing,
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// It was away too often.
    Away,
    /// It does not take our credentials.
    Refused,
}

/// Nothing is sent before then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    pub until: Timestamp,
    pub because: Because,
}

/// Leave to send one request. Dropped without a verdict, it says nothing of the system.
pub struct Leave<'c> {
    circuit: &'c Circuit,
    probes: bool,
    told: bool,
}

impl Circuit {
    pub fn new(settings: CircuitSettings) -> Circuit {
        let state = Mutex::new(State::Closed { failures: VecDeque::new() });
        Circuit { settings, state, probed: watch::Sender::new(()) }
    }

    /// Until when nothing is sent, where it is open.
    pub fn held(&self) -> Option<Open> {
        let now = Instant::now();
        match &*self.lock() {
            State::Open { until, because } if *until > now => {
                Some(Open { until: after(*until - now), because: *because })
            }
            _ => None,
        }
    }

    /// Leave to send, or until when not. Where a probe is under way, its end is waited for.
    pub async fn enter(&self) -> Result<Leave<'_>, Open> {
        loop {
            let mut probed = self.probed.subscribe();
            match self.ask(Instant::now()) {
                Asked::Go { probes } => return Ok(Leave { circuit: self, probes, told: false }),
                Asked::Held(wait, because) => return Err(Open { until: after(wait), because }),
                // The sender lives in `self`.
                Asked::Probing => drop(probed.changed().await),
            }
        }
    }

    fn ask(&self, now: Instant) -> Asked {
        let mut state = self.lock();
        match &*state {
            State::Closed { .. } => Asked::Go { probes: false },
            State::Open { until, because } if *until > now => Asked::Held(*until - now, *because),
            State::Open { .. } => {
                *state = State::Probing;
                Asked::Go { probes: true }
            }
            State::Probing => Asked::Probing,
        }
    }

    fn succeeded(&self) {
        *self.lock() = State::Closed { failures: VecDeque::new() };
        self.probed.send_replace(());
    }

    /// Gives how long nothing will be sent.
    fn refused(&self, now: Instant) -> Duration {
        let probe_every = self.settings.probe_every;
        *self.lock() = State::Open { until: now + probe_every, because: Because::Refused };
        self.probed.send_replace(());
        probe_every
    }

    /// Gives how long nothing will be sent, where it is open now.
    fn failed(&self, probes: bool, now: Instant) -> Option<Duration> {
        let CircuitSettings { open_after, within, probe_every } = self.settings;
        let mut state = self.lock();
        let opens = match &mut *state {
            State::Closed { failures } => {
                failures.push_back(now);
                while failures.front().is_some_and(|first| now.duration_since(*first) > within) {
                    failures.pop_front();
                }
                failures.len() >= open_after
            }
            // Sent before it opened: known already.
            State::Open { until, .. } => return Some(until.saturating_duration_since(now)),
            State::Probing => probes,
        };
        if opens {
            *state = State::Open { until: now + probe_every, because: Because::Away };
        }
        drop(state);
        self.probed.send_replace(());
        opens.then_some(probe_every)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Asked {
    Go { probes: bool },
    Held(Duration, Because),
    Probing,
}

impl Leave<'_> {
    /// The system answered.
    pub fn succeeded(mut self) {
        self.told = true;
        self.circuit.succeeded();
    }

    /// It does not take our credentials. Gives the next probe's time.
    pub fn refused(mut self) -> Timestamp {
        self.told = true;
        after(self.circuit.refused(Instant::now()))
    }

    /// It was not there, or did not answer. Gives the next probe's time where the circuit is open now.
    pub fn failed(mut self) -> Option<Timestamp> {
        self.told = true;
        self.circuit.failed(self.probes, Instant::now()).map(after)
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.probes && !self.told {
            *self.circuit.lock() = State::Open { until: Instant::now(), because: Because::Away };
            self.circuit.probed.send_replace(());
        }
    }
}

fn after(wait: Duration) -> Timestamp {
    Timestamp::now().checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circuit(probe_every: Duration) -> Circuit {
        Circuit::new(CircuitSettings { open_after: 3, within: Duration::from_secs(60), probe_every })
    }

    #[test]
    fn it_opens_after_failures_in_a_row_within_the_time() {
        let circuit = circuit(Duration::from_secs(30));
        let start = Instant::now();
        assert!(circuit.failed(false, start).is_none());
        assert!(circuit.failed(false, start).is_none());
        circuit.succeeded();
        assert!(circuit.failed(false, start).is_none());
        assert!(circuit.failed(false, start).is_none());
        // The two are too old by now.
        assert!(circuit.failed(false, start + Duration::from_secs(61)).is_none());
        assert!(circuit.failed(false, start + Duration::from_secs(62)).is_none());
        assert_eq!(circuit.failed(false, start + Duration::from_secs(63)), Some(Duration::from_secs(30)));
        assert!(
            matches!(circuit.ask(start + Duration::from_secs(64)), Asked::Held(wait, Because::Away) if wait.as_secs() == 29)
        );
        assert!(matches!(circuit.ask(start + Duration::from_secs(93)), Asked::Go { probes: true }));
        assert!(matches!(circuit.ask(start + Duration::from_secs(93)), Asked::Probing));
    }

    #[tokio::test]
    async fn one_probe_decides_for_all_who_wait() {
        let circuit = circuit(Duration::ZERO);
        for _ in 0..3 {
            circuit.enter().await.unwrap().failed();
        }
        let probe = circuit.enter().await.unwrap();
        assert!(probe.probes);
        let waiting = async { circuit.enter().await.map(|leave| leave.probes) };
        let (waited, ()) = tokio::join!(waiting, async {
            tokio::task::yield_now().await;
            probe.succeeded();
        });
        assert_eq!(waited, Ok(false));
    }

    #[tokio::test]
    async fn a_probe_that_is_given_up_lets_the_next_one_try() {
        let circuit = circuit(Duration::ZERO);
        for _ in 0..3 {
            circuit.enter().await.unwrap().failed();
        }
        drop(circuit.enter().await.unwrap());
        assert!(circuit.enter().await.unwrap().probes);
    }
}
