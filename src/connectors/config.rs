//! A connection of `connections.yaml` with everything resolved: what the catalogue asks for, secrets read, limits known.
//!
//! [`check`] judges what is written, without secrets, for `validate`; [`resolve`] also reads what references stand for.
//! A secret's text is in no finding, whatever is wrong with it.

use super::circuit::CircuitSettings;
use super::secret::{Secret, read_reference};
use crate::catalog::{self, Catalog, ConnectionKey, KeyType, Rate, System};
use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use crate::model::connections::Connection;
use crate::model::read::{Read, Reader, Spanned, unknown_key};
use crate::model::values::{Referable, Reference, Secret as WrittenSecret};
use crate::value::time::parse_duration;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use url::{Host, Url};

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
    params: BTreeMap<String, Param>,
}

/// How requests show who sends them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    Bearer(Secret),
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

/// What is wrong with the project's connections as they are written. Nothing is resolved.
pub fn check(connections: &BTreeMap<String, Connection>, catalog: &Catalog) -> Vec<Diagnostic> {
    let mut findings = vec![];
    for (name, connection) in connections {
        match system(connection, catalog) {
            Ok(system) => drop(written(name, connection, system, &mut findings)),
            Err(finding) => findings.push(finding),
        }
    }
    findings
}

/// All connections of a project, resolved. Either all of them or what is wrong.
pub fn resolve_all(
    connections: &BTreeMap<String, Connection>,
    catalog: &Catalog,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, ConnectionConfig>, Vec<Diagnostic>> {
    let (mut configs, mut findings) = (BTreeMap::new(), vec![]);
    for (name, connection) in connections {
        let config = match system(connection, catalog) {
            Ok(system) => resolve(name, connection, system, root, env),
            Err(finding) => Err(vec![finding]),
        };
        match config {
            Ok(config) => drop(configs.insert(name.clone(), config)),
            Err(mut found) => findings.append(&mut found),
        }
    }
    if findings.is_empty() { Ok(configs) } else { Err(findings) }
}

fn system<'c>(connection: &Connection, catalog: &'c Catalog) -> Result<&'c System, Diagnostic> {
    let name = &connection.system;
    catalog.system(name).filter(|system| system.http.is_some()).ok_or_else(|| {
        let message = format!("there is no system `{}`", name.as_str());
        Diagnostic::error(Code::F0450, message, name.span).help(catalog.system_help(name))
    })
}

/// One connection, resolved.
pub fn resolve(
    name: &str,
    connection: &Connection,
    system: &System,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<ConnectionConfig, Vec<Diagnostic>> {
    let mut findings = vec![];
    let mut params = BTreeMap::new();
    for Written { key, declared, span, value } in written(name, connection, system, &mut findings) {
        let text = match value {
            Source::Text(text) => Some(text),
            Source::Reference(reference) => match read_reference(&reference, root, env) {
                Err(error) => {
                    findings.push(error.finding(name, key, span));
                    None
                }
                Ok(secret) if declared.secret => {
                    params.insert(key.to_string(), Param::Secret(secret));
                    None
                }
                Ok(found) => match fit(declared, found.expose()) {
                    Ok(text) => Some(text),
                    Err(Misfit { code, why }) => {
                        let message = format!("what {reference} gives for `{key}` of connection `{name}` does not fit");
                        findings.push(Diagnostic::error(code, message, span).label(why));
                        None
                    }
                },
            },
        };
        if let Some(text) = text {
            params.insert(key.to_string(), Param::Plain(text));
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    assemble(connection, system, params).map_err(|why| {
        let message = format!("connection `{name}` cannot be used: {why}");
        vec![Diagnostic::error(Code::F0452, message, connection.system.span)]
    })
}

/// A key with its value as it is written, or the catalogue's default.
struct Written<'s> {
    key: &'s str,
    declared: &'s ConnectionKey,
    span: Span,
    value: Source,
}

enum Source {
    /// Fits its key.
    Text(String),
    Reference(Reference),
}

fn written<'s>(
    name: &str,
    connection: &Connection,
    system: &'s System,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Written<'s>> {
    let entries = &connection.params.entries;
    let known: Vec<&str> =
        system.connection.keys().map(String::as_str).chain(Connection::KEYS.iter().copied()).collect();
    let unknown = entries.iter().filter(|(key, _)| !system.connection.contains_key(&*key.text));
    let what = format!("a connection to {}", system.title);
    findings.extend(unknown.map(|(key, _)| unknown_key(key, &what, &known)));
    limits(connection, system, findings);

    let mut all = vec![];
    for (key, declared) in &system.connection {
        let Some(node) = connection.params.get(key) else {
            let meant = |(other, _): &(crate::model::yaml::Key, _)| {
                !system.connection.contains_key(&*other.text) && did_you_mean(&other.text, [key.as_str()]).is_some()
            };
            match &declared.default {
                Some(default) => {
                    let (span, value) =
                        (connection.system.span, Source::Text(default.trim_end_matches('/').to_string()));
                    all.push(Written { key, declared, span, value });
                }
                // A key written wrong is one finding.
                None if declared.required && !entries.iter().any(meant) => {
                    let message = format!("connection `{name}` needs the key `{key}`");
                    let finding = Diagnostic::error(Code::F0311, message, connection.system.span);
                    findings.push(match &declared.description {
                        Some(description) => finding.help(format!("`{key}`: {description}")),
                        None => finding,
                    });
                }
                None => {}
            }
            continue;
        };
        let mut reader = Reader::default();
        let (span, value) = if declared.secret {
            let secret: Option<Spanned<WrittenSecret>> = Read::read(node, &mut reader);
            (node.span, secret.map(|secret| Source::Reference(secret.value.0)))
        } else {
            let text: Option<Spanned<Referable>> = Read::read(node, &mut reader);
            let value = text.and_then(|text| match text.value {
                Referable::Reference(reference) => Some(Source::Reference(reference)),
                Referable::Text(text) => match fit(declared, &text) {
                    Ok(text) => Some(Source::Text(text)),
                    Err(Misfit { code, why }) => {
                        let message = format!("`{key}` of connection `{name}` does not fit: got `{text}`");
                        findings.push(Diagnostic::error(code, message, node.span).label(why));
                        None
                    }
                },
            });
            (node.span, value)
        };
        findings.append(&mut reader.findings);
        all.extend(value.map(|value| Written { key, declared, span, value }));
    }
    all
}

struct Misfit {
    code: Code,
    why: String,
}

/// The value as it is used, where it fits its key.
fn fit(key: &ConnectionKey, text: &str) -> Result<String, Misfit> {
    let misfit = |why: &str| Err(Misfit { code: Code::F0451, why: why.into() });
    if let Some(words) = key.one_of.as_ref().filter(|words| !words.iter().any(|word| word == text)) {
        return misfit(&format!("one of {}", words.join(", ")));
    }
    match key.ty {
        KeyType::Text | KeyType::Texts if text.trim().is_empty() => misfit("expected a text"),
        KeyType::Text | KeyType::Texts if text.chars().any(char::is_control) => misfit("expected one line of text"),
        KeyType::Uuid if uuid::Uuid::try_parse(text).is_err() => {
            misfit("expected an id such as 8c1d2b1e-0000-4000-8000-000000000000")
        }
        KeyType::Duration if parse_duration(text).is_err() => misfit("expected a duration such as 300s"),
        KeyType::Int if text.parse::<u64>().is_err() => misfit("expected a whole number"),
        KeyType::Url => match address(text) {
            Ok(url) => Ok(url.as_str().trim_end_matches('/').to_string()),
            Err(why) => Err(Misfit { code: Code::F0452, why }),
        },
        _ => Ok(text.to_string()),
    }
}

/// An address that credentials may be sent to: encrypted, unless it is this machine.
fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "expected an address such as https://example.com".to_string())?;
    let own = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err("an address names a host".into()),
    };
    match url.scheme() {
        "https" => {}
        "http" if own => {}
        "http" => return Err("credentials are sent there: https is needed (http only to this machine)".into()),
        _ => return Err("an address begins with https://".into()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address holds no user and no password".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an address here has no ? and no #".into());
    }
    Ok(url)
}

fn limits(connection: &Connection, system: &System, findings: &mut Vec<Diagnostic>) -> Limits {
    let http = system.http.as_ref();
    let known = http.map(|http| http.limits).unwrap_or_default();
    let written = connection.limits.as_ref();
    let mut above_zero = |what: &str, is_zero: bool, span: Span| {
        if is_zero {
            findings.push(Diagnostic::error(Code::F0451, format!("`{what}` is 0: nothing would ever be sent"), span));
        }
    };
    let concurrency = written.and_then(|limits| limits.concurrency.as_ref());
    if let Some(count) = concurrency {
        above_zero("concurrency", count.value.0 == 0, count.span);
    }
    let timeout = written.and_then(|limits| limits.timeout.as_ref());
    if let Some(timeout) = timeout {
        above_zero("timeout", timeout.value.0.is_zero(), timeout.span);
    }
    if let Some(count) = connection.circuit.as_ref().and_then(|circuit| circuit.open_after.as_ref()) {
        above_zero("open_after", count.value.0 == 0, count.span);
    }
    let rate = written
        .and_then(|limits| limits.rate.as_ref())
        .map(|rate| Rate { count: rate.value.0.count, per: Duration::from_secs(rate.value.0.seconds.into()) });
    Limits {
        concurrency: concurrency.map(|count| count.value.0 as usize).or(known.concurrency).unwrap_or(CONCURRENCY),
        rate: rate.or(known.rate),
        timeout: timeout.map(|timeout| timeout.value.0).or(http.and_then(|http| http.timeout)).unwrap_or(TIMEOUT),
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
) -> Result<ConnectionConfig, String> {
    let http = system.http.as_ref().ok_or("it is spoken to by no address")?;
    let fill = |template: &catalog::Template| {
        let filled = template.fill(|name| params.get(name).map(|param| param.expose().to_string()));
        filled.map_err(|name| format!("`{name}` is not known"))
    };
    let mode = params.get("mode").map(Param::expose);
    let base = address(&fill(http.base.of_mode(mode).ok_or("it has no address for this `mode`")?)?)?;
    let auth = match &http.auth {
        catalog::Auth::Bearer { token } => Auth::Bearer(Secret::new(&fill(token)?)),
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
    let headers = http.headers.iter().map(|(name, value)| Ok((name.clone(), Secret::new(&fill(value)?))));
    Ok(ConnectionConfig {
        system: system.name.clone(),
        headers: headers.collect::<Result<_, String>>()?,
        limits: limits(connection, system, &mut vec![]),
        circuit: circuit(connection),
        base,
        auth,
        params,
    })
}
