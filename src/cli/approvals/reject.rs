//! `flowctl approvals reject RUN STEP`.

use crate::cli::End;
use crate::cli::admin::{Admin, Change, Who, text};

/// Says no to what a run asks: it ends as stopped, with the reason, unless the step's `on_error` knows better.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    who: Change,
    /// The run's id.
    run: String,
    /// The step's path, as `approvals list` gives it.
    step: String,
    /// The role in which you answer, where the step asks for one.
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let mut body = Who::from(args.who).fields()?;
    body.insert("step".into(), args.step.into());
    body.insert("verdict".into(), "rejected".into());
    body.extend(args.role.map(|role| ("role".to_owned(), role.into())));
    let answer = args.admin.post(&format!("/api/runs/{}/approve", args.run), body)?;
    args.admin.show(&answer, |now| format!("{} is told no\n", text(now, "run")))
}
