//! The admin API: what runs, what failed and why, and the button that reloads.
//!
//! It renders what the store and the runtime know, as JSON; the text of amounts is never touched and personal data is
//! masked ([`mask`]). It deliberately keeps nothing and decides nothing: what changes something goes through
//! [`Control`], which the runtime implements. Invariants: it listens on loopback only, answers only requests that name a
//! loopback host (no page of the web can reach it through a browser), and every list has an end.

mod alerts;
mod api;
mod backfill;
mod backup;
mod disguise;
mod export;
pub mod mask;
pub mod operate;
mod persons;
mod query;
mod replay;
mod revisions;
mod steps;
#[cfg(test)]
mod tests;
mod view;

use crate::diagnostics::{Diagnostic, Sources};
use crate::engine::machine::Replay;
use crate::engine::{Preview, Resumed};
use crate::graph::ExecutionGraph;
use crate::store::{By, Hash, RunId, Store, StoreError};
use crate::telemetry::Metrics;
use crate::triggers::listener::{BindError, Bound, Guard};
use crate::triggers::reconcile::{Backfilled, NoBackfill};
use crate::value::paths::Paths;
use jiff::Timestamp;
use operate::{Operation, Which};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Where the admin API listens when nobody says otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:8081";

/// What the runtime lets people see and do.
pub trait Control: Send + Sync {
    /// The flows of the project, in the order of their names.
    fn flows(&self) -> Vec<FlowStatus>;

    /// What the project wants masked beside what always is.
    fn masks(&self) -> Arc<Paths> {
        Arc::default()
    }

    /// Reads the project's files again and takes what is new.
    fn reload(&self) -> Pin<Box<dyn Future<Output = ReloadReport> + Send + '_>>;

    /// Gives a flow the provider's past events between two instants.
    fn backfill(&self, flow: String, from: Timestamp, to: Timestamp, by: By) -> Found<'_>;

    /// Does something to a run. Gives the run that goes on, and the state it is in now.
    fn operate(&self, run: RunId, operation: Operation, by: By) -> Answer<'_, Resumed>;

    /// What a replay would do.
    fn preview(&self, run: RunId, how: Replay, revision: Which) -> Answer<'_, Preview>;

    /// Makes a kept revision the live one of its flow, whatever the files say, until they say something else.
    fn activate(&self, revision: Hash, by: By) -> Answer<'_, FlowStatus>;

    /// The graph of a revision.
    fn graph(&self, flow: String, revision: Hash) -> Answer<'_, Arc<ExecutionGraph>>;
}

/// The answer to an operator, once it is there.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, NotDone>> + Send + 'a>>;

/// The answer to a backfill, once it is there.
pub type Found<'a> = Pin<Box<dyn Future<Output = Result<Backfilled, NoBackfill>> + Send + 'a>>;

/// Why an operator's wish was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// It makes no sense for this run.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a flow stands.
#[derive(Clone, Debug)]
pub struct FlowStatus {
    pub flow: String,
    /// The revision that new runs take. `None`: there was never a good one.
    pub revision: Option<Hash>,
    pub activated_at: Option<Timestamp>,
    /// An operator chose this revision: what the files say, which would be live otherwise.
    pub instead_of: Option<Hash>,
    /// The last reload was refused, while it has not been mended.
    pub problem: Option<Refused>,
}

/// A reload that changed nothing of a flow, or of the project.
#[derive(Clone, Debug)]
pub struct Refused {
    pub at: Timestamp,
    pub findings: Findings,
}

/// Findings with the texts that they point into.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    pub findings: Vec<Diagnostic>,
    pub sources: Arc<Sources>,
}

/// What a reload did.
#[derive(Clone, Debug)]
pub struct ReloadReport {
    /// Everything in the files is live now. False: at least one file keeps its last good revision.
    pub applied: bool,
    /// Flows that have another revision now, and flows that are no more.
    pub changed: Vec<String>,
    pub removed: Vec<String>,
    /// What is live after it.
    pub flows: Vec<FlowStatus>,
    pub findings: Findings,
}

/// What the API works with.
#[derive(Clone)]
pub struct Console {
    pub store: Arc<dyn Store>,
    pub control: Arc<dyn Control>,
    pub metrics: Arc<Metrics>,
}

/// Takes the address, a loopback one, without serving it yet.
pub async fn bind(address: SocketAddr) -> Result<Bound, BindError> {
    if !address.ip().to_canonical().is_loopback() {
        return Err(BindError::NotLoopback { address });
    }
    Bound::take(address, "--admin").await
}

/// Serves until `stop`.
pub async fn serve(bound: Bound, console: Console, stop: CancellationToken) -> std::io::Result<()> {
    bound.serve(api::router(console), Guard::default(), None, stop, Duration::from_secs(5)).await
}
