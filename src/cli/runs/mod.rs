//! `flowctl runs …`: what runs, what each run did, and what a person does to it.

mod backfill;
mod cancel;
mod decide;
mod export;
mod list;
mod release;
pub mod replay;
pub mod show;

use super::End;
pub use decide::document;

/// Shows the runs of a runtime, and what each did; replays, decides, cancels.
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
    Decide(decide::Args),
    Cancel(cancel::Args),
    Release(release::Args),
    Export(export::Args),
    Backfill(backfill::Args),
}

pub fn main(args: Args) -> anyhow::Result<End> {
    match args.command {
        Command::List(args) => list::main(args),
        Command::Show(args) => show::main(args),
        Command::Replay(args) => replay::main(args),
        Command::Decide(args) => decide::main(args),
        Command::Cancel(args) => cancel::main(args),
        Command::Release(args) => release::main(args),
        Command::Export(args) => export::main(args),
        Command::Backfill(args) => backfill::main(args),
    }
}
