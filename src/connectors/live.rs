//! A connection in use: its token, its limits, its circuit. One request at a time goes out through [`Live::exchange`].

use super::answer::{no_token, not_answered};
use super::circuit::Circuit;
use super::config::{Auth, ConnectionConfig};
use super::http::{self, Answer};
use super::limits::Gate;
use super::oauth::TokenCache;
use super::request::{Bound, Call};
use super::secret::Secret;
use crate::engine::connector::{Sent, StepError};
use crate::graph::ErrorClass;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use ring::hmac;
use std::time::Duration;

/// A connection with what it remembers.
pub struct Live {
    pub config: ConnectionConfig,
    auth: LiveAuth,
    gate: Gate,
    circuit: Circuit,
}

enum LiveAuth {
    Bearer(Secret),
    Hmac { header: String, secret: Secret },
    Token(Box<TokenCache>),
}

/// What shows who sends a request.
enum Proof<'a> {
    Bearer(&'a Secret),
    Signature { header: &'a str, secret: &'a Secret },
}

/// Why there is no answer to judge.
pub enum NoAnswer {
    Failed(StepError),
    /// The circuit is open until then.
    Held {
        until: Timestamp,
        error: StepError,
    },
}

impl Live {
    pub fn new(config: ConnectionConfig) -> Live {
        let auth = match &config.auth {
            Auth::Bearer(token) => LiveAuth::Bearer(token.clone()),
            Auth::Hmac { header, secret } => LiveAuth::Hmac { header: header.clone(), secret: secret.clone() },
            Auth::ClientCredentials(credentials) => LiveAuth::Token(Box::new(TokenCache::new(credentials.clone()))),
        };
        let gate = Gate::new(config.limits.concurrency, config.limits.rate);
        let circuit = Circuit::new(config.circuit);
        Live { config, auth, gate, circuit }
    }

    /// Sends one request; gives its answer where it is a success. Waits for a place and the rate before; a 401 brings
    /// one new token and one repeat, because nothing is done on a 401.
    pub async fn exchange(
        &self,
        client: &reqwest::Client,
        bound: &Bound<'_>,
        call: &Call,
        timeout: Duration,
    ) -> Result<Answer, NoAnswer> {
        if let Some(until) = self.circuit.held() {
            return Err(held(bound, until));
        }
        let _place = self.gate.enter().await;
        let leave = self.circuit.enter().await.map_err(|until| held(bound, until))?;
        let mut error = match self.authorised(client, call, timeout).await {
            Ok(answer) if answer.is_success() => {
                leave.succeeded();
                return Ok(answer);
            }
            Ok(answer) => bound.refusal(&answer),
            Err(error) => error,
        };
        // A stored answer says nothing of the system as it is now.
        let is_stored = error.not_before.is_some();
        if matches!(error.class, ErrorClass::Unavailable | ErrorClass::Timeout) && !is_stored {
            error.not_before = leave.failed();
        } else if error.status.is_some() {
            leave.succeeded();
        }
        Err(NoAnswer::Failed(error))
    }

    /// Sends one request that is no operation; gives its answer, whatever it says. It waits for a place and the rate as all
    /// do, and tells nothing about how the system is.
    pub async fn aside(&self, client: &reqwest::Client, call: &Call, timeout: Duration) -> Result<Answer, StepError> {
        let _place = self.gate.enter().await;
        self.authorised(client, call, timeout).await
    }

    async fn authorised(&self, client: &reqwest::Client, call: &Call, timeout: Duration) -> Result<Answer, StepError> {
        let cache = match &self.auth {
            LiveAuth::Bearer(token) => return self.once(client, call, Proof::Bearer(token), timeout).await,
            LiveAuth::Hmac { header, secret } => {
                return self.once(client, call, Proof::Signature { header, secret }, timeout).await;
            }
            LiveAuth::Token(cache) => cache,
        };
        let token = cache.get(client, timeout).await.map_err(no_token)?;
        let answer = self.once(client, call, Proof::Bearer(&token), timeout).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        cache.forget(&token).await;
        let token = cache.get(client, timeout).await.map_err(no_token)?;
        self.once(client, call, Proof::Bearer(&token), timeout).await
    }

    async fn once(
        &self,
        client: &reqwest::Client,
        call: &Call,
        proof: Proof<'_>,
        timeout: Duration,
    ) -> Result<Answer, StepError> {
        let method = reqwest::Method::from_bytes(call.method.as_bytes()).unwrap_or_default();
        let mut request = client.request(method, call.url.clone()).headers(self.headers(call, &proof)?);
        if let Some((body, _)) = &call.body {
            request = request.body(body.clone());
        }
        http::send(request, timeout).await.map_err(not_answered)
    }

    fn headers(&self, call: &Call, proof: &Proof<'_>) -> Result<HeaderMap, StepError> {
        let mut headers = HeaderMap::new();
        let own = self.config.headers.iter().map(|(name, value)| (name.as_str(), value.expose()));
        let of_call = call.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(of_call) {
            let unfit = || StepError {
                sent: Sent::Undone,
                ..StepError::data("header", format!("the value for the header {name} cannot be sent"))
            };
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
            headers.insert(header, HeaderValue::from_str(value).map_err(|_| unfit())?);
        }
        if let Some((_, content_type)) = &call.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let (name, value) = proof.of(call);
        let unfit = |_| StepError {
            sent: Sent::Undone,
            ..StepError::new(ErrorClass::Auth, "token", "the token cannot be sent: it holds strange characters")
        };
        let mut value = HeaderValue::from_str(&value).map_err(unfit)?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(headers)
    }
}

impl Proof<'_> {
    /// Its header for one sending.
    fn of(&self, call: &Call) -> (HeaderName, String) {
        match self {
            Proof::Bearer(token) => (AUTHORIZATION, format!("Bearer {}", token.expose())),
            Proof::Signature { header, secret } => {
                let body = call.body.as_ref().map_or("", |(body, _)| body.as_str());
                let name = HeaderName::from_bytes(header.as_bytes()).unwrap_or(AUTHORIZATION);
                (name, signature(secret, body, Timestamp::now().as_second()))
            }
        }
    }
}

/// `t=SECONDS,v1=HEX`: whoever has the secret can tell that the body is ours, and how old.
fn signature(secret: &Secret, body: &str, seconds: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

fn held(bound: &Bound<'_>, until: Timestamp) -> NoAnswer {
    let message = format!("{} has failed too often and is left alone until {until}", bound.system.title);
    let error = StepError {
        sent: Sent::Undone,
        not_before: Some(until),
        ..StepError::new(ErrorClass::Unavailable, "circuit_open", message)
    };
    NoAnswer::Held { until, error }
}
