//! Graphs built by hand, so that the engine's tests need neither parser nor checker.

use crate::diagnostics::{FileId, Sources, Span};
use crate::graph::*;
use crate::language::Expression;
use crate::language::code::{Code, CompareOp, Op, Program, Routine, Statement, Step};
use crate::language::types::Type;
use crate::value::{Record, Text, Value};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn span() -> Span {
    Span::new(FileId(0), 0, 0)
}

pub(crate) fn code(op: Op) -> Code {
    Code::new(op, span())
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.into())
}

pub(crate) fn fields(fields: &[(&str, Value)]) -> Value {
    Value::Record(fields.iter().map(|(name, value)| (Text::from(*name), value.clone())).collect::<Record>())
}

pub(crate) fn list(items: &[Value]) -> Value {
    Value::from(items.to_vec())
}

/// The inputs of every slot here, in order.
pub(crate) const INPUTS: &[&str] = &["event", "trigger", "steps", "run", "item", "error", "row"];

pub(crate) fn constant(value: Value) -> Code {
    code(Op::Const(value))
}

/// `steps.header.number`, from one of [`INPUTS`].
pub(crate) fn path(text: &str) -> Code {
    let mut parts = text.split('.');
    let name = parts.next().unwrap();
    let base = code(Op::Local(INPUTS.iter().position(|known| *known == name).unwrap()));
    parts.fold(base, |base, name| {
        let step = Step::new(false, Type::any());
        code(Op::Field { base: Box::new(base), name: name.into(), step })
    })
}

pub(crate) fn equals(left: Code, right: Code) -> Code {
    code(Op::Compare { op: CompareOp::Equal, left: Box::new(left), right: Box::new(right) })
}

pub(crate) fn record(assigned: Vec<(&str, Code)>) -> Code {
    let assign = |(name, value)| Statement::Assign { path: vec![Text::from(name)], value, span: span() };
    code(Op::Record(assigned.into_iter().map(assign).collect()))
}

pub(crate) fn slot(code: Code) -> Slot {
    let params = INPUTS.iter().map(|name| (Text::from(*name), Type::any().or_missing())).collect();
    let routine = Routine { name: "slot".into(), params, slots: INPUTS.len(), result: Type::any(), code, span: span() };
    let expression = Expression { program: Arc::new(Program::default()), routine: Arc::new(routine) };
    Slot { expression, inputs: INPUTS.iter().map(|name| Text::from(*name)).collect(), span: span() }
}

pub(crate) fn step(id: &str, kind: NodeKind) -> Node {
    Node {
        id: id.into(),
        description: None,
        when: None,
        kind,
        together: false,
        reread: None,
        timeout: None,
        retry: Retry::default(),
        on_error: Vec::new(),
        result: Type::any(),
        span: span(),
    }
}

pub(crate) fn repeat(by: RepeatBy, settle: u64) -> Repeat {
    let look = matches!(by, RepeatBy::FindBy | RepeatBy::Key);
    Repeat { by, settle: Duration::from_secs(settle), remembers: None, look, reason: String::new() }
}

pub(crate) fn operation(name: &str, writes: bool, params: Vec<(&str, Param)>, repeat: Repeat) -> Operation {
    Operation {
        name: name.into(),
        connection: "d365".into(),
        writes,
        entity: writes.then(|| "Orders".into()),
        params: params.into_iter().map(|(name, param)| (name.into(), param)).collect(),
        body: None,
        result: Type::any(),
        repeat,
        missing_continues: false,
        blank_is_missing: false,
        cache: None,
        one_at_a_time: None,
    }
}

pub(crate) fn create(id: &str, body: Code, repeat: Repeat) -> Node {
    let mut params = vec![("body", Param::Slot(slot(body)))];
    if repeat.by == RepeatBy::FindBy {
        params.push(("find_by", Param::Columns(vec!["ref".into()])));
    }
    step(id, NodeKind::Call(Box::new(operation("finops.create", true, params, repeat))))
}

pub(crate) fn lookup(id: &str, key: Code) -> Node {
    let params = vec![("key", Param::Key(slot(key)))];
    step(id, NodeKind::Lookup(Box::new(operation("paypal.orders.get", false, params, repeat(RepeatBy::Read, 0)))))
}

pub(crate) fn graph(steps: Vec<Node>) -> ExecutionGraph {
    ExecutionGraph {
        flow: "test".into(),
        description: None,
        trigger: Trigger {
            kind: TriggerKind::Webhook {
                connection: "paypal".into(),
                events: vec![],
                columns: vec![],
                decoders: std::sync::Arc::from(vec![]),
                reconcile: None,
            },
            ignore_own: false,
            when: None,
            dedupe: None,
            order_by: None,
            sequence: None,
            span: span(),
        },
        steps,
        on_failure: Vec::new(),
        result: None,
        settings: fields(&[]),
        sources: Arc::new(Sources::default()),
    }
}
