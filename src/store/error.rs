//! What can go wrong in a store, told apart by what the caller does about it.

use super::types::RunId;
use crate::diagnostics::Code;

/// Why a store did not do what it was asked. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk or its quota is full.
    #[error("the store is full: {0}")]
    Full(String),
    /// More is asked of it than it can keep up with; later it may.
    #[error("the store cannot keep up: {0}")]
    Busy(String),
    /// What it holds cannot be read.
    #[error("the store is unreadable: {0}")]
    Corrupt(String),
    /// A newer flowctl has written it.
    #[error("the store has version {found}, written by a newer flowctl; this one knows versions up to {known}")]
    Newer { found: i64, known: i64 },
    /// Another process has it open.
    #[error("the store is held by another process{}", .pid.map(|pid| format!(" ({pid})")).unwrap_or_default())]
    Locked { pid: Option<u32> },
    /// Reading or writing failed.
    #[error("the store cannot be read or written: {0}")]
    Io(String),
    /// It has been closed.
    #[error("the store is closed")]
    Closed,
    /// What was asked does not fit what is there.
    #[error("{0}")]
    Conflict(String),
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// The lease is over: another worker may have the run.
    #[error("run {run} is no longer held by this worker")]
    Fenced { run: RunId },
    /// The row already belongs to another node.
    #[error("row {row_key} of {entity} in {connection} is already the work of {node} in run {run}")]
    EffectTaken { connection: String, entity: String, row_key: String, run: RunId, node: String },
}

impl StoreError {
    /// The page that explains it, for problems of the store itself.
    pub fn code(&self) -> Option<Code> {
        match self {
            StoreError::Newer { .. } => Some(Code::F0600),
            StoreError::Locked { .. } => Some(Code::F0601),
            StoreError::Corrupt(_) | StoreError::Io(_) => Some(Code::F0602),
            StoreError::Full(_) => Some(Code::F0603),
            _ => None,
        }
    }

    /// The store itself cannot do it now: the door answers 503 and the sender tries again.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            StoreError::Full(_)
                | StoreError::Busy(_)
                | StoreError::Corrupt(_)
                | StoreError::Io(_)
                | StoreError::Closed
                | StoreError::Newer { .. }
                | StoreError::Locked { .. }
        )
    }
}
