//! What is asked and told of people, and what they did.

use super::{AlertId, ApprovalState, RunId};
use crate::graph::Severity;
use crate::store::journal::Judged;
use jiff::Timestamp;

/// What a write to a run does to the questions that it asks persons.
#[derive(Clone, Debug)]
pub enum ApprovalChange {
    /// A person is asked, anew where one was before.
    Asked {
        node: String,
        /// A [`journal::Asked`](super::journal::Asked) as JSON text.
        request: String,
        expires_at: Option<Timestamp>,
    },
    /// The run has the answer in its journal.
    Taken { node: String },
    /// Nobody answered in time. [`StoreError::Fenced`](super::StoreError::Fenced) where somebody has.
    Expired { node: String },
    /// Nobody need answer any more.
    Withdrawn,
}

/// A question to a person, as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    pub run: RunId,
    pub flow: String,
    /// The node's path.
    pub node: String,
    pub state: ApprovalState,
    /// A [`journal::Asked`](super::journal::Asked) as JSON text.
    pub request: String,
    pub asked_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// When it was answered, expired or withdrawn.
    pub ended_at: Option<Timestamp>,
    pub answer: Option<Judged>,
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

/// An alert of which somebody has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    pub alert: Alert,
    /// That it opened is not told yet, or not at the severity that it has now.
    pub opening: bool,
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
