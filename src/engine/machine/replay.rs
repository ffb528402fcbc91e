//! A person sends a run on its way again, with the graph this machine was rebuilt with. Only written down: the run goes
//! on when it is resumed.
//!
//! A write that is done stays done and gives its recorded result; an open one is looked for or repeated as it was sent.
//! What was written by a step that the graph no longer has needs a word of the operator's: it is left as it is, or it is
//! the work of a step that has another name now.

use super::entry::{Fact, Ruling};
use super::operation::{lists, operation_at};
use super::path::NodePath;
use super::state::{NodeState, Work};
use super::{Action, Run};
use crate::graph::Node;
use crate::value::Text;
use std::collections::HashSet;

/// Where a replay begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum From {
    Start,
    #[default]
    Failed,
}

/// What a replay is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    pub from: From,
    /// Done writes to be done once more.
    pub again: Vec<NodePath>,
    /// What becomes of the work of steps that the graph no longer has.
    pub orphans: Vec<(NodePath, Orphan)>,
}

/// What becomes of work that has no step any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Orphan {
    /// It stays as it is in the other system; the run goes on without it.
    Leave,
    /// It is the work of the step of that name now.
    Move(NodePath),
}

impl Run {
    pub(super) fn replay(&mut self, how: &Replay, actor: &Text, reason: &Text) {
        if let Some(refused) = self.refusal(how) {
            return self.act(Action::Refused(refused));
        }
        let decision = |what, moved_from| {
            let (actor, reason) = (actor.clone(), reason.clone());
            Fact::Decision { what, actor, reason, moved_from }
        };
        let reset = self.reset_by(how);
        self.record(NodePath::root(), decision(Ruling::Replay, None));
        for (path, orphan) in &how.orphans {
            match orphan {
                Orphan::Leave => self.record(path.clone(), decision(Ruling::Left, None)),
                Orphan::Move(to) => self.record(to.clone(), decision(Ruling::Moved, Some(path.clone()))),
            }
        }
        for path in reset {
            self.record(path, decision(Ruling::Reset, None));
        }
        for path in &how.again {
            self.record(path.clone(), decision(Ruling::Again, None));
        }
    }

    /// What is evaluated anew although it did not fail: everything, or what handles errors, and whatever a step that is
    /// to be done again stands in.
    pub(super) fn reset_by(&self, how: &Replay) -> Vec<NodePath> {
        let handlers = handler_ids(&self.graph.steps);
        let around: HashSet<NodePath> = how.again.iter().flat_map(|path| self.containers(path)).collect();
        let anew = |path: &&NodePath| how.from == From::Start || handlers.contains(path.id()) || around.contains(*path);
        let mut reset: Vec<NodePath> = self.state.nodes.keys().filter(anew).map(|path| moved(how, path)).collect();
        reset.sort();
        reset
    }

    /// Why it cannot be done.
    pub(super) fn refusal(&self, how: &Replay) -> Option<String> {
        let unknown = how.again.iter().find(|path| self.state.work(path).is_none_or(|work| !is_done_write(work)));
        if let Some(path) = unknown {
            return Some(format!("`{path}` has written nothing that could be done again"));
        }
        for (path, orphan) in &how.orphans {
            let Some(work) = self.state.work(path).filter(|work| is_written(work)) else {
                return Some(format!("`{path}` has written nothing: there is nothing to say about it"));
            };
            let Orphan::Move(to) = orphan else { continue };
            let operation = work.request.operation.as_str();
            match operation_at(&self.graph, to) {
                Some((_, there)) if there.name.as_str() == operation => {}
                Some((_, there)) => {
                    return Some(format!("`{path}` did {operation}, and `{to}` does {}", there.name));
                }
                None => return Some(format!("this revision has no step `{to}` that does {operation}")),
            }
            if self.state.work(to).is_some_and(is_written) {
                return Some(format!("`{to}` has work of its own: `{path}` cannot be that step"));
            }
        }
        let named = |path: &NodePath| how.orphans.iter().any(|(known, _)| known == path);
        let orphans = self.orphans();
        let names: Vec<&str> = orphans.iter().filter(|path| !named(path)).map(NodePath::as_str).collect();
        (!names.is_empty()).then(|| {
            format!(
                "this revision has no step for what was done or is open: {}. Say what becomes of it: leave it as it is \
                 in the other system, or name the step that does this work now",
                names.join(", ")
            )
        })
    }

    /// Done or open writes that have no step of that name and operation in this graph.
    pub fn orphans(&self) -> Vec<NodePath> {
        let matters = |node: &NodeState| node.work.clone().filter(|work| is_written(work) && !work.left);
        let written = self.state.nodes.iter().filter_map(|(path, node)| Some((path, matters(node)?)));
        let lost = written.filter(|(path, work)| {
            operation_at(&self.graph, path).is_none_or(|(_, operation)| operation.name != work.request.operation)
        });
        let mut lost: Vec<NodePath> = lost.map(|(path, _)| path.clone()).collect();
        lost.sort();
        lost
    }

    /// The steps that a step stands in: they have to be passed through again to come to it.
    fn containers(&self, path: &NodePath) -> Vec<NodePath> {
        let mut ids = Vec::new();
        let found = chain(&self.graph.steps, path.id(), &mut ids) || chain(&self.graph.on_failure, path.id(), &mut ids);
        if !found {
            return Vec::new();
        }
        let known = self.state.nodes.keys();
        let holds = |known: &&NodePath| {
            let frame = known.frame();
            ids.contains(&known.id()) && (frame.is_root() || path.is_under(&frame))
        };
        known.filter(holds).cloned().collect()
    }
}

/// The work of a write that is done or may have been.
pub(super) fn is_written(work: &Work) -> bool {
    work.request.key.is_some() && (work.open || work.result.is_some())
}

/// The work of a write that is done.
pub(super) fn is_done_write(work: &Work) -> bool {
    work.request.key.is_some() && work.result.is_some()
}

/// The name that a node has once orphans are moved.
fn moved(how: &Replay, path: &NodePath) -> NodePath {
    let to = how.orphans.iter().find_map(|(from, orphan)| match orphan {
        Orphan::Move(to) if from == path => Some(to),
        _ => None,
    });
    to.unwrap_or(path).clone()
}

/// The ids of the steps around the one with that id, outermost first. False: it is not there.
fn chain<'g>(nodes: &'g [Node], id: &str, around: &mut Vec<&'g str>) -> bool {
    for node in nodes {
        if node.id.as_str() == id {
            return true;
        }
        around.push(&node.id);
        if lists(node).into_iter().any(|list| chain(list, id, around)) {
            return true;
        }
        around.pop();
    }
    false
}

/// Steps that handle errors: they run anew when the step they stand at fails again.
pub(super) fn handler_ids(nodes: &[Node]) -> HashSet<&str> {
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
