//! `flowctl secrets remove NAME`.

use super::{Project, env, told};
use crate::cli::{End, output};
use crate::connectors::secrets;

/// Takes a secret out of the store.
#[derive(clap::Args)]
pub struct Args {
    /// Its name.
    name: String,
    #[command(flatten)]
    project: Project,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let root = args.project.root()?;
    secrets::remove(&root, &args.name, &env).map_err(told)?;
    output::tell(&format!("secret://{} is removed.", args.name));
    Ok(End::Fine)
}
