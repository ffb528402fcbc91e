//! `reread`: what was read no longer holds, so that the run goes back to the lookup and decides again, three times at most.
//!
//! What was read, computed and decided since then is forgotten; writes that are done keep their record, and give it
//! again where the run comes by. What was said or waited for is not said or waited for twice.

use super::Run;
use super::entry::Fact;
use super::operation::{find, lists};
use super::path::NodePath;
use super::walk::Failed;
use crate::graph::{ErrorClass, Node, NodeKind, Wait};

/// So often a call may send the run back.
const MOST: u32 = 3;

impl Run {
    /// Whether a failure sends the run back to an earlier lookup.
    pub(super) fn goes_back(&self, node: &Node, path: &NodePath, failed: &Failed) -> bool {
        let times = self.state.node(path).map_or(0, |state| state.rereads);
        node.reread.is_some() && failed.error.class == ErrorClass::Conflict && failed.step == *path && times < MOST
    }

    /// Forgets what stands in `list` from the lookup that `call` names up to it.
    pub(super) fn go_back(&mut self, list: &[Node], call: &Node, frame: &NodePath) {
        let lookup = list.iter().position(|node| Some(&node.id) == call.reread.as_ref());
        let last = list.iter().position(|node| node.id == call.id);
        let (Some(first), Some(last)) = (lookup, last) else { return };
        let mut reset = Vec::new();
        self.inside(list.get(first..=last).unwrap_or_default(), frame, &mut reset);
        reset.sort();
        for path in &reset {
            self.memo.forget(path);
        }
        self.record(frame.join(&call.id), Fact::Reread { reset });
    }

    /// What of these steps is to be forgotten.
    fn inside(&self, nodes: &[Node], frame: &NodePath, reset: &mut Vec<NodePath>) {
        for node in nodes {
            let path = frame.join(&node.id);
            if self.state.node(&path).is_some() && !stays(node) {
                reset.push(path.clone());
            }
            for list in lists(node) {
                match &node.kind {
                    NodeKind::ForEach(each) if std::ptr::eq(each.steps.as_slice(), list) => {
                        let below = self.state.nodes.keys().filter(|known| known.is_under(&path));
                        let forgets = |known: &&NodePath| find(list, known.id()).is_none_or(|node| !stays(node));
                        reset.extend(below.filter(forgets).cloned());
                    }
                    _ => self.inside(list, frame, reset),
                }
            }
        }
    }
}

fn stays(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Alert { .. } | NodeKind::Wait(Wait::For(_)))
}
