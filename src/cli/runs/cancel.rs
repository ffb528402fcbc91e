//! `flowctl runs cancel RUN`.

use crate::cli::End;
use crate::cli::admin::{Admin, Change, Who, text};

/// Ends a run: what is under way finishes first, and nothing more begins.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    who: Change,
    /// The run's id.
    run: String,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let answer = args.admin.post(&format!("/api/runs/{}/cancel", args.run), Who::from(args.who).fields()?)?;
    args.admin.show(&answer, |now| format!("{} is being ended ({})\n", text(now, "run"), text(now, "state")))
}
