//! `flowctl events …`: what came in, and what started nothing.

mod list;
mod replay;
mod show;

use super::End;

/// Shows what came in; sends through the door again what started nothing.
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
}

pub fn main(args: Args) -> anyhow::Result<End> {
    match args.command {
        Command::List(args) => list::main(args),
        Command::Show(args) => show::main(args),
        Command::Replay(args) => replay::main(args),
    }
}
