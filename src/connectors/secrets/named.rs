//! The secrets that connections name, against the names that the store has. Nothing is opened for it.

use super::SecretStore;
use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use crate::model::connections::{Connection, Webhook};
use crate::model::read::Spanned;
use crate::model::values::{Reference, Secret};
use crate::model::yaml::{Node, NodeKind};
use std::collections::BTreeMap;

/// Warnings about names that the store does not have. Of several secrets of one webhook one is enough.
pub fn unknown(connections: &BTreeMap<String, Connection>, store: &SecretStore) -> Vec<Diagnostic> {
    let mut findings = vec![];
    for connection in connections.values() {
        let mut named = vec![];
        connection.params.entries.iter().for_each(|(_, node)| within(node, &mut named));
        if let Some(webhook) = &connection.webhook {
            let several = of_webhook(webhook);
            if !several.iter().any(|(name, _)| store.has(name)) {
                named.extend(several);
            }
            named.extend(webhook.hmac.iter().filter_map(|hmac| stored(&hmac.secret)));
        }
        let missing = named.into_iter().filter(|(name, _)| !store.has(name));
        findings.extend(missing.map(|(name, span)| {
            let finding = Diagnostic::warning(Code::F0455, format!("the secret store has no `{name}`"), span);
            match did_you_mean(&name, store.file.secrets.keys().map(String::as_str)) {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                None => finding.help(format!("`flowctl secrets set {name}` puts it there")),
            }
        }));
    }
    findings
}

fn of_webhook(webhook: &Webhook) -> Vec<(String, Span)> {
    webhook.secrets.iter().chain(&webhook.secret).filter_map(stored).collect()
}

fn stored(written: &Spanned<Secret>) -> Option<(String, Span)> {
    match &written.value.0 {
        Reference::Secret(name) => Some((name.to_string(), written.span)),
        _ => None,
    }
}

fn within(node: &Node, named: &mut Vec<(String, Span)>) {
    match &node.kind {
        NodeKind::Scalar(scalar) => {
            if let Some(Ok(Reference::Secret(name))) = Reference::parse(&scalar.text) {
                named.push((name.to_string(), node.span));
            }
        }
        NodeKind::Sequence(items) => items.iter().for_each(|item| within(item, named)),
        NodeKind::Mapping(entries) => entries.iter().for_each(|(_, value)| within(value, named)),
    }
}
