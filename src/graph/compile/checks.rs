//! What is written correctly and cannot be meant: keys of iterations that are positions, conditions that are decided
//! before anything runs, writes that nobody could repeat.

use super::Work;
use super::scope::Scope;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::graph::{ExecutionGraph, Node, NodeKind, RepeatBy};
use crate::model::flow::{ErrorCase, ForEach, Step, Verb};
use crate::model::slot::Expr;
use crate::value::Text;

impl Work<'_> {
    /// An iteration is named by what its item is: a name that is the same for all, or that says where the item stands,
    /// would belong to another item once the list has changed.
    pub(super) fn check_key(&mut self, each: &ForEach, inner: &Scope) {
        let without = |name: &str| {
            let mut scope = inner.clone();
            scope.bound.retain(|(bound, _)| bound.as_str() != name);
            let variables: Vec<(Text, _)> = scope.variables();
            let (checked, _) = self.slot_scope(&variables, &scope).expression(&each.key.text, None);
            checked.is_none()
        };
        let (item, index) = (each.item.as_str(), each.index.as_ref().map(|index| index.as_str()));
        let counts = index.is_some_and(without);
        let message = match (without(item), counts) {
            (_, true) => "the key of an iteration is never a position",
            (false, false) => "the key is the same for every item",
            (true, false) => return,
        };
        let help = format!("name what the item is: `key: {item}.id`, or whatever else no two items share");
        self.say(Diagnostic::error(Code::F0440, message, each.key.span).help(help));
    }

    /// Conditions that are no question, and those that are asked a second time.
    pub(super) fn check_conditions(&mut self, step: &Step) {
        if let Some(when) = &step.when {
            match decided(when) {
                Some(false) => self.decided(when.span, &format!("step `{}` never runs", step.id.as_str())),
                Some(true) => self.decided(when.span, "this condition always holds"),
                None => {}
            }
        }
        if let Verb::Branch(branch) = &step.verb {
            let cases: Vec<&Expr> = branch.cases.iter().map(|case| &case.when).collect();
            self.check_cases(&cases, "case");
        }
        let entries: Vec<&Expr> = step.on_error.iter().map(|ErrorCase { when, .. }| when).collect();
        self.check_cases(&entries, "entry");
    }

    fn check_cases(&mut self, cases: &[&Expr], what: &str) {
        let mut all_taken: Option<Span> = None;
        for (n, when) in cases.iter().enumerate() {
            let same = cases.iter().take(n).find(|other| other.text.text.trim() == when.text.text.trim());
            if let Some(above) = all_taken.or(same.map(|same| same.span)) {
                let message = format!("this {what} is never taken");
                let finding = Diagnostic::warning(Code::F0443, message, when.span);
                self.say(finding.also(above, "what comes here is taken there"));
            } else if decided(when) == Some(false) {
                self.decided(when.span, &format!("this {what} is never taken"));
            }
            // The last case may say `true`; what stands behind it says more.
            if decided(when) == Some(true) {
                all_taken = all_taken.or(Some(when.span));
            }
        }
    }

    fn decided(&mut self, span: Span, message: &str) {
        let finding = Diagnostic::warning(Code::F0443, message, span);
        self.say(finding.help("a condition asks something of `event`, `steps` or `settings`; else take it out"));
    }
}

/// Whether a condition is `true` or `false` as it stands.
fn decided(when: &Expr) -> Option<bool> {
    match when.text.text.trim() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Writes of which nothing tells whether they were done: fine where a person decides, and to be known before.
pub(super) fn of_graph(graph: &ExecutionGraph) -> Vec<Diagnostic> {
    let mut findings = vec![];
    let mut visit = |node: &Node| {
        if let NodeKind::Call(operation) = &node.kind
            && operation.repeat.by == RepeatBy::None
            && !operation.repeat.look
        {
            let message = format!("a repeat of step `{}` is not safe: {}", node.id, operation.repeat.reason);
            let finding = Diagnostic::note(Code::F0444, message, node.span);
            findings.push(finding.help("`flowctl runs decide` asks what became of it"));
        }
    };
    graph.walk(&mut visit);
    findings
}
