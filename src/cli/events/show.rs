//! `flowctl events show EVENT`.

use crate::cli::End;
use crate::cli::admin::{Admin, Who, text, time};
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
    /// Everything as it is. Needs a reason, which is kept in the audit.
    #[arg(long, requires = "reason")]
    unmasked: bool,
    /// Who looks. Unless written: your user name.
    #[arg(long, value_name = "NAME", requires = "unmasked")]
    actor: Option<String>,
    /// With --unmasked: why.
    #[arg(long, value_name = "TEXT", requires = "unmasked")]
    reason: Option<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let mut query = vec![];
    if args.unmasked {
        let who = Who::of(args.actor.clone(), args.reason.clone()).fields()?;
        query.push(("masked", Some("false".to_owned())));
        query.push(("actor", who.get("actor").and_then(|actor| Some(actor.as_str()?.to_owned()))));
        query.push(("reason", args.reason.clone()));
    }
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
