//! The embedded store: one SQLite file in a folder that one process holds.
//!
//! One writer thread with group commit, a few readers apart, and nothing of it on the runtime's threads. Invariant: an
//! answer to a write means that it is on disk (write-ahead log, `synchronous=FULL`).

mod alerts;
mod approvals;
mod backup;
mod calls;
mod door;
mod entries;
mod erase;
mod folder;
mod keep;
mod keys;
mod lists;
#[cfg(test)]
mod order;
mod query;
mod reader;
mod retention;
mod revisions;
mod rows;
mod runs;
#[cfg(test)]
mod tests;
mod writer;

use super::*;
use crate::value::Exact;
use door::Incoming;
use entries::Entries;
use folder::Folder;
use reader::Readers;
use std::path::{Path, PathBuf};
use std::time::Duration;
use writer::Writer;

/// How long SQLite waits for a lock: only a checkpoint or a person with a tool can hold one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// A store in a folder.
pub struct SqliteStore {
    // In the order in which they must end: the writer's connection is the last, for it takes the log into the file; the
    // lock is given up after that.
    readers: Readers,
    writer: Writer,
    folder: Folder,
}

impl SqliteStore {
    /// Opens the store in `folder`, or makes one there.
    pub fn open(folder: &Path) -> Result<SqliteStore, StoreError> {
        let folder = Folder::lock(folder)?;
        let connection = folder.open()?;
        let readers = Readers::new(folder.file());
        Ok(SqliteStore { writer: Writer::start(connection)?, readers, folder })
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SqliteStore").field(&self.folder.file()).finish()
    }
}

impl Store for SqliteStore {
    fn accept(&self, event: NewEvent, runs: Vec<NewRun>) -> Reply<'_, Accepted> {
        let event = Incoming::new(event);
        Box::pin(self.writer.try_call(move |c| door::accept(c, &event, &runs, None)))
    }

    fn accept_claimed(&self, event: NewEvent, runs: Vec<NewRun>, until: Timestamp) -> Reply<'_, Accepted> {
        let event = Incoming::new(event);
        Box::pin(self.writer.try_call(move |c| door::accept(c, &event, &runs, Some(until))))
    }

    fn accept_all(&self, events: Vec<(NewEvent, Vec<NewRun>)>, cursor: CursorMove) -> Reply<'_, Vec<Accepted>> {
        let events = Incoming::all(events);
        Box::pin(self.writer.call(move |c| door::accept_all(c, &events, &cursor)))
    }

    fn cursor(&self, flow: String, name: String) -> Reply<'_, Option<String>> {
        Box::pin(self.readers.read(move |c| query::one(c, sql::CURSOR, [&flow, &name], |row| row.get(0))))
    }

    fn accept_again(
        &self,
        event: EventId,
        reread: Option<Reread>,
        runs: Vec<NewRun>,
        entries: Vec<JournalEntry>,
        by: By,
    ) -> Reply<'_, Accepted> {
        Box::pin(async move {
            let entries = Entries::new(&entries)?;
            self.writer.call(move |c| door::accept_again(c, event, reread.as_ref(), &runs, &entries, &by)).await
        })
    }

    fn claim(&self, now: Timestamp, until: Timestamp, limit: usize) -> Reply<'_, Vec<Claimed>> {
        Box::pin(self.writer.call(move |c| runs::claim(c, now, until, limit)))
    }

    fn renew(&self, leases: Vec<Lease>, until: Timestamp) -> Reply<'_, Vec<Lease>> {
        Box::pin(self.writer.call(move |c| runs::renew(c, &leases, until)))
    }

    fn clock_went_back(&self, now: Timestamp) -> Reply<'_, u64> {
        Box::pin(self.writer.call(move |c| Ok(query::execute(c, sql::NOT_LATER, [rows::At(now)])? as u64)))
    }

    fn next_due(&self) -> Reply<'_, Option<Timestamp>> {
        Box::pin(self.readers.read(runs::next_due))
    }

    fn append(&self, lease: Lease, entries: Vec<JournalEntry>, update: RunUpdate) -> Reply<'_, Option<RunId>> {
        Box::pin(async move {
            let entries = Entries::new(&entries)?;
            self.writer.call(move |c| runs::append(c, lease, &entries, &update)).await
        })
    }

    fn link(&self, name: String, key: String) -> Reply<'_, Option<String>> {
        Box::pin(self.readers.read(move |c| keep::link(c, &name, &key)))
    }

    fn total(&self, name: String, key: String) -> Reply<'_, Option<Exact>> {
        Box::pin(self.readers.read(move |c| keep::total(c, &name, &key)))
    }

    fn call(&self, lease: Lease, call: NewCall) -> Reply<'_, Called> {
        let event = Incoming::new(call.event.clone());
        Box::pin(self.writer.call(move |c| calls::call(c, lease, &call, &event)))
    }

    fn child(&self, run: RunId) -> Reply<'_, Option<Called>> {
        Box::pin(self.readers.read(move |c| calls::child(c, run)))
    }

    fn load_run(&self, run: RunId) -> Reply<'_, Option<LoadedRun>> {
        Box::pin(self.readers.read(move |c| runs::load(c, run)))
    }

    fn load_runs(&self, runs: Vec<RunId>) -> Reply<'_, Vec<LoadedRun>> {
        Box::pin(self.readers.read(move |c| runs.iter().filter_map(|run| runs::load(c, *run).transpose()).collect()))
    }

    fn resume(&self, run: RunId, how: Resume, by: By) -> Reply<'_, RunState> {
        Box::pin(async move {
            let entries = Entries::new(&how.entries)?;
            self.writer.call(move |c| runs::resume(c, run, &how, &entries, &by)).await
        })
    }

    fn write_down(&self, run: RunId, entries: Vec<JournalEntry>, action: &'static str, by: By) -> Reply<'_, ()> {
        Box::pin(async move {
            let entries = Entries::new(&entries)?;
            self.writer.call(move |c| runs::write_down(c, run, &entries, action, &by)).await
        })
    }

    fn interrupt(&self, run: RunId, entries: Vec<JournalEntry>, action: &'static str, by: By) -> Reply<'_, RunState> {
        Box::pin(async move {
            let entries = Entries::new(&entries)?;
            self.writer.call(move |c| runs::interrupt(c, run, &entries, action, &by)).await
        })
    }

    fn park(&self, run: RunId, by: By) -> Reply<'_, ()> {
        Box::pin(self.writer.call(move |c| runs::park(c, run, &by)))
    }

    fn release_key(&self, run: RunId, by: By) -> Reply<'_, Option<RunId>> {
        Box::pin(self.writer.call(move |c| runs::release_key(c, run, &by)))
    }

    fn runs(&self, filter: RunFilter, page: Page) -> Reply<'_, Listed<Run>> {
        Box::pin(self.readers.read(move |c| lists::runs(c, &filter, &page)))
    }

    fn events(&self, filter: EventFilter, page: Page) -> Reply<'_, Listed<Event>> {
        Box::pin(self.readers.read(move |c| lists::events(c, &filter, &page)))
    }

    fn event(&self, event: EventId) -> Reply<'_, Option<(Event, Vec<u8>)>> {
        Box::pin(self.readers.read(move |c| door::event(c, event)))
    }

    fn approvals(&self, filter: ApprovalFilter, page: Page) -> Reply<'_, Listed<Approval>> {
        Box::pin(self.readers.read(move |c| approvals::list(c, &filter, &page)))
    }

    fn answer(&self, run: RunId, node: String, answer: journal::Judged) -> Reply<'_, ()> {
        Box::pin(self.writer.call(move |c| approvals::answer(c, &runs::get(c, run)?.run, &node, &answer)))
    }

    fn raise(&self, alert: NewAlert, at: Timestamp) -> Reply<'_, AlertId> {
        Box::pin(self.writer.call(move |c| alerts::raise(c, &alert, at)))
    }

    fn acknowledge_alert(&self, alert: AlertId, by: By) -> Reply<'_, bool> {
        Box::pin(self.writer.call(move |c| alerts::acknowledge(c, alert, &by)))
    }

    fn close_alert(&self, alert: AlertId, by: By) -> Reply<'_, bool> {
        Box::pin(self.writer.call(move |c| alerts::close(c, alert, &by)))
    }

    fn alerts(&self, filter: AlertFilter, page: Page) -> Reply<'_, Listed<Alert>> {
        Box::pin(self.readers.read(move |c| lists::alerts(c, &filter, &page)))
    }

    fn untold_alerts(&self, limit: usize) -> Reply<'_, Vec<Untold>> {
        Box::pin(self.readers.read(move |c| alerts::untold(c, limit)))
    }

    fn tell_alert(&self, alert: Alert, events: Vec<(NewEvent, Vec<NewRun>)>) -> Reply<'_, ()> {
        let events = Incoming::all(events);
        Box::pin(self.writer.call(move |c| alerts::tell(c, &alert, &events)))
    }

    fn audit(&self, page: Page) -> Reply<'_, Listed<AuditEntry>> {
        Box::pin(self.readers.read(move |c| lists::audit(c, &page)))
    }

    fn audit_action(&self, action: &'static str, target: String, by: By) -> Reply<'_, ()> {
        Box::pin(self.writer.call(move |c| alerts::audit(c, &by, action, &target)))
    }

    fn put_revision(&self, revision: Revision) -> Reply<'_, ()> {
        Box::pin(self.writer.call(move |c| revisions::put(c, &revision)))
    }

    fn activate(&self, revision: Hash, instead_of: Option<Hash>, by: By) -> Reply<'_, ()> {
        Box::pin(self.writer.call(move |c| revisions::activate(c, revision, instead_of, &by)))
    }

    fn live_revisions(&self) -> Reply<'_, Vec<LiveRevision>> {
        Box::pin(self.readers.read(revisions::live))
    }

    fn revisions(&self, flow: Option<String>, limit: usize) -> Reply<'_, Vec<KeptRevision>> {
        Box::pin(self.readers.read(move |c| revisions::list(c, flow.as_deref(), limit)))
    }

    fn revision(&self, hash: Hash) -> Reply<'_, Option<Revision>> {
        Box::pin(self.readers.read(move |c| revisions::get(c, hash)))
    }

    fn drop_periods(&self, retention: Retention, now: Timestamp) -> Reply<'_, Dropped> {
        Box::pin(retention::drop_periods(&self.writer, retention, now))
    }

    fn oldest(&self) -> Reply<'_, Option<Timestamp>> {
        Box::pin(self.readers.read(retention::oldest))
    }

    fn size(&self) -> Reply<'_, u64> {
        Box::pin(self.readers.read(retention::size))
    }

    fn erase(&self, subject: Hash, by: By) -> Reply<'_, Erased> {
        Box::pin(self.writer.call(move |c| erase::erase(c, subject, &by)))
    }

    fn counts(&self) -> Reply<'_, Counts> {
        Box::pin(self.readers.read(lists::counts))
    }

    fn backup(&self, to: PathBuf) -> Reply<'_, u64> {
        Box::pin(backup::write(self.folder.file(), to))
    }

    fn ping(&self) -> Reply<'_, ()> {
        Box::pin(self.writer.call(|c| query::execute(c, sql::PING, []).map(|_| ())))
    }
}
