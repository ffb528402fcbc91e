//! `flowctl revisions activate REVISION`.

use crate::cli::End;
use crate::cli::admin::{Admin, Change, Who};

/// Makes a kept revision the live one: new runs take it. It stays until the flow's files change.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    who: Change,
    /// The revision, or the beginning of its hash.
    revision: String,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let path = format!("/api/revisions/{}/activate", args.revision);
    let answer = args.admin.post(&path, Who::from(args.who).fields()?)?;
    args.admin.show(&answer, super::status)
}
