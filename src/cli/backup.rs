//! `flowctl backup FILE`.

use super::End;
use super::admin::{Admin, Change, Who, text};
use std::path::PathBuf;

/// Writes a copy of the store of a runtime, while it works, to a file on the runtime's machine.
///
/// The copy is one consistent state. To restore it, put it as store.db into an empty folder and start `flowctl run` with
/// --store on that folder.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  flowctl backup /backup/flowctl-$(date +%F).db --reason nightly")]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    who: Change,
    /// The file, which must not be there yet.
    file: PathBuf,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let mut body = Who::from(args.who).fields()?;
    let file = std::path::absolute(&args.file)?;
    let name = file.to_str().ok_or_else(|| anyhow::anyhow!("{} is not UTF-8", file.display()))?;
    body.insert("to".into(), name.into());
    let answer = args.admin.post("/api/backup", body)?;
    args.admin.show(&answer, |made| format!("wrote {} ({} bytes)\n", text(made, "file"), text(made, "bytes")))
}
