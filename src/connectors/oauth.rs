//! OAuth2 client credentials: one form post, the token cached until shortly before it expires, one fetch at a time.

use super::http::{self, Answer, SendError};
use super::secret::Secret;
use crate::catalog;
use crate::value::{Value, json};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use url::Url;

/// Fetched this long before the token expires, so that none expires on its way.
const MARGIN: Duration = Duration::from_secs(300);

/// All requests of a connection wait for a token: none of them for longer than this.
const LONGEST: Duration = Duration::from_secs(30);

/// What a token is asked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub token_url: Url,
    pub client_id: String,
    pub client_secret: Secret,
    pub scope: Option<String>,
    /// Where id and secret stand in the request.
    pub form: catalog::Credentials,
}

/// Why there is no token. Never holds a secret.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TokenError {
    #[error(transparent)]
    Send(#[from] SendError),
    /// The authority's own words.
    #[error("the token was refused ({status}): {message}")]
    Refused { status: u16, message: String },
    /// Passing trouble of the authority.
    #[error("the token endpoint answered {status}")]
    Unavailable { status: u16 },
}

/// A token that is kept. Shared by all requests of a connection.
pub struct TokenCache {
    credentials: Credentials,
    token: Mutex<Option<(Secret, Instant)>>,
}

impl TokenCache {
    pub fn new(credentials: Credentials) -> TokenCache {
        TokenCache { credentials, token: Mutex::new(None) }
    }

    /// The current token, fetched where there is none. Whoever comes while it is fetched waits for that one.
    pub async fn get(&self, client: &reqwest::Client, timeout: Duration) -> Result<Secret, TokenError> {
        let mut kept = self.token.lock().await;
        if let Some((token, until)) = &*kept
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let (token, lifetime) = self.fetch(client, timeout).await?;
        let kept_for = lifetime.saturating_sub(MARGIN).max(lifetime / 2);
        *kept = Some((token.clone(), Instant::now() + kept_for));
        Ok(token)
    }

    /// Forgets `refused`, unless another request has fetched a newer one already.
    pub async fn forget(&self, refused: &Secret) {
        let mut kept = self.token.lock().await;
        if kept.as_ref().is_some_and(|(token, _)| token == refused) {
            *kept = None;
        }
    }

    async fn fetch(&self, client: &reqwest::Client, timeout: Duration) -> Result<(Secret, Duration), TokenError> {
        let Credentials { token_url, client_id, client_secret, scope, form } = &self.credentials;
        let mut fields = vec![("grant_type", "client_credentials")];
        let mut request = client.post(token_url.clone()).header("Accept", "application/json");
        match form {
            catalog::Credentials::Body => {
                fields.extend([("client_id", client_id.as_str()), ("client_secret", client_secret.expose())]);
            }
            catalog::Credentials::Basic => request = request.basic_auth(client_id, Some(client_secret.expose())),
        }
        fields.extend(scope.as_deref().map(|scope| ("scope", scope)));
        request = request.form(&fields);
        let answer = http::send(request, timeout.min(LONGEST)).await?;
        if answer.status >= 500 || answer.status == 429 {
            return Err(TokenError::Unavailable { status: answer.status });
        }
        read_token(&answer).ok_or_else(|| TokenError::Refused { status: answer.status, message: refusal(&answer) })
    }
}

fn read_token(answer: &Answer) -> Option<(Secret, Duration)> {
    if answer.status != 200 {
        return None;
    }
    let body = json::parse(&answer.body).ok()?;
    let token = Secret::new(body.get("access_token").as_text()?);
    let seconds =
        body.get("expires_in").as_number().and_then(|n| n.exact().ok()).and_then(|n| n.to_i64()).unwrap_or(600);
    Some((token, Duration::from_secs(seconds.clamp(1, 86_400) as u64)))
}

/// The first line of the authority's words; the rest are ids and times.
fn refusal(answer: &Answer) -> String {
    let body = json::parse(&answer.body).unwrap_or(Value::Missing);
    let said = body.get("error_description").as_text().or(body.get("error").as_text());
    let first = said.and_then(|text| text.lines().next().map(|line| line.chars().take(300).collect()));
    first.unwrap_or_else(|| "no reason was given".into())
}
