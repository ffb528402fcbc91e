//! `flowctl approvals …`: what runs ask persons.

mod approve;
mod list;
mod reject;
mod show;

use super::End;

/// Shows what runs ask persons, and answers it.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Approve(approve::Args),
    Reject(reject::Args),
}

pub fn main(args: Args) -> anyhow::Result<End> {
    match args.command {
        Command::List(args) => list::main(args),
        Command::Show(args) => show::main(args),
        Command::Approve(args) => approve::main(args),
        Command::Reject(args) => reject::main(args),
    }
}
