//! The command line: one file per command. Each parses arguments and renders results; what it does is elsewhere.
//!
//! Exit status: 0 fine, 1 findings or failed tests, 2 usage or I/O.

mod admin;
mod alerts;
mod approvals;
mod backup;
mod check;
mod dead_letters;
mod demo;
mod erase;
mod eval;
mod events;
mod explain;
mod fmt;
mod functions;
mod graph;
mod operations;
mod output;
mod project;
mod reload;
mod revisions;
mod run;
mod runs;
mod sandbox;
mod schema;
mod secrets;
mod table;
mod test;
mod validate;
mod webhooks;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// flowctl runs integrations written as YAML flows and exact mappings: durably, effectively once, reloaded while
/// they run.
///
/// A project is a folder with flowctl.yaml. Its flows are *.flow.yaml files, its mappings *.map files beside them.
/// `flowctl validate` is the runtime's own compiler, `flowctl test` runs the tests beside the flows, `flowctl run`
/// serves them. Everything that is printed for programs goes to stdout, everything for people to stderr.
#[derive(Parser)]
#[command(name = "flowctl", version, max_term_width = 110, after_long_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
First steps:
  flowctl demo                 everything at once, with stand-ins for Stripe and Dynamics 365
  flowctl validate flows       what the runtime would say about the bundled project
  flowctl test flows           the tests beside its flows
  flowctl graph stripe-charge-to-sales-order flows
                               what a flow does, as a diagram
  flowctl run my-project       the runtime

Exit status: 0 fine, 1 findings or failed tests, 2 wrong usage or I/O.";

#[derive(Subcommand)]
enum Command {
    Demo(demo::Args),
    Validate(validate::Args),
    Run(run::Args),
    Runs(runs::Args),
    DeadLetters(dead_letters::Args),
    Events(events::Args),
    Revisions(revisions::Args),
    Alerts(alerts::Args),
    Approvals(approvals::Args),
    Reload(reload::Args),
    Backup(backup::Args),
    Erase(erase::Args),
    Eval(eval::Args),
    Fmt(fmt::Args),
    Graph(graph::Args),
    Test(test::Args),
    Schema(schema::Args),
    Functions(functions::Args),
    Operations(operations::Args),
    Explain(explain::Args),
    Sandbox(sandbox::Args),
    Secrets(secrets::Args),
    Check(check::Args),
    Webhooks(webhooks::Args),
}

/// How a command ended, when nothing went wrong with running it.
enum End {
    Fine,
    /// Findings or failed tests: exit status 1.
    Findings,
}

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let end = match Cli::parse().command {
        Command::Demo(args) => demo::main(args),
        Command::Validate(args) => validate::main(args),
        Command::Run(args) => run::main(args),
        Command::Runs(args) => runs::main(args),
        Command::DeadLetters(args) => dead_letters::main(args),
        Command::Events(args) => events::main(args),
        Command::Revisions(args) => revisions::main(args),
        Command::Alerts(args) => alerts::main(args),
        Command::Approvals(args) => approvals::main(args),
        Command::Reload(args) => reload::main(args),
        Command::Backup(args) => backup::main(args),
        Command::Erase(args) => erase::main(args),
        Command::Eval(args) => eval::main(args),
        Command::Fmt(args) => fmt::main(args),
        Command::Graph(args) => graph::main(args),
        Command::Test(args) => test::main(args),
        Command::Schema(args) => schema::main(args),
        Command::Functions(args) => functions::main(args),
        Command::Operations(args) => operations::main(args),
        Command::Explain(args) => explain::main(args),
        Command::Sandbox(args) => sandbox::main(args),
        Command::Secrets(args) => secrets::main(args),
        Command::Check(args) => check::main(args),
        Command::Webhooks(args) => webhooks::main(args),
    };
    match end {
        Ok(End::Fine) => ExitCode::SUCCESS,
        Ok(End::Findings) => ExitCode::from(1),
        Err(error) => {
            output::tell(&format!("flowctl: {error:#}"));
            ExitCode::from(2)
        }
    }
}
