//! What several commands do first: find the project, read it, compile it.

use crate::catalog::Catalog;
use crate::diagnostics::{Diagnostic, render};
use crate::graph::ExecutionGraph;
use crate::graph::project::{Compilation, compile};
use crate::model::load::find_root;
use crate::model::{Effective, Project};
use std::path::Path;
use std::sync::Arc;

/// A project, compiled.
pub struct Compiled {
    pub project: Project,
    pub effective: Effective,
    pub compilation: Compilation,
    /// Of reading and of compiling.
    pub findings: Vec<Diagnostic>,
}

/// Reads and compiles the project in which `path` stands.
pub fn load(path: &Path, environment: Option<&str>) -> anyhow::Result<Compiled> {
    if !path.exists() {
        anyhow::bail!("{} does not exist", path.display());
    }
    if find_root(path).is_none() {
        anyhow::bail!("no flowctl.yaml in {} or a folder above it", path.display());
    }
    let (project, sources, mut findings) = Project::load(path);
    let effective = match project.effective(environment) {
        Ok(effective) => effective,
        Err(finding) => {
            let text = render::text(&[finding], &sources, super::output::colour());
            anyhow::bail!("{}", text.trim_end());
        }
    };
    let catalog = Catalog::bundled();
    let mut compilation = compile(&project, &effective, sources, &catalog);
    findings.append(&mut compilation.findings);
    Ok(Compiled { project, effective, compilation, findings })
}

impl Compiled {
    /// Shows the findings to a person.
    pub fn tell(&self) {
        if !self.findings.is_empty() {
            super::output::tell(
                render::text(&self.findings, &self.compilation.sources, super::output::colour()).trim_end(),
            );
        }
    }

    /// The flow of that name, with a suggestion where there is none.
    pub fn flow(&self, name: &str) -> anyhow::Result<Arc<ExecutionGraph>> {
        let flows = &self.compilation.flows;
        match flows.iter().find(|flow| flow.name == name) {
            Some(flow) => match &flow.graph {
                Some(graph) => Ok(graph.clone()),
                None => {
                    self.tell();
                    anyhow::bail!("flow {name} has errors");
                }
            },
            None => {
                let known = flows.iter().map(|flow| flow.name.as_str());
                let hint = match crate::diagnostics::did_you_mean(name, known.clone()) {
                    Some(meant) => format!("did you mean {meant}?"),
                    None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
                };
                anyhow::bail!("there is no flow {name}; {hint}")
            }
        }
    }
}
