//! `flowctl functions [NAME]`: the built-in functions of the mapping language and those of the library in the binary.

use super::{End, output};
use crate::diagnostics::did_you_mean;
use crate::language::functions::{ALL, Area, Function};
use crate::language::standard::{self, Module};
use serde::Serialize;
use std::path::PathBuf;

/// Lists the functions of the mapping language, built in and of the library (`use "std:…"`), or explains one with examples.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  flowctl functions\n  flowctl functions round\n  flowctl functions --format json")]
pub struct Args {
    /// The function's name.
    #[arg(conflicts_with = "write")]
    name: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Writes functions.md and standard-library.md into this folder.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// A function for whoever reads about it.
#[derive(Serialize)]
struct Entry {
    name: String,
    /// The heading above it.
    area: String,
    /// What to write before it can be called; nothing for a built-in one.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    uses: Option<String>,
    /// `(t: text) -> text`, one for each way to call it.
    signatures: Vec<String>,
    summary: String,
    doc: String,
    /// Expressions with what they give, `source  // => result`, one in a line.
    examples: String,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let modules = standard::modules();
    if let Some(folder) = args.write {
        return write(&folder, &modules);
    }
    let mut entries: Vec<Entry> =
        Area::ALL.into_iter().flat_map(of_area).chain(modules.iter().flat_map(of_module)).collect();
    if let Some(name) = &args.name {
        let hint = did_you_mean(name, entries.iter().map(|entry| entry.name.as_str()));
        let hint = hint.map(|name| format!(" Did you mean {name}?")).unwrap_or_default();
        entries.retain(|entry| entry.name == *name);
        if entries.is_empty() {
            anyhow::bail!("there is no function {name}.{hint} `flowctl functions` lists all.");
        }
    }
    match (args.format, args.name) {
        (Format::Json, _) => output::print(&format!("{}\n", serde_json::to_string_pretty(&entries)?))?,
        (Format::Text, None) => output::print(&table(&entries))?,
        (Format::Text, Some(_)) => output::print(&entries.iter().map(explained).collect::<Vec<_>>().join("\n"))?,
    }
    Ok(End::Fine)
}

/// The built-in ones of an area.
fn of_area(area: Area) -> impl Iterator<Item = Entry> {
    ALL.iter().filter(move |function| function.area == area).map(|function| Entry {
        name: function.name.into(),
        area: function.area.title().into(),
        uses: None,
        signatures: function.signatures.iter().map(|signature| signature.to_string()).collect(),
        summary: function.summary.into(),
        doc: function.doc.into(),
        examples: examples(function),
    })
}

fn examples(function: &Function) -> String {
    let lines = function.examples.iter().map(|example| match example.result.strip_prefix("error ") {
        Some(code) => format!("{}  // error {code}", example.source),
        None => format!("{}  // => {}", example.source, example.result),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn of_module(module: &Module) -> impl Iterator<Item = Entry> {
    module.functions.iter().map(|function| Entry {
        name: function.name.clone(),
        area: format!("std:{}", module.name),
        uses: Some(format!("std:{}", module.name)),
        signatures: vec![function.signature.clone()],
        summary: function.summary.clone(),
        doc: function.doc.clone(),
        examples: function.examples.clone(),
    })
}

/// All of them, below the headings of their areas.
fn table(entries: &[Entry]) -> String {
    let longest = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut area = "";
    for entry in entries {
        if entry.area != area {
            area = &entry.area;
            text.push_str(&format!("{}{area}\n", if text.is_empty() { "" } else { "\n" }));
        }
        text.push_str(&format!("  {:longest$}  {}\n", entry.name, entry.summary));
        for signature in &entry.signatures {
            text.push_str(&format!("  {:longest$}    {signature}\n", ""));
        }
    }
    text
}

/// One of them, for a terminal.
fn explained(entry: &Entry) -> String {
    let mut text = entry.uses.iter().map(|path| format!("use {path:?}\n\n")).collect::<String>();
    for signature in &entry.signatures {
        text.push_str(&format!("{}{signature}\n", entry.name));
    }
    text.push_str(&format!("\n{}\n", entry.summary));
    if !entry.doc.is_empty() {
        text.push_str(&format!("\n{}\n", entry.doc));
    }
    text.push_str("\nExamples:\n");
    for line in entry.examples.lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

/// Writes the pages of `docs/`.
fn write(folder: &std::path::Path, modules: &[Module]) -> anyhow::Result<End> {
    output::write_files(folder, [("functions.md", functions_page()), ("standard-library.md", library_page(modules))])
}

const WRITTEN: &str = "<!-- Written by `flowctl functions --write docs`. -->";

fn functions_page() -> String {
    let mut page = format!(
        "# The built-in functions of the mapping language\n\n{WRITTEN}\n\n\
         They are there without `use`; `x.f(y)` is `f(x, y)`. In signatures `T U K` stand for any one type each, `N` for int or \
         decimal, `O` for what `<` compares (numbers, dates, times, monies, texts), `(T) => U` for a lambda, `T?` for what may be \
         missing, `local` for a time as the clocks of a zone show it, and `const text` for a text that is written out, because it \
         is looked at while compiling. `// => x` is what an example gives, `// error` the `error.code` with which it fails.\n"
    );
    for area in Area::ALL {
        page.push_str(&format!("\n## {}\n", area.title()));
        of_area(area).for_each(|entry| page.push_str(&section(&entry)));
    }
    page
}

fn library_page(modules: &[Module]) -> String {
    let mut page = format!(
        "# The library of the mapping language\n\n{WRITTEN}\n\n\
         Written in the language itself and part of the binary: `use \"std:NAME\"` brings a file's functions into scope. The \
         notation is that of [functions.md](functions.md).\n"
    );
    for module in modules {
        page.push_str(&format!("\n## std:{}\n\n{}\n", module.name, module.about));
        of_module(module).for_each(|entry| page.push_str(&section(&entry)));
    }
    page
}

fn section(entry: &Entry) -> String {
    let signatures: Vec<String> =
        entry.signatures.iter().map(|signature| format!("{}{signature}\n", entry.name)).collect();
    let doc = if entry.doc.is_empty() { String::new() } else { format!(" {}", entry.doc) };
    let uses = entry.uses.iter().map(|path| format!("use {path:?}\n\n")).collect::<String>();
    let examples = match entry.examples.as_str() {
        "" => String::new(),
        examples => format!("\n```map\n{uses}{examples}\n```\n"),
    };
    format!("\n### {}\n\n```text\n{}```\n\n{}{doc}\n{examples}", entry.name, signatures.concat(), entry.summary)
}
