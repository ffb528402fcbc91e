//! `flowctl secrets set NAME`.

use super::{Project, env, input, tell_keys, told};
use crate::cli::{End, output};
use crate::connectors::secrets;
use jiff::Timestamp;

/// Puts a secret into the store, in the place of the one before it. The value comes from stdin, or is asked for.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl secrets set stripe/restricted_key\n  pass stripe/key | flowctl secrets set stripe/restricted_key"
)]
pub struct Args {
    /// What a connection names it by: secret://NAME.
    name: String,
    #[command(flatten)]
    project: Project,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let root = args.project.root()?;
    let value = input::value(&args.name)?;
    let changed = secrets::set(&root, &args.name, &value, &env, Timestamp::now()).map_err(told)?;
    output::tell(&format!("secret://{} is set.", args.name));
    tell_keys(&changed);
    Ok(End::Fine)
}
