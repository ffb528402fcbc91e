//! `flowctl functions [NAME]`.

use super::{End, output};
use crate::diagnostics::did_you_mean;
use crate::language::functions::{self, Function};

/// Lists the built-in functions of the mapping language, or explains one with its examples.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  flowctl functions\n  flowctl functions round")]
pub struct Args {
    /// The function's name.
    name: Option<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    match args.name {
        None => {
            let longest = functions::ALL.iter().map(|f| f.name.len()).max().unwrap_or(0);
            let lines: Vec<String> =
                functions::ALL.iter().map(|f| format!("{:longest$}  {}\n", f.name, f.summary)).collect();
            output::print(&lines.concat())?;
        }
        Some(name) => match functions::find(&name) {
            Some(function) => output::print(&page(function))?,
            None => {
                let hint = did_you_mean(&name, functions::ALL.iter().map(|f| f.name));
                let hint = hint.map(|name| format!(" Did you mean {name}?")).unwrap_or_default();
                anyhow::bail!("there is no function {name}.{hint} `flowctl functions` lists all.");
            }
        },
    }
    Ok(End::Fine)
}

fn page(function: &Function) -> String {
    let mut page = String::new();
    for signature in function.signatures {
        page.push_str(&format!("{}{signature}\n", function.name));
    }
    page.push_str(&format!("\n{}\n", function.summary));
    if !function.doc.is_empty() {
        page.push_str(&format!("\n{}\n", function.doc));
    }
    page.push_str("\nExamples:\n");
    for example in function.examples {
        page.push_str(&format!("  {} → {}\n", example.source, example.result));
    }
    page
}
