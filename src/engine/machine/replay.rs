//! A person sends a failed run on its way again, with the graph this machine was rebuilt with. Only written down: the
//! run goes on when it is resumed.
//!
//! A write that is done stays done and gives its recorded result; an open one is looked for or repeated as it was sent.

use super::entry::{Fact, Ruling};
use super::operation::{lists, operation_at};
use super::path::NodePath;
use super::state::NodeState;
use super::{Action, Run};
use crate::graph::Node;
use crate::value::Text;
use std::collections::HashSet;

/// Where a replay begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Start,
    Failed,
}

impl Run {
    pub(super) fn replay(&mut self, from: From, again: &[NodePath], actor: Text, reason: Text) {
        if let Some(refused) = self.refusal(again) {
            return self.act(Action::Refused(refused));
        }
        let handlers = handler_ids(&self.graph.steps);
        let anew = |path: &&NodePath| from == From::Start || handlers.contains(path.id());
        let mut reset: Vec<NodePath> = self.state.nodes.keys().filter(anew).cloned().collect();
        reset.sort();
        let decision = |what| Fact::Decision { what, actor: actor.clone(), reason: reason.clone() };
        self.record(NodePath::root(), decision(Ruling::Replay));
        for path in reset {
            self.record(path, decision(Ruling::Reset));
        }
        for path in again {
            self.record(path.clone(), decision(Ruling::Again));
        }
    }

    fn refusal(&self, again: &[NodePath]) -> Option<String> {
        let unknown = again.iter().find(|path| self.state.work(path).is_none_or(|work| work.result.is_none()));
        if let Some(path) = unknown {
            return Some(format!("`{path}` has done nothing that could be done again"));
        }
        let orphans = self.orphans();
        (!orphans.is_empty()).then(|| {
            let names: Vec<&str> = orphans.iter().map(NodePath::as_str).collect();
            format!("this revision has no step for what was done or is open: {}", names.join(", "))
        })
    }

    /// Done or open writes that have no step of that name and operation in this graph.
    pub fn orphans(&self) -> Vec<NodePath> {
        let matters = |node: &NodeState| {
            node.work
                .as_ref()
                .filter(|work| work.request.key.is_some() && (work.open || work.result.is_some()))
                .cloned()
        };
        let written = self.state.nodes.iter().filter_map(|(path, node)| Some((path, matters(node)?)));
        let lost = written.filter(|(path, work)| {
            operation_at(&self.graph, path).is_none_or(|(_, operation)| operation.name != work.request.operation)
        });
        let mut lost: Vec<NodePath> = lost.map(|(path, _)| path.clone()).collect();
        lost.sort();
        lost
    }
}

/// Steps that handle errors: they run anew when the step they stand at fails again.
fn handler_ids(nodes: &[Node]) -> HashSet<&str> {
    fn all<'g>(nodes: &'g [Node], inside: bool, ids: &mut HashSet<&'g str>) {
        for node in nodes {
            if inside {
                ids.insert(&node.id);
            }
            for list in lists(node) {
                let handles = node.on_error.iter().any(|entry| std::ptr::eq(entry.steps.as_slice(), list));
                all(list, inside || handles, ids);
            }
        }
    }
    let mut ids = HashSet::new();
    all(nodes, false, &mut ids);
    ids
}
