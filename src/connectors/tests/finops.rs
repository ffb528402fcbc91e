//! Finance & Operations: keys, filters, pages, tokens.

use super::server::{Asked, Say, Server, json};
use super::*;
use crate::graph::ErrorClass;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Answers token requests, everything else as said.
async fn d365(say: impl Fn(&Asked) -> Say + Send + Sync + 'static) -> Server {
    Server::start(move |asked| match asked.target.ends_with("/oauth2/v2.0/token") {
        true => json(200, r#"{"access_token":"t1","expires_in":3599}"#),
        false => say(asked),
    })
    .await
}

fn rows(numbers: impl IntoIterator<Item = usize>, next: Option<String>) -> Say {
    let rows: Vec<String> =
        numbers.into_iter().map(|n| format!(r#"{{"@odata.etag":"e","ItemNumber":"{n}"}}"#)).collect();
    let next = next.map(|next| format!(r#","@odata.nextLink":"{next}""#)).unwrap_or_default();
    json(200, format!(r#"{{"@odata.context":"c","value":[{}]{next}}}"#, rows.join(",")))
}

#[tokio::test]
async fn a_row_is_asked_for_by_its_whole_key() {
    let server = d365(|_| {
        json(200, r#"{"@odata.context":"c","@odata.etag":"e","dataAreaId":"usmf","CustomerAccount":"O'Neil"}"#)
    })
    .await;
    let connectors = connectors(&server.url());
    let get = request("finops.get", Some("CustomersV3")).param("key", "O'Neil/1");
    let row = done(send(&connectors, &get.columns("select", &["CustomerAccount", "dataAreaId"])).await);
    assert_eq!(written(&row.value), r#"{"@odata.etag":"e","dataAreaId":"usmf","CustomerAccount":"O'Neil"}"#);
    let key = value(r#"{"SalesOrderNumber":"SO-1","LineCreationSequenceNumber":2.0,"dataAreaId":"DEMF"}"#);
    done(send(&connectors, &request("finops.get", Some("CDSSalesOrderLinesV2")).param("key", key)).await);
    let seen = server.seen();
    assert_eq!(
        seen[0].target,
        "/data/CustomersV3(dataAreaId='usmf',CustomerAccount='O%27%27Neil%2F1')?cross-company=true&$select=CustomerAccount,dataAreaId"
    );
    assert_eq!(seen[0].header("authorization"), Some("Bearer t1"));
    let target = "/data/CDSSalesOrderLinesV2(dataAreaId='DEMF',SalesOrderNumber='SO-1',LineCreationSequenceNumber=2)?cross-company=true";
    assert_eq!(seen[1].target, target);
    // The token was asked for once, as the catalogue says.
    let token = &server.all()[0];
    assert_eq!(token.target, "/8c1d2b1e-0000-4000-8000-000000000000/oauth2/v2.0/token");
    assert!(token.body.contains("client_secret=s3cret") && token.body.contains("%2F.default"), "{}", token.body);
    assert!(token.body.contains(&format!("scope=http%3A%2F%2F127.0.0.1%3A{}%2F.default", server.address.port())));
}

#[tokio::test]
async fn a_create_gives_the_row_and_its_name() {
    let server = d365(|asked| match asked.method.as_str() {
        "POST" => json(201, r#"{"@odata.context":"c","dataAreaId":"usmf","SalesOrderNumber":"SO 1"}"#),
        _ => Say::Answer(204, vec![], String::new()),
    })
    .await;
    let connectors = connectors(&server.url());
    let create =
        request("finops.create", Some("SalesOrderHeadersV2")).body(r#"{"OrderingCustomerAccountNumber":"US-1"}"#);
    let row = done(send(&connectors, &create).await);
    assert_eq!(written(&row.value), r#"{"dataAreaId":"usmf","SalesOrderNumber":"SO 1","created":true}"#);
    assert_eq!(row.key.as_deref(), Some("dataAreaId=usmf,SalesOrderNumber=SO%201"));
    assert_eq!(row.status, Some(201));
    let update =
        request("finops.update", Some("SalesOrderHeadersV2")).param("key", "SO 1").body(r#"{"Email":"a@b.c"}"#);
    let updated = done(send(&connectors, &update.param("company", "demf")).await);
    assert_eq!(written(&updated.value), r#"{"dataAreaId":"demf","SalesOrderNumber":"SO 1"}"#);
    let seen = server.seen();
    assert_eq!(seen[0].target, "/data/SalesOrderHeadersV2");
    assert_eq!(seen[0].body, r#"{"dataAreaId":"usmf","OrderingCustomerAccountNumber":"US-1"}"#);
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    assert_eq!((seen[1].method.as_str(), seen[1].header("if-match")), ("PATCH", Some("*")));
    assert_eq!(seen[1].body, r#"{"Email":"a@b.c"}"#);
    assert!(seen[1].target.starts_with("/data/SalesOrderHeadersV2(dataAreaId='demf',SalesOrderNumber='SO%201')"));
}

#[tokio::test]
async fn a_list_is_read_to_its_end() {
    let base = Arc::new(std::sync::OnceLock::<String>::new());
    let known = base.clone();
    let server = d365(move |asked| match asked.query("$skip").as_deref() {
        None => {
            rows(0..3, Some(format!("{}/data/ReleasedProductsV2?cross-company=true&$skip=3", known.get().unwrap())))
        }
        Some("3") => rows(3..6, Some("ReleasedProductsV2?$skip=6".into())),
        Some(_) => rows(6..7, None),
    })
    .await;
    base.set(server.url()).unwrap();
    let connectors = connectors(&server.url());
    let list = request("finops.list", Some("ReleasedProductsV2")).param("all", true);
    let row = done(send(&connectors, &list).await);
    let numbers: Vec<String> =
        row.value.as_list().unwrap().iter().map(|row| row.get("ItemNumber").as_text().unwrap().to_string()).collect();
    assert_eq!(numbers, ["0", "1", "2", "3", "4", "5", "6"]);
    assert_eq!(server.seen()[0].query("$filter").as_deref(), Some("dataAreaId eq 'usmf'"));
    assert_eq!(server.seen()[0].query("$top"), None);
    // As many as are wanted, and no page more.
    let limited = list.param("limit", 2).columns("sort", &["ItemNumber"]);
    assert_eq!(done(send(&connectors, &limited).await).value.as_list().unwrap().len(), 2);
    assert_eq!(server.seen().len(), 4);
    assert_eq!(server.seen()[3].query("$top").as_deref(), Some("2"));
    assert_eq!(server.seen()[3].query("$orderby").as_deref(), Some("ItemNumber"));
}

#[tokio::test]
async fn a_next_page_elsewhere_is_not_asked_for() {
    let stranger = Server::start(|_| rows(0..1, None)).await;
    let link = format!("{}/data/ReleasedProductsV2?$skip=1", stranger.url());
    for link in
        [link, "/elsewhere/Products".into(), "https://evil.example/data/".into(), "//evil.example/data/x".into()]
    {
        let server = d365(move |_| rows(0..1, Some(link.clone()))).await;
        let list = request("finops.list", Some("ReleasedProductsV2")).param("all", true);
        let error = failed(send(&connectors(&server.url()), &list).await);
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Config, "foreign_link"));
    }
    assert_eq!(stranger.all().len(), 0);
}

#[tokio::test]
async fn a_long_list_of_values_is_asked_for_in_parts() {
    let server = d365(|asked| {
        let filter = asked.query("$filter").unwrap();
        rows(filter.match_indices("ItemNumber eq").map(|(n, _)| n), None)
    })
    .await;
    let connectors = connectors(&server.url());
    let within = |values: Vec<Value>| EvaluatedFilter::In { column: column("ItemNumber"), values };
    let list = |filter| request("finops.list", Some("ReleasedProductsV2")).filter(filter);
    // 120 values, one of them in two spellings that the system takes for one.
    let values: Vec<Value> = (0..120).map(|n| Value::from(format!("I{n}"))).chain([Value::from("i7")]).collect();
    let row = done(
        send(&connectors, &list(EvaluatedFilter::And(vec![is("ProductNumber", "p"), within(values.clone())]))).await,
    );
    assert_eq!(row.value.as_list().unwrap().len(), 120);
    let filters: Vec<String> = server.seen().iter().map(|asked| asked.query("$filter").unwrap()).collect();
    assert_eq!(filters.len(), 3);
    assert!(filters[0].starts_with(
        "dataAreaId eq 'usmf' and ProductNumber eq 'p' and (ItemNumber eq 'I0' or ItemNumber eq 'I1' or "
    ));
    // An empty list finds nothing, without a request.
    assert_eq!(written(&done(send(&connectors, &list(within(vec![]))).await).value), "[]");
    assert_eq!(server.seen().len(), 3);
    // Where parts would not add up, nothing is sent.
    let negated = EvaluatedFilter::Not(Box::new(within(values)));
    assert_eq!(failed(send(&connectors, &list(negated)).await).code.as_str(), "too_many_values");
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn find_wants_exactly_one() {
    let server = d365(|asked| {
        let filter = asked.query("$filter").unwrap();
        let count = if filter.contains("'none'") {
            0
        } else if filter.contains("'two'") {
            2
        } else {
            1
        };
        rows(0..count, None)
    })
    .await;
    let connectors = connectors(&server.url());
    let find = |name: &str| request("finops.find", Some("ReleasedProductsV2")).filter(is("ProductNumber", name));
    assert_eq!(written(&done(send(&connectors, &find("one")).await).value), r#"{"@odata.etag":"e","ItemNumber":"0"}"#);
    assert!(
        matches!(send(&connectors, &find("none")).await, Outcome::Missing(error) if error.code.as_str() == "not_found")
    );
    assert_eq!(failed(send(&connectors, &find("two")).await).code.as_str(), "not_unique");
    assert_eq!(server.seen()[0].query("$top").as_deref(), Some("2"));
}

#[tokio::test]
async fn a_look_asks_for_what_was_held() {
    let server = d365(|asked| match asked.target.starts_with("/data/CDS") {
        true if asked.target.contains("Number=1") => json(404, r#"{"error":{"code":"","message":"x"}}"#),
        true => json(200, r#"{"dataAreaId":"usmf","SalesOrderNumber":"SO-1","LineCreationSequenceNumber":2}"#),
        false => json(200, r#"{"value":[{"dataAreaId":"usmf","SalesOrderNumber":"SO-1"},{"dataAreaId":"usmf","SalesOrderNumber":"SO-2"}]}"#),
    })
    .await;
    let connectors = connectors(&server.url());
    let line = |n: u32| {
        let body = format!(r#"{{"SalesOrderNumber":"SO-1","LineCreationSequenceNumber":{n},"ProductNumber":"P"}}"#);
        request("finops.create", Some("CDSSalesOrderLinesV2")).body(&body)
    };
    assert_eq!(look(&connectors, &line(1)).await.len(), 0);
    let found = look(&connectors, &line(2)).await;
    assert_eq!(found[0].key.as_deref(), Some("dataAreaId=usmf,SalesOrderNumber=SO-1,LineCreationSequenceNumber=2"));
    assert_eq!(found[0].value.get("created").as_bool(), Some(false));
    let order = request("finops.create", Some("SalesOrderHeadersV2"))
        .body(r#"{"CustomersOrderReference":"ch_*","OrderingCustomerAccountNumber":"US-1"}"#)
        .find_by(&["CustomersOrderReference"]);
    assert_eq!(look(&connectors, &order).await.len(), 2);
    let seen = server.seen();
    assert_eq!(
        seen[1].target,
        "/data/CDSSalesOrderLinesV2(dataAreaId='usmf',SalesOrderNumber='SO-1',LineCreationSequenceNumber=2)?cross-company=true"
    );
    // A star is no "anything".
    let filter = "dataAreaId eq 'usmf' and (CustomersOrderReference ge 'ch_*' and CustomersOrderReference le 'ch_*')";
    assert_eq!(seen[2].query("$filter").as_deref(), Some(filter));
    assert_eq!(seen[2].query("$top").as_deref(), Some("2"));
}

#[tokio::test]
async fn filters_are_written_by_the_columns_type() {
    let server = d365(|_| rows(0..0, None)).await;
    let connectors = connectors(&server.url());
    let compare = |name: &str, op, value: Value| EvaluatedFilter::Compare { column: column(name), op, value };
    let filter = EvaluatedFilter::And(vec![
        EvaluatedFilter::Or(vec![is("Email", "o'neil@x.no"), is("Email", "")]),
        compare("RequestedShippingDate", CompareOp::GreaterEqual, Value::Date(jiff::civil::date(2026, 11, 1))),
        compare("ConfirmedShippingDate", CompareOp::NotEqual, Value::Null),
        is("IsDeliveryAddressOrderSpecific", "Yes"),
        EvaluatedFilter::Not(Box::new(EvaluatedFilter::Function {
            name: "starts_with".into(),
            column: column("SalesOrderName"),
            args: vec!["a&b".into()],
        })),
    ]);
    done(send(&connectors, &request("finops.list", Some("SalesOrderHeadersV2")).filter(filter)).await);
    let expected = "dataAreaId eq 'usmf' and (Email eq 'o''neil@x.no' or Email eq '') \
        and RequestedShippingDate ge 2026-11-01T12:00:00Z \
        and (ConfirmedShippingDate ne 1900-01-01T00:00:00Z and ConfirmedShippingDate ne 1900-01-01T12:00:00Z) \
        and IsDeliveryAddressOrderSpecific eq Microsoft.Dynamics.DataEntities.NoYes'Yes' \
        and not (startswith(SalesOrderName,'a&b'))";
    assert_eq!(server.seen()[0].query("$filter").as_deref(), Some(expected));
}

#[tokio::test]
async fn twenty_requests_share_one_token() {
    let server = d365(|_| rows(0..1, None)).await;
    let connectors = Arc::new(connectors(&server.url()));
    let list = request("finops.list", Some("ReleasedProductsV2")).param("all", true);
    let all: Vec<_> = (0..20)
        .map(|_| {
            let (connectors, list) = (connectors.clone(), list.clone());
            tokio::spawn(async move { done(send(&connectors, &list).await) })
        })
        .collect();
    for one in all {
        one.await.unwrap();
    }
    assert_eq!((server.seen().len(), server.all().len()), (20, 21));
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let given = tokens.clone();
    let server = Server::start(move |asked| match asked.target.ends_with("/token") {
        true => {
            let n = given.fetch_add(1, Ordering::SeqCst) + 1;
            json(200, format!(r#"{{"access_token":"t{n}","expires_in":3599}}"#))
        }
        false if asked.header("authorization") == Some("Bearer t2") && asked.target.contains("Customers") => {
            json(200, r#"{"CustomerAccount":"US-1"}"#)
        }
        false => Say::Answer(401, vec![], String::new()),
    })
    .await;
    let connectors = connectors(&server.url());
    done(send(&connectors, &request("finops.get", Some("CustomersV3")).param("key", "US-1")).await);
    assert_eq!((tokens.load(Ordering::SeqCst), server.seen().len()), (2, 2));
    let error = failed(send(&connectors, &request("finops.get", Some("ReleasedProductsV2")).param("key", "A")).await);
    assert_eq!((error.class, error.status), (ErrorClass::Auth, Some(401)));
    assert_eq!((tokens.load(Ordering::SeqCst), server.seen().len()), (3, 4));
}

#[tokio::test]
async fn a_refused_secret_is_told_without_it() {
    let server = Server::start(|_| {
        json(401, r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\nTrace ID: x"}"#)
    })
    .await;
    let get = request("finops.get", Some("CustomersV3")).param("key", "US-1");
    let error = failed(send(&connectors(&server.url()), &get).await);
    assert_eq!(error.class, ErrorClass::Auth);
    assert!(error.message.contains("AADSTS7000215") && !format!("{error:?}").contains("s3cret"), "{error:?}");
    assert_eq!(server.all().len(), 1);
}
