//! Idempotency keys: the same for every repeat of a piece of work, different for every other.
//!
//! The formula never changes: providers remember keys across our upgrades, and `ignore_own` knows ours by the prefix.

use super::path::NodePath;
use crate::value::Text;
use ring::digest::{Context, SHA256};
use std::fmt::Write;

/// What a key stands for.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    pub project: &'a str,
    pub flow: &'a str,
    /// The run's dedupe value.
    pub dedupe: &'a str,
    /// Step path and iteration keys in one.
    pub node: &'a NodePath,
    pub generation: u32,
}

/// `flowctl-` + 8 hex digits of the project + `-` + 32 of the work.
pub fn idempotency_key(work: Work<'_>) -> Text {
    let generation = work.generation.to_string();
    let parts = [work.project, work.flow, work.dedupe, work.node.as_str(), &generation];
    format!("{}{}", own_prefix(work.project), hex(&parts, 16)).into()
}

/// How a key of this project begins.
pub fn own_prefix(project: &str) -> String {
    format!("flowctl-{}-", hex(&[project], 4))
}

/// The first bytes of a SHA-256 over the parts, each behind its length, so that no two lists of parts look alike.
fn hex(parts: &[&str], bytes: usize) -> String {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut text = String::with_capacity(bytes * 2);
    for byte in hash.finish().as_ref().iter().take(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
