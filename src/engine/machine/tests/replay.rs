//! Replays: what is kept, what is done once more, and what becomes of work that has no step any more.

use super::flows::{Case, case, for_each, item, note};
use super::*;

fn header(id: &str) -> Node {
    create(id, note("a"), repeat(RepeatBy::Header, 0))
}

fn fates(run: &Case, how: &Replay) -> Vec<(String, &'static str)> {
    let (planned, _) = run.run.plan(how);
    planned.iter().map(|planned| (planned.path.to_string(), planned.fate.as_str())).collect()
}

fn fate(path: &str, fate: &'static str) -> (String, &'static str) {
    (path.to_owned(), fate)
}

fn again(paths: &[&str]) -> Replay {
    Replay { again: paths.iter().map(|path| NodePath::new(*path)).collect(), ..Replay::default() }
}

#[test]
fn a_plan_says_what_becomes_of_each_step() {
    let mut run = Case::new(vec![
        lookup("order", path("event.id")),
        header("header"),
        lookup("check", path("steps.header")),
        header("receipt"),
    ]);
    run.done("order", text("x"));
    run.done("header", text("SO-1"));
    run.fail("check", ErrorClass::Data, "bad");
    let failed = [fate("order", "kept"), fate("header", "done"), fate("check", "anew"), fate("receipt", "new")];
    assert_eq!(fates(&run, &Replay::default()), failed);
    let start = Replay { from: From::Start, ..Replay::default() };
    let all = [fate("order", "anew"), fate("header", "done"), fate("check", "anew"), fate("receipt", "new")];
    assert_eq!(fates(&run, &start), all);
    assert_eq!(fates(&run, &again(&["header"]))[1], fate("header", "again"));
    assert!(run.run.plan(&again(&["order"])).1.unwrap().contains("order"), "a read is asked again from the start");
    let before = run.journal.len();
    assert_eq!(run.journal.len(), before, "a plan writes nothing");
}

#[test]
fn an_open_write_is_planned_as_open() {
    let mut patient = header("header");
    patient.retry.budget = Duration::ZERO;
    let mut run = Case::new(vec![patient]);
    run.fail("header", ErrorClass::Timeout, "timeout");
    assert_eq!(fates(&run, &Replay::default()), [fate("header", "open")]);
}

#[test]
fn again_inside_what_is_done_is_come_to() {
    let steps = || {
        let line = create("line", record(vec![("k", path("item.k"))]), repeat(RepeatBy::Header, 0));
        let inner = step("pick", NodeKind::Branch { cases: vec![], otherwise: case(None, vec![line], None) });
        vec![for_each(vec![inner], vec![item("1"), item("2")], 2), lookup("after", constant(text("x")))]
    };
    let mut run = Case::new(steps());
    run.done("lines/1/line", text("L1"));
    run.done("lines/2/line", text("L2"));
    run.done("after", text("y"));
    assert_eq!(run.end, Some(End::Succeeded));
    run.replay(From::Failed, &["lines/2/line"], None);
    assert_eq!(run.names(), ["lines/1/line", "lines/2/line", "after", "lines/2/line"]);
    assert_ne!(run.key(1), run.key(3));
    run.done("lines/2/line", text("L3"));
    assert_eq!(run.end, Some(End::Succeeded), "what stands behind it keeps its result");
}

#[test]
fn work_without_a_step_needs_a_word() {
    let mut run = Case::new(vec![header("header"), lookup("after", path("steps.header"))]);
    run.done("header", text("SO-1"));
    run.fail("after", ErrorClass::Data, "bad");
    let renamed = || vec![header("order"), lookup("after", path("steps.order"))];
    run.replay(From::Failed, &[], Some(renamed()));
    assert!(run.refused.take().unwrap().contains("header"));
    assert_eq!(fates(&run, &Replay::default())[2], fate("header", "orphan"));

    let moved = |to: &str| Replay {
        orphans: vec![(NodePath::new("header"), Orphan::Move(NodePath::new(to)))],
        ..Replay::default()
    };
    for (to, says) in [("after", "paypal.orders.get"), ("nothing", "no step")] {
        let refused = run.run.plan(&moved(to)).1.unwrap();
        assert!(refused.contains(says), "{refused}");
    }
    run.replayed(moved("order"), None);
    assert_eq!(run.refused, None);
    assert_eq!(run.names(), ["header", "after", "after"], "the write is not done again under its new name");
    run.done("after", text("z"));
    assert_eq!(run.end, Some(End::Succeeded));
    run.restart(None);
    assert_eq!(run.end, Some(End::Succeeded), "the journal tells it all again");
}

#[test]
fn work_that_is_left_is_never_done_again() {
    let steps = || vec![header("header"), lookup("after", constant(text("x")))];
    let mut run = Case::new(steps());
    run.done("header", text("SO-1"));
    run.fail("after", ErrorClass::Data, "bad");
    let leave = Replay { orphans: vec![(NodePath::new("header"), Orphan::Leave)], ..Replay::default() };
    run.replayed(leave, Some(vec![lookup("after", constant(text("x")))]));
    assert_eq!(run.names(), ["header", "after", "after"]);
    run.fail("after", ErrorClass::Data, "bad");
    // With the old revision the step is there again: its work is known.
    run.replay(From::Start, &[], Some(steps()));
    assert_eq!(run.names(), ["header", "after", "after", "after"]);
}

#[test]
fn a_cancelled_run_can_be_replayed() {
    let mut run = Case::new(vec![lookup("order", path("event.id"))]);
    run.fail("order", ErrorClass::Data, "bad");
    run.run = rebuild(&run.graph, &run.journal);
    run.end = None;
    run.step(Command::Cancel { actor: "anna".into(), reason: "no".into() });
    assert!(matches!(run.end, Some(End::Stopped { .. })));
    run.replay(From::Failed, &[], None);
    run.done("order", text("x"));
    assert_eq!(run.end, Some(End::Succeeded));
}
