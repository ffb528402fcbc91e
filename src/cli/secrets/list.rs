//! `flowctl secrets list`.

use super::{Project, env, told};
use crate::cli::table::table;
use crate::cli::{End, output};
use crate::connectors::secrets::{Listed, SecretStore};
use serde_json::json;

/// Lists the names in the store and when each was set. Needs no key.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    project: Project,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let root = args.project.root()?;
    let names = SecretStore::read(&SecretStore::place(&root, &env)).map_err(told)?.names();
    match args.format {
        Format::Json => {
            let entries =
                names.iter().map(|Listed { name, set_at }| json!({ "name": name, "set_at": set_at.to_string() }));
            let entries: Vec<serde_json::Value> = entries.collect();
            output::print(&format!("{}\n", serde_json::to_string_pretty(&entries)?))?;
        }
        Format::Text => {
            let rows: Vec<_> = names.into_iter().map(|listed| [listed.name, listed.set_at.to_string()]).collect();
            output::print(&table(["NAME", "SET"], &rows, "no secrets"))?;
        }
    }
    Ok(End::Fine)
}
