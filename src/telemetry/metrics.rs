//! What is counted, for Prometheus. Labels come from bounded sets: connections, flows and operations of the project, and
//! words of ours.

use super::gauges::Gauges;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// All metrics of the process. Every method may be called from anywhere.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    deliveries: Family<Delivery, Counter>,
    delivery_durations: Family<Path, Histogram, fn() -> Histogram>,
    runs: Family<Run, Counter>,
    attempts: Family<Attempt, Counter>,
    durations: Family<Operation, Histogram, fn() -> Histogram>,
    reloads: Family<Reload, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Delivery {
    connection: String,
    answer: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Path {
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Run {
    flow: String,
    end: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempt {
    connection: String,
    operation: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    connection: String,
    operation: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reload {
    result: &'static str,
}

/// Seconds. A call may take up to three minutes in F&O.
fn durations() -> Histogram {
    Histogram::new([0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0])
}

/// Seconds. A delivery is one write to a disk, unless that is slow.
fn delivery_durations() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    /// What [`encode`](Metrics::encode) gives.
    pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Nothing counted yet.
    pub fn new() -> Metrics {
        let mut registry = Registry::with_prefix("flowctl");
        let (deliveries, runs, attempts, reloads) =
            (Family::default(), Family::default(), Family::default(), Family::default());
        let durations: Family<Operation, Histogram, fn() -> Histogram> = Family::new_with_constructor(durations);
        registry.register("deliveries", "Deliveries to webhooks, by what was answered", Family::clone(&deliveries));
        let delivery_durations: Family<Path, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(delivery_durations);
        let help = "How long deliveries took from their headers to their answer, by the webhook's path";
        registry.register_with_unit("delivery_duration", help, Unit::Seconds, delivery_durations.clone());
        registry.register("runs_ended", "Runs that ended or stand still, by how", Family::clone(&runs));
        registry.register("attempts", "Requests to other systems, by what came of them", Family::clone(&attempts));
        let help = "How long requests to other systems took";
        registry.register_with_unit("attempt_duration", help, Unit::Seconds, durations.clone());
        registry.register("reloads", "Reloads of the project's files, by result", Family::clone(&reloads));
        Metrics { registry, deliveries, delivery_durations, runs, attempts, durations, reloads }
    }

    /// A delivery to a connection's webhook was answered.
    pub fn delivery(&self, connection: &str, answer: &'static str) {
        self.deliveries.get_or_create(&Delivery { connection: connection.to_owned(), answer }).inc();
    }

    /// A delivery to a webhook's path has its answer.
    pub fn delivery_took(&self, path: &str, took: Duration) {
        self.delivery_durations.get_or_create(&Path { path: path.to_owned() }).observe(took.as_secs_f64());
    }

    /// A run ended, or stands still until somebody acts.
    pub fn run_ended(&self, flow: &str, end: &'static str) {
        self.runs.get_or_create(&Run { flow: flow.to_owned(), end }).inc();
    }

    /// A request to another system has its answer, or has none.
    pub fn attempt(&self, connection: &str, operation: &str, outcome: &'static str, took: Duration) {
        let (connection, operation) = (connection.to_owned(), operation.to_owned());
        let of = Operation { connection: connection.clone(), operation: operation.clone() };
        self.attempts.get_or_create(&Attempt { connection, operation, outcome }).inc();
        self.durations.get_or_create(&of).observe(took.as_secs_f64());
    }

    /// The project's files were read again, and taken or refused.
    pub fn reload(&self, ok: bool) {
        self.reloads.get_or_create(&Reload { result: if ok { "applied" } else { "refused" } }).inc();
    }

    /// Everything counted, as OpenMetrics text.
    pub fn encode(&self) -> String {
        self.encode_with(|_| {})
    }

    /// Everything counted, with what stands now, as OpenMetrics text.
    pub fn encode_with(&self, fill: impl FnOnce(&mut Gauges)) -> String {
        let mut gauges = Gauges::default();
        fill(&mut gauges);
        let mut buffer = String::new();
        // Writing into a String does not fail.
        let _ = text::encode_registry(&mut buffer, &self.registry);
        let _ = text::encode(&mut buffer, &gauges.registry());
        buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_counted_under_its_labels() {
        let metrics = Metrics::new();
        metrics.delivery("stripe", "kept");
        metrics.delivery("stripe", "kept");
        metrics.delivery_took("/hooks/stripe", Duration::from_millis(3));
        metrics.run_ended("orders", "succeeded");
        metrics.attempt("d365", "finops.create", "timeout", Duration::from_millis(70));
        metrics.reload(false);
        let text = metrics.encode_with(|gauges| {
            gauges.runs_standing("orders", "dead_letter", 3);
            gauges.alerts_open("error", 1);
            gauges.events_odd("unrouted", 2);
            gauges.due_seconds(1.5);
        });
        for line in [
            "flowctl_deliveries_total{connection=\"stripe\",answer=\"kept\"} 2",
            "flowctl_delivery_duration_seconds_bucket{le=\"0.005\",path=\"/hooks/stripe\"} 1",
            "flowctl_runs_ended_total{flow=\"orders\",end=\"succeeded\"} 1",
            "flowctl_attempts_total{connection=\"d365\",operation=\"finops.create\",outcome=\"timeout\"} 1",
            "flowctl_attempt_duration_seconds_bucket{le=\"0.05\",connection=\"d365\",operation=\"finops.create\"} 0",
            "flowctl_attempt_duration_seconds_bucket{le=\"0.1\",connection=\"d365\",operation=\"finops.create\"} 1",
            "flowctl_reloads_total{result=\"refused\"} 1",
            "flowctl_runs_standing{flow=\"orders\",state=\"dead_letter\"} 3",
            "flowctl_alerts_open{severity=\"error\"} 1",
            "flowctl_events_odd{state=\"unrouted\"} 2",
            "flowctl_run_due_seconds 1.5",
            "# EOF",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is not in:\n{text}");
        }
    }

    #[test]
    fn a_name_cannot_break_out_of_its_label() {
        let metrics = Metrics::new();
        metrics.delivery("a\"b\n", "kept");
        assert!(metrics.encode().contains(r#"connection="a\"b\n""#));
    }
}
