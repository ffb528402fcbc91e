//! `flowctl reload`.

use super::admin::{self, Admin, Answer, Format, Who, short, text};
use super::table::table;
use super::{End, output};
use crate::value::Value;

/// Has a runtime read its project again; with --wait, says what is live and what was refused, and why.
///
/// A runtime reloads what is saved by itself; this is for scripts that want to know when it is live. Exit status: 0
/// everything is live, 1 something was refused and keeps its last good revision.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl reload --wait --reason \"release 42\"\n  flowctl reload --wait --format json"
)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    /// Answer when what the files say is live, or refused.
    #[arg(long)]
    wait: bool,
    /// Who does this. Unless written: your user name.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Why; it is kept in the audit.
    #[arg(long, value_name = "TEXT", default_value = "flowctl reload")]
    reason: String,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let body = Who::of(args.actor, Some(args.reason)).fields()?;
    if !args.wait {
        let answer = args.admin.post("/api/reload?wait=false", body)?;
        return args.admin.show(&answer, |_| "the files are read again\n".to_owned());
    }
    let answer = args.admin.post("/api/reload", body)?;
    if answer.status != 409 {
        return args.admin.show(&answer, page);
    }
    refused(&args.admin, &answer)?;
    Ok(End::Findings)
}

/// Refused files are told on stderr, what is live on stdout.
fn refused(admin: &Admin, answer: &Answer) -> anyhow::Result<()> {
    let report = answer.value()?;
    match admin.format {
        Format::Json => output::print(&format!("{}\n", answer.text.trim_end()))?,
        Format::Text => output::print(&page(&report))?,
    }
    for finding in report.get("findings").as_list().unwrap_or_default() {
        let place = match text(finding, "path") {
            path if path.is_empty() => String::new(),
            path => format!("{path}:{}:{}: ", text(finding, "line"), text(finding, "column")),
        };
        let (severity, code) = (text(finding, "severity"), text(finding, "code"));
        output::tell(&format!("{place}{severity}[{code}]: {}", text(finding, "message")));
    }
    output::tell(&format!("flowctl: {}", admin::plain(&text(report.get("error"), "message"))));
    Ok(())
}

fn page(report: &Value) -> String {
    let named = |list: &str, flow: &str| {
        let names = report.get(list).as_list().unwrap_or_default();
        names.iter().any(|name| name.as_text().is_some_and(|name| name.as_str() == flow))
    };
    let mut rows: Vec<_> = report
        .get("flows")
        .as_list()
        .unwrap_or_default()
        .iter()
        .map(|flow| {
            let name = text(flow, "flow");
            let state = match (named("changed", &name), flow.get("problem").is_absent(), text(flow, "on_disk")) {
                (_, false, _) => "refused: the last good revision stays live".to_owned(),
                (true, true, _) => "changed".to_owned(),
                (false, true, hash) if !hash.is_empty() => {
                    format!("chosen by an operator; the files say {}", short(&hash))
                }
                _ => "as before".to_owned(),
            };
            [name, short(&text(flow, "revision")), state]
        })
        .collect();
    for gone in report.get("removed").as_list().unwrap_or_default().iter().filter_map(Value::as_text) {
        rows.push([gone.to_string(), String::new(), "gone: no new runs; those that began finish".to_owned()]);
    }
    table(["FLOW", "REVISION", "NOW"], &rows, "no flows")
}
