//! What stands in a connection whatever its system is, read: its own `auth`, its proxy, its authority.

use super::config::Auth;
use super::oauth;
use super::secret::{self, Secret, read_reference};
use crate::catalog;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::model::check::address;
use crate::model::connections::{Connection, Credentials};
use crate::model::read::Spanned;
use crate::model::values::{Referable, Reference, Secret as WrittenSecret};
use std::path::Path;
use std::sync::Arc;
use url::Url;

/// The way to a system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// May hold a password.
    pub proxy: Option<Secret>,
    /// Certificates in PEM, beside those that the machine trusts.
    pub ca: Option<Arc<[u8]>>,
}

impl Way {
    /// Whether the client that all share will do.
    pub fn is_usual(&self) -> bool {
        *self == Way::default()
    }
}

/// Reads references of one connection and keeps what is wrong with them.
pub(super) struct Reader<'r> {
    pub connection: &'r str,
    pub root: &'r Path,
    pub env: &'r dyn Fn(&str) -> Option<String>,
    pub findings: &'r mut Vec<Diagnostic>,
}

impl Reader<'_> {
    /// The connection's own `auth`. `None`: it has none, or what is wrong with it is among the findings.
    pub fn auth(&mut self, connection: &Connection) -> Option<Auth> {
        let auth = connection.auth.as_ref()?;
        if let Some(token) = &auth.bearer {
            return Some(Auth::Bearer(self.secret("auth.bearer", token)?));
        }
        if let Some(basic) = &auth.basic {
            let user = self.text("auth.basic.user", &basic.user);
            let password = self.secret("auth.basic.password", &basic.password);
            return Some(Auth::Basic { user: user?.expose().to_owned(), password: password? });
        }
        if let Some(key) = &auth.header {
            let value = self.secret("auth.header.value", &key.value)?;
            return Some(Auth::Header { name: key.name.to_string(), value });
        }
        if let Some(key) = &auth.query {
            let value = self.secret("auth.query.value", &key.value)?;
            return Some(Auth::Query { name: key.name.to_string(), value });
        }
        let oauth2 = auth.oauth2.as_ref()?;
        let url = self.text("auth.oauth2.url", &oauth2.url);
        let token_url = url.and_then(|url| self.address("auth.oauth2.url", url.expose(), oauth2.url.span));
        let client_id = self.text("auth.oauth2.client_id", &oauth2.client_id);
        let client_secret = self.secret("auth.oauth2.client_secret", &oauth2.client_secret);
        let scope = match &oauth2.scope {
            Some(scope) => Some(self.text("auth.oauth2.scope", scope)?.expose().to_owned()),
            None => None,
        };
        let form = match oauth2.credentials.as_ref().map(|form| form.value) {
            Some(Credentials::Basic) => catalog::Credentials::Basic,
            Some(Credentials::Body) | None => catalog::Credentials::Body,
        };
        let client_id = client_id?.expose().to_owned();
        let (token_url, client_secret) = (token_url?, client_secret?);
        Some(Auth::ClientCredentials(oauth::Credentials { token_url, client_id, client_secret, scope, form }))
    }

    pub fn way(&mut self, connection: &Connection) -> Way {
        let proxy = connection.proxy.as_ref().and_then(|proxy| {
            let read = self.text("proxy", proxy)?;
            let fits = Url::parse(read.expose()).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            if !fits {
                self.say(Code::F0452, "`proxy`", "is no address such as `http://proxy.example:3128`", proxy.span);
            }
            fits.then_some(read)
        });
        let ca = connection.ca.as_ref().and_then(|ca| {
            let Referable::Reference(Reference::File(path)) = &ca.value else { return None };
            let read = secret::read_file(self.root, path).map(String::into_bytes);
            let certificates = read.and_then(|pem| match super::http::certificates(&pem) {
                Ok(certificates) if !certificates.is_empty() => Ok(pem),
                _ => Err("it holds no certificate in PEM".into()),
            });
            certificates.map_err(|why| self.say(Code::F0454, &format!("`ca`: the file {path}"), &why, ca.span)).ok()
        });
        Way { proxy, ca: ca.map(Arc::from) }
    }

    fn secret(&mut self, key: &str, written: &Spanned<WrittenSecret>) -> Option<Secret> {
        self.reference(key, &written.value.0, written.span)
    }

    fn text(&mut self, key: &str, written: &Spanned<Referable>) -> Option<Secret> {
        match &written.value {
            Referable::Text(text) => Some(Secret::new(text)),
            Referable::Reference(reference) => self.reference(key, reference, written.span),
        }
    }

    fn reference(&mut self, key: &str, reference: &Reference, span: Span) -> Option<Secret> {
        let read = read_reference(reference, self.root, self.env);
        read.map_err(|error| self.findings.push(error.finding(self.connection, key, span))).ok()
    }

    fn address(&mut self, key: &str, text: &str, span: Span) -> Option<Url> {
        let url = address(text);
        url.map_err(|expected| {
            self.say(Code::F0452, &format!("`{key}`"), &format!("does not fit: expected {expected}"), span)
        })
        .ok()
    }

    fn say(&mut self, code: Code, what: &str, why: &str, span: Span) {
        let message = format!("{what} of connection `{}` {why}", self.connection);
        self.findings.push(Diagnostic::error(code, message, span));
    }
}
