//! Rows that Dataverse tells of: proved by a shared secret, read from RemoteExecutionContext.

use super::*;
use crate::catalog::{Decoder, Types};
use crate::store::{EventFilter, EventState, Page, RunFilter, RunState};
use crate::triggers::ingress::{Answer, Delivery, take};
use crate::triggers::shared_secret::SecretIn;
use crate::value::json;
use bytes::Bytes;
use jiff::Timestamp;

const US: &str = "75c2dd85-e89e-e711-8122-000d3aa2331c";

/// An order whose freight and customer were changed, as Dataverse sends it.
const UPDATE: &str = r#"{"BusinessUnitId":"e2b9dd85-e89e-e711-8122-000d3aa2331c","CorrelationId":"b374239d-4233-41a9-8b17-a86cb4f737b5","Depth":1,
"InitiatingUserId":"5a3d7d84-1111-e711-8122-000d3aa2331c","InputParameters":[{"key":"Target","value":{"__type":"Entity:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts","Attributes":[
{"key":"salesorderid","value":"6d81597f-0f9f-e711-8122-000d3aa2331c"},
{"key":"name","value":"\/Date(0)\/"},
{"key":"freightamount","value":{"__type":"Money:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts","Value":345.6780}},
{"key":"statuscode","value":{"__type":"OptionSetValue:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts","Value":2}},
{"key":"new_tags","value":[{"__type":"OptionSetValue:x","Value":3},{"__type":"OptionSetValue:x","Value":1}]},
{"key":"customerid","value":{"__type":"EntityReference:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts","Id":"0f0e0d0c-0000-4000-8000-000000000001","KeyAttributes":[],"LogicalName":"contact","Name":null,"RowVersion":null}},
{"key":"pricelevelid","value":null},
{"key":"submitdate","value":"\/Date(1506384247000-0700)\/"},
{"key":"datefulfilled","value":"\/Date(1506384000000)\/"},
{"key":"modifiedon","value":"2017-09-26T00:04:07Z"}],
"EntityState":null,"FormattedValues":[],"Id":"6d81597f-0f9f-e711-8122-000d3aa2331c","KeyAttributes":[],"LogicalName":"salesorder","RelatedEntities":[],"RowVersion":null}}],
"MessageName":"Update","Mode":1,"OperationCreatedOn":"\/Date(1506409448000-0700)\/","OperationId":"4af10637-4ea2-e711-8122-000d3aa2331c","OrganizationName":"OrgName","OutputParameters":[],"ParentContext":{"Depth":1},
"PostEntityImages":[{"key":"AsynchronousStepPrimaryName","value":{"Attributes":[{"key":"name","value":"PP-1"},{"key":"shipto_city","value":"Oslo"}],"Id":"6d81597f-0f9f-e711-8122-000d3aa2331c","LogicalName":"salesorder"}}],"PreEntityImages":[],
"PrimaryEntityId":"6d81597f-0f9f-e711-8122-000d3aa2331c","PrimaryEntityName":"salesorder","SharedVariables":[],"Stage":40,"UserId":"75c2dd85-e89e-e711-8122-000d3aa2331c"}"#;

/// What is left of it above 256 KB.
fn oversized() -> String {
    let body = json::parse(UPDATE.as_bytes()).unwrap();
    let mut body = body.as_record().unwrap().clone();
    let gone = ["InputParameters", "ParentContext", "PreEntityImages", "PostEntityImages"];
    body =
        body.iter().filter(|(name, _)| !gone.contains(&name.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect();
    json::write(&Value::Record(body)).unwrap()
}

fn endpoint_of(place: SecretIn) -> Endpoint {
    let catalog = Catalog::bundled();
    let system = catalog.system("dataverse").unwrap();
    let types = Types::bundled(&catalog);
    let decoders = system.events.iter().filter_map(|(n, g)| Some((n.clone(), Decoder::of(g, system, &types)?)));
    Endpoint {
        connection: "crm".to_owned(),
        system: Arc::new(system.clone()),
        decoders: Arc::new(decoders.collect()),
        verification: Verification::SharedSecret { secrets: vec!["k3y".into(), "old".into()], place },
        live: None,
        company: None,
        own_users: [("own_user".to_owned(), US.to_uppercase())].into(),
        ..super::endpoint()
    }
}

/// Listens to updates of orders that touch one of these columns, and drops our own.
fn listener(name: &str, event: &str, columns: &[&str]) -> Arc<ExecutionGraph> {
    let flow = flow(name, "crm", event);
    let mut flow = Arc::into_inner(flow).unwrap();
    if let TriggerKind::Webhook { columns: wanted, .. } = &mut flow.trigger.kind {
        *wanted = columns.iter().map(|column| (*column).into()).collect();
    }
    Arc::new(flow)
}

async fn deliver(
    store: &dyn Store,
    endpoint: &Endpoint,
    header: Option<&str>,
    query: Option<&str>,
    body: &str,
) -> Answer {
    let mut headers = vec![("x-ms-dynamics-request-name".to_owned(), "Update".to_owned())];
    headers.extend(header.map(|secret| ("x-hook".to_owned(), secret.to_owned())));
    let flows = [
        listener("any", "salesorders.Update", &[]),
        listener("freight", "salesorders.Update", &["freightamount", "discountamount"]),
        listener("state", "salesorders.Update", &["statecode"]),
        listener("customer", "salesorders.Update", &["_customerid_value"]),
        listener("created", "salesorders.Create", &[]),
    ];
    let body = Bytes::copy_from_slice(body.as_bytes());
    let received_at = Timestamp::from_second(1_760_000_000).unwrap();
    take(endpoint, &flows, store, Delivery { headers: &headers, query, body, received_at }).await
}

async fn runs(store: &dyn Store) -> Vec<(String, RunState)> {
    let listed = store.runs(RunFilter::default(), Page::first(20)).await.unwrap();
    let mut runs: Vec<_> = listed.items.into_iter().map(|run| (run.flow, run.state)).collect();
    runs.sort();
    runs
}

#[tokio::test]
async fn the_secret_is_asked_for_in_its_place() {
    let (_folder, store) = store();
    let in_header = endpoint_of(SecretIn::Header("x-hook".into()));
    let in_query = endpoint_of(SecretIn::Query("code".into()));
    for (endpoint, header, query, status) in [
        (&in_header, None, None, 401),
        (&in_header, Some("k3"), None, 401),
        (&in_header, None, Some("code=k3y"), 401),
        (&in_query, Some("k3y"), None, 401),
        (&in_query, None, Some("code="), 401),
        (&in_query, None, Some("Code=k3y"), 401),
        (&in_query, None, Some("code=k3y%20"), 401),
    ] {
        let answer = deliver(&*store, endpoint, header, query, UPDATE).await;
        assert_eq!(answer.status(), status, "{header:?} {query:?}");
    }
    assert_eq!(runs(&*store).await, []);
    assert_eq!(deliver(&*store, &in_header, Some("k3y"), None, UPDATE).await, Answer::Kept { runs: 3 });
    assert_eq!(deliver(&*store, &in_query, None, Some("a=1&code=old"), UPDATE).await, Answer::Duplicate);
    let kept = store.events(EventFilter::default(), Page::first(9)).await.unwrap().items.remove(0);
    assert_eq!(kept.delivery, r#"{"headers":{"x-ms-dynamics-request-name":"Update"}}"#, "no secret is kept");
    assert_eq!(kept.kind, "salesorders.Update");
    let id = "4af10637-4ea2-e711-8122-000d3aa2331c/Update/6d81597f-0f9f-e711-8122-000d3aa2331c";
    assert_eq!(kept.provider_id, id);
    let (_, body) = store.event(kept.id).await.unwrap().unwrap();
    assert_eq!(body, UPDATE.as_bytes(), "the bytes as received");
}

#[tokio::test]
async fn an_update_comes_to_those_whose_columns_it_touches() {
    let (_folder, store) = store();
    let endpoint = endpoint_of(SecretIn::Header("x-hook".into()));
    deliver(&*store, &endpoint, Some("k3y"), None, UPDATE).await;
    let flows: Vec<String> = runs(&*store).await.into_iter().map(|(flow, _)| flow).collect();
    assert_eq!(flows, ["any", "customer", "freight"]);
}

#[tokio::test]
async fn an_oversized_update_may_have_touched_anything() {
    let (_folder, store) = store();
    let endpoint = endpoint_of(SecretIn::Header("x-hook".into()));
    deliver(&*store, &endpoint, Some("k3y"), None, &oversized()).await;
    let flows: Vec<String> = runs(&*store).await.into_iter().map(|(flow, _)| flow).collect();
    assert_eq!(flows, ["any", "customer", "freight", "state"]);
    let event = endpoint.decoders["rows"].event(&json::parse(oversized().as_bytes()).unwrap()).unwrap();
    let expected = r#"{"message":"Update","entity":"salesorders","id":"6d81597f-0f9f-e711-8122-000d3aa2331c","depth":1,"oversized":true}"#;
    assert_eq!(json::write(&event).unwrap(), expected);
}

#[tokio::test]
async fn what_we_did_ourselves_is_told_by_the_user() {
    let (_folder, store) = store();
    let endpoint = endpoint_of(SecretIn::Header("x-hook".into()));
    let ours = UPDATE.replace("5a3d7d84-1111-e711-8122-000d3aa2331c", US);
    deliver(&*store, &endpoint, Some("k3y"), None, &ours).await;
    assert!(runs(&*store).await.iter().all(|(_, state)| *state == RunState::Ignored));
}

#[tokio::test]
async fn what_is_no_context_is_a_dead_letter_and_a_table_nobody_knows_unrouted() {
    let (_folder, store) = store();
    let endpoint = endpoint_of(SecretIn::Header("x-hook".into()));
    for body in ["{}", r#"{"MessageName":"Update"}"#, "[1]", r#"{"MessageName":7,"PrimaryEntityName":"salesorder"}"#] {
        assert_eq!(deliver(&*store, &endpoint, Some("k3y"), None, body).await, Answer::DeadLetter, "{body}");
    }
    let unknown = UPDATE.replace("\"PrimaryEntityName\":\"salesorder\"", "\"PrimaryEntityName\":\"new_thing\"");
    assert_eq!(deliver(&*store, &endpoint, Some("k3y"), None, &unknown).await, Answer::Unrouted);
    let kept = store.events(EventFilter::default(), Page::first(9)).await.unwrap().items.remove(0);
    assert_eq!((kept.kind.as_str(), kept.state), ("new_thing.Update", EventState::Unrouted));
}

#[test]
fn a_row_reads_as_the_web_api_reads_it() {
    let endpoint = endpoint_of(SecretIn::Query("code".into()));
    let event = endpoint.decoders["rows"].event(&json::parse(UPDATE.as_bytes()).unwrap()).unwrap();
    let expected = concat!(
        r#"{"message":"Update","entity":"salesorders","id":"6d81597f-0f9f-e711-8122-000d3aa2331c","target":{"#,
        r#""salesorderid":"6d81597f-0f9f-e711-8122-000d3aa2331c","name":"/Date(0)/","freightamount":345.6780,"statuscode":2,"#,
        r#""new_tags":"3,1","_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname":"contact","#,
        r#""_customerid_value":"0f0e0d0c-0000-4000-8000-000000000001","_pricelevelid_value":null,"#,
        r#""submitdate":"2017-09-26T00:04:07Z","datefulfilled":"2017-09-26T00:00:00Z","modifiedon":"2017-09-26T00:04:07Z"},"#,
        r#""post":{"name":"PP-1","shipto_city":"Oslo","salesorderid":"6d81597f-0f9f-e711-8122-000d3aa2331c"},"#,
        r#""depth":1,"oversized":false}"#
    );
    assert_eq!(json::write(&event).unwrap(), expected);
    let contact = r#"{"MessageName":"Create","PrimaryEntityName":"contact","InputParameters":[{"key":"Target","value":{"Attributes":[
        {"key":"birthdate","value":"\/Date(631152000000)\/"},{"key":"anniversary","value":"2017-09-26T00:00:00Z"}]}}]}"#;
    let event = endpoint.decoders["rows"].event(&json::parse(contact.as_bytes()).unwrap()).unwrap();
    let expected = r#"{"birthdate":"1990-01-01","anniversary":"2017-09-26"}"#;
    assert_eq!(json::write(event.get("target")).unwrap(), expected, "days stay days");
    let deleted = UPDATE.replace("\"Update\"", "\"Delete\"").replace("\"Attributes\"", "\"Nothing\"");
    let event = endpoint.decoders["rows"].event(&json::parse(deleted.as_bytes()).unwrap()).unwrap();
    assert_eq!(event.get("target"), &Value::Missing, "a deleted row is only named");
}

#[tokio::test]
async fn what_is_dropped_is_named_as_the_flow_sees_it() {
    use crate::model::project::Privacy;
    use crate::store::subject;
    use crate::value::paths::{Path, Paths};
    let paths = |texts: &[&str]| Paths::new(texts.iter().map(|text| Path::parse(text).unwrap()).collect());
    let (_folder, store) = store();
    let privacy = Privacy {
        drop: paths(&["$..shipto_city", "$.target.name"]),
        subject: paths(&["$.target._customerid_value"]),
        ..Privacy::default()
    };
    let endpoint = Endpoint { privacy: Arc::new(privacy), ..endpoint_of(SecretIn::Header("x-hook".into())) };
    assert_eq!(deliver(&*store, &endpoint, Some("k3y"), None, UPDATE).await, Answer::Kept { runs: 3 });
    let found = EventFilter { subject: subject("0f0e0d0c-0000-4000-8000-000000000001"), ..EventFilter::default() };
    let kept = store.events(found, Page::first(9)).await.unwrap().items.remove(0);
    let (_, body) = store.event(kept.id).await.unwrap().unwrap();
    let text = String::from_utf8(body).unwrap();
    assert!(!text.contains("Oslo") && !text.contains("Date(0)"), "{text}");
    assert!(text.contains("345.6780") && text.contains("PP-1"), "{text}");
}
