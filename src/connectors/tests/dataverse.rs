//! Dataverse: what is sent equals what other clients of its Web API send, and its errors mean what they mean.

use super::server::{Asked, Say, Server, json};
use super::*;
use crate::catalog::Is;
use crate::diagnostics::Sources;
use crate::engine::connector::Write;
use crate::graph::{ErrorClass, Member, Param};
use std::collections::BTreeMap as Map;

const GUID: &str = "00000000-0000-0000-0000-000000000001";
const KEY: &str = "flowctl-0a1b2c3d-0123456789abcdef0123456789abcdef";
const MADE: &str = "404e0720-3af8-81d8-8813-8eea301b5cb2";

/// The catalogue of a project that has an alternate key on accounts.
fn catalog() -> Catalog {
    let mut sources = Sources::default();
    let text = r#"{ "type": "object", "x-extends": "dataverse.accounts", "x-alternate-keys": [["new_payerid"]],
        "properties": { "new_payerid": { "type": ["string", "null"], "maxLength": 50 } } }"#;
    let file = sources.add("types/dataverse/accounts.json", text);
    let (catalog, findings) = Catalog::bundled().of_project([(file, &sources.get(file))]);
    assert_eq!(findings, vec![]);
    catalog
}

fn crm(url: &str) -> Connectors {
    let yaml = format!(
        "connections:\n  crm: {{ system: dataverse, base_url: '{url}', authority: '{url}', client_id: env://ID, \
         client_secret: env://SECRET, tenant: 8c1d2b1e-0000-4000-8000-000000000000, limits: {{ rate: 1000/s, timeout: 5s }} }}\n"
    );
    Connectors::new(catalog(), configs(&yaml, ENV).unwrap()).unwrap()
}

/// Answers token requests, everything else as said.
async fn server(say: impl Fn(&Asked) -> Say + Send + Sync + 'static) -> Server {
    Server::start(move |asked| match asked.target.ends_with("/oauth2/v2.0/token") {
        true => json(200, r#"{"access_token":"t1","expires_in":3599}"#),
        false => say(asked),
    })
    .await
}

fn asks(operation: &str, entity: Option<&str>) -> Request {
    Request { connection: "crm".into(), ..request(&format!("dataverse.{operation}"), entity) }
}

/// An operation as a flow's compiler binds it, with the project's own columns.
fn bound(request: &Request) -> Operation {
    let catalog = catalog();
    let types = Types::bundled(&catalog);
    let (system, operation) = catalog.operation(&request.operation).unwrap();
    let entity = request.entity.as_ref().and_then(|name| system.entities.get(name.as_str()));
    Operation {
        result: types.resolve(&operation.result().ty, system, entity).unwrap_or_else(Type::any),
        ..graph(request)
    }
}

async fn does(connectors: &Connectors, request: &Request) -> Outcome {
    let operation = bound(request);
    connectors.send(request, &Attempt { operation: &operation, number: 1, timeout: None }).await
}

/// An order with a line, in one change set.
fn change_set() -> (Request, Operation) {
    let header = asks("create", Some("salesorders")).body(r#"{"name":"PP-1"}"#);
    let line = r#"{"isproductoverridden":true,"quantity":1,"priceperunit":10}"#;
    let line = asks("create", Some("salesorderdetails")).body(line);
    let member = |id: &str, request: &Request, refer: Vec<(Text, Text)>| Member {
        id: id.into(),
        operation: bound(request),
        each: None,
        refer,
    };
    let members = vec![
        member("header", &header, vec![]),
        Member { id: "line".into(), ..member("line", &line, vec![("salesorderid".into(), "header".into())]) },
    ];
    let writes = vec![
        Write { path: "header".into(), request: header, refer: vec![] },
        Write { path: "line/1".into(), request: line, refer: vec![("salesorderid".into(), 0)] },
    ];
    let mut set = asks("changeset", None).key(KEY);
    let operation = Operation { params: vec![("writes".into(), Param::Writes(members))], ..bound(&set) };
    set.params.push(("writes".into(), Parameter::Writes(writes)));
    (set, operation)
}

fn cases() -> Vec<(&'static str, Request)> {
    let time = Value::Time("2026-11-01T00:00:00Z".parse().unwrap());
    let since = EvaluatedFilter::Compare { column: column("submitdate"), op: CompareOp::GreaterEqual, value: time };
    let order = EvaluatedFilter::And(vec![is("_customerid_value", GUID), since]);
    let contact = format!("/contacts({GUID})");
    let close = format!(
        r#"{{"IncidentResolution":{{"@odata.type":"Microsoft.Dynamics.CRM.incidentresolution","subject":"Resolved","incidentid@odata.bind":"/incidents({GUID})"}},"Status":5}}"#
    );
    let name = r#"{"name":"Contoso","emailaddress1":"a@example.com"}"#;
    let suppress = "suppress_duplicate_detection";
    vec![
        (
            "create, duplicates looked for",
            asks("create", Some("accounts")).body(name).key(KEY).param(suppress, Value::Bool(false)),
        ),
        (
            "upsert by alternate key",
            asks("upsert", Some("accounts"))
                .param("key", value(r#"{"new_payerid":"AB'C"}"#))
                .body(r#"{"name":"Contoso","new_payerid":"AB'C"}"#),
        ),
        (
            "upsert that only makes",
            asks("upsert", Some("accounts")).param("key", "ABC").param("if_none_match", "*").body(r#"{"name":"x"}"#),
        ),
        ("update that only changes", asks("update", Some("contacts")).param("key", GUID).body(r#"{"firstname":"J"}"#)),
        (
            "update of a version",
            asks("update", Some("contacts"))
                .param("key", value(&format!(r#"{{"contactid":"{GUID}"}}"#)))
                .param("if_match", "W/\"12\"")
                .body(r#"{"firstname":null}"#),
        ),
        (
            "find by e-mail",
            asks("find", Some("contacts"))
                .filter(is("emailaddress1", "o'brien@example.com"))
                .columns("select", &["contactid"]),
        ),
        ("list by a lookup", asks("list", Some("salesorders")).filter(order)),
        ("get", asks("get", Some("contacts")).param("key", GUID).columns("select", &["contactid", "fullname"])),
        ("delete", asks("delete", Some("contacts")).param("key", GUID)),
        (
            "associate",
            asks("associate", Some("accounts"))
                .param("key", GUID)
                .param("navigation", "contact_customer_accounts")
                .param("row", contact.as_str()),
        ),
        (
            "disassociate",
            asks("disassociate", Some("accounts"))
                .param("key", GUID)
                .param("navigation", "contact_customer_accounts")
                .param("row", contact.as_str()),
        ),
        ("close a case", asks("close_incident", None).param("id", GUID).body(&close)),
        ("invoice an order", asks("invoice_order", None).param("id", GUID)),
    ]
}

#[tokio::test]
async fn what_is_sent_is_what_other_clients_send() {
    let server = server(|asked| match asked.method.as_str() {
        "GET" => json(200, r#"{"value":[{}]}"#),
        _ => json(200, "{}"),
    })
    .await;
    let connectors = crm(&server.url());
    let text = include_str!("dataverse-requests.json").replace("BASE", &server.url());
    let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    let golden: Map<&str, &serde_json::Value> =
        golden["requests"].as_array().unwrap().iter().map(|one| (one["op"].as_str().unwrap(), one)).collect();
    let mut sent = 0;
    for (op, request) in cases() {
        done(does(&connectors, &request).await);
        same(op, golden[op], server.seen().last().unwrap());
        sent += 1;
    }
    let (set, operation) = change_set();
    // No such answer to a batch: what was sent is all that counts here.
    connectors.send(&set, &Attempt { operation: &operation, number: 1, timeout: None }).await;
    same("change set", golden["change set"], server.seen().last().unwrap());
    assert_eq!(sent + 1, golden.len());
}

#[track_caller]
fn same(op: &str, golden: &serde_json::Value, asked: &Asked) {
    let parts = |url: &str| {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let mut query: Vec<String> = query.split('&').map(str::to_owned).collect();
        query.sort();
        (path.to_owned(), query)
    };
    assert_eq!(asked.method, golden["method"], "{op}");
    assert_eq!(parts(&asked.target), parts(golden["url"].as_str().unwrap()), "{op}");
    assert_eq!(asked.body, golden["body"].as_str().unwrap(), "{op}");
    for (name, value) in golden["headers"].as_object().unwrap() {
        assert_eq!(asked.header(name), value.as_str(), "{op}: {name}");
    }
    let plain = ["host", "content-length", "accept-encoding", "user-agent"];
    for (name, _) in asked.head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
        let name = name.to_lowercase();
        assert!(plain.contains(&name.as_str()) || golden["headers"].get(&name).is_some(), "{op}: {name}");
    }
}

/// The answer to a batch as a whole has the status of what failed in it; why stands in its part.
#[tokio::test]
async fn a_change_set_that_fails_says_which_write_and_why() {
    let part = r#"{"error":{"code":"0x80048d19","message":"Undeclared property."}}"#;
    let body = format!(
        "--r\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 2\r\n\r\nHTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n{part}\r\n--r--\r\n"
    );
    for status in [200, 400] {
        let body = body.clone();
        let kind = ("Content-Type", "multipart/mixed; boundary=r".to_string());
        let server = server(move |_| Say::Answer(status, vec![kind.clone()], body.clone())).await;
        let (set, operation) = change_set();
        let attempt = Attempt { operation: &operation, number: 1, timeout: None };
        let error = failed(crm(&server.url()).send(&set, &attempt).await);
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Data, "0x80048d19"), "{status}");
        assert_eq!(error.message.as_str(), "`line/1`: Undeclared property.", "{status}");
    }
}

/// However often it is sent, it is one row: its id is made of the step's key, and found again by it.
#[tokio::test]
async fn a_create_meets_its_own_row() {
    let server = server(|asked| match asked.method.as_str() {
        "POST" => Say::Close,
        _ => json(200, format!(r#"{{"@odata.context":"c","accountid":"{MADE}","name":"as a plug-in has it"}}"#)),
    })
    .await;
    let connectors = crm(&server.url());
    let create = asks("create", Some("accounts")).body(r#"{"name":"Contoso"}"#).key(KEY);
    assert_eq!(failed(does(&connectors, &create).await).class, ErrorClass::Unavailable);
    let operation = bound(&create);
    let attempt = Attempt { operation: &operation, number: 1, timeout: None };
    let LookOutcome::Found(rows) = connectors.look(&create, &attempt).await else { panic!("not found") };
    assert_eq!(rows[0].key.as_deref(), Some(format!("accountid={MADE}").as_str()));
    let seen = server.seen();
    assert!(seen[0].body.contains(MADE), "{}", seen[0].body);
    assert_eq!(seen[1].target, format!("/api/data/v9.2/accounts({MADE})"));
    // A change set is known by its first write, whose id is made of the set's key.
    let (set, operation) = change_set();
    connectors.look(&set, &Attempt { operation: &operation, number: 1, timeout: None }).await;
    let first = "/api/data/v9.2/salesorders(9f6d9492-6601-8370-ad93-59c67baa899b)";
    assert_eq!(server.seen().last().unwrap().target, first);
}

#[tokio::test]
async fn an_upsert_says_whether_it_made_the_row() {
    for (status, created) in [(201, true), (200, false)] {
        let server = server(move |_| json(status, r#"{"accountid":"a"}"#)).await;
        let upsert = asks("upsert", Some("accounts")).param("key", "ABC").body(r#"{"name":"x"}"#);
        let row = done(does(&crm(&server.url()), &upsert).await);
        assert_eq!(written(&row.value), format!(r#"{{"accountid":"a","created":{created}}}"#));
    }
}

#[tokio::test]
async fn what_would_name_another_row_is_not_sent() {
    let server = server(|_| json(200, "{}")).await;
    let connectors = crm(&server.url());
    let upsert = |key: &str| asks("upsert", Some("accounts")).param("key", value(key)).body("{}");
    for (request, code) in [
        (upsert(r#"{"new_payerid":"a/b"}"#), "bad_key"),
        (upsert(r#"{"new_payerid":"a%b"}"#), "bad_key"),
        (upsert(r#"{"name":"x"}"#), "no_such_key"),
        (upsert(r#"{"new_payerid":null}"#), "blank_key"),
        (asks("get", Some("contacts")).param("key", "1 or 1 eq 1"), "filter_value"),
        (asks("find", Some("contacts")).filter(is("_parentcustomerid_value", "x' or 1 eq 1")), "filter_value"),
        (
            asks("associate", Some("accounts"))
                .param("key", GUID)
                .param("navigation", "n")
                .param("row", "//evil.example/contacts(1)"),
            "bad_address",
        ),
    ] {
        assert_eq!(failed(does(&connectors, &request).await).code.as_str(), code, "{request:?}");
    }
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn what_is_done_already_is_done() {
    let gone = r#"{"error":{"code":"0x80040217","message":"contact With Id = 1 Does Not Exist"}}"#;
    let server = server(move |asked| match asked.method.as_str() {
        "DELETE" => json(404, gone),
        _ => json(412, r#"{"error":{"code":"0x80040237","message":"Cannot insert duplicate key."}}"#),
    })
    .await;
    let connectors = crm(&server.url());
    assert_eq!(
        done(does(&connectors, &asks("delete", Some("contacts")).param("key", GUID)).await).value,
        Value::Missing
    );
    let associate = asks("associate", Some("accounts")).param("key", GUID);
    let contact = format!("/contacts({GUID})");
    done(does(&connectors, &associate.param("navigation", "n").param("row", contact.as_str())).await);
}

/// `(status, code, message, operation) → class, what it says of the work`.
#[test]
fn errors_are_told_apart_by_their_codes() {
    let catalog = Catalog::bundled();
    let system = catalog.system("dataverse").unwrap();
    for (status, code, message, operation, class, is) in [
        (404, "0x8006088a", "Resource not found for the segment 'accountss'.", "list", ErrorClass::Config, Is::None),
        (
            412,
            "0x80040237",
            "A record with matching key values already exists.",
            "create",
            ErrorClass::Data,
            Is::MaybeDone,
        ),
        (
            412,
            "0x80040237",
            "A record with matching key values already exists.",
            "upsert",
            ErrorClass::Unavailable,
            Is::None,
        ),
        (412, "0x80040333", "a duplicate of the current record already exists.", "create", ErrorClass::Data, Is::None),
        (500, "0x80040333", "a duplicate of the current record already exists.", "create", ErrorClass::Data, Is::None),
        (404, "0x80040217", "account With Id = 1 Does Not Exist", "update", ErrorClass::Data, Is::None),
        (429, "0x80072322", "Number of requests exceeded the limit of 6000", "list", ErrorClass::Throttled, Is::None),
        (429, "0x80072321", "Combined execution time", "list", ErrorClass::Throttled, Is::None),
        (
            429,
            "0x80072326",
            "Number of concurrent requests exceeded the limit of 52.",
            "list",
            ErrorClass::Throttled,
            Is::None,
        ),
        (
            400,
            "0x80060891",
            "A record with the specified key values does not exist",
            "upsert",
            ErrorClass::Data,
            Is::None,
        ),
        (
            412,
            "0x80060882",
            "The version of the existing record doesn't match",
            "update",
            ErrorClass::Conflict,
            Is::None,
        ),
        (
            403,
            "0x80040220",
            "Principal user is missing prvWriteAccount privilege",
            "update",
            ErrorClass::Config,
            Is::None,
        ),
        (400, "0x80048d19", "Error identified in Payload", "create", ErrorClass::Data, Is::None),
        (503, "", "", "create", ErrorClass::Unavailable, Is::None),
        (504, "", "", "create", ErrorClass::Timeout, Is::None),
        (401, "", "", "list", ErrorClass::Auth, Is::None),
    ] {
        let body = value(&format!(
            r#"{{"error":{{"code":"{code}","message":"{message}","@Microsoft.PowerApps.CDS.TraceText":"..."}}}}"#
        ));
        let operation = system.operations.get(operation);
        let error = system.classify(operation, status, &body, &|_| None);
        assert_eq!((error.class, error.is), (class, is), "{status} {code}");
        assert!(code.is_empty() || error.hint.is_some() && error.message == message, "{code} says what to do");
        assert_eq!(error.undone, status < 500 || class == ErrorClass::Data, "{status} {code}");
    }
    let told = |name: &str| (name == "Retry-After").then_some("35");
    let throttled = system.classify(None, 429, &value(r#"{"error":{"code":"0x80072322"}}"#), &told);
    assert_eq!(throttled.wait, Some(Duration::from_secs(35)));
}
