//! `flowctl runs list`.

use crate::cli::End;
use crate::cli::admin::{self, Admin, Part, items, line, text, time};
use crate::cli::table::table;
use crate::value::Value;

/// Lists runs, the latest accepted first.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl runs list --state dead_letter,outcome_unknown\n  flowctl runs list --flow orders --since 24h --format json\n  flowctl runs list --behind RUN        what waits for that run's order key"
)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    /// Only of this flow.
    #[arg(long, value_name = "FLOW")]
    flow: Option<String>,
    /// Only in these states: queued, ready, running, waiting, parked, dead_letter, outcome_unknown, succeeded, stopped,
    /// skipped, ignored, duplicate, superseded.
    #[arg(long, value_name = "STATE,…")]
    state: Option<String>,
    /// Only with this dedupe value.
    #[arg(long, value_name = "TEXT")]
    dedupe: Option<String>,
    /// Only of this event.
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// Only what waits behind this run.
    #[arg(long, value_name = "RUN")]
    behind: Option<String>,
    /// Only what failed with this code.
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Accepted since: an instant, or how long ago.
    #[arg(long, value_name = "WHEN", value_parser = admin::instant)]
    since: Option<String>,
    /// Accepted before: an instant, or how long ago.
    #[arg(long, value_name = "WHEN", value_parser = admin::instant)]
    until: Option<String>,
    #[command(flatten)]
    part: Part,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let query = args.part.of([
        ("flow", args.flow),
        ("state", args.state),
        ("dedupe", args.dedupe),
        ("event", args.event),
        ("behind", args.behind),
        ("code", args.code),
        ("since", args.since),
        ("until", args.until),
    ]);
    let answer = args.admin.get("/api/runs", &query)?;
    let end = args.admin.show(&answer, |listed| {
        let rows: Vec<_> = items(listed).iter().map(row).collect();
        table(["RUN", "FLOW", "STATE", "ACCEPTED", "STEP", "WHY"], &rows, "no runs")
    })?;
    admin::more(&answer.value()?);
    Ok(end)
}

/// Where a run stands, and why.
pub fn row(run: &Value) -> [String; 6] {
    let error = run.get("error");
    let why = match text(error, "code") {
        code if code.is_empty() => text(run, "reason"),
        code => format!("{code}: {}", text(error, "message")),
    };
    let state = match run.get("holds_key") {
        Value::Bool(true) if ["dead_letter", "outcome_unknown", "parked"].contains(&text(run, "state").as_str()) => {
            format!("{} (holds its key)", text(run, "state"))
        }
        _ => text(run, "state"),
    };
    [text(run, "id"), text(run, "flow"), state, time(run, "accepted_at"), text(error, "step"), line(&why, 90)]
}
