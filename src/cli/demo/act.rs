//! A pair of systems shown with everything going wrong: what was sent, what failed on the way, and whether each effect
//! stands at the other side exactly once.

use serde_json::{Value, json};

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
        let once = self.effects.iter().filter(|effect| effect.found == 1).count();
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
