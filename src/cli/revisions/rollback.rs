//! `flowctl revisions rollback FLOW`.

use crate::cli::End;
use crate::cli::admin::{Admin, Change, Who};

/// Makes the revision live that was live before; runs that began finish on theirs. It stays until the flow's files change.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl revisions rollback orders --reason \"wrong tax since noon\"\n  flowctl revisions rollback orders --to 3f2a9c --reason \"wrong tax since noon\""
)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    who: Change,
    /// The flow.
    flow: String,
    /// This revision, or the beginning of its hash, instead of the one before.
    #[arg(long, value_name = "REVISION")]
    to: Option<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let mut body = Who::from(args.who).fields()?;
    if let Some(to) = args.to {
        body.insert("to".into(), to.into());
    }
    let answer = args.admin.post(&format!("/api/flows/{}/rollback", args.flow), body)?;
    args.admin.show(&answer, super::status)
}
