//! `flowctl approvals show RUN`.

use super::list::roles;
use crate::cli::End;
use crate::cli::admin::{Admin, items, line, plain, text, time};
use crate::cli::table::table;
use crate::value::{Value, json};

/// Shows what a run asks, whole: each question with its items, and what was answered.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    /// The run's id.
    run: String,
    /// Only this step.
    step: Option<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let answer = args.admin.get("/api/approvals", &[("run", Some(args.run))])?;
    args.admin.show(&answer, |listed| {
        let wanted = |approval: &&Value| args.step.as_ref().is_none_or(|step| text(approval, "step") == *step);
        let pages: Vec<String> = items(listed).iter().filter(wanted).map(page).collect();
        if pages.is_empty() { "this run asks nobody\n".to_owned() } else { pages.join("\n") }
    })
}

fn page(approval: &Value) -> String {
    let request = approval.get("request");
    let answer = approval.get("answer");
    let mut out = String::new();
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            out.push_str(&format!("{name:<8} {value}\n"));
        }
    };
    fact("step", text(approval, "step"));
    fact("title", text(request, "title"));
    fact("detail", text(request, "detail"));
    fact("roles", roles(request));
    fact("state", text(approval, "state"));
    fact("asked", time(approval, "asked_at"));
    fact("expires", time(approval, "expires_at"));
    let role = match text(answer, "role") {
        none if none.is_empty() => none,
        role => format!(" as {role}"),
    };
    fact("by", format!("{}{role}", text(answer, "by")));
    fact("reason", text(answer, "reason"));
    let without = answer.get("without").as_list().unwrap_or_default();
    fact("without", without.iter().filter_map(|key| Some(plain(key.as_text()?))).collect::<Vec<_>>().join(", "));
    if let Some(items) = request.get("items").as_list() {
        let row = |item: &Value| json::write(item.get("row")).unwrap_or_default();
        let rows: Vec<_> = items.iter().map(|item| [text(item, "key"), line(&plain(&row(item)), 200)]).collect();
        out.push_str(&table(["ITEM", ""], &rows, "no items"));
    }
    out
}
