//! What is durable: events, runs with their journals, effects, alerts, revisions, audit.
//!
//! [`Store`] speaks of intentions, not of tables: one method is one transaction, and when it has answered, what it did
//! is on disk. It deliberately knows nothing of flows and values: it keeps texts and bytes, and the engine gives them
//! meaning. Invariants: an event and its runs are kept together or not at all; a provider's event id and a flow's
//! dedupe value are each taken once, and remembered whatever becomes of the payload; runs of one order key begin in the
//! order of acceptance; only the holder of a run's newest lease writes to it; a row of an outside system belongs to one
//! node. Payload-bearing rows are keyed by period, and dropped a period at a time.

mod codec;
#[cfg(test)]
pub(crate) mod conformance;
mod error;
pub mod journal;
mod keep;
mod sequence;
mod sql;
mod sqlite;
mod subject;
mod types;

pub use error::StoreError;
pub use journal::{Encoded, JournalEntry, Record};
pub use keep::{Keep, Kept};
pub use sequence::in_sequence;
pub use sqlite::SqliteStore;
pub use subject::subject;
pub use types::*;

use crate::value::Exact;
use jiff::Timestamp;
use std::path::PathBuf;
use std::pin::Pin;

/// The answer of a store, once it is there.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A durable store. Every method is one transaction, but for [`drop_periods`](Store::drop_periods), which is many.
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Keeps an event and what the door found for each flow. [`StoreError::Busy`] at once when the store cannot keep up.
    fn accept(&self, event: NewEvent, runs: Vec<NewRun>) -> Reply<'_, Accepted>;

    /// As [`accept`](Store::accept), for one who works on runs: those that may begin at once are the caller's until `until`,
    /// as if [`claim`](Store::claim)ed, with a [`lease`](AcceptedRun::lease).
    fn accept_claimed(&self, event: NewEvent, runs: Vec<NewRun>, until: Timestamp) -> Reply<'_, Accepted>;

    /// Keeps events that were asked for, each as [`accept`](Store::accept) does, and moves the cursor of the asking: all
    /// of it or nothing. [`StoreError::Conflict`] when the cursor stands elsewhere by now.
    fn accept_all(&self, events: Vec<(NewEvent, Vec<NewRun>)>, cursor: CursorMove) -> Reply<'_, Vec<Accepted>>;

    /// Where a cursor of a flow stands.
    fn cursor(&self, flow: String, name: String) -> Reply<'_, Option<String>>;

    /// Sends a kept event through the door again: unrouted, a dead letter, or with runs that failed at the door (those
    /// end as superseded). Flows that have another run of it are left out. `entries` are written into each new run first.
    /// `reread`: of one that could not be read before. [`StoreError::Conflict`] where it came under its id meanwhile.
    fn accept_again(
        &self,
        event: EventId,
        reread: Option<Reread>,
        runs: Vec<NewRun>,
        entries: Vec<JournalEntry>,
        by: By,
    ) -> Reply<'_, Accepted>;

    /// Takes up to `limit` runs that want a worker at `now`, in the order of acceptance. They belong to the caller until
    /// `until`; after that others may take them, and the lease given here writes nothing any more.
    fn claim(&self, now: Timestamp, until: Timestamp, limit: usize) -> Reply<'_, Vec<Claimed>>;

    /// Keeps claimed runs until `until`. Gives the leases that still hold.
    fn renew(&self, leases: Vec<Lease>, until: Timestamp) -> Reply<'_, Vec<Lease>>;

    /// The clock was ahead: runs that are ready but were accepted "later" want a worker at `now`. Gives how many.
    fn clock_went_back(&self, now: Timestamp) -> Reply<'_, u64>;

    /// When the next run wants a worker (in the past, when one does now). `None`: none by itself.
    fn next_due(&self) -> Reply<'_, Option<Timestamp>>;

    /// Writes journal entries with all that belongs to them. Gives a run that wants a worker because of it: the next of its
    /// order key, or one that waited for its end. [`StoreError::Fenced`] and [`StoreError::EffectTaken`] write nothing.
    fn append(&self, lease: Lease, entries: Vec<JournalEntry>, update: RunUpdate) -> Reply<'_, Option<RunId>>;

    /// What a key of a link leads to.
    fn link(&self, name: String, key: String) -> Reply<'_, Option<String>>;

    /// The sum under a key of a total. `None`: nothing was ever added.
    fn total(&self, name: String, key: String) -> Reply<'_, Option<Exact>>;

    /// Starts the run that a step calls, or finds the one that the call has started before or that has its dedupe value;
    /// with `wait`, the caller waits for its end. The child's event and run, its dedupe value, the caller's journal entry
    /// and its waiting are kept together or not at all.
    fn call(&self, lease: Lease, call: NewCall) -> Reply<'_, Called>;

    /// How a run stands for those who wait for it. `None`: there is no such run.
    fn child(&self, run: RunId) -> Reply<'_, Option<Called>>;

    /// A run with its event and journal.
    fn load_run(&self, run: RunId) -> Reply<'_, Option<LoadedRun>>;

    /// The same of several, in one go. Those that are not there are left out.
    fn load_runs(&self, runs: Vec<RunId>) -> Reply<'_, Vec<LoadedRun>>;

    /// Puts a run that stands still or has ended back to work: at its place when it still holds its order key or has
    /// none, at the end otherwise. Gives the state it is in now. [`StoreError::Conflict`] when it is under way, or its
    /// dedupe value has another owner by now, [`StoreError::EffectTaken`] when a row that it is to have has one.
    fn resume(&self, run: RunId, how: Resume, by: By) -> Reply<'_, RunState>;

    /// Writes into the journal of a run that stands still or has ended, and leaves it where it is. `action`: its name in
    /// the audit.
    fn write_down(&self, run: RunId, entries: Vec<JournalEntry>, action: &'static str, by: By) -> Reply<'_, ()>;

    /// Writes into the journal of a run that sleeps, or waits for its turn or a worker, and wakes it where it sleeps. Gives
    /// its state. `action`: its name in the audit. [`StoreError::Busy`] while somebody works on it,
    /// [`StoreError::Conflict`] where it stands still or has ended.
    fn interrupt(&self, run: RunId, entries: Vec<JournalEntry>, action: &'static str, by: By) -> Reply<'_, RunState>;

    /// Sets a run aside that sleeps or waits for its turn, until somebody resumes it. It keeps its order key.
    /// [`StoreError::Busy`] while somebody works on it, [`StoreError::Conflict`] where it stands still or has ended.
    fn park(&self, run: RunId, by: By) -> Reply<'_, ()>;

    /// Lets later runs of its order key pass a run that stands still. Gives the one that may now begin.
    fn release_key(&self, run: RunId, by: By) -> Reply<'_, Option<RunId>>;

    /// Runs, the latest accepted first.
    fn runs(&self, filter: RunFilter, page: Page) -> Reply<'_, Listed<Run>>;

    /// Events, the latest received first.
    fn events(&self, filter: EventFilter, page: Page) -> Reply<'_, Listed<Event>>;

    /// An event with its body.
    fn event(&self, event: EventId) -> Reply<'_, Option<(Event, Vec<u8>)>>;

    /// What persons are asked, the latest first.
    fn approvals(&self, filter: ApprovalFilter, page: Page) -> Reply<'_, Listed<Approval>>;

    /// Keeps a person's answer, and wakes the run that waits for it. [`StoreError::Conflict`] when it is not asked (any
    /// more), or has expired.
    fn answer(&self, run: RunId, node: String, answer: journal::Judged) -> Reply<'_, ()>;

    /// Raises an alert outside any run.
    fn raise(&self, alert: NewAlert, at: Timestamp) -> Reply<'_, AlertId>;

    /// Somebody has seen an open alert and looks after it. False: it was not open, or somebody had.
    fn acknowledge_alert(&self, alert: AlertId, by: By) -> Reply<'_, bool>;

    /// Closes an alert. False: it was not open.
    fn close_alert(&self, alert: AlertId, by: By) -> Reply<'_, bool>;

    /// Alerts, the latest opened first.
    fn alerts(&self, filter: AlertFilter, page: Page) -> Reply<'_, Listed<Alert>>;

    /// The first alerts of whose opening or end nobody was told yet.
    fn untold_alerts(&self, limit: usize) -> Reply<'_, Vec<Untold>>;

    /// Hands an alert on as it was read: keeps the events that tell of it, each as [`accept`](Store::accept) would, and
    /// that it is told. What the alert's run is about, the events are about, too.
    fn tell_alert(&self, alert: Alert, events: Vec<(NewEvent, Vec<NewRun>)>) -> Reply<'_, ()>;

    /// The audit, the latest first.
    fn audit(&self, page: Page) -> Reply<'_, Listed<AuditEntry>>;

    /// Writes into the audit what was done outside the store.
    fn audit_action(&self, action: &'static str, target: String, by: By) -> Reply<'_, ()>;

    /// Keeps a revision. Again is no error.
    fn put_revision(&self, revision: Revision) -> Reply<'_, ()>;

    /// Makes a kept revision the one that new runs of its flow take. `instead_of`: what the files say, where an operator
    /// wants another.
    fn activate(&self, revision: Hash, instead_of: Option<Hash>, by: By) -> Reply<'_, ()>;

    /// The live revision of each flow.
    fn live_revisions(&self) -> Reply<'_, Vec<LiveRevision>>;

    /// The latest `limit` revisions, the latest made first.
    fn revisions(&self, flow: Option<String>, limit: usize) -> Reply<'_, Vec<KeptRevision>>;

    /// A revision with its sources.
    fn revision(&self, hash: Hash) -> Reply<'_, Option<Revision>>;

    /// Drops events and runs with their payloads, day by day as `retention` says; what stays of a day is copied on to the
    /// day of `now`. Event ids and dedupe values are remembered all the same, and forgotten after 400 days.
    fn drop_periods(&self, retention: Retention, now: Timestamp) -> Reply<'_, Dropped>;

    /// The day of the oldest that is kept, at its beginning. `None`: nothing is.
    fn oldest(&self) -> Reply<'_, Option<Timestamp>>;

    /// Bytes in use.
    fn size(&self) -> Reply<'_, u64>;

    /// Erases what events of a person said, and the journals of their runs. Events with runs that are not settled stay,
    /// and so does that there was something: ids, states, times, hashes.
    fn erase(&self, subject: Hash, by: By) -> Reply<'_, Erased>;

    /// How much stands still, waits, and wants to be seen.
    fn counts(&self) -> Reply<'_, Counts>;

    /// Writes a copy of everything as it stands now to a file that must not be there yet, while work goes on. Gives its
    /// length in bytes.
    fn backup(&self, to: PathBuf) -> Reply<'_, u64>;

    /// Whether the store can write.
    fn ping(&self) -> Reply<'_, ()>;
}
