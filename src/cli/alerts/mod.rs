//! `flowctl alerts …`: what somebody should look at.

mod ack;
mod list;
mod resolve;

use super::End;

/// Shows alerts; says that somebody looks after them, or that they are over.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::Args),
    Ack(ack::Args),
    Resolve(resolve::Args),
}

pub fn main(args: Args) -> anyhow::Result<End> {
    match args.command {
        Command::List(args) => list::main(args),
        Command::Ack(args) => ack::main(args),
        Command::Resolve(args) => resolve::main(args),
    }
}
