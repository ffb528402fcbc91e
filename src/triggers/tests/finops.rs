//! Business events of Finance & Operations: proved by a shared secret, named by whoever defined them.

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

#[tokio::test]
async fn business_events_are_kept_but_for_the_endpoints_test() {
    let (_folder, store) = store();
    let catalog = Catalog::bundled();
    let system = catalog.system("finops").unwrap();
    let types = Types::bundled(&catalog);
    let decoders = system.events.iter().filter_map(|(n, g)| Some((n.clone(), Decoder::of(g, system, &types)?)));
    let endpoint = Endpoint {
        connection: "d365".to_owned(),
        system: Arc::new(system.clone()),
        decoders: Arc::new(decoders.collect()),
        verification: Verification::SharedSecret { secrets: vec!["k3y".into()], place: SecretIn::Query("code".into()) },
        live: None,
        own_users: [("own_user".to_owned(), US.to_owned())].into(),
        ..super::endpoint()
    };
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
    let event = endpoint.decoders["all"].event(&json::parse(invoice.as_bytes()).unwrap()).unwrap();
    assert_eq!(event.get("EventTime"), &Value::from("2022-12-30T13:51:15Z"));
    assert_eq!(event.get("InvoiceDate"), &Value::from("2022-12-30T00:00:00Z"));
    assert_eq!(event.get("InvoiceDueDate"), &Value::from("1900-01-01T00:00:00Z"));
}
