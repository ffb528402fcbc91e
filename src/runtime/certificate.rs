//! The listener's certificate while it is served: replaced files are taken, broken ones are told.

use crate::graph::Severity;
use crate::store::{AlertFilter, By, NewAlert, Page, Store};
use crate::triggers::tls::Tls;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at: some are links that are swapped, and no watcher tells of those everywhere.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const REFUSED: &str = "tls_refused";

/// Looks until `stop`.
pub(super) async fn renew(tls: Arc<Tls>, store: Arc<dyn Store>, stop: CancellationToken) {
    let mut told: Option<String> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let again = tls.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || again.reload()).await else { continue };
        match read {
            Ok(another) => {
                if another {
                    tracing::info!("Another certificate is served from now on.");
                }
                if told.take().is_some() {
                    mended(&*store).await;
                }
            }
            Err(error) => {
                let why = error.to_string();
                if told.as_ref() == Some(&why) {
                    continue;
                }
                tracing::error!(%error, "The new certificate is refused; the last good one is still served.");
                let alert = NewAlert {
                    flow: None,
                    run: None,
                    severity: Severity::Error,
                    code: REFUSED.to_owned(),
                    title: "The new certificate is refused; the last good one is still served".to_owned(),
                    detail: Some(format!("{why} (flowctl explain {})", error.code())),
                };
                if let Err(error) = store.raise(alert, Timestamp::now()).await {
                    tracing::error!(%error, "the alert could not be raised");
                }
                told = Some(why);
            }
        }
    }
}

async fn mended(store: &dyn Store) {
    let open = AlertFilter { open: Some(true), flow: None, code: Some(REFUSED.into()) };
    let Ok(alerts) = store.alerts(open, Page::first(100)).await else { return };
    for alert in alerts.items {
        let by = By { actor: "flowctl".into(), reason: "the certificate is good again".into(), at: Timestamp::now() };
        if let Err(error) = store.close_alert(alert.id, by).await {
            tracing::error!(%error, "the alert could not be closed");
        }
    }
}
