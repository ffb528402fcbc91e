//! The project that flowctl runs: one flow of two steps.

use crate::{Result, event};
use std::net::SocketAddr;
use std::path::Path;

pub fn write(folder: &Path, sink: SocketAddr) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let connections = format!(
        "connections:
  stripe:
    system: stripe
    mode: sandbox
    base_url: http://{sink}
    api_key: env://BENCH_API_KEY
    webhook: {{ path: /hooks/stripe, secrets: [env://BENCH_WEBHOOK_SECRET] }}
    limits: {{ concurrency: 64, rate: 1000000/s }}
"
    );
    std::fs::write(folder.join("flowctl.yaml"), "project: bench\nversion: 1\n")?;
    std::fs::write(folder.join("connections.yaml"), connections)?;
    std::fs::write(folder.join("paid.map"), MAPPING)?;
    std::fs::write(folder.join("paid.flow.yaml"), FLOW)?;
    Ok(())
}

/// What the connections refer to.
pub const ENVIRONMENT: [(&str, &str); 2] = [("BENCH_API_KEY", "rk_test_1"), ("BENCH_WEBHOOK_SECRET", event::SECRET)];

const FLOW: &str = "\
flow: paid
use: [paid.map]
trigger:
  webhook: { connection: stripe, events: [charge.succeeded] }
steps:
  - id: note
    transform: note(event.data.object)
  - id: told
    call:
      operation: stripe.charges.update
      key: event.data.object.id
      body: steps.note
";

const MAPPING: &str = r#"mapping note(charge: stripe.charge) -> stripe.charge_update {
  let paid = from_minor(charge.amount, charge.currency)
  description = "{charge.billing_details.name ?? "a guest"} paid {paid}"
  metadata.order = charge.metadata["order_number"]? ?? missing
  metadata.total = "{paid.amount}"
  metadata.city = charge.billing_details.address?.city ?? "unknown"
}
"#;
