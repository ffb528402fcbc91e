//! Connections against the catalogue: which keys a system's connections have, and what stands under them.
//!
//! All that can be said of a connection as it is written is said here. What a reference stands for is not read; whoever
//! reads it holds it to its key with [`fit`].

use super::connections::{Auth, Connection, Webhook};
use super::effective::Effective;
use super::read::{Read, Reader, Spanned, unknown_key};
use super::values::{Count, Duration, Referable, Reference, Secret};
use super::yaml::{Key, Node};
use crate::catalog::{self, Catalog, ConnectionKey, KeyType, Path, System};
use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use std::collections::BTreeMap;
use url::{Host, Url};

impl Effective {
    /// What the catalogue has against the connections of this environment.
    pub fn check(&self, catalog: &Catalog) -> Vec<Diagnostic> {
        let mut reader = Reader::default();
        for connection in self.connections.values() {
            connection.check(catalog, &mut reader);
        }
        self.check_paths(&mut reader);
        reader.findings
    }

    /// Each webhook has a path of its own.
    fn check_paths(&self, reader: &mut Reader) {
        let mut taken: BTreeMap<&str, (&str, Span)> = BTreeMap::new();
        for (name, connection) in &self.connections {
            let Some(path) = connection.webhook.as_ref().map(|webhook| &webhook.path) else { continue };
            let written = path.as_str();
            let refuse = |message: String| Diagnostic::error(Code::F0641, message, path.span);
            if !written.starts_with('/') || written.contains(['?', '#', ' ']) {
                let message = format!("a webhook's path begins with `/` and has no `?`, `#` or blank, got `{written}`");
                reader.say(refuse(message).help("as in /hooks/stripe"));
            } else if HEALTH.contains(&written) {
                reader.say(refuse(format!("`{written}` says how flowctl is: a webhook needs another path")));
            }
            if let Some((other, span)) = taken.get(written) {
                let message = format!("connections `{other}` and `{name}` have the same webhook path {written}");
                reader.say(refuse(message).also(*span, "the other one"));
            }
            taken.insert(written, (name, path.span));
        }
    }
}

/// Paths of the hooks listener that are no webhooks.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

impl Connection {
    fn check(&self, catalog: &Catalog, reader: &mut Reader) {
        let name = self.system.as_str();
        let Some(system) = catalog.system(name).filter(|system| system.http.is_some()) else {
            let finding = Diagnostic::error(Code::F0407, format!("the system `{name}` is not known"), self.system.span);
            return reader.say(finding.help(catalog.system_help(name)));
        };
        let what = format!("a connection of {}", system.title);
        let known: Vec<&str> =
            system.connection.keys().map(String::as_str).chain(Connection::KEYS.iter().copied()).collect();
        let mut unknown = vec![];
        for (key, node) in &self.params.entries {
            match system.connection.get(&*key.text) {
                Some(declared) => value(declared, node, reader),
                None => {
                    unknown.push(&*key.text);
                    reader.say(unknown_key(key, &what, &known));
                }
            }
        }
        for (key, declared) in &system.connection {
            // A key written wrong is one finding.
            let meant = || unknown.iter().any(|unknown| did_you_mean(unknown, [key.as_str()]).is_some());
            if declared.required && self.params.get(key).is_none() && !meant() {
                reader.say(missing(key, &what, declared, self.system.span));
            }
        }
        if let Some(auth) = &self.auth {
            auth.check(system, &what, reader);
        }
        self.check_limits(reader);
        self.check_way(reader);
        if let Some(webhook) = &self.webhook {
            webhook.check(system, reader);
        }
    }

    /// Proxy and authority.
    fn check_way(&self, reader: &mut Reader) {
        if let Some(proxy) = &self.proxy
            && let Referable::Text(text) = &proxy.value
        {
            match Url::parse(text) {
                Ok(url) if url.password().is_some() => {
                    let finding = Diagnostic::error(Code::F0400, "a secret stands here in clear", proxy.span);
                    reader
                        .say(finding.help("a proxy with a password is named: `proxy: secret://NAME` or `env://NAME`"));
                }
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {}
                _ => {
                    let message = "expected the address of a proxy such as `http://proxy.example:3128`";
                    reader.say(Diagnostic::error(Code::F0616, message, proxy.span));
                }
            }
        }
        if let Some(ca) = self.ca.as_ref().filter(|ca| !matches!(ca.value, Referable::Reference(Reference::File(_)))) {
            let message = "the certificates of an authority stand in a file: `ca: file://PATH`";
            reader.say(Diagnostic::error(Code::F0616, message, ca.span));
        }
    }

    fn check_limits(&self, reader: &mut Reader) {
        let mut above_zero = |key: &str, zero: Option<Span>| {
            if let Some(span) = zero {
                let message = format!("`{key}` is 0: nothing would ever be sent");
                reader.say(Diagnostic::error(Code::F0315, message, span));
            }
        };
        let zero =
            |count: &Option<Spanned<Count>>| count.as_ref().filter(|count| count.value.0 == 0).map(|zero| zero.span);
        if let Some(limits) = &self.limits {
            above_zero("concurrency", zero(&limits.concurrency));
            let timeout = limits.timeout.as_ref().filter(|timeout| timeout.is_zero());
            above_zero("timeout", timeout.map(|zero| zero.span));
        }
        if let Some(circuit) = &self.circuit {
            above_zero("open_after", zero(&circuit.open_after));
        }
    }
}

impl Auth {
    fn check(&self, system: &System, what: &str, reader: &mut Reader) {
        let is_open = system.http.as_ref().is_some_and(|http| http.auth == catalog::Auth::ByConnection);
        if !is_open {
            let known: Vec<&str> = system.connection.keys().map(String::as_str).collect();
            let finding = unknown_key(&Key { text: "auth".into(), span: self.span }, what, &known);
            return reader.say(Diagnostic { fix: None, ..finding });
        }
        let written = [
            self.bearer.is_some(),
            self.basic.is_some(),
            self.header.is_some(),
            self.query.is_some(),
            self.oauth2.is_some(),
        ];
        if written.iter().filter(|written| **written).count() != 1 {
            let message = "`auth` has one of: bearer, basic, header, query, oauth2";
            reader.say(Diagnostic::error(Code::F0616, message, self.span));
        }
        let names = [&self.header, &self.query].into_iter().flatten().map(|key| &key.name);
        for name in names.filter(|name| !is_name(name.as_str())) {
            let message = format!("`{}` is no name of a header or of a parameter", name.as_str());
            reader.say(Diagnostic::error(Code::F0616, message, name.span));
        }
        if let Some(url) = self.oauth2.as_ref().map(|oauth2| &oauth2.url)
            && let Referable::Text(text) = &url.value
            && let Err(expected) = address(text)
        {
            let message = format!("the address of the tokens does not fit: expected {expected}");
            reader.say(Diagnostic::error(Code::F0452, message, url.span));
        }
    }
}

/// What HTTP calls a token: letters, digits, and a few signs.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

impl Webhook {
    fn check(&self, system: &System, reader: &mut Reader) {
        let what = format!("a webhook of {}", system.title);
        let known: Vec<&str> = ["path", "rate"].into_iter().chain(system.webhook.keys().map(String::as_str)).collect();
        let written = self.written();
        for (key, span) in &written {
            if !system.webhook.contains_key(*key) {
                let finding = unknown_key(&Key { text: (*key).into(), span: *span }, &what, &known);
                // The place is the value's: the key cannot be replaced there.
                reader.say(Diagnostic { fix: None, ..finding });
            }
        }
        if let Some(place) = &self.event_id
            && Path::try_from(place.to_string()).is_err()
        {
            let message = format!("`{}` is no place in a body", place.as_str());
            reader.say(Diagnostic::error(Code::F0616, message, place.span).help("as in `$.id` or `$.data.id`"));
        }
        if let Some(header) = self.hmac.as_ref().map(|hmac| &hmac.header).filter(|header| !is_name(header.as_str())) {
            let message = format!("`{}` is no name of a header", header.as_str());
            reader.say(Diagnostic::error(Code::F0616, message, header.span));
        }
        if let (Some(place), true) = (&self.place, system.webhook.contains_key("in"))
            && !is_place(place.as_str())
        {
            let message = format!("`{}` is no place of a secret in a delivery", place.as_str());
            let finding = Diagnostic::error(Code::F0470, message, place.span);
            reader.say(finding.help("write `query.code`, or a header's name as in `header.x-flowctl-key`"));
        }
        for (key, declared) in &system.webhook {
            if declared.required && written.iter().all(|(written, _)| written != key) {
                reader.say(missing(key, &what, declared, self.path.span));
            }
        }
    }

    /// The keys beside `path` that are written, and where their values stand.
    fn written(&self) -> Vec<(&'static str, Span)> {
        let keys = [
            ("id", self.id.as_ref().map(|value| value.span)),
            ("verify", self.verify.as_ref().map(|value| value.span)),
            ("secret", self.secret.as_ref().map(|value| value.span)),
            ("secrets", self.secrets.first().map(|value| value.span)),
            ("tolerance", self.tolerance.as_ref().map(|value| value.span)),
            ("in", self.place.as_ref().map(|value| value.span)),
            ("hmac", self.hmac.as_ref().map(|value| value.span)),
            ("event_id", self.event_id.as_ref().map(|value| value.span)),
        ];
        keys.into_iter().filter_map(|(key, span)| Some((key, span?))).collect()
    }
}

/// `query.NAME` or `header.NAME`.
fn is_place(text: &str) -> bool {
    let name = text.strip_prefix("query.").or_else(|| text.strip_prefix("header."));
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    name.is_some_and(|name| !name.is_empty() && name.chars().all(fits))
}

fn missing(key: &str, what: &str, declared: &ConnectionKey, span: Span) -> Diagnostic {
    let finding = Diagnostic::error(Code::F0311, format!("{what} needs the key `{key}`"), span);
    match &declared.description {
        Some(description) => finding.help(format!("`{key}`: {description}")),
        None => finding,
    }
}

fn value(declared: &ConnectionKey, node: &Node, reader: &mut Reader) {
    if let Some(words) = &declared.one_of {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        reader.word(node, &words);
        return;
    }
    match (declared.ty, declared.secret) {
        (KeyType::Texts, true) => drop(Vec::<Spanned<Secret>>::read(node, reader)),
        (KeyType::Texts, false) => drop(Vec::<Spanned<Referable>>::read(node, reader)),
        (_, true) => drop(Spanned::<Secret>::read(node, reader)),
        (KeyType::Duration, false) => drop(Spanned::<Duration>::read(node, reader)),
        (KeyType::Int, false) => drop(Spanned::<Count>::read(node, reader)),
        (KeyType::Text | KeyType::Url | KeyType::Uuid, false) => {
            let written = Spanned::<Referable>::read(node, reader).map(|written| written.value);
            if let Some(Referable::Text(text)) = written
                && let Err(expected) = fit(declared, &text)
            {
                let code = if declared.ty == KeyType::Url { Code::F0452 } else { Code::F0315 };
                let message = format!("expected {expected}, got {}", node.describe());
                reader.say(Diagnostic::error(code, message, node.span));
            }
        }
    }
}

/// The value as it is used, where it fits its key; else what is expected there. Shows nothing of the value, which may
/// come from a reference.
pub fn fit(key: &ConnectionKey, text: &str) -> Result<String, &'static str> {
    match key.ty {
        KeyType::Text if text.trim().is_empty() => Err("a text"),
        KeyType::Text if text.chars().any(char::is_control) => Err("one line of text"),
        KeyType::Uuid if uuid::Uuid::try_parse(text).is_err() => {
            Err("a UUID such as `8c1d2b1e-0000-4000-8000-000000000000`")
        }
        KeyType::Url => Ok(address(text)?.as_str().trim_end_matches('/').to_string()),
        _ => Ok(text.to_string()),
    }
}

/// An address that credentials may be sent to: encrypted, unless it is this machine. Else what is expected.
pub fn address(text: &str) -> Result<Url, &'static str> {
    const ADDRESS: &str = "an address such as `https://contoso.example`";
    let url = Url::parse(text).map_err(|_| ADDRESS)?;
    let own = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(ADDRESS),
    };
    match url.scheme() {
        "https" => {}
        "http" if own => {}
        "http" => return Err("`https://`, for credentials are sent there (`http://` only to this machine)"),
        _ => return Err(ADDRESS),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address without user and password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an address without `?` and `#`");
    }
    Ok(url)
}
