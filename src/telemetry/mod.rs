//! What flowctl tells about itself while it runs: logs and metrics.
//!
//! Deliberately without payload data: fields and labels are names from the project's files, never a key, an id of a
//! person or a text from outside. Invariant: whatever is logged goes to stderr; stdout carries data only.

mod gauges;
mod metrics;

pub use gauges::Gauges;
pub use metrics::Metrics;

use std::io::IsTerminal;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Names what is logged: a level (`debug`), or directives (`warn,flowctl::engine=trace`).
pub const VARIABLE: &str = "FLOWCTL_LOG";

/// Logs to stderr from now on: lines for people on a terminal, JSON otherwise. A second call changes nothing.
pub fn init() {
    let written = std::env::var(VARIABLE).ok();
    let (filter, problem) = filter(written.as_deref());
    let stderr = fmt::layer().with_writer(std::io::stderr);
    let layer = if std::io::stderr().is_terminal() {
        stderr.with_ansi(true).with_target(false).boxed()
    } else {
        stderr.json().flatten_event(true).with_span_list(false).boxed()
    };
    // An error means that there is a subscriber already: of an earlier call, or of whoever embeds us.
    if tracing_subscriber::registry().with(filter).with(layer).try_init().is_ok()
        && let Some(problem) = problem
    {
        tracing::warn!("{VARIABLE} is not understood ({problem}): logging at info");
    }
}

/// A level is meant for flowctl; its dependencies stay at warn. Also says what was not understood.
fn filter(written: Option<&str>) -> (EnvFilter, Option<String>) {
    let ours = |level: &str| EnvFilter::new(format!("warn,flowctl={level}"));
    match written.map(str::trim).filter(|written| !written.is_empty()) {
        None => (ours("info"), None),
        Some(level) if level.parse::<tracing_subscriber::filter::LevelFilter>().is_ok() => (ours(level), None),
        Some(directives) => match EnvFilter::try_new(directives) {
            Ok(filter) => (filter, None),
            Err(error) => (ours("info"), Some(error.to_string())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_ours_and_directives_are_taken_as_they_are() {
        let read = |written| filter(written).0.to_string();
        let sorted = |text: String| {
            let mut parts: Vec<String> = text.split(',').map(str::to_owned).collect();
            parts.sort();
            parts
        };
        assert_eq!(sorted(read(None)), ["flowctl=info", "warn"]);
        assert_eq!(sorted(read(Some(" "))), ["flowctl=info", "warn"]);
        assert_eq!(sorted(read(Some("debug"))), ["flowctl=debug", "warn"]);
        assert_eq!(sorted(read(Some("error,flowctl::engine=trace"))), ["error", "flowctl::engine=trace"]);
        let (fallback, problem) = filter(Some("flowctl=loud"));
        assert_eq!(sorted(fallback.to_string()), ["flowctl=info", "warn"]);
        assert!(problem.is_some());
    }

    #[test]
    fn starting_twice_is_no_mistake() {
        init();
        init();
    }
}
