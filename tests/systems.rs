//! What the connectors send is what the strict stand-ins take: every operation of both systems, and what becomes of
//! answers that are lost.

use flowctl::catalog::{Catalog, Types};
use flowctl::connectors::{Connectors, resolve_all};
use flowctl::engine::connector::{
    Attempt, Connector, EvaluatedColumn, EvaluatedFilter, LookOutcome, Outcome, Parameter, Request, Row, StepError,
};
use flowctl::graph::{ErrorClass, Operation, Repeat, RepeatBy};
use flowctl::language::code::CompareOp;
use flowctl::language::types::Type;
use flowctl::model::load::Project;
use flowctl::sandbox::faults::{Fault, FaultKind};
use flowctl::sandbox::{Ports, Sandbox, credentials};
use flowctl::value::{Text, Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

async fn start() -> (Sandbox, Connectors) {
    let catalog = Catalog::bundled();
    let sandbox = Sandbox::start(&catalog, &Types::bundled(&catalog), Ports::default()).await.unwrap();
    let (stripe, finops) = (sandbox.stripe_server.url(), sandbox.finops_server.url());
    let yaml = format!(
        "connections:
  stripe: {{ system: stripe, mode: sandbox, base_url: '{stripe}', api_key: env://KEY, limits: {{ rate: 1000/s }} }}
  d365:
    system: finops
    base_url: {finops}
    authority: {finops}
    company: {}
    tenant: {}
    client_id: {}
    client_secret: env://SECRET
    limits: {{ rate: 1000/s }}
",
        credentials::FINOPS_COMPANY,
        credentials::FINOPS_TENANT,
        credentials::FINOPS_CLIENT_ID
    );
    let texts = BTreeMap::from([
        ("flowctl.yaml".to_string(), Arc::from("project: test\nversion: 1\n")),
        ("connections.yaml".to_string(), Arc::from(yaml.as_str())),
    ]);
    let (project, _, findings) = Project::from_files(&texts);
    assert_eq!(findings, vec![]);
    let env = |name: &str| match name {
        "KEY" => Some(credentials::STRIPE_KEY.to_string()),
        _ => Some(credentials::FINOPS_CLIENT_SECRET.to_string()),
    };
    let connections = project.effective(None).unwrap().connections;
    let configs = resolve_all(&connections, &catalog, Path::new("/nowhere"), &env).unwrap();
    (sandbox, Connectors::new(catalog, configs).unwrap())
}

fn request(operation: &str, entity: &str, params: Vec<(&str, Parameter)>, body: Option<&str>) -> Request {
    Request {
        operation: operation.into(),
        connection: if operation.starts_with("stripe") { "stripe".into() } else { "d365".into() },
        entity: (!entity.is_empty()).then(|| Text::from(entity)),
        params: params.into_iter().map(|(name, param)| (Text::from(name), param)).collect(),
        body: body.map(|body| json::parse(body.as_bytes()).unwrap()),
        key: Some("flowctl-12345678-0123456789abcdef0123456789abcdef".into()),
        find_by: vec![],
        now: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn graph(request: &Request) -> Operation {
    let catalog = Catalog::bundled();
    let types = Types::bundled(&catalog);
    let (system, operation) = catalog.operation(&request.operation).unwrap();
    let entity = request.entity.as_ref().and_then(|name| system.entities.get(name.as_str()));
    let body = operation.params.get("body").and_then(|body| types.resolve(body.ty.as_ref()?, system, entity));
    let reason = String::new();
    Operation {
        name: request.operation.clone(),
        connection: request.connection.clone(),
        writes: operation.writes(),
        entity: request.entity.clone(),
        params: vec![],
        body,
        result: types.resolve(&operation.result().ty, system, entity).unwrap_or_else(Type::any),
        repeat: Repeat { by: RepeatBy::Read, settle: Duration::ZERO, remembers: None, look: false, reason },
        missing_continues: false,
        blank_is_missing: false,
        one_at_a_time: None,
        cache: None,
    }
}

async fn send(connectors: &Connectors, request: &Request) -> Outcome {
    let operation = graph(request);
    connectors.send(request, &Attempt { operation: &operation, number: 1, timeout: None }).await
}

async fn done(connectors: &Connectors, request: &Request) -> Row {
    match send(connectors, request).await {
        Outcome::Done(row) => row,
        other => panic!("{}: {other:?}", request.operation),
    }
}

async fn failed(connectors: &Connectors, request: &Request) -> StepError {
    match send(connectors, request).await {
        Outcome::Failed(error) => error,
        other => panic!("{}: {other:?}", request.operation),
    }
}

async fn look(connectors: &Connectors, request: &Request) -> Vec<Row> {
    let operation = graph(request);
    match connectors.look(request, &Attempt { operation: &operation, number: 1, timeout: None }).await {
        LookOutcome::Found(rows) => rows,
        LookOutcome::Failed(error) => panic!("{error:?}"),
    }
}

fn key(value: impl Into<Value>) -> Vec<(&'static str, Parameter)> {
    vec![("key", Parameter::Value(value.into()))]
}

fn column(name: &str) -> EvaluatedColumn {
    EvaluatedColumn { path: vec![name.into()], ty: None }
}

fn compare(name: &str, op: CompareOp, value: impl Into<Value>) -> EvaluatedFilter {
    EvaluatedFilter::Compare { column: column(name), op, value: value.into() }
}

fn find(entity: &str, operation: &str, filter: EvaluatedFilter) -> Request {
    request(operation, entity, vec![("where", Parameter::Filter(filter))], None)
}

fn lost(path: &str, kind: FaultKind) -> Fault {
    Fault { method: "POST".into(), path: path.into(), body: String::new(), times: 1, kind }
}

const ORDER: &str = r#"{"OrderingCustomerAccountNumber":"US-001","CurrencyCode":"USD","CustomersOrderReference":"ch_1*'x","RequestedShippingDate":"2026-11-01T12:00:00Z","IsDeliveryAddressOrderSpecific":"Yes"}"#;

fn order() -> Request {
    let mut order = request("finops.create", "SalesOrderHeadersV2", vec![], Some(ORDER));
    order.find_by = vec![("CustomersOrderReference".into(), "ch_1*'x".into())];
    order
}

#[tokio::test]
async fn an_order_is_written_read_and_changed() {
    let (sandbox, connectors) = start().await;
    let row = done(&connectors, &order()).await;
    let number = row.value.get("SalesOrderNumber").as_text().unwrap().clone();
    assert_eq!(row.value.get("dataAreaId").as_text().map(Text::as_str), Some("usmf"));
    assert_eq!(row.key, Some(Text::from(format!("dataAreaId=usmf,SalesOrderNumber={number}"))));

    let line = format!(
        r#"{{"SalesOrderNumber":"{number}","LineCreationSequenceNumber":1,"ProductNumber":"D0003","OrderedSalesQuantity":2,"SalesPrice":9.95}}"#
    );
    let line = request("finops.create", "CDSSalesOrderLinesV2", vec![], Some(&line));
    let created = done(&connectors, &line).await;
    let error = failed(&connectors, &line).await;
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Data, "already_exists"));
    assert_eq!(look(&connectors, &line).await[0].key, created.key);

    let change =
        request("finops.update", "SalesOrderHeadersV2", key(number.clone()), Some(r#"{"Email":"a@b.example"}"#));
    assert_eq!(done(&connectors, &change).await.key, row.key);
    let read = done(&connectors, &request("finops.get", "SalesOrderHeadersV2", key(number), None)).await;
    assert_eq!(read.value.get("Email").as_text().map(Text::as_str), Some("a@b.example"));
    let gone = request("finops.get", "SalesOrderHeadersV2", key("none"), None);
    assert!(matches!(send(&connectors, &gone).await, Outcome::Missing(error) if error.status == Some(404)));
    assert!(sandbox.finops_server.seen().iter().all(|seen| seen.status != Some(400) || seen.path.contains("CDS")));
}

#[tokio::test]
async fn every_condition_is_one_that_the_system_reads() {
    let (_sandbox, connectors) = start().await;
    done(&connectors, &order()).await;
    let text = |text: &str| Value::from(text);
    let day = |day| Value::Date(jiff::civil::date(2026, 11, day));
    use CompareOp::*;
    for (filter, holds) in [
        (compare("CustomersOrderReference", Equal, "ch_1*'x"), true),
        // What the system would take for "anything".
        (compare("CustomersOrderReference", Equal, "*"), false),
        (compare("CustomersOrderReference", NotEqual, "*"), true),
        (compare("RequestedShippingDate", Equal, day(1)), true),
        (compare("RequestedShippingDate", Greater, day(1)), false),
        (compare("ConfirmedShippingDate", Equal, Value::Null), true),
        (compare("ConfirmedShippingDate", NotEqual, Value::Missing), false),
        (compare("IsDeliveryAddressOrderSpecific", Equal, "Yes"), true),
        (compare("IsDeliveryAddressOrderSpecific", NotEqual, "Yes"), false),
        (compare("Email", Equal, ""), true),
        (EvaluatedFilter::Not(Box::new(compare("Email", Equal, "x' or 'a' eq 'a"))), true),
        (
            EvaluatedFilter::In {
                column: column("CurrencyCode"),
                values: (0..70).map(|n| text(&format!("C{n}"))).chain([text("USD")]).collect(),
            },
            true,
        ),
        (
            EvaluatedFilter::In {
                column: column("IsDeliveryAddressOrderSpecific"),
                values: vec![text("No"), text("Yes")],
            },
            true,
        ),
        (
            EvaluatedFilter::Function {
                name: "starts_with".into(),
                column: column("CustomersOrderReference"),
                args: vec![text("ch_1")],
            },
            true,
        ),
        (
            EvaluatedFilter::Function {
                name: "contains".into(),
                column: column("CustomersOrderReference"),
                args: vec![text("'x")],
            },
            true,
        ),
        (
            EvaluatedFilter::And(vec![
                EvaluatedFilter::Or(vec![compare("CurrencyCode", Equal, "EUR"), compare("CurrencyCode", Equal, "USD")]),
                compare("CurrencyCode", LessEqual, "USD"),
            ]),
            true,
        ),
    ] {
        let found = done(&connectors, &find("SalesOrderHeadersV2", "finops.list", filter.clone())).await;
        assert_eq!(found.value.as_list().unwrap().len(), usize::from(holds), "{filter:?}");
    }
    let customers = find("CustomersV3", "finops.find", compare("PrimaryContactEmail", Equal, "orders@contoso.example"));
    let account = done(&connectors, &customers).await;
    assert_eq!(account.value.get("CustomerAccount").as_text().map(Text::as_str), Some("US-001"));
    let mut all = request("finops.list", "ReleasedProductsV2", vec![("all", Parameter::Value(true.into()))], None);
    all.params.push(("select".into(), Parameter::Columns(vec!["ItemNumber".into()])));
    all.params.push(("sort".into(), Parameter::Columns(vec!["ItemNumber".into()])));
    all.params.push(("limit".into(), Parameter::Value(3.into())));
    let items = done(&connectors, &all).await.value;
    let items: Vec<&str> =
        items.as_list().unwrap().iter().map(|item| item.get("ItemNumber").as_text().unwrap().as_str()).collect();
    assert_eq!(items, ["D0003", "D0011", "MISC"]);
}

#[tokio::test]
async fn an_order_whose_answer_is_lost_is_found() {
    let (sandbox, connectors) = start().await;
    use flowctl::sandbox::server::Standin;
    assert_eq!(look(&connectors, &order()).await.len(), 0);
    sandbox.finops.faults().add(lost("/data/SalesOrderHeadersV2", FaultKind::DropBefore));
    assert!(failed(&connectors, &order()).await.leaves_open());
    assert_eq!(look(&connectors, &order()).await.len(), 0);
    sandbox.finops.faults().add(lost("/data/SalesOrderHeadersV2", FaultKind::DropAfter));
    assert!(failed(&connectors, &order()).await.leaves_open());
    let found = look(&connectors, &order()).await;
    assert_eq!((found.len(), found[0].value.get("created").as_bool()), (1, Some(false)));
    sandbox.finops.forget_tokens();
    assert_eq!(look(&connectors, &order()).await.len(), 1);
}

#[tokio::test]
async fn stripe_takes_what_is_sent_and_knows_a_repeat() {
    let (sandbox, connectors) = start().await;
    use flowctl::sandbox::server::Standin;
    sandbox.stripe.insert(r#"{"object":"charge","id":"ch_1","amount":1999,"metadata":{"old":"x"}}"#).unwrap();
    let id = |id: &str| vec![("id", Parameter::Value(id.into()))];
    let update = request(
        "stripe.charges.update",
        "",
        id("ch_1"),
        Some(r#"{"description":"Order SO-1 & more","metadata":{"order":"SO-1","old":""}}"#),
    );
    sandbox.stripe.faults().add(lost("/v1/charges", FaultKind::DropAfter));
    assert!(failed(&connectors, &update).await.leaves_open());
    let row = done(&connectors, &update).await;
    assert_eq!(json::write(row.value.get("metadata")).unwrap(), r#"{"order":"SO-1"}"#);
    let read = done(&connectors, &request("stripe.charges.get", "", id("ch_1"), None)).await;
    assert_eq!(read.value.get("description").as_text().map(Text::as_str), Some("Order SO-1 & more"));
    let gone = request("stripe.customers.get", "", id("cus_none"), None);
    assert!(
        matches!(send(&connectors, &gone).await, Outcome::Missing(error) if error.code.as_str() == "resource_missing")
    );
    sandbox.stripe.faults().add(lost("", FaultKind::Status { status: 429, retry_after: Some(9) }));
    let error = failed(&connectors, &update).await;
    assert_eq!((error.class, error.retry_after), (ErrorClass::Throttled, Some(Duration::from_secs(9))));
}

/// What no operation is there for is asked with `request`: proved, paced and understood like the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anything_below_the_address_of_a_system_can_be_asked() {
    let (_sandbox, connectors) = start().await;
    let ask = |operation: &str, method: &str, path: &str, body: Option<&str>| {
        let params = [("method", method), ("path", path)];
        let params = params.map(|(name, text)| (name, Parameter::Value(Value::from(text))));
        request(operation, "", params.into_iter().collect(), body)
    };
    let made = done(&connectors, &ask("stripe.request", "POST", "customers", Some(r#"{"email":"a@b.example"}"#))).await;
    let id = made.value.get("id").as_text().expect("an id").to_string();
    let read = done(&connectors, &ask("stripe.request", "GET", &format!("customers/{id}"), None)).await;
    assert_eq!(read.value.get("email"), &Value::from("a@b.example"));
    // The same key and request: the same answer, no second customer.
    let again =
        done(&connectors, &ask("stripe.request", "POST", "customers", Some(r#"{"email":"a@b.example"}"#))).await;
    assert_eq!(again.value.get("id").as_text().map(|text| text.to_string()), Some(id));
    let rows = done(&connectors, &ask("finops.request", "GET", "ReleasedProductsV2", None)).await;
    assert!(matches!(rows.value.get("value"), Value::List(rows) if !rows.is_empty()));
    let refused = failed(&connectors, &ask("finops.request", "GET", "NoSuchEntity", None)).await;
    assert_eq!(refused.class, ErrorClass::Data);
    let outside = failed(&connectors, &ask("finops.request", "GET", "../api/services", None)).await;
    assert!(outside.message.contains(".."), "{}", outside.message);
}
