//! The way to a system: a proxy, an authority of one's own, HTTP/2; and where no request ever goes.

use super::server::{Say, Server, json};
use super::*;
use crate::diagnostics::Code;
use crate::engine::connector::Sent;
use crate::graph::ErrorClass;
use axum::serve::Listener;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

fn get() -> Request {
    request("http.get", None).param("path", "orders")
}

fn through(url: &str, more: &str, env: &[(&str, &str)]) -> Result<Connectors, Vec<Diagnostic>> {
    let yaml = format!(
        "connections:\n  shop:\n    system: http\n    base_url: {url}/api\n    auth: {{ bearer: env://KEY }}\n    {more}\n"
    );
    let env: Vec<(&str, &str)> = ENV.iter().chain(env).copied().collect();
    Ok(Connectors::new(Catalog::bundled(), configs(&yaml, &env)?).unwrap())
}

#[tokio::test]
async fn requests_go_through_the_connections_proxy() {
    let proxy = Server::start(|_| json(200, r#"{"by":"proxy"}"#)).await;
    // Nobody listens there: only the proxy can have answered.
    let nowhere = "http://127.0.0.1:9";
    let with_password = proxy.url().replace("http://", "http://me:s3cret@");
    for (more, header) in
        [(format!("proxy: {}", proxy.url()), None), ("proxy: env://PROXY".to_owned(), Some("Basic bWU6czNjcmV0"))]
    {
        let connectors = through(nowhere, &more, &[("PROXY", &with_password)]).unwrap();
        let row = done(send(&connectors, &get()).await);
        assert_eq!(written(&row.value), r#"{"by":"proxy"}"#);
        let asked = proxy.all().pop().unwrap();
        assert_eq!(asked.target, format!("{nowhere}/api/orders"));
        assert_eq!(asked.header("proxy-authorization"), header);
    }
    let refused = through(nowhere, "proxy: env://PROXY", &[("PROXY", "socks://x")]).err().unwrap();
    assert_eq!(refused[0].code, Code::F0452);
}

#[tokio::test]
async fn redirects_are_not_followed_and_take_no_credentials_along() {
    let elsewhere = Server::start(|_| json(200, "{}")).await;
    let location = format!("{}/api/orders", elsewhere.url());
    let server = Server::start(move |_| Say::Answer(307, vec![("Location", location.clone())], String::new())).await;
    let error = failed(send(&through(&server.url(), "limits: { timeout: 5s }", &[]).unwrap(), &get()).await);
    assert_eq!((error.class, error.code.as_str(), error.sent), (ErrorClass::Config, "redirected", Sent::Undone));
    assert_eq!(elsewhere.all().len(), 0);
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut() {
    let server = Server::start(|_| Say::Answer(200, vec![], "x".repeat(33 << 20))).await;
    let error = failed(send(&through(&server.url(), "limits: { timeout: 20s }", &[]).unwrap(), &get()).await);
    assert_eq!(error.code.as_str(), "connection_lost");
    assert!(error.message.contains("longer than 32 MiB"), "{error:?}");
}

/// A listener that speaks TLS with a certificate that no machine trusts.
struct Secure {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/first.crt");

async fn secure() -> String {
    let read = |name: &str| std::fs::read(CERTIFICATE.replace("first.crt", name)).unwrap();
    let chain = CertificateDer::pem_slice_iter(&read("first.crt")).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(&read("first.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = async |request: axum::extract::Request| format!("{{\"version\":\"{:?}\"}}", request.version());
    let router = axum::Router::new().fallback(answer);
    let secure = Secure { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
    tokio::spawn(async move { axum::serve(secure, router).await });
    format!("https://localhost:{port}")
}

#[tokio::test]
async fn a_private_authority_is_trusted_by_its_connection_alone_and_http_2_is_spoken() {
    let url = secure().await;
    let connectors = through(&url, &format!("ca: file://{CERTIFICATE}"), &[]).unwrap();
    assert_eq!(written(&done(send(&connectors, &get()).await).value), r#"{"version":"HTTP/2.0"}"#);
    let stranger = through(&url, "limits: { timeout: 5s }", &[]).unwrap();
    let error = failed(send(&stranger, &get()).await);
    assert_eq!((error.class, error.sent), (ErrorClass::Unavailable, Sent::Undone));
    for (file, said) in [("file:///nowhere.crt", "cannot be read"), ("file:///etc/hostname", "no certificate")] {
        let refused = through(&url, &format!("ca: {file}"), &[]).err().unwrap();
        assert_eq!(refused[0].code, Code::F0454, "{said}");
    }
}
