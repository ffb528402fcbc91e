//! `flowctl events list`.

use crate::cli::End;
use crate::cli::admin::{self, Admin, Part, items, line, text, time};
use crate::cli::table::table;
use crate::value::Value;

/// Lists events, the latest received first.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl events list --state unrouted\n  flowctl events list --connection stripe --provider-id evt_1P"
)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    /// Only of this connection.
    #[arg(long, value_name = "CONNECTION")]
    connection: Option<String>,
    /// Only in this state: routed, unrouted (wanted by no flow), dead_letter (not readable), conflicting, erased.
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only with this id of the provider.
    #[arg(long, value_name = "ID")]
    provider_id: Option<String>,
    #[command(flatten)]
    part: Part,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let query =
        args.part.of([("connection", args.connection), ("state", args.state), ("provider_id", args.provider_id)]);
    let answer = args.admin.get("/api/events", &query)?;
    let end = args.admin.show(&answer, |listed| {
        let rows: Vec<_> = items(listed).iter().map(row).collect();
        table(["EVENT", "STATE", "CONNECTION", "KIND", "ID", "RECEIVED", "WHY"], &rows, "no events")
    })?;
    admin::more(&answer.value()?);
    Ok(end)
}

fn row(event: &Value) -> [String; 7] {
    [
        text(event, "id"),
        text(event, "state"),
        text(event, "connection"),
        text(event, "kind"),
        line(&text(event, "provider_id"), 40),
        time(event, "received_at"),
        line(&text(event, "problem"), 90),
    ]
}
