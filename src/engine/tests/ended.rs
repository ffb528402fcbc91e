//! A person ends a run, or says that its work was done.

use super::*;
use crate::engine::machine::From;

fn by() -> By {
    By { actor: "anna".into(), reason: "no longer wanted".into(), at: Timestamp::now() }
}

fn ask() -> Node {
    let title = slot(constant(text("Pay?")));
    let approve = Approve { title, detail: None, roles: vec![], expires: None, items: None };
    step("approval", NodeKind::Approve(Box::new(approve)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_sleeps_is_ended_at_once_and_sends_nothing() {
    let house = House::new(vec![ask(), lookup("after", path("event.id"))], done).await;
    let run = house.event("CAP-1").await;
    house.becomes(run, RunState::Waiting).await;
    house.executor.cancel(run, by()).await.unwrap();
    let loaded = house.becomes(run, RunState::Stopped).await;
    assert_eq!(loaded.run.reason.as_deref(), Some("no longer wanted"));
    assert_eq!(house.sent().len(), 0);
    let asked = house.store.approvals(ApprovalFilter::default(), Page::first(9)).await.unwrap().items.remove(0);
    assert_eq!(asked.state, ApprovalState::Withdrawn, "nobody need answer any more");
    let audit = house.store.audit(Page::first(9)).await.unwrap().items;
    assert_eq!(audit.iter().map(|done| done.action.as_str()).collect::<Vec<_>>(), ["cancel"]);
    let again = house.executor.cancel(run, by()).await;
    assert!(matches!(&again, Err(CommandError::Refused(why)) if why.contains("is stopped already")), "{again:?}");
}

/// Runs that go to sleep and wake all the time: whoever ends one meets it in every moment of its way.
#[tokio::test(flavor = "multi_thread")]
async fn whenever_it_is_said_a_run_ends() {
    let mut write = header(RepeatBy::Header);
    write.retry = Retry { initial: Duration::from_millis(1), factor: 1.0, jitter: 0.0, ..Retry::default() };
    let house = House::new(vec![write], |_, _| Behaviour::Fail(ErrorClass::Unavailable)).await;
    let mut runs = vec![];
    for n in 0..40 {
        runs.push(house.event(&format!("CAP-{n}")).await);
    }
    for (n, run) in runs.iter().enumerate() {
        tokio::time::sleep(Duration::from_micros(n as u64 * 97 % 1500)).await;
        house.executor.cancel(*run, by()).await.unwrap();
    }
    for run in runs {
        house.becomes(run, RunState::Stopped).await;
    }
}

/// The row is the run's work from then on: another run that finds it does not take it for its own.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_says_was_done_belongs_to_the_run() {
    let house = House::new(vec![header(RepeatBy::None)], |_, _| Behaviour::Fail(ErrorClass::Timeout)).await;
    let (first, second) = (house.event("CAP-1").await, house.event("CAP-2").await);
    house.becomes(first, RunState::OutcomeUnknown).await;
    house.becomes(second, RunState::OutcomeUnknown).await;
    let seen = || Verdict::Done(fields(&[("number", text("SO-7"))]));
    house.executor.decide(first, "header", seen(), by()).await.unwrap();
    house.becomes(first, RunState::Succeeded).await;
    let taken = house.executor.decide(second, "header", seen(), by()).await;
    let Err(CommandError::Refused(why)) = taken else { panic!("{taken:?}") };
    assert_eq!(why, format!("row SO-7 of Orders in d365 is already the work of header in run {first}"));
    assert_eq!(house.store.load_run(second).await.unwrap().unwrap().run.state, RunState::OutcomeUnknown);
    // Its own again, as often as it likes.
    let replay = Replay { from: From::Start, ..Replay::default() };
    house.executor.replay(first, replay, None, by()).await.unwrap();
    house.becomes(first, RunState::Succeeded).await;
    assert_eq!(house.sent().len(), 2, "one of each");
}
