//! Stripe: forms, keys that are remembered, errors.

use super::server::{Say, Server, json};
use super::*;
use crate::engine::connector::Sent;
use crate::graph::ErrorClass;

#[tokio::test]
async fn a_charge_is_read_with_key_and_version() {
    let server = Server::start(|asked| match asked.target.as_str() {
        "/v1/charges/ch_1%2F%3Fx" => json(200, r#"{"id":"ch_1","amount":1999,"fee":1.10}"#),
        _ => Say::Answer(
            404,
            vec![("Request-Id", "req_9".into())],
            r#"{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such charge: 'ch_2'"}}"#.into(),
        ),
    })
    .await;
    let connectors = connectors(&server.url());
    let row = done(send(&connectors, &request("stripe.charges.get", None).param("id", "ch_1/?x")).await);
    assert_eq!(written(&row.value), r#"{"id":"ch_1","amount":1999,"fee":1.10}"#);
    let asked = &server.seen()[0];
    assert_eq!(asked.header("authorization"), Some("Bearer rk_test_secret"));
    assert_eq!(asked.header("stripe-version"), Some("2026-10-28.endive"));
    assert_eq!(asked.header("idempotency-key"), None);
    match send(&connectors, &request("stripe.charges.get", None).param("id", "ch_2")).await {
        Outcome::Missing(error) => {
            assert_eq!((error.class, error.code.as_str()), (ErrorClass::Data, "resource_missing"));
            assert_eq!(error.message.as_str(), "No such charge: 'ch_2' (request req_9)");
        }
        other => panic!("{other:?}"),
    }
    for id in ["..", ".", " ", ""] {
        let error = failed(send(&connectors, &request("stripe.charges.get", None).param("id", id)).await);
        assert_eq!((error.class, error.sent), (ErrorClass::Data, Sent::Undone), "{id:?}");
    }
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn an_update_is_a_form_with_its_idempotency_key() {
    let server = Server::start(|_| json(200, r#"{"id":"ch_1"}"#)).await;
    let connectors = connectors(&server.url());
    let update = request("stripe.charges.update", None)
        .param("id", "ch_1")
        .body(r#"{"description":"A & B","metadata":{"order":"SO-1","old":null}}"#);
    done(send(&connectors, &update.clone().key("flowctl-12345678-abc")).await);
    let asked = &server.seen()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/v1/charges/ch_1"));
    assert_eq!(asked.body, "description=A%20%26%20B&metadata[order]=SO-1&metadata[old]=");
    assert_eq!(asked.header("idempotency-key"), Some("flowctl-12345678-abc"));
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    // Neither without a key nor with one that would have to be cut.
    for update in [update.clone(), update.key(&"k".repeat(256))] {
        let error = failed(send(&connectors, &update).await);
        assert_eq!((error.class, error.sent), (ErrorClass::Config, Sent::Undone));
    }
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn errors_are_read_as_the_catalogue_says() {
    let server = Server::start(|asked| {
        let headers = match asked.target.as_str() {
            "/v1/charges/throttled" => vec![("Retry-After", "7".to_string())],
            "/v1/charges/stored" => vec![("Idempotent-Replayed", "true".to_string())],
            "/v1/charges/never" => vec![("Stripe-Should-Retry", "false".to_string())],
            "/v1/charges/elsewhere" => vec![("Location", "/v1/charges/other".to_string())],
            _ => vec![],
        };
        let status = match asked.target.as_str() {
            "/v1/charges/throttled" => 429,
            "/v1/charges/elsewhere" => 302,
            "/v1/charges/unread" => 200,
            "/v1/charges/never" => 409,
            _ => 500,
        };
        Say::Answer(status, headers, "<html>no JSON</html>".into())
    })
    .await;
    let connectors = connectors(&server.url());
    let update = |id: &str| request("stripe.charges.update", None).param("id", id).body("{}").key("k");
    let error = failed(send(&connectors, &update("throttled")).await);
    assert_eq!((error.class, error.retry_after), (ErrorClass::Throttled, Some(Duration::from_secs(7))));
    // That connection waits now.
    let connectors = with(&server.url(), "");
    let error = failed(send(&connectors, &update("broken")).await);
    assert!(error.leaves_open() && error.not_before.is_none(), "{error:?}");
    assert_eq!(error.body, Some("<html>no JSON</html>".into()));
    // The stored answer would only come again: open, and never repeated.
    let error = failed(send(&connectors, &update("stored")).await);
    assert!(error.leaves_open(), "{error:?}");
    assert_eq!(error.not_before, Some(Timestamp::MAX));
    let error = failed(send(&connectors, &update("elsewhere")).await);
    assert_eq!((error.class, error.sent), (ErrorClass::Config, Sent::Undone));
    assert_eq!(server.seen().len(), 4);
    let error = failed(send(&connectors, &update("unread")).await);
    assert!(error.leaves_open(), "{error:?}");
}
