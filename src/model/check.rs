//! Connections against the catalogue: which keys a system's connections have, and what stands under them.

use super::connections::{Connection, Webhook};
use super::effective::Effective;
use super::read::{Read, Reader, Spanned, unknown_key};
use super::values::{Count, Duration, Referable, Secret};
use super::yaml::{Key, Node};
use crate::catalog::{Catalog, ConnectionKey, KeyType, System};
use crate::diagnostics::{Code, Diagnostic, Span};

impl Effective {
    /// What the catalogue has against the connections of this environment.
    pub fn check(&self, catalog: &Catalog) -> Vec<Diagnostic> {
        let mut reader = Reader::default();
        for connection in self.connections.values() {
            connection.check(catalog, &mut reader);
        }
        reader.findings
    }
}

impl Connection {
    fn check(&self, catalog: &Catalog, reader: &mut Reader) {
        let name = self.system.as_str();
        let Some(system) = catalog.system(name) else {
            let finding = Diagnostic::error(Code::F0407, format!("the system `{name}` is not known"), self.system.span);
            return reader.say(finding.help(catalog.system_help(name)));
        };
        let what = format!("a connection of {}", system.title);
        let mut known: Vec<&str> = system.connection.keys().map(String::as_str).collect();
        for (key, node) in &self.params.entries {
            match system.connection.get(&*key.text) {
                Some(declared) => value(declared, node, reader),
                None => {
                    known.extend(Connection::KEYS);
                    reader.say(unknown_key(key, &what, &known));
                }
            }
        }
        for (key, declared) in &system.connection {
            if declared.required && self.params.get(key).is_none() {
                reader.say(missing(key, &what, declared, self.system.span));
            }
        }
        if let Some(webhook) = &self.webhook {
            webhook.check(system, reader);
        }
    }
}

impl Webhook {
    fn check(&self, system: &System, reader: &mut Reader) {
        let what = format!("a webhook of {}", system.title);
        let known: Vec<&str> = ["path"].into_iter().chain(system.webhook.keys().map(String::as_str)).collect();
        let written = self.written();
        for (key, span) in &written {
            if !system.webhook.contains_key(*key) {
                let finding = unknown_key(&Key { text: (*key).into(), span: *span }, &what, &known);
                // The place is the value's: the key cannot be replaced there.
                reader.say(Diagnostic { fix: None, ..finding });
            }
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
        (KeyType::Text, false) => drop(Spanned::<Referable>::read(node, reader)),
        (KeyType::Url, false) => formed(node, reader, "an address such as `https://contoso.example`", |text| {
            url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        }),
        (KeyType::Uuid, false) => {
            formed(node, reader, "a UUID such as `8c1d2b1e-0000-4000-8000-000000000000`", |text| {
                uuid::Uuid::try_parse(text).is_ok()
            });
        }
        (KeyType::Duration, false) => drop(Spanned::<Duration>::read(node, reader)),
        (KeyType::Int, false) => drop(Spanned::<Count>::read(node, reader)),
    }
}

/// A text of that form, or a reference: then it is only known when it is resolved.
fn formed(node: &Node, reader: &mut Reader, expected: &str, good: impl Fn(&str) -> bool) {
    let Some(Spanned { value: Referable::Text(text), .. }) = Spanned::<Referable>::read(node, reader) else { return };
    if !good(&text) {
        let message = format!("expected {expected}, got {}", node.describe());
        reader.say(Diagnostic::error(Code::F0315, message, node.span));
    }
}
