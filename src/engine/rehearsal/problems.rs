//! What was wrong with a case, and what its expectations would have to say to hold: told together, because whoever finds
//! a difference knows both. What becomes of the file is [`rewrite`](super::rewrite)'s.

use crate::diagnostics::{Diagnostic, Span};
use crate::value::{Text, Value};

/// The findings of a case, with the amendments of those that have one.
#[derive(Default)]
pub struct Problems {
    pub findings: Vec<Diagnostic>,
    pub amendments: Vec<Amendment>,
    /// The run, or the mapping, ended in quite another way: nothing else was compared.
    pub ended_otherwise: bool,
}

/// What a failed expectation would have to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Amendment {
    /// The expectation that is meant.
    pub at: Span,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Another value.
    Value(Value),
    /// One more field of the record.
    Field(Text, Value),
    /// Other entries in the list under that key of what stands there.
    List(&'static str, Vec<Entry>),
    /// None that is a matter of values, and why.
    Never(&'static str),
}

/// An entry of a list that is rewritten.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// The one at that place, as it is written.
    Kept(usize),
    New(Value),
}

impl Problems {
    pub fn push(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    /// A finding with what would mend it.
    pub fn amend(&mut self, finding: Diagnostic, at: Span, change: Change) {
        self.findings.push(finding);
        self.amendments.push(Amendment { at, change });
    }

    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Extend<Diagnostic> for Problems {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, findings: T) {
        self.findings.extend(findings);
    }
}

impl From<Vec<Diagnostic>> for Problems {
    fn from(findings: Vec<Diagnostic>) -> Problems {
        Problems { findings, ..Problems::default() }
    }
}

impl From<Diagnostic> for Problems {
    fn from(finding: Diagnostic) -> Problems {
        vec![finding].into()
    }
}
