//! From what a recorder kept to an account: every field of the result with what it came from.
//!
//! What decides a value but is no part of it (conditions, what a `match` looks at) stands apart from what went into it.
//! Values here are those of the evaluation: nothing is masked.

use super::Step;
use super::recorder::{Entry, Found, Id, Kind, Part, Path, Planned, Recorder};
use crate::diagnostics::Span;
use crate::language::Expression;
use crate::language::evaluate::{Context, EvalError};
use crate::value::{Text, Value};
use std::collections::HashSet;

/// An evaluation with how it came about.
pub struct Account {
    pub result: Result<Value, EvalError>,
    /// In the order of the result; of an error those that were assigned before it.
    pub fields: Vec<Field>,
    /// Of an error: the field that was worked out, if any (of the whole otherwise), and what went into what failed.
    pub failed: Option<Field>,
    /// There was more than is kept: later parts are not explained.
    pub cut: bool,
}

/// A field of the result, or one that the mapping names and the result lacks.
pub struct Field {
    /// From the result; empty: the whole.
    pub path: Vec<Step>,
    /// Missing: left out.
    pub value: Value,
    /// The assignment, or the expression that gives the value.
    pub span: Span,
    /// The `if`s around the assignment, outermost first.
    pub conditions: Vec<Condition>,
    /// What went into the value, in the order in which it was worked out. Empty where the assignment was not reached.
    pub facts: Vec<Fact>,
}

/// An `if` around an assignment.
#[derive(Clone)]
pub struct Condition {
    pub span: Span,
    pub held: bool,
    /// Whether it had to hold for the assignment to be made.
    pub wanted: bool,
    /// What was compared, where it was a comparison.
    pub operands: Vec<Operand>,
    /// What it looked at: reads and rows.
    pub facts: Vec<Fact>,
}

/// One side of a comparison, constants apart.
#[derive(Clone)]
pub struct Operand {
    /// Where it is a part of an input.
    pub path: Option<String>,
    pub value: Value,
    pub span: Span,
}

/// A part of an input, or a setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// `order.purchase_units[0].amount`, `settings.zone`.
    pub path: String,
    /// Missing: nothing is there.
    pub value: Value,
    pub span: Span,
}

/// Something that went into a value.
#[derive(Clone)]
pub enum Fact {
    Read(Read),
    /// A table was asked.
    Row {
        table: Text,
        keys: Vec<Value>,
        /// `None`: no row fitted, and `else` failed.
        value: Option<Value>,
        /// Where the row stands; `None`: `else` decided.
        row: Option<Span>,
        span: Span,
    },
    /// A fn, mapping, script or built-in was called.
    Call {
        name: Text,
        kind: Callee,
        value: Option<Value>,
        span: Span,
    },
    /// One of several ways was taken.
    Choice(Choice),
    /// A `where` or `filter` kept elements of a list out.
    Dropped(Dropped),
}

/// Elements that a condition kept out of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Dropped {
    /// The condition.
    pub span: Span,
    /// Which of the list that it was asked of, as parts of an input where they are such: `order.items[0]`, else `[0]`.
    pub elements: Vec<String>,
    /// How many it was asked of.
    pub of: usize,
}

/// What was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// A fn or mapping, defined there.
    Routine(Span),
    Builtin,
    Script,
}

/// Which way was taken.
#[derive(Clone)]
pub struct Choice {
    pub way: Way,
    /// What decided: a condition, the arm's value, the left side of `??` and `catch`.
    pub span: Span,
    /// What was compared, where it was a comparison.
    pub operands: Vec<Operand>,
    /// What it looked at: reads and rows.
    pub facts: Vec<Fact>,
}

/// The ways.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    /// `if`: whether the condition held.
    If(bool),
    /// `match`: what was looked at (`None` where arms are conditions), and whether `else` was taken.
    Match(Option<Value>, bool),
    /// `??`: its right side.
    Coalesce,
    /// `catch`: its right side, with the error's message.
    Catch(Text),
}

/// Evaluates and tells how the result came about.
pub fn explain(expression: &Expression, inputs: &[Value], context: &Context<'_>) -> Account {
    let mut recorder = Recorder::new(&expression.routine, inputs);
    let result = expression.witness(inputs, context, &mut recorder);
    let (mut fields, mut failed) = (vec![], None);
    if let Err(error) = &result {
        // An input that does not fit: nothing was begun.
        failed =
            Some(Field { path: vec![], value: Value::Missing, span: error.span, conditions: vec![], facts: vec![] });
    }
    if let Some(root) = recorder.root {
        let result = result.as_ref().ok();
        let mut teller = Teller { recorder: &recorder, result, fields: &mut fields, failing: vec![] };
        teller.value(root, vec![], recorder.nodes[root].span, &[]);
        if result.is_none() {
            failed = Some(teller.failed(root));
        }
    }
    Account { result, fields, failed, cut: recorder.is_full() }
}

struct Teller<'r> {
    recorder: &'r Recorder,
    result: Option<&'r Value>,
    fields: &'r mut Vec<Field>,
    /// The field whose value ended in the error.
    failing: Vec<Step>,
}

/// A field of a record that was written out.
enum Filled {
    Assigned {
        path: Vec<Text>,
        span: Span,
        value: Option<Id>,
    },
    Spread {
        name: Text,
        from: Id,
    },
    /// Not assigned, because of the `if`s around it.
    Kept {
        path: Vec<Text>,
        span: Span,
    },
}

impl Teller<'_> {
    /// The fields of what a node gives: its parts where it was written out, else itself.
    fn value(&mut self, id: Id, path: Vec<Step>, span: Span, around: &[Condition]) {
        let made = self.recorder.nodes[id].made;
        let node = &self.recorder.nodes[made];
        if self.recorder.nodes[id].path.is_some() {
            return self.leaf(id, path, span, around);
        }
        match &node.kind {
            Kind::Record(entries, plan) if !plan.is_empty() || !entries.is_empty() => {
                self.record(made, entries, plan, &path, around);
            }
            Kind::List | Kind::For { .. } | Kind::Builtin { .. } => {
                let count = node.value.as_ref().and_then(Value::as_list).map_or(0, <[Value]>::len);
                let records = |at: usize| match self.recorder.element(made, at) {
                    Some(Part::Made(id)) => matches!(
                        self.recorder.nodes[self.recorder.nodes[id].made].kind,
                        Kind::Record(..) | Kind::List | Kind::For { .. }
                    ),
                    _ => false,
                };
                let rounds: Vec<Id> = match &node.kind {
                    // Of a `for` that ended in an error, what it had made.
                    Kind::For { rounds, .. } if node.value.is_none() => rounds.clone(),
                    _ if count > 0 && (0..count).all(records) => (0..count)
                        .filter_map(|at| match self.recorder.element(made, at) {
                            Some(Part::Made(id)) => Some(id),
                            _ => None,
                        })
                        .collect(),
                    _ => vec![],
                };
                if rounds.is_empty() {
                    return self.leaf(id, path, span, around);
                }
                let facts = self.dropped(made);
                if !facts.is_empty() {
                    let value = node.value.clone().unwrap_or(Value::Missing);
                    self.push(Field { path: path.clone(), value, span, conditions: around.to_vec(), facts });
                }
                for (at, round) in rounds.into_iter().enumerate() {
                    let mut path = path.clone();
                    path.push(Step::Index(at));
                    self.value(round, path, self.recorder.nodes[round].span, around);
                }
            }
            _ => self.leaf(id, path, span, around),
        }
    }

    fn record(&mut self, made: Id, entries: &[Entry], plan: &[Planned], path: &[Step], around: &[Condition]) {
        let mut filled: Vec<Filled> = vec![];
        let mut put = |new: Filled| {
            let same = filled.iter().position(|old| old.name() == new.name());
            match same {
                Some(at) => filled[at] = new,
                None => filled.push(new),
            }
        };
        for entry in entries {
            match entry {
                Entry::Assign { path, span, value } => {
                    put(Filled::Assigned { path: path.clone(), span: *span, value: *value });
                }
                Entry::Spread { value } => {
                    let record = self.recorder.nodes[*value].value.as_ref().and_then(Value::as_record);
                    for name in record.into_iter().flat_map(|record| record.keys()) {
                        put(Filled::Spread { name: name.clone(), from: *value });
                    }
                }
            }
        }
        // What an `if` kept from being assigned stands where it is written, unless its other branch did or an error came
        // first.
        if self.result.is_some() {
            for planned in plan.iter().filter(|planned| !planned.conditions.is_empty()) {
                if filled.iter().all(|one| one.name() != planned.path) {
                    let behind = |one: &Filled| matches!(one, Filled::Assigned { span, .. } | Filled::Kept { span, .. } if span.start > planned.span.start);
                    let at = filled.iter().position(behind).unwrap_or(filled.len());
                    filled.insert(at, Filled::Kept { path: planned.path.clone(), span: planned.span });
                }
            }
        }
        for one in filled {
            let below = |name: &[Text]| path.iter().cloned().chain(name.iter().cloned().map(Step::Field)).collect();
            match one {
                Filled::Assigned { path: name, span, value: Some(value) } => {
                    let conditions = self.conditions(made, plan, span, around);
                    self.value(value, below(&name), span, &conditions);
                }
                Filled::Assigned { path: name, span, value: None } | Filled::Kept { path: name, span } => {
                    let conditions = self.conditions(made, plan, span, around);
                    let (path, value) = (below(&name), Value::Missing);
                    self.push(Field { path, value, span, conditions, facts: vec![] });
                }
                Filled::Spread { name, from } => self.spread(from, &name, below(std::slice::from_ref(&name)), around),
            }
        }
    }

    fn spread(&mut self, from: Id, name: &Text, path: Vec<Step>, around: &[Condition]) {
        let span = self.recorder.nodes[from].span;
        let value = self.recorder.nodes[from].value.as_ref().map_or(Value::Missing, |value| value.get(name).clone());
        let step = Step::Field(name.clone());
        match self.recorder.step(from, step, from) {
            Some(Found { path: Some(read), via: None, .. }) => {
                let facts = vec![Fact::Read(Read { path: read.to_string(), value: value.clone(), span })];
                self.push(Field { path, value, span, conditions: around.to_vec(), facts });
            }
            Some(Found { via: Some(put), .. }) => self.value(put, path, span, around),
            _ => {
                let facts = self.facts(from);
                self.push(Field { path, value, span, conditions: around.to_vec(), facts });
            }
        }
    }

    fn conditions(&self, record: Id, plan: &[Planned], span: Span, around: &[Condition]) -> Vec<Condition> {
        let mut all = around.to_vec();
        let planned = plan.iter().find(|planned| planned.span == span);
        for (condition, wanted) in planned.iter().flat_map(|planned| &planned.conditions) {
            let parts = self.recorder.nodes[record].parts.iter();
            let Some(part) = parts.rev().find(|part| self.recorder.nodes[**part].span == *condition).copied() else {
                break; // not reached: an outer one decided
            };
            let Some(held) = self.recorder.nodes[part].value.as_ref().and_then(Value::as_bool) else { break };
            all.push(Condition {
                span: *condition,
                held,
                wanted: *wanted,
                operands: self.operands(part),
                facts: self.looked_at(part),
            });
        }
        all
    }

    /// What failed, in the innermost operation that has no value.
    fn failed(&self, root: Id) -> Field {
        let mut at = root;
        while let Some(part) = self.recorder.nodes[at].parts.last().copied() {
            if self.recorder.nodes[part].value.is_some() {
                break;
            }
            at = part;
        }
        let (span, facts) = (self.recorder.nodes[at].span, self.facts(at));
        Field { path: self.failing.clone(), value: Value::Missing, span, conditions: vec![], facts }
    }

    fn leaf(&mut self, id: Id, path: Vec<Step>, span: Span, around: &[Condition]) {
        if self.result.is_none() && self.recorder.nodes[id].value.is_none() {
            self.failing = path;
            return;
        }
        let node = &self.recorder.nodes[id];
        let value = node.value.clone().unwrap_or(Value::Missing);
        let mut facts = self.facts(id);
        if matches!(value, Value::List(_)) {
            facts.extend(self.dropped(node.made));
        }
        self.push(Field { path, value, span, conditions: around.to_vec(), facts });
    }

    /// What was kept out of a list on its way: by its own `where`, and out of those that it was made of.
    fn dropped(&self, made: Id) -> Vec<Fact> {
        let (mut dropped, mut at) = (vec![], made);
        loop {
            let node = &self.recorder.nodes[at];
            let tests = match &node.kind {
                Kind::For { tests, .. } => tests.as_slice(),
                Kind::Builtin { name: "filter", args, .. } => node.parts.get(*args..).unwrap_or_default(),
                Kind::Builtin { .. } => &[],
                _ => break,
            };
            let Some(list) = node.parts.first().copied() else { break };
            dropped.extend(self.refused(list, tests).map(Fact::Dropped));
            if self.recorder.nodes[list].path.is_some() || self.recorder.nodes[list].made == at {
                break;
            }
            at = self.recorder.nodes[list].made;
        }
        // As they were applied.
        dropped.reverse();
        dropped
    }

    /// The elements of a list for which a condition did not hold.
    fn refused(&self, list: Id, tests: &[Id]) -> Option<Dropped> {
        let of = |test: &Id| self.recorder.nodes[*test].value.as_ref().and_then(Value::as_bool);
        let refused = tests.iter().enumerate().filter(|(_, test)| of(test) == Some(false));
        let called = |at: usize| {
            let step = Step::Index(at);
            let path = self.recorder.step(list, step.clone(), list).and_then(|found| found.path);
            path.map_or(step.to_string(), |path| path.to_string())
        };
        let elements: Vec<String> = refused.map(|(at, _)| called(at)).collect();
        let span = self.recorder.nodes[*tests.first()?].span;
        (!elements.is_empty()).then_some(Dropped { span, elements, of: tests.len() })
    }

    /// Leaves out what the result's type does not name.
    fn push(&mut self, field: Field) {
        let seen = |result: &Value| {
            let found = field.path.iter().try_fold(result, |value, step| match step {
                Step::Field(name) | Step::Key(name) => value.as_record()?.get(name),
                Step::Index(at) => value.as_list()?.get(*at),
            });
            found.is_some()
        };
        if matches!(field.value, Value::Missing) || self.result.is_none_or(seen) {
            self.fields.push(field);
        }
    }

    /// What a condition looked at. Of choices inside it only what they gave: each would ask for its own again.
    fn looked_at(&self, id: Id) -> Vec<Fact> {
        let mut facts = self.gather(id, false);
        facts.retain(|fact| matches!(fact, Fact::Read(_) | Fact::Row { .. }));
        facts
    }

    /// What a condition compared, through `and or not`.
    fn operands(&self, id: Id) -> Vec<Operand> {
        let (mut operands, mut next) = (vec![], vec![(id, false)]);
        while let Some((at, compared)) = next.pop() {
            let node = &self.recorder.nodes[at];
            match &node.kind {
                Kind::Compare => next.extend(node.parts.iter().rev().map(|part| (*part, true))),
                Kind::Logic => {
                    next.extend(node.parts.iter().rev().map(|part| (*part, at != id || node.parts.len() > 1)))
                }
                Kind::Constant => {}
                _ if compared => operands.push(match &node.path {
                    Some(path) => {
                        let Read { path, value, span } = self.read(at, path);
                        Operand { path: Some(path), value, span }
                    }
                    None => {
                        let value = node.value.clone().unwrap_or(Value::Missing);
                        Operand { path: None, value, span: node.span }
                    }
                }),
                _ => {}
            }
        }
        operands
    }

    /// What went into a node's value.
    fn facts(&self, id: Id) -> Vec<Fact> {
        self.gather(id, true)
    }

    fn gather(&self, id: Id, choices: bool) -> Vec<Fact> {
        let mut gathered = Gathered { choices, facts: vec![], next: vec![(id, false)] };
        let mut seen: HashSet<Id> = HashSet::new();
        // A stack of its own: variables bound to variables make chains as long as a file.
        while let Some((id, list)) = gathered.next.pop() {
            if seen.insert(id) {
                self.fact(id, list, &mut gathered);
            }
        }
        without_wholes(gathered.facts)
    }

    /// What a node adds by itself; what it leads to comes next. `list`: it only gives the elements for something else.
    fn fact(&self, id: Id, list: bool, gathered: &mut Gathered) {
        let node = &self.recorder.nodes[id];
        let (span, value) = (node.span, node.value.clone());
        let call = |name: Text, kind: Callee| Fact::Call { name, kind, value: value.clone(), span };
        if let Kind::Builtin { name, .. } = &node.kind {
            gathered.say(call(Text::from(*name), Callee::Builtin));
        }
        if let Some(put) = node.via {
            return gathered.lead(&[put], list);
        }
        let hands_on = matches!(
            node.kind,
            Kind::Call(_) | Kind::If | Kind::Match { .. } | Kind::Coalesce | Kind::Catch(_) | Kind::Through
        ) && node.made != id;
        if let Some(path) = &node.path
            && !hands_on
            && !(matches!(node.kind, Kind::Local(_)) && self.binds_more(id))
        {
            return gathered.facts.push((Fact::Read(self.read(id, path)), list));
        }
        match &node.kind {
            Kind::Local(Some(bound)) => gathered.lead(&[*bound], list),
            Kind::Through => gathered.lead(&node.parts, list),
            Kind::Call(called) => {
                if let Some((name, defined)) = called {
                    gathered.say(call(name.clone(), Callee::Routine(*defined)));
                }
                // Arguments count where they are used.
                gathered.lead(node.parts.last().map_or(&[], std::slice::from_ref), list);
            }
            Kind::Builtin { lambda: Some(_), .. } => {
                let (list, rest) = node.parts.split_at(node.parts.len().min(1));
                gathered.lead(rest, false);
                gathered.lead(list, true);
            }
            Kind::Script(name) => {
                gathered.say(call(name.clone(), Callee::Script));
                gathered.lead(&node.parts, false);
            }
            Kind::Table(Some((table, row))) => {
                let keys = node.parts.iter().filter_map(|key| self.recorder.nodes[*key].value.clone()).collect();
                gathered.say(Fact::Row { table: table.clone(), keys, value: node.value.clone(), row: *row, span });
                gathered.lead(&node.parts, false);
            }
            Kind::If | Kind::Match { .. } | Kind::Coalesce | Kind::Catch(_) => {
                if gathered.choices
                    && let Some(choice) = self.choice(id)
                {
                    gathered.say(Fact::Choice(choice));
                }
                gathered.lead(node.parts.last().map_or(&[], std::slice::from_ref), list);
            }
            Kind::Record(entries, _) => {
                let values = entries.iter().filter_map(|entry| match entry {
                    Entry::Assign { value, .. } => *value,
                    Entry::Spread { value } => Some(*value),
                });
                gathered.lead(&values.collect::<Vec<_>>(), false);
            }
            _ => gathered.lead(&node.parts, false),
        }
    }

    /// Whether a variable was bound to more than a part of an input: to a call or a choice that gave one.
    fn binds_more(&self, id: Id) -> bool {
        let mut at = id;
        for _ in 0..self.recorder.nodes.len() {
            match self.recorder.nodes[at].kind {
                Kind::Local(Some(bound)) => at = bound,
                Kind::Call(_) | Kind::If | Kind::Match { .. } | Kind::Coalesce | Kind::Catch(_) => return true,
                Kind::Through => match self.recorder.nodes[at].parts.last() {
                    Some(last) => at = *last,
                    None => return false,
                },
                _ => return false,
            }
        }
        false
    }

    /// A read; of one that found nothing, the step at which there was nothing.
    fn read(&self, id: Id, path: &Path) -> Read {
        let span = self.recorder.nodes[id].span;
        if let Some(value) = self.recorder.nodes[id].value.clone().filter(|value| !matches!(value, Value::Missing)) {
            return Read { path: path.to_string(), value, span };
        }
        let (found, value) = self.recorder.reached(path);
        Read { path: found.to_string(), value, span }
    }

    /// Which way was taken, where that says more than the value: not for the left side of `??` and `catch`.
    fn choice(&self, id: Id) -> Option<Choice> {
        let node = &self.recorder.nodes[id];
        let (_, before) = node.parts.split_last()?;
        let of = |at: Id| &self.recorder.nodes[at];
        let (way, decided, looked) = match (&node.kind, before) {
            (Kind::If, [condition]) => (Way::If(of(*condition).value.as_ref()?.as_bool()?), *condition, *condition),
            (Kind::Coalesce, [left]) => (Way::Coalesce, *left, *left),
            (Kind::Catch(Some(message)), [left]) => (Way::Catch(message.clone()), *left, *left),
            (Kind::Match { subject: true, otherwise }, [subject, ..]) => {
                let arm = if *otherwise { *subject } else { *before.last()? };
                (Way::Match(of(*subject).value.clone(), *otherwise), arm, *subject)
            }
            (Kind::Match { otherwise, .. }, [.., condition]) => (Way::Match(None, *otherwise), *condition, *condition),
            _ => return None,
        };
        Some(Choice { way, span: of(decided).span, operands: self.operands(looked), facts: self.looked_at(looked) })
    }
}

impl Filled {
    fn name(&self) -> Vec<Text> {
        match self {
            Filled::Assigned { path, .. } | Filled::Kept { path, .. } => path.clone(),
            Filled::Spread { name, .. } => vec![name.clone()],
        }
    }
}

/// Facts while they are gathered, with whether a read only gives the elements for something else.
struct Gathered {
    choices: bool,
    facts: Vec<(Fact, bool)>,
    next: Vec<(Id, bool)>,
}

impl Gathered {
    fn say(&mut self, fact: Fact) {
        self.facts.push((fact, false));
    }

    fn lead(&mut self, parts: &[Id], list: bool) {
        self.next.extend(parts.iter().rev().map(|part| (*part, list)));
    }
}

/// Without repetitions, and without lists whose elements are told one by one.
fn without_wholes(facts: Vec<(Fact, bool)>) -> Vec<Fact> {
    let path = |fact: &Fact| match fact {
        Fact::Read(read) => Some(read.path.clone()),
        _ => None,
    };
    let reads: HashSet<String> = facts.iter().filter_map(|(fact, _)| path(fact)).collect();
    let wholes: HashSet<&str> =
        reads.iter().flat_map(|path| path.match_indices(['.', '[']).map(|(at, _)| &path[..at])).collect();
    let mut told: HashSet<String> = HashSet::new();
    let kept = facts.into_iter().filter(|(fact, list)| match path(fact) {
        Some(path) => !(*list && wholes.contains(&*path)) && told.insert(path),
        None => true,
    });
    kept.map(|(fact, _)| fact).collect()
}
