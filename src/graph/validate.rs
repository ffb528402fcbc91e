//! All that can be said of a project before it runs: what its files say, in the base and in every environment.
//!
//! The runtime's own compiler and nothing beside it: what is good here loads there. Deliberately without the network,
//! environment variables and the secret store: those are `flowctl check`'s. Each finding is said once, in whatever many
//! environments it holds.

use super::project::{Compilation, Flow, compile};
use crate::catalog::Catalog;
use crate::diagnostics::{Diagnostic, Sources, Span};
use crate::model::{Effective, Project};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// A project with what there is to say of it.
pub struct Validation {
    pub findings: Vec<Diagnostic>,
    pub sources: Arc<Sources>,
    /// As they are in the environment that was named, or in the base.
    pub flows: Vec<Flow>,
}

/// Checks a project as [`Project::load`] gave it: in that environment, or in the base and in every one. An environment
/// that there is not is the error.
#[expect(clippy::result_large_err, reason = "asked once, when a project is opened")]
pub fn validate(
    project: &Project,
    sources: Sources,
    found: Vec<Diagnostic>,
    environment: Option<&str>,
    catalog: &Catalog,
) -> Result<Validation, Diagnostic> {
    let first = project.effective(environment)?;
    let Compilation { flows, sources: all, findings, .. } = compile(project, &first, sources.clone(), catalog);
    let mut said = Said::default();
    said.say_all(found.into_iter().chain(findings));
    if environment.is_some() || project.environments.is_empty() {
        said.say_all(first.unset.clone());
    }
    let mut compiled = vec![first];
    for name in project.environments.keys().filter(|_| environment.is_none()) {
        let effective = project.effective(Some(name))?;
        said.say_all(effective.unset.clone());
        let findings = match compiled.iter().any(|known| compile_the_same(known, &effective)) {
            true => effective.check(catalog),
            false => compile(project, &effective, sources.clone(), catalog).findings,
        };
        findings.into_iter().for_each(|finding| said.say_in(finding, name));
        compiled.push(effective);
    }
    Ok(Validation { findings: said.findings, sources: all, flows })
}

/// Whether all that flows are compiled from is equal, so that the same would be said of them.
fn compile_the_same(a: &Effective, b: &Effective) -> bool {
    let facts = |effective: &Effective| -> Vec<_> {
        let all = effective.connections.iter();
        all.map(|(name, connection)| {
            let settle = connection.limits.as_ref().and_then(|limits| limits.settle.as_ref());
            (name.clone(), connection.system.to_string(), settle.map(|settle| settle.value.clone()))
        })
        .collect()
    };
    a.settings == b.settings && a.files == b.files && facts(a) == facts(b)
}

/// What has been said, each thing once.
#[derive(Default)]
struct Said {
    findings: Vec<Diagnostic>,
    known: HashSet<(&'static str, Option<Span>, String)>,
}

impl Said {
    fn say_all(&mut self, findings: impl IntoIterator<Item = Diagnostic>) {
        for finding in findings {
            self.say(finding);
        }
    }

    /// Whether it had not been said yet.
    fn say(&mut self, finding: Diagnostic) -> bool {
        let place = finding.primary.as_ref().map(|label| label.span);
        let new = self.known.insert((finding.code.0, place, finding.message.clone()));
        if new {
            self.findings.push(finding);
        }
        new
    }

    /// What only holds in one environment says in which.
    fn say_in(&mut self, finding: Diagnostic, environment: &str) {
        if self.say(finding)
            && let Some(last) = self.findings.last_mut()
        {
            last.help.insert(0, format!("so it is in the environment `{environment}`"));
        }
    }
}

impl Validation {
    /// Keeps what concerns these files or folders, as paths from the project's root, and tells how much else was found:
    /// their own findings and those of what their flows are made of.
    pub fn narrow(&mut self, wanted: &[String]) -> usize {
        let below = |path: &str, folder: &String| {
            folder.is_empty()
                || path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let means = |path: &str| wanted.iter().any(|folder| below(path, folder));
        let made_of: BTreeSet<&str> = self
            .flows
            .iter()
            .filter(|flow| means(&flow.path))
            .flat_map(|flow| flow.revision.iter().map(|(name, _)| name.as_str()))
            .collect();
        // Every flow stands on these.
        let ground =
            |path: &str| path == "flowctl.yaml" || path == "connections.yaml" || path.starts_with("environments/");
        let sources = &self.sources;
        let concerns = |finding: &Diagnostic| {
            let mut places = finding.primary.iter().chain(&finding.secondary).peekable();
            places.peek().is_none()
                || places.any(|label| {
                    let path = &sources.get(label.span.file).path;
                    means(path) || ground(path) || made_of.contains(&**path)
                })
        };
        let before = self.findings.len();
        let kept: Vec<Diagnostic> =
            std::mem::take(&mut self.findings).into_iter().filter(|one| concerns(one)).collect();
        self.findings = kept;
        before - self.findings.len()
    }
}
