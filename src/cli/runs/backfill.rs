//! `flowctl runs backfill FLOW`.

use crate::cli::End;
use crate::cli::admin::{self, Admin, Change, Who, text};

/// Asks the provider for events that were never delivered, from before the flow was first active; the inbox drops what it
/// has.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl runs backfill orders --since 2026-03-01T00:00:00Z --reason \"March was missing\""
)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    who: Change,
    /// The flow.
    flow: String,
    /// From when on: an instant, or how long ago.
    #[arg(long, value_name = "WHEN", value_parser = admin::instant)]
    since: String,
    /// Until when: an instant, or how long ago.
    #[arg(long, value_name = "WHEN", value_parser = admin::instant)]
    until: Option<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let mut body = Who::from(args.who).fields()?;
    body.insert("from".into(), args.since.into());
    if let Some(until) = args.until {
        body.insert("to".into(), until.into());
    }
    let answer = args.admin.post(&format!("/api/flows/{}/backfill", args.flow), body)?;
    args.admin.show(&answer, |told| {
        let facts = told.as_record().into_iter().flat_map(|fields| fields.keys());
        let facts: Vec<String> = facts.map(|name| format!("{name}: {}", text(told, name))).collect();
        format!("{}\n", facts.join("\n"))
    })
}
