//! Steps beside each other: the lists of `parallel`, and which lookups of a list begin together.

use super::scope::Scope;
use super::steps::nothing;
use super::{Work, text};
use crate::diagnostics::{Code, Diagnostic};
use crate::graph::{Node, NodeKind};
use crate::language::types::Type;
use crate::model::flow::{self, Step, Verb};
use crate::value::Text;
use std::collections::BTreeSet;

/// The steps that something reads.
#[derive(Default)]
pub(super) struct Reads {
    steps: BTreeSet<Text>,
    /// `steps` itself: any of them.
    all: bool,
}

impl Reads {
    /// Takes in what an expression reads: paths from variables.
    pub fn paths(&mut self, paths: &[Vec<Text>]) {
        for path in paths.iter().filter(|path| path.first().is_some_and(|name| name.as_str() == "steps")) {
            match path.get(1) {
                Some(step) => drop(self.steps.insert(step.clone())),
                None => self.all = true,
            }
        }
    }

    /// Takes in what a text may read, where nothing better is known.
    pub fn mentioned(&mut self, source: &str) {
        for (place, word) in source.match_indices("steps") {
            let rest = source.get(place + word.len()..).unwrap_or_default();
            let Some(rest) = rest.strip_prefix('.') else {
                self.all = true;
                continue;
            };
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            self.steps.insert(text(rest.get(..end).unwrap_or_default()));
        }
    }

    /// Takes in what another has.
    pub fn add(&mut self, other: Reads) {
        self.steps.extend(other.steps);
        self.all |= other.all;
    }

    fn any_of(&self, steps: &[Text]) -> bool {
        self.all || steps.iter().any(|step| self.steps.contains(step))
    }
}

/// The lookups of a list that begin together, as far as they have been compiled.
#[derive(Default)]
pub(super) struct Together(Vec<Text>);

impl Together {
    /// Says of the next step of the list whether it begins with those before it.
    pub fn take(&mut self, step: &Step, node: Option<&mut Node>, reads: &Reads) {
        // What handles an error is another step: it waits for all before it.
        let alone = step.on_error.iter().any(|entry| !entry.steps.is_empty());
        let Some(node) = node.filter(|node| matches!(node.kind, NodeKind::Lookup(_)) && !alone) else {
            self.0.clear();
            return;
        };
        if reads.any_of(&self.0) {
            self.0.clear();
        }
        node.together = !self.0.is_empty();
        self.0.push(node.id.clone());
    }
}

impl Work<'_> {
    pub(super) fn parallel(
        &mut self,
        parallel: &flow::Parallel,
        scope: &mut Scope,
    ) -> (Option<NodeKind>, Option<Type>, bool) {
        if parallel.lists.len() < 2 || parallel.lists.iter().any(Vec::is_empty) {
            let message = "`parallel` has two lists or more, each with a step";
            self.say(Diagnostic::error(Code::F0381, message, parallel.span));
        }
        let outside = scope.clone();
        let mut ends = false;
        let mut lists = Vec::new();
        for (n, list) in parallel.lists.iter().enumerate() {
            let mut inner = outside.clone();
            let beside = parallel.lists.iter().enumerate().filter(|(other, _)| *other != n);
            inner.wrote |= beside.into_iter().any(|(_, steps)| writes(steps));
            let compiled = self.steps(list, &mut inner);
            // Nothing in the lists beside it has surely run there.
            self.later.extend(list.iter().map(|step| step.id.value.0.clone()));
            scope.steps.extend(inner.beyond(&outside));
            scope.facts.extend(inner.facts.get(outside.facts.len()..).unwrap_or_default().iter().cloned());
            scope.wrote |= inner.wrote;
            ends |= compiled.ends;
            lists.push(compiled.nodes);
        }
        for step in parallel.lists.iter().flatten() {
            self.later.remove(&step.id.value.0);
        }
        (Some(NodeKind::Parallel(lists)), Some(nothing()), ends)
    }
}

/// Whether something is written in these steps, at any depth.
pub(super) fn writes(steps: &[Step]) -> bool {
    any(steps, &|step| matches!(step.verb, Verb::Call(_)))
}

/// Whether one of these steps, at any depth, is so.
pub(super) fn any(steps: &[Step], is: &dyn Fn(&Step) -> bool) -> bool {
    steps.iter().any(|step| {
        let inside = match &step.verb {
            Verb::Branch(branch) => {
                branch.cases.iter().any(|case| any(&case.steps, is)) || any(&branch.otherwise.steps, is)
            }
            Verb::ForEach(each) => any(&each.steps, is),
            Verb::Parallel(parallel) => parallel.lists.iter().any(|list| any(list, is)),
            _ => false,
        };
        is(step) || inside || step.on_error.iter().any(|entry| any(&entry.steps, is))
    })
}
