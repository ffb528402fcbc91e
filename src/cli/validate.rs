//! `flowctl validate [PATH…]`.

use super::project::{self, Compiled};
use super::{End, output};
use crate::diagnostics::{Severity, render};
use std::path::PathBuf;

/// Says what the runtime would say about a project: its own compiler, no network.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl validate flows\n  flowctl validate flows --deny warnings --format json\n  flowctl validate --env prod"
)]
pub struct Args {
    /// Folders or files; the project of each is checked. Without one: the project of this folder.
    paths: Vec<PathBuf>,
    /// How findings are written: text to stderr, json to stdout.
    #[arg(long, default_value = "text")]
    format: Format,
    /// Lets warnings fail, too.
    #[arg(long, value_name = "KIND")]
    deny: Option<Deny>,
    /// Only the values of this environment. Without it: the base values and every environment's.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Deny {
    Warnings,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let mut paths = args.paths.clone();
    if paths.is_empty() {
        paths.push(".".into());
    }
    let mut projects: Vec<Compiled> = Vec::new();
    for path in &paths {
        let base = project::load(path, args.env.as_deref())?;
        let environments: Vec<String> = match &args.env {
            Some(_) => vec![],
            None => base.project.environments.keys().cloned().collect(),
        };
        projects.push(base);
        for environment in environments {
            projects.push(project::load(path, Some(&environment))?);
        }
    }
    let worst = projects.iter().flat_map(|project| &project.findings).map(|finding| finding.severity).min();
    let flows: usize = projects.iter().take(1).map(|project| project.compilation.flows.len()).sum();
    match args.format {
        Format::Text => {
            let mut shown = Vec::new();
            for project in &projects {
                let text = render::text(&project.findings, &project.compilation.sources, output::colour());
                // What is wrong in every environment is said once.
                if !project.findings.is_empty() && !shown.contains(&text) {
                    output::tell(text.trim_end());
                    shown.push(text);
                }
            }
            if worst.is_none() {
                output::tell(&format!("{flows} flow{}, nothing to say.", if flows == 1 { "" } else { "s" }));
            }
        }
        Format::Json => {
            let mut all: Vec<serde_json::Value> = Vec::new();
            for project in &projects {
                let text = render::json(&project.findings, &project.compilation.sources);
                let list: Vec<serde_json::Value> = serde_json::from_str(&text)?;
                all.extend(list.into_iter().filter(|finding| !all.contains(finding)).collect::<Vec<_>>());
            }
            output::print(&format!("{}\n", serde_json::to_string_pretty(&all)?))?;
        }
    }
    Ok(match worst {
        Some(Severity::Error) => End::Findings,
        Some(Severity::Warning) if args.deny == Some(Deny::Warnings) => End::Findings,
        _ => End::Fine,
    })
}
