//! A connection of `connections.yaml` with everything resolved: what the catalogue asks for, secrets read, limits known.
//!
//! What is written was judged by [`Effective::check`](crate::model::Effective::check) and is trusted here; findings are
//! only about what references stand for. A secret's text is in no finding, whatever is wrong with it.

use super::circuit::CircuitSettings;
use super::secret::{Secret, read_reference};
use super::written::Way;
use crate::catalog::{self, Catalog, ConnectionKey, KeyType, Rate, System};
use crate::diagnostics::{Code, Diagnostic};
use crate::model::check::{address, fit};
use crate::model::connections::Connection;
use crate::model::read::{Read, Reader, Spanned};
use crate::model::values::{Referable, Secret as WrittenSecret};
use crate::model::yaml::Node;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use url::Url;

/// What holds where neither connection nor catalogue say otherwise.
const TIMEOUT: Duration = Duration::from_secs(60);
const CONCURRENCY: usize = 8;
const CIRCUIT: CircuitSettings =
    CircuitSettings { open_after: 10, within: Duration::from_secs(60), probe_every: Duration::from_secs(30) };

/// A connection, ready to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionConfig {
    pub system: String,
    /// Every address of the system begins with it. Ends with a slash.
    pub base: Url,
    pub auth: Auth,
    /// Sent with every request.
    pub headers: Vec<(String, Secret)>,
    pub limits: Limits,
    pub circuit: CircuitSettings,
    /// How it is reached, where that is not the usual way.
    pub way: Way,
    params: BTreeMap<String, Param>,
}

/// How requests show who sends them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// They do not.
    None,
    Bearer(Secret),
    Basic {
        user: String,
        password: Secret,
    },
    /// A key in that header.
    Header {
        name: String,
        value: Secret,
    },
    /// A key in that parameter of the query.
    Query {
        name: String,
        value: Secret,
    },
    /// A signature over the body in that header.
    Hmac {
        header: String,
        secret: Secret,
    },
    ClientCredentials(super::oauth::Credentials),
}

/// How much at once, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub concurrency: usize,
    pub rate: Option<Rate>,
    pub timeout: Duration,
    /// Where the connection says it; else the catalogue's holds, by operation.
    pub settle: Option<Duration>,
}

/// The value of a connection's key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Param {
    Plain(String),
    Secret(Secret),
}

impl Param {
    fn expose(&self) -> &str {
        match self {
            Param::Plain(text) => text,
            Param::Secret(secret) => secret.expose(),
        }
    }
}

impl ConnectionConfig {
    /// A key that is no secret: `company`, `own_user`, `mode`.
    pub fn param(&self, key: &str) -> Option<&str> {
        match self.params.get(key)? {
            Param::Plain(text) => Some(text),
            Param::Secret(_) => None,
        }
    }
}

/// All connections of a project, resolved. Either all of them or what is wrong. One of a system that the catalogue does
/// not have is not among them.
pub fn resolve_all(
    connections: &BTreeMap<String, Connection>,
    catalog: &Catalog,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, ConnectionConfig>, Vec<Diagnostic>> {
    let (mut configs, mut findings) = (BTreeMap::new(), vec![]);
    for (name, connection) in connections {
        let Some(system) = catalog.system(&connection.system) else { continue };
        match resolve(name, connection, system, root, env) {
            Ok(config) => drop(configs.insert(name.clone(), config)),
            Err(mut found) => findings.append(&mut found),
        }
    }
    if findings.is_empty() { Ok(configs) } else { Err(findings) }
}

fn resolve(
    name: &str,
    connection: &Connection,
    system: &System,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<ConnectionConfig, Vec<Diagnostic>> {
    let mut findings = vec![];
    let mut params = BTreeMap::new();
    for (key, declared) in &system.connection {
        let node = connection.params.get(key);
        let span = node.map_or(connection.system.span, |node| node.span);
        let written = match node {
            Some(node) => written(declared, node),
            None => declared.default.as_deref().map(|default| Referable::Text(default.into())),
        };
        let (text, source) = match written {
            None => continue,
            Some(Referable::Text(text)) => (text.to_string(), "what is written".to_string()),
            Some(Referable::Reference(reference)) => match read_reference(&reference, root, env) {
                Err(error) => {
                    findings.push(error.finding(name, key, span));
                    continue;
                }
                Ok(secret) if declared.secret => {
                    params.insert(key.clone(), Param::Secret(secret));
                    continue;
                }
                Ok(found) => (found.expose().to_string(), format!("what {reference} gives")),
            },
        };
        match fit(declared, &text) {
            Ok(text) => drop(params.insert(key.clone(), Param::Plain(text))),
            Err(expected) => {
                let code = if declared.ty == KeyType::Url { Code::F0452 } else { Code::F0451 };
                let message = format!("{source} for `{key}` of connection `{name}` does not fit");
                findings.push(Diagnostic::error(code, message, span).label(format!("expected {expected}")));
            }
        }
    }
    let mut reader = super::written::Reader { connection: name, root, env, findings: &mut findings };
    let (open, way) = (reader.auth(connection), reader.way(connection));
    if !findings.is_empty() {
        return Err(findings);
    }
    assemble(connection, system, params, open, way).map_err(|why| {
        let message = format!("connection `{name}` cannot be used: {why}");
        vec![Diagnostic::error(Code::F0452, message, connection.system.span)]
    })
}

/// What stands under a key. A secret in clear is nothing: it is never used.
fn written(declared: &ConnectionKey, node: &Node) -> Option<Referable> {
    let mut reader = Reader::default();
    if declared.secret {
        let secret = Spanned::<WrittenSecret>::read(node, &mut reader)?;
        return Some(Referable::Reference(secret.value.0));
    }
    Some(Spanned::<Referable>::read(node, &mut reader)?.value)
}

fn limits(connection: &Connection, system: &System) -> Limits {
    let http = system.http.as_ref();
    let known = http.map(|http| http.limits).unwrap_or_default();
    let written = connection.limits.as_ref();
    let concurrency = written.and_then(|limits| limits.concurrency.as_ref()).map(|count| count.value.0 as usize);
    let rate = written
        .and_then(|limits| limits.rate.as_ref())
        .map(|rate| Rate { count: rate.value.0.count, per: Duration::from_secs(rate.value.0.seconds.into()) });
    let timeout = written.and_then(|limits| limits.timeout.as_ref()).map(|timeout| timeout.value.0);
    Limits {
        concurrency: concurrency.or(known.concurrency).unwrap_or(CONCURRENCY),
        rate: rate.or(known.rate),
        timeout: timeout.or(http.and_then(|http| http.timeout)).unwrap_or(TIMEOUT),
        settle: written.and_then(|limits| limits.settle.as_ref()).map(|settle| settle.value.0),
    }
}

fn circuit(connection: &Connection) -> CircuitSettings {
    let Some(written) = &connection.circuit else { return CIRCUIT };
    CircuitSettings {
        open_after: written.open_after.as_ref().map_or(CIRCUIT.open_after, |count| count.value.0 as usize),
        within: written.within.as_ref().map_or(CIRCUIT.within, |within| within.value.0),
        probe_every: written.probe_every.as_ref().map_or(CIRCUIT.probe_every, |every| every.value.0),
    }
}

/// Fills the catalogue's templates.
fn assemble(
    connection: &Connection,
    system: &System,
    params: BTreeMap<String, Param>,
    open: Option<Auth>,
    way: Way,
) -> Result<ConnectionConfig, String> {
    let http = system.http.as_ref().ok_or("it is spoken to by no address")?;
    let fill = |template: &catalog::Template| {
        let filled = template.fill(|name| params.get(name).map(|param| param.expose().to_string()));
        filled.map_err(|name| format!("`{name}` is not known"))
    };
    let address = |text: &str| address(text).map_err(|expected| format!("expected {expected}"));
    let mode = params.get("mode").map(Param::expose);
    let own = params.get("base_url").filter(|_| matches!(http.base, catalog::Base::ByMode(_)));
    let base = match own {
        Some(own) => address(&format!("{}/", own.expose()))?,
        None => address(&fill(http.base.of_mode(mode).ok_or("it has no address for this `mode`")?)?)?,
    };
    let auth = match &http.auth {
        catalog::Auth::ByConnection => open.unwrap_or(Auth::None),
        catalog::Auth::Bearer { token } => Auth::Bearer(Secret::new(&fill(token)?)),
        catalog::Auth::Hmac { header, secret } => {
            Auth::Hmac { header: header.clone(), secret: Secret::new(&fill(secret)?) }
        }
        catalog::Auth::Oauth2ClientCredentials { url, credentials, scope } => {
            let url = fill(url)?;
            let url = match Url::parse(&url) {
                Ok(_) => address(&url)?,
                Err(_) => base.join(&url).map_err(|error| error.to_string())?,
            };
            let named =
                |name: &str| params.get(name).map(Param::expose).ok_or_else(|| format!("`{name}` is not known"));
            Auth::ClientCredentials(super::oauth::Credentials {
                token_url: url,
                client_id: named("client_id")?.to_string(),
                client_secret: Secret::new(named("client_secret")?),
                scope: scope.as_ref().map(fill).transpose()?,
                form: *credentials,
            })
        }
    };
    // A header whose key is absent is not sent.
    let there = |template: &catalog::Template| template.names().all(|name| params.contains_key(name));
    let headers = http.headers.iter().filter(|(_, value)| there(value));
    let headers = headers.map(|(name, value)| Ok((name.clone(), Secret::new(&fill(value)?))));
    Ok(ConnectionConfig {
        system: system.name.clone(),
        headers: headers.collect::<Result<_, String>>()?,
        limits: limits(connection, system),
        circuit: circuit(connection),
        way,
        base,
        auth,
        params,
    })
}
