//! `flowctl dead-letters edit RUN`.

use crate::cli::admin::{self, Admin, Change, Who, text};
use crate::cli::runs::document;
use crate::cli::{End, output};
use crate::value::{Value, json};
use anyhow::Context;
use std::path::Path;

/// Puts a mended payload in the place of what came in; the original is kept beside it. Replay the run afterwards.
///
/// Without --payload, $EDITOR opens what came in, as it is: that somebody looked at it goes into the audit, too. The run
/// keeps its dedupe value, its order key and its sequence, whatever the payload says.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl dead-letters edit RUN --reason \"the country was misspelt\"\n  flowctl dead-letters edit RUN --payload @mended.json --reason \"the country was misspelt\""
)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    who: Change,
    /// The run's id.
    run: String,
    /// The payload as JSON, or @FILE.
    #[arg(long, value_name = "JSON")]
    payload: Option<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let body = Who::from(args.who).fields()?;
    let payload = match &args.payload {
        Some(payload) => document(payload)?,
        None => {
            let field = |name: &str| body.get(name).and_then(|value| Some(value.as_str()?.to_owned()));
            let query = [("masked", Some("false".to_owned())), ("actor", field("actor")), ("reason", field("reason"))];
            let answer = args.admin.get(&format!("/api/runs/{}", args.run), &query)?;
            if let end @ End::Findings = admin::outcome(&answer)? {
                return Ok(end);
            }
            let detail = answer.value()?;
            let before = if detail.get("edited").is_absent() { detail.get("payload") } else { detail.get("edited") };
            match edited(before)? {
                Some(text) => document(&text)?,
                None => {
                    output::tell("nothing was changed");
                    return Ok(End::Fine);
                }
            }
        }
    };
    let answer = args.admin.post_with(&format!("/api/runs/{}/edit", args.run), body, Some(("payload", payload)))?;
    let end = args
        .admin
        .show(&answer, |now| format!("{} goes by the mended payload from its next replay on\n", text(now, "run")))?;
    if let End::Fine = end {
        output::tell(&format!("replay it: flowctl runs replay {} --reason …", args.run));
    }
    Ok(end)
}

/// What somebody made of it in an editor; `None`: nothing.
fn edited(before: &Value) -> anyhow::Result<Option<String>> {
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok()).filter(|name| !name.is_empty());
    let editor = editor.context("there is no editor: set EDITOR, or give --payload @FILE")?;
    let before = json::write_pretty(before).map_err(|why| anyhow::anyhow!("the payload cannot be written: {why}"))?;
    // Payloads are nobody else's business.
    let path = std::env::temp_dir().join(format!("flowctl-{}.json", uuid::Uuid::new_v4()));
    private(&path, &before)?;
    let mut parts = editor.split_whitespace();
    let program = parts.next().unwrap_or_default();
    let status = std::process::Command::new(program).args(parts).arg(&path).status();
    let after = std::fs::read_to_string(&path);
    let _ = std::fs::remove_file(&path);
    let status = status.with_context(|| format!("cannot start {editor}"))?;
    anyhow::ensure!(status.success(), "{editor} ended with {status}: nothing was changed");
    let after = after.context("the edited payload cannot be read")?;
    Ok((after.trim() != before.trim()).then_some(after))
}

fn private(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(std::io::Write::write_all(&mut file, text.as_bytes())?)
}
