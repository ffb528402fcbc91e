//! `flowctl approvals list`.

use crate::cli::End;
use crate::cli::admin::{self, Admin, Part, items, line, text, time};
use crate::cli::table::table;
use crate::value::Value;

/// Lists what persons are asked, the latest first.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    /// What was answered, has expired or was withdrawn, too.
    #[arg(long)]
    all: bool,
    /// Only of this flow.
    #[arg(long, value_name = "FLOW")]
    flow: Option<String>,
    #[command(flatten)]
    part: Part,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let query = args.part.of([("state", (!args.all).then(|| "pending".to_owned())), ("flow", args.flow)]);
    let answer = args.admin.get("/api/approvals", &query)?;
    let end = args.admin.show(&answer, |listed| {
        let rows: Vec<_> = items(listed).iter().map(row).collect();
        table(["RUN", "FLOW", "STEP", "STATE", "ASKED", "EXPIRES", "ROLES", "TITLE"], &rows, "nobody is asked")
    })?;
    admin::more(&answer.value()?);
    Ok(end)
}

fn row(approval: &Value) -> [String; 8] {
    let request = approval.get("request");
    [
        text(approval, "run"),
        text(approval, "flow"),
        text(approval, "step"),
        text(approval, "state"),
        time(approval, "asked_at"),
        time(approval, "expires_at"),
        roles(request),
        line(&text(request, "title"), 90),
    ]
}

/// Who may answer.
pub fn roles(request: &Value) -> String {
    let roles = request.get("roles").as_list().unwrap_or_default();
    roles.iter().filter_map(|role| Some(admin::plain(role.as_text()?))).collect::<Vec<_>>().join(", ")
}
