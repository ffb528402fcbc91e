//! What stands at the moment of a scrape: read from the store each time, never counted along.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;

/// What one scrape shows beside what is counted.
#[derive(Debug, Default)]
pub struct Gauges {
    runs: Family<Standing, Gauge>,
    alerts: Family<Alerts, Gauge>,
    events: Family<Events, Gauge>,
    due: Gauge<f64, AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Standing {
    flow: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Alerts {
    severity: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Events {
    state: &'static str,
}

impl Gauges {
    /// Runs of a flow that only a person can help on.
    pub fn runs_standing(&mut self, flow: &str, state: &'static str, count: u64) {
        set(&self.runs.get_or_create(&Standing { flow: flow.to_owned(), state }), count);
    }

    /// Open alerts.
    pub fn alerts_open(&mut self, severity: &'static str, count: u64) {
        set(&self.alerts.get_or_create(&Alerts { severity }), count);
    }

    /// Events that started nothing.
    pub fn events_odd(&mut self, state: &'static str, count: u64) {
        set(&self.events.get_or_create(&Events { state }), count);
    }

    /// For how long the run that waits longest has wanted a worker.
    pub fn due_seconds(&mut self, seconds: f64) {
        self.due.set(seconds);
    }

    pub(super) fn registry(self) -> Registry {
        let mut registry = Registry::with_prefix("flowctl");
        registry.register("runs_standing", "Runs that only a person can help on, by flow and state", self.runs);
        registry.register("alerts_open", "Open alerts, by severity", self.alerts);
        registry.register("events_odd", "Events that started nothing, by state", self.events);
        let help = "For how long the run that waits longest has wanted a worker";
        registry.register_with_unit("run_due", help, Unit::Seconds, self.due);
        registry
    }
}

fn set(gauge: &Gauge, count: u64) {
    gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
}
