//! Credentials that a system refuses: whoever runs the connection is told, and told again when they are taken.

use super::Inner;
use crate::connectors::live::Standing;
use crate::graph::Severity;
use crate::store::{AlertFilter, By, NewAlert, Page, StoreError};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it looks, which reads what is in memory.
const EVERY: Duration = Duration::from_secs(1);
const CODE: &str = "credentials_refused";

/// Looks until `stop`.
pub(super) async fn watch(inner: Arc<Inner>, stop: CancellationToken) {
    let mut told: BTreeMap<String, Standing> = BTreeMap::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        for (connection, standing) in inner.connectors.standings() {
            // A connection that was changed is not asked yet: what was said of it holds until it is.
            if standing == Standing::Unknown || told.get(&connection) == Some(&standing) {
                continue;
            }
            let outcome = match &standing {
                Standing::Refused(words) => refused(&inner, &connection, words).await,
                _ => taken(&inner, &connection).await,
            };
            match outcome {
                Ok(()) => drop(told.insert(connection, standing)),
                Err(error) => tracing::error!(%error, connection, "Nobody could be told; it is tried again."),
            }
        }
    }
}

fn title(connection: &str) -> String {
    format!("Connection `{connection}` is paused: its credentials are refused")
}

async fn refused(inner: &Inner, connection: &str, words: &str) -> Result<(), StoreError> {
    tracing::error!(connection, "The credentials are refused; the runs that need them wait.");
    let detail = format!("{words}. The runs that need it wait, and go on once it takes what connections.yaml names");
    let alert = NewAlert {
        flow: None,
        run: None,
        severity: Severity::Error,
        code: CODE.to_owned(),
        title: title(connection),
        detail: Some(detail),
    };
    inner.store.raise(alert, Timestamp::now()).await.map(drop)
}

async fn taken(inner: &Inner, connection: &str) -> Result<(), StoreError> {
    let open = AlertFilter { open: Some(true), flow: None, code: Some(CODE.into()) };
    let alerts = inner.store.alerts(open, Page::first(100)).await?.items;
    for alert in alerts.into_iter().filter(|alert| alert.title == title(connection)) {
        let by = By { actor: "flowctl".into(), reason: "the credentials are taken".into(), at: Timestamp::now() };
        inner.store.close_alert(alert.id, by).await?;
    }
    Ok(())
}
