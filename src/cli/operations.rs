//! `flowctl operations [NAME]`.

use super::{End, output};
use crate::catalog::{Catalog, Operation, ParamKind, RepeatBy, RepeatEntry};
use crate::value::time::write_duration;

/// Lists the operations of the catalogue, or shows one with its parameters and why a repeat of it is safe.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  flowctl operations\n  flowctl operations finops.create")]
pub struct Args {
    /// The operation's name: `system.operation`.
    name: Option<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let catalog = Catalog::bundled();
    match args.name {
        None => {
            let longest = catalog.operations().map(|operation| operation.name.len()).max().unwrap_or(0);
            for operation in catalog.operations() {
                let does = if operation.writes() { "call  " } else { "lookup" };
                output::print(&format!("{:longest$}  {does}  {}\n", operation.name, operation.title))?;
            }
        }
        Some(name) => match catalog.operation(&name) {
            Some((_, operation)) => output::print(&page(operation))?,
            None => anyhow::bail!("there is no operation {name}; {}", catalog.operation_help(&name, true)),
        },
    }
    Ok(End::Fine)
}

fn page(operation: &Operation) -> String {
    let verb = if operation.writes() { "call" } else { "lookup" };
    let mut page = format!("{} ({verb}): {}\n\nParameters:\n", operation.name, operation.title);
    for (name, param) in &operation.params {
        let name = if param.key { "key" } else { name };
        let ty = match (&param.ty, param.kind) {
            (Some(ty), _) => ty.to_string(),
            (None, ParamKind::Filter) => "a condition over row".into(),
            (None, ParamKind::Expand) => "paths to objects".into(),
            (None, ParamKind::Columns) => "names of columns".into(),
            (None, ParamKind::Link | ParamKind::Total | ParamKind::Rate) => "a name of flowctl.yaml".into(),
            (None, _) => "a name".into(),
        };
        let required = if param.required { ", required" } else { "" };
        let description = param.description.as_ref().map(|text| format!(" — {text}")).unwrap_or_default();
        page.push_str(&format!("  {name}: {ty}{required}{description}\n"));
    }
    page.push_str(&format!("\nGives: {}\n", operation.result().ty));
    if operation.writes() {
        page.push_str("\nWhy a repeat is safe:\n");
        for entry in &operation.repeat {
            page.push_str(&format!("  {}\n", reason(entry)));
        }
    }
    page
}

fn reason(entry: &RepeatEntry) -> String {
    let memory = entry.remembers.map(|time| format!(" for {}", write_duration(time))).unwrap_or_default();
    let settle = entry.settle.map(|time| format!(", after {}", write_duration(time))).unwrap_or_default();
    match entry.by {
        RepeatBy::Header => {
            format!("the server knows a repeat by {}{memory}", entry.header.as_deref().unwrap_or("a header"))
        }
        RepeatBy::Key => "where the flow chooses the whole key: a repeat meets its own row".into(),
        RepeatBy::MadeKey => "the row's id is made of the step's key: a repeat meets its own row".into(),
        RepeatBy::Set => "writing the same again changes nothing".into(),
        RepeatBy::FindBy => format!("`find_by` names columns by which a retry finds its own row{settle}"),
        RepeatBy::FirstWrite => "it is one transaction: done when its first write is found".into(),
        RepeatBy::Transaction => "it is written together with the step's result, or neither is".into(),
        RepeatBy::None => "nothing tells: an uncertain attempt waits for a person".into(),
    }
}
