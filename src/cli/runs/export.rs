//! `flowctl runs export RUN --as-test`.

use crate::cli::admin::{self, Admin};
use crate::cli::{End, output};
use anyhow::Context;
use std::path::PathBuf;

/// Writes what happened in a run as a test: its event and the answers it got, persons replaced by made-up ones.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl runs export RUN --as-test > orders/tests/refused.test.yaml\n  flowctl runs export RUN --as-test --to orders/tests/refused.test.yaml"
)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    /// The run's id.
    run: String,
    /// As a `*.test.yaml` file.
    #[arg(long, required = true)]
    as_test: bool,
    /// The file to write, which must not be there yet. Without it: stdout.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let answer = args.admin.get(&format!("/api/runs/{}/test", args.run), &[])?;
    if let end @ End::Findings = admin::outcome(&answer)? {
        return Ok(end);
    }
    let Some(path) = args.to else {
        output::print(&answer.text)?;
        return Ok(End::Fine);
    };
    let file = std::fs::File::create_new(&path).with_context(|| format!("cannot write {}", path.display()));
    std::io::Write::write_all(&mut file?, answer.text.as_bytes())?;
    output::tell(&format!("wrote {}", path.display()));
    Ok(End::Fine)
}
