//! Any JSON API: paths, queries, who we are, and keys.

use super::server::{Say, Server, json};
use super::*;
use crate::engine::connector::Sent;
use crate::graph::ErrorClass;

fn shop(url: &str, auth: &str) -> Connectors {
    let yaml = format!("connections:\n  shop:\n    system: http\n    base_url: {url}/api\n    {auth}\n");
    Connectors::new(Catalog::bundled(), configs(&yaml, ENV).unwrap()).unwrap()
}

#[tokio::test]
async fn paths_and_queries_stay_below_the_base() {
    let server = Server::start(|_| json(200, r#"{"id":"o-1","total":10.50}"#)).await;
    let connectors = shop(&server.url(), "auth: { bearer: env://KEY }");
    let get = |path: &str| request("http.get", None).param("path", path);
    let row = done(send(&connectors, &get("orders/a%2Fb/lines")).await);
    assert_eq!(written(&row.value), r#"{"id":"o-1","total":10.50}"#);
    let query = value(r#"{"page":2,"status":["paid","a&b=c"],"none":null,"from":"2026-11-02"}"#);
    done(
        send(&connectors, &get("/orders/").param("params", query).param("headers", value(r#"{"X-Trace":"t1"}"#))).await,
    );
    done(send(&connectors, &get("orders/naïve name")).await);
    let seen = server.seen();
    let targets: Vec<&str> = seen.iter().map(|asked| asked.target.as_str()).collect();
    assert_eq!(
        targets,
        [
            "/api/orders/a%2Fb/lines",
            "/api/orders/?page=2&status=paid&status=a%26b%3Dc&from=2026-11-02",
            "/api/orders/na%C3%AFve%20name"
        ]
    );
    assert_eq!(seen[1].header("x-trace"), Some("t1"));
    assert_eq!(seen[0].header("authorization"), Some("Bearer rk_test_secret"));
    for path in ["../admin", "orders/../../x", "a/%2e%2E/b", "a//b", "//evil.example/x", "a?x=1", "a#b", "a\\b", "."] {
        let error = failed(send(&connectors, &get(path)).await);
        assert_eq!((error.class, error.sent), (ErrorClass::Data, Sent::Undone), "{path}: {error:?}");
    }
    // Whatever a flow writes, it cannot pass for somebody else.
    let forged = get("x").param("headers", value(r#"{"Authorization":"Bearer other"}"#));
    done(send(&connectors, &forged).await);
    assert_eq!(server.seen()[3].header("authorization"), Some("Bearer rk_test_secret"));
    let torn = get("x").param("headers", value(r#"{"X-A":"a\r\nX-B: b"}"#));
    assert_eq!(failed(send(&connectors, &torn).await).sent, Sent::Undone);
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn each_way_to_show_who_asks() {
    let server = Server::start(|asked| match asked.target.as_str() {
        "/api/token" => json(200, r#"{"access_token":"tok-1","expires_in":3600}"#),
        _ => json(200, "{}"),
    })
    .await;
    for (auth, header, expected) in [
        ("auth: { basic: { user: me, password: env://SECRET } }", "authorization", Some("Basic bWU6czNjcmV0")),
        ("auth: { header: { name: X-Api-Key, value: env://SECRET } }", "x-api-key", Some("s3cret")),
        ("auth: { query: { name: key, value: env://SECRET } }", "authorization", None),
        ("timeout_is: absent", "authorization", None),
    ] {
        let auth = if auth.starts_with("timeout") { "limits: { timeout: 5s }" } else { auth };
        done(send(&shop(&server.url(), auth), &request("http.get", None).param("path", "x")).await);
        let asked = server.all().pop().unwrap();
        assert_eq!(asked.header(header), expected, "{auth}");
        assert_eq!(asked.query("key").as_deref(), auth.contains("query").then_some("s3cret"), "{auth}");
    }
    let auth = format!(
        "auth: {{ oauth2: {{ url: {}/api/token, client_id: env://ID, client_secret: env://SECRET, scope: orders }} }}",
        server.url()
    );
    let connectors = shop(&server.url(), &auth);
    for _ in 0..2 {
        done(send(&connectors, &request("http.get", None).param("path", "x")).await);
    }
    let tokens: Vec<_> = server.all().into_iter().filter(|asked| asked.target == "/api/token").collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].body, "grant_type=client_credentials&client_id=app&client_secret=s3cret&scope=orders");
    assert_eq!(server.all().pop().unwrap().header("authorization"), Some("Bearer tok-1"));
}

#[tokio::test]
async fn writes_carry_the_key_where_the_flow_says_so() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "DELETE" => Say::Answer(204, vec![], String::new()),
        "PUT" => Say::Answer(422, vec![], r#"{"error":{"code":"sku_unknown","message":"There is no SKU X"}}"#.into()),
        _ => json(201, r#"{"id":7}"#),
    })
    .await;
    let connectors = shop(&server.url(), "auth: { bearer: env://KEY }");
    let post = request("http.post", None).param("path", "orders").param("repeat", "header.Idempotency-Key");
    let post = post.body(r#"{"sku":"X","price":1.10}"#);
    assert_eq!(failed(send(&connectors, &post).await).sent, Sent::Undone, "never without a key");
    let row = done(send(&connectors, &post.clone().key("flowctl-1-2")).await);
    assert_eq!(written(&row.value), r#"{"id":7}"#);
    let asked = &server.seen()[0];
    assert_eq!(asked.header("idempotency-key"), Some("flowctl-1-2"));
    assert_eq!(
        (asked.body.as_str(), asked.header("content-type")),
        (r#"{"sku":"X","price":1.10}"#, Some("application/json"))
    );
    done(send(&connectors, &request("http.delete", None).param("path", "orders/7")).await);
    done(send(&connectors, &request("http.request", None).param("path", "orders/7").param("method", "PATCH")).await);
    assert_eq!(server.seen()[2].method, "PATCH");
    let error = failed(send(&connectors, &request("http.put", None).param("path", "orders/7").body("{}")).await);
    assert_eq!(
        (error.class, error.code.as_str(), error.message.as_str()),
        (ErrorClass::Data, "sku_unknown", "There is no SKU X")
    );
    // Nothing came back, and nothing was said of a type.
    let empty = Server::start(|_| Say::Answer(204, vec![], String::new())).await;
    let done_so = done(send(&shop(&empty.url(), "limits: { timeout: 5s }"), &post.key("k")).await);
    assert_eq!(done_so.value, Value::Null);
}
