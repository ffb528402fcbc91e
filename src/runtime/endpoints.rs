//! Where the events of each connection come in, with the secrets that prove them.

use crate::catalog::{Catalog, Decoder, Own, Path as Place, System, Types, Verify};
use crate::connectors::{ConnectionConfig, Connectors, read_reference};
use crate::diagnostics::{Code, Diagnostic};
use crate::model::connections::{self, Connection, Hmac, Webhook};
use crate::model::project::Privacy;
use crate::triggers::hmac::{Algorithm, Encoding, Signed};
use crate::triggers::ingress::{Endpoint, Verification};
use crate::triggers::rate::Pace;
use crate::triggers::shared_secret::SecretIn;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Stripe's own default.
const TOLERANCE: Duration = Duration::from_secs(300);

/// Who we are in the system, by the keys that its events can be told by.
fn own_users(system: &System, config: Option<&ConnectionConfig>) -> BTreeMap<String, String> {
    let keys = system.events.values().filter_map(|group| match &group.own {
        Own::User { key, .. } => Some(key),
        _ => None,
    });
    keys.filter_map(|key| Some((key.clone(), config?.param(key)?.to_owned()))).collect()
}

fn signed_by(hmac: &Hmac, secret: &str) -> Signed {
    Signed {
        header: hmac.header.to_string(),
        algorithm: match hmac.algorithm.value {
            connections::Algorithm::Sha256 => Algorithm::Sha256,
            connections::Algorithm::Sha512 => Algorithm::Sha512,
        },
        encoding: match hmac.encoding.value {
            connections::Encoding::Hex => Encoding::Hex,
            connections::Encoding::Base64 => Encoding::Base64,
        },
        secret: secret.to_owned(),
    }
}

/// Where a shared secret stands unless the connection says otherwise: what Dataverse calls a webhook key.
const SECRET_IN: &str = "query.code";

/// Whether deliveries that prove themselves so can be taken.
fn is_known(verify: &Verify) -> bool {
    match verify {
        Verify::Code(code) => matches!(code.as_str(), "stripe_signature" | "paypal_signature" | "hmac"),
        Verify::SharedSecret(_) => true,
    }
}

/// The secrets that prove deliveries; what is wrong with them goes to the findings.
fn secrets(name: &str, webhook: &Webhook, root: &Path, findings: &mut Vec<Diagnostic>) -> Vec<String> {
    let (mut secrets, mut not_stored) = (Vec::new(), Vec::new());
    for secret in webhook.secrets.iter().chain(&webhook.secret) {
        match read_reference(&secret.value.0, root, &super::env) {
            Ok(secret) => secrets.push(secret.expose().to_string()),
            Err(error) if error.is_not_stored() => not_stored.push(error.finding(name, "webhook.secrets", secret.span)),
            Err(error) => findings.push(error.finding(name, "webhook.secrets", secret.span)),
        }
    }
    // The one before the last is in the store only while it is being replaced.
    if secrets.is_empty() {
        findings.append(&mut not_stored);
    }
    if secrets.is_empty() && webhook.secrets.is_empty() && webhook.secret.is_none() {
        let message = format!("the webhook of `{name}` has no `secrets`");
        let finding = Diagnostic::error(Code::F0641, message, webhook.span);
        findings.push(finding.help("without a secret nobody can tell the provider's events from forged ones"));
    }
    secrets
}

/// The endpoints by path, or what is wrong.
pub(super) fn endpoints(
    connections: &BTreeMap<String, Connection>,
    configs: &BTreeMap<String, ConnectionConfig>,
    connectors: &Arc<Connectors>,
    project: &str,
    catalog: &Catalog,
    root: &Path,
    privacy: &Arc<Privacy>,
) -> Result<HashMap<String, Arc<Endpoint>>, Vec<Diagnostic>> {
    let mut endpoints: HashMap<String, Arc<Endpoint>> = HashMap::new();
    let mut findings = Vec::new();
    for (name, connection) in connections {
        let Some(webhook) = &connection.webhook else { continue };
        let Some(system) = catalog.system(&connection.system) else { continue };
        let verify = system.events.values().find_map(|group| group.verify.as_ref());
        let Some(verify) = verify.filter(|verify| is_known(verify)) else {
            // Events of this system cannot be verified yet, and nothing unverified is ever taken.
            let message = format!("webhooks of {} are not supported by this version", system.title);
            findings.push(Diagnostic::warning(Code::F0353, message, webhook.span).help("its endpoint answers 404"));
            continue;
        };
        let path = webhook.path.to_string();
        let live = configs.get(name).and_then(|config| config.param("mode")).map(|mode| mode == "live");
        let verification = match verify {
            Verify::Code(code) if code == "hmac" => {
                let Some(hmac) = &webhook.hmac else { continue };
                match read_reference(&hmac.secret.value.0, root, &super::env) {
                    Ok(secret) => Verification::Hmac(signed_by(hmac, secret.expose())),
                    Err(error) => {
                        findings.push(error.finding(name, "webhook.hmac.secret", hmac.secret.span));
                        continue;
                    }
                }
            }
            Verify::SharedSecret(_) => {
                let written = webhook.place.as_ref().map_or(SECRET_IN, |place| place.as_str());
                let Some(place) = SecretIn::parse(written) else { continue };
                Verification::SharedSecret { secrets: secrets(name, webhook, root, &mut findings), place }
            }
            Verify::Code(code) if code == "paypal_signature" => {
                let Some(config) = configs.get(name) else { continue };
                match super::paypal::verification(name, webhook, config, connectors, root) {
                    Ok(verification) => verification,
                    Err(finding) => {
                        findings.push(*finding);
                        continue;
                    }
                }
            }
            Verify::Code(_) => {
                let tolerance = webhook.tolerance.as_ref().map_or(TOLERANCE, |tolerance| tolerance.value.0);
                Verification::Stripe { secrets: secrets(name, webhook, root, &mut findings), tolerance }
            }
        };
        let types = Types::bundled(catalog);
        let decoders =
            system.events.iter().filter_map(|(name, group)| Some((name.clone(), Decoder::of(group, system, &types)?)));
        let endpoint = Endpoint {
            privacy: privacy.clone(),
            connection: name.clone(),
            system: Arc::new(system.clone()),
            decoders: Arc::new(decoders.collect()),
            verification,
            event_id: webhook.event_id.as_ref().and_then(|place| Place::try_from(place.to_string()).ok()),
            live,
            company: configs.get(name).and_then(|config| config.param("company")).map(str::to_owned),
            own_prefix: crate::engine::machine::key::own_prefix(project),
            own_users: own_users(system, configs.get(name)),
            pace: webhook
                .rate
                .as_ref()
                .map(|rate| Arc::new(Pace::new(rate.value.0.count, Duration::from_secs(rate.value.0.seconds.into())))),
        };
        endpoints.insert(path, Arc::new(endpoint));
    }
    let is_error = |finding: &Diagnostic| finding.severity == crate::diagnostics::Severity::Error;
    if findings.iter().any(is_error) { Err(findings) } else { Ok(endpoints) }
}
