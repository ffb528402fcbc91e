//! The plain types that the [`Store`](super::Store) trait speaks in.

use super::journal::{Encoded, JournalEntry};
use super::keep::Kept;
use crate::diagnostics::Position;
use crate::graph::{ErrorClass, Severity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A text that should have been an id, a hash or a name of the store and is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct NotAnId {
    pub text: String,
    pub expected: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident: $expected:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// A new id, later than every earlier one of this process.
            pub fn new() -> Self {
                $name(uuid::Uuid::now_v7())
            }
        }
        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                uuid::Uuid::try_parse(text)
                    .map($name)
                    .map_err(|_| NotAnId { text: text.to_owned(), expected: $expected })
            }
        }
    )*};
}

ids! {
    /// An accepted event. A UUIDv7.
    EventId: "the id of an event";
    /// A run. A UUIDv7.
    RunId: "the id of a run";
    /// An alert. A UUIDv7.
    AlertId: "the id of an alert";
}

/// A SHA-256: of a body, a dedupe value, an order key, a revision's sources.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of some bytes.
    pub fn of(bytes: &[u8]) -> Hash {
        let mut hash = [0; 32];
        hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
        Hash(hash)
    }

    /// In the place of what two deliveries have in common ([`NewEvent::same`]): the id alone tells.
    pub const ANY: Hash = Hash([0; 32]);
}
impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for Hash {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Hash, NotAnId> {
        let error = || NotAnId { text: text.to_owned(), expected: "a hash of 64 hexadecimal digits" };
        let mut hash = [0; 32];
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(error());
        }
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| error())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| error())?;
        }
        Ok(Hash(hash))
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $expected:literal { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every one of them.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// Its name in the store, the API and the logs.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text)
                    .ok_or_else(|| NotAnId { text: text.to_owned(), expected: $expected })
            }
        }
    )*};
}

names! {
    /// What became of an event.
    EventState: "a state of events" {
        /// At least one flow wanted it.
        Routed = "routed",
        /// Signed, but wanted by no flow.
        Unrouted = "unrouted",
        /// Signed, but not readable.
        DeadLetter = "dead_letter",
        /// Another body under an id that was accepted before.
        Conflicting = "conflicting",
        /// What it said was erased: nothing can be done with it any more.
        Erased = "erased",
    }

    /// Where a run stands.
    RunState: "a state of runs" {
        /// Waits behind an earlier run of its order key.
        Queued = "queued",
        /// Wants a worker now.
        Ready = "ready",
        /// A worker has it.
        Running = "running",
        /// Sleeps until its due time.
        Waiting = "waiting",
        /// Cannot go on until somebody acts, as when its revision no longer compiles.
        Parked = "parked",
        /// Failed, with everything needed to mend it.
        DeadLetter = "dead_letter",
        /// Nothing can tell whether a write was done; somebody has to decide.
        OutcomeUnknown = "outcome_unknown",
        Succeeded = "succeeded",
        /// Ended by a `stop`, an answer "no" or an operator.
        Stopped = "stopped",
        /// `when` did not hold.
        Skipped = "skipped",
        /// Caused by ourselves.
        Ignored = "ignored",
        /// Another run has its dedupe value.
        Duplicate = "duplicate",
        /// A later one took its place.
        Superseded = "superseded",
    }
}

impl RunState {
    /// Nothing is left to do and nobody has to act: what retention may drop.
    pub fn is_settled(self) -> bool {
        use RunState::*;
        matches!(self, Succeeded | Stopped | Skipped | Ignored | Duplicate | Superseded)
    }

    /// Stopped where only a person can help it on.
    pub fn needs_a_person(self) -> bool {
        matches!(self, RunState::Parked | RunState::DeadLetter | RunState::OutcomeUnknown)
    }
}

/// An event that came through the door: verified, not yet kept.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub connection: String,
    /// The provider's id of it, unique in the connection.
    pub provider_id: String,
    /// The provider's name of its kind, as `charge.succeeded`. Empty where it could not be read.
    pub kind: String,
    /// Hash of what two deliveries with one id must have in common (the catalogue's `same`, by default all of the body);
    /// [`Hash::ANY`] for what was asked for rather than delivered.
    pub same: Hash,
    /// The bytes as received.
    pub body: Vec<u8>,
    /// Headers and other facts of the delivery, as JSON text.
    pub delivery: String,
    /// Caused by ourselves (`trigger.own`).
    pub own: bool,
    pub received_at: Timestamp,
    /// Why it cannot be read: it is kept as a dead letter, and must have no runs.
    pub problem: Option<String>,
    /// Who is meant, as [`subject`](super::subject) hashes them.
    pub subjects: Vec<Hash>,
}

/// What the door found for one flow that listens to the event.
#[derive(Clone, Debug)]
pub struct NewRun {
    pub flow: String,
    pub dedupe: Option<String>,
    pub order_key: Option<String>,
    pub sequence: Option<String>,
    pub start: Start,
}

/// How a run begins.
#[derive(Clone, Debug)]
pub enum Start {
    Run,
    /// `when` did not hold.
    Skipped,
    /// `ignore_own`.
    Ignored,
    /// An expression at the door failed: a dead letter from the start.
    Failed(RunError),
}

/// How far something that is asked for again and again has come, in the words of whoever asks. It moves only from where
/// that one saw it, so that two who ask never both move it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorMove {
    pub flow: String,
    pub name: String,
    /// Where it stood; `None`: nowhere yet.
    pub from: Option<String>,
    pub to: String,
    pub at: Timestamp,
}

/// What [`accept`](super::Store::accept) did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The kept event; for a duplicate, the first one.
    pub event: EventId,
    pub outcome: AcceptOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceptOutcome {
    /// Kept, with what became of each run, in the order given. No runs: unrouted or a dead letter.
    Kept(Vec<AcceptedRun>),
    /// The same event was here before. Nothing was written.
    Duplicate,
    /// Another body under the same id: kept beside the first, an alert raised, no run started.
    Conflicting,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedRun {
    pub id: RunId,
    pub flow: String,
    pub state: RunState,
    /// The run that has the dedupe value.
    pub duplicate_of: Option<RunId>,
}

/// An event as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    pub connection: String,
    pub provider_id: String,
    pub kind: String,
    pub state: EventState,
    pub own: bool,
    pub received_at: Timestamp,
    pub problem: Option<String>,
    /// Headers and other facts of the delivery, as JSON text.
    pub delivery: String,
    pub body_hash: Hash,
}

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
}

/// What one write to a run does beside its journal entries.
#[derive(Clone, Debug)]
pub struct RunUpdate {
    pub next: Next,
    /// The revision taken, when its first step begins.
    pub revision: Option<Hash>,
    pub effects: Vec<Effect>,
    pub alerts: Vec<NewAlert>,
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

/// Something a person should know. One of the same flow, code and title is one while it is open, and counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAlert {
    pub flow: Option<String>,
    pub run: Option<RunId>,
    pub severity: Severity,
    pub code: String,
    pub title: String,
    pub detail: Option<String>,
}

/// An alert as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub id: AlertId,
    pub flow: Option<String>,
    /// The latest run that raised it.
    pub run: Option<RunId>,
    pub severity: Severity,
    pub code: String,
    pub title: String,
    pub detail: Option<String>,
    pub open: bool,
    /// Who looks after it, and since when.
    pub acknowledged: Option<(String, Timestamp)>,
    /// How often it was raised while open.
    pub count: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

/// Who does something and why; it goes into the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    pub actor: String,
    pub reason: String,
    pub at: Timestamp,
}

/// One line of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub at: Timestamp,
    pub actor: String,
    pub action: String,
    /// What it was done to: a run, a flow.
    pub target: String,
    pub reason: String,
}

/// How a run that stands still goes on.
#[derive(Clone, Debug, Default)]
pub struct Resume {
    /// What to write down first: a decision, a mended payload.
    pub entries: Vec<JournalEntry>,
    /// The revision to go on with. `None`: the one it has.
    pub revision: Option<Hash>,
    /// The name of it in the audit: `replay`, `decide`.
    pub action: &'static str,
}

/// The sources that a flow was compiled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    pub flow: String,
    /// Of everything below: whoever makes a revision computes it.
    pub hash: Hash,
    pub language_version: u32,
    /// Name → text, in order.
    pub sources: Vec<(String, String)>,
    pub created_at: Timestamp,
}

/// Which revision of a flow new runs take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveRevision {
    pub flow: String,
    pub revision: Hash,
    pub activated_at: Timestamp,
    /// When the flow was active for the first time: reconciliation never looks further back.
    pub first_active_at: Timestamp,
    /// What the files said when an operator chose this revision instead. It holds until the files say something else.
    pub instead_of: Option<Hash>,
}

/// A revision in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRevision {
    pub flow: String,
    pub hash: Hash,
    pub language_version: u32,
    pub created_at: Timestamp,
    /// When another took its place. `None`: it is live, or never was.
    pub active_until: Option<Timestamp>,
    pub live: bool,
}

/// How much stands still, waits, and wants to be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Runs that only a person can help on, by flow and state.
    pub standing: Vec<(String, RunState, u64)>,
    /// Open alerts by severity.
    pub alerts: Vec<(Severity, u64)>,
    /// Events that started nothing, by state.
    pub events: Vec<(EventState, u64)>,
    /// When the next run wants a worker; in the past: since when one waits for it.
    pub next_due: Option<Timestamp>,
}

/// A part of a list: at most `limit`, after the place where an earlier part ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub limit: usize,
    pub after: Option<String>,
}

impl Page {
    /// The first `limit`.
    pub fn first(limit: usize) -> Page {
        Page { limit, after: None }
    }
}

/// A part of a list, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// Where the next part begins; `None`: this was the last.
    pub next: Option<String>,
}

/// Which runs to list. Everything set must hold.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    pub flow: Option<String>,
    /// Any of them; empty: all.
    pub states: Vec<RunState>,
    pub event: Option<EventId>,
    /// The text that a run's `dedupe` gave.
    pub dedupe: Option<String>,
    /// What waits behind this run for its order key.
    pub behind: Option<RunId>,
    /// The code of the error with which it failed.
    pub code: Option<String>,
    /// Accepted at this instant or later.
    pub since: Option<Timestamp>,
    /// Accepted before this instant.
    pub until: Option<Timestamp>,
}

/// Which events to list. Everything set must hold.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    pub connection: Option<String>,
    pub state: Option<EventState>,
    pub provider_id: Option<String>,
    /// Who is meant, as [`subject`](super::subject) hashes them.
    pub subject: Option<Hash>,
}

/// Which alerts to list. Everything set must hold.
#[derive(Clone, Debug, Default)]
pub struct AlertFilter {
    pub open: Option<bool>,
    pub flow: Option<String>,
    pub code: Option<String>,
}

/// How long what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Of days before this one, what is settled goes.
    pub settled_before: Timestamp,
    /// Dead letters from before this go, too, unless later runs of their order key wait for them.
    pub failed_before: Timestamp,
}

/// What [`erase`](super::Store::erase) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    pub events: u64,
    pub runs: u64,
    /// Events that stay, because a run of theirs is not settled.
    pub left: u64,
}

/// What [`drop_periods`](super::Store::drop_periods) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    pub runs: u64,
    pub events: u64,
    /// Runs and events that were copied on.
    pub kept: u64,
    /// Event ids and dedupe values forgotten.
    pub forgotten: u64,
}
