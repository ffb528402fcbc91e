//! `flowctl operations [NAME]`.

mod page;

use super::{End, output};
use crate::catalog::{Catalog, Operation};
use std::path::PathBuf;

/// Lists the operations of the catalogue, or shows one with its parameters and why a repeat of it is safe.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl operations\n  flowctl operations finops.create\n  flowctl operations --write docs"
)]
pub struct Args {
    /// The operation's name: `system.operation`.
    #[arg(conflicts_with = "write")]
    name: Option<String>,
    /// Writes systems/NAME.md into this folder, a page for each system; what stands above `<!-- operations -->` stays.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let catalog = Catalog::bundled();
    if let Some(folder) = args.write {
        let folder = folder.join("systems");
        let pages = catalog.systems().filter(|system| system.http.is_some()).map(|system| {
            let name = format!("{}.md", system.name);
            let before = std::fs::read_to_string(folder.join(&name)).unwrap_or_default();
            (name, page::page(system, &before))
        });
        let pages: Vec<_> = pages.collect();
        return output::write_files(&folder, pages);
    }
    match args.name {
        None => {
            let longest = catalog.operations().map(|operation| operation.name.len()).max().unwrap_or(0);
            for operation in catalog.operations() {
                let does = operation.belongs_under();
                output::print(&format!("{:longest$}  {does:6}  {}\n", operation.name, operation.title))?;
            }
        }
        Some(name) => match catalog.operation(&name) {
            Some((_, operation)) => output::print(&shown(operation))?,
            None => anyhow::bail!("there is no operation {name}; {}", catalog.operation_help(&name, true)),
        },
    }
    Ok(End::Fine)
}

fn shown(operation: &Operation) -> String {
    let verb = operation.belongs_under();
    let mut text = format!("{} ({verb}): {}\n\nParameters:\n", operation.name, operation.title);
    for (name, param) in &operation.params {
        let name = if param.key { "key" } else { name };
        let required = if param.required { ", required" } else { "" };
        let description = param.description.as_ref().map(|text| format!(" — {text}")).unwrap_or_default();
        text.push_str(&format!("  {name}: {}{required}{description}\n", page::written_as(param)));
    }
    text.push_str(&format!("\nGives: {}\n", operation.result().ty));
    if operation.writes() {
        text.push_str("\nWhy a repeat is safe:\n");
        for entry in &operation.repeat {
            text.push_str(&format!("  {}\n", page::reason(entry)));
        }
    }
    text
}
