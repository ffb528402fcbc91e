//! `flowctl runs release RUN`.

use crate::cli::End;
use crate::cli::admin::{Admin, Change, Who, text};

/// Lets later runs of its order key pass a run that stands still.
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
    let answer = args.admin.post(&format!("/api/runs/{}/release", args.run), Who::from(args.who).fields()?)?;
    args.admin.show(&answer, |now| format!("{} lets the others pass ({})\n", text(now, "run"), text(now, "state")))
}
