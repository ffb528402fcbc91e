//! What stands between a project and going live: what is unset, unreachable, unauthorised, unregistered, and rates that are
//! too old.
//!
//! Everything is only asked, nothing changed; no answer holds a secret. Offline, what can be known without a network is
//! said and the rest left out.

use super::check_rates;
use super::registration::{listened, public_url, wanted};
use crate::catalog::{Catalog, System};
use crate::connectors::registration::Plan;
use crate::connectors::{ConnectionConfig, Connectors, read_reference, resolve_all};
use crate::diagnostics::{Diagnostic, Severity};
use crate::engine::connector::StepError;
use crate::graph::ErrorClass;
use crate::graph::project::Compilation;
use crate::model::Effective;
use crate::model::connections::Connection;
use crate::model::rates::Feed;
use crate::model::values::{Referable, Reference};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::path::Path;

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Checked {
    /// `None`: it concerns the whole project.
    pub connection: Option<String>,
    pub what: What,
    pub state: State,
    /// One sentence.
    pub says: String,
    pub help: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Settings, references and secrets have values.
    Set,
    /// Somebody answers at its address.
    Reachable,
    /// We may do what we ask.
    Authorised,
    /// The provider delivers events to us.
    Registered,
    /// Exchange rates are not older than they may be.
    Current,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Fine,
    Wrong,
    /// Only a person can tell.
    ByHand,
}

impl What {
    pub fn word(self) -> &'static str {
        match self {
            What::Set => "set",
            What::Reachable => "reachable",
            What::Authorised => "authorised",
            What::Registered => "registered",
            What::Current => "current",
        }
    }
}

/// A project, as it would run.
pub struct Subject<'s> {
    pub root: &'s Path,
    pub effective: &'s Effective,
    pub compilation: &'s Compilation,
    pub catalog: &'s Catalog,
    /// The tables of rates that come from a feed.
    pub feeds: &'s [Feed],
    pub env: &'s (dyn Fn(&str) -> Option<String> + Sync),
}

/// Looks at everything; `online` also asks the systems.
pub async fn check(
    subject: &Subject<'_>,
    online: bool,
) -> Result<Vec<Checked>, Box<dyn std::error::Error + Send + Sync>> {
    let mut all = vec![];
    for finding in &subject.effective.unset {
        all.push(said(None, finding));
    }
    let mut configs = BTreeMap::new();
    for (name, connection) in &subject.effective.connections {
        match subject.unset(name, connection) {
            Ok(config) => {
                configs.extend(config.map(|config| (name.clone(), config)));
                all.push(fine(name, What::Set, "its keys and secrets have values".to_owned()));
            }
            Err(findings) => all.extend(findings.iter().map(|finding| said(Some(name), finding))),
        }
    }
    let listened = listened(subject.compilation);
    let public = public_url(subject.effective, subject.root, subject.env);
    if let (Err(finding), false) = (&public, listened.is_empty()) {
        all.push(said(None, finding));
    }
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    all.extend(check_rates::files(&subject.compilation.rates, subject.feeds, today));
    if !online {
        return Ok(all);
    }
    all.extend(check_rates::feeds(subject.feeds, subject.root, subject.env, today).await?);
    let connectors = Connectors::new(subject.catalog.clone(), configs.clone())?;
    for (name, connection) in subject.effective.connections.iter().filter(|(name, _)| configs.contains_key(*name)) {
        let Some(system) = subject.catalog.system(&connection.system) else { continue };
        match connectors.probe(name, system).await {
            Ok(()) => {
                all.push(fine(name, What::Reachable, format!("{} answers", system.title)));
                all.push(fine(name, What::Authorised, format!("{} lets us in", system.title)));
            }
            Err(error) => {
                let reached = reached(&error);
                if reached {
                    all.push(fine(name, What::Reachable, format!("{} answers", system.title)));
                }
                all.push(refused(name, if reached { What::Authorised } else { What::Reachable }, &error));
                continue;
            }
        }
        let (Some(events), Ok(public)) = (listened.get(name), &public) else { continue };
        let Some(wanted) = wanted(connection, events, public, subject.root, subject.env) else { continue };
        all.push(match connectors.plan_registration(name, system, &wanted).await {
            Ok(plan) => registered(name, system, &plan, &wanted.url),
            Err(error) => refused(name, What::Registered, &error),
        });
    }
    Ok(all)
}

impl Subject<'_> {
    /// The connection with everything resolved; `None` for a system that has no address.
    fn unset(&self, name: &str, connection: &Connection) -> Result<Option<ConnectionConfig>, Vec<Diagnostic>> {
        let alone = BTreeMap::from([(name.to_owned(), connection.clone())]);
        let resolved = resolve_all(&alone, self.catalog, self.root, self.env);
        let mut findings = self.webhook(name, connection);
        match resolved {
            Ok(mut configs) if findings.is_empty() => Ok(configs.remove(name)),
            Ok(_) => Err(findings),
            Err(found) => {
                findings.splice(0..0, found);
                Err(findings)
            }
        }
    }

    fn webhook(&self, name: &str, connection: &Connection) -> Vec<Diagnostic> {
        let Some(webhook) = &connection.webhook else { return vec![] };
        let read = |reference: &Reference| read_reference(reference, self.root, self.env);
        let mut findings = vec![];
        let (mut any, mut not_stored) = (false, vec![]);
        for secret in webhook.secrets.iter().chain(&webhook.secret) {
            match read(&secret.value.0) {
                Ok(_) => any = true,
                Err(error) if error.is_not_stored() => {
                    not_stored.push(error.finding(name, "webhook.secrets", secret.span))
                }
                Err(error) => findings.push(error.finding(name, "webhook.secrets", secret.span)),
            }
        }
        if !any {
            findings.append(&mut not_stored);
        }
        if let Some(hmac) = &webhook.hmac
            && let Err(error) = read(&hmac.secret.value.0)
        {
            findings.push(error.finding(name, "webhook.hmac.secret", hmac.secret.span));
        }
        if let Some(id) = &webhook.id
            && let Referable::Reference(reference) = &id.value
            && let Err(error) = read(reference)
        {
            findings.push(error.finding(name, "webhook.id", id.span));
        }
        findings
    }
}

/// Whether the system itself answered, and not only its token's authority or nobody.
fn reached(error: &StepError) -> bool {
    error.status.is_some_and(|status| status < 500) || error.class == ErrorClass::Auth
}

fn registered(name: &str, system: &System, plan: &Plan, url: &str) -> Checked {
    let sync = Some("`flowctl webhooks sync` does it".to_owned());
    let (state, says, help) = match plan {
        Plan::InPlace { .. } => (State::Fine, format!("{} delivers to {url}", system.title), None),
        Plan::Create { .. } => (State::Wrong, format!("nothing is registered for {url}"), sync),
        Plan::Update { missing, switched_off: false, .. } => {
            (State::Wrong, format!("not registered for: {}", missing.join(", ")), sync)
        }
        Plan::Update { .. } => (State::Wrong, format!("the registration of {url} is switched off"), sync),
        Plan::Several { ids } => (
            State::Wrong,
            format!("registered {} times: every event comes as often", ids.len()),
            Some(format!("delete all but one at {}: {}", system.title, ids.join(", "))),
        ),
        Plan::ByHand { what } => {
            (State::ByHand, "nobody but a person can see what is registered".into(), Some(what.clone()))
        }
    };
    Checked { connection: Some(name.to_owned()), what: What::Registered, state, says, help }
}

fn fine(name: &str, what: What, says: String) -> Checked {
    Checked { connection: Some(name.to_owned()), what, state: State::Fine, says, help: None }
}

fn refused(name: &str, what: What, error: &StepError) -> Checked {
    let says = format!("{} ({})", error.message, error.code);
    let help = error.hint.as_ref().map(|hint| hint.to_string());
    Checked { connection: Some(name.to_owned()), what, state: State::Wrong, says, help }
}

fn said(name: Option<&str>, finding: &Diagnostic) -> Checked {
    let help = finding.help.first().map(|help| help.to_string());
    // What is only noted by `validate` is missing here all the same.
    let state = if finding.severity == Severity::Warning { State::ByHand } else { State::Wrong };
    let says = format!("{} ({})", finding.message, finding.code);
    Checked { connection: name.map(str::to_owned), what: What::Set, state, says, help }
}
