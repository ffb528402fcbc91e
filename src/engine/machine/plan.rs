//! What a replay will do to each step, before it does it. Pure, and nothing is written down.

use super::Run;
use super::operation::{lists, operation_at};
use super::path::NodePath;
use super::replay::{Orphan, Replay, is_done_write, is_written};
use super::state::Standing;
use crate::diagnostics::Sources;
use crate::graph::{Node, NodeKind};
use std::collections::HashMap;

/// What becomes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done and keeps its result.
    Kept,
    /// A write that is done: it is not repeated and gives its recorded result.
    Done,
    /// A write that is done is done once more, under a new key.
    Again,
    /// It may have been done: it is looked for, or sent again as it was.
    Open,
    /// It is evaluated anew: what it reads is asked again, what it writes is sent for the first time.
    Anew,
    /// It has not begun: it may be reached now.
    New,
    /// The graph has no such step; its work stays as it is.
    Left,
    /// The graph has no such step; its work is that of another now.
    Moved,
    /// The graph has no such step, and nobody said what becomes of its work.
    Orphan,
}

impl Fate {
    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::Kept => "kept",
            Fate::Done => "done",
            Fate::Again => "again",
            Fate::Open => "open",
            Fate::Anew => "anew",
            Fate::New => "new",
            Fate::Left => "left",
            Fate::Moved => "moved",
            Fate::Orphan => "orphan",
        }
    }
}

/// A step and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub path: NodePath,
    pub fate: Fate,
    /// The operation, where it is one.
    pub operation: Option<String>,
    pub writes: bool,
    /// With `again`: done writes that used its result and would keep what they wrote.
    pub used_by: Vec<NodePath>,
}

impl Run {
    /// What `how` would do, step by step in the order of the graph; the error says why it cannot be done, and then the
    /// steps are what they can be seen to be.
    pub fn plan(&self, how: &Replay) -> (Vec<Planned>, Option<String>) {
        let refused = self.refusal(how);
        let reset = self.reset_by(how);
        let order = order(&self.graph.steps);
        let orphans = self.orphans();
        let mut planned: Vec<Planned> = Vec::new();
        for (path, node) in &self.state.nodes {
            let work = node.work.as_ref();
            let named = how.orphans.iter().find(|(known, _)| known == path).map(|(_, orphan)| orphan);
            let fate = match named {
                Some(Orphan::Leave) => Fate::Left,
                Some(Orphan::Move(_)) => Fate::Moved,
                None if orphans.contains(path) => Fate::Orphan,
                None if work.is_some_and(|work| work.left) => Fate::Left,
                None if how.again.contains(path) => Fate::Again,
                None if work.is_some_and(is_done_write) => Fate::Done,
                None if work.is_some_and(is_written) => Fate::Open,
                None if reset.contains(path) => Fate::Anew,
                None => match node.standing {
                    Standing::Done | Standing::Skipped => Fate::Kept,
                    Standing::Going | Standing::Failed(_) => Fate::Anew,
                },
            };
            // Steps of another revision that did nothing lasting are of no interest.
            if fate != Fate::Orphan && named.is_none() && work.is_none() && !order.contains_key(path.id()) {
                continue;
            }
            let operation = work.map(|work| work.request.operation.to_string());
            let writes = work.is_some_and(|work| work.request.key.is_some());
            let used_by = if fate == Fate::Again { self.used_by(path, how) } else { Vec::new() };
            planned.push(Planned { path: path.clone(), fate, operation, writes, used_by });
        }
        for id in order.keys() {
            if !planned.iter().any(|known| known.path.id() == *id) {
                let path = NodePath::new(*id);
                let operation = operation_at(&self.graph, &path).map(|(_, operation)| operation);
                let writes = operation.is_some_and(|operation| operation.writes);
                let operation = operation.map(|operation| operation.name.to_string());
                planned.push(Planned { path, fate: Fate::New, operation, writes, used_by: Vec::new() });
            }
        }
        let place = |planned: &Planned| order.get(planned.path.id()).copied().unwrap_or(usize::MAX);
        planned.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.path.cmp(&b.path)));
        (planned, refused)
    }

    /// Done writes that used the result of a step, directly or through others, and are not to be done again themselves.
    fn used_by(&self, path: &NodePath, how: &Replay) -> Vec<NodePath> {
        let mut nodes = Vec::new();
        all(&self.graph.steps, &mut nodes);
        let mut users = vec![path.id()];
        // Steps only use what stands before them: one pass in the order of the graph is enough, but for what stands
        // inside a step that uses it.
        let mut inside: Vec<&str> = Vec::new();
        for node in &nodes {
            let text = own_text(node, &self.graph.sources);
            let uses = users.iter().any(|id| mentions(&text, id));
            if (uses || inside.contains(&node.id.as_str())) && !users.contains(&node.id.as_str()) {
                users.push(&node.id);
                if matches!(node.kind, NodeKind::ForEach(_)) {
                    let mut below = Vec::new();
                    lists(node).into_iter().for_each(|list| all(list, &mut below));
                    inside.extend(below.iter().map(|node| node.id.as_str()));
                }
            }
        }
        let done = self.state.nodes.iter().filter(|(other, node)| {
            *other != path
                && node.work.as_ref().is_some_and(is_done_write)
                && users.contains(&other.id())
                && !how.again.contains(other)
        });
        let mut used: Vec<NodePath> = done.map(|(other, _)| other.clone()).collect();
        used.sort();
        used
    }
}

fn all<'g>(nodes: &'g [Node], found: &mut Vec<&'g Node>) {
    for node in nodes {
        found.push(node);
        lists(node).into_iter().for_each(|list| all(list, found));
    }
}

/// The place of each step in the graph, by its id. What handles the run's failure begins anew each time: it is no part
/// of a plan.
fn order(steps: &[Node]) -> HashMap<&str, usize> {
    let mut found = Vec::new();
    all(steps, &mut found);
    found.iter().enumerate().map(|(place, node)| (node.id.as_str(), place)).collect()
}

/// A step as it was written, without the steps inside it.
fn own_text(node: &Node, sources: &Sources) -> String {
    let source = sources.get(node.span.file);
    let mut inner: Vec<(u32, u32)> = lists(node).into_iter().flatten().map(|n| (n.span.start, n.span.end)).collect();
    inner.sort_unstable();
    let (mut text, mut from) = (String::new(), node.span.start);
    for (start, end) in inner.into_iter().chain([(node.span.end, node.span.end)]) {
        text.push_str(source.text.get(from as usize..start as usize).unwrap_or_default());
        from = from.max(end);
    }
    text
}

/// Whether an expression names `steps.id`.
fn mentions(text: &str, id: &str) -> bool {
    let name = format!("steps.{id}");
    text.match_indices(&name).any(|(at, _)| {
        let next = text[at + name.len()..].chars().next();
        !next.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}
