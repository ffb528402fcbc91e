//! `flowctl runs park RUN`.

use crate::cli::End;
use crate::cli::admin::{Admin, Change, Who, text};

/// Sets a run aside that retries or waits: it sends nothing more until it is replayed, and keeps its order key.
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
    let answer = args.admin.post(&format!("/api/runs/{}/park", args.run), Who::from(args.who).fields()?)?;
    args.admin.show(&answer, |now| format!("{} is {}\n", text(now, "run"), text(now, "state")))
}
