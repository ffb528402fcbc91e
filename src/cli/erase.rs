//! `flowctl erase SUBJECT`.

use super::admin::{Admin, Who, items, more, text, time};
use super::table::table;
use super::{End, output};
use std::io::Read;

/// Erases what events said of a person, and the journals of their runs, from the store of a runtime.
///
/// A person is found by what `subject` in flowctl.yaml names, such as an e-mail address. That there was an event and a run
/// stays, without what they said. Events with a run that is not over stay, too, and are counted.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl erase ana@example.com --dry-run\n  flowctl erase ana@example.com --reason \"request 4711\"\n  flowctl erase - --reason \"request 4711\" < address.txt"
)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    who: Who,
    /// Only shows the events.
    #[arg(long)]
    dry_run: bool,
    /// Whom it is about; `-` reads it from stdin, so that it stands in no history of commands.
    subject: String,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let subject = match args.subject.as_str() {
        "-" => {
            let mut text = String::new();
            std::io::stdin().take(10_000).read_to_string(&mut text)?;
            text
        }
        subject => subject.to_owned(),
    };
    let mut body = serde_json::Map::new();
    if args.dry_run {
        body.insert("subject".into(), subject.into());
        let answer = args.admin.post("/api/persons/find", body)?;
        return args.admin.show(&answer, |found| {
            more(found);
            let row =
                |event| [text(event, "id"), text(event, "kind"), text(event, "state"), time(event, "received_at")];
            table(
                ["EVENT", "KIND", "STATE", "RECEIVED"],
                &items(found).iter().map(row).collect::<Vec<_>>(),
                "no events",
            )
        });
    }
    body.extend(args.who.fields()?);
    body.insert("subject".into(), subject.into());
    let answer = args.admin.post("/api/persons/erase", body)?;
    args.admin.show(&answer, |erased| {
        if text(erased, "left") != "0" {
            output::tell(&format!("{} events stay: a run of theirs is not over", text(erased, "left")));
        }
        format!("erased {} events and {} runs\n", text(erased, "events"), text(erased, "runs"))
    })
}
