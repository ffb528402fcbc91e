//! `flowctl demo`: the whole of it on one machine, and a second opinion on what comes out.

mod act;
mod compare;
mod crm;
mod events;
mod expected;
mod observed;
mod payout;
mod paypal;
pub(super) mod project;
mod refund;
mod report;
mod serve;

use super::{End, output};
use crate::catalog::Types;
use crate::runtime::{Runtime, Settings, StartError};
use crate::sandbox::server::Standin as _;
use crate::sandbox::webhooks::Sender;
use crate::sandbox::{Ports, Sandbox, credentials};
use crate::store::SqliteStore;
use anyhow::Context as _;
use events::Case;
use jiff::Timestamp;
use observed::Sent;
use project::Folder;
use report::Report;
use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Shows everything at once: signed Stripe events in, sales orders in Dynamics 365 out.
///
/// Needs nothing: no configuration, no account, no network. It serves stand-ins of Stripe and of Dynamics 365 Finance &
/// Operations on free ports of this machine, writes the bundled project and an empty store into a temporary folder, runs
/// the project as `flowctl run` would, and sends signed events: a card in dollars, one in yen, an event twice, a forged
/// one, one whose order F&O throttles, one whose answer is lost after F&O did the work, a product that F&O does not know,
/// a guest. Then Stripe pays out what they brought, less a refund and a dispute, while everything fails that can fail:
/// deliveries come twice, late and never, connections break before and after the work, work is done too late. PayPal's
/// captures follow, into F&O and into the CRM, and then part of a charge and of a capture goes back.
///
/// Then it prints, for each event, what became of it and what now stands in Dynamics, and for the payout the journal with
/// every fault on the way. What should stand there is computed from the events by other code than the flows'; wherever
/// the two differ, a line with `!` says so and the exit status is 1. Afterwards the folder is removed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  flowctl demo                    the table; exit status 0 when all is as it should be
  flowctl demo --json             the same facts for a program
  flowctl demo --serve            stays up and says what to try with curl")]
pub struct Args {
    /// Stays up after the events, until Ctrl-C, and says what to try.
    #[arg(long)]
    serve: bool,
    /// Prints the facts as JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// How long the runs may take together.
const PATIENCE: Duration = Duration::from_secs(60);

/// What has to stay for the demo to stay up.
struct Up {
    sandbox: Sandbox,
    runtime: Runtime,
    folder: Folder,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (up, end) = tokio::select! {
            shown = show(args.json) => shown?,
            stopped = super::run::stopped() => {
                stopped?;
                anyhow::bail!("stopped before it was done")
            }
        };
        if args.serve {
            serve::prepare(&up.folder, &up.sandbox)?;
            output::tell(&serve::what_to_try(&up.folder, &up.sandbox, &up.runtime));
            // From here on somebody watches what a saved file does.
            crate::telemetry::init();
            super::run::stopped().await?;
        }
        up.runtime.stop().await;
        Ok(end)
    })
}

/// Starts everything, sends the events, and prints what came of them.
async fn show(as_json: bool) -> anyhow::Result<(Up, End)> {
    let begin = Instant::now();
    let catalog = project::catalog();
    let types = Types::bundled(&catalog);
    let sandbox = Sandbox::start(&catalog, &types, Ports::default()).await.context("the stand-ins cannot be served")?;
    let folder = Folder::new().context("there is no place for temporary files")?;
    folder.write_project(&sandbox).with_context(|| format!("cannot write to {}", folder.path().display()))?;
    let runtime = start(&folder).await?;
    let hook = format!("http://{}/hooks/stripe", runtime.hooks);
    output::tell(&format!(
        "Stripe and F&O stand-ins: {}, {}",
        sandbox.stripe_server.url(),
        sandbox.finops_server.url()
    ));
    output::tell(&format!("Runtime: {hook}, project in {}", folder.project().display()));

    let cases = events::all(Timestamp::now().as_second());
    let before = observed::before(&sandbox);
    let expected = expected::of(&cases, &before).map_err(|why| anyhow::anyhow!("the demo's own events: {why}"))?;
    let sent = send(&cases, &hook, &sandbox).await?;
    let left = wait(&cases, &runtime).await?;
    let observed = observed::after(&cases, &sent, &**runtime.store(), &sandbox, &before).await?;
    let mut differences = compare::differences(&cases, &expected, &observed);
    if left > 0 {
        let seconds = PATIENCE.as_secs();
        differences.general.push(format!("{left} runs were not at their end after {seconds} s"));
    }
    let mut acts = vec![payout::play(&sandbox, &runtime, &hook).await?];
    acts.extend(paypal::play(&sandbox, &runtime).await?);
    let report =
        Report { cases: &cases, observed: &observed, differences: &differences, acts: &acts, took: begin.elapsed() };
    match as_json {
        true => output::print(&format!("{}\n", serde_json::to_string_pretty(&report.json())?))?,
        false => output::print(&format!("\n{}", report.table()))?,
    }
    let fine = differences.none() && acts.iter().all(|act| act.differences.is_empty());
    let end = if fine { End::Fine } else { End::Findings };
    Ok((Up { sandbox, runtime, folder }, end))
}

async fn start(folder: &Folder) -> anyhow::Result<Runtime> {
    let any_port = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let store = SqliteStore::open(&folder.store()).context("the store cannot be opened")?;
    let settings = Settings {
        tls: None,
        project: folder.project(),
        environment: Some(project::ENVIRONMENT.into()),
        listen: any_port,
        admin: any_port,
        store: Some(folder.store()),
    };
    Runtime::start(settings, Arc::new(store)).await.map_err(|error| match error {
        StartError::Project(findings) => anyhow::anyhow!("the bundled project does not run:\n{findings}"),
        StartError::Other(why) => anyhow::anyhow!(why),
    })
}

/// Sends every event, one after the other, without waiting for runs.
async fn send(cases: &[Case], hook: &str, sandbox: &Sandbox) -> anyhow::Result<Vec<Sent>> {
    let stripe = Sender::new(hook, credentials::STRIPE_WEBHOOK_SECRET)?;
    let forger = Sender::new(hook, "whsec_guessed")?;
    let mut sent: Vec<Sent> = Vec::new();
    for (n, case) in cases.iter().enumerate() {
        // Stripe knows its own charges; a forged event tells of one that there is not.
        if !case.forged && !cases[..n].iter().any(|earlier| earlier.charge_id() == case.charge_id()) {
            sandbox.stripe.insert(&case.charge().to_string()).map_err(|why| anyhow::anyhow!(why))?;
        }
        if let Some(fault) = case.fault() {
            sandbox.finops.faults().add(fault);
        }
        let (at, begin) = (Timestamp::now(), Instant::now());
        let sender = if case.forged { &forger } else { &stripe };
        let status = sender.send(&case.body()).await.ok();
        let answer = status.map_or("no answer".to_string(), |status| status.to_string());
        output::tell(&format!("{:>2}/{} {answer}  {}", n + 1, cases.len(), case.title));
        sent.push(Sent { status, at, answered: begin.elapsed() });
    }
    Ok(sent)
}

/// Waits until every run is at its end, or stands still for a person. Gives how many are not.
async fn wait(cases: &[Case], runtime: &Runtime) -> anyhow::Result<usize> {
    let begin = Instant::now();
    let mut told = usize::MAX;
    loop {
        let mut left = 0;
        for case in cases {
            let (_, runs) = observed::runs(&**runtime.store(), case).await?;
            left += runs.iter().filter(|run| !run.state.is_settled() && !run.state.needs_a_person()).count();
        }
        if left != told {
            progress(left);
            told = left;
        }
        if left == 0 || begin.elapsed() > PATIENCE {
            return Ok(left);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// On a terminal one line that is written anew, plain lines otherwise.
fn progress(left: usize) {
    let line = match left {
        0 => "All runs are at their end.".to_string(),
        1 => "1 run is under way".to_string(),
        left => format!("{left} runs are under way"),
    };
    let mut stderr = std::io::stderr().lock();
    // Nobody reading it is no error.
    let _ = match stderr.is_terminal() {
        true => write!(stderr, "\r\x1b[2K{line}{}", if left == 0 { "\n" } else { "" }).and_then(|()| stderr.flush()),
        false => writeln!(stderr, "{line}"),
    };
}
