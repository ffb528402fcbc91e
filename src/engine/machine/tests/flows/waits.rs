//! `wait` in its three forms.

use super::*;
use crate::engine::connector::Row;

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

fn wait(wait: Wait) -> Node {
    step("pause", NodeKind::Wait(wait))
}

/// Every ten minutes, an hour at most.
fn poll(every: u64) -> Node {
    let NodeKind::Lookup(operation) = lookup("pause", path("event.id")).kind else { panic!("a lookup") };
    let until = slot(equals(path("row.state"), constant(text("ready"))));
    wait(Wait::Row(Box::new(Poll { operation: *operation, until, every: minutes(every), at_most: minutes(60) })))
}

fn state(state: &str) -> Value {
    fields(&[("state", text(state))])
}

#[test]
fn a_time_is_waited_for_from_when_the_step_began() {
    let mut run = Case::new(vec![wait(Wait::For(minutes(10))), lookup("after", constant(text("x")))]);
    assert_eq!((run.due, run.sent.len()), (Some(600), 0));
    run.wait(400);
    run.restart(None);
    assert_eq!((run.due, run.sent.len()), (Some(600), 0), "a restart begins no new wait");
    run.wait(200);
    assert_eq!(run.names(), ["after"]);
}

#[test]
fn a_time_that_is_over_is_not_waited_for() {
    let until = |seconds| slot(constant(Value::Time(at(seconds))));
    let mut run = Case::new(vec![wait(Wait::Until(until(30))), transform("seen", path("steps.pause"))]);
    assert_eq!(run.due, Some(30));
    run.wait(30);
    assert_eq!(run.end, Some(End::Succeeded));
    assert_eq!(*run.run.own_steps(&NodePath::root()).get("seen"), Value::Time(at(30)));
    assert_eq!(Case::new(vec![wait(Wait::Until(until(-5)))]).end, Some(End::Succeeded));
    assert_eq!(Case::new(vec![wait(Wait::Until(slot(constant(text("soon")))))]).failed_with(), "type");
}

#[test]
fn a_row_is_asked_for_until_it_is_as_it_should_be() {
    let mut run = Case::new(vec![poll(10), transform("seen", path("steps.pause.state"))]);
    run.done("pause", state("no"));
    assert_eq!(run.due, Some(600));
    run.wait(300);
    run.restart(None);
    assert_eq!((run.due, run.sent.len()), (Some(600), 1));
    run.wait(300);
    assert_eq!(run.sent.len(), 2);
    // A crash while it is asked: it is asked again, at once.
    run.restart(None);
    assert_eq!(run.sent.len(), 3);
    run.done("pause", state("ready"));
    assert_eq!(run.end, Some(End::Succeeded));
    assert_eq!(*run.run.own_steps(&NodePath::root()).get("seen"), text("ready"));
}

#[test]
fn what_does_not_come_is_asked_for_a_last_time_when_the_time_is_over() {
    let mut run = Case::new(vec![poll(50)]);
    run.done("pause", state("no"));
    run.wait(50 * 60);
    run.done("pause", state("no"));
    assert_eq!(run.due, Some(3600));
    run.wait(600);
    run.done("pause", state("no"));
    assert!(
        matches!(&run.end, Some(End::DeadLetter { error, .. })
            if error.code.as_str() == "wait_expired" && error.class == ErrorClass::Timeout),
        "{:?}",
        run.end
    );
    // A replay waits anew.
    run.replay(From::Failed, &[], None);
    run.done("pause", state("no"));
    assert_eq!(run.due, Some(3600 + 3000));
}

#[test]
fn long_after_the_time_is_over_it_is_still_asked_once() {
    let mut run = Case::new(vec![poll(10)]);
    run.done("pause", state("no"));
    run.now = 100_000;
    run.restart(None);
    assert_eq!(run.sent.len(), 2);
    run.done("pause", state("ready"));
    assert_eq!(run.end, Some(End::Succeeded));
}

#[test]
fn a_system_that_is_away_is_asked_again_and_not_beyond_the_time() {
    let mut run = Case::new(vec![poll(10)]);
    // Each question has a budget of its own, also more than 24 hours after the first.
    run.fail("pause", ErrorClass::Unavailable, "503");
    assert_eq!(run.due, Some(1));
    run.wait(1);
    run.done("pause", state("no"));
    assert_eq!(run.due, Some(601));
    run.now = 3590;
    run.step(Command::Timer);
    for _ in 0..4 {
        run.fail("pause", ErrorClass::Unavailable, "503");
        let due = run.due.unwrap();
        run.wait(due - run.now);
    }
    assert_eq!((run.now, run.failed_with()), (3600, "wait_expired"));
    let mut refused = Case::new(vec![poll(10)]);
    refused.fail("pause", ErrorClass::Data, "no_such_row");
    assert_eq!(refused.failed_with(), "no_such_row");
}

#[test]
fn a_condition_that_fails_ends_the_step() {
    let mut run = Case::new(vec![poll(10)]);
    run.answer("pause", Outcome::Done(Row::value(text("no record"))));
    assert_eq!(run.failed_with(), "type");
}
