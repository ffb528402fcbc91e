//! Runs: as kept, as claimed, and what is written of them.

use super::{ApprovalChange, Event, EventId, Hash, NewAlert, NewEvent, NewRun, RunId, RunState};
use crate::diagnostics::Position;
use crate::graph::ErrorClass;
use crate::store::journal::Encoded;
use crate::store::journal::JournalEntry;
use crate::store::journal::Judged;
use crate::store::keep::Kept;
use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

/// A run as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub id: RunId,
    /// Its place in the order of acceptance.
    pub number: i64,
    pub flow: String,
    pub event: EventId,
    pub state: RunState,
    /// The revision it works with, from its first step on.
    pub revision: Option<Hash>,
    pub dedupe: Option<Hash>,
    pub order_key: Option<Hash>,
    /// Later runs of its order key wait for it.
    pub holds_key: bool,
    pub sequence: Option<String>,
    /// When it next wants a worker by itself: `ready`, `waiting`, and `running` (the end of the lease).
    pub due: Option<Timestamp>,
    pub accepted_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub error: Option<RunError>,
    /// Why it was stopped or parked.
    pub reason: Option<String>,
    pub duplicate_of: Option<RunId>,
}

/// Why a run failed: one shape everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunError {
    #[serde(with = "class")]
    pub class: ErrorClass,
    pub code: String,
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The node's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Place>,
    /// The provider's body, encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Encoded>,
}

/// A [`Position`] as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub path: String,
    pub line: u32,
    pub column: u32,
}

impl From<Position> for Place {
    fn from(at: Position) -> Place {
        Place { path: at.path.to_string(), line: at.line, column: at.column }
    }
}

mod class {
    use crate::graph::ErrorClass;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(class: &ErrorClass, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(class.as_str())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ErrorClass, D::Error> {
        let text = String::deserialize(deserializer)?;
        ErrorClass::ALL
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or_else(|| de::Error::custom(format_args!("`{text}` is not a class of errors")))
    }
}

/// The right to write to a run. It grows with every claim, so that a worker who was away too long writes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease {
    pub run: RunId,
    pub token: i64,
}

/// A run that now belongs to the caller.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub run: Run,
    pub lease: Lease,
}

/// A run with all that is needed to go on with it, or to show it.
#[derive(Clone, Debug)]
pub struct LoadedRun {
    pub run: Run,
    pub event: Event,
    /// The event's body as received.
    pub body: Vec<u8>,
    /// In the order of `seq`. An entry `accepted` at 0 is the store's own: there where the run has a dedupe value or order key.
    pub journal: Vec<JournalEntry>,
    /// What persons answered and the journal does not know yet, with the nodes.
    pub answers: Vec<(String, Judged)>,
}

/// What one write to a run does beside its journal entries.
#[derive(Clone, Debug)]
pub struct RunUpdate {
    pub next: Next,
    /// The revision taken, when its first step begins.
    pub revision: Option<Hash>,
    pub effects: Vec<Effect>,
    pub alerts: Vec<NewAlert>,
    pub approvals: Vec<ApprovalChange>,
    /// Links and totals, in this order.
    pub kept: Vec<Kept>,
    /// Nodes that wait for a called run no longer.
    pub joined: Vec<String>,
    pub at: Timestamp,
}

impl RunUpdate {
    /// Nothing but the journal entries; the worker keeps the run.
    pub fn running(at: Timestamp) -> RunUpdate {
        RunUpdate::to(Next::Running, at)
    }

    /// The run goes on to `next`.
    pub fn to(next: Next, at: Timestamp) -> RunUpdate {
        RunUpdate {
            next,
            revision: None,
            effects: Vec::new(),
            alerts: Vec::new(),
            approvals: Vec::new(),
            kept: Vec::new(),
            joined: Vec::new(),
            at,
        }
    }
}

/// A run that a step of another run calls.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// What it is given. Its `provider_id` names the calling step's work: the same call again finds the run it has started.
    pub event: NewEvent,
    pub run: NewRun,
    /// The caller waits for its end.
    pub wait: bool,
    /// Of the entry `called` in the caller's journal, which the store writes itself.
    pub seq: i64,
    pub node: String,
    pub generation: u32,
    pub attempt: u32,
    pub at: Timestamp,
}

/// A called run as the caller sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    pub run: RunId,
    pub state: RunState,
    /// It was there before the call.
    pub joined: bool,
    /// Why it failed.
    pub error: Option<RunError>,
    /// What it gave, once it has succeeded.
    pub result: Option<Encoded>,
}

impl Called {
    /// Nobody needs to wait for it: it is over, or needs a person and may never be.
    pub fn has_ended(&self) -> bool {
        self.state.is_settled() || self.state == RunState::DeadLetter
    }
}

/// What becomes of a run after a write. Everything but `Running` gives the lease back.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    Running,
    /// Wants a worker at `due`; now, when that is past.
    Waiting {
        due: Timestamp,
    },
    Parked {
        reason: String,
    },
    DeadLetter(RunError),
    OutcomeUnknown(RunError),
    Succeeded,
    /// `release`: it does not keep its dedupe value.
    Stopped {
        reason: String,
        release: bool,
    },
    /// Does not keep its dedupe value.
    Superseded {
        reason: String,
    },
}

impl Next {
    /// The state that it leads to.
    pub fn state(&self) -> RunState {
        match self {
            Next::Running => RunState::Running,
            Next::Waiting { .. } => RunState::Waiting,
            Next::Parked { .. } => RunState::Parked,
            Next::DeadLetter(_) => RunState::DeadLetter,
            Next::OutcomeUnknown(_) => RunState::OutcomeUnknown,
            Next::Succeeded => RunState::Succeeded,
            Next::Stopped { .. } => RunState::Stopped,
            Next::Superseded { .. } => RunState::Superseded,
        }
    }
}

/// A row of an outside system that a node created, changed or adopted: no other node may take it for its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub connection: String,
    pub entity: String,
    pub row_key: String,
    /// The node's path.
    pub node: String,
}

/// How a run that stands still goes on.
#[derive(Clone, Debug, Default)]
pub struct Resume {
    /// What to write down first: a decision, a mended payload.
    pub entries: Vec<JournalEntry>,
    /// The revision to go on with. `None`: the one it has.
    pub revision: Option<Hash>,
    /// Rows that a person said are the run's work.
    pub effects: Vec<Effect>,
    /// The name of it in the audit: `replay`, `decide`.
    pub action: &'static str,
}
