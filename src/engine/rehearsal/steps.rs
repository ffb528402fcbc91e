//! The steps that a flow has, by the paths that their runs will have: `lines/*/line_created`, where `*` is an
//! iteration's key.

use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use crate::graph::{ExecutionGraph, Node, NodeKind, Wait};

/// A flow's steps.
pub struct Steps(Vec<Step>);

/// One of them.
pub struct Step {
    pattern: Vec<String>,
    pub does: Does,
}

/// What of a step matters to a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    Read,
    Write,
    Other,
}

impl Steps {
    pub fn of(graph: &ExecutionGraph) -> Steps {
        let mut steps = vec![];
        walk(&graph.steps, &[], &mut steps);
        walk(&graph.on_failure, &["on_failure".into(), "*".into()], &mut steps);
        Steps(steps)
    }

    /// The step of that path, or what is wrong with it.
    pub fn find(&self, path: &str, span: Span) -> Result<&Step, Diagnostic> {
        if let Some(step) = self.0.iter().find(|step| step.fits(path)) {
            return Ok(step);
        }
        let finding = Diagnostic::error(Code::F0503, format!("the flow has no step `{path}`"), span);
        let last = path.rsplit('/').next().unwrap_or(path);
        let id = self.0.iter().find(|step| step.id() == last);
        let meant = || did_you_mean(last, self.0.iter().map(Step::id));
        let meant = id.or_else(|| meant().and_then(|meant| self.0.iter().find(|step| step.id() == meant)));
        Err(match meant {
            Some(step) => finding.help(format!("did you mean `{}`?", step.like(path))),
            None => finding.help("a step inside `for_each` is named LOOP/KEY/STEP: `lines/1/line_created`"),
        })
    }
}

impl Step {
    fn id(&self) -> &str {
        self.pattern.last().map_or("", String::as_str)
    }

    fn fits(&self, path: &str) -> bool {
        let mut parts = path.split('/');
        self.pattern
            .iter()
            .all(|wanted| parts.next().is_some_and(|part| wanted == "*" && !part.is_empty() || wanted == part))
            && parts.next().is_none()
    }

    /// The path that was probably meant: keys as they were written, or `KEY`.
    fn like(&self, written: &str) -> String {
        let parts: Vec<&str> = written.split('/').collect();
        let same_depth = parts.len() == self.pattern.len();
        let filled = self.pattern.iter().enumerate().map(|(n, wanted)| match wanted.as_str() {
            "*" if same_depth => parts.get(n).copied().unwrap_or("KEY"),
            "*" => "KEY",
            wanted => wanted,
        });
        filled.collect::<Vec<_>>().join("/")
    }
}

fn walk(nodes: &[Node], prefix: &[String], steps: &mut Vec<Step>) {
    for node in nodes {
        let pattern: Vec<String> = prefix.iter().cloned().chain([node.id.to_string()]).collect();
        let does = match &node.kind {
            NodeKind::Lookup(_) | NodeKind::Wait(Wait::Row(_)) => Does::Read,
            NodeKind::Call(_) => Does::Write,
            NodeKind::Branch { cases, otherwise } => {
                for case in cases.iter().chain([otherwise]) {
                    walk(&case.steps, prefix, steps);
                }
                Does::Other
            }
            NodeKind::ForEach(each) => {
                let inside: Vec<String> = pattern.iter().cloned().chain(["*".to_owned()]).collect();
                walk(&each.steps, &inside, steps);
                Does::Other
            }
            NodeKind::Parallel(lists) => {
                lists.iter().for_each(|list| walk(list, prefix, steps));
                Does::Other
            }
            NodeKind::Transform(_)
            | NodeKind::Wait(_)
            | NodeKind::Alert { .. }
            | NodeKind::Fail { .. }
            | NodeKind::Stop { .. } => Does::Other,
        };
        if let NodeKind::Call(operation) = &node.kind {
            for member in operation.members() {
                let own = pattern.iter().cloned().chain([member.id.to_string()]);
                let item = member.each.as_ref().map(|_| "*".to_owned());
                steps.push(Step { pattern: own.chain(item).collect(), does: Does::Write });
            }
        }
        for entry in &node.on_error {
            walk(&entry.steps, prefix, steps);
        }
        steps.push(Step { pattern, does });
    }
}
