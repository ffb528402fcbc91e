//! `flowctl validate [PATH…]`.

use super::{End, output};
use crate::catalog::Catalog;
use crate::connectors::secrets::{self, SecretStore};
use crate::diagnostics::render::{self, Part};
use crate::diagnostics::{Code, Diagnostic, Severity};
use crate::graph::validate::{Validation, validate};
use crate::graph::{ExecutionGraph, Node, NodeKind};
use crate::model::Project;
use crate::model::load::find_root;
use std::path::{Path, PathBuf};

/// Says what the runtime would say about a project: its own compiler, no network.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl validate flows\n  flowctl validate flows --deny warnings --format json\n  flowctl validate --env prod\n  flowctl validate --format sarif > flowctl.sarif\n\nExit status: 0 fine, 1 findings, 2 wrong usage or a project that is not there."
)]
pub struct Args {
    /// Folders or files: what is said of them and of what their flows are made of. Without one: the project of this folder.
    paths: Vec<PathBuf>,
    /// How findings are written: text to stderr, the others to stdout.
    #[arg(long, default_value = "text")]
    format: Format,
    /// Lets warnings fail, too.
    #[arg(long, value_name = "KIND")]
    deny: Option<Deny>,
    /// Only the values of this environment. Without it: the base values and every environment's.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Tells for each step that speaks to a system why it may be tried again, or that it may not.
    #[arg(long)]
    explain_repeats: bool,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Format {
    /// With the lines of the file, for people.
    Text,
    /// A list of findings.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands, which a pull request shows at its lines.
    Github,
    /// JUnit's XML: a file is a case.
    Junit,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Deny {
    Warnings,
}

/// A project that was asked for.
struct Asked {
    root: PathBuf,
    /// Files and folders from its root; an empty one is all of it.
    wanted: Vec<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let mut validations: Vec<(String, Validation)> = vec![];
    let mut elsewhere = 0;
    for asked in asked(&args.paths)? {
        let (project, sources, found) = Project::load(&asked.root);
        let mut validation = match validate(&project, sources.clone(), found, args.env.as_deref(), &Catalog::bundled())
        {
            Ok(validation) => validation,
            Err(finding) => {
                let text = render::text(&[finding], &sources, output::colour());
                anyhow::bail!("{}", text.trim_end());
            }
        };
        validation.findings.extend(not_in_store(&project, &asked.root, args.env.as_deref()));
        if !asked.wanted.iter().any(String::is_empty) {
            elsewhere += validation.narrow(&asked.wanted);
        }
        validations.push((prefix(&asked.root), validation));
    }
    render(&args, &validations, elsewhere)?;
    if args.explain_repeats {
        let flows = validations.iter().flat_map(|(_, validation)| &validation.flows);
        let told: String = flows.filter_map(|flow| flow.graph.as_deref()).map(repeats).collect();
        match args.format {
            Format::Text => output::print(&told)?,
            _ => output::tell(told.trim_end()),
        }
    }
    let worst = validations.iter().flat_map(|(_, validation)| &validation.findings).map(|one| one.severity).min();
    Ok(if worst.is_some_and(|worst| worst <= fails(&args)) { End::Findings } else { End::Fine })
}

/// What the connections name and the project's own secret store does not have. Without such a store nothing is said.
fn not_in_store(project: &Project, root: &Path, environment: Option<&str>) -> Vec<Diagnostic> {
    let Ok(store) = SecretStore::read(&root.join(secrets::FILE)) else { return vec![] };
    let every = [None].into_iter().chain(project.environments.keys().map(|name| Some(name.as_str())));
    let asked: Vec<Option<&str>> = if environment.is_some() { vec![environment] } else { every.collect() };
    let mut findings: Vec<Diagnostic> = vec![];
    for effective in asked.into_iter().filter_map(|name| project.effective(name).ok()) {
        let unknown = secrets::unknown(&effective.connections, &store);
        findings.extend(unknown.into_iter().filter(|finding| !findings.contains(finding)).collect::<Vec<_>>());
    }
    findings
}

/// The least severity that fails.
fn fails(args: &Args) -> Severity {
    if args.deny == Some(Deny::Warnings) { Severity::Warning } else { Severity::Error }
}

/// The projects in which the paths stand, each once.
fn asked(paths: &[PathBuf]) -> anyhow::Result<Vec<Asked>> {
    let here = [PathBuf::from(".")];
    let mut all: Vec<Asked> = vec![];
    for path in if paths.is_empty() { &here } else { paths } {
        let Ok(there) = path.canonicalize() else { anyhow::bail!("{} does not exist", path.display()) };
        let Some(root) = find_root(path) else {
            anyhow::bail!(
                "no flowctl.yaml in {} or a folder above it (flowctl explain {})",
                path.display(),
                Code::F0330
            )
        };
        let inside = there.strip_prefix(&root).unwrap_or(Path::new(""));
        let inside = inside.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        // Without a path, the whole project is meant, wherever in it one stands.
        let inside = if paths.is_empty() { String::new() } else { inside };
        match all.iter_mut().find(|asked| asked.root == root) {
            Some(asked) => asked.wanted.push(inside),
            None => all.push(Asked { root, wanted: vec![inside] }),
        }
    }
    Ok(all)
}

/// Where the project stands, seen from here: programs look for its files from this folder on.
fn prefix(root: &Path) -> String {
    let Ok(here) = std::env::current_dir().and_then(|here| here.canonicalize()) else { return String::new() };
    let below = root.strip_prefix(here).unwrap_or(Path::new(""));
    below.iter().map(|part| format!("{}/", part.to_string_lossy())).collect()
}

fn render(args: &Args, validations: &[(String, Validation)], elsewhere: usize) -> anyhow::Result<()> {
    let parts: Vec<Part<'_>> = validations
        .iter()
        .map(|(prefix, validation)| Part { findings: &validation.findings, sources: &validation.sources, prefix })
        .collect();
    match args.format {
        Format::Text => {
            for part in &parts {
                let text = render::text(part.findings, part.sources, output::colour());
                if !text.is_empty() {
                    output::tell(text.trim_end());
                }
            }
            if elsewhere > 0 {
                let s = if elsewhere == 1 { "" } else { "s" };
                output::tell(&format!("{elsewhere} finding{s} elsewhere in the project not shown."));
            }
            if parts.iter().all(|part| part.findings.is_empty()) {
                let flows: usize = validations.iter().map(|(_, validation)| validation.flows.len()).sum();
                output::tell(&format!("{flows} flow{}, nothing to say.", if flows == 1 { "" } else { "s" }));
            }
        }
        Format::Json => {
            let mut all: Vec<serde_json::Value> = Vec::new();
            for part in &parts {
                let list: Vec<serde_json::Value> = serde_json::from_str(&render::json(part.findings, part.sources))?;
                all.extend(list);
            }
            output::print(&format!("{}\n", serde_json::to_string_pretty(&all)?))?;
        }
        Format::Sarif => output::print(&render::sarif(&parts))?,
        Format::Github => output::print(&parts.iter().map(render::github).collect::<String>())?,
        Format::Junit => output::print(&render::junit(&parts, fails(args)))?,
    }
    Ok(())
}

/// `flow step: operation, because`, a line for each step that speaks to a system.
fn repeats(graph: &ExecutionGraph) -> String {
    let mut out = format!("{}\n", graph.flow);
    let mut tell = |node: &Node| {
        if let NodeKind::Lookup(operation) | NodeKind::Call(operation) = &node.kind {
            out.push_str(&format!("  {}  {}: {}\n", node.id, operation.name, operation.repeat.reason));
        }
    };
    graph.walk(&mut tell);
    out
}
