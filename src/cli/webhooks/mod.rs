//! `flowctl webhooks …`: what is registered at the providers.

mod sync;

use super::End;

/// Registers the webhooks of a project at their providers.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Sync(sync::Args),
}

pub fn main(args: Args) -> anyhow::Result<End> {
    match args.command {
        Command::Sync(args) => sync::main(args),
    }
}
