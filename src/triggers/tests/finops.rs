//! Events of Finance & Operations, proved by a shared secret: business events, named by whoever defined them, and data
//! events of the virtual tables.

use super::*;
use crate::catalog::{Decoder, Types};
use crate::store::{EventFilter, Page};
use crate::triggers::ingress::{Answer, Delivery, take};
use crate::triggers::shared_secret::SecretIn;
use crate::value::json;
use bytes::Bytes;
use jiff::Timestamp;

const US: &str = "c600136f-6814-41d9-8642-40ca0ec4edd4";

fn posted(id: &str, event: &str, user: &str) -> String {
    format!(
        r#"{{"BusinessEventId":"{id}","BusinessEventLegalEntity":"USMF","ContextRecordSubject":"","ControlNumber":5637985363,"EventId":"{event}","EventTime":"\/Date(1672408275000)\/","EventTimeIso8601":"2022-12-30T13:51:15.2942742Z","InitiatingUserAADObjectId":"{{{user}}}","InvoiceAccount":"US-001","InvoiceId":"CIV-000771","SalesId":"SO-000012","InvoiceDate":"\/Date(1672358400000)\/","InvoiceDueDate":"\/Date(-2208988800000)\/","InvoiceAmount":42.50,"InvoiceTaxAmount":0.00,"LegalEntity":"USMF","MajorVersion":0,"MinorVersion":0,"ParentContextRecordSubjects":[]}}"#
    )
}

fn d365() -> Endpoint {
    let catalog = Catalog::bundled();
    let system = catalog.system("finops").unwrap();
    let types = Types::bundled(&catalog);
    let decoders = system.events.iter().filter_map(|(n, g)| Some((n.clone(), Decoder::of(g, system, &types)?)));
    Endpoint {
        connection: "d365".to_owned(),
        system: Arc::new(system.clone()),
        decoders: Arc::new(decoders.collect()),
        verification: Verification::SharedSecret { secrets: vec!["k3y".into()], place: SecretIn::Query("code".into()) },
        live: None,
        company: Some("usmf".to_owned()),
        own_users: [("own_user".to_owned(), US.to_owned()), ("own_dataverse_user".to_owned(), OURS.to_owned())].into(),
        ..super::endpoint()
    }
}

const OURS: &str = "75c2dd85-e89e-e711-8122-000d3aa2331c";

/// A change of a customer, as the linked Dataverse tells of its virtual table.
fn changed(operation: &str, message: &str, company: &str, user: &str) -> String {
    let attributes = format!(
        r#"[{{"key":"mserp_dataareaid","value":"{company}"}},{{"key":"mserp_customeraccount","value":"US-001"}},{{"key":"mserp_organizationname","value":"Contoso"}},{{"key":"mserp_creditlimit","value":{{"__type":"Money:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts","Value":12.50}}}}]"#
    );
    format!(
        r#"{{"Depth":1,"InitiatingUserId":"{user}","InputParameters":[{{"key":"Target","value":{{"__type":"Entity:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts","Attributes":{attributes},"Id":"00002893-0000-0000-a700-005001000000","LogicalName":"mserp_custcustomerv3entity"}}}}],"MessageName":"{message}","Mode":1,"OperationId":"{operation}","PostEntityImages":[],"PreEntityImages":[],"PrimaryEntityId":"00002893-0000-0000-a700-005001000000","PrimaryEntityName":"mserp_custcustomerv3entity","Stage":40,"UserId":"{user}"}}"#
    )
}

#[tokio::test]
async fn data_events_tell_of_rows_by_their_keys_and_of_our_company_alone() {
    let (_folder, store) = store();
    let endpoint = d365();
    let mut all = Arc::into_inner(flow("all", "d365", "CustomersV3.Update")).unwrap();
    all.trigger.ignore_own = false;
    let flows = [flow("others", "d365", "CustomersV3.Update"), Arc::new(all)];
    let deliver = async |body: &str| {
        let (body, received_at) = (Bytes::copy_from_slice(body.as_bytes()), Timestamp::from_second(1).unwrap());
        take(&endpoint, &flows, &*store, Delivery { headers: &[], query: Some("code=k3y"), body, received_at }).await
    };
    let somebody = "5a3d7d84-0000-4000-8000-000000000001";
    let update = changed("op-1", "Update", "usmf", somebody);
    assert_eq!(deliver(&update).await, Answer::Kept { runs: 2 });
    assert_eq!(deliver(&update).await, Answer::Duplicate);
    assert_eq!(deliver(&changed("op-2", "Update", "usmf", OURS)).await, Answer::Kept { runs: 1 }, "our own write");
    assert_eq!(deliver(&changed("op-3", "Create", "usmf", somebody)).await, Answer::Unrouted);
    assert_eq!(deliver(&changed("op-4", "Update", "demf", somebody)).await, Answer::Unrouted);
    let kept = store.events(EventFilter::default(), Page::first(9)).await.unwrap().items;
    assert!(kept.iter().all(|event| event.problem.is_none()), "another company's row is nothing wrong");
    assert_eq!(kept.last().unwrap().kind, "CustomersV3.Update");
    let event = endpoint.decoders["data"].event(&json::parse(update.as_bytes()).unwrap()).unwrap();
    assert_eq!(json::write(event.get("key")).unwrap(), r#"{"dataAreaId":"usmf","CustomerAccount":"US-001"}"#);
    let target = r#"{"dataAreaId":"usmf","CustomerAccount":"US-001","OrganizationName":"Contoso","CreditLimit":12.50}"#;
    assert_eq!(json::write(event.get("target")).unwrap(), target);
}

#[tokio::test]
async fn business_events_of_another_company_start_nothing() {
    let (_folder, store) = store();
    let endpoint = d365();
    let flows = [flow("invoices", "d365", "SalesInvoicePostedBusinessEvent")];
    let deliver = async |body: &str| {
        let (body, received_at) = (Bytes::copy_from_slice(body.as_bytes()), Timestamp::from_second(1).unwrap());
        take(&endpoint, &flows, &*store, Delivery { headers: &[], query: Some("code=k3y"), body, received_at }).await
    };
    let invoice = |event: &str, company: &str| {
        let whole = posted("SalesInvoicePostedBusinessEvent", event, "410A2690-5EC2-42EE-9F2A-E75B4E324930");
        whole.replace(r#""BusinessEventLegalEntity":"USMF""#, &format!(r#""BusinessEventLegalEntity":"{company}""#))
    };
    assert_eq!(deliver(&invoice("E-1", "DEMF")).await, Answer::DeadLetter);
    for (event, company) in [("E-2", "usmf"), ("E-3", ""), ("E-4", "DAT")] {
        assert_eq!(deliver(&invoice(event, company)).await, Answer::Kept { runs: 1 }, "{company}");
    }
    let kept = store.events(EventFilter::default(), Page::first(9)).await.unwrap().items;
    let problems: Vec<&str> = kept.iter().filter_map(|event| event.problem.as_deref()).collect();
    assert!(matches!(problems[..], [one] if one.starts_with("an event of company DEMF came to a connection for usmf")));
}

#[tokio::test]
async fn business_events_are_kept_but_for_the_endpoints_test() {
    let (_folder, store) = store();
    let endpoint = d365();
    let flows = [flow("invoices", "d365", "SalesInvoicePostedBusinessEvent"), flow("own", "d365", "ContosoShipped")];
    let deliver = async |body: &str, query: &str| {
        let (body, received_at) = (Bytes::copy_from_slice(body.as_bytes()), Timestamp::from_second(1).unwrap());
        take(&endpoint, &flows, &*store, Delivery { headers: &[], query: Some(query), body, received_at }).await
    };
    let invoice = posted("SalesInvoicePostedBusinessEvent", "E-1", "410A2690-5EC2-42EE-9F2A-E75B4E324930");
    assert_eq!(deliver(&invoice, "code=guess").await.status(), 401);
    assert_eq!(deliver(&invoice, "code=k3y").await, Answer::Kept { runs: 1 });
    assert_eq!(deliver(&invoice, "code=k3y").await, Answer::Duplicate);
    // One of the customer's own, caused by us: the flow does not want those.
    let own = posted("ContosoShipped", "E-2", &US.to_uppercase());
    assert_eq!(deliver(&own, "code=k3y").await, Answer::Kept { runs: 0 });
    let test = posted("BusinessEventsTestEndpointContract", "E-3", "00000000-0000-0000-0000-000000000000");
    assert_eq!(deliver(&test, "code=k3y").await, Answer::Ignored);
    assert_eq!(deliver(&test.replace("Contract\"", "ContractV2\""), "code=k3y").await, Answer::Ignored);
    let kept = store.events(EventFilter::default(), Page::first(9)).await.unwrap().items;
    assert_eq!(kept.len(), 2);
    // Times as everything else has them; no date is what F&O writes for it everywhere.
    let event = endpoint.decoders["business"].event(&json::parse(invoice.as_bytes()).unwrap()).unwrap();
    assert_eq!(event.get("EventTime"), &Value::from("2022-12-30T13:51:15Z"));
    assert_eq!(event.get("InvoiceDate"), &Value::from("2022-12-30T00:00:00Z"));
    assert_eq!(event.get("InvoiceDueDate"), &Value::from("1900-01-01T00:00:00Z"));
}
