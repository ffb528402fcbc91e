//! What is asked of a provider beside operations, for a connection's webhooks: public documents, and whether a delivery is
//! its own. Answers are given as they are; nothing is repeated.

use super::Connectors;
use super::http::{self, Answer, SendError};
use super::request::Call;
use crate::engine::connector::StepError;
use crate::graph::ErrorClass;
use std::time::Duration;
use url::Url;

impl Connectors {
    /// A public document by the connection's own way, its proxy and authority: without credentials, redirects not
    /// followed.
    pub async fn fetch(&self, connection: &str, url: Url, timeout: Duration) -> Result<Answer, SendError> {
        let now = self.now.load_full();
        let client = now.connection(connection).and_then(|live| live.client(&self.client));
        let host = || url.host_str().unwrap_or("?").to_owned();
        let client = client.map_err(|error| SendError::NotSent { host: host(), why: error.message.to_string() })?;
        http::send(client.get(url.clone()), timeout).await
    }

    /// Sends a JSON text below the connection's address, with its credentials and within its limits.
    pub async fn post(
        &self,
        connection: &str,
        path: &str,
        body: String,
        timeout: Duration,
    ) -> Result<Answer, StepError> {
        let now = self.now.load_full();
        let live = now.connection(connection)?;
        let url = live.config.base.join(path);
        let url = url.map_err(|error| StepError::new(ErrorClass::Config, "bad_address", error.to_string()))?;
        let call = Call { method: "POST", url, headers: vec![], body: Some((body, "application/json")) };
        tokio::time::timeout(timeout, live.aside(&self.client, &call, timeout)).await.unwrap_or_else(|_| {
            Err(StepError::new(ErrorClass::Timeout, "timeout", format!("no answer within {} s", timeout.as_secs())))
        })
    }
}
