//! `flowctl check [DIR]`.

use super::{End, output, project};
use crate::diagnostics::{Diagnostic, Severity, render};
use crate::runtime::check::{Checked, State, Subject, check};
use serde_json::json;
use std::path::PathBuf;

/// Says what stands between a project and going live: what is unset, unreachable, unauthorised or unregistered.
///
/// Every system is asked one harmless question and which webhooks are registered, every feed of exchange rates what it
/// has; nothing is changed, and no secret is shown. --offline says what can be known without a network.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl check\n  flowctl check my-project --env prod\n  flowctl check --offline --format json\n\nExit status: 0 fine, 1 something is missing, 2 wrong usage or a project that is not there."
)]
pub struct Args {
    /// The project's folder, or one inside it.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Which environment's values hold.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Asks nobody.
    #[arg(long)]
    offline: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let compiled = project::load(&args.path, args.env.as_deref())?;
    let catalog = compiled.compilation.catalog.clone();
    let is_error = |finding: &&Diagnostic| finding.severity == Severity::Error;
    let errors: Vec<Diagnostic> =
        compiled.findings.iter().chain(&compiled.effective.check(&catalog)).filter(is_error).cloned().collect();
    if !errors.is_empty() {
        output::tell(render::text(&errors, &compiled.compilation.sources, output::colour()).trim_end());
        output::tell("Mend what `flowctl validate` says first.");
        return Ok(End::Findings);
    }
    let root = crate::model::load::find_root(&args.path).unwrap_or(args.path);
    let env = |name: &str| std::env::var(name).ok();
    let (effective, compilation) = (&compiled.effective, &compiled.compilation);
    let feeds = compiled.project.feeds();
    let subject = Subject { root: &root, effective, compilation, catalog: &catalog, feeds: &feeds, env: &env };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let checked = runtime.block_on(check(&subject, !args.offline)).map_err(|error| anyhow::anyhow!("{error}"))?;
    match args.format {
        Format::Json => {
            let entries: Vec<serde_json::Value> = checked.iter().map(entry).collect();
            output::print(&format!("{}\n", serde_json::to_string_pretty(&entries)?))?;
        }
        Format::Text => output::print(&checked.iter().map(line).collect::<String>())?,
    }
    let wrong = checked.iter().filter(|one| one.state == State::Wrong).count();
    if wrong > 0 {
        output::tell(&format!("{wrong} thing{} to mend.", if wrong == 1 { "" } else { "s" }));
        return Ok(End::Findings);
    }
    Ok(End::Fine)
}

fn line(checked: &Checked) -> String {
    let sign = match checked.state {
        State::Fine => "✓",
        State::Wrong => "✗",
        State::ByHand => "?",
    };
    let connection = checked.connection.as_deref().unwrap_or("project");
    let help = checked.help.as_ref().map(|help| format!("\n  → {help}")).unwrap_or_default();
    format!("{sign} {connection}  {}: {}{help}\n", checked.what.word(), checked.says)
}

fn entry(checked: &Checked) -> serde_json::Value {
    let state = match checked.state {
        State::Fine => "fine",
        State::Wrong => "wrong",
        State::ByHand => "by_hand",
    };
    json!({
        "connection": checked.connection, "what": checked.what.word(), "state": state,
        "says": checked.says, "help": checked.help,
    })
}
