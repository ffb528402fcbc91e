//! The kinds of steps that the worlds are walked with.

use super::*;

/// How long the server may go on working after we stopped waiting for it.
pub(super) const SETTLE: i64 = 60;
const APPROVE_WITHIN: u64 = 2000;

pub(super) fn impatient(mut node: Node) -> Node {
    node.retry = Retry {
        budget: Duration::from_secs(150),
        initial: Duration::from_secs(10),
        factor: 2.0,
        max: Duration::from_secs(40),
        jitter: 0.0,
    };
    node
}

/// A write of its own name, and why its repeat is safe.
pub(super) fn write(id: &str, by: RepeatBy, note: Code) -> Node {
    let settle = if by == RepeatBy::FindBy { SETTLE as u64 } else { 0 };
    impatient(create(id, record(vec![("ref", constant(text(id))), ("note", note)]), repeat(by, settle)))
}

pub(super) fn read(id: &str) -> Node {
    impatient(lookup(id, constant(text("K"))))
}

pub(super) fn both(lists: Vec<Vec<Node>>) -> Node {
    step("both", NodeKind::Parallel(lists))
}

pub(super) fn ask() -> Node {
    let (title, expires) = (slot(constant(text("Pay?"))), Some(Duration::from_secs(APPROVE_WITHIN)));
    step("approval", NodeKind::Approve(Box::new(Approve { title, detail: None, roles: vec![], expires, items: None })))
}

pub(super) fn pause() -> Node {
    step("pause", NodeKind::Wait(Wait::For(Duration::from_secs(100))))
}

pub(super) fn until_ready() -> Node {
    let operation =
        operation("finops.get", false, vec![("key", Param::Key(slot(constant(text("K")))))], repeat(RepeatBy::Read, 0));
    let until = slot(equals(path("row.ready"), constant(Value::Bool(true))));
    let (every, at_most) = (Duration::from_secs(100), Duration::from_secs(200));
    impatient(step("ready", NodeKind::Wait(Wait::Row(Box::new(Poll { operation, until, every, at_most })))))
}

/// A change of what `known` has read; the server refuses it once that is another.
pub(super) fn change() -> Node {
    let body = record(vec![("ref", constant(text("change"))), ("state", path("steps.known.state"))]);
    let mut change = impatient(create("change", body, repeat(RepeatBy::Header, 0)));
    change.reread = Some("known".into());
    change
}

pub(super) fn call() -> Node {
    let params = vec![("flow", Param::Literal(text("child"))), ("wait", Param::Literal(Value::Bool(true)))];
    let mut operation = operation(RUN_FLOW, true, params, repeat(RepeatBy::Header, 0));
    (operation.connection, operation.entity) = ("".into(), None);
    impatient(step("child", NodeKind::Call(Box::new(operation))))
}
