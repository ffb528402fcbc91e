//! `reread`: back to the lookup when what was read no longer holds.

use super::*;

/// A change of what was read; nothing else may tell whether it was done.
fn change(reread: Option<&str>) -> Node {
    let body = record(vec![("state", path("steps.known.state"))]);
    let mut change = create("change", body, repeat(RepeatBy::Header, 0));
    change.reread = reread.map(Text::from);
    change
}

fn state(state: &str) -> Value {
    fields(&[("state", text(state))])
}

fn known() -> Node {
    lookup("known", constant(text("K")))
}

/// A write in a case that is taken while the row is `new`.
fn when_new() -> Node {
    let is_new = equals(path("steps.known.state"), constant(text("new")));
    let write = create("write", record(vec![("ref", constant(text("W")))]), repeat(RepeatBy::Header, 0));
    let cases = vec![case(Some(is_new), vec![write], Some(path("steps.write.number")))];
    step("account", NodeKind::Branch { cases, otherwise: case(None, vec![], None) })
}

#[test]
fn a_conflict_sends_the_run_back_and_everything_is_decided_again() {
    let mut run = Case::new(vec![
        lookup("before", constant(text("x"))),
        known(),
        transform("seen", path("steps.known.state")),
        change(Some("known")),
        lookup("after", path("steps.seen")),
    ]);
    run.done("before", text("x"));
    run.done("known", state("old"));
    run.fail("change", ErrorClass::Conflict, "etag");
    assert_eq!(run.names(), ["before", "known", "change", "known"], "what stands above is not read again");
    run.restart(None);
    run.done("known", state("new"));
    assert_eq!(run.names()[4..], ["known", "change"]);
    assert_eq!(run.sent[5].1.body, Some(state("new")));
    assert_ne!(run.key(2), run.key(5), "another request has another key");
    run.done("change", state("new"));
    assert_eq!(*run.run.own_steps(&NodePath::root()).get("seen"), text("new"));
    run.done("after", text("x"));
    assert_eq!(run.end, Some(End::Succeeded));
}

#[test]
fn the_same_request_keeps_its_key() {
    let mut run = Case::new(vec![known(), change(Some("known"))]);
    run.done("known", state("old"));
    run.fail("change", ErrorClass::Conflict, "etag");
    run.done("known", state("old"));
    assert_eq!(run.key(1), run.key(3));
}

#[test]
fn three_times_at_most_and_anew_after_a_replay() {
    let mut run = Case::new(vec![known(), change(Some("known"))]);
    for n in 0..=3 {
        assert!(run.end.is_none(), "{n}");
        run.done("known", state(&n.to_string()));
        run.fail("change", ErrorClass::Conflict, "etag");
    }
    assert_eq!((run.sent.len(), run.failed_with()), (8, "etag"));
    run.replay(From::Failed, &[], None);
    run.fail("change", ErrorClass::Conflict, "etag");
    run.done("known", state("later"));
    run.done("change", state("later"));
    assert_eq!(run.end, Some(End::Succeeded));
}

#[test]
fn without_reread_a_conflict_fails_and_on_error_is_asked_last() {
    let mut run = Case::new(vec![known(), change(None)]);
    run.done("known", state("old"));
    run.fail("change", ErrorClass::Conflict, "etag");
    assert_eq!(run.failed_with(), "etag");
    let mut handled = change(Some("known"));
    handled.on_error = vec![crate::graph::ErrorCase {
        when: slot(constant(Value::Bool(true))),
        steps: vec![],
        then: Then::Continue { result: None },
    }];
    let mut run = Case::new(vec![known(), handled]);
    for _ in 0..4 {
        run.done("known", state("old"));
        run.fail("change", ErrorClass::Conflict, "etag");
    }
    assert_eq!((run.end.clone(), run.sent.len()), (Some(End::Succeeded), 8));
}

#[test]
fn writes_that_are_done_stay_done_and_are_used_if_their_case_is_taken_again() {
    let steps = || vec![known(), when_new(), change(Some("known")), lookup("after", path("steps.account"))];
    let mut run = Case::new(steps());
    run.done("known", state("new"));
    run.done("write", fields(&[("number", text("W-1"))]));
    run.fail("change", ErrorClass::Conflict, "etag");
    // The case is not taken this time: what it did is missing, not undone.
    run.done("known", state("old"));
    let steps_now = run.run.own_steps(&NodePath::root());
    assert_eq!((steps_now.get("write"), steps_now.get("account")), (&Value::Missing, &Value::Missing));
    run.restart(None);
    run.fail("change", ErrorClass::Conflict, "etag");
    // And now it is.
    run.done("known", state("new"));
    assert_eq!(run.names().iter().filter(|name| **name == "write").count(), 1);
    assert_eq!(run.run.own_steps(&NodePath::root()).get("account"), &text("W-1"));
    run.done("change", state("x"));
    run.done("after", text("x"));
    assert_eq!(run.end, Some(End::Succeeded));
}

#[test]
fn a_write_that_was_refused_and_passed_over_is_no_write_that_is_done() {
    let mut refused = create("write", record(vec![("ref", path("steps.known.state"))]), repeat(RepeatBy::Header, 0));
    refused.on_error = vec![crate::graph::ErrorCase {
        when: slot(constant(Value::Bool(true))),
        steps: vec![],
        then: Then::Continue { result: Some(slot(constant(state("instead")))) },
    }];
    let mut run = Case::new(vec![known(), refused, change(Some("known"))]);
    run.done("known", state("old"));
    run.fail("write", ErrorClass::Data, "bad");
    run.fail("change", ErrorClass::Conflict, "etag");
    run.done("known", state("new"));
    assert_eq!(run.names()[3..], ["known", "write"]);
    run.done("write", state("done"));
    run.done("change", state("x"));
    assert_eq!(run.end, Some(End::Succeeded));
}

#[test]
fn items_are_gone_through_again_one_at_a_time() {
    let lines = step(
        "lines",
        NodeKind::ForEach(Box::new(ForEach {
            items: slot(path("steps.known.lines")),
            item: "item".into(),
            index: None,
            key: slot(path("item.k")),
            concurrency: 1,
            steps: vec![
                lookup("price", path("item.k")),
                create("line", record(vec![("ref", path("item.k"))]), repeat(RepeatBy::Header, 0)),
            ],
            result: None,
        })),
    );
    let rows = |keys: &[&str]| {
        let items: Vec<Value> = keys.iter().map(|key| item(*key)).collect();
        fields(&[("state", text(keys[0])), ("lines", list(&items))])
    };
    let mut run = Case::new(vec![known(), lines, change(Some("known"))]);
    run.done("known", rows(&["a", "b"]));
    for key in ["a", "b"] {
        run.done(&format!("lines/{key}/price"), text("1"));
        run.done(&format!("lines/{key}/line"), text(key));
    }
    run.fail("change", ErrorClass::Conflict, "etag");
    run.done("known", rows(&["b", "c"]));
    assert_eq!(run.names().last(), Some(&"lines/b/price"), "one at a time");
    run.done("lines/b/price", text("2"));
    // Its line is there already.
    assert_eq!(run.names().last(), Some(&"lines/c/price"));
    run.done("lines/c/price", text("3"));
    run.done("lines/c/line", text("c"));
    let result = run.run.own_steps(&NodePath::root());
    let line = |price: &str, line: &str| fields(&[("price", text(price)), ("line", text(line))]);
    assert_eq!(*result.get("lines"), list(&[line("2", "b"), line("3", "c")]));
    run.done("change", text("x"));
    assert_eq!(run.end, Some(End::Succeeded));
}

#[test]
fn what_was_said_is_not_said_twice() {
    let alert = step(
        "told",
        NodeKind::Alert {
            severity: Severity::Info,
            code: "c".into(),
            title: slot(path("steps.known.state")),
            detail: None,
        },
    );
    let mut run = Case::new(vec![known(), alert, change(Some("known"))]);
    run.done("known", state("old"));
    run.fail("change", ErrorClass::Conflict, "etag");
    run.done("known", state("new"));
    let told = |entry: &&Entry| matches!(&entry.fact, Fact::Done { done, .. } if done.alert.is_some());
    assert_eq!(run.journal.iter().filter(told).count(), 1);
}
