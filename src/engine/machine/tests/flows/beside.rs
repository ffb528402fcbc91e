//! Steps beside each other: `parallel`, and lookups that begin together.

use super::*;

fn parallel(lists: Vec<Vec<Node>>) -> Node {
    step("both", NodeKind::Parallel(lists))
}

fn read(id: &str) -> Node {
    lookup(id, constant(text("x")))
}

fn together(mut node: Node) -> Node {
    node.together = true;
    node
}

#[test]
fn lists_go_on_beside_each_other_and_their_steps_are_readable_after() {
    let steps = || {
        let lists = vec![vec![read("a"), lookup("b", path("steps.a"))], vec![read("c"), read("d")]];
        vec![parallel(lists), lookup("after", path("steps.b")), lookup("last", path("steps.d"))]
    };
    let mut run = Case::new(steps());
    assert_eq!(run.names(), ["a", "c"]);
    run.done("c", text("c"));
    run.done("a", text("a"));
    assert_eq!(run.names(), ["a", "c", "d", "b"]);
    run.restart(None);
    assert_eq!(run.names()[4..], ["b", "d"]);
    run.done("b", text("b"));
    assert_eq!(run.sent.len(), 6, "what follows waits for both");
    run.done("d", text("d"));
    run.done("after", text("x"));
    run.done("last", text("x"));
    assert_eq!(run.end, Some(End::Succeeded));
}

#[test]
fn when_one_fails_the_step_under_way_beside_it_finishes_and_none_begins() {
    let steps = || vec![parallel(vec![vec![read("a"), read("b")], vec![read("c"), read("d")]])];
    let mut run = Case::new(steps());
    run.fail("c", ErrorClass::Data, "bad");
    assert_eq!(run.end, None);
    // Also where it is its list that stands first.
    run.restart(None);
    assert_eq!(run.names(), ["a", "c", "a"]);
    run.done("a", text("a"));
    assert_eq!(run.names(), ["a", "c", "a"], "`b` does not begin");
    assert!(matches!(&run.end, Some(End::DeadLetter { step, .. }) if step.as_str() == "c"), "{:?}", run.end);
    run.replay(From::Failed, &[], None);
    assert_eq!(run.names()[3..], ["b", "c"], "the rest goes on");
}

#[test]
fn a_step_under_way_is_repeated_even_when_one_beside_it_has_failed() {
    let mut run = Case::new(vec![parallel(vec![vec![read("a"), read("b")], vec![read("c")]])]);
    run.fail("c", ErrorClass::Data, "bad");
    run.fail("a", ErrorClass::Unavailable, "503");
    assert_eq!((run.end.is_some(), run.due), (false, Some(1)));
    run.wait(1);
    run.done("a", text("a"));
    assert_eq!((run.names(), run.failed_with()), (vec!["a", "c", "a"], "bad"));
}

#[test]
fn a_stop_ends_both_and_what_nobody_can_tell_weighs_more() {
    let mut run = Case::new(vec![parallel(vec![vec![stop("enough")], vec![read("c")]])]);
    assert!(run.sent.is_empty(), "nothing begins behind the stop");
    assert!(matches!(run.end, Some(End::Stopped { .. })));
    run = Case::new(vec![parallel(vec![
        vec![read("a"), stop("enough")],
        vec![create("write", note("x"), repeat(RepeatBy::None, 0))],
    ])]);
    run.done("a", text("a"));
    assert_eq!(run.end, None);
    run.fail("write", ErrorClass::Timeout, "timeout");
    assert_eq!(run.failed_with(), OUTCOME_UNKNOWN);
}

#[test]
fn an_error_that_is_dealt_with_ends_nothing() {
    let mut a = read("a");
    a.on_error = vec![crate::graph::ErrorCase {
        when: slot(constant(Value::Bool(true))),
        steps: vec![read("mend")],
        then: Then::Continue { result: Some(slot(constant(text("instead")))) },
    }];
    let mut run = Case::new(vec![parallel(vec![vec![a, lookup("b", path("steps.a"))], vec![read("c"), read("d")]])]);
    run.fail("a", ErrorClass::Data, "bad");
    run.done("c", text("c"));
    assert_eq!(run.names(), ["a", "c", "mend", "d"]);
    run.done("mend", text("x"));
    run.done("d", text("x"));
    run.done("b", text("x"));
    assert_eq!(run.end, Some(End::Succeeded));
}

#[test]
fn items_inside_begin_no_more_when_something_beside_them_has_failed() {
    let lines = for_each(vec![lookup("line", path("item.k"))], vec![item("1"), item("2")], 1);
    let mut run = Case::new(vec![parallel(vec![vec![lines], vec![read("c")]])]);
    assert_eq!(run.names(), ["lines/1/line", "c"]);
    run.fail("c", ErrorClass::Data, "bad");
    run.done("lines/1/line", text("x"));
    assert_eq!(run.sent.len(), 2);
    assert_eq!(run.failed_with(), "bad");
    run.replay(From::Failed, &[], None);
    assert_eq!(run.names()[2..], ["lines/2/line", "c"]);
}

#[test]
fn lookups_that_do_not_use_one_another_begin_together() {
    let steps = || {
        vec![
            read("a"),
            together(read("b")),
            together(read("c")),
            lookup("d", path("steps.b")),
            transform("e", path("steps.c")),
        ]
    };
    let mut run = Case::new(steps());
    assert_eq!(run.names(), ["a", "b", "c"]);
    run.done("c", text("c"));
    run.done("a", text("a"));
    run.restart(None);
    assert_eq!(run.names()[3..], ["b"]);
    run.done("b", text("b"));
    run.done("d", text("x"));
    assert_eq!(run.end, Some(End::Succeeded));
    let mut run = Case::new(steps());
    run.fail("b", ErrorClass::Data, "bad");
    run.done("a", text("a"));
    assert_eq!(run.end, None);
    run.done("c", text("c"));
    assert_eq!((run.sent.len(), run.failed_with()), (3, "bad"));
}
