//! Events as they come through the door, and what the door made of them.

use super::{EventId, EventState, Hash, Lease, RunError, RunId, RunState};
use jiff::Timestamp;

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

/// What a kept event turns out to be when it is read once more: what [`NewEvent`] says of it.
#[derive(Clone, Debug)]
pub struct Reread {
    pub provider_id: String,
    pub kind: String,
    pub same: Hash,
    pub own: bool,
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
    /// Its place in the order of acceptance.
    pub number: i64,
    pub flow: String,
    pub state: RunState,
    /// The run that has the dedupe value.
    pub duplicate_of: Option<RunId>,
    /// Later runs of its order key wait for it.
    pub holds_key: bool,
    /// Where it belongs to whoever had it accepted.
    pub lease: Option<Lease>,
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
