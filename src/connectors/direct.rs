//! Requests outside of any flow: whether a connection works, and what is registered at its provider.

use super::form;
use super::request::{Call, below};
use super::{Connectors, undone};
use crate::catalog::{BodyForm, System};
use crate::engine::connector::StepError;
use crate::graph::ErrorClass;
use crate::value::{Value, json};
use std::time::Duration;
use url::Url;

/// Nobody waits longer for an answer to a question of this kind.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer that is a success.
pub struct Told {
    /// Missing where the body is no JSON.
    pub body: Value,
    /// Where a new row is, as its address says.
    pub entity_id: Option<String>,
}

impl Connectors {
    /// Asks the catalogue's harmless question; where it has none, whether anybody answers at the connection's address.
    pub async fn probe(&self, connection: &str, system: &System) -> Result<(), StepError> {
        let check = system.http.as_ref().and_then(|http| http.check.as_deref());
        match (self.ask(connection, system, "GET", check.unwrap_or_default(), None).await, check) {
            // Nothing stands at the address itself, and who says so has let us in.
            (Err(error), None) if error.status.is_some_and(|status| !matches!(status, 401 | 403 | 407 | 500..)) => {
                Ok(())
            }
            (answered, _) => answered.map(|_| ()),
        }
    }

    /// Sends one request below the connection's address.
    pub async fn ask(
        &self,
        connection: &str,
        system: &System,
        method: &'static str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Told, StepError> {
        let now = self.now.load_full();
        let live = now.connection(connection)?;
        let base = &live.config.base;
        let url = Url::parse(&format!("{base}{path}")).ok().filter(|url| below(base, url));
        let Some(url) = url else {
            let message = format!("`{path}` has no address below the system's own");
            return Err(undone(StepError::new(ErrorClass::Config, "bad_address", message)));
        };
        let form = system.http.as_ref().map(|http| http.body).unwrap_or_default();
        let body = match (body, form) {
            (None, _) => None,
            (Some(body), BodyForm::Form) => Some((form::encode(body), "application/x-www-form-urlencoded")),
            (Some(body), _) => Some((json::write(body), "application/json")),
        };
        let body = match body {
            Some((Ok(text), kind)) => Some((text, kind)),
            Some((Err(error), _)) => return Err(undone(StepError::data("body", error.to_string()))),
            None => None,
        };
        let call = Call { method, url, headers: vec![], body };
        let answer = live.aside(&self.client, &call, PATIENCE).await?;
        let body = json::parse(&answer.body).unwrap_or(Value::Missing);
        if answer.is_success() {
            let entity_id = answer.header("OData-EntityId").map(str::to_owned);
            return Ok(Told { body, entity_id });
        }
        let classified = system.classify(None, answer.status, &body, &|name| answer.header(name));
        Err(StepError::refused(classified, answer.status, None))
    }
}
