//! A pair of systems shown with everything going wrong: what was sent, what failed on the way, and whether each effect
//! stands at the other side exactly once.

use crate::runtime::Runtime;
use crate::sandbox::faults::Faults;
use crate::sandbox::server::{Seen, Server};
use crate::store::{Page, RunFilter, StoreError};
use crate::value::{Record, Value as Cell};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// One pair, played to its end.
#[derive(Debug, Default)]
pub struct Act {
    /// For programs.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// Events that happened, and how many of them were delivered more than once.
    pub events: usize,
    pub twice: usize,
    /// Every fault that was ordered, in words.
    pub faults: Vec<&'static str>,
    /// How runs ended: their state, and how many.
    pub runs: Vec<(&'static str, usize)>,
    /// What stands at the other side, line by line.
    pub stands: Vec<String>,
    /// What has to be there once, how often it was asked for, and how often it is there.
    pub effects: Vec<Effect>,
    /// What is not as it should be. Empty: all is.
    pub differences: Vec<String>,
}

/// Something that a flow had to do once.
#[derive(Debug)]
pub struct Effect {
    pub what: String,
    pub requests: usize,
    pub found: usize,
}

impl Act {
    /// Counts an effect; one that is not there exactly once is a difference.
    pub fn effect(&mut self, what: impl Into<String>, requests: usize, found: usize) {
        let what = what.into();
        if found != 1 {
            self.differences.push(format!("expected {what} once, found it {found} times"));
        }
        self.effects.push(Effect { what, requests, found });
    }

    /// Waits until a flow has so many runs and all are at their end, or stand still for a person; counts how they ended.
    pub async fn ended(&mut self, runtime: &Runtime, flow: &str, count: usize) -> Result<(), StoreError> {
        let begin = Instant::now();
        loop {
            let filter = RunFilter { flow: Some(flow.to_string()), ..RunFilter::default() };
            let runs = runtime.store().runs(filter, Page::first(100)).await?.items;
            let at_rest = runs.iter().all(|run| run.state.is_settled() || run.state.needs_a_person());
            if (runs.len() >= count && at_rest) || begin.elapsed() > super::PATIENCE {
                for run in &runs {
                    match self.runs.iter_mut().find(|(known, _)| *known == run.state.as_str()) {
                        Some((_, count)) => *count += 1,
                        None => self.runs.push((run.state.as_str(), 1)),
                    }
                    if let Some(error) = &run.error {
                        self.differences.push(format!("a run failed: {}", error.message));
                    }
                }
                self.runs.sort();
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The runs have to have ended so: states in the order of their names, with their counts.
    pub fn expect_runs(&mut self, wanted: &[(&'static str, usize)]) {
        if self.runs != wanted {
            let shown = |runs: &[(&'static str, usize)]| -> String {
                runs.iter().map(|(state, count)| format!("{count} {state}")).collect::<Vec<_>>().join(", ")
            };
            let (wanted, found) = (shown(wanted), shown(&self.runs));
            self.differences.push(format!("expected runs: {wanted}, found: {found}"));
        }
    }

    /// Every fault that was ordered has to have happened.
    pub fn faults_happened<'f>(&mut self, faults: impl IntoIterator<Item = &'f Faults>) {
        let waiting: usize = faults.into_iter().map(|faults| faults.waiting().len()).sum();
        if waiting > 0 {
            self.differences.push(format!("{waiting} faults were ordered and never happened"));
        }
    }

    /// How many effects stand there exactly once.
    pub fn once(&self) -> usize {
        self.effects.iter().filter(|effect| effect.found == 1).count()
    }

    /// Lines for people, at most 110 columns wide.
    pub fn lines(&self) -> String {
        let mark = if self.differences.is_empty() { "✓" } else { "✗" };
        let mut text = format!("{mark} {}\n", self.title);
        let runs: Vec<String> = self.runs.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let twice = if self.twice > 0 { format!(", {} of them twice", self.twice) } else { String::new() };
        text.push_str(&format!("  {} events sent{twice}; runs: {}\n", self.events, runs.join(", ")));
        text.push_str(&format!("  {} faults: {}\n", self.faults.len(), wrapped(&self.faults.join("; "), 11)));
        for line in &self.stands {
            text.push_str(&format!("    {line}\n"));
        }
        let asked: usize = self.effects.iter().map(|effect| effect.requests).sum();
        let once = self.once();
        text.push_str(&format!(
            "  {once} of {} effects stand there exactly once, after {asked} requests\n",
            self.effects.len()
        ));
        for difference in &self.differences {
            text.push_str(&format!("  ! {difference}\n"));
        }
        text
    }

    /// The same for a program.
    pub fn json(&self) -> Value {
        let effects: Vec<Value> = self
            .effects
            .iter()
            .map(|effect| json!({ "what": effect.what, "requests": effect.requests, "found": effect.found }))
            .collect();
        let runs: serde_json::Map<String, Value> =
            self.runs.iter().map(|(state, count)| (state.to_string(), json!(count))).collect();
        json!({
            "act": self.name, "title": self.title, "events": self.events, "twice": self.twice, "faults": self.faults,
            "runs": runs, "stands": self.stands, "effects": effects, "differences": self.differences,
            "as_expected": self.differences.is_empty(),
        })
    }
}

/// Broken at spaces, so that no line is longer than the table.
fn wrapped(text: &str, indent: usize) -> String {
    let (mut lines, mut line) = (vec![], String::new());
    for word in text.split(' ') {
        if !line.is_empty() && indent + line.chars().count() + 1 + word.chars().count() > 108 {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

/// How many requests to a path had that in their body.
pub fn posts(server: &Server, path: &str, part: &str) -> usize {
    let hit = |seen: &&Seen| {
        seen.method == "POST" && seen.path.starts_with(path) && String::from_utf8_lossy(&seen.body).contains(part)
    };
    server.seen().iter().filter(hit).count()
}

/// A column as text; a number as it is written.
pub fn text(row: &Record, column: &str) -> String {
    match row.get(column) {
        Some(Cell::Text(text)) => text.to_string(),
        Some(Cell::Number(number)) => number.plain().unwrap_or_default().into_owned(),
        _ => String::new(),
    }
}
