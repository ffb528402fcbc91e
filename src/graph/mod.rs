//! Model + mappings + catalogue → the execution graph of a flow, and its renderings.
//!
//! The graph is what the engine runs: every name resolved, every expression compiled, every operation bound to its
//! catalogue entry. It is never stored: a revision is sources, and the graph is compiled from them again.

pub use crate::catalog::{Decoder, ErrorClass};

pub mod compile;
pub mod cron;
pub mod project;
pub mod render;
mod trigger;

pub use trigger::{DELETE, Files, Format, Polling, Reconcile, Schedule, Tracking, UPDATE, read_as};
pub mod validate;

use crate::diagnostics::{Sources, Span};
use crate::language::Expression;
use crate::language::filter::Filter;
use crate::language::types::Type;
use crate::value::{Text, Value};
use std::sync::Arc;
use std::time::Duration;

/// One flow, ready to run.
#[derive(Debug)]
pub struct ExecutionGraph {
    /// `flow:`, its identity.
    pub flow: Text,
    pub description: Option<Text>,
    pub trigger: Trigger,
    pub steps: Vec<Node>,
    /// Run once, before a failed run goes to the dead letters.
    pub on_failure: Vec<Node>,
    /// What the flow gives.
    pub result: Option<Slot>,
    /// The values of `settings`, a record.
    pub settings: Value,
    /// The texts that spans of run-time errors point into.
    pub sources: Arc<Sources>,
}

/// An expression of the flow with the names of its inputs: `event`, `trigger`, `steps`, `run`, loop variables, `error`.
#[derive(Clone, Debug)]
pub struct Slot {
    pub expression: Expression,
    /// The variables it takes, in the order in which [`Expression::evaluate`] wants them.
    pub inputs: Arc<[Text]>,
    pub span: Span,
}

/// What starts a run, and what is asked of an event at the door: `ignore_own` → `when` → `dedupe` → `order_by`.
#[derive(Debug)]
pub struct Trigger {
    pub kind: TriggerKind,
    pub ignore_own: bool,
    pub when: Option<Slot>,
    /// `None`: the event's id.
    pub dedupe: Option<Slot>,
    pub order_by: Option<Slot>,
    pub sequence: Option<Slot>,
    pub span: Span,
}

#[derive(Debug)]
pub enum TriggerKind {
    /// Events of a connection.
    Webhook {
        connection: Text,
        events: Vec<Text>,
        /// Columns of which an update has to touch one; nothing: any update will do.
        columns: Vec<Text>,
        /// How bodies that are not the event themselves are read.
        decoders: Arc<[Decoder]>,
        reconcile: Option<Reconcile>,
    },
    /// Points in time.
    Schedule(Box<Schedule>),
    /// Rows that are asked for again and again.
    Poll(Box<Polling>),
    /// What has changed, as the system itself tells it.
    Changes(Box<Tracking>),
    /// Files that appear in a folder.
    Files(Files),
    /// Calls of other flows, which give a record of that type.
    Flow { params: Type },
}

impl ExecutionGraph {
    /// Every step, also those inside of others and those that run after a failure.
    pub fn walk<'g>(&'g self, visit: &mut dyn FnMut(&'g Node)) {
        self.steps.iter().chain(&self.on_failure).for_each(|node| node.walk(visit));
    }
}

impl Node {
    /// This step and every one inside of it.
    pub fn walk<'g>(&'g self, visit: &mut dyn FnMut(&'g Node)) {
        visit(self);
        self.lists().into_iter().flatten().for_each(|node| node.walk(visit));
    }

    /// The lists of steps that stand in this one.
    pub fn lists(&self) -> Vec<&[Node]> {
        let mut lists: Vec<&[Node]> = match &self.kind {
            NodeKind::Branch { cases, otherwise } => cases.iter().chain([otherwise]).map(|case| &*case.steps).collect(),
            NodeKind::ForEach(each) => vec![&each.steps],
            NodeKind::Parallel(lists) => lists.iter().map(Vec::as_slice).collect(),
            NodeKind::Wait(_)
            | NodeKind::Approve(_)
            | NodeKind::Transform(_)
            | NodeKind::Lookup(_)
            | NodeKind::Call(_)
            | NodeKind::Alert { .. }
            | NodeKind::Fail { .. }
            | NodeKind::Stop { .. } => vec![],
        };
        lists.extend(self.on_error.iter().map(|case| &*case.steps));
        lists
    }
}

/// A step.
#[derive(Debug)]
pub struct Node {
    pub id: Text,
    pub description: Option<Text>,
    pub when: Option<Slot>,
    pub kind: NodeKind,
    /// Begins together with the lookup before it: both stand in one list, and this one uses nothing of that one.
    pub together: bool,
    /// A write: the earlier lookup of its list that the run goes back to when what was read no longer holds.
    pub reread: Option<Text>,
    pub timeout: Option<Duration>,
    pub retry: Retry,
    pub on_error: Vec<ErrorCase>,
    /// The type of `steps.<id>`.
    pub result: Type,
    pub span: Span,
}

#[derive(Debug)]
pub enum NodeKind {
    Transform(Slot),
    Lookup(Box<Operation>),
    Call(Box<Operation>),
    Branch {
        cases: Vec<Case>,
        otherwise: Case,
    },
    ForEach(Box<ForEach>),
    /// Lists of steps beside each other.
    Parallel(Vec<Vec<Node>>),
    Wait(Wait),
    Approve(Box<Approve>),
    Alert {
        severity: Severity,
        code: Text,
        title: Slot,
        detail: Option<Slot>,
    },
    Fail {
        code: Text,
        class: ErrorClass,
        message: Slot,
    },
    Stop {
        reason: Slot,
        release: bool,
    },
}

/// A case of a branch; `when` is `None` for `else`.
#[derive(Debug)]
pub struct Case {
    pub when: Option<Slot>,
    pub steps: Vec<Node>,
    pub result: Option<Slot>,
}

#[derive(Debug)]
pub struct ForEach {
    pub items: Slot,
    /// `as`.
    pub item: Text,
    pub index: Option<Text>,
    pub key: Slot,
    pub concurrency: usize,
    pub steps: Vec<Node>,
    pub result: Option<Slot>,
}

/// The operation that runs another flow. The engine does it itself: its `flow`, `with` and `wait` are parameters.
pub const RUN_FLOW: &str = "flow.run";
/// What a step waits for. Time counts from when the step began.
#[derive(Debug)]
pub enum Wait {
    For(Duration),
    /// A time.
    Until(Slot),
    /// A row that is as it should be.
    Row(Box<Poll>),
}

/// Asks again and again until a row is as it should be.
#[derive(Debug)]
pub struct Poll {
    pub operation: Operation,
    /// Over `row` and what the step sees.
    pub until: Slot,
    pub every: Duration,
    /// Past it the step fails.
    pub at_most: Duration,
}

/// A question to a person.
#[derive(Debug)]
pub struct Approve {
    pub title: Slot,
    pub detail: Option<Slot>,
    /// Who may answer; empty: whoever may operate.
    pub roles: Vec<Text>,
    pub expires: Option<Duration>,
    /// The items that are asked about, and what names one, over `row`.
    pub items: Option<(Slot, Slot)>,
}

/// A bound operation of a lookup or call.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `finops.create`.
    pub name: Text,
    /// Empty where the engine itself does the work (`links.get`).
    pub connection: Text,
    pub writes: bool,
    /// Entity set, where the operation has one.
    pub entity: Option<Text>,
    /// Parameters by name, in the catalogue's order.
    pub params: Vec<(Text, Param)>,
    /// The type that the body is checked against before it is sent.
    pub body: Option<Type>,
    pub result: Type,
    /// Why it may be tried again. Reads: [`RepeatBy::Read`].
    pub repeat: Repeat,
    /// `on_missing: continue`: nothing found is missing instead of an error.
    pub missing_continues: bool,
    /// `blank_key: missing`: a blank key sends nothing.
    pub blank_is_missing: bool,
    /// How long a result may be used again.
    pub cache: Option<Duration>,
    /// The entity's column of which writes with the same value wait for each other.
    pub one_at_a_time: Option<Text>,
}

impl Operation {
    /// The entries, where it is a change set.
    pub fn members(&self) -> &[Member] {
        let found = self.params.iter().find_map(|(_, param)| match param {
            Param::Writes(members) => Some(members.as_slice()),
            _ => None,
        });
        found.unwrap_or_default()
    }
}

#[derive(Clone, Debug)]
pub enum Param {
    Slot(Slot),
    /// Computed missing, null and blank values in it are `data` errors.
    Key(Slot),
    Filter {
        filter: Filter,
        inputs: Arc<[Text]>,
    },
    Literal(Value),
    /// `find_by`, `select`.
    Columns(Vec<Text>),
    /// The entries of a change set.
    Writes(Vec<Member>),
}

/// An entry of a change set: one write, or one for each item of a list.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: Text,
    pub operation: Operation,
    pub each: Option<Each>,
    /// Lookup columns, and the entry before this one whose row they name.
    pub refer: Vec<(Text, Text)>,
}

/// What makes many writes of one entry.
#[derive(Clone, Debug)]
pub struct Each {
    pub items: Slot,
    /// `as`.
    pub item: Text,
    pub key: Slot,
}

/// Why a repeat of an operation is safe, from the catalogue's `repeat`, the first entry that fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeat {
    pub by: RepeatBy,
    /// How long the server may still be working after an attempt whose outcome is open: look only after that.
    pub settle: Duration,
    /// The provider's memory of keys, counted from the first sending, less one call timeout. `None`: for ever.
    pub remembers: Option<Duration>,
    /// There is a way to learn what an attempt did.
    pub look: bool,
    /// One sentence for `validate` and `graph`.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatBy {
    /// A read: nothing to lose.
    Read,
    /// The server knows a repeat by the key we send.
    Header,
    /// The caller chooses the row's whole key: look, compare, adopt or repeat.
    Key,
    /// The row's id is made of the idempotency key: look, adopt or repeat. What has it is ours, whatever became of it.
    Made,
    /// Writing the same again changes nothing.
    Set,
    /// A natural key tells: look after settle, adopt or repeat.
    FindBy,
    /// Kept in our own store, in the transaction that writes the step's result.
    Transaction,
    /// Nothing tells: an uncertain attempt ends as `outcome_unknown`.
    None,
}

/// How long and how often a failed attempt is repeated. The budget is time.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    pub budget: Duration,
    pub initial: Duration,
    pub factor: f64,
    pub max: Duration,
    /// Share of the delay that varies, 0 to 1.
    pub jitter: f64,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry {
            budget: Duration::from_secs(24 * 3600),
            initial: Duration::from_secs(1),
            factor: 2.0,
            max: Duration::from_secs(300),
            jitter: 0.3,
        }
    }
}

/// One entry of `on_error`.
#[derive(Debug)]
pub struct ErrorCase {
    pub when: Slot,
    pub steps: Vec<Node>,
    pub then: Then,
}

#[derive(Debug)]
pub enum Then {
    Fail,
    Continue { result: Option<Slot> },
    Stop,
}

/// From the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Info,
    Warning,
    Error,
}

impl Severity {
    /// Its name in files, the API and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}
