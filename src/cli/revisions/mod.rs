//! `flowctl revisions …`: what the flows were compiled from, and which of it is live.

mod activate;
mod list;
mod rollback;
mod show;

use super::End;
use super::admin::{short, text};
use crate::value::Value;

/// Shows the revisions of flows; makes another one live.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Activate(activate::Args),
    Rollback(rollback::Args),
}

pub fn main(args: Args) -> anyhow::Result<End> {
    match args.command {
        Command::List(args) => list::main(args),
        Command::Show(args) => show::main(args),
        Command::Activate(args) => activate::main(args),
        Command::Rollback(args) => rollback::main(args),
    }
}

/// What is live now, and what the file says.
fn status(flow: &Value) -> String {
    let live = format!("{} is live at revision {}", text(flow, "flow"), short(&text(flow, "revision")));
    match text(flow, "on_disk") {
        hash if hash.is_empty() => format!("{live}, as its files say\n"),
        hash => format!(
            "{live}; its files say {}, which is live again when they change or somebody activates it\n",
            short(&hash)
        ),
    }
}
