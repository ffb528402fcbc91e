//! `flowctl events show EVENT`.

use crate::cli::End;
use crate::cli::admin::{Admin, Unmasked, text, time};
use crate::cli::runs::show::payload;
use crate::value::Value;

/// Shows an event: what came in, and the runs that came of it. Persons and secrets are masked.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    /// The event's id.
    event: String,
    /// What came in whole, not only its beginning.
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    unmasked: Unmasked,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let query = args.unmasked.query()?;
    let answer = args.admin.get(&format!("/api/events/{}", args.event), &query)?;
    args.admin.show(&answer, |detail| page(detail, args.full))
}

fn page(detail: &Value, full: bool) -> String {
    let event = detail.get("event");
    let mut out = String::new();
    let facts = [
        ("event", text(event, "id")),
        ("state", text(event, "state")),
        ("why", text(event, "problem")),
        ("connection", text(event, "connection")),
        ("kind", text(event, "kind")),
        ("id", text(event, "provider_id")),
        ("received", time(event, "received_at")),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        out.push_str(&format!("{name:<10} {value}\n"));
    }
    for run in detail.get("runs").as_list().unwrap_or_default() {
        out.push_str(&format!("{:<10} {} {}, {}\n", "run", text(run, "id"), text(run, "flow"), text(run, "state")));
    }
    out.push_str("\ncame in\n");
    payload(detail.get("payload"), "  ", full, &mut out);
    out
}
