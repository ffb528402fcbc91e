//! `flowctl dead-letters …`: runs that failed and events that cannot be read, and how they are mended.

mod edit;
mod list;

use super::End;
use super::runs::{replay, show};

/// Shows what failed with everything needed to mend it; replays it.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Replay(replay::Args),
    Edit(edit::Args),
}

pub fn main(args: Args) -> anyhow::Result<End> {
    match args.command {
        Command::List(args) => list::main(args),
        Command::Show(args) => show::main(args),
        Command::Replay(args) => replay::main(args),
        Command::Edit(args) => edit::main(args),
    }
}
