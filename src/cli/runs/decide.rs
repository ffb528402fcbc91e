//! `flowctl runs decide RUN STEP …`.

use crate::cli::End;
use crate::cli::admin::{Admin, Change, Who, text};
use anyhow::Context;
use serde_json::value::RawValue;

/// Says what became of a write that nothing can tell (`outcome_unknown`): look in the system itself first.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl runs decide RUN header done --result '{\"SalesOrderNumber\":\"SO-1\"}' --reason \"seen in F&O\"\n  flowctl runs decide RUN header done --result @row.json --reason \"seen in F&O\"\n  flowctl runs decide RUN header not-done --reason \"no such order\"\n  flowctl runs decide RUN header stop --reason \"will be booked by hand\""
)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    who: Change,
    /// The run's id.
    run: String,
    /// The step's path, as `runs show` gives it.
    step: String,
    /// done: its row is RESULT. not-done: it is sent again as it was. stop: the run ends here.
    verdict: Verdict,
    /// With `done`: the row as JSON, or @FILE.
    #[arg(long, value_name = "ROW", required_if_eq("verdict", "done"))]
    result: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Verdict {
    Done,
    NotDone,
    Stop,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let mut body = Who::from(args.who).fields()?;
    let verdict = match args.verdict {
        Verdict::Done => "done",
        Verdict::NotDone => "not_done",
        Verdict::Stop => "stop",
    };
    body.insert("step".into(), args.step.into());
    body.insert("verdict".into(), verdict.into());
    let row = args.result.map(|row| document(&row)).transpose()?;
    let answer = args.admin.post_with(&format!("/api/runs/{}/decide", args.run), body, row.map(|row| ("row", row)))?;
    args.admin.show(&answer, |now| format!("{} is {}\n", text(now, "run"), text(now, "state")))
}

/// JSON from the command line, or from a file; its numbers keep their text.
pub fn document(argument: &str) -> anyhow::Result<Box<RawValue>> {
    let text = match argument.strip_prefix('@') {
        Some("-") => std::io::read_to_string(std::io::stdin()).context("cannot read stdin")?,
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?,
        None => argument.to_owned(),
    };
    serde_json::from_str(&text).context("this is no JSON")
}
