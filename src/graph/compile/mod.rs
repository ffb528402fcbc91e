//! Flow files → execution graphs: every name resolved, every slot compiled, every operation bound.
//!
//! A flow's findings are all reported at once; a flow with an error gives no graph and holds up no other.

mod alternate_key;
mod approve;
pub mod calls;
mod changeset;
mod checks;
mod declared;
mod find_by;
mod http;
mod operation;
mod paging;
mod parallel;
mod params;
mod reread;
mod scope;
mod sources;
mod steps;
#[cfg(test)]
mod tests;
mod trigger;
#[cfg(test)]
mod trigger_tests;
mod wait;

use super::{ExecutionGraph, Slot};
use crate::catalog::{Catalog, Types};
use crate::diagnostics::{Code, Diagnostic, Severity, Sources, Span};
use crate::language::check::{Checked, SlotScope};
use crate::language::types::Type;
use crate::language::{Inputs, Library, SourceText};
use crate::model::flow::Flow;
pub(super) use crate::model::load::join;
use crate::model::slot::{Expr, Template};
use crate::value::{Text, Value};
use calls::Signatures;
pub use declared::Declared;
use parallel::Reads;
use scope::Scope;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What the flows of a project are compiled with.
pub struct Compiler<'a> {
    pub catalog: &'a Catalog,
    pub types: &'a Types,
    pub library: &'a Library,
    pub inputs: &'a Inputs<'a>,
    /// Names of links, totals and tables of rates.
    pub declared: &'a Declared,
    /// By name.
    pub connections: &'a BTreeMap<String, ConnectionFacts>,
    /// Values of the settings, a record.
    pub settings: &'a Value,
    /// The project's flows as others can call them.
    pub flows: &'a Signatures,
}

/// What of a connection a graph depends on. Credentials and limits are always the current ones and not among it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionFacts {
    pub system: String,
    /// `limits.settle`, where it is written.
    pub settle: Option<Duration>,
}

/// What of a flow the rest of the process needs beside its graph.
pub struct CompiledFlow {
    /// `None` where it has an error. Without `sources`: see [`CompiledFlow::finish`].
    pub graph: Option<ExecutionGraph>,
    /// The flow's `use:` entries as paths from the project root.
    pub uses: Vec<String>,
    /// The type of its `result`; `None`: it has none, or an error in it.
    pub gives: Option<Type>,
}

impl Compiler<'_> {
    /// Compiles one flow of the file at `path`.
    pub fn flow(&self, path: &str, flow: &Flow) -> (CompiledFlow, Vec<Diagnostic>) {
        let mut work = Work::new(self);
        work.path = path;
        work.uses = work.resolve_uses(path, flow);
        let asked: Vec<usize> = work.uses.iter().map(|used| self.library.asked(used)).collect();
        work.collect_ids(&flow.steps);
        let mut scope = Scope::default();
        let trigger = work.trigger(&flow.trigger, &mut scope);
        let steps = work.steps(&flow.steps, &mut scope).nodes;
        let result = flow.result.as_ref().map(|expr| work.slot(expr, &scope, None));
        let on_failure = work.on_failure(&flow.on_failure, &scope);
        let uses = std::mem::take(&mut work.uses);
        // A file with errors has said them itself: that the flow needs it is said once.
        let mut needs_mending = false;
        work.findings.retain(|finding| finding.code != Code::F0228 || !std::mem::replace(&mut needs_mending, true));
        let good = !work.findings.iter().any(|finding| finding.severity == Severity::Error);
        if good {
            for ((written, used), before) in flow.uses.iter().zip(&uses).zip(asked) {
                if self.library.asked(used) == before {
                    let message = "nothing of this file is used";
                    work.findings.push(Diagnostic::warning(Code::F0225, message, written.span));
                }
            }
        }
        if !good {
            // A step with an error has no type that one could speak of: "is never missing" would be a guess.
            work.findings.retain(|finding| finding.code != Code::F0239);
        }
        let result = match result {
            Some(Some((slot, _))) => Some(slot),
            _ => None,
        };
        let gives = result.as_ref().map(|slot| slot.expression.result().clone());
        let graph = match (good && !work.incomplete, trigger) {
            (true, Some(trigger)) => Some(ExecutionGraph {
                flow: text(&flow.flow),
                description: flow.description.as_ref().map(|d| text(d)),
                trigger,
                steps,
                on_failure,
                result,
                settings: self.settings.clone(),
                sources: Arc::new(Sources::default()),
            }),
            _ => None,
        };
        work.findings.extend(graph.iter().flat_map(checks::of_graph));
        (CompiledFlow { graph, uses, gives }, work.findings)
    }
}

impl CompiledFlow {
    /// The graph with the texts that its spans point into: they are complete only when everything is compiled.
    pub fn finish(self, sources: &Arc<Sources>) -> Option<ExecutionGraph> {
        let mut graph = self.graph?;
        graph.sources = sources.clone();
        Some(graph)
    }
}

/// The work on one flow.
struct Work<'a> {
    compiler: &'a Compiler<'a>,
    /// The flow's file.
    path: &'a str,
    uses: Vec<String>,
    findings: Vec<Diagnostic>,
    /// Every step's id and where it stands.
    ids: BTreeMap<Arc<str>, Span>,
    /// Ids of steps that have not been compiled yet: naming one is using it before it runs.
    later: BTreeSet<Arc<str>>,
    /// A setting that it needs has no value.
    incomplete: bool,
    /// In a change set, behind its first write: what has to be said why a repeat is safe is said of that.
    behind_first: bool,
    /// What `dedupe` reads; nothing: the event's id.
    dedupe_reads: Vec<Vec<Text>>,
    /// Columns of the write in hand that `refer` assigns.
    referred: Vec<Text>,
    /// What the step under way reads.
    reads: Reads,
}

impl<'a> Work<'a> {
    fn new(compiler: &'a Compiler<'a>) -> Work<'a> {
        Work {
            compiler,
            path: "",
            uses: vec![],
            findings: vec![],
            ids: BTreeMap::new(),
            later: BTreeSet::new(),
            incomplete: false,
            behind_first: false,
            dedupe_reads: vec![],
            referred: vec![],
            reads: Reads::default(),
        }
    }
}

impl Work<'_> {
    fn say(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    /// Compiles an expression over the flow's names. `want`: the type that its value has to fit.
    fn slot(&mut self, expr: &Expr, scope: &Scope, want: Option<&Type>) -> Option<(Slot, Checked)> {
        self.compile(&expr.text, expr.span, expr.cut, scope, |slots| slots.expression(&expr.text, want))
    }

    /// Compiles a text with holes.
    fn template(&mut self, template: &Template, scope: &Scope) -> Option<Slot> {
        let Template { text, span, cut } = template;
        self.compile(text, *span, *cut, scope, |slots| slots.text(text)).map(|(slot, _)| slot)
    }

    fn compile(
        &mut self,
        text: &SourceText,
        span: Span,
        cut: Option<Span>,
        scope: &Scope,
        check: impl FnOnce(&SlotScope<'_>) -> (Option<Checked>, Vec<Diagnostic>),
    ) -> Option<(Slot, Checked)> {
        let variables = scope.variables();
        let (checked, mut findings) = check(&self.slot_scope(&variables, scope));
        if checked.is_none() {
            self.blame_order(text, &mut findings);
        }
        self.blame_comment(cut, &mut findings);
        self.findings.append(&mut findings);
        let checked = checked?;
        self.reads.paths(&checked.reads);
        let inputs = variables.into_iter().map(|(name, _)| name).collect();
        Some((Slot { expression: checked.expression.clone(), inputs, span }, checked))
    }

    fn slot_scope<'s>(&'s self, variables: &'s [(Text, Type)], scope: &'s Scope) -> SlotScope<'s> {
        SlotScope {
            library: self.compiler.library,
            inputs: self.compiler.inputs,
            uses: &self.uses,
            variables,
            facts: &scope.facts,
        }
    }

    /// A step that runs later is no unknown name: say what is wrong with it instead.
    fn blame_order(&self, text: &SourceText, findings: &mut [Diagnostic]) {
        for (place, _) in text.text.match_indices("steps.") {
            let start = place + "steps.".len();
            let rest = &text.text[start..];
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let Some((id, at)) = self.ids.get_key_value(&rest[..length]).filter(|(id, _)| self.later.contains(*id))
            else {
                continue;
            };
            let span = text.span(start, start + length);
            let of_id = |finding: &&mut Diagnostic| finding.primary.as_ref().is_some_and(|label| label.span == span);
            if let Some(unknown) = findings.iter_mut().find(of_id) {
                *unknown = Diagnostic::error(Code::F0351, format!("step `{id}` has not run here"), span)
                    .label("used before it runs")
                    .also(*at, "it stands here")
                    .help("move the step above, or use its result below it");
            }
        }
    }

    /// ` #` ends a plain YAML text: where an expression does not parse, that may be why.
    fn blame_comment(&self, cut: Option<Span>, findings: &mut [Diagnostic]) {
        let Some(cut) = cut else { return };
        for finding in findings.iter_mut().filter(|finding| finding.code.0.starts_with("F01")) {
            finding
                .secondary
                .push(crate::diagnostics::Label { span: cut, text: "to YAML, ` #` begins a comment".into() });
            finding.help.push("write the expression below `|`, or in quotes, where `#` belongs to it".into());
        }
    }

    fn resolve_uses(&mut self, path: &str, flow: &Flow) -> Vec<String> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut uses = Vec::new();
        for written in &flow.uses {
            if written.starts_with("std:") {
                uses.push(written.to_string());
                continue;
            }
            if written.ends_with(".rhai") {
                let message = "a flow does not call scripts itself";
                self.say(
                    Diagnostic::error(Code::F0369, message, written.span)
                        .help("call it in a `fn` of a mapping file, which says the types, and use that file here"),
                );
                continue;
            }
            match join(folder, written) {
                Some(path) if self.compiler.inputs.files.contains_key(&path) => uses.push(path),
                Some(path) => {
                    let known = self.compiler.inputs.files.keys().filter(|known| known.ends_with(".map"));
                    let meant = crate::diagnostics::did_you_mean(&path, known.map(String::as_str)).map(str::to_string);
                    let finding = Diagnostic::error(Code::F0369, format!("there is no file `{path}`"), written.span);
                    self.say(match meant {
                        Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                        None => finding.help("paths are relative to the flow's file; the library is `std:NAME`"),
                    });
                }
                None => {
                    let message = format!("`{}` leaves the project", written.value.0);
                    self.say(
                        Diagnostic::error(Code::F0369, message, written.span).help("paths never leave the project"),
                    );
                }
            }
        }
        uses
    }
}

fn text(word: &str) -> Text {
    Text::from(word)
}
