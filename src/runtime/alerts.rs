//! Alerts are handed on to whoever wants to be told: as events of the connections of the system `alerts`, through the
//! inbox, so that telling is a run like any other.
//!
//! Invariants: what was raised is handed on, also when the process ends in between, and each opening and each end once
//! for each connection. What the flows that tell raise themselves is told to nobody: it would go round in circles.

use super::Inner;
use crate::connectors::ConnectionConfig;
use crate::engine::door;
use crate::graph::{ExecutionGraph, Severity, TriggerKind};
use crate::model::alerts::{OPENED, RESOLVED, SYSTEM};
use crate::store::{Alert, Hash, NewEvent, NewRun, StoreError, Untold};
use crate::triggers::intake::trigger_facts;
use crate::value::json::{self, WriteError};
use crate::value::{Number, Record, Value};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it looks. Where there is nothing to tell, that reads an empty index.
const EVERY: Duration = Duration::from_secs(1);
const AT_ONCE: usize = 100;

/// A connection that is told, and from which severity on.
pub(super) struct Told {
    connection: String,
    severity: Severity,
}

/// The connections that want to be told.
pub(super) fn told(configs: &BTreeMap<String, ConnectionConfig>) -> Vec<Told> {
    let alerts = configs.iter().filter(|(_, config)| config.system == SYSTEM);
    let severity = |config: &ConnectionConfig| match config.param("severity") {
        Some("info") => Severity::Info,
        Some("error") => Severity::Error,
        _ => Severity::Warning,
    };
    alerts.map(|(name, config)| Told { connection: name.clone(), severity: severity(config) }).collect()
}

#[derive(Debug, thiserror::Error)]
enum NotTold {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("an alert cannot be written: {0}")]
    Unwritable(#[from] WriteError),
}

/// Hands on what was raised, until `stop`.
pub(super) async fn hand_on(inner: Arc<Inner>, stop: CancellationToken) {
    loop {
        match once(&inner, Timestamp::now()).await {
            // There may be more.
            Ok(AT_ONCE) => continue,
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "Nobody could be told of an alert; it is tried again."),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn once(inner: &Inner, now: Timestamp) -> Result<usize, NotTold> {
    let untold = inner.store.untold_alerts(AT_ONCE).await?;
    let flows = inner.revisions.graphs();
    let told = inner.told.load();
    for Untold { alert, opening } in &untold {
        let mut events = vec![];
        if !alert.flow.as_ref().is_some_and(|flow| tells(&flows, &told, flow)) {
            for told in told.iter().filter(|told| told.severity <= alert.severity) {
                let kinds = [(OPENED, *opening), (RESOLVED, !alert.open)];
                for (kind, _) in kinds.into_iter().filter(|(_, wanted)| *wanted) {
                    events.push(event(&flows, &told.connection, kind, alert, now)?);
                }
            }
        }
        let any = !events.is_empty();
        inner.store.tell_alert(alert.clone(), events).await?;
        if any {
            inner.executor.wake();
        }
    }
    Ok(untold.len())
}

/// Whether it is one of the flows that tell.
fn tells(flows: &[Arc<ExecutionGraph>], told: &[Told], flow: &str) -> bool {
    let flow = flows.iter().find(|known| known.flow.as_str() == flow);
    flow.is_some_and(|flow| told.iter().any(|told| listens(flow, &told.connection, None)))
}

fn listens(flow: &ExecutionGraph, connection: &str, kind: Option<&str>) -> bool {
    let TriggerKind::Webhook { connection: wanted, events, .. } = &flow.trigger.kind else { return false };
    wanted.as_str() == connection && kind.is_none_or(|kind| events.iter().any(|event| event.as_str() == kind))
}

/// An alert as an event of the connection, and what each flow that listens makes of it.
fn event(
    flows: &[Arc<ExecutionGraph>],
    connection: &str,
    kind: &str,
    alert: &Alert,
    now: Timestamp,
) -> Result<(NewEvent, Vec<NewRun>), WriteError> {
    let body = body(kind, alert);
    let provider_id = format!("{}/{kind}", alert.id);
    let event = NewEvent {
        connection: connection.to_owned(),
        // However its count and texts have changed by then, it is told once.
        same: Hash::of(provider_id.as_bytes()),
        provider_id,
        kind: kind.to_owned(),
        body: json::write(&body)?.into_bytes(),
        delivery: r#"{"headers":{}}"#.to_owned(),
        own: false,
        received_at: now,
        problem: None,
        subjects: vec![],
    };
    let trigger = trigger_facts(&event, Record::new());
    let runs = flows.iter().filter(|flow| listens(flow, connection, Some(kind)));
    let runs = runs.map(|flow| door::ask(flow, &body, &trigger, &event.provider_id, false)).collect();
    Ok((event, runs))
}

/// `alerts.alert`.
fn body(kind: &str, alert: &Alert) -> Value {
    let fields = [
        ("event", Some(kind.into())),
        ("id", Some(alert.id.to_string().into())),
        ("severity", Some(alert.severity.as_str().into())),
        ("code", Some(alert.code.as_str().into())),
        ("title", Some(alert.title.as_str().into())),
        ("detail", alert.detail.as_deref().map(Value::from)),
        ("flow", alert.flow.as_deref().map(Value::from)),
        ("run", alert.run.map(|run| run.to_string().into())),
        ("count", Some(Value::Number(Number::from(alert.count)))),
        ("first_at", Some(alert.first_at.to_string().into())),
        ("last_at", Some(alert.last_at.to_string().into())),
    ];
    Value::Record(fields.into_iter().filter_map(|(name, value)| Some((name.into(), value?))).collect())
}
