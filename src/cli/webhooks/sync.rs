//! `flowctl webhooks sync [DIR]`.

use crate::catalog::System;
use crate::cli::{End, output, project};
use crate::connectors::registration::{Plan, Registered, Wanted};
use crate::connectors::{Connectors, resolve_all, secrets};
use crate::diagnostics::{Diagnostic, Severity, render};
use crate::model::connections::Connection;
use crate::model::values::{Referable, Reference};
use crate::runtime::registration::{listened, mark, public_url, wanted};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Makes the providers deliver the events that the flows listen to: registers what is missing, completes what is there.
///
/// What is registered is read first, so that nothing is registered twice; nothing is deleted, and no event taken away.
/// A secret that a provider gives goes into the secret store where the connection names secret://NAME; it is not shown.
/// Where no API can do it, it says what to do by hand.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl webhooks sync --dry-run\n  flowctl webhooks sync my-project --env prod\n\nExit status: 0 done, 1 something could not be done, 2 wrong usage or a project that is not there."
)]
pub struct Args {
    /// The project's folder, or one inside it.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Which environment's values hold.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Only says what would be done.
    #[arg(long)]
    dry_run: bool,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let compiled = project::load(&args.path, args.env.as_deref())?;
    let show = |finding: &Diagnostic| {
        let text = render::text(std::slice::from_ref(finding), &compiled.compilation.sources, output::colour());
        output::tell(text.trim_end());
    };
    // What a flow with errors listens to is not known: nothing is registered by halves.
    let is_error = |finding: &&Diagnostic| finding.severity == Severity::Error;
    if compiled.findings.iter().any(|finding| is_error(&finding)) {
        compiled.findings.iter().filter(is_error).for_each(show);
        output::tell("Mend what `flowctl validate` says first.");
        return Ok(End::Findings);
    }
    let root = crate::model::load::find_root(&args.path).unwrap_or(args.path.clone());
    let catalog = compiled.compilation.catalog.clone();
    let env = |name: &str| std::env::var(name).ok();
    let events = listened(&compiled.compilation);
    if events.is_empty() {
        output::tell("No flow listens to a webhook: there is nothing to register.");
        return Ok(End::Fine);
    }
    let public = match public_url(&compiled.effective, &root, &env) {
        Ok(public) => public,
        Err(finding) => {
            show(&finding);
            return Ok(End::Findings);
        }
    };
    let connections: std::collections::BTreeMap<String, Connection> = compiled
        .effective
        .connections
        .iter()
        .filter(|(name, _)| events.contains_key(*name))
        .map(|(name, one)| (name.clone(), one.clone()))
        .collect();
    let configs = match resolve_all(&connections, &catalog, &root, &env) {
        Ok(configs) => configs,
        Err(findings) => {
            findings.iter().for_each(show);
            return Ok(End::Findings);
        }
    };
    let connectors = Connectors::new(catalog.clone(), configs.clone()).map_err(|error| anyhow::anyhow!("{error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut failed = false;
    for (name, connection) in &connections {
        let (Some(system), Some(config)) = (catalog.system(&connection.system), configs.get(name)) else { continue };
        let mark = mark(compiled.project.name(), compiled.effective.environment.as_deref(), name);
        let Some(wanted) = wanted(connection, mark, &events[name.as_str()], &public, &root, &env) else { continue };
        let plan = match runtime.block_on(connectors.plan_registration(name, system, &wanted)) {
            Ok(plan) => plan,
            Err(error) => {
                output::print(&format!("✗ {name}: {}\n", error.message))?;
                failed = true;
                continue;
            }
        };
        let (line, works) = told(name, system, &plan, &wanted, args.dry_run);
        output::print(&line)?;
        failed |= matches!(plan, Plan::Several { .. });
        if args.dry_run || !works {
            continue;
        }
        match runtime.block_on(connectors.register(name, system, config, &wanted, &plan)) {
            Ok(done) => failed |= !keep(name, connection, &root, &env, &done)?,
            Err(error) => {
                output::print(&format!("✗ {name}: {}\n", error.message))?;
                failed = true;
                continue;
            }
        }
        // Somebody else may have done the same at the same time.
        if let Ok(Plan::Several { ids }) = runtime.block_on(connectors.plan_registration(name, system, &wanted)) {
            output::print(&format!(
                "✗ {name}: registered more than once by now, delete all but one: {}\n",
                ids.join(", ")
            ))?;
            failed = true;
        }
    }
    Ok(if failed { End::Findings } else { End::Fine })
}

/// A line for the plan, and whether there is something to do.
fn told(name: &str, system: &System, plan: &Plan, wanted: &Wanted, dry: bool) -> (String, bool) {
    let title = &system.title;
    let would = |done: &str, would: &str| if dry { format!("would {would}") } else { done.to_owned() };
    match plan {
        Plan::InPlace { id } => (format!("✓ {name}: {title} delivers to {} ({id})\n", wanted.url), false),
        Plan::Create { events } => {
            let does = would("registers", "register");
            (format!("+ {name}: {does} {} for {} at {title}\n", wanted.url, events.join(", ")), true)
        }
        Plan::Update { id, missing, narrow, switched_off, .. } => {
            let mut does = vec![];
            if !missing.is_empty() {
                does.push(format!("{} {}", would("adds", "add"), missing.join(", ")));
            }
            if !narrow.is_empty() {
                does.push(format!("{} columns of {}", would("adds", "add"), narrow.join(", ")));
            }
            if *switched_off {
                does.push(would("switches it on", "switch it on"));
            }
            (format!("~ {name}: {} to {id} at {title}\n", does.join(" and ")), true)
        }
        Plan::Move { id, from, .. } => {
            (format!("~ {name}: {} {id} from {from} to {} at {title}\n", would("moves", "move"), wanted.url), true)
        }
        Plan::Several { ids } => {
            let why = format!("registered {} times at {title}: every event comes as often", ids.len());
            (format!("✗ {name}: {why}; delete all but one: {}\n", ids.join(", ")), false)
        }
        Plan::ByHand { what } => (format!("? {name}: {what}\n"), false),
    }
}

/// Puts what the provider gave where the connection looks for it. False: somebody has to.
fn keep(
    name: &str,
    connection: &Connection,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    done: &Registered,
) -> anyhow::Result<bool> {
    let Some(webhook) = &connection.webhook else { return Ok(true) };
    if let Some(secret) = &done.secret {
        let first = webhook.secrets.first().or(webhook.secret.as_ref()).map(|secret| &secret.value.0);
        let Some(Reference::Secret(place)) = first else {
            output::print(&format!(
                "! {name}: {} was given a secret that only the provider shows now: put it where `webhook.secrets` refers to\n",
                done.id
            ))?;
            return Ok(false);
        };
        let now = Timestamp::now();
        let kept = match secrets::renew(root, place, secret.expose(), env, now) {
            Err(secrets::SecretsError::NotThere { .. } | secrets::SecretsError::NoStore { .. }) => {
                secrets::set(root, place, secret.expose(), env, now)
            }
            renewed => renewed,
        };
        kept.map_err(|error| anyhow::anyhow!("{error} (flowctl explain {})", error.code()))?;
        output::print(&format!("  {name}: its secret is kept as secret://{place}\n"))?;
    }
    let Some(id) = &webhook.id else { return Ok(true) };
    let known = match &id.value {
        Referable::Text(text) => Some(text.to_string()),
        Referable::Reference(reference) => {
            crate::connectors::read_reference(reference, root, env).ok().map(|found| found.expose().to_owned())
        }
    };
    if known.as_deref() == Some(done.id.as_str()) {
        return Ok(true);
    }
    output::print(&format!("! {name}: its id is {}: put it where `webhook.id` refers to\n", done.id))?;
    Ok(true)
}
