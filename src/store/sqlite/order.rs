//! A property: whatever happens to the runs of an order key, at most one is at work, no one overtakes, and none waits
//! for nothing.

use super::*;
use crate::store::conformance::{event, noon, run};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Accept { fails: bool },
    Finish(Ending),
    Resume(usize),
    Release(usize),
    Restart,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Succeeded,
    Waiting,
    Parked,
    DeadLetter,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ending = prop::sample::select(vec![Ending::Succeeded, Ending::Waiting, Ending::Parked, Ending::DeadLetter]);
    let step = prop_oneof![
        4 => prop::bool::weighted(0.2).prop_map(|fails| Step::Accept { fails }),
        6 => ending.prop_map(Step::Finish),
        2 => (0..8_usize).prop_map(Step::Resume),
        2 => (0..8_usize).prop_map(Step::Release),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..30)
}

fn error() -> RunError {
    let (code, message) = ("x".to_owned(), "x".to_owned());
    RunError {
        class: crate::graph::ErrorClass::Data,
        code,
        message,
        hint: None,
        status: None,
        step: None,
        position: None,
        body: None,
    }
}

fn by() -> By {
    By { actor: "ada".to_owned(), reason: "try".to_owned(), at: noon() }
}

async fn check(store: &SqliteStore) {
    let mut runs = store.runs(RunFilter::default(), Page::first(1000)).await.unwrap().items;
    runs.reverse();
    let holders: Vec<_> = runs.iter().filter(|run| run.holds_key).collect();
    for (place, run) in holders.iter().enumerate() {
        let is_at_work =
            matches!(run.state, RunState::Ready | RunState::Running | RunState::Waiting | RunState::Queued);
        assert!(!is_at_work || (run.state == RunState::Queued) == (place > 0), "{holders:#?}");
    }
    for run in runs.iter().filter(|run| !run.holds_key) {
        assert!(run.state.is_settled() || run.state.needs_a_person(), "{run:#?}");
    }
}

async fn play(steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    let mut accepted = Vec::new();
    for step in steps {
        match step {
            Step::Accept { fails } => {
                let id = accepted.len().to_string();
                let start = if fails { Start::Failed(error()) } else { Start::Run };
                let new = NewRun { order_key: Some("k".to_owned()), start, ..run("a", &id) };
                let outcome = store.accept(event(&id, &id), vec![new]).await.unwrap().outcome;
                let AcceptOutcome::Kept(runs) = outcome else { panic!("{outcome:?}") };
                accepted.push(runs[0].id);
            }
            Step::Finish(ending) => {
                let claimed = store.claim(noon(), noon(), 10).await.unwrap();
                assert!(claimed.len() <= 1, "one at a time");
                for Claimed { lease, .. } in claimed {
                    let next = match ending {
                        Ending::Succeeded => Next::Succeeded,
                        Ending::Waiting => Next::Waiting { due: noon() },
                        Ending::Parked => Next::Parked { reason: "x".to_owned() },
                        Ending::DeadLetter => Next::DeadLetter(error()),
                    };
                    store.append(lease, vec![], RunUpdate::to(next, noon())).await.unwrap();
                }
            }
            // Refused where the run is under way or holds nothing: then nothing may have changed.
            Step::Resume(i) => {
                if let Some(run) = accepted.get(i) {
                    let how = Resume { action: "replay", ..Resume::default() };
                    let _ = store.resume(*run, how, by()).await;
                }
            }
            Step::Release(i) => {
                if let Some(run) = accepted.get(i) {
                    let _ = store.release_key(*run, by()).await;
                }
            }
            Step::Restart => {
                drop(store);
                store = SqliteStore::open(folder.path()).unwrap();
            }
        }
        check(&store).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn runs_of_a_key_never_overtake_and_never_hang(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(steps));
    }
}
