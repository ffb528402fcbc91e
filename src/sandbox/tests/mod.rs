//! The stand-ins over real HTTP, as strict as the documentation of the real ones.

mod events;
mod finops;
mod shared;
mod stripe;

use super::*;
use crate::catalog::Types;
use crate::value::{Record, Value};
use serde_json::json;
use server::Standin as _;
use std::time::Duration;

struct Running {
    sandbox: Sandbox,
    client: reqwest::Client,
    token: String,
}

const ORDER: &str = "/data/SalesOrderHeadersV2";

impl Running {
    async fn start() -> Running {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let catalog = Catalog::bundled();
        let sandbox = Sandbox::start(&catalog, &Types::bundled(&catalog), Ports::default()).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut running = Running { sandbox, client, token: String::new() };
        let (status, body) = running.token(&[]).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["token_type"], "Bearer");
        running.token = body["access_token"].as_str().unwrap().to_string();
        running
    }

    /// Asks for a token, with some fields of the form replaced.
    async fn token(&self, replaced: &[(&str, &str)]) -> (u16, serde_json::Value) {
        let url = self.sandbox.finops_server.url();
        let scope = format!("{url}/.default");
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", credentials::FINOPS_CLIENT_ID),
            ("client_secret", credentials::FINOPS_CLIENT_SECRET),
            ("scope", &scope),
        ];
        for (name, value) in replaced {
            form.iter_mut().filter(|(known, _)| known == name).for_each(|field| field.1 = value);
        }
        let url = format!("{url}/{}/oauth2/v2.0/token", credentials::FINOPS_TENANT);
        answer(self.client.post(url).form(&form)).await
    }

    fn finops(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.sandbox.finops_server.url());
        self.client.request(method.parse().unwrap(), url).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> (u16, serde_json::Value) {
        answer(self.finops("GET", path)).await
    }

    async fn post(&self, path: &str, body: serde_json::Value) -> (u16, serde_json::Value) {
        answer(self.finops("POST", path).json(&body)).await
    }

    async fn order(&self, reference: &str) -> (u16, serde_json::Value) {
        let body = json!({ "OrderingCustomerAccountNumber": "US-001", "CustomersOrderReference": reference });
        self.post(ORDER, body).await
    }

    fn orders(&self, reference: &str) -> usize {
        let of = |row: &&Record| {
            row.get("CustomersOrderReference").and_then(Value::as_text).is_some_and(|t| &**t == reference)
        };
        self.sandbox.finops.rows("SalesOrderHeadersV2").iter().filter(of).count()
    }

    fn stripe(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.sandbox.stripe_server.url());
        self.client.request(method.parse().unwrap(), url).bearer_auth(credentials::STRIPE_KEY)
    }

    async fn fault(&self, fault: serde_json::Value) {
        let (status, body) = self.post("/_sandbox/faults", fault).await;
        assert_eq!(status, 204, "{body}");
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, serde_json::Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)))
}

/// Posts to Stripe with a key of its own.
async fn posted(running: &Running, path: &str, form: &[(&str, &str)]) -> (u16, serde_json::Value) {
    let key = uuid::Uuid::new_v4().to_string();
    answer(running.stripe("POST", path).header("Idempotency-Key", key).form(form)).await
}

async fn happens(running: &Running, what: &str, with: serde_json::Value) -> serde_json::Value {
    let path = format!("/_sandbox/do/{what}");
    let (status, body) = answer(running.stripe("POST", &path).body(with.to_string())).await;
    assert_eq!(status, 200, "{what}: {body}");
    body
}

fn why(body: &serde_json::Value) -> &str {
    body["error"]["innererror"]["message"].as_str().unwrap_or_default()
}
