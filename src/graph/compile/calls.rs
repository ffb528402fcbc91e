//! Flows that call flows: what a flow takes and gives as others see it, the order in which flows are compiled, and the
//! step that calls.
//!
//! A flow that waits for another is compiled in a later stage, so that the type of its result is known. Flows that would
//! wait for each other in a circle are an error.

use super::{Compiler, Work, text};
use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use crate::graph::{Operation, Param, RUN_FLOW, Repeat, RepeatBy};
use crate::language::types::{Facts, Field, RecordType, Type};
use crate::model::flow::{self, Call, Flow, FlowTrigger, Step, TriggerSource, Verb};
use crate::model::read::Spanned;
use crate::model::slot::Expr;
use crate::model::values::Word;
use crate::value::{Text, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The project's flows by name.
pub type Signatures = BTreeMap<String, Signature>;

/// A flow as others can call it.
#[derive(Clone, Debug)]
pub enum Signature {
    /// Its file cannot be read.
    Broken,
    /// It is started by something else.
    Other,
    /// `params`: `None` where they have an error. `gives`: the type of its `result`, where it has one.
    Callable { params: Option<Type>, gives: Option<Type> },
}

/// How a called run can have ended for its caller to go on.
const ENDS: [&str; 6] = ["succeeded", "stopped", "skipped", "ignored", "duplicate", "superseded"];

/// A step that calls a flow, as it is written.
struct Written {
    flow: String,
    waits: bool,
    span: Span,
}

impl Compiler<'_> {
    /// The flow as others see it, before it is compiled: what it gives is not known yet.
    pub fn signature(&self, path: &str, flow: &Flow) -> Signature {
        let TriggerSource::Flow(trigger) = &flow.trigger.source else { return Signature::Other };
        let mut work = Work::new(self);
        work.uses = work.resolve_uses(path, flow);
        Signature::Callable { params: work.params(trigger), gives: None }
    }
}

/// The names of all flows that a flow calls, directly or through others, itself not among them.
pub fn reached<'f>(flow: &Flow, all: &BTreeMap<&'f str, &'f Flow>) -> BTreeSet<&'f str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<String> = written(flow).into_iter().map(|call| call.flow).collect();
    while let Some(name) = next.pop() {
        let Some((name, called)) = all.get_key_value(name.as_str()) else { continue };
        if **name != **flow.flow && reached.insert(*name) {
            next.extend(written(called).into_iter().map(|call| call.flow));
        }
    }
    reached
}

/// The places of `flows` in stages: those of one do not depend on each other, and each stands in a later stage than those
/// that it waits for. And what is said about circles.
pub fn stages(flows: &[&Flow]) -> (Vec<Vec<usize>>, Vec<Diagnostic>) {
    let places = flows.iter().enumerate().map(|(n, flow)| (flow.flow.to_string(), n)).collect();
    let calls = flows.iter().map(|flow| written(flow)).collect();
    let mut search =
        Search { places, calls, flows, state: vec![State::New; flows.len()], path: vec![], findings: vec![] };
    let mut stages = vec![];
    for n in 0..flows.len() {
        let stage = search.visit(n);
        if stages.len() <= stage {
            stages.resize(stage + 1, vec![]);
        }
        stages[stage].push(n);
    }
    (stages, search.findings)
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    /// In that stage.
    Done(usize),
}

struct Search<'f> {
    places: BTreeMap<String, usize>,
    calls: Vec<Vec<Written>>,
    flows: &'f [&'f Flow],
    state: Vec<State>,
    /// From the first flow to the one in hand.
    path: Vec<usize>,
    findings: Vec<Diagnostic>,
}

impl Search<'_> {
    /// The stage of a flow.
    fn visit(&mut self, n: usize) -> usize {
        if let State::Done(stage) = self.state[n] {
            return stage;
        }
        self.state[n] = State::Open;
        self.path.push(n);
        let waits = self.calls[n].iter().filter(|call| call.waits);
        let waits: Vec<(usize, Span)> =
            waits.filter_map(|call| Some((*self.places.get(&call.flow)?, call.span))).collect();
        let mut stage = 0;
        for (called, span) in waits {
            match self.state[called] {
                State::Open => self.circle(called, span),
                _ => stage = stage.max(self.visit(called) + 1),
            }
        }
        self.path.pop();
        self.state[n] = State::Done(stage);
        stage
    }

    fn circle(&mut self, called: usize, span: Span) {
        let name = |n: &usize| self.flows[*n].flow.to_string();
        let from = self.path.iter().position(|n| *n == called).unwrap_or_default();
        let mut names: Vec<String> = self.path[from..].iter().map(name).collect();
        names.push(name(&called));
        let message = format!("these flows wait for each other: {}", names.join(" → "));
        let finding = Diagnostic::error(Code::F0461, message, span);
        self.findings.push(finding.help("none of them would ever end: call without `wait: true`"));
    }
}

fn written(flow: &Flow) -> Vec<Written> {
    let mut calls = vec![];
    walk(&flow.steps, &mut calls);
    walk(&flow.on_failure, &mut calls);
    calls
}

fn walk(steps: &[Step], calls: &mut Vec<Written>) {
    for step in steps {
        match &step.verb {
            Verb::Call(call) if call.operation.as_str() == RUN_FLOW => {
                let word = |key: &str| call.params.get(key).and_then(|node| node.scalar());
                if let (Some(node), Some(flow)) = (call.params.get("flow"), word("flow")) {
                    let waits = word("wait").is_some_and(|wait| &*wait.text == "true");
                    calls.push(Written { flow: flow.text.to_string(), waits, span: node.span });
                }
            }
            Verb::Branch(branch) => {
                branch.cases.iter().for_each(|case| walk(&case.steps, calls));
                walk(&branch.otherwise.steps, calls);
            }
            Verb::ForEach(each) => walk(&each.steps, calls),
            Verb::Parallel(parallel) => parallel.lists.iter().for_each(|list| walk(list, calls)),
            _ => {}
        }
        step.on_error.iter().for_each(|case: &flow::ErrorCase| walk(&case.steps, calls));
    }
}

impl Work<'_> {
    /// The record of a `flow` trigger's params. `None`: one of them has an error.
    pub(super) fn params(&mut self, trigger: &FlowTrigger) -> Option<Type> {
        let mut fields = vec![];
        for (name, written) in trigger.params.iter() {
            let scope = super::scope::Scope::default();
            let (ty, mut findings) = self.slot_scope(&[], &scope).written_type(&written.text);
            self.findings.append(&mut findings);
            fields.push(ty.map(|ty| (Text::from(&*name.text), Field::plain(ty))));
        }
        let fields: Option<Vec<_>> = fields.into_iter().collect();
        Some(Type::record(RecordType { name: None, fields: fields?.into_iter().collect() }))
    }

    /// A step that calls another flow.
    pub(super) fn run_flow(&mut self, call: &Call, scope: &super::scope::Scope) -> Option<Operation> {
        let (_, operation) = self.compiler.catalog.operation(RUN_FLOW)?;
        let before = self.findings.len();
        let needless = call.connection.as_ref().map(|connection| connection.span());
        if let Some(span) = needless {
            let finding = Diagnostic::error(Code::F0463, "`flow.run` has no connection", span);
            self.say(finding.help("the called flow says itself which connections it uses"));
        }
        for (key, _) in call.params.entries.iter().filter(|(key, _)| operation.param(&key.text).is_none()) {
            self.unknown_param(operation, key);
        }
        let seen = call.params.entries.iter().map(|(key, _)| key.text.to_string()).collect();
        self.missing_params(operation, &call.params, &seen, call.operation.span);
        let name: Spanned<Word> = self.read(call.params.get("flow")?)?;
        let (params, gives) = self.callable(&name)?;
        let with = match call.params.get("with") {
            Some(node) => Some(self.read::<Expr>(node)?),
            None => None,
        };
        let with = match with {
            Some(expr) => Some(self.with(&expr, params.as_ref(), scope)?),
            None => {
                self.without(params.as_ref(), call.operation.span);
                None
            }
        };
        let waits = match (call.params.get("wait"), operation.params.get("wait")) {
            (Some(node), Some(declared)) => self.literal_param(declared, node)? == Value::Bool(true),
            _ => false,
        };
        if self.findings[before..].iter().any(|f| f.severity == crate::diagnostics::Severity::Error) {
            return None;
        }
        let mut bound = vec![(text("flow"), Param::Literal(Value::Text(text(&name))))];
        bound.extend(with.map(|slot| (text("with"), Param::Slot(slot))));
        bound.push((text("wait"), Param::Literal(Value::Bool(waits))));
        Some(Operation {
            name: text(RUN_FLOW),
            connection: text(""),
            writes: true,
            entity: None,
            params: bound,
            body: None,
            result: called_type(waits, gives),
            repeat: Repeat {
                by: RepeatBy::Header,
                settle: Duration::ZERO,
                remembers: None,
                look: false,
                reason: "the called run is known by this step's key: a repeat finds it there".into(),
            },
            missing_continues: false,
            blank_is_missing: false,
            cache: None,
            one_at_a_time: None,
        })
    }

    /// What a flow that can be called takes and gives.
    fn callable(&mut self, name: &Spanned<Word>) -> Option<(Option<Type>, Option<Type>)> {
        let flows = self.compiler.flows;
        match flows.get(name.as_str()) {
            Some(Signature::Callable { params, gives }) => return Some((params.clone(), gives.clone())),
            Some(Signature::Broken) => {
                let message = format!("the file of the flow `{}` has errors", name.value.0);
                self.say(Diagnostic::error(Code::F0460, message, name.span));
            }
            Some(Signature::Other) => {
                let message = format!("the flow `{}` is not called by flows: its trigger is another", name.value.0);
                let help = "let a flow with `trigger: { flow: { params: … } }` do what both need";
                self.say(Diagnostic::error(Code::F0460, message, name.span).help(help));
            }
            None => {
                let callable = |(name, flow): (&'_ String, &'_ Signature)| {
                    matches!(flow, Signature::Callable { .. }).then(|| name.clone())
                };
                let known: Vec<String> = flows.iter().filter_map(callable).collect();
                let finding = Diagnostic::error(Code::F0460, format!("there is no flow `{}`", name.value.0), name.span);
                self.say(match did_you_mean(name, known.iter().map(String::as_str)) {
                    Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(name.span, meant),
                    None => finding.help(format!("flows that can be called: {}", super::params::list(known.iter()))),
                });
            }
        }
        None
    }

    fn with(&mut self, expr: &Expr, params: Option<&Type>, scope: &super::scope::Scope) -> Option<crate::graph::Slot> {
        let (slot, _) = self.slot(expr, scope, params)?;
        let (Some(got), Some(want)) = (slot.expression.result().fields(), params.and_then(Type::fields)) else {
            return Some(slot);
        };
        let unknown: Vec<Text> = got.fields.keys().filter(|name| !want.fields.contains_key(*name)).cloned().collect();
        for name in unknown {
            let finding = Diagnostic::error(Code::F0462, format!("the called flow takes no `{name}`"), expr.span);
            self.say(match did_you_mean(&name, want.fields.keys().map(Text::as_str)) {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                None => finding.help(format!("it takes {}", params.map(Type::to_string).unwrap_or_default())),
            });
        }
        Some(slot)
    }

    /// Nothing is given: nothing may be needed.
    fn without(&mut self, params: Option<&Type>, span: Span) {
        let needed = params.and_then(Type::fields).into_iter().flat_map(|record| &record.fields);
        let needed: Vec<&str> = needed.filter(|(_, field)| !field.ty.missing).map(|(name, _)| name.as_str()).collect();
        if !needed.is_empty() {
            let message = format!("the called flow has to be given: {}", needed.join(", "));
            self.say(Diagnostic::error(Code::F0462, message, span).help("write them as a record below `with:`"));
        }
    }
}

/// `{ run }`, or `{ run, state, result }` of one that is waited for.
fn called_type(waits: bool, gives: Option<Type>) -> Type {
    let mut fields = vec![("run", Type::text())];
    if waits {
        let options = ENDS.iter().map(|state| (Text::from(*state), None)).collect();
        let facts = Facts { options, closed: true, ..Facts::default() };
        fields.push(("state", Type { facts: Some(Arc::new(facts)), ..Type::text() }));
        fields.extend(gives.map(|ty| ("result", ty.or_missing())));
    }
    Type::record(RecordType::shape(fields))
}
