//! Looks on while an expression is evaluated and keeps what happened as a graph: every operation with its value and the
//! operations inside it, every variable with what it was bound to.
//!
//! Two things are settled as soon as an operation ends: its *path*, where its value is a part of an input or setting,
//! and what *made* it: lets, parameters, branches and fns only hand a value on. The recorder is told everything and
//! changes nothing.

use super::Step;
use crate::diagnostics::Span;
use crate::language::code::{Argument, Code, Op, Routine, Row, Statement, Table};
use crate::language::evaluate::{Bound, Witness};
use crate::value::{Record, Text, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// The place of a node among all.
pub(super) type Id = usize;

/// More operations than this are not kept: what is left is a part of the account.
const MOST: usize = 500_000;

/// Elements of longer lists are not looked for in the list that they were taken from.
const SEARCHED: usize = 2_000;

/// A place in an input: `order`, `.lines`, `[0]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Path {
    pub root: Text,
    pub steps: Vec<Step>,
}

impl Path {
    fn step(&self, step: Step) -> Path {
        let mut steps = self.steps.clone();
        steps.push(step);
        Path { root: self.root.clone(), steps }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.root)?;
        self.steps.iter().try_for_each(|step| write!(f, "{step}"))
    }
}

/// One operation, or something that a variable was bound to.
pub(super) struct Node {
    pub kind: Kind,
    pub span: Span,
    /// `None`: an error, or a `?` that found nothing.
    pub value: Option<Value>,
    /// The operations inside, in the order in which they were worked out.
    pub parts: Vec<Id>,
    pub made: Id,
    pub path: Option<Path>,
    /// Of a step into something that was made, and of its elements: what was put there.
    pub via: Option<Id>,
}

/// What an operation hands on.
pub(super) struct Found {
    pub made: Id,
    pub path: Option<Path>,
    pub via: Option<Id>,
}

pub(super) enum Kind {
    Constant,
    /// A variable, with what it was bound to.
    Local(Option<Id>),
    Settings,
    Field(Text),
    Index,
    /// Hands its last part on: chains, views, `let … in`.
    Through,
    Coalesce,
    /// With the message of the error that it took.
    Catch(Option<Text>),
    If,
    Match {
        /// Whether something is looked at; else the arms are conditions.
        subject: bool,
        /// `else` was taken.
        otherwise: bool,
    },
    /// A `fn` or mapping, with its name's place.
    Call(Option<(Text, Span)>),
    Builtin {
        name: &'static str,
        args: usize,
        /// How many parameters it takes.
        lambda: Option<usize>,
    },
    Script(Text),
    /// Its name; `Some(None)`: no row fitted.
    Table(Option<(Text, Option<Span>)>),
    Record(Vec<Entry>, Arc<Vec<Planned>>),
    List,
    /// With what its body gave, round by round, and what its `where` said of each element.
    For {
        rounds: Vec<Id>,
        tests: Vec<Id>,
    },
    /// `== < in` and the like.
    Compare,
    /// `and or not`.
    Logic,
    /// Whatever works with its parts.
    Other,
}

/// What filled a record.
pub(super) enum Entry {
    /// `None`: an error came first.
    Assign {
        path: Vec<Text>,
        span: Span,
        value: Option<Id>,
    },
    Spread {
        value: Id,
    },
}

/// An assignment as it is written, whether it comes to be or not.
pub(super) struct Planned {
    pub path: Vec<Text>,
    pub span: Span,
    /// The conditions of the `if`s around it, outermost first, and how they have to turn out.
    pub conditions: Vec<(Span, bool)>,
}

/// The witness.
#[derive(Default)]
pub(super) struct Recorder {
    pub nodes: Vec<Node>,
    /// Operations that have not ended.
    open: Vec<Id>,
    frames: Vec<Vec<Option<Id>>>,
    /// The assignments of a record, by the address of its code.
    plans: HashMap<usize, Arc<Vec<Planned>>>,
    /// How many operations were entered beyond [`MOST`].
    skipped: usize,
    pub root: Option<Id>,
    /// By the names of the parameters.
    inputs: Vec<(Text, Value)>,
}

impl Recorder {
    pub fn new(routine: &Routine, inputs: &[Value]) -> Recorder {
        let names = routine.params.iter().map(|(name, _)| name.clone());
        Recorder { inputs: names.zip(inputs.iter().cloned()).collect(), ..Recorder::default() }
    }

    /// How far a path leads in its input: to where it ends, or to the first step at which there is nothing.
    pub fn reached(&self, path: &Path) -> (Path, Value) {
        let mut found = Path { root: path.root.clone(), steps: vec![] };
        let Some((_, input)) = self.inputs.iter().find(|(name, _)| *name == path.root) else {
            return (path.clone(), Value::Missing);
        };
        let mut value = input;
        for step in &path.steps {
            if value.is_absent() {
                break;
            }
            value = match step {
                Step::Field(name) | Step::Key(name) => value.get(name),
                Step::Index(at) => value.as_list().and_then(|items| items.get(*at)).unwrap_or(&Value::Missing),
            };
            found.steps.push(step.clone());
        }
        (found, value.clone())
    }

    /// Whether there was more than is kept.
    pub fn is_full(&self) -> bool {
        self.nodes.len() >= MOST
    }

    fn add(&mut self, kind: Kind, span: Span) -> Id {
        let id = self.nodes.len();
        self.nodes.push(Node { kind, span, value: None, parts: vec![], made: id, path: None, via: None });
        id
    }

    fn innermost(&mut self) -> Option<&mut Node> {
        self.open.last().map(|id| &mut self.nodes[*id])
    }

    fn last_part(&self) -> Option<Id> {
        self.open.last().and_then(|id| self.nodes[*id].parts.last()).copied()
    }

    fn kind_of(&mut self, code: &Code) -> Kind {
        match &code.op {
            Op::Const(_) => Kind::Constant,
            Op::Local(slot) => Kind::Local(self.frames.last().and_then(|slots| slots.get(*slot).copied().flatten())),
            Op::Settings => Kind::Settings,
            Op::Field { name, .. } => Kind::Field(name.clone()),
            Op::Index { .. } => Kind::Index,
            Op::Chain(_) | Op::Maybe(_) | Op::View { .. } | Op::Let { .. } => Kind::Through,
            Op::Coalesce(..) => Kind::Coalesce,
            Op::Catch { .. } => Kind::Catch(None),
            Op::If { .. } => Kind::If,
            Op::Match { subject, .. } => Kind::Match { subject: subject.is_some(), otherwise: false },
            Op::Call { .. } => Kind::Call(None),
            Op::Builtin { function, args, .. } => Kind::Builtin {
                name: function.name,
                args: args.iter().filter(|arg| matches!(arg, Argument::Value(_))).count(),
                lambda: args.iter().find_map(|arg| match arg {
                    Argument::Lambda { params, .. } => Some(params.len()),
                    Argument::Value(_) => None,
                }),
            },
            Op::Script { function, .. } => Kind::Script(function.clone()),
            Op::Table { .. } => Kind::Table(None),
            Op::Record(statements) => {
                let plan = self.plans.entry(std::ptr::from_ref(code) as usize).or_insert_with(|| {
                    let mut all = vec![];
                    plan(statements, &mut vec![], &mut all);
                    Arc::new(all)
                });
                Kind::Record(vec![], plan.clone())
            }
            Op::List(_) => Kind::List,
            Op::Compare { .. } | Op::In { .. } => Kind::Compare,
            Op::And(..) | Op::Or(..) | Op::Not(_) => Kind::Logic,
            Op::For(_) => Kind::For { rounds: vec![], tests: vec![] },
            _ => Kind::Other,
        }
    }

    /// What an operation that ended hands on.
    fn settle(&mut self, id: Id, code: &Code) {
        let node = &self.nodes[id];
        let (first, last) = (node.parts.first().copied(), node.parts.last().copied());
        let there = node.value.is_some();
        let found = match &node.kind {
            Kind::Local(Some(bound)) => Some(self.handed(*bound)),
            Kind::Settings => {
                let path = Some(Path { root: Text::from("settings"), steps: vec![] });
                Some(Found { made: id, path, via: None })
            }
            Kind::Field(name) => first.and_then(|base| self.step(base, Step::Field(name.clone()), id)),
            Kind::Index => {
                let index = node.parts.get(1).and_then(|index| self.nodes[*index].value.as_ref());
                index.and_then(index_step).and_then(|step| self.step(first?, step, id))
            }
            // A step that found nothing has no value but a place.
            Kind::Through if !there => last.map(|last| {
                let path = self.nodes[last].path.clone();
                Found { made: id, path, via: None }
            }),
            Kind::Through | Kind::Coalesce | Kind::Catch(_) | Kind::If | Kind::Match { .. } if there => {
                last.map(|last| self.handed(last))
            }
            Kind::Call(Some(_)) if there => last.map(|last| self.handed(last)),
            Kind::Builtin { name: "first", lambda: None, .. } if there => {
                first.and_then(|list| self.step(list, Step::Index(0), id))
            }
            Kind::Builtin { name: "last", lambda: None, .. } if there => {
                let count = first.and_then(|list| self.nodes[list].value.as_ref()?.as_list().map(<[Value]>::len));
                count.and_then(|n| n.checked_sub(1)).and_then(|at| self.step(first?, Step::Index(at), id))
            }
            _ => None,
        };
        if let (Kind::For { .. }, Op::For(each)) = (&node.kind, &code.op) {
            let at = |span: Span| node.parts.iter().copied().filter(|part| self.nodes[*part].span == span).collect();
            let tests = each.condition.as_ref().map_or(vec![], |condition| at(condition.span));
            self.nodes[id].kind = Kind::For { rounds: at(each.body.span), tests };
        }
        if let Some(found) = found {
            self.hand(id, found);
        }
        let took = last.map(|last| self.nodes[last].span);
        if let (Kind::Match { otherwise: taken, .. }, Op::Match { otherwise: Some(otherwise), .. }) =
            (&mut self.nodes[id].kind, &code.op)
        {
            *taken = took == Some(otherwise.span);
        }
    }

    fn handed(&self, id: Id) -> Found {
        Found { made: self.nodes[id].made, path: self.nodes[id].path.clone(), via: None }
    }

    fn hand(&mut self, id: Id, found: Found) {
        let node = &mut self.nodes[id];
        (node.made, node.path, node.via) = (found.made, found.path, found.via);
    }

    /// What a step into a value comes to: a deeper path of an input, or what was put there. `own` is the step's node.
    pub fn step(&self, base: Id, step: Step, own: Id) -> Option<Found> {
        if let Some(path) = &self.nodes[base].path {
            return Some(Found { made: own, path: Some(path.step(step)), via: None });
        }
        match self.part(self.nodes[base].made, &step)? {
            Part::Made(id) => Some(Found { via: Some(id), ..self.handed(id) }),
            Part::Of(base, step) => self.step(base, step, own),
        }
    }

    fn part(&self, made: Id, step: &Step) -> Option<Part> {
        let node = &self.nodes[made];
        match (&node.kind, step) {
            (Kind::Record(entries, _), Step::Field(name) | Step::Key(name)) => {
                entries.iter().rev().find_map(|entry| match entry {
                    Entry::Assign { path, value: Some(value), .. } => match &path[..] {
                        [only] if only == name => Some(Part::Made(*value)),
                        _ => None,
                    },
                    Entry::Assign { .. } => None,
                    Entry::Spread { value } => {
                        self.nodes[*value].value.as_ref()?.as_record()?.get(name)?;
                        Some(Part::Of(*value, step.clone()))
                    }
                })
            }
            (_, Step::Index(at)) => self.element(made, *at),
            _ => None,
        }
    }

    /// What an element of a list that was made is, or which element of another list it is.
    pub fn element(&self, made: Id, at: usize) -> Option<Part> {
        let node = &self.nodes[made];
        match &node.kind {
            Kind::List => node.parts.get(at).copied().map(Part::Made),
            Kind::For { rounds, .. } => rounds.get(at).copied().map(Part::Made),
            Kind::Builtin { name: "map", args, lambda: Some(_) } => {
                node.parts.get(args.checked_add(at)?).copied().map(Part::Made)
            }
            // What keeps elements (filter, sort_by, distinct, …) is pure: of equal ones it keeps all, or the first.
            Kind::Builtin { args: 1.., .. } => {
                let kept = node.value.as_ref()?.as_list()?;
                let wanted = kept.get(at)?;
                let nth = kept.iter().take(at).filter(|one| *one == wanted).count();
                let list = *node.parts.first()?;
                let items = self.nodes[list].value.as_ref()?.as_list()?;
                if items.len() > SEARCHED {
                    return None;
                }
                let from = items.iter().enumerate().filter(|(_, item)| *item == wanted).nth(nth)?.0;
                Some(Part::Of(list, Step::Index(from)))
            }
            _ => None,
        }
    }

    /// The element of the list that a built-in gives to its lambda.
    fn given(&self, value: &Value) -> Option<(Id, usize)> {
        let node = &self.nodes[*self.open.last()?];
        let Kind::Builtin { args, lambda: Some(params), .. } = &node.kind else { return None };
        let list = *node.parts.first()?;
        let items = self.nodes[list].value.as_ref()?.as_list()?;
        // Behind the arguments each part is a round of the lambda.
        let round = node.parts.len().checked_sub(*args)?;
        match items.get(round) {
            Some(item) if item == value => Some((list, round)),
            // A text that was read as a date.
            Some(item) if *params == 1 && item.kind() != value.kind() => Some((list, round)),
            _ if items.len() > SEARCHED => None,
            _ => items.iter().position(|item| item == value).map(|at| (list, at)),
        }
    }
}

/// A part of a value that was made.
pub(super) enum Part {
    Made(Id),
    Of(Id, Step),
}

fn index_step(value: &Value) -> Option<Step> {
    match value {
        Value::Text(key) => Some(Step::Key(key.clone())),
        Value::Number(number) => number.exact().ok()?.to_i64()?.try_into().ok().map(Step::Index),
        _ => None,
    }
}

fn plan(statements: &[Statement], conditions: &mut Vec<(Span, bool)>, all: &mut Vec<Planned>) {
    for statement in statements {
        match statement {
            Statement::Assign { path, span, .. } => {
                all.push(Planned { path: path.clone(), span: *span, conditions: conditions.clone() });
            }
            Statement::If { condition, then, otherwise } => {
                for (branch, held) in [(then, true), (otherwise, false)] {
                    conditions.push((condition.span, held));
                    plan(branch, conditions, all);
                    conditions.pop();
                }
            }
            _ => {}
        }
    }
}

impl Witness for Recorder {
    fn enter(&mut self, code: &Code) {
        if self.is_full() {
            self.skipped += 1;
            return;
        }
        let kind = self.kind_of(code);
        let id = self.add(kind, code.span);
        if let Some(outer) = self.innermost() {
            outer.parts.push(id);
        }
        if self.open.is_empty() {
            self.root = Some(id);
        }
        self.open.push(id);
    }

    fn leave(&mut self, code: &Code, value: Option<&Value>) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        let Some(id) = self.open.pop() else { return };
        self.nodes[id].value = value.cloned();
        self.settle(id, code);
    }

    fn call(&mut self, routine: &Routine) {
        let mut slots = vec![None; routine.slots.max(routine.params.len())];
        match self.open.last().copied().filter(|_| self.skipped == 0) {
            Some(open) => {
                let args = self.nodes[open].parts.iter().map(|part| Some(*part));
                slots.iter_mut().zip(args).take(routine.params.len()).for_each(|(slot, arg)| *slot = arg);
                self.nodes[open].kind = Kind::Call(Some((routine.name.clone(), routine.span)));
            }
            None if self.frames.is_empty() => {
                for (n, (name, _)) in routine.params.iter().enumerate() {
                    let id = self.add(Kind::Other, routine.span);
                    self.nodes[id].path = Some(Path { root: name.clone(), steps: vec![] });
                    self.nodes[id].value = self.inputs.get(n).map(|(_, value)| value.clone());
                    slots[n] = Some(id);
                }
            }
            None => {}
        }
        self.frames.push(slots);
    }

    fn back(&mut self) {
        self.frames.pop();
    }

    fn bind(&mut self, slot: usize, value: &Value, from: Bound) {
        if self.skipped > 0 {
            return;
        }
        let element = match from {
            Bound::Value => {
                let bound = self.last_part();
                return self.set(slot, bound);
            }
            Bound::Element(at) => self.open.last().and_then(|id| Some((*self.nodes[*id].parts.first()?, at))),
            Bound::Lambda => self.given(value),
            Bound::Error => {
                let message = value.get("message").as_text().cloned();
                if let Some(Node { kind: Kind::Catch(taken), .. }) = self.innermost() {
                    *taken = message;
                }
                None
            }
            Bound::Count => None,
        };
        let span = self.innermost().map(|node| node.span).unwrap_or_default();
        let id = self.add(Kind::Other, span);
        self.nodes[id].value = Some(value.clone());
        if let Some((list, at)) = element {
            // Where nothing is known of the element, it is known what the list came from.
            self.nodes[id].parts.push(list);
            if let Some(found) = self.step(list, Step::Index(at), id) {
                self.hand(id, found);
            }
        }
        self.set(slot, Some(id));
    }

    fn assign(&mut self, path: &[Text], span: Span) {
        if self.skipped > 0 {
            return;
        }
        if let Some(Node { kind: Kind::Record(entries, _), .. }) = self.innermost() {
            entries.push(Entry::Assign { path: path.to_vec(), span, value: None });
        }
    }

    fn assigned(&mut self, _: Option<&Value>) {
        if self.skipped > 0 {
            return;
        }
        let part = self.last_part();
        if let Some(Node { kind: Kind::Record(entries, _), .. }) = self.innermost()
            && let Some(Entry::Assign { value, .. }) = entries.last_mut()
        {
            *value = part;
        }
    }

    fn spread(&mut self, _: &Record) {
        if self.skipped > 0 {
            return;
        }
        let part = self.last_part();
        if let Some(value) = part
            && let Some(Node { kind: Kind::Record(entries, _), .. }) = self.innermost()
        {
            entries.push(Entry::Spread { value });
        }
    }

    fn row(&mut self, table: &Table, row: Option<&Row>) {
        if self.skipped > 0 {
            return;
        }
        let found = (table.name.clone(), row.map(|row| row.span));
        if let Some(Node { kind: Kind::Table(known), .. }) = self.innermost() {
            *known = Some(found);
        }
    }
}

impl Recorder {
    fn set(&mut self, slot: usize, id: Option<Id>) {
        if let Some(place) = self.frames.last_mut().and_then(|slots| slots.get_mut(slot)) {
            *place = id;
        }
    }
}
