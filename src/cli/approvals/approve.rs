//! `flowctl approvals approve RUN STEP`.

use crate::cli::End;
use crate::cli::admin::{Admin, Change, Who, text};

/// Says yes to what a run asks.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl approvals approve RUN approval --reason \"checked the list\"\n  flowctl approvals approve RUN approval --role finance --without C-17 --without C-19 --reason \"those two are closed\""
)]
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
    /// An item that is taken out; may be repeated.
    #[arg(long, value_name = "KEY")]
    without: Vec<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let mut body = Who::from(args.who).fields()?;
    body.insert("step".into(), args.step.into());
    body.insert("verdict".into(), "approved".into());
    body.insert("without".into(), args.without.into());
    body.extend(args.role.map(|role| ("role".to_owned(), role.into())));
    let answer = args.admin.post(&format!("/api/runs/{}/approve", args.run), body)?;
    args.admin.show(&answer, |now| format!("{} goes on\n", text(now, "run")))
}
