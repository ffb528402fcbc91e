//! `flowctl events replay`.

use crate::cli::admin::{self, Admin, Answer, Who, items, line, text};
use crate::cli::runs::replay::agreed;
use crate::cli::table::table;
use crate::cli::{End, output};
use crate::value::Value;
use serde_json::{Map, Value as Json};

/// Sends events that started nothing through the door again: those that no flow wanted, and those that could not be
/// read. Shows what will come of it before it does.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl events replay EVENT --reason \"there is a flow for it now\"\n  flowctl events replay --connection stripe --state unrouted --reason \"the flow was deployed late\" --yes"
)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    who: Who,
    /// The events' ids.
    events: Vec<String>,
    /// All of this connection that started nothing.
    #[arg(long, value_name = "CONNECTION", conflicts_with = "events")]
    connection: Option<String>,
    /// All in this state: unrouted or dead_letter.
    #[arg(long, value_name = "STATE", conflicts_with = "events", value_parser = ["unrouted", "dead_letter"])]
    state: Option<String>,
    /// Only say what would come of it.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let events = args.which()?;
    let dry_run: Map<String, Json> = [("dry_run".to_owned(), true.into())].into_iter().collect();
    let (shown, can) = args.each(&events, &dry_run)?;
    if args.dry_run || can.is_empty() {
        args.tell(&shown)?;
        return Ok(if can.len() < events.len() { End::Findings } else { End::Fine });
    }
    if !args.yes {
        output::tell(page(&shown)?.trim_end());
        if !agreed(can.len(), "event")? {
            return Ok(End::Findings);
        }
    }
    let (mut done, replayed) = args.each(&can, &args.who.fields()?)?;
    done.extend(shown.into_iter().filter(|(event, _)| !can.contains(event)));
    args.tell(&done)?;
    Ok(if replayed.len() < events.len() { End::Findings } else { End::Fine })
}

/// What was answered, by event.
type Answers = Vec<(String, Answer)>;

impl Args {
    /// The events meant, the oldest first.
    fn which(&self) -> anyhow::Result<Vec<String>> {
        if !self.events.is_empty() {
            return Ok(self.events.clone());
        }
        if self.connection.is_none() && self.state.is_none() {
            anyhow::bail!("which events? Name them, or choose with --connection, --state");
        }
        let states = match self.state.as_deref() {
            Some(state) => vec![state],
            None => vec!["unrouted", "dead_letter"],
        };
        let mut found = vec![];
        for state in states {
            let mut after = None;
            loop {
                let query = [
                    ("connection", self.connection.clone()),
                    ("state", Some(state.to_owned())),
                    ("limit", Some("200".to_owned())),
                    ("after", after.take()),
                ];
                let answer = self.admin.get("/api/events", &query)?;
                admin::outcome(&answer)?;
                let listed = answer.value()?;
                found.extend(items(&listed).iter().map(|event| text(event, "id")));
                match text(&listed, "next") {
                    next if next.is_empty() => break,
                    next => after = Some(next),
                }
            }
        }
        // Ids grow with time.
        found.sort();
        Ok(found)
    }

    /// Asks for each. What is refused holds up no other.
    fn each(&self, events: &[String], body: &Map<String, Json>) -> anyhow::Result<(Answers, Vec<String>)> {
        let (mut answers, mut fine) = (vec![], vec![]);
        for event in events {
            let answer = self.admin.post(&format!("/api/events/{event}/replay"), body.clone())?;
            match answer.status {
                409 => {}
                _ => {
                    admin::outcome(&answer)?;
                    fine.push(event.clone());
                }
            }
            answers.push((event.clone(), answer));
        }
        Ok((answers, fine))
    }

    fn tell(&self, answers: &[(String, Answer)]) -> anyhow::Result<()> {
        match self.admin.format {
            admin::Format::Text => output::print(&page(answers)?)?,
            admin::Format::Json => {
                let texts: Vec<&str> = answers.iter().map(|(_, answer)| answer.text.trim()).collect();
                output::print(&format!("{{\"items\":[{}]}}\n", texts.join(",")))?;
            }
        }
        Ok(())
    }
}

fn page(answers: &[(String, Answer)]) -> anyhow::Result<String> {
    let rows = answers.iter().map(|(event, answer)| {
        let told = answer.value()?;
        Ok([event.clone(), text(&told, "kind"), line(&what(&told), 110)])
    });
    Ok(table(["EVENT", "KIND", "REPLAY"], &rows.collect::<anyhow::Result<Vec<_>>>()?, "no such event started nothing"))
}

fn what(told: &Value) -> String {
    let refused = text(told.get("error"), "message");
    if !refused.is_empty() {
        return format!("no: {refused}");
    }
    let runs = told.get("runs").as_list().unwrap_or_default();
    if runs.is_empty() {
        let flows = told.get("flows").as_list().unwrap_or_default().iter().filter_map(Value::as_text);
        return format!("for {}", flows.map(|flow| admin::plain(flow)).collect::<Vec<_>>().join(", "));
    }
    let started = |run: &Value| format!("{} {} ({})", text(run, "flow"), text(run, "run"), text(run, "state"));
    runs.iter().map(started).collect::<Vec<_>>().join(", ")
}
