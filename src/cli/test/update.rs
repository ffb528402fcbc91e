//! `flowctl test --update`: expectations that do not hold become what happened.
//!
//! The tests run, the files are rewritten, and so on until nothing changes any more: a list that has its new entries is
//! compared entry by entry the next time. Each file is replaced as a whole, or left.

use super::super::output;
use super::{Compiled, Run, Suite};
use crate::diagnostics::{Code, Diagnostic};
use crate::engine::rehearsal::{Amendment, rewrite};
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// More than any file needs: how the run ends, its lists, their entries, fields of fields.
const MOST_ROUNDS: usize = 8;

/// The tests after it.
pub struct Updated {
    pub run: Run,
    /// What changed, for a person.
    pub difference: String,
}

/// Runs the tests of the project at `root` with `run`, and rewrites their files.
pub fn update(root: &Path, run: impl Fn() -> anyhow::Result<Run>) -> anyhow::Result<Updated> {
    let mut before: BTreeMap<String, String> = BTreeMap::new();
    let mut round = 0;
    loop {
        round += 1;
        let (compiled, suites, coverage) = run()?;
        let (changed, refused) = rewritten(&compiled, &suites);
        if changed.is_empty() || round > MOST_ROUNDS {
            output::tell_findings(&refused, &compiled.compilation.sources);
            let difference = before.iter().map(|(path, old)| {
                let new = fs::read_to_string(root.join(path)).unwrap_or_default();
                difference(path, old, &new)
            });
            return Ok(Updated { difference: difference.collect(), run: (compiled, suites, coverage) });
        }
        for (path, old, new) in changed {
            let at = root.join(&path);
            let there = fs::read_to_string(&at).with_context(|| format!("cannot read {path}"))?;
            if there != old {
                anyhow::bail!("{path} was changed by someone else while its tests ran: nothing was written to it");
            }
            output::replace(&at, &new).with_context(|| format!("cannot write {path}"))?;
            before.entry(path).or_insert(there);
        }
    }
}

/// The files that change, as they were and as they will be, and what cannot be rewritten.
fn rewritten(compiled: &Compiled, suites: &[Suite]) -> (Vec<(String, String, String)>, Vec<Diagnostic>) {
    let (mut changed, mut refused) = (vec![], vec![]);
    for suite in suites {
        let amendments: Vec<Amendment> = suite.cases.iter().flat_map(|case| case.amendments.clone()).collect();
        let Some(file) = compiled.project.tests.iter().find(|source| source.path == suite.path) else { continue };
        let text = compiled.compilation.sources.get(file.file).text;
        let new = rewrite(file.file, &text, &amendments);
        if *new.text != *text {
            changed.push((suite.path.clone(), text.to_string(), new.text));
        }
        let sentence = |(span, why): (_, String)| Diagnostic::note(Code::F0511, format!("not rewritten: {why}"), span);
        refused.extend(new.refused.into_iter().map(sentence));
    }
    refused.dedup();
    (changed, refused)
}

/// The lines that differ.
fn difference(path: &str, old: &str, new: &str) -> String {
    let (olds, news): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let (mut a, mut b) = (0, 0);
    let mut out = String::new();
    let sign = |out: &mut String, sign: char, lines: &[&str]| {
        lines.iter().for_each(|line| out.push_str(&format!("  {sign}{line}\n")));
    };
    while a < olds.len() || b < news.len() {
        if olds.get(a) == news.get(b) {
            (a, b) = (a + 1, b + 1);
            continue;
        }
        let (skipped, added) = until_same(olds.get(a..).unwrap_or_default(), news.get(b..).unwrap_or_default());
        out.push_str(&format!("{path}:{}\n", a + 1));
        sign(&mut out, '-', olds.get(a..a + skipped).unwrap_or_default());
        sign(&mut out, '+', news.get(b..b + added).unwrap_or_default());
        (a, b) = (a + skipped, b + added);
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// How many lines of each go before two lines that are the same, and so are the next ones: as few as can be.
fn until_same(old: &[&str], new: &[&str]) -> (usize, usize) {
    let most = old.len() + new.len();
    for together in 1..most {
        for skipped in together.saturating_sub(new.len())..=together.min(old.len()) {
            let added = together - skipped;
            let pair = |n: usize| (old.get(skipped + n), new.get(added + n));
            if pair(0).0 == pair(0).1 && pair(1).0 == pair(1).1 {
                return (skipped, added);
            }
        }
    }
    (old.len(), new.len())
}
