//! Which webhooks a project wants registered: the events that its flows listen to, by connection, at its public address.

use crate::connectors::registration::Wanted;
use crate::connectors::{Secret, read_reference};
use crate::diagnostics::{Code, Diagnostic};
use crate::graph::project::Compilation;
use crate::graph::{TriggerKind, UPDATE};
use crate::model::Effective;
use crate::model::connections::Connection;
use crate::model::values::Referable;
use std::collections::BTreeMap;
use std::path::Path;

/// Events with the columns of which one has to be touched; none: any.
pub type Events = BTreeMap<String, Vec<String>>;

/// The events that flows listen to, by connection.
pub fn listened(compilation: &Compilation) -> BTreeMap<String, Events> {
    let mut wanted: BTreeMap<String, Events> = BTreeMap::new();
    for graph in compilation.flows.iter().filter_map(|flow| flow.graph.as_ref()) {
        let TriggerKind::Webhook { connection, events, columns, .. } = &graph.trigger.kind else { continue };
        let of_connection = wanted.entry(connection.to_string()).or_default();
        for event in events {
            let columns: Vec<String> = match event.ends_with(&format!(".{UPDATE}")) {
                true => columns.iter().map(|column| column.to_string()).collect(),
                false => vec![],
            };
            match of_connection.get_mut(event.as_str()) {
                // A flow that wants any update wants them all.
                Some(known) if known.is_empty() || columns.is_empty() => known.clear(),
                Some(known) => {
                    known.extend(columns);
                    known.sort();
                    known.dedup();
                }
                None => drop(of_connection.insert(event.to_string(), columns)),
            }
        }
    }
    wanted
}

/// The address under which providers reach us, without a slash at its end.
#[expect(clippy::result_large_err, reason = "asked once, by a command")]
pub fn public_url(
    effective: &Effective,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Diagnostic> {
    let Some(written) = &effective.public_url else {
        let finding = Diagnostic::general(Code::F0617, "connections.yaml has no `public_url`");
        return Err(finding.help("the address under which providers reach the webhooks: https://hooks.contoso.example"));
    };
    let text = match &written.value {
        Referable::Text(text) => text.to_string(),
        Referable::Reference(reference) => match read_reference(reference, root, env) {
            Ok(found) => found.expose().to_owned(),
            Err(error) => return Err(error.finding("", "public_url", written.span)),
        },
    };
    match url::Url::parse(&text) {
        Ok(url) if url.scheme() == "https" && url.query().is_none() => Ok(text.trim_end_matches('/').to_owned()),
        _ => {
            let finding =
                Diagnostic::error(Code::F0617, "`public_url` is no address that providers deliver to", written.span);
            Err(finding.help("as in https://hooks.contoso.example"))
        }
    }
}

/// Whose a registration is: staging does not touch what production has registered in the same account.
pub fn mark(project: &str, environment: Option<&str>, connection: &str) -> String {
    [Some(project), environment, Some(connection)].into_iter().flatten().collect::<Vec<_>>().join("/")
}

/// What a connection's webhook should be.
pub fn wanted(
    connection: &Connection,
    mark: String,
    events: &Events,
    public_url: &str,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Option<Wanted> {
    let webhook = connection.webhook.as_ref()?;
    let secret = webhook.secrets.first().or(webhook.secret.as_ref());
    let secret: Option<Secret> = secret.and_then(|secret| read_reference(&secret.value.0, root, env).ok());
    let id = webhook.id.as_ref().and_then(|id| match &id.value {
        Referable::Text(text) => Some(text.to_string()),
        Referable::Reference(reference) => Some(read_reference(reference, root, env).ok()?.expose().to_owned()),
    });
    let place = webhook.place.as_ref().map_or("query.code", |place| place.as_str()).to_owned();
    Some(Wanted {
        url: format!("{public_url}{}", webhook.path.as_str()),
        events: events.keys().cloned().collect(),
        columns: events
            .iter()
            .filter(|(_, columns)| !columns.is_empty())
            .map(|(e, c)| (e.clone(), c.clone()))
            .collect(),
        secret: secret.map(|secret| (secret, place)),
        id,
        mark,
    })
}
