//! PayPal's deliveries: signed ones are taken, and none with a bit of it changed.

use super::*;
use crate::connectors::{Connectors, resolve_all};
use crate::model::load::Project;
use crate::store::{EventFilter, Page};
use crate::triggers::ingress::{Answer, Delivery, take};
use crate::triggers::paypal::certificate::{Authority, Chain};
use crate::triggers::paypal::transmission::{Transmission, signed};
use crate::triggers::paypal::{How, Unproved, Verifier};
use axum::body::Bytes;
use axum::http::{StatusCode, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use std::collections::BTreeMap;
use std::sync::Mutex;
use url::Url;

const CERTIFICATE: &str = include_str!("../../sandbox/paypal/certificate.pem");
const KEY: &str = include_str!("../../sandbox/paypal/certificate.key");
const EXPIRED: &str = include_str!("paypal_certificates/expired.pem");
const STRANGE: (&str, &str) =
    (include_str!("paypal_certificates/strange.pem"), include_str!("paypal_certificates/strange.key"));
const OTHER_NAME: (&str, &str) =
    (include_str!("paypal_certificates/livename.pem"), include_str!("paypal_certificates/livename.key"));

const WEBHOOK: &str = "8PV16905TY216884F";
const TIME: &str = "2026-11-02T09:00:00Z";
const CAPTURE: &str = r#"{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED","event_version":"1.0","create_time":"2026-11-02T08:59:58Z","resource_type":"capture","resource":{"id":"3C6","status":"COMPLETED","amount":{"currency_code":"USD","value":"10.50"}}}"#;

fn sign(key: &str, text: &str) -> String {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let key = RsaKeyPair::from_pkcs8(key.secret_der()).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    STANDARD.encode(signature)
}

/// The headers of a sending, signed by that key.
fn headers(key: &str, webhook: &str, time: &str, certificate: &str, body: &str) -> Vec<(String, String)> {
    let signature = sign(key, &signed("69cd13f0-d67a-11e5-baa3-778b53f4ae55", time, webhook, body.as_bytes()));
    [
        ("paypal-transmission-id", "69cd13f0-d67a-11e5-baa3-778b53f4ae55"),
        ("paypal-transmission-time", time),
        ("paypal-transmission-sig", &signature),
        ("paypal-cert-url", certificate),
        ("paypal-auth-algo", "SHA256withRSA"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn read(headers: &[(String, String)]) -> Result<Transmission<'_>, Unproved> {
    Transmission::read(|name| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()))
}

fn stand_in() -> Authority {
    Authority::of(false, &Url::parse("http://127.0.0.1:1/").unwrap())
}

fn verify(certificate: &str, headers: &[(String, String)], body: &str) -> Result<(), Unproved> {
    Chain::read(certificate.as_bytes()).unwrap().verify(&stand_in(), &read(headers)?, &[WEBHOOK], body.as_bytes())
}

fn status(verified: Result<(), Unproved>) -> u16 {
    match verified {
        Ok(()) => 200,
        Err(Unproved::Refused { status, .. }) => status,
        Err(Unproved::Later { .. }) => 503,
    }
}

#[test]
fn a_signed_transmission_verifies_and_nothing_changed_does() {
    let sent = headers(KEY, WEBHOOK, TIME, "x", CAPTURE);
    assert_eq!(verify(CERTIFICATE, &sent, CAPTURE), Ok(()));
    // One bit of the body, of each signed header, of the signature.
    for at in 0..CAPTURE.len() {
        let mut body = CAPTURE.as_bytes().to_vec();
        body[at] ^= 1;
        let chain = Chain::read(CERTIFICATE.as_bytes()).unwrap();
        let verified = chain.verify(&stand_in(), &read(&sent).unwrap(), &[WEBHOOK], &body);
        assert_eq!(status(verified), 401, "byte {at}");
    }
    for (name, changed) in [
        ("paypal-transmission-id", "69cd13f0-d67a-11e5-baa3-778b53f4ae54"),
        ("paypal-transmission-time", "2026-11-02T09:00:01Z"),
        ("paypal-transmission-time", "2026-11-02T09:00:00.000Z"),
        ("paypal-auth-algo", "SHA1withRSA"),
        ("paypal-auth-algo", "none"),
    ] {
        let with =
            |(known, value): (String, String)| if known == name { (known, changed.to_owned()) } else { (known, value) };
        let sent: Vec<_> = sent.clone().into_iter().map(with).collect();
        assert_eq!(status(verify(CERTIFICATE, &sent, CAPTURE)), 401, "{name}");
    }
    let mut transmission = read(&sent).unwrap();
    for at in [0, 100, 255] {
        let good = transmission.signature.clone();
        transmission.signature[at] ^= 1;
        let chain = Chain::read(CERTIFICATE.as_bytes()).unwrap();
        assert_eq!(status(chain.verify(&stand_in(), &transmission, &[WEBHOOK], CAPTURE.as_bytes())), 401);
        transmission.signature = good;
    }
    // For another webhook.
    let others = headers(KEY, "0FV983392A0531201", TIME, "x", CAPTURE);
    assert_eq!(status(verify(CERTIFICATE, &others, CAPTURE)), 401);
}

#[test]
fn a_certificate_that_is_not_paypals_signs_nothing() {
    let why = |certificate: &str, key: &str, time: &str| match verify(
        certificate,
        &headers(key, WEBHOOK, time, "x", CAPTURE),
        CAPTURE,
    ) {
        Err(Unproved::Refused { status: 401, why }) => why,
        other => panic!("{other:?}"),
    };
    // Of another authority of the same name.
    assert!(why(STRANGE.0, STRANGE.1, TIME).contains("is not PayPal's"));
    assert!(why(EXPIRED, KEY, TIME).contains("Expired"));
    assert!(why(OTHER_NAME.0, OTHER_NAME.1, TIME).contains("NotValidForName"), "the live one's, in the sandbox");
    // Good again at a time when it was valid: a past transmission is judged by its own time.
    let sent = headers(KEY, WEBHOOK, "2019-06-01T00:00:00Z", "x", CAPTURE);
    assert_eq!(verify(EXPIRED, &sent, CAPTURE), Ok(()));
    // PayPal's own roots have not signed for the stand-in.
    let sent = headers(KEY, WEBHOOK, TIME, "x", CAPTURE);
    let chain = Chain::read(CERTIFICATE.as_bytes()).unwrap();
    let verified = chain.verify(&Authority::Sandbox, &read(&sent).unwrap(), &[WEBHOOK], CAPTURE.as_bytes());
    assert_ne!(status(verified), 200);
    for bad in ["", "-----BEGIN CERTIFICATE-----\n", &CERTIFICATE.repeat(7)] {
        assert!(Chain::read(bad.as_bytes()).is_err());
    }
}

#[test]
fn a_certificate_that_is_served_alone_says_where_its_issuer_is() {
    let mut chain = Chain::read(include_bytes!("paypal_certificates/below.pem")).unwrap();
    assert!(!chain.is_whole(&stand_in()));
    assert_eq!(chain.issuer_address().unwrap().as_str(), "http://issuer.example/intermediate.crt");
    let sent = headers(KEY, WEBHOOK, TIME, "x", CAPTURE);
    let verified = chain.verify(&stand_in(), &read(&sent).unwrap(), &[WEBHOOK], CAPTURE.as_bytes());
    assert_eq!(status(verified), 503, "who issued it is not known here: that is no forgery");
    chain.add(include_bytes!("paypal_certificates/intermediate.der"));
    assert!(chain.is_whole(&stand_in()));
    // Another key than the one that signed.
    let verified = chain.verify(&stand_in(), &read(&sent).unwrap(), &[WEBHOOK], CAPTURE.as_bytes());
    assert_eq!(status(verified), 401);
    assert_eq!(Chain::read(CERTIFICATE.as_bytes()).unwrap().issuer_address(), None);
}

#[test]
fn malformed_headers_are_told_apart_from_forged_ones() {
    let sent = headers(KEY, WEBHOOK, TIME, "x", CAPTURE);
    for missing in 0..sent.len() {
        let mut sent = sent.clone();
        sent.remove(missing);
        assert!(matches!(read(&sent), Err(Unproved::Refused { status: 400, .. })), "{missing}");
    }
    for (name, value) in [
        ("paypal-transmission-time", "yesterday"),
        ("paypal-transmission-sig", "no base64"),
        ("paypal-transmission-id", &"x".repeat(2000)),
    ] {
        let mut sent = sent.clone();
        sent.iter_mut().filter(|(known, _)| known == name).for_each(|header| header.1 = value.to_owned());
        assert!(matches!(read(&sent), Err(Unproved::Refused { status: 400, .. })), "{name}");
    }
}

#[test]
fn certificates_come_from_paypals_own_addresses_only() {
    let live = |url: &str| Authority::Live.address(url).is_ok();
    let sandbox = |url: &str| Authority::Sandbox.address(url).is_ok();
    assert!(live("https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270"));
    assert!(live("https://api-m.paypal.com:443/v1/notifications/certs/CERT-1"));
    assert!(sandbox("https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1"));
    // The sandbox's certificates are its own, and so are the live ones.
    assert!(!live("https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1"));
    assert!(!sandbox("https://api.paypal.com/v1/notifications/certs/CERT-1"));
    for forged in [
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:8443/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.evil.com/v1/notifications/certs/CERT-1",
        "https://evil.com/#api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com@evil.com/v1/notifications/certs/CERT-1",
        "https://evil@api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/../../../evil",
        "https://api.paypal.com/v1/notifications/certs/%2e%2e/evil",
        "https://api.paypal.com/v1/notifications/certs/",
        "https://api.paypal.com/v1/notifications/certs/CERT-1?x=1",
        "https://api.paypal.com/v1/notifications/webhooks-events/CERT-1",
        "https://www.paypal.com/v1/notifications/certs/CERT-1",
        "https://127.0.0.1/v1/notifications/certs/CERT-1",
        "file:///v1/notifications/certs/CERT-1",
        "CERT-1",
    ] {
        assert!(!live(forged), "{forged}");
    }
    let own = Authority::of(false, &Url::parse("http://127.0.0.1:12113/").unwrap());
    assert!(own.address("http://127.0.0.1:12113/v1/notifications/certs/CERT-1").is_ok());
    assert!(own.address("http://127.0.0.1:12114/v1/notifications/certs/CERT-1").is_err());
    // A proxy elsewhere is no stand-in, and neither is a live connection on this machine.
    assert_eq!(Authority::of(false, &Url::parse("https://proxy.example/").unwrap()), Authority::Sandbox);
    assert_eq!(Authority::of(true, &Url::parse("http://127.0.0.1:1/").unwrap()), Authority::Live);
}

#[test]
fn the_question_for_paypal_holds_the_body_as_it_came() {
    let sent = headers(KEY, WEBHOOK, TIME, "https://x", CAPTURE);
    let transmission = read(&sent).unwrap();
    let body = "{ \"b\":1.10, \"a\":\"\\u00e9\\/\" }";
    let question = transmission.question(WEBHOOK, body.as_bytes()).unwrap();
    assert!(question.ends_with(&format!("\"webhook_id\":\"{WEBHOOK}\",\"webhook_event\":{body}}}")), "{question}");
    assert!(
        question.starts_with("{\"transmission_id\":\"69cd13f0-d67a-11e5-baa3-778b53f4ae55\",\"transmission_time\":")
    );
    // What is no whole object could say more than an event.
    for body in ["{},\"webhook_id\":\"mine\"", "{}{}", "[1]", "", "{"] {
        assert_eq!(transmission.question(WEBHOOK, body.as_bytes()), None, "{body}");
    }
}

/// PayPal on this machine: serves what `answer` gives for a path; the paths that were asked.
async fn provider(answer: fn(&str, usize) -> (u16, String)) -> (String, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = asked.clone();
    let router = axum::Router::new().fallback(move |uri: Uri, _body: Bytes| {
        let count = {
            let mut seen = seen.lock().unwrap();
            seen.push(uri.path().to_owned());
            seen.iter().filter(|path| *path == uri.path()).count()
        };
        let (status, body) = match uri.path() {
            "/v1/oauth2/token" => (200, r#"{"access_token":"A21","expires_in":32400}"#.to_owned()),
            path => answer(path, count),
        };
        std::future::ready((StatusCode::from_u16(status).unwrap(), body))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, asked)
}

fn paypal(url: &str, how: How) -> Endpoint {
    let yaml = format!(
        "connections:\n  paypal: {{ system: paypal, mode: sandbox, base_url: '{url}', client_id: app, client_secret: env://S }}\n"
    );
    let texts = BTreeMap::from([
        ("flowctl.yaml".to_string(), Arc::from("project: test\nversion: 1\n")),
        ("connections.yaml".to_string(), Arc::from(yaml.as_str())),
    ]);
    let connections = Project::from_files(&texts).0.effective(None).unwrap().connections;
    let catalog = Catalog::bundled();
    let env = |_: &str| Some("secret".to_string());
    let configs = resolve_all(&connections, &catalog, std::path::Path::new("/nowhere"), &env).unwrap();
    let authority = Authority::of(false, &configs["paypal"].base);
    let connectors = Arc::new(Connectors::new(catalog.clone(), configs).unwrap());
    let hour = Duration::from_secs(3600);
    let verifier = Verifier::new(connectors, "paypal".into(), WEBHOOK.into(), how, authority, hour);
    Endpoint {
        connection: "paypal".to_owned(),
        system: Arc::new(catalog.system("paypal").unwrap().clone()),
        verification: Verification::Paypal(Arc::new(verifier)),
        ..endpoint()
    }
}

async fn deliver(endpoint: &Endpoint, store: &dyn Store, headers: &[(String, String)], body: &str, at: &str) -> Answer {
    let flows = [flow("captures", "paypal", "PAYMENT.CAPTURE.COMPLETED")];
    let (body, received_at) = (Bytes::copy_from_slice(body.as_bytes()), at.parse::<Timestamp>().unwrap());
    take(endpoint, &flows, store, Delivery { headers, body, received_at, query: None }).await
}

fn certificate(path: &str, _: usize) -> (u16, String) {
    match path {
        "/v1/notifications/certs/CERT-1" => (200, CERTIFICATE.to_owned()),
        _ => (404, String::new()),
    }
}

#[tokio::test]
async fn a_delivery_is_proved_here_with_a_certificate_that_is_fetched_once() {
    let (_folder, store) = store();
    let (url, asked) = provider(certificate).await;
    let endpoint = paypal(&url, How::Local);
    let at = format!("{url}/v1/notifications/certs/CERT-1");
    let sent = headers(KEY, WEBHOOK, TIME, &at, CAPTURE);
    assert_eq!(deliver(&endpoint, &*store, &sent, CAPTURE, TIME).await, Answer::Kept { runs: 1 });
    // The same event, sent anew: another transmission.
    let again = headers(KEY, WEBHOOK, "2026-11-02T09:10:00Z", &at, CAPTURE);
    assert_eq!(deliver(&endpoint, &*store, &again, CAPTURE, "2026-11-02T09:10:01Z").await, Answer::Duplicate);
    let forged = CAPTURE.replace("10.50", "99.50");
    assert_eq!(deliver(&endpoint, &*store, &sent, &forged, TIME).await.status(), 401);
    // Replayed long after, or before it was made.
    for late in ["2026-11-02T10:00:01Z", "2026-11-02T07:59:59Z"] {
        assert_eq!(deliver(&endpoint, &*store, &sent, CAPTURE, late).await.status(), 401);
    }
    assert_eq!(store.events(EventFilter::default(), Page::first(9)).await.unwrap().items.len(), 1);
    assert_eq!(*asked.lock().unwrap(), ["/v1/notifications/certs/CERT-1"]);
}

#[tokio::test]
async fn events_of_the_simulator_are_taken_in_the_sandbox() {
    let (_folder, store) = store();
    let (url, _) = provider(certificate).await;
    let endpoint = paypal(&url, How::Local);
    let sent = headers(KEY, "WEBHOOK_ID", TIME, &format!("{url}/v1/notifications/certs/CERT-1"), CAPTURE);
    assert_eq!(deliver(&endpoint, &*store, &sent, CAPTURE, TIME).await, Answer::Kept { runs: 1 });
}

#[tokio::test]
async fn what_cannot_be_verified_now_comes_again() {
    let (_folder, store) = store();
    let (url, asked) = provider(|_, _| (500, String::new())).await;
    let endpoint = paypal(&url, How::Local);
    let sent = headers(KEY, WEBHOOK, TIME, &format!("{url}/v1/notifications/certs/CERT-1"), CAPTURE);
    assert_eq!(deliver(&endpoint, &*store, &sent, CAPTURE, TIME).await.status(), 503);
    // It is not asked for again at once.
    assert_eq!(deliver(&endpoint, &*store, &sent, CAPTURE, TIME).await.status(), 503);
    assert_eq!(asked.lock().unwrap().len(), 1);
    let elsewhere = headers(KEY, WEBHOOK, TIME, "https://evil.com/v1/notifications/certs/CERT-1", CAPTURE);
    assert_eq!(deliver(&endpoint, &*store, &elsewhere, CAPTURE, TIME).await.status(), 401);
    assert_eq!(asked.lock().unwrap().len(), 1);
    assert!(store.events(EventFilter::default(), Page::first(9)).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn paypal_is_asked_where_the_connection_says_so() {
    let (_folder, store) = store();
    let (url, asked) = provider(|_, count| match count {
        1 => (200, r#"{"verification_status":"SUCCESS"}"#.into()),
        2 => (200, r#"{"verification_status":"FAILURE"}"#.into()),
        3 => (400, r#"{"name":"VALIDATION_ERROR"}"#.into()),
        4 => (500, String::new()),
        _ => (200, "{}".into()),
    })
    .await;
    let endpoint = paypal(&url, How::Postback);
    let sent = headers(KEY, WEBHOOK, TIME, "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1", CAPTURE);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(deliver(&endpoint, &*store, &sent, CAPTURE, TIME).await.status());
    }
    assert_eq!(statuses, [200, 401, 401, 503, 503]);
    assert_eq!(asked.lock().unwrap()[1], "/v1/notifications/verify-webhook-signature");
    // What is no JSON is not asked about.
    assert_eq!(deliver(&endpoint, &*store, &sent, "{},", TIME).await.status(), 400);
    assert_eq!(asked.lock().unwrap().len(), 6);
}
