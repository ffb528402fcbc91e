//! What a run writes down. A run is nothing but its event and these.

use super::path::NodePath;
use crate::engine::connector::{Request, StepError};
use crate::graph::Severity;
use crate::store::Keep;
use crate::value::{Text, Value};
use jiff::Timestamp;
use std::sync::Arc;

/// One line of a run's journal.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The root: the run itself.
    pub node: NodePath,
    pub at: Timestamp,
    pub fact: Fact,
}

#[derive(Clone, Debug)]
pub enum Fact {
    /// The run's first step begins, on that revision.
    Started { revision: Text },
    /// A step that holds others begins; the entry's instant is its `run.now`.
    Began,
    /// About to be sent.
    Intent { generation: u32, attempt: u32, first_sent: Timestamp, request: Arc<Request> },
    /// An attempt failed, or a look after it.
    Failed { generation: u32, attempt: u32, failure: Failure },
    /// What was read is not yet as it should be: it is asked again then.
    NotYet { generation: u32, attempt: u32, next: Timestamp },
    /// A look found no trace of what was sent.
    NotFound { generation: u32, attempt: u32 },
    /// The step is done.
    Done { generation: u32, attempt: u32, done: Box<Done> },
    /// `when` did not hold.
    Skipped,
    /// The step failed for good. `open`: a write of it may have been done all the same.
    GaveUp { error: StepError, open: bool },
    /// The run fails because a step did: `on_failure` begins.
    RunFailed { step: NodePath, error: StepError },
    /// What was read no longer holds: these steps are forgotten, and the run goes on from the first of them.
    Reread { reset: Vec<NodePath> },
    /// A person is asked; the entry's instant is the step's `run.now`.
    Asked(Arc<Ask>),
    /// A person said yes or no to it.
    Judged(Arc<Judgement>),
    /// A person decided. `moved_from`: the name under which a moved step was known before.
    Decision { what: Ruling, actor: Text, reason: Text, moved_from: Option<NodePath> },
    /// The run that the step called is there, and is waited for where the step does. Written down by the store, in the
    /// transaction that starts it.
    Called { generation: u32, attempt: u32, run: Text, waits: bool },
}

/// How an attempt or a look failed.
#[derive(Clone, Debug)]
pub struct Failure {
    pub error: StepError,
    /// The work may have been done all the same.
    pub open: bool,
    /// When the next attempt, or look, is due. `None`: past the budget, or it would not help.
    pub retry_at: Option<Timestamp>,
    /// Held back, or interrupted by us: the back-off does not grow.
    pub uncounted: bool,
}

/// A step's result with all that is written down with it.
#[derive(Clone, Debug)]
pub struct Done {
    /// The step's `run.now`.
    pub now: Timestamp,
    pub value: Value,
    /// Found done instead of being done by this attempt.
    pub adopted: bool,
    pub status: Option<u16>,
    pub effect: Option<Effect>,
    pub alert: Option<Alert>,
    /// What is kept with it.
    pub kept: Option<Keep>,
}

impl Done {
    /// A value that was worked out.
    pub fn computed(now: Timestamp, value: Value) -> Done {
        Done { now, value, adopted: false, status: None, effect: None, alert: None, kept: None }
    }
}

/// A row that is now this node's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub connection: Text,
    pub entity: Text,
    pub row_key: Text,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub severity: Severity,
    pub code: Text,
    pub title: Text,
    pub detail: Option<Text>,
}

/// A question as a person sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub title: Text,
    pub detail: Option<Text>,
    pub roles: Vec<Text>,
    pub expires_at: Option<Timestamp>,
    pub items: Option<Vec<Item>>,
}

/// Something that is asked about, and its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub key: Text,
    pub row: Value,
}

impl Ask {
    /// Whether it asks the same, whenever it expires.
    pub fn is_same(&self, other: &Ask) -> bool {
        self.title == other.title && self.detail == other.detail && self.items == other.items
    }
}

/// A person's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    pub approved: bool,
    /// Keys of the items that are taken out.
    pub without: Vec<Text>,
    pub actor: Text,
    /// The role in which the person answers.
    pub role: Option<Text>,
    pub reason: Text,
    pub at: Timestamp,
}

/// What a person decided, of a node or of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// The uncertain work was done; its result follows.
    Done,
    /// It was not: the held request is sent again.
    NotDone,
    /// The run ends here.
    Stop,
    /// The run goes on where it failed.
    Replay,
    /// Of a node: forget that the step was passed; a done write keeps its result.
    Reset,
    /// Of a node: do a done write once more.
    Again,
    /// Of a node that the graph no longer has: what it did stays as it is in the other system.
    Left,
    /// Of a node: it goes on under this name what another did before.
    Moved,
}

impl Ruling {
    pub const ALL: &[Ruling] = &[
        Ruling::Done,
        Ruling::NotDone,
        Ruling::Stop,
        Ruling::Replay,
        Ruling::Reset,
        Ruling::Again,
        Ruling::Left,
        Ruling::Moved,
    ];

    /// Its name in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Ruling::Done => "done",
            Ruling::NotDone => "not_done",
            Ruling::Stop => "stop",
            Ruling::Replay => "replay",
            Ruling::Reset => "reset",
            Ruling::Again => "again",
            Ruling::Left => "left",
            Ruling::Moved => "moved",
        }
    }
}
