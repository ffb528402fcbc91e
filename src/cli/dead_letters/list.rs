//! `flowctl dead-letters list`.

use crate::cli::End;
use crate::cli::admin::{self, Admin, Part, items, line, text, time};
use crate::cli::table::table;

/// Lists runs that failed, and events that cannot be read.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl dead-letters list\n  flowctl dead-letters list --flow orders --code product_unknown --since 24h"
)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    /// Only of this flow.
    #[arg(long, value_name = "FLOW")]
    flow: Option<String>,
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
    let query = args.part.of([("flow", args.flow), ("code", args.code), ("since", args.since), ("until", args.until)]);
    let answer = args.admin.get("/api/dead-letters", &query)?;
    let end = args.admin.show(&answer, |listed| {
        let rows: Vec<_> = items(listed)
            .iter()
            .map(|run| {
                let error = run.get("error");
                let why = line(&text(error, "message"), 90);
                [
                    text(run, "id"),
                    text(run, "flow"),
                    time(run, "accepted_at"),
                    text(error, "step"),
                    text(error, "code"),
                    why,
                ]
            })
            .collect();
        let mut out = table(["RUN", "FLOW", "ACCEPTED", "STEP", "CODE", "MESSAGE"], &rows, "no dead letters");
        let events: Vec<_> = items(listed.get("events"))
            .iter()
            .map(|event| {
                let why = line(&text(event, "problem"), 90);
                [text(event, "id"), text(event, "connection"), time(event, "received_at"), why]
            })
            .collect();
        if !events.is_empty() {
            out.push('\n');
            out.push_str(&table(["EVENT THAT CANNOT BE READ", "CONNECTION", "RECEIVED", "WHY"], &events, ""));
        }
        out
    })?;
    admin::more(&answer.value()?);
    Ok(end)
}
