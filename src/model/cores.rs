//! Work on many things that do not depend on each other, on all cores.
//!
//! Whoever waits for a project's thousand flows need not wait for one core. Invariant: what is given stands in the order
//! of the things, whatever was done first.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// For fewer things than this another thread costs more than it saves.
const FEWEST: usize = 8;

/// What `work` gives for each of `0..count`. `state` is made once for each thread.
pub fn on_all_cores<S, T: Send>(
    count: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get).min(count / FEWEST);
    let next = AtomicUsize::new(0);
    let work_off = || {
        let (mut state, mut done) = (state(), vec![]);
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count {
                return done;
            }
            done.push((n, work(&mut state, n)));
        }
    };
    let mut all = thread::scope(|scope| {
        let others: Vec<_> = (1..cores).map(|_| scope.spawn(work_off)).collect();
        let mut all = work_off();
        for other in others {
            all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    });
    all.sort_unstable_by_key(|(n, _)| *n);
    all.into_iter().map(|(_, done)| done).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_stands_in_order() {
        for count in [0, 1, FEWEST - 1, 2 * FEWEST, 1000] {
            let all = on_all_cores(count, || 1, |one, n| n + *one);
            assert_eq!(all, (1..=count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn each_thread_has_a_state_of_its_own() {
        let states = AtomicUsize::new(0);
        let made = || states.fetch_add(1, Ordering::Relaxed);
        let all = on_all_cores(
            100,
            || (made(), 0),
            |(thread, done), _| {
                *done += 1;
                (*thread, *done)
            },
        );
        for thread in 0..states.load(Ordering::Relaxed) {
            let done: Vec<i32> = all.iter().filter(|(of, _)| *of == thread).map(|(_, done)| *done).collect();
            assert_eq!(done, (1..=done.len() as i32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_is_not_swallowed() {
        let work = || on_all_cores(100, || (), |_, n| assert_ne!(n, 99));
        assert!(std::panic::catch_unwind(work).is_err());
    }
}
