//! `flowctl alerts list`.

use crate::cli::End;
use crate::cli::admin::{self, Admin, Part, items, line, text, time};
use crate::cli::table::table;

/// Lists open alerts, the latest opened first.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    /// Resolved ones, too.
    #[arg(long)]
    all: bool,
    /// Only of this flow.
    #[arg(long, value_name = "FLOW")]
    flow: Option<String>,
    /// Only with this code.
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    #[command(flatten)]
    part: Part,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let query =
        args.part.of([("open", (!args.all).then(|| "true".to_owned())), ("flow", args.flow), ("code", args.code)]);
    let answer = args.admin.get("/api/alerts", &query)?;
    let end = args.admin.show(&answer, |listed| {
        let rows: Vec<_> = items(listed).iter().map(row).collect();
        table(["ALERT", "SEVERITY", "STATE", "TIMES", "LAST", "FLOW", "CODE", "TITLE"], &rows, "no alerts")
    })?;
    admin::more(&answer.value()?);
    Ok(end)
}

fn row(alert: &crate::value::Value) -> [String; 8] {
    let state = match (text(alert, "open").as_str(), text(alert, "acknowledged_by")) {
        ("true", actor) if actor.is_empty() => "open".to_owned(),
        ("true", actor) => format!("seen by {actor}"),
        _ => "resolved".to_owned(),
    };
    let title = line(&text(alert, "title"), 90);
    [
        text(alert, "id"),
        text(alert, "severity"),
        state,
        text(alert, "count"),
        time(alert, "last_at"),
        text(alert, "flow"),
        text(alert, "code"),
        title,
    ]
}
