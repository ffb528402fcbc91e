//! `flowctl revisions list [FLOW]`.

use crate::cli::End;
use crate::cli::admin::{Admin, items, short, text, time};
use crate::cli::table::table;

/// Lists revisions, the latest made first.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    /// Only of this flow.
    flow: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let query = [("flow", args.flow), ("limit", args.limit.map(|limit| limit.to_string()))];
    let answer = args.admin.get("/api/revisions", &query)?;
    args.admin.show(&answer, |listed| {
        let rows: Vec<_> = items(listed)
            .iter()
            .map(|kept| {
                let live = match (text(kept, "live").as_str(), time(kept, "active_until")) {
                    ("true", _) => "live".to_owned(),
                    (_, until) if until.is_empty() => String::new(),
                    (_, until) => format!("until {until}"),
                };
                [short(&text(kept, "revision")), text(kept, "flow"), time(kept, "created_at"), live]
            })
            .collect();
        table(["REVISION", "FLOW", "MADE", "LIVE"], &rows, "no revisions")
    })
}
