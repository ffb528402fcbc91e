//! `flowctl test --coverage`, for people and for programs.

use crate::diagnostics::Sources;
use crate::engine::rehearsal::{Coverage, Found, Part};
use std::collections::BTreeMap;
use std::path::Path;

/// How coverage is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    Text,
    Lcov,
}

/// By file and line.
type Lines<'a> = BTreeMap<String, BTreeMap<u32, Vec<&'a Part>>>;

fn lines<'a>(coverage: &'a Coverage, sources: &Sources) -> Lines<'a> {
    let mut lines = Lines::new();
    for part in &coverage.parts {
        let at = sources.position(part.span);
        lines.entry(at.path.to_string()).or_default().entry(at.line).or_default().push(part);
    }
    lines
}

/// What is not covered, file by file.
pub fn text(coverage: &Coverage, sources: &Sources) -> String {
    let share = |parts: &[&Part]| {
        let covered = parts.iter().filter(|part| part.found == Found::Noticed).count();
        format!("{covered} of {} covered", parts.len())
    };
    let mut out = String::new();
    for (path, lines) in lines(coverage, sources) {
        let all: Vec<&Part> = lines.values().flatten().copied().collect();
        out.push_str(&format!("{path}: {}\n", share(&all)));
        for (line, part) in lines.iter().flat_map(|(line, parts)| parts.iter().map(move |part| (line, part))) {
            let why = match part.found {
                Found::Noticed => continue,
                Found::Unnoticed => "taken, but no test fails without it",
                Found::NotReached => "no test takes it",
                Found::NotTried => "not tried: the time was over",
            };
            out.push_str(&format!("  {line:>5}  {}: {why}{}\n", part.what, excerpt(part, sources)));
        }
    }
    out.push_str(&format!("{}\n", share(&coverage.parts.iter().collect::<Vec<_>>())));
    out
}

/// What stands there, so that one of several on a line is known.
fn excerpt(part: &Part, sources: &Sources) -> String {
    const MOST: usize = 50;
    let text = sources.get(part.span.file).text;
    let written = text.get(part.span.start as usize..part.span.end as usize).unwrap_or_default();
    let first = written.lines().next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = first.chars().take(MOST).collect();
    match short.as_str() {
        "" => String::new(),
        short if short.len() < first.len() || written.contains('\n') => format!(": {short}…"),
        short => format!(": {short}"),
    }
}

/// A line counts as run when all that stands on it is covered.
pub fn lcov(coverage: &Coverage, root: &Path, sources: &Sources) -> String {
    let here = std::env::current_dir().ok().and_then(|here| here.canonicalize().ok()).unwrap_or_default();
    let mut out = String::new();
    for (path, lines) in lines(coverage, sources) {
        let path = root.join(path);
        out.push_str(&format!("TN:\nSF:{}\n", path.strip_prefix(&here).unwrap_or(&path).display()));
        let mut hit = 0;
        for (line, parts) in &lines {
            let covered = parts.iter().all(|part| part.found == Found::Noticed);
            hit += usize::from(covered);
            out.push_str(&format!("DA:{line},{}\n", u8::from(covered)));
        }
        out.push_str(&format!("LF:{}\nLH:{hit}\nend_of_record\n", lines.len()));
    }
    out
}
