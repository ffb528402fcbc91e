//! Revisions of flows.

use super::Hash;
use jiff::Timestamp;

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
