//! `flowctl alerts ack ALERT`.

use crate::cli::End;
use crate::cli::admin::{Admin, Change, Who, text};

/// Says that somebody looks after an alert.
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
    let path = format!("/api/alerts/{}/acknowledge", args.alert);
    let answer = args.admin.post(&path, Who::from(args.who).fields()?)?;
    args.admin.show(&answer, |now| format!("{} is {}\n", text(now, "alert"), text(now, "state")))
}
