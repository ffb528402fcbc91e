//! The two ways to prove a delivery: here with PayPal's certificate, fetched once, or by asking PayPal about each one.

use super::Unproved;
use super::certificate::{Authority, Chain};
use super::transmission::Transmission;
use crate::connectors::Connectors;
use crate::value::json;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use url::Url;

/// How long PayPal may take: the delivery waits for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many issuers are fetched, and how long each may take.
const ISSUERS: usize = 2;
const ISSUER_PATIENCE: Duration = Duration::from_secs(2);
/// A certificate that could not be fetched is not asked for again at once: a forger must not make us ask.
const BETWEEN: Duration = Duration::from_secs(10);
/// So many certificates are kept.
const KEPT: usize = 8;
/// Where PayPal is asked, below the connection's address.
const POSTBACK: &str = "v1/notifications/verify-webhook-signature";
/// The id under which the simulator of the developer dashboard signs.
const SIMULATOR: &str = "WEBHOOK_ID";

/// Which way a connection chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Local,
    Postback,
}

/// Proves the deliveries of one connection.
pub struct Verifier {
    pub connectors: Arc<Connectors>,
    pub connection: String,
    pub webhook_id: String,
    pub how: How,
    pub authority: Authority,
    pub tolerance: Duration,
    /// Those that were fetched.
    kept: std::sync::Mutex<BTreeMap<Url, Chain>>,
    /// One is fetched at a time; why the last one was not.
    fetching: Mutex<Option<(Instant, Unproved)>>,
}

impl Verifier {
    pub fn new(
        connectors: Arc<Connectors>,
        connection: String,
        webhook_id: String,
        how: How,
        authority: Authority,
        tolerance: Duration,
    ) -> Verifier {
        let (kept, fetching) = Default::default();
        Verifier { connectors, connection, webhook_id, how, authority, tolerance, kept, fetching }
    }

    /// Whether the delivery is PayPal's. `header`: by name in lower case.
    pub async fn verify<'a>(
        &self,
        header: impl Fn(&str) -> Option<&'a str>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Unproved> {
        let transmission = Transmission::read(header)?;
        match self.how {
            How::Local => {
                let address = self.authority.address(transmission.certificate)?;
                let chain = self.chain(address).await?;
                // Events of the simulator are about nothing: only who tries something out takes them.
                let simulated = (self.authority != Authority::Live).then_some(SIMULATOR);
                let ids: Vec<&str> = [self.webhook_id.as_str()].into_iter().chain(simulated).collect();
                chain.verify(&self.authority, &transmission, &ids, body)?;
            }
            How::Postback => self.ask(&transmission, body).await?,
        }
        // After the signature: a forger learns nothing of the clock.
        match transmission.is_fresh(now, self.tolerance) {
            true => Ok(()),
            false => Err(Unproved::forged("the transmission's time is more than the tolerance away from now")),
        }
    }

    /// The certificate at that address. Whoever comes while it is fetched waits for it.
    async fn chain(&self, address: Url) -> Result<Chain, Unproved> {
        if let Some(chain) = self.kept().get(&address) {
            return Ok(chain.clone());
        }
        let mut failed = self.fetching.lock().await;
        if let Some(chain) = self.kept().get(&address) {
            return Ok(chain.clone());
        }
        if let Some((at, why)) = &*failed
            && at.elapsed() < BETWEEN
        {
            return Err(why.clone());
        }
        let fetched = self.fetch(&address).await;
        *failed = fetched.as_ref().err().map(|why| (Instant::now(), why.clone()));
        let chain = fetched?;
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(address, chain.clone());
        Ok(chain)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<Url, Chain>> {
        self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn fetch(&self, address: &Url) -> Result<Chain, Unproved> {
        let out_of_reach = |why: String| Unproved::later(format!("PayPal's certificate cannot be fetched: {why}"));
        let answer = self.connectors.fetch(&self.connection, address.clone(), PATIENCE).await;
        let answer = answer.map_err(|error| out_of_reach(error.to_string()))?;
        if !answer.is_success() {
            return Err(out_of_reach(format!("{} answered {}", address.host_str().unwrap_or("?"), answer.status)));
        }
        let chain = Chain::read(&answer.body);
        let mut chain = chain.map_err(|why| out_of_reach(format!("what is served there is no certificate: {why}")))?;
        // Whoever serves a certificate alone says in it where its issuer's is.
        for _ in 0..ISSUERS {
            if chain.is_whole(&self.authority) {
                break;
            }
            let Some(issuer) = chain.issuer_address() else { break };
            match self.connectors.fetch(&self.connection, issuer, ISSUER_PATIENCE).await {
                Ok(answer) if answer.is_success() => chain.add(&answer.body),
                _ => break,
            }
        }
        Ok(chain)
    }

    async fn ask(&self, transmission: &Transmission<'_>, body: &[u8]) -> Result<(), Unproved> {
        let question = transmission.question(&self.webhook_id, body);
        let question = question.ok_or_else(|| Unproved::malformed("the body is no JSON object"))?;
        let asked = self.connectors.post(&self.connection, POSTBACK, question, PATIENCE).await;
        let unanswered =
            |why: String| Unproved::later(format!("PayPal cannot be asked whether the event is its own: {why}"));
        let answer = asked.map_err(|error| unanswered(error.message.to_string()))?;
        match answer.status {
            200 => {}
            // It does not take what the headers say as its own.
            400 | 422 => {
                return Err(Unproved::forged(format!("PayPal answered {} to what the headers say", answer.status)));
            }
            status => return Err(unanswered(format!("it answered {status}"))),
        }
        let said = json::parse(&answer.body).ok();
        let said = said.as_ref().and_then(|said| said.get("verification_status").as_text());
        match said.map(|said| said.as_str()) {
            Some("SUCCESS") => Ok(()),
            Some("FAILURE") => Err(Unproved::forged("PayPal says that the event is not its own")),
            _ => Err(unanswered("its answer says neither SUCCESS nor FAILURE".into())),
        }
    }
}
