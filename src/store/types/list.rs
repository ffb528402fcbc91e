//! What is asked for in lists, and how much is kept, counted and dropped.

use super::{ApprovalState, EventId, EventState, Hash, RunId, RunState};
use crate::graph::Severity;
use jiff::Timestamp;

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

/// Which approvals to list. Everything set must hold.
#[derive(Clone, Debug, Default)]
pub struct ApprovalFilter {
    pub state: Option<ApprovalState>,
    pub flow: Option<String>,
    pub run: Option<RunId>,
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
