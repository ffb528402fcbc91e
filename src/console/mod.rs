//! The admin API.

use crate::store::Store;
use crate::telemetry::Metrics;
use crate::triggers::listener::{BindError, Bound};
use std::pin::Pin;
use std::sync::Arc;

/// What the admin API shows of a flow.
#[derive(Clone, Debug, Default)]
pub struct FlowStatus {
    pub flow: String,
    pub revision: Option<String>,
    pub activated_at: Option<jiff::Timestamp>,
    pub problem: Option<String>,
}

pub struct ReloadReport {}

pub trait Control: Send + Sync {
    fn flows(&self) -> Vec<FlowStatus>;
    fn reload(&self) -> Pin<Box<dyn Future<Output = ReloadReport> + Send + '_>>;
}

pub async fn bind(address: std::net::SocketAddr) -> Result<Bound, BindError> {
    Bound::take(address, "--admin").await
}

pub async fn serve(
    _bound: Bound,
    _store: Arc<dyn Store>,
    _control: Arc<dyn Control>,
    _metrics: Arc<Metrics>,
    stop: tokio_util::sync::CancellationToken,
) -> std::io::Result<()> {
    stop.cancelled().await;
    Ok(())
}
