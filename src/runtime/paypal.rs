//! How PayPal's deliveries to a connection are proved: what its `webhook` says.

use crate::connectors::{ConnectionConfig, Connectors, read_reference};
use crate::diagnostics::{Code, Diagnostic};
use crate::model::connections::{Verify, Webhook};
use crate::model::values::Referable;
use crate::triggers::ingress::Verification;
use crate::triggers::paypal::certificate::Authority;
use crate::triggers::paypal::{How, Verifier};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Each try of PayPal is a new transmission: an old one was replayed.
const TOLERANCE: Duration = Duration::from_secs(3600);

/// The verification, or what is wrong.
pub(super) fn verification(
    name: &str,
    webhook: &Webhook,
    config: &ConnectionConfig,
    connectors: &Arc<Connectors>,
    root: &Path,
) -> Result<Verification, Box<Diagnostic>> {
    let Some(written) = &webhook.id else {
        let message = format!("the webhook of `{name}` has no `id`");
        let finding = Diagnostic::error(Code::F0641, message, webhook.path.span);
        return Err(Box::new(finding.help("PayPal's id of the webhook is part of what is signed")));
    };
    let id = match &written.value {
        Referable::Text(text) => text.to_string(),
        Referable::Reference(reference) => match read_reference(reference, root, &super::env) {
            Ok(found) => found.expose().to_string(),
            Err(error) => return Err(Box::new(error.finding(name, "webhook.id", written.span))),
        },
    };
    let how = match webhook.verify.as_ref().map(|verify| verify.value) {
        Some(Verify::Postback) => How::Postback,
        Some(Verify::Local) | None => How::Local,
    };
    let authority = Authority::of(config.param("mode") == Some("live"), &config.base);
    let tolerance = webhook.tolerance.as_ref().map_or(TOLERANCE, |tolerance| tolerance.value.0);
    let verifier = Verifier::new(connectors.clone(), name.to_owned(), id, how, authority, tolerance);
    Ok(Verification::Paypal(Arc::new(verifier)))
}
