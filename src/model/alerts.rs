//! The flows that connections of the system `alerts` bring with them: each delivers to its connection.
//!
//! They are texts like any other flow, so that delivering is a run like any other: with retries, dead letters, history
//! and replay. What feeds them is the runtime.

use super::connections::ConnectionsFile;

/// The system whose connections are told of alerts.
pub const SYSTEM: &str = "alerts";
/// The kinds of events that are told.
pub const OPENED: &str = "alert.opened";
pub const RESOLVED: &str = "alert.resolved";

/// Path and text of each.
pub(super) fn flows(connections: &ConnectionsFile) -> Vec<(String, String)> {
    let told = connections.connections.iter().filter(|(_, connection)| connection.model.system.as_str() == SYSTEM);
    told.map(|(name, _)| (format!("alerts-to-{}.flow.yaml", name.text), flow(&name.text))).collect()
}

/// An alert's end is not told before its beginning: `order_by`.
fn flow(connection: &str) -> String {
    format!(
        "# Comes with the connection `{connection}`; it is in no file.
flow: alerts-to-{connection}
description: Tells {connection} of alerts that opened and of their end.
trigger:
  webhook: {{ connection: {connection}, events: [{OPENED}, {RESOLVED}] }}
  order_by: event.id
steps:
  - id: told
    call:
      operation: alerts.send
      connection: {connection}
      body: event
"
    )
}
