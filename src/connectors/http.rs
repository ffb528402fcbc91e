//! The one HTTP client: rustls, pooled, no redirects, no silent retries, bounded answers.

use super::written::Way;
use bytes::{Bytes, BytesMut};
use std::time::Duration;

/// Longest answer that is read. A list comes in pages well below it.
const LONGEST_ANSWER: usize = 32 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Kept open for the next request no longer than servers usually do.
const IDLE: Duration = Duration::from_secs(60);

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header's text, where it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SendError {
    /// Nothing was sent: no connection. The work was certainly not done.
    #[error("no connection to {host}: {why}")]
    NotSent { host: String, why: String },
    /// The request may have arrived, and no answer came in time.
    #[error("no answer from {host} within {seconds} s")]
    Timeout { host: String, seconds: u64 },
    /// The request may have arrived, and the connection broke.
    #[error("the connection to {host} broke before the answer was whole: {why}")]
    Broken { host: String, why: String },
}

/// A client for all connections that are reached in the usual way. TLS roots come from the system.
pub fn client() -> Result<reqwest::Client, reqwest::Error> {
    client_for(&Way::default())
}

/// A client for connections that are reached that way. No proxy of the machine's environment is used, only the
/// connection's own.
pub fn client_for(way: &Way) -> Result<reqwest::Client, reqwest::Error> {
    // The provider is process-wide; a second installation is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE)
        .user_agent(concat!("flowctl/", env!("CARGO_PKG_VERSION")));
    if let Some(proxy) = &way.proxy {
        client = client.proxy(reqwest::Proxy::all(proxy.expose())?);
    }
    if let Some(pem) = &way.ca {
        client = client.tls_certs_merge(certificates(pem)?);
    }
    client.build()
}

/// The certificates of a PEM file.
pub fn certificates(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, reqwest::Error> {
    reqwest::Certificate::from_pem_bundle(pem)
}

/// Sends and reads the whole answer within `timeout`, counted from the start.
pub async fn send(request: reqwest::RequestBuilder, timeout: Duration) -> Result<Answer, SendError> {
    let (client, request) = request.build_split();
    let request = request.map_err(|error| SendError::NotSent { host: "?".into(), why: root_cause(&error) })?;
    let host = request.url().host_str().unwrap_or("?").to_string();
    let exchange = async {
        let mut response = client.execute(request).await.map_err(|error| {
            let why = root_cause(&error);
            match error.is_connect() || error.is_builder() {
                true => SendError::NotSent { host: host.clone(), why },
                false => SendError::Broken { host: host.clone(), why },
            }
        })?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= LONGEST_ANSWER => body.extend_from_slice(&chunk),
                Ok(Some(_)) => {
                    let why = format!("the answer is longer than {} MiB", LONGEST_ANSWER >> 20);
                    return Err(SendError::Broken { host: host.clone(), why });
                }
                Ok(None) => break,
                Err(error) => return Err(SendError::Broken { host: host.clone(), why: root_cause(&error) }),
            }
        }
        Ok(Answer { status, headers, body: body.freeze() })
    };
    match tokio::time::timeout(timeout, exchange).await {
        Ok(done) => done,
        Err(_) => Err(SendError::Timeout { host: host.clone(), seconds: timeout.as_secs() }),
    }
}

/// The innermost reason: reqwest's own text repeats the URL, which may hold secrets.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
