//! `flowctl runs replay`.

use crate::cli::admin::{self, Admin, Answer, Who, items, line, short, text};
use crate::cli::table::table;
use crate::cli::{End, output};
use crate::value::Value;
use anyhow::Context;
use serde_json::{Map, Value as Json, json};
use std::io::{BufRead, IsTerminal};

/// Sends runs on their way again: one, several, or all that a filter fits. Shows what will happen before it does.
///
/// A write that is done stays done and gives its recorded result; an open one is looked for, or sent again as it was. Only
/// --again repeats a write, under a new key.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl runs replay RUN --reason \"the product exists now\"\n  flowctl runs replay --flow orders --code product_unknown --since 24h --reason \"mapping mended\" --yes\n  flowctl runs replay RUN --from start --revision old --dry-run\n  flowctl runs replay RUN --again header --reason \"the order was deleted by hand\"\n  flowctl runs replay RUN --moved order=header --reason \"the step has another name now\""
)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    who: Who,
    /// The runs' ids.
    runs: Vec<String>,
    /// All of this flow that stand still.
    #[arg(long, value_name = "FLOW", conflicts_with = "runs")]
    flow: Option<String>,
    /// All in these states.
    #[arg(long, value_name = "STATE,…", value_delimiter = ',', conflicts_with = "runs")]
    state: Vec<String>,
    /// All that failed with this code.
    #[arg(long, value_name = "CODE", conflicts_with = "runs")]
    code: Option<String>,
    /// All accepted since: an instant, or how long ago.
    #[arg(long, value_name = "WHEN", value_parser = admin::instant, conflicts_with = "runs")]
    since: Option<String>,
    /// All accepted before: an instant, or how long ago.
    #[arg(long, value_name = "WHEN", value_parser = admin::instant, conflicts_with = "runs")]
    until: Option<String>,
    /// Where to begin.
    #[arg(long, default_value = "failed")]
    from: From,
    /// By which revision: old (the run's own), current (the flow's live one) or a hash.
    #[arg(long, value_name = "REVISION", default_value = "current")]
    revision: String,
    /// A write that is done, to be done once more under a new key.
    #[arg(long, value_name = "STEP")]
    again: Vec<String>,
    /// Work of a step that the revision no longer has: it stays as it is in the other system.
    #[arg(long, value_name = "STEP")]
    leave: Vec<String>,
    /// Work of a step that has another name in the revision.
    #[arg(long, value_name = "OLD=NEW")]
    moved: Vec<String>,
    /// Only say what would happen.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum From {
    Start,
    Failed,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let wish = args.wish()?;
    let which = args.which()?;
    let preview = {
        let mut body = wish.clone();
        body.extend(which);
        body.insert("dry_run".into(), true.into());
        args.admin.post("/api/replays", body)?
    };
    if args.dry_run {
        let end = args.admin.show(&preview, |outcomes| page(outcomes))?;
        return Ok(if refused(&preview) > 0 { End::Findings } else { end });
    }
    if let end @ End::Findings = admin::outcome(&preview)? {
        return Ok(end);
    }
    let shown = preview.value()?;
    let runs: Vec<Json> = items(&shown)
        .iter()
        .filter(|item| item.get("refused").is_absent())
        .map(|item| text(item, "run").into())
        .collect();
    if runs.is_empty() {
        output::tell(page(&shown).trim_end());
        return Ok(if items(&shown).is_empty() { End::Fine } else { End::Findings });
    }
    if !args.yes {
        output::tell(page(&shown).trim_end());
        if !agreed(runs.len())? {
            return Ok(End::Findings);
        }
    }
    let mut body = wish;
    body.insert("runs".into(), runs.into());
    let answer = args.admin.post("/api/replays", body)?;
    let end = args.admin.show(&answer, done)?;
    // What the preview said cannot be replayed counts, too.
    Ok(if refused(&answer) + refused(&preview) > 0 { End::Findings } else { end })
}

impl Args {
    fn wish(&self) -> anyhow::Result<Map<String, Json>> {
        let mut wish = if self.dry_run { Map::new() } else { self.who.fields()? };
        let moved = self.moved.iter().map(|pair| {
            let (old, new) = pair.split_once('=').with_context(|| format!("--moved {pair}: OLD=NEW is wanted"))?;
            Ok((old.to_owned(), new.into()))
        });
        let moved = moved.collect::<anyhow::Result<Map<String, Json>>>()?;
        let from = match self.from {
            From::Start => "start",
            From::Failed => "failed",
        };
        let rest = json!({
            "from": from, "revision": self.revision, "again": self.again, "leave": self.leave, "moved": moved
        });
        wish.extend(rest.as_object().cloned().unwrap_or_default());
        // The beginning of a hash will do.
        if !matches!(self.revision.as_str(), "old" | "current") {
            let known = self.admin.get(&format!("/api/revisions/{}", self.revision), &[])?;
            admin::outcome(&known)?;
            wish.insert("revision".into(), text(&known.value()?, "revision").into());
        }
        Ok(wish)
    }

    fn which(&self) -> anyhow::Result<Map<String, Json>> {
        let filter = json!({
            "flow": self.flow, "state": self.state, "code": self.code, "since": self.since, "until": self.until
        });
        let filtered = self.flow.is_some()
            || !self.state.is_empty()
            || [&self.code, &self.since, &self.until].iter().any(|part| part.is_some());
        match (self.runs.is_empty(), filtered) {
            (false, _) => Ok([("runs".to_owned(), self.runs.clone().into())].into_iter().collect()),
            (true, true) => Ok([("filter".to_owned(), filter)].into_iter().collect()),
            (true, false) => {
                anyhow::bail!("which runs? Name them, or choose with --flow, --state, --code, --since, --until")
            }
        }
    }
}

fn refused(answer: &Answer) -> usize {
    let outcomes = answer.value().unwrap_or(Value::Missing);
    items(&outcomes).iter().filter(|item| !item.get("refused").is_absent()).count()
}

fn agreed(runs: usize) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        anyhow::bail!("nothing was replayed: nobody can be asked here; say --yes, or --dry-run to only look");
    }
    output::tell(&format!("\nReplay {runs} run{}? [y/N]", if runs == 1 { "" } else { "s" }));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// What becomes of a step, for people.
fn fate(step: &Value) -> String {
    let writes = text(step, "writes") == "true";
    match (text(step, "fate").as_str(), writes) {
        ("kept", _) => "keeps its result".into(),
        ("done", _) => "is done and stays done".into(),
        ("again", _) => "IS DONE ONCE MORE, under a new key".into(),
        ("open", _) => "may be done: is looked for, or sent again as it was".into(),
        ("anew", true) => "IS SENT".into(),
        ("anew", false) => "is evaluated anew".into(),
        ("new", true) => "may be sent, for the first time".into(),
        ("new", false) => "may be reached".into(),
        ("left", _) => "has no step any more; its work stays as it is".into(),
        ("moved", _) => "goes on under its new name".into(),
        ("orphan", _) => "HAS NO STEP in this revision".into(),
        (other, _) => other.to_owned(),
    }
}

/// What would happen.
fn page(outcomes: &Value) -> String {
    let mut out = String::new();
    let all = items(outcomes);
    if all.is_empty() {
        return "no such run stands still\n".to_owned();
    }
    if all.iter().any(|item| item.get("steps").as_list().is_some()) {
        for item in all {
            let revision = match text(item, "revision") {
                hash if hash.is_empty() => "the live revision".to_owned(),
                hash => format!("revision {}", short(&hash)),
            };
            out.push_str(&format!(
                "{} {}, {}, with {revision}\n",
                text(item, "run"),
                text(item, "flow"),
                text(item, "state")
            ));
            if text(item, "door") == "true" {
                out.push_str("  its event goes through the door again; what comes of it is another run\n");
            }
            let steps = item.get("steps").as_list().unwrap_or_default();
            let widest = steps.iter().map(|step| text(step, "path").chars().count()).max().unwrap_or(0);
            for step in steps {
                let operation = text(step, "operation");
                let operation = if operation.is_empty() { operation } else { format!(" ({operation})") };
                out.push_str(&format!("  {:<widest$}  {}{operation}\n", text(step, "path"), fate(step)));
                let used = step.get("used_by").as_list().unwrap_or_default();
                for user in used.iter().filter_map(Value::as_text) {
                    out.push_str(&format!(
                        "  {:<widest$}    its result was used by {user}: --again {user}, too?\n",
                        ""
                    ));
                }
            }
            if !item.get("refused").is_absent() {
                out.push_str(&format!("  cannot be replayed: {}\n", text(item, "refused")));
            }
        }
    } else {
        let rows: Vec<_> = all.iter().map(row).collect();
        out.push_str(&table(["RUN", "FLOW", "STATE", "REPLAY"], &rows, ""));
    }
    let (yes, no) = (text(outcomes, "replayed"), text(outcomes, "refused"));
    out.push_str(&format!("{yes} can be replayed, {no} cannot\n"));
    if text(outcomes, "more") == "true" {
        out.push_str("there are more than one replay takes: replay these, then the rest\n");
    }
    out
}

fn row(item: &Value) -> [String; 4] {
    let what = match text(item, "refused") {
        why if why.is_empty() => "yes".to_owned(),
        why => format!("no: {}", line(&why, 100)),
    };
    [text(item, "run"), text(item, "flow"), text(item, "state"), what]
}

/// What happened.
fn done(outcomes: &Value) -> String {
    let rows: Vec<_> = items(outcomes)
        .iter()
        .map(|item| {
            let what = match (text(item, "refused"), text(item, "now")) {
                (why, _) if !why.is_empty() => format!("refused: {}", line(&why, 100)),
                (_, now) if !now.is_empty() => format!("through the door again as {now}"),
                _ => "replayed".to_owned(),
            };
            [text(item, "run"), text(item, "flow"), text(item, "state"), what]
        })
        .collect();
    table(["RUN", "FLOW", "STATE", "REPLAY"], &rows, "nothing to replay")
}
