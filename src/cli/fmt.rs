//! `flowctl fmt [PATH…]`.

use super::{End, output};
use crate::diagnostics::{Diagnostic, Sources, render};
use crate::language::{SourceText, format};
use crate::model::load;
use anyhow::Context as _;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Brings mappings (*.map) into their one form.
///
/// Two spaces of indentation; one entry, arm or row per line, unless several were put on one line and fit into 120
/// columns; `=` and `=>` under one another on consecutive lines; quotes on targets and commas at line ends only where
/// they are needed. Line breaks inside an expression, comments and single blank lines stay: a long expression is broken
/// by its author. Lines end with LF, a byte order mark is dropped. A file with syntax errors is left as it is.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  flowctl fmt\n  flowctl fmt flows --check\n  flowctl fmt - < order.map")]
pub struct Args {
    /// Files, and folders for every .map file below. Without one: this folder. `-` formats stdin to stdout.
    paths: Vec<PathBuf>,
    /// Changes nothing: names the files that would change, and fails if there are any.
    #[arg(long)]
    check: bool,
}

/// What was seen so far.
#[derive(Default)]
struct Report {
    sources: Sources,
    findings: Vec<Diagnostic>,
    files: usize,
    changed: usize,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let mut report = Report::default();
    if args.paths.iter().any(|path| path == Path::new("-")) {
        if args.paths.len() > 1 {
            anyhow::bail!("`-` reads stdin and stands alone");
        }
        stdin(args.check, &mut report)?;
    } else {
        let here = [PathBuf::from(".")];
        let paths = if args.paths.is_empty() { &here[..] } else { &args.paths };
        for file in files(paths)? {
            one(&file, args.check, &mut report)?;
        }
        let (files, changed) = (counted(report.files), report.changed);
        match args.check {
            true if changed > 0 => output::tell(&format!("{files}, {changed} would change: run flowctl fmt")),
            false if changed > 0 => output::tell(&format!("{files}, {changed} formatted")),
            _ => output::tell(&format!("{files}, nothing to change")),
        }
    }
    if !report.findings.is_empty() {
        output::tell(render::text(&report.findings, &report.sources, output::colour()).trim_end());
        return Ok(End::Findings);
    }
    Ok(if args.check && report.changed > 0 { End::Findings } else { End::Fine })
}

fn counted(files: usize) -> String {
    format!("{files} mapping file{}", if files == 1 { "" } else { "s" })
}

/// Every file that is meant, once.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let is_map = |path: &Path| path.extension().is_some_and(|extension| extension == "map");
    let mut found: Vec<PathBuf> = vec![];
    for path in paths {
        let meta = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if meta.is_file() {
            if !is_map(path) {
                anyhow::bail!("{} is no .map file", path.display());
            }
            found.push(path.clone());
            continue;
        }
        // A project ends where another one begins; above all projects, each of them is meant.
        let in_project = load::find_root(path).is_some();
        let is_project = |entry: &walkdir::DirEntry| {
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            !is_hidden && entry.path().join(load::PROJECT_FILE).is_file()
        };
        let belongs = |entry: &walkdir::DirEntry| load::belongs(entry) || !in_project && is_project(entry);
        for entry in walkdir::WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(belongs) {
            let entry = entry?;
            if entry.file_type().is_file() && is_map(entry.path()) {
                found.push(entry.into_path());
            }
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|path| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())));
    Ok(found)
}

fn one(path: &Path, check: bool, report: &mut Report) -> anyhow::Result<()> {
    report.files += 1;
    let shown = path.strip_prefix(".").unwrap_or(path).display().to_string();
    let text = match load::text(path) {
        Ok(text) => text,
        Err((code, why)) => {
            report.findings.push(Diagnostic::general(code, format!("{shown}: {why}")));
            return Ok(());
        }
    };
    let file = report.sources.add(shown.as_str(), text.clone());
    match format::file(&SourceText::file(file, text.clone())) {
        Err(findings) => report.findings.extend(findings),
        Ok(formatted) if *formatted == *text => {}
        Ok(formatted) => {
            report.changed += 1;
            match check {
                true => output::tell(&difference(&shown, &text, &formatted)),
                false => {
                    output::replace(path, &formatted).with_context(|| format!("cannot write {shown}"))?;
                    output::tell(&format!("formatted {shown}"));
                }
            }
        }
    }
    Ok(())
}

fn stdin(check: bool, report: &mut Report) -> anyhow::Result<()> {
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).context("cannot read stdin")?;
    let file = report.sources.add("<stdin>", text.as_str());
    match format::file(&SourceText::file(file, text.as_str().into())) {
        Err(findings) => report.findings.extend(findings),
        Ok(formatted) if !check => output::print(&formatted)?,
        Ok(formatted) if formatted != text => {
            report.changed += 1;
            output::tell(&difference("<stdin>", &text, &formatted));
        }
        Ok(_) => {}
    }
    Ok(())
}

/// The first line that differs.
fn difference(path: &str, old: &str, new: &str) -> String {
    let (mut olds, mut news) = (old.split('\n'), new.split('\n'));
    let mut line = 1;
    loop {
        match (olds.next(), news.next()) {
            (Some(old), Some(new)) if old == new => line += 1,
            (old, new) => {
                let shown = |sign: &str, text: Option<&str>| match text {
                    Some(text) => format!("\n  {sign} {}", visible(text)),
                    None => String::new(),
                };
                return format!("{path}:{line}{}{}", shown("-", old), shown("+", new));
            }
        }
    }
}

/// A line in which nothing that differs is invisible.
fn visible(line: &str) -> String {
    let text = line.trim_end_matches([' ', '\r']);
    let blanks = line.get(text.len()..).unwrap_or("").replace(' ', "·").replace('\r', "\\r");
    text.replace('\t', "\\t").replace('\u{feff}', "\\u{feff}") + &blanks
}
