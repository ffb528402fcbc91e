//! What of a project its tests would miss if it were not there.
//!
//! That something ran says little. So each step, case, `on_error` entry, row, arm, side of `??` and `catch`, and
//! assignment is taken away for a moment, and the cases that came past it run once more: it counts only when one of
//! them fails. A value is also replaced by another of its kind; that the flow itself then ends in an error is no
//! expectation's doing, and counts only when nothing else could stand there.

use super::{Rehearsal, Verdict};
use crate::diagnostics::{FileId, Span};
use crate::graph::project::{Compilation, Flow};
use crate::graph::{ExecutionGraph, Member, Node, NodeKind, Operation, Param, Slot, Then, Wait};
use crate::language::Expression;
use crate::language::code::{Code, Op, Program, Routine};
use crate::language::evaluate::{Role, Unit, Watch, units};
use crate::language::types::{Kind, Type};
use crate::model::TestSource;
use crate::model::test::Case;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many of the cases that come past a unit are asked.
const MOST_CASES: usize = 50;

/// What was found out of each part.
pub struct Coverage {
    /// By file and place.
    pub parts: Vec<Part>,
}

/// Something that a test may notice.
pub struct Part {
    pub span: Span,
    /// In a word or two: "step `header`", "arm".
    pub what: String,
    pub found: Found,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Some case fails without it.
    Noticed,
    /// Cases come past it, and none fails without it.
    Unnoticed,
    /// No case comes past it.
    NotReached,
    /// The time was over.
    NotTried,
}

impl Rehearsal<'_> {
    /// Runs the cases of these files one after the other, and again without what they came past. Only cases that pass
    /// can notice anything. What cannot be tried within `time` is said to be so.
    pub fn coverage(&self, sources: &[&TestSource], time: Duration) -> (Vec<Vec<Verdict>>, Coverage) {
        let end = Instant::now() + time;
        let Some(watch) = &self.watch else { return (self.files(sources), Coverage { parts: vec![] }) };
        let (mut verdicts, mut passed) = (vec![], vec![]);
        for source in sources {
            let mut of_file = vec![];
            for case in &source.tests.cases {
                watch.turn(None);
                let verdict = self.verdict(source, case);
                let taken = watch.turn(None);
                if verdict.passed() {
                    passed.push((*source, case, taken));
                }
                of_file.push(verdict);
            }
            if of_file.is_empty() {
                of_file.push(super::no_cases(source));
            }
            verdicts.push(of_file);
        }
        let tested: HashSet<&str> = sources.iter().map(|source| source.tests.flow.as_str()).collect();
        let parts = parts(self.compilation, &tested).into_iter().map(|((span, role), what)| {
            let unit = Unit { span, role };
            let found = match Instant::now() < end {
                true => self.found(unit, watch, &passed),
                false => Found::NotTried,
            };
            Part { span, what, found }
        });
        let parts = parts.collect();
        watch.turn(None);
        (verdicts, Coverage { parts })
    }

    fn found(&self, unit: Unit, watch: &Watch, cases: &[(&TestSource, &Case, HashSet<Unit>)]) -> Found {
        let mut found = Found::NotReached;
        for (source, case, _) in cases.iter().filter(|(.., taken)| taken.contains(&unit)).take(MOST_CASES) {
            found = Found::Unnoticed;
            let mut ended_otherwise = true;
            for instead in unit.role.instead() {
                watch.turn(Some((unit, *instead)));
                let verdict = self.verdict(source, case);
                if !verdict.passed() && !verdict.ended_otherwise {
                    return Found::Noticed;
                }
                ended_otherwise &= verdict.ended_otherwise;
            }
            if ended_otherwise {
                return Found::Noticed;
            }
        }
        found
    }
}

/// Lets `watch` hear of everything that is evaluated of a compilation, and of every step that begins.
pub(super) fn prepare(compilation: &mut Compilation, watch: &Arc<Watch>) {
    let program = compilation.library.program.clone();
    let _ = program.watch.set(watch.clone());
    for flow in &mut compilation.flows {
        if let Some(graph) = flow.graph.as_mut().and_then(Arc::get_mut) {
            let mut always = |node: &mut Node| {
                node.when.get_or_insert_with(|| always(node.span, program.clone()));
            };
            each(&mut graph.steps, &mut always);
            each(&mut graph.on_failure, &mut always);
        }
    }
}

/// A condition that always holds, at the place of a step without one.
fn always(span: Span, program: Arc<Program>) -> Slot {
    let routine = Routine {
        name: "when".into(),
        params: vec![],
        slots: 0,
        result: Type::new(Kind::Bool),
        code: Code::new(Op::Const(Value::Bool(true)), span),
        span,
    };
    Slot { expression: Expression { program, routine: Arc::new(routine) }, inputs: Arc::new([]), span }
}

fn each(nodes: &mut [Node], visit: &mut dyn FnMut(&mut Node)) {
    for node in nodes {
        visit(node);
        match &mut node.kind {
            NodeKind::Branch { cases, otherwise } => {
                cases.iter_mut().chain([otherwise]).for_each(|case| each(&mut case.steps, visit));
            }
            NodeKind::ForEach(one) => each(&mut one.steps, visit),
            NodeKind::Parallel(lists) => lists.iter_mut().for_each(|list| each(list, visit)),
            _ => {}
        }
        node.on_error.iter_mut().for_each(|entry| each(&mut entry.steps, visit));
    }
}

/// Every part of the flows that are tested and of the mappings and tables that they use, by place.
fn parts(compilation: &Compilation, tested: &HashSet<&str>) -> BTreeMap<(Span, Role), String> {
    let flows: Vec<&Flow> = compilation.flows.iter().filter(|flow| tested.contains(flow.name.as_str())).collect();
    let used: BTreeSet<&str> = flows.iter().flat_map(|flow| &flow.revision).map(|(name, _)| name.as_str()).collect();
    let is_used = |file: FileId| {
        let path = compilation.sources.get(file).path;
        !path.starts_with("std:") && used.contains(&*path)
    };
    let mut parts = Parts::default();
    for graph in flows.iter().filter_map(|flow| flow.graph.as_ref()) {
        parts.graph(graph);
    }
    let program = &compilation.library.program;
    for routine in program.routines.iter().filter(|routine| is_used(routine.span.file)) {
        parts.code(&routine.code);
    }
    for table in program.tables.iter().filter(|table| is_used(table.span.file)) {
        for row in table.rows.iter() {
            parts.add(row.span, Role::Row, format!("row of `{}`", table.name));
        }
        if table.otherwise.is_some() {
            parts.add(table.span, Role::Row, format!("`else` of `{}`", table.name));
        }
    }
    parts.0
}

#[derive(Default)]
struct Parts(BTreeMap<(Span, Role), String>);

impl Parts {
    fn add(&mut self, span: Span, role: Role, what: String) {
        self.0.entry((span, role)).or_insert(what);
    }

    fn condition(&mut self, slot: &Slot, what: String) {
        self.add(slot.expression.routine.code.span, Role::Condition, what);
    }

    fn code(&mut self, code: &Code) {
        let mut found = vec![];
        units(code, &mut found);
        for unit in found {
            let what = match unit.role {
                Role::Condition => "condition",
                Role::Whole => "result",
                Role::Arm => "arm",
                Role::Present => "left of `??`",
                Role::Good => "left of `catch`",
                Role::Otherwise => "right of `??` or `catch`",
                Role::Field => "field",
                Role::Row => "row",
            };
            self.add(unit.span, unit.role, what.into());
        }
    }

    fn slot(&mut self, slot: &Slot) {
        self.code(&slot.expression.routine.code);
    }

    fn graph(&mut self, graph: &ExecutionGraph) {
        let trigger = &graph.trigger;
        let at_the_door = [&trigger.when, &trigger.dedupe, &trigger.order_by, &trigger.sequence, &graph.result];
        at_the_door.into_iter().flatten().for_each(|slot| self.slot(slot));
        graph.walk(&mut |node| self.node(node));
    }

    fn node(&mut self, node: &Node) {
        if let Some(when) = &node.when {
            self.condition(when, format!("step `{}`", node.id));
            self.slot(when);
        }
        match &node.kind {
            NodeKind::Transform(slot) => self.slot(slot),
            NodeKind::Lookup(operation) | NodeKind::Call(operation) => self.operation(operation),
            NodeKind::Branch { cases, otherwise } => {
                for case in cases.iter().chain([otherwise]) {
                    case.when.iter().for_each(|when| self.condition(when, format!("case of `{}`", node.id)));
                    case.when.iter().chain(&case.result).for_each(|slot| self.slot(slot));
                    if let Some(result) = &case.result {
                        let span = result.expression.routine.code.span;
                        self.add(span, Role::Whole, format!("result of `{}`", node.id));
                    }
                }
            }
            NodeKind::ForEach(each) => {
                [&each.items, &each.key].into_iter().chain(&each.result).for_each(|slot| self.slot(slot));
            }
            NodeKind::Wait(Wait::Until(slot)) => self.slot(slot),
            NodeKind::Wait(Wait::Row(poll)) => {
                self.operation(&poll.operation);
                self.slot(&poll.until);
            }
            NodeKind::Approve(approve) => {
                let items = approve.items.iter().flat_map(|(items, key)| [items, key]);
                [&approve.title].into_iter().chain(&approve.detail).chain(items).for_each(|slot| self.slot(slot));
            }
            NodeKind::Alert { title, detail, .. } => [title].into_iter().chain(detail).for_each(|slot| self.slot(slot)),
            NodeKind::Fail { message: slot, .. } | NodeKind::Stop { reason: slot, .. } => self.slot(slot),
            _ => {}
        }
        for entry in &node.on_error {
            self.condition(&entry.when, format!("`on_error` of `{}`", node.id));
            self.slot(&entry.when);
            if let Then::Continue { result: Some(result) } = &entry.then {
                self.slot(result);
            }
        }
    }

    fn operation(&mut self, operation: &Operation) {
        for (_, param) in &operation.params {
            match param {
                Param::Slot(slot) | Param::Key(slot) => self.slot(slot),
                Param::Writes(members) => members.iter().for_each(|member| self.member(member)),
                _ => {}
            }
        }
    }

    fn member(&mut self, member: &Member) {
        member.each.iter().for_each(|each| {
            self.slot(&each.items);
            self.slot(&each.key);
        });
        self.operation(&member.operation);
    }
}
