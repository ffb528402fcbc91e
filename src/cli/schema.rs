//! `flowctl schema`.

use super::{End, output};
use crate::catalog::Catalog;
use crate::model::schema;
use std::path::PathBuf;

/// Prints or writes the JSON Schemas with which editors complete and check the files of a project.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  flowctl schema --write schemas\n  flowctl schema flow > flow.schema.json")]
pub struct Args {
    /// The kind of file: flow, project, connections, environment, test. Without one, their names are listed.
    kind: Option<String>,
    /// Writes all of them into this folder.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let schemas = schema::of(&Catalog::bundled());
    if let Some(folder) = args.write {
        return output::write_files(&folder, &schemas);
    }
    match args.kind {
        None => schemas
            .keys()
            .try_for_each(|name| output::print(&format!("{}\n", name.trim_end_matches(".schema.json"))))?,
        Some(kind) => match schemas.get(&format!("{kind}.schema.json")) {
            Some(text) => output::print(text)?,
            None => anyhow::bail!("there is no schema {kind}; `flowctl schema` lists them"),
        },
    }
    Ok(End::Fine)
}
