//! `flowctl runs show RUN`.

use crate::cli::End;
use crate::cli::admin::{Admin, Unmasked, line, plain, short, text, time};
use crate::value::{Value, json};

/// Shows a run: what came in, and each step's input, output, error and attempts. Persons and secrets are masked.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl runs show RUN\n  flowctl runs show RUN --step header --full\n  flowctl runs show RUN --unmasked --reason \"ticket 4711\""
)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    /// The run's id.
    run: String,
    /// Only this step.
    #[arg(long, value_name = "PATH")]
    step: Option<String>,
    /// Inputs and outputs whole, not only their beginnings.
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    unmasked: Unmasked,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let query = args.unmasked.query()?;
    let answer = args.admin.get(&format!("/api/runs/{}", args.run), &query)?;
    args.admin.show(&answer, |detail| page(detail, args.step.as_deref(), args.full))
}

fn page(detail: &Value, only: Option<&str>, full: bool) -> String {
    let mut out = String::new();
    if only.is_none() {
        head(detail, full, &mut out);
    }
    let steps = detail.get("steps").as_list().unwrap_or_default();
    let mut shown = 0;
    for wanted in steps.iter().filter(|step| only.is_none_or(|only| text(step, "path") == only)) {
        step(wanted, full, &mut out);
        shown += 1;
    }
    if let (Some(only), 0) = (only, shown) {
        out.push_str(&format!("the run has not come to a step {}\n", plain(only)));
    }
    out
}

fn head(detail: &Value, full: bool, out: &mut String) {
    let (run, event) = (detail.get("run"), detail.get("event"));
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            out.push_str(&format!("{name:<10} {value}\n"));
        }
    };
    fact("run", text(run, "id"));
    // One that never began has none.
    fact(
        "flow",
        match text(run, "revision") {
            none if none.is_empty() => text(run, "flow"),
            revision => format!("{} at revision {}", text(run, "flow"), short(&revision)),
        },
    );
    let held = if text(run, "holds_key") == "true" { ", holds its order key" } else { "" };
    fact("state", format!("{}{held}", text(run, "state")));
    fact("reason", text(run, "reason"));
    fact("accepted", time(run, "accepted_at"));
    fact("started", time(run, "started_at"));
    fact("finished", time(run, "finished_at"));
    fact("due", time(run, "due"));
    fact("dedupe", text(detail, "dedupe"));
    fact("order key", text(detail, "order_key"));
    fact("sequence", text(run, "sequence"));
    fact("duplicate", text(run, "duplicate_of"));
    let (kind, id) = (text(event, "kind"), text(event, "provider_id"));
    fact("event", format!("{kind} {id} from {}, {}", text(event, "connection"), time(event, "received_at")));
    let error = run.get("error");
    if error.as_record().is_some() {
        out.push_str("\nerror\n");
        failure(error, "  ", full, out);
    }
    out.push_str("\ncame in\n");
    payload(detail.get("payload"), "  ", full, out);
    if !detail.get("edited").is_absent() {
        out.push_str("mended to\n");
        payload(detail.get("edited"), "  ", full, out);
    }
    out.push('\n');
}

fn step(step: &Value, full: bool, out: &mut String) {
    let path = text(step, "path");
    let name = if path.is_empty() { "(the run)".to_owned() } else { path };
    let mut facts = vec![text(step, "state")];
    let operation = text(step, "operation");
    if !operation.is_empty() {
        facts.push(format!("{operation} on {}", text(step, "connection")));
        facts.push(match text(step, "attempts").as_str() {
            "1" => "1 attempt".to_owned(),
            many => format!("{many} attempts"),
        });
    }
    if text(step, "adopted") == "true" {
        facts.push("found done".to_owned());
    }
    out.push_str(&format!("{name}: {}  {}\n", facts.join(", "), time(step, "began_at")));
    for (title, field) in [("in", "input"), ("out", "output")] {
        if !step.get(field).is_absent() {
            out.push_str(&format!("  {title}\n"));
            payload(step.get(field), "    ", full, out);
        }
    }
    for failed in step.get("failures").as_list().unwrap_or_default() {
        let open = if text(failed, "open") == "true" { ", may have been done" } else { "" };
        let retry = match time(failed, "retry_at") {
            at if at.is_empty() => String::new(),
            at => format!(", next {at}"),
        };
        let (attempt, at) = (text(failed, "attempt"), time(failed, "at"));
        out.push_str(&format!("  attempt {attempt} failed {at}{open}{retry}\n"));
        failure(failed.get("error"), "    ", full, out);
    }
    if step.get("error").as_record().is_some() {
        out.push_str("  failed\n");
        failure(step.get("error"), "    ", full, out);
    }
    for said in step.get("decisions").as_list().unwrap_or_default() {
        let (what, actor) = (text(said, "what"), text(said, "actor"));
        out.push_str(&format!("  {what} by {actor} {}: {}\n", time(said, "at"), text(said, "reason")));
    }
}

fn failure(error: &Value, indent: &str, full: bool, out: &mut String) {
    let status = match text(error, "status") {
        status if status.is_empty() => String::new(),
        status => format!(" (HTTP {status})"),
    };
    let (class, code) = (text(error, "class"), text(error, "code"));
    out.push_str(&format!("{indent}{class} {code}{status}: {}\n", text(error, "message")));
    let place = error.get("position");
    if place.as_record().is_some() {
        let (path, line, column) = (text(place, "path"), text(place, "line"), text(place, "column"));
        out.push_str(&format!("{indent}at {path}:{line}:{column}\n"));
    }
    if !text(error, "hint").is_empty() {
        out.push_str(&format!("{indent}→ {}\n", text(error, "hint")));
    }
    if !error.get("body").is_absent() {
        payload(error.get("body"), indent, full, out);
    }
}

pub fn payload(value: &Value, indent: &str, full: bool, out: &mut String) {
    if full {
        let whole = json::write_pretty(value).unwrap_or_default();
        out.extend(whole.lines().map(|line| format!("{indent}{}\n", plain(line))));
    } else {
        let whole = json::write(value).unwrap_or_default();
        out.push_str(&format!("{indent}{}\n", line(&plain(&whole), 160)));
    }
}
