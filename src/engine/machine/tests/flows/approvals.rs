//! `approve`: asked, answered, refused, expired.

use super::*;

fn approve(items: Option<Vec<Value>>, expires: Option<u64>) -> Node {
    let approve = Approve {
        title: slot(constant(text("Pay?"))),
        detail: None,
        roles: vec!["finance".into()],
        expires: expires.map(Duration::from_secs),
        items: items.map(|items| (slot(constant(Value::from(items))), slot(path("row.k")))),
    };
    step("approval", NodeKind::Approve(Box::new(approve)))
}

fn two_items() -> Option<Vec<Value>> {
    Some(vec![item("a"), item(2_i64)])
}

fn after() -> Node {
    lookup("after", path("steps.approval.by"))
}

impl Case {
    fn judge(&mut self, approved: bool, without: &[&str]) {
        self.judge_at(approved, without, self.now);
    }

    fn judge_at(&mut self, approved: bool, without: &[&str], seconds: i64) {
        let judgement = Judgement {
            role: Some("finance".into()),
            approved,
            without: without.iter().map(|key| Text::from(*key)).collect(),
            actor: "ada".into(),
            reason: "checked".into(),
            at: at(seconds),
        };
        self.refused = None;
        self.step(Command::Judged { node: NodePath::new("approval"), judgement });
    }
}

#[test]
fn a_person_says_yes_and_takes_some_out() {
    let mut run = Case::new(vec![approve(two_items(), Some(600)), after()]);
    assert_eq!((run.due, run.sent.len()), (Some(600), 0));
    run.now = 30;
    run.restart(None);
    assert_eq!(run.due, Some(600), "asked once, with one end");
    run.judge(true, &["2"]);
    assert_eq!(run.names(), ["after"]);
    let approval = fields(&[
        ("by", text("ada")),
        ("at", Value::Time(at(30))),
        ("reason", text("checked")),
        ("items", list(&[item("a")])),
    ]);
    assert_eq!(*run.run.own_steps(&NodePath::root()).get("approval"), approval);
    run.judge(false, &[]);
    assert!(run.refused.is_some() && run.end.is_none(), "it is answered");
}

#[test]
fn an_answer_outlives_a_crash_before_anything_follows_it() {
    let mut run = Case::new(vec![approve(None, None), after()]);
    assert_eq!(run.due, Some(Timestamp::MAX.as_second() - 1_700_000_000), "for ever");
    run.judge(true, &[]);
    // Of what followed the answer nothing was written.
    let answered = run.journal.iter().position(|entry| matches!(entry.fact, Fact::Judged(_))).unwrap();
    run.journal.truncate(answered + 1);
    run.sent.clear();
    run.restart(None);
    assert_eq!(run.names(), ["after"]);
}

#[test]
fn no_stops_the_run_with_the_reason() {
    let mut run = Case::new(vec![approve(None, None), after()]);
    run.judge(false, &[]);
    assert_eq!(run.end, Some(End::Stopped { reason: "rejected by ada: checked".into(), release: false }));
    // Whoever replays it is asked again.
    run.replay(From::Failed, &[], None);
    assert!(run.end.is_none());
    run.judge(true, &[]);
    assert_eq!(run.names(), ["after"]);
}

#[test]
fn nobody_answering_stops_the_run_when_it_expires() {
    let mut run = Case::new(vec![approve(None, Some(600)), after()]);
    run.judge_at(true, &[], 600);
    assert!(run.refused.is_some(), "too late");
    // In time, and heard of late.
    let mut heard_late = Case::new(vec![approve(None, Some(600)), after()]);
    heard_late.now = 700;
    heard_late.judge_at(true, &[], 599);
    assert_eq!(heard_late.names(), ["after"]);
    run.wait(600);
    assert!(matches!(&run.end, Some(End::Stopped { reason, .. }) if reason.as_str() == "approval expired"));
}

#[test]
fn on_error_can_do_something_first_or_go_on() {
    let asked = |code: &str, then: Then| {
        let mut asked = approve(None, Some(600));
        let when = slot(equals(path("error.code"), constant(text(code))));
        asked.on_error =
            vec![crate::graph::ErrorCase { when, steps: vec![lookup("tell", path("error.message"))], then }];
        Case::new(vec![asked, lookup("after", constant(text("x")))])
    };
    for then in [Then::Fail, Then::Stop] {
        let mut run = asked(REJECTED, then);
        run.judge(false, &[]);
        assert_eq!((run.names(), run.end.is_none()), (vec!["tell"], true));
        run.done("tell", text("x"));
        assert!(matches!(run.end, Some(End::Stopped { .. })), "{:?}", run.end);
    }
    let mut run = asked(EXPIRED, Then::Continue { result: None });
    run.wait(600);
    run.done("tell", text("x"));
    assert_eq!(run.names(), ["tell", "after"]);
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let mut run = Case::new(vec![approve(two_items(), None), after()]);
    run.judge(true, &["b"]);
    assert_eq!(run.refused.as_deref(), Some("`approval` asks about no item \"b\""));
    run.judge(true, &["a", "2"]);
    assert_eq!(*run.run.own_steps(&NodePath::root()).get("approval").get("items"), list(&[]));
    for items in [vec![item("1"), item(1_i64)], vec![item(" ")], vec![item(Value::Null)]] {
        assert_eq!(Case::new(vec![approve(Some(items), None)]).failed_with(), "item_key");
    }
}

#[test]
fn a_question_that_is_still_the_same_is_not_asked_twice() {
    let mut run = Case::new(vec![approve(two_items(), None), after()]);
    run.judge(true, &["a"]);
    run.fail("after", ErrorClass::Data, "bad");
    run.replay(From::Start, &[], None);
    assert_eq!(run.names(), ["after", "after"]);
    assert_eq!(*run.run.own_steps(&NodePath::root()).get("approval").get("items"), list(&[item(2_i64)]));
    run.fail("after", ErrorClass::Data, "bad");
    run.replay(From::Start, &[], Some(vec![approve(Some(vec![item("a")]), None), after()]));
    assert_eq!((run.sent.len(), run.end.is_none()), (2, true), "another question");
    run.judge(true, &[]);
    assert_eq!(run.sent.len(), 3);
}

#[test]
fn a_run_that_is_cancelled_ends_while_it_is_asked() {
    let mut run = Case::new(vec![approve(None, None), after()]);
    run.step(Command::Cancel { actor: "ada".into(), reason: "no".into() });
    assert_eq!(run.end, Some(End::Stopped { reason: "no".into(), release: false }));
    assert_eq!(run.run.asking().count(), 1, "its question is to be withdrawn");
}
