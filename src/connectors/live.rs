//! A connection in use: its token, its limits, its circuit. One request at a time goes out through [`Live::exchange`].

use super::answer::{no_token, not_answered};
use super::circuit::{Because, Circuit, Open};
use super::config::{Auth, ConnectionConfig};
use super::http::{self, Answer};
use super::limits::Gate;
use super::oauth::TokenCache;
use super::request::{Bound, Call};
use super::secret::Secret;
use crate::engine::connector::{Sent, StepError};
use crate::graph::ErrorClass;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use ring::hmac;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// A connection with what it remembers.
pub struct Live {
    pub config: ConnectionConfig,
    auth: LiveAuth,
    gate: Gate,
    circuit: Circuit,
    standing: Mutex<Standing>,
    /// Where the way to it is its own.
    client: Option<Result<reqwest::Client, String>>,
}

/// Whether a system takes our credentials, as its last answer showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It was not asked yet.
    #[default]
    Unknown,
    Taken,
    /// Nothing is sent but a request now and then, to ask again. The provider's words.
    Refused(String),
}

enum LiveAuth {
    /// The same for every request.
    Fixed(Auth),
    Token(Box<TokenCache>),
}

/// What shows who sends a request.
enum Proof<'a> {
    Bearer(&'a Secret),
    Fixed(&'a Auth),
}

/// Why there is no answer to judge.
pub enum NoAnswer {
    Failed(StepError),
    /// Nothing is sent until then: the circuit is open, or the provider has asked for a pause.
    Held {
        until: Timestamp,
        error: StepError,
    },
}

impl Live {
    pub fn new(config: ConnectionConfig) -> Live {
        let auth = match &config.auth {
            Auth::ClientCredentials(credentials) => LiveAuth::Token(Box::new(TokenCache::new(credentials.clone()))),
            fixed => LiveAuth::Fixed(fixed.clone()),
        };
        let gate = Gate::new(config.limits.concurrency, config.limits.rate);
        let circuit = Circuit::new(config.circuit);
        let own =
            || http::client_for(&config.way).map_err(|_| "its proxy or its certificates cannot be used".to_owned());
        let client = (!config.way.is_usual()).then(own);
        Live { config, auth, gate, circuit, standing: Mutex::default(), client }
    }

    /// Whether the system takes our credentials.
    pub fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stands(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    /// Sends one request; gives its answer where it is a success. Waits for a place and the rate before; a 401 brings
    /// one new token and one repeat, because nothing is done on a 401. Refused once more, the circuit is open for all.
    pub async fn exchange(
        &self,
        client: &reqwest::Client,
        bound: &Bound<'_>,
        call: &Call,
        timeout: Duration,
    ) -> Result<Answer, NoAnswer> {
        let client = self.client(client).map_err(NoAnswer::Failed)?;
        if let Some(held) = self.held(bound) {
            return Err(held);
        }
        let _place = self.gate.enter().await;
        let leave = self.circuit.enter().await.map_err(|open| held(bound, open))?;
        // What it waited for took time.
        if let Some(held) = self.held(bound) {
            return Err(held);
        }
        let sent = Instant::now();
        let mut error = match self.authorised(client, call, timeout).await {
            Ok(answer) if answer.is_success() => {
                leave.succeeded();
                self.stands(Standing::Taken);
                return Ok(answer);
            }
            Ok(answer) => bound.refusal(&answer),
            Err(error) => error,
        };
        // A stored answer says nothing of the system as it is now.
        let is_stored = error.not_before.is_some();
        match error.class {
            ErrorClass::Unavailable | ErrorClass::Timeout if !is_stored => error.not_before = leave.failed(),
            ErrorClass::Auth => {
                error.not_before = Some(leave.refused());
                self.stands(Standing::Refused(error.message.to_string()));
            }
            class => {
                if class == ErrorClass::Throttled && !is_stored {
                    self.gate.throttled(sent, error.retry_after);
                }
                if error.status.is_some() {
                    leave.succeeded();
                    self.stands(Standing::Taken);
                }
            }
        }
        Err(NoAnswer::Failed(error))
    }

    /// Sends one request that is no operation; gives its answer, whatever it says. It waits for a place and the rate as all
    /// do, and tells nothing about how the system is.
    pub async fn aside(&self, client: &reqwest::Client, call: &Call, timeout: Duration) -> Result<Answer, StepError> {
        let client = self.client(client)?;
        let _place = self.gate.enter().await;
        self.authorised(client, call, timeout).await
    }

    /// Why nothing is sent now, if nothing is.
    fn held(&self, bound: &Bound<'_>) -> Option<NoAnswer> {
        if let Some(open) = self.circuit.held() {
            return Some(held(bound, open));
        }
        let until = Timestamp::now().checked_add(self.gate.paused()?).unwrap_or(Timestamp::MAX);
        let message = format!("{} has asked us to come again at {until}", bound.system.title);
        Some(not_before(until, StepError::new(ErrorClass::Throttled, "paused", message)))
    }

    /// The client of its own way, else the one that all share.
    pub fn client<'c>(&'c self, shared: &'c reqwest::Client) -> Result<&'c reqwest::Client, StepError> {
        match &self.client {
            None => Ok(shared),
            Some(Ok(own)) => Ok(own),
            Some(Err(why)) => {
                let error = StepError::new(ErrorClass::Config, "no_client", why.as_str());
                Err(StepError { sent: Sent::Undone, ..error })
            }
        }
    }

    async fn authorised(&self, client: &reqwest::Client, call: &Call, timeout: Duration) -> Result<Answer, StepError> {
        let cache = match &self.auth {
            LiveAuth::Fixed(auth) => return self.once(client, call, Proof::Fixed(auth), timeout).await,
            LiveAuth::Token(cache) => cache,
        };
        let token = cache.get(client, timeout).await.map_err(no_token)?;
        let answer = self.once(client, call, Proof::Bearer(&token), timeout).await?;
        // Where somebody else's new token was refused meanwhile, another one would fare no better.
        let known = self.circuit.held().is_some_and(|open| open.because == Because::Refused);
        if answer.status != 401 || known {
            return Ok(answer);
        }
        cache.forget(&token).await;
        let token = cache.get(client, timeout).await.map_err(no_token)?;
        let answer = self.once(client, call, Proof::Bearer(&token), timeout).await?;
        if answer.status == 401 {
            // Whoever asks next begins with a new one.
            cache.forget(&token).await;
        }
        Ok(answer)
    }

    async fn once(
        &self,
        client: &reqwest::Client,
        call: &Call,
        proof: Proof<'_>,
        timeout: Duration,
    ) -> Result<Answer, StepError> {
        let method = reqwest::Method::from_bytes(call.method.as_bytes()).unwrap_or_default();
        let mut request = client.request(method, proof.address(call)).headers(self.headers(call, &proof)?);
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
        let Some((name, value)) = proof.of(call) else { return Ok(headers) };
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
    fn of(&self, call: &Call) -> Option<(HeaderName, String)> {
        let named = |name: &str| HeaderName::from_bytes(name.as_bytes()).unwrap_or(AUTHORIZATION);
        Some(match *self {
            Proof::Bearer(token) | Proof::Fixed(Auth::Bearer(token)) => {
                (AUTHORIZATION, format!("Bearer {}", token.expose()))
            }
            Proof::Fixed(Auth::Basic { user, password }) => {
                let both = STANDARD.encode(format!("{user}:{}", password.expose()));
                (AUTHORIZATION, format!("Basic {both}"))
            }
            Proof::Fixed(Auth::Header { name, value }) => (named(name), value.expose().to_owned()),
            Proof::Fixed(Auth::Hmac { header, secret }) => {
                let body = call.body.as_ref().map_or("", |(body, _)| body.as_str());
                (named(header), signature(secret, body, Timestamp::now().as_second()))
            }
            Proof::Fixed(Auth::None | Auth::Query { .. } | Auth::ClientCredentials(_)) => return None,
        })
    }

    /// Where it is sent: a key in the query stands in no address that is kept or told.
    fn address(&self, call: &Call) -> Url {
        let mut url = call.url.clone();
        if let Proof::Fixed(Auth::Query { name, value }) = self {
            url.query_pairs_mut().append_pair(name, value.expose());
        }
        url
    }
}

/// `t=SECONDS,v1=HEX`: whoever has the secret can tell that the body is ours, and how old.
fn signature(secret: &Secret, body: &str, seconds: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

fn held(bound: &Bound<'_>, Open { until, because }: Open) -> NoAnswer {
    let title = &bound.system.title;
    let error = match because {
        Because::Away => {
            let message = format!("{title} has failed too often and is left alone until {until}");
            StepError::new(ErrorClass::Unavailable, "circuit_open", message)
        }
        Because::Refused => {
            let message = format!("{title} refuses our credentials and is asked again at {until}");
            StepError::new(ErrorClass::Auth, "credentials_refused", message)
        }
    };
    not_before(until, error)
}

/// Nothing is sent until then.
fn not_before(until: Timestamp, error: StepError) -> NoAnswer {
    NoAnswer::Held { until, error: StepError { sent: Sent::Undone, not_before: Some(until), ..error } }
}
