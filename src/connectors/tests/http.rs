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

fn list(paging: &str) -> Request {
    let list = request("http.list", None).param("path", "orders").param("params", value(r#"{"status":"open"}"#));
    if paging.is_empty() { list } else { list.param("paging", value(paging)) }
}

/// Five orders, two of them on a page, in every way in which they can be asked for.
fn orders(asked: &super::server::Asked, url: &str) -> Say {
    let of = |from: usize| {
        let rows: Vec<String> = (from + 1..=5.min(from + 2)).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
        rows.join(",")
    };
    let number = |name: &str, default| asked.query(name).map_or(default, |text| text.parse::<usize>().unwrap());
    let path = asked.target.split('?').next().unwrap();
    let page = number("page", 1);
    let next = (page < 3).then_some(page + 1);
    match path {
        "/api/body" => {
            let next = next.map_or("null".into(), |n| format!(r#""{url}/api/body?status=open&page={n}""#));
            json(200, format!(r#"{{"data":[{}],"links":{{"next":{next}}}}}"#, of(2 * page - 2)))
        }
        "/api/relative" => {
            let next = next.map_or(String::new(), |n| format!("?page={n}"));
            json(200, format!(r#"{{"data":[{}],"next":"{next}"}}"#, of(2 * page - 2)))
        }
        "/api/header" => {
            let last = format!(r#"<{url}/api/header?page=3>; title="a, b"; rel="last""#);
            let link =
                next.map_or(last.clone(), |n| format!(r#"{last}, <{url}/api/header?page={n}>; rel="prefetch next""#));
            Say::Answer(200, vec![("Link", link)], format!("[{}]", of(2 * page - 2)))
        }
        "/api/numbered" => json(200, format!(r#"{{"data":[{}],"pages":3,"all":5}}"#, of(2 * page - 2))),
        "/api/offset" => json(200, format!(r#"{{"data":[{}],"all":5}}"#, of(number("skip", 0)))),
        "/api/token" => {
            let next = next.map_or("null".into(), |n| n.to_string());
            json(200, format!(r#"{{"data":[{}],"cursor":{next}}}"#, of(2 * page - 2)))
        }
        "/api/after" => {
            let from = number("after", 0);
            json(200, format!(r#"{{"data":[{}],"more":{}}}"#, of(from), from + 2 < 5))
        }
        _ => json(404, "{}"),
    }
}

#[tokio::test]
async fn a_list_is_read_to_its_end_in_each_way() {
    let url = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let known = url.clone();
    let server = Server::start(move |asked| orders(asked, known.get().unwrap())).await;
    url.set(server.url()).unwrap();
    let connectors = shop(&server.url(), "auth: { bearer: env://KEY }");
    let mut asked = 0;
    for (path, paging, pages) in [
        ("body", r#"{"rows":"$.data","next":"$.links.next"}"#, 3),
        ("relative", r#"{"rows":"$.data","next":"$.next"}"#, 3),
        ("header", r#"{"next":"response.header.Link"}"#, 3),
        ("numbered", r#"{"rows":"$.data","page":"query.page","total":"$.pages","count":"$.all"}"#, 3),
        // Without a total until a page is empty.
        ("numbered", r#"{"rows":"$.data","page":"query.page"}"#, 4),
        ("offset", r#"{"rows":"$.data","offset":"query.skip","count":"$.all","size":{"query.take":2}}"#, 3),
        ("offset", r#"{"rows":"$.data","offset":"query.skip"}"#, 4),
        ("token", r#"{"rows":"$.data","token":{"query.page":"$.cursor"}}"#, 3),
        ("after", r#"{"rows":"$.data","after":{"query.after":"id"},"more":"$.more"}"#, 3),
        ("after", r#"{"rows":"$.data","after":{"query.after":"id"}}"#, 4),
    ] {
        let mut list = list(paging);
        list.params[0].1 = Parameter::Value(path.into());
        let row = done(send(&connectors, &list).await);
        assert_eq!(written(&row.value), r#"[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5}]"#, "{path} {paging}");
        let seen = server.seen();
        assert_eq!(seen.len() - asked, pages, "{path} {paging}");
        assert_eq!(seen[asked].query("status").as_deref(), Some("open"));
        let with_own = !matches!(path, "relative" | "header");
        assert_eq!(seen[seen.len() - 1].query("status").is_some(), with_own, "{path}: the link is the server's own");
        assert!(seen.iter().all(|one| one.header("authorization") == Some("Bearer rk_test_secret")));
        if paging.contains("size") {
            assert_eq!(seen[seen.len() - 1].query("take").as_deref(), Some("2"));
        }
        asked = seen.len();
    }
    // No more pages than the rows that are wanted.
    let mut some = list(r#"{"rows":"$.data","page":"query.page"}"#).param("limit", 3);
    some.params[0].1 = Parameter::Value("numbered".into());
    assert_eq!(written(&done(send(&connectors, &some).await).value), r#"[{"id":1},{"id":2},{"id":3}]"#);
    assert_eq!(server.seen().len() - asked, 2);
}

#[tokio::test]
async fn a_list_without_an_end_is_an_error() {
    let server = Server::start(|asked| match asked.target.split('?').next().unwrap() {
        "/api/self" => json(200, r#"{"data":[{"id":1}],"next":"/api/self?page=2"}"#),
        "/api/deaf" => json(200, r#"{"data":[{"id":1}]}"#),
        "/api/foreign" => json(200, r#"{"data":[{"id":1}],"next":"https://evil.example/api/x"}"#),
        "/api/none" => json(200, r#"{"data":{"id":1}}"#),
        _ => json(200, r#"[{"id":1}]"#),
    })
    .await;
    let connectors = shop(&server.url(), "auth: { bearer: env://KEY }");
    let of = |path: &str, paging: &str| {
        let mut list = list(paging);
        list.params[0].1 = Parameter::Value(path.into());
        list
    };
    for (path, paging, class, code, says) in [
        (
            "self",
            r#"{"rows":"$.data","next":"$.next"}"#,
            ErrorClass::Unavailable,
            "unreadable_answer",
            "the same page again",
        ),
        (
            "deaf",
            r#"{"rows":"$.data","page":"query.page"}"#,
            ErrorClass::Unavailable,
            "unreadable_answer",
            "the page before once more",
        ),
        ("foreign", r#"{"rows":"$.data","next":"$.next"}"#, ErrorClass::Config, "foreign_link", "evil.example"),
        ("none", r#"{"rows":"$.data","next":"$.next"}"#, ErrorClass::Unavailable, "unreadable_answer", "has no list"),
    ] {
        let error = failed(send(&connectors, &of(path, paging)).await);
        assert_eq!((error.class, error.code.as_str()), (class, code), "{path}: {error:?}");
        assert!(error.message.contains(says), "{path}: {}", error.message);
    }
    // Nothing said of pages: the answer is the list.
    assert_eq!(written(&done(send(&connectors, &of("plain", "")).await).value), r#"[{"id":1}]"#);
}
