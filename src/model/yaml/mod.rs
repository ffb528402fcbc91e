//! A YAML text as a tree in which every key and value has its place.
//!
//! Deliberately small: what of YAML our files may use is said here, and everything else (duplicate and merge keys,
//! tags, directives, several documents, keys that are not text, more aliases than a bound) is refused at its place. Two
//! parsers read each text, `granit-parser` for the tree and `serde_yaml`; a text is good only when both accept it.
//! Numbers stay texts: nothing here passes through a float. Invariant: no tree is deeper than [`MAX_DEPTH`] or larger
//! than [`MAX_NODES`], aliases counted in full, so that recursion over it and clones of it are safe.

mod build;
mod scalar;
mod syntax;
#[cfg(test)]
mod tests;

pub use build::parse;
pub use scalar::{Core, Scalar, Style};

use crate::diagnostics::Span;
use std::sync::Arc;

/// How deep sequences and mappings may stand in each other.
pub const MAX_DEPTH: usize = 100;
/// How many values a text may hold, each use of an alias counted with everything in it.
pub const MAX_NODES: usize = 250_000;

/// A value with its place. A value behind an alias keeps the place where it was written.
#[derive(Clone, Debug)]
pub struct Node {
    pub span: Span,
    pub kind: NodeKind,
}

#[derive(Clone, Debug)]
pub enum NodeKind {
    Scalar(Scalar),
    /// `- a` or `[a]`.
    Sequence(Vec<Node>),
    /// `k: v` or `{k: v}`, in the written order, every key once.
    Mapping(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub text: Arc<str>,
    pub span: Span,
}

impl Node {
    /// What stands under `key`, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// Key and value, where this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&(Key, Node)> {
        self.entries().iter().find(|(known, _)| &*known.text == key)
    }

    /// The entries of a mapping; nothing where this is none.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.kind {
            NodeKind::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The scalar, where this is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Nothing was written, or `null`.
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.core() == Core::Null)
    }

    /// What it is, for messages: "a list", "the text `x`".
    pub fn describe(&self) -> String {
        match &self.kind {
            NodeKind::Sequence(_) => "a list".into(),
            NodeKind::Mapping(_) => "keys and values".into(),
            NodeKind::Scalar(scalar) => scalar.describe(),
        }
    }
}
