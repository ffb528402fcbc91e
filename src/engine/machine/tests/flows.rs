//! What steps do: a run driven by answers given by hand.

mod approvals;
mod beside;
mod rereads;
mod waits;

use super::*;
use crate::engine::connector::{Is, Row, Sent};

/// A run with its journal and what it waits for.
pub(super) struct Case {
    pub graph: Arc<ExecutionGraph>,
    pub run: Run,
    pub journal: Vec<Entry>,
    now: i64,
    sent: Vec<(String, Arc<Request>)>,
    looks: Vec<String>,
    claims: Vec<Entry>,
    due: Option<i64>,
    pub end: Option<End>,
    pub refused: Option<String>,
}

impl Case {
    pub fn new(steps: Vec<Node>) -> Case {
        Case::of(graph(steps))
    }

    fn of(graph: ExecutionGraph) -> Case {
        let graph = Arc::new(graph);
        let mut case = Case {
            run: rebuild(&graph, &[]),
            graph,
            journal: Vec::new(),
            now: 0,
            sent: Vec::new(),
            looks: Vec::new(),
            claims: Vec::new(),
            due: None,
            end: None,
            refused: None,
        };
        case.step(Command::Start);
        case
    }

    pub fn step(&mut self, command: Command) {
        let actions = self.run.step(command, at(self.now), 0.0);
        self.due = None;
        for action in actions {
            match action {
                Action::Record(entries) => self.journal.extend(entries),
                Action::Send { node, request, .. } => self.sent.push((node.to_string(), request)),
                Action::Look { node, .. } => self.looks.push(node.to_string()),
                Action::Claim(entry) => self.claims.push(*entry),
                Action::Wait { until } => self.due = Some(until.as_second() - 1_700_000_000),
                Action::Finish(end) => self.end = Some(end),
                Action::Refused(why) => self.refused = Some(why),
                Action::Call { .. } | Action::Join { .. } => panic!("nothing is called here"),
            }
        }
    }

    fn answer(&mut self, node: &str, outcome: Outcome) {
        let node = NodePath::new(node);
        let work = self.run.state.work(&node).unwrap();
        let (generation, attempt) = (work.generation, work.attempts);
        self.step(Command::Answered { node, generation, attempt, outcome });
    }

    pub fn done(&mut self, node: &str, value: Value) {
        self.answer(node, Outcome::Done(Row::value(value)));
    }

    pub fn fail(&mut self, node: &str, class: ErrorClass, code: &str) {
        self.answer(node, Outcome::Failed(StepError::new(class, code, "no")));
    }

    fn looked(&mut self, node: &str, rows: &[Value]) {
        let rows = rows.iter().map(|value| Row { value: value.clone(), key: Some("k".into()), status: None }).collect();
        self.step(Command::Looked { node: NodePath::new(node), outcome: LookOutcome::Found(rows) });
    }

    fn claimed(&mut self, node: &str, taken_by: Option<&str>) {
        if taken_by.is_none() {
            self.journal.push(self.claims.remove(0));
        }
        self.step(Command::Claimed { node: NodePath::new(node), taken_by: taken_by.map(Text::from) });
    }

    fn wait(&mut self, seconds: i64) {
        self.now += seconds;
        self.step(Command::Timer);
    }

    /// The process goes away and comes back, perhaps with another revision.
    pub fn restart(&mut self, graph: Option<Vec<Node>>) {
        if let Some(steps) = graph {
            self.graph = Arc::new(super::graph(steps));
        }
        self.run = rebuild(&self.graph, &self.journal);
        self.end = None;
        self.step(Command::Resume);
    }

    pub fn replay(&mut self, from: From, again: &[&str], graph: Option<Vec<Node>>) {
        let again = again.iter().map(|path| NodePath::new(*path)).collect();
        self.replayed(Replay { from, again, ..Replay::default() }, graph);
    }

    pub fn replayed(&mut self, how: Replay, graph: Option<Vec<Node>>) {
        if let Some(steps) = graph {
            self.graph = Arc::new(super::graph(steps));
        }
        self.run = rebuild(&self.graph, &self.journal);
        self.end = None;
        self.step(Command::Replay { how, actor: "anna".into(), reason: "mended".into() });
        if self.refused.is_none() {
            self.restart(None);
        }
    }

    fn failed_with(&self) -> &str {
        match &self.end {
            Some(End::DeadLetter { error, .. } | End::OutcomeUnknown { error, .. }) => error.code.as_str(),
            end => panic!("{end:?}"),
        }
    }

    pub fn names(&self) -> Vec<&str> {
        self.sent.iter().map(|(node, _)| node.as_str()).collect()
    }

    pub fn key(&self, n: usize) -> &str {
        self.sent[n].1.key.as_ref().unwrap()
    }
}

pub(super) fn note(note: &str) -> Code {
    record(vec![("ref", constant(text("CAP-1"))), ("note", constant(text(note)))])
}

fn transform(id: &str, code: Code) -> Node {
    step(id, NodeKind::Transform(slot(code)))
}

pub(super) fn for_each(steps: Vec<Node>, items: Vec<Value>, concurrency: usize) -> Node {
    let each = ForEach {
        items: slot(constant(Value::from(items))),
        item: "item".into(),
        index: None,
        key: slot(path("item.k")),
        concurrency,
        steps,
        result: None,
    };
    step("lines", NodeKind::ForEach(Box::new(each)))
}

pub(super) fn item(key: impl Into<Value>) -> Value {
    fields(&[("k", key.into())])
}

pub(super) fn case(when: Option<Code>, steps: Vec<Node>, result: Option<Code>) -> crate::graph::Case {
    crate::graph::Case { when: when.map(slot), steps, result: result.map(slot) }
}

fn stop(id: &str) -> Node {
    step(id, NodeKind::Stop { reason: slot(constant(text("enough"))), release: false })
}

#[test]
fn steps_run_in_order_and_see_each_other() {
    let mut run = Case::new(vec![
        lookup("order", path("event.id")),
        transform("id", path("steps.order.id")),
        create("header", record(vec![("ref", path("steps.id"))]), repeat(RepeatBy::FindBy, 0)),
    ]);
    assert_eq!(run.names(), ["order"]);
    assert!(run.sent[0].1.key.is_none(), "a read has no key");
    run.done("order", fields(&[("id", text("ORD-1"))]));
    assert_eq!(run.names(), ["order", "header"]);
    assert_eq!(run.sent[1].1.body, Some(fields(&[("ref", text("ORD-1"))])));
    assert_eq!(run.sent[1].1.find_by, vec![("ref".into(), text("ORD-1"))]);
    run.done("header", fields(&[]));
    assert_eq!(run.end, Some(End::Succeeded));
}

#[test]
fn an_intent_is_recorded_before_it_is_sent() {
    let graph = Arc::new(graph(vec![create("header", note("a"), repeat(RepeatBy::Header, 0))]));
    let actions = rebuild(&graph, &[]).step(Command::Start, at(0), 0.0);
    let [Action::Record(entries), Action::Send { .. }] = actions.as_slice() else { panic!("{actions:?}") };
    assert!(matches!(entries.last().unwrap().fact, Fact::Intent { .. }));
}

#[test]
fn a_step_without_its_when_is_skipped_and_missing() {
    let mut skipped = transform("known", constant(text("x")));
    skipped.when = Some(slot(constant(Value::Bool(false))));
    let mut run = Case::new(vec![skipped, lookup("order", path("steps.known"))]);
    assert_eq!(run.failed_with(), "absent");
    run.replay(From::Failed, &[], None);
    assert_eq!(run.failed_with(), "absent");
}

#[test]
fn the_first_case_that_holds_is_taken_and_its_steps_stay_readable() {
    let yes = equals(path("event.id"), constant(text("CAP-1")));
    let no = equals(path("event.id"), constant(text("CAP-2")));
    let cases = vec![
        case(Some(no), vec![stop("never")], None),
        case(Some(yes), vec![lookup("inner", path("event.id"))], Some(path("steps.inner"))),
    ];
    let otherwise = case(None, vec![stop("neither")], None);
    let mut run = Case::new(vec![
        step("account", NodeKind::Branch { cases, otherwise }),
        lookup("after", path("steps.account")),
        lookup("inside", path("steps.inner")),
    ]);
    run.done("inner", text("US-1"));
    assert!(
        matches!(&run.sent[1].1.params[0].1, crate::engine::connector::Parameter::Value(value) if *value == text("US-1"))
    );
    run.restart(None);
    run.done("after", text("x"));
    run.done("inside", text("x"));
    assert_eq!(run.end, Some(End::Succeeded));
}

#[test]
fn iterations_are_named_by_key_and_run_some_at_a_time() {
    let items = vec![item("a/b"), item(2_i64), item("c")];
    let mut run =
        Case::new(vec![for_each(vec![lookup("line", path("item.k"))], items, 2), lookup("after", constant(text("x")))]);
    assert_eq!(run.names(), ["lines/a%2Fb/line", "lines/2/line"]);
    run.done("lines/2/line", text("two"));
    assert_eq!(run.names()[2], "lines/c/line");
    run.done("lines/c/line", text("three"));
    run.done("lines/a%2Fb/line", text("one"));
    let result = run.run.own_steps(&NodePath::root());
    let line = |value: &str| fields(&[("line", text(value))]);
    assert_eq!(*result.get("lines"), list(&[line("one"), line("two"), line("three")]));
    assert_eq!(run.names()[3], "after");
}

#[test]
fn two_items_with_one_key_fail_before_the_first() {
    for items in [vec![item("1"), item(1_i64)], vec![item("1"), item(" ")], vec![item("1"), item(Value::Null)]] {
        let run = Case::new(vec![for_each(vec![lookup("line", path("item.k"))], items, 1)]);
        assert_eq!(run.failed_with(), "iteration_key");
        assert!(run.sent.is_empty());
    }
}

#[test]
fn when_an_item_fails_running_ones_finish_and_none_begins() {
    let items = vec![item("a"), item("b"), item("c")];
    let steps = || vec![lookup("first", path("item.k")), lookup("second", path("item.k"))];
    let mut run = Case::new(vec![for_each(steps(), items, 2)]);
    run.fail("lines/b/first", ErrorClass::Data, "bad");
    assert_eq!(run.end, None);
    run.restart(None);
    run.done("lines/a/first", text("x"));
    run.done("lines/a/second", text("x"));
    assert!(!run.names().contains(&"lines/c/first"));
    assert!(
        matches!(&run.end, Some(End::DeadLetter { step, .. }) if step.as_str() == "lines/b/first"),
        "{:?}",
        run.end
    );
    run.replay(From::Failed, &[], None);
    assert_eq!(run.names()[run.sent.len() - 2..], ["lines/b/first", "lines/c/first"]);
}

#[test]
fn a_blank_key_is_an_error_unless_the_step_says_otherwise() {
    let run = Case::new(vec![lookup("order", path("event.blank"))]);
    assert_eq!(run.failed_with(), "blank_key");
    let mut tolerant = lookup("order", path("event.blank"));
    if let NodeKind::Lookup(operation) = &mut tolerant.kind {
        operation.blank_is_missing = true;
    }
    assert_eq!(Case::new(vec![tolerant]).end, Some(End::Succeeded));
    // One written in the source is meant.
    assert_eq!(Case::new(vec![lookup("order", constant(text("")))]).names(), ["order"]);
    let key = record(vec![("company", constant(text(""))), ("id", path("event.blank"))]);
    let run = Case::new(vec![lookup("order", key)]);
    assert!(matches!(&run.end, Some(End::DeadLetter { error, .. }) if error.message.starts_with("`id` in `key`")));
}

#[test]
fn failures_that_pass_are_retried_within_the_budget() {
    let mut header = create("header", note("a"), repeat(RepeatBy::Header, 0));
    header.retry = Retry { budget: Duration::from_secs(10), jitter: 0.0, ..Retry::default() };
    let mut run = Case::new(vec![header]);
    run.fail("header", ErrorClass::Unavailable, "503");
    assert_eq!(run.due, Some(1));
    run.wait(1);
    let mut slow = StepError::new(ErrorClass::Throttled, "429", "slow down");
    slow.retry_after = Some(Duration::from_secs(7));
    run.answer("header", Outcome::Failed(slow));
    assert_eq!(run.due, Some(8), "Retry-After is later than the back-off");
    run.wait(3);
    assert_eq!(run.sent.len(), 2, "not before it is due");
    run.wait(4);
    run.fail("header", ErrorClass::Unavailable, "503");
    assert_eq!(run.failed_with(), "503", "8 s + 4 s lies past the budget of 10 s");
    assert_eq!((run.key(0), run.key(1)), (run.key(1), run.key(2)));
}

#[test]
fn errors_of_the_data_are_not_retried_and_open_nothing() {
    let mut run = Case::new(vec![create("header", note("a"), repeat(RepeatBy::None, 0))]);
    run.fail("header", ErrorClass::Data, "bad");
    assert_eq!(run.failed_with(), "bad");
}

#[test]
fn a_refused_request_that_is_mended_has_a_new_generation() {
    let steps = |text| vec![create("header", note(text), repeat(RepeatBy::Header, 0))];
    let mut run = Case::new(steps("a"));
    run.fail("header", ErrorClass::Data, "bad");
    run.replay(From::Failed, &[], Some(steps("a")));
    run.fail("header", ErrorClass::Data, "bad");
    run.replay(From::Failed, &[], Some(steps("b")));
    assert_eq!(run.key(0), run.key(1), "the same request keeps its key");
    assert_ne!(run.key(0), run.key(2));
}

#[test]
fn an_open_request_is_repeated_as_it_was_whatever_the_mapping_says_now() {
    let steps = |text| {
        let mut header = create("header", note(text), repeat(RepeatBy::Header, 0));
        header.retry.budget = Duration::ZERO;
        vec![header]
    };
    let mut run = Case::new(steps("a"));
    run.fail("header", ErrorClass::Timeout, "timeout");
    assert_eq!(run.failed_with(), "timeout");
    run.replay(From::Failed, &[], Some(steps("b")));
    assert_eq!(run.key(0), run.key(1));
    assert_eq!(run.sent[0].1.body, run.sent[1].1.body);
}

#[test]
fn beyond_the_providers_memory_a_key_is_looked_for_first() {
    let remembers = |look| {
        let mut rule = repeat(RepeatBy::Header, 0);
        (rule.remembers, rule.look) = (Some(Duration::from_secs(100)), look);
        let mut header = create("header", note("a"), rule);
        header.retry =
            Retry { initial: Duration::from_secs(60), max: Duration::from_secs(60), jitter: 0.0, ..Retry::default() };
        header.timeout = Some(Duration::from_secs(10));
        Case::new(vec![header])
    };
    let mut run = remembers(true);
    run.fail("header", ErrorClass::Unavailable, "503");
    run.wait(60);
    assert_eq!((run.sent.len(), run.looks.len()), (2, 0), "100 s less a call of 10 s are not over");
    run.fail("header", ErrorClass::Unavailable, "503");
    run.wait(60);
    assert_eq!((run.sent.len(), run.looks.len()), (2, 1));
    run.looked("header", &[]);
    assert_eq!(run.sent.len(), 2 + 1);
    let mut run = remembers(false);
    run.fail("header", ErrorClass::Unavailable, "503");
    run.wait(95);
    assert_eq!(run.failed_with(), OUTCOME_UNKNOWN);
}

#[test]
fn an_error_that_undoes_the_work_opens_nothing() {
    let mut run = Case::new(vec![create("header", note("a"), repeat(RepeatBy::None, 0))]);
    let mut error = StepError::new(ErrorClass::Unavailable, "connect", "no connection");
    error.sent = Sent::Undone;
    run.answer("header", Outcome::Failed(error));
    run.wait(1);
    assert_eq!(run.sent.len(), 2);
}

#[test]
fn where_nothing_can_tell_a_person_decides() {
    let steps =
        || vec![create("header", note("a"), repeat(RepeatBy::None, 0)), lookup("after", path("steps.header.id"))];
    let unknown = || {
        let mut graph = graph(steps());
        graph.on_failure = vec![lookup("tell", path("error.code"))];
        let mut run = Case::of(graph);
        run.fail("header", ErrorClass::Timeout, "timeout");
        assert_eq!(run.names(), ["header", "on_failure/1/tell"]);
        run.done("on_failure/1/tell", text("x"));
        assert!(matches!(run.end, Some(End::OutcomeUnknown { .. })));
        run
    };
    let decide = |run: &mut Case, verdict| {
        run.run = rebuild(&run.graph, &run.journal);
        let (actor, reason) = ("anna".into(), "seen".into());
        run.step(Command::Decide { node: NodePath::new("header"), verdict, row_key: None, actor, reason });
        run.restart(None);
    };
    let mut run = unknown();
    decide(&mut run, Verdict::Done(fields(&[("id", text("SO-1"))])));
    assert_eq!(run.names()[2], "after");
    let mut run = unknown();
    decide(&mut run, Verdict::NotDone);
    assert_eq!(run.names()[2], "header");
    assert_eq!(run.key(0), run.key(2));
    let mut run = unknown();
    decide(&mut run, Verdict::Stop);
    assert_eq!(run.end, Some(End::Stopped { reason: "seen".into(), release: false }));
}

#[test]
fn a_crash_leaves_open_what_was_under_way() {
    let mut run = Case::new(vec![create("header", note("a"), repeat(RepeatBy::FindBy, 30))]);
    run.now = 100;
    run.restart(None);
    assert_eq!(run.due, Some(130), "the settle time counts from the restart");
    run.wait(30);
    assert_eq!(run.looks, ["header"]);
    run.looked("header", &[fields(&[("number", text("SO-1"))])]);
    run.claimed("header", None);
    assert_eq!(run.end, Some(End::Succeeded));
    assert_eq!(run.sent.len(), 1);
}

#[test]
fn a_row_found_is_adopted_only_when_it_is_ours() {
    let lost = |by| {
        let mut run = Case::new(vec![create("header", note("a"), repeat(by, 0))]);
        run.fail("header", ErrorClass::Timeout, "timeout");
        assert_eq!(run.looks, ["header"]);
        run
    };
    let row = |note| fields(&[("ref", text("CAP-1")), ("note", text(note)), ("added", text("by the server"))]);
    let mut run = lost(RepeatBy::Key);
    run.looked("header", &[row("a")]);
    run.claimed("header", None);
    assert_eq!(run.end, Some(End::Succeeded));
    let mut run = lost(RepeatBy::Key);
    run.looked("header", &[row("b")]);
    assert_eq!(run.failed_with(), "key_taken");
    let mut run = lost(RepeatBy::FindBy);
    run.looked("header", &[row("a"), row("a")]);
    assert_eq!(run.failed_with(), "not_unique");
    let mut run = lost(RepeatBy::FindBy);
    run.looked("header", &[row("a")]);
    run.claimed("header", Some("another"));
    assert_eq!(run.failed_with(), "key_taken");
}

#[test]
fn a_code_that_says_done_is_looked_for() {
    let conflict = |is| {
        let mut run = Case::new(vec![create("header", note("a"), repeat(RepeatBy::Key, 30))]);
        let mut error = StepError::data("ALREADY_DONE", "it exists");
        error.is = Some(is);
        run.answer("header", Outcome::Failed(error));
        assert_eq!(run.looks, ["header"], "at once");
        run
    };
    let mut run = conflict(Is::MaybeDone);
    run.looked("header", &[fields(&[("note", text("other"))])]);
    assert_eq!(run.failed_with(), "key_taken");
    let mut run = conflict(Is::Done);
    run.looked("header", &[]);
    assert_eq!(run.failed_with(), "ALREADY_DONE");
}

#[test]
fn errors_are_handled_by_the_first_entry_that_holds() {
    let handled = |then| {
        let mut header = create("header", note("a"), repeat(RepeatBy::Header, 0));
        let when = |code| slot(equals(path("error.code"), constant(text(code))));
        header.on_error = vec![
            ErrorCase { when: when("other"), steps: vec![stop("never")], then: Then::Fail },
            ErrorCase { when: when("bad"), steps: vec![lookup("held", path("error.step"))], then },
        ];
        let mut run = Case::new(vec![header, lookup("after", path("steps.header"))]);
        run.fail("header", ErrorClass::Data, "bad");
        assert_eq!(run.names(), ["header", "held"]);
        run.restart(None);
        run.done("held", text("x"));
        run
    };
    assert_eq!(handled(Then::Fail).failed_with(), "bad");
    assert!(matches!(handled(Then::Stop).end, Some(End::Stopped { .. })));
    let run = handled(Then::Continue { result: Some(slot(constant(text("instead")))) });
    assert_eq!(*run.names().last().unwrap(), "after");
}

#[test]
fn on_failure_runs_anew_each_time() {
    let mut graph = graph(vec![lookup("order", path("event.id"))]);
    graph.on_failure = vec![create("tell", note("a"), repeat(RepeatBy::Header, 0))];
    let mut run = Case::of(graph);
    run.fail("order", ErrorClass::Data, "bad");
    run.fail("on_failure/1/tell", ErrorClass::Data, "worse");
    assert_eq!(run.failed_with(), "bad", "its own failure changes nothing");
    run.replay(From::Failed, &[], None);
    run.fail("order", ErrorClass::Data, "bad");
    assert_eq!(*run.names().last().unwrap(), "on_failure/2/tell");
    assert_ne!(run.key(1), run.key(3));
}

#[test]
fn a_replay_keeps_what_was_written_and_reads_again() {
    let steps = || {
        vec![
            lookup("order", path("event.id")),
            create("header", note("a"), repeat(RepeatBy::Header, 0)),
            lookup("after", path("steps.header")),
        ]
    };
    let mut run = Case::new(steps());
    run.done("order", text("x"));
    run.done("header", text("SO-1"));
    run.fail("after", ErrorClass::Data, "bad");
    run.replay(From::Start, &[], None);
    run.done("order", text("y"));
    assert_eq!(run.names(), ["order", "header", "after", "order", "after"]);
    run.fail("after", ErrorClass::Data, "bad");
    run.replay(From::Failed, &["header"], None);
    assert_eq!(*run.names().last().unwrap(), "header");
    assert_ne!(run.key(1), run.key(5), "done once more is a new generation");
    run.done("header", text("SO-2"));
    run.fail("after", ErrorClass::Data, "bad");
    run.replay(From::Failed, &[], Some(vec![lookup("order", path("event.id"))]));
    assert!(run.refused.unwrap().contains("header"), "a done write needs its step");
}

#[test]
fn a_run_that_is_ended_by_a_person_lets_what_is_under_way_finish() {
    let mut run =
        Case::new(vec![create("header", note("a"), repeat(RepeatBy::Header, 0)), lookup("after", path("event.id"))]);
    run.step(Command::Cancel { actor: "anna".into(), reason: "wrong customer".into() });
    assert_eq!(run.end, None);
    run.done("header", text("x"));
    assert_eq!(run.end, Some(End::Stopped { reason: "wrong customer".into(), release: false }));
    assert_eq!(run.sent.len(), 1);
}

#[test]
fn what_a_circuit_holds_back_is_no_attempt() {
    let mut run = Case::new(vec![create("header", note("a"), repeat(RepeatBy::None, 0))]);
    let error = StepError::new(ErrorClass::Unavailable, "circuit", "open");
    run.answer("header", Outcome::Held { until: at(50), error });
    assert_eq!(run.due, Some(50));
    run.restart(None);
    run.wait(50);
    run.fail("header", ErrorClass::Throttled, "429");
    assert_eq!(run.due, Some(51), "the back-off begins with its first step");
}
