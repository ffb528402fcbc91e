//! `flowctl alerts resolve ALERT`.

use crate::cli::End;
use crate::cli::admin::{Admin, Change, Who, text};

/// Closes an alert that is over. Raised again, it is a new one.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    who: Change,
    /// The alert's id.
    alert: String,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let path = format!("/api/alerts/{}/resolve", args.alert);
    let answer = args.admin.post(&path, Who::from(args.who).fields()?)?;
    args.admin.show(&answer, |now| format!("{} is {}\n", text(now, "alert"), text(now, "state")))
}
