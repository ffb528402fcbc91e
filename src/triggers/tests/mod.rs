//! The door and its listener, against a real store.

mod askers;
mod changes;
mod dataverse;
mod finops;
mod ingress;
mod paypal;
mod server;

use super::ingress::{Endpoint, Verification};
use super::stripe;
use crate::catalog::Catalog;
use crate::diagnostics::{FileId, Sources, Span};
use crate::engine::{Inbox, Seen};
use crate::graph::{ExecutionGraph, Trigger, TriggerKind};
use crate::store::{Accepted, NewEvent, NewRun, Reply, SqliteStore, Store};
use crate::value::{Record, Value};
use std::sync::Arc;
use std::time::Duration;

pub(super) const SECRET: &str = "whsec_test";
pub(super) const PREFIX: &str = "flowctl-0a1b2c3d-";
pub(super) const CHARGE: &str = r#"{"id":"evt_1","object":"event","type":"charge.succeeded","created":1,"livemode":false,"data":{"object":{"amount":1050}}}"#;

/// A store in a folder that lives as long.
pub(super) fn store() -> (tempfile::TempDir, Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    (folder, Arc::new(store))
}

pub(super) fn endpoint() -> Endpoint {
    Endpoint {
        privacy: Arc::default(),
        connection: "stripe".to_owned(),
        system: Arc::new(Catalog::bundled().system("stripe").unwrap().clone()),
        decoders: Arc::default(),
        verification: Verification::Stripe { secrets: vec![SECRET.to_owned()], tolerance: Duration::from_secs(300) },
        live: Some(false),
        company: None,
        event_id: None,
        own_prefix: PREFIX.to_owned(),
        own_users: Default::default(),
        pace: None,
    }
}

/// A flow that listens, and has no steps.
pub(super) fn flow(name: &str, connection: &str, event: &str) -> Arc<ExecutionGraph> {
    let span = Span { file: FileId(0), start: 0, end: 0 };
    Arc::new(ExecutionGraph {
        flow: name.into(),
        description: None,
        trigger: Trigger {
            kind: TriggerKind::Webhook {
                connection: connection.into(),
                events: vec![event.into()],
                columns: vec![],
                decoders: std::sync::Arc::from(vec![]),
                reconcile: None,
            },
            ignore_own: true,
            when: None,
            dedupe: None,
            order_by: None,
            sequence: None,
            span,
        },
        steps: vec![],
        on_failure: vec![],
        result: None,
        settings: Value::Record(Record::new()),
        sources: Arc::new(Sources::default()),
    })
}

pub(super) fn signature(body: &str, at: i64) -> String {
    stripe::sign(body.as_bytes(), &[SECRET], at)
}

/// Nobody works on what is kept.
impl Inbox for dyn Store + '_ {
    fn take_in(&self, event: NewEvent, runs: Vec<NewRun>, _: Seen) -> Reply<'_, Accepted> {
        Store::accept(self, event, runs)
    }
}

/// A store whose disk is full, or too busy.
#[derive(Debug)]
pub(super) struct Broken(pub crate::store::StoreError);

macro_rules! fails {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $given:ty;)*) => {
        impl Store for Broken {
            $(fn $name(&self, $($arg: $ty),*) -> crate::store::Reply<'_, $given> {
                $(let _ = $arg;)*
                Box::pin(std::future::ready(Err(self.0.clone())))
            })*
        }
    };
}

mod refusing {
    use super::*;
    use crate::store::*;
    use jiff::Timestamp;

    fails! {
        accept(event: NewEvent, runs: Vec<NewRun>) -> Accepted;
        accept_claimed(event: NewEvent, runs: Vec<NewRun>, until: Timestamp) -> Accepted;
        accept_all(events: Vec<(NewEvent, Vec<NewRun>)>, cursor: CursorMove) -> Vec<Accepted>;
        cursor(flow: String, name: String) -> Option<String>;
        accept_again(event: EventId, reread: Option<Reread>, runs: Vec<NewRun>, entries: Vec<JournalEntry>, by: By) -> Accepted;
        claim(now: Timestamp, until: Timestamp, limit: usize) -> Vec<Claimed>;
        renew(leases: Vec<Lease>, until: Timestamp) -> Vec<Lease>;
        next_due() -> Option<Timestamp>;
        append(lease: Lease, entries: Vec<JournalEntry>, update: RunUpdate) -> Option<RunId>;
        call(lease: Lease, call: NewCall) -> Called;
        child(run: RunId) -> Option<Called>;
        load_run(run: RunId) -> Option<LoadedRun>;
        load_runs(runs: Vec<RunId>) -> Vec<LoadedRun>;
        resume(run: RunId, how: Resume, by: By) -> RunState;
        write_down(run: RunId, entries: Vec<JournalEntry>, action: &'static str, by: By) -> ();
        clock_went_back(now: Timestamp) -> u64;
        interrupt(run: RunId, entries: Vec<JournalEntry>, action: &'static str, by: By) -> RunState;
        park(run: RunId, by: By) -> ();
        release_key(run: RunId, by: By) -> Option<RunId>;
        runs(filter: RunFilter, page: Page) -> Listed<Run>;
        events(filter: EventFilter, page: Page) -> Listed<Event>;
        event(event: EventId) -> Option<(Event, Vec<u8>)>;
        raise(alert: NewAlert, at: Timestamp) -> AlertId;
        untold_alerts(limit: usize) -> Vec<Untold>;
        tell_alert(alert: Alert, events: Vec<(NewEvent, Vec<NewRun>)>) -> ();
        acknowledge_alert(alert: AlertId, by: By) -> bool;
        audit_action(action: &'static str, target: String, by: By) -> ();
        revisions(flow: Option<String>, limit: usize) -> Vec<KeptRevision>;
        counts() -> Counts;
        backup(to: std::path::PathBuf) -> u64;
        close_alert(alert: AlertId, by: By) -> bool;
        alerts(filter: AlertFilter, page: Page) -> Listed<Alert>;
        audit(page: Page) -> Listed<AuditEntry>;
        put_revision(revision: Revision) -> ();
        activate(revision: Hash, instead_of: Option<Hash>, by: By) -> ();
        live_revisions() -> Vec<LiveRevision>;
        revision(hash: Hash) -> Option<Revision>;
        drop_periods(retention: Retention, now: Timestamp) -> Dropped;
        oldest() -> Option<Timestamp>;
        size() -> u64;
        erase(subject: Hash, by: By) -> Erased;
        link(name: String, key: String) -> Option<String>;
        total(name: String, key: String) -> Option<crate::value::Exact>;
        approvals(filter: ApprovalFilter, page: Page) -> Listed<Approval>;
        answer(run: RunId, node: String, answer: crate::store::journal::Judged) -> ();
        ping() -> ();
    }
}
