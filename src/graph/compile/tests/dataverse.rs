//! Flows that hear of rows in Dataverse.

use super::{compiled, expect, said};
use crate::graph::render;

const CRM: &str = "connections:\n  crm: { system: dataverse, base_url: https://a.example, own_user: env://U, \
                   tenant: 8c1d2b1e-0000-4000-8000-000000000000, client_id: env://I, client_secret: env://S, \
                   webhook: { path: /hooks/crm, secret: env://K, in: header.x-key } }\n";
/// A table of the project's own, and a column of its own in one of Dataverse's.
const REQUESTS: &str = r#"{ "type": "object", "x-logical-name": "new_request", "x-key": ["new_requestid"],
  "properties": { "new_requestid": { "type": "string", "format": "uuid", "readOnly": true },
    "new_status": { "type": "integer", "x-options": { "1": "Open", "2": "Approved" } },
    "new_on": { "type": ["string", "null"], "format": "date" } },
  "required": ["new_requestid", "new_status"] }"#;

fn flow(connections: &str, webhook: &str, rest: &str) -> (Vec<String>, Option<String>) {
    let text = format!("flow: a\ntrigger:\n  webhook: {{ connection: crm, {webhook} }}\n{rest}");
    let compilation = compiled(&[
        ("connections.yaml", connections),
        ("types/dataverse/new_requests.json", REQUESTS),
        ("a/a.flow.yaml", &text),
    ]);
    let graph = compilation.flows[0].graph.as_ref().map(|graph| render::json(graph)["trigger"]["webhook"].to_string());
    (said(&compilation), graph)
}

fn of_trigger(webhook: &str) -> Vec<String> {
    flow(CRM, webhook, "steps: [{ id: a, transform: 1 }]\n").0
}

#[test]
fn rows_of_every_table_can_be_heard_of_also_of_the_projects_own() {
    let webhook = "events: [new_requests.Create, new_requests.Update], columns: [new_status], ignore_own: true";
    let (said, graph) = flow(CRM, webhook, "steps: [{ id: a, transform: 'event.target?.new_status?' }]\n");
    assert_eq!(said, [] as [&str; 0]);
    let expected =
        r#"{"connection":"crm","events":["new_requests.Create","new_requests.Update"],"columns":["new_status"]}"#;
    assert_eq!(graph.as_deref(), Some(expected));
}

#[test]
fn what_nobody_sends_does_not_compile() {
    for (webhook, expected) in [
        ("events: [salesorders.Created]", &["F0365 3:"] as &[&str]),
        ("events: [salesorder.Create]", &["F0365 3:"]),
        ("events: [contacts.Create], columns: [emailaddress1]", &["F0468 3:"]),
        ("events: [contacts.Update], columns: [emailadress1]", &["F0360 3:"]),
        ("events: [salesorders.Update], columns: [customerid_account@odata.bind]", &["F0360 3:"]),
        ("events: [contacts.Update], reconcile: { every: 1h, lookback: 2d }", &["F0486 3:"]),
        ("events: [contacts.Delete], reconcile: { every: 1h, lookback: 2d }", &["F0486 3:"]),
    ] {
        expect(webhook, &of_trigger(webhook), expected);
    }
}

#[test]
fn the_event_is_typed() {
    for (slot, expected) in [
        ("event.id", &[] as &[&str]),
        ("event.message == \"Create\"", &[]),
        ("event.target?.modifiedon?", &[]),
        ("event.pre?.emailaddress1? == event.target?.emailaddress1?", &[]),
        ("event.target.emailaddress1", &[]),
        ("event.target.emailadress1", &["F0204 4:"]),
        ("event.oversized", &[]),
        ("event.depth > 1", &[]),
        ("event.row", &["F0204 4:"]),
    ] {
        let steps = format!("steps: [{{ id: a, transform: '{slot}' }}]\n");
        let (said, _) = flow(CRM, "events: [contacts.Update]", &steps);
        expect(slot, &said, expected);
    }
}

#[test]
fn ignoring_what_we_did_needs_to_know_who_we_are() {
    let nameless = CRM.replace("own_user: env://U, ", "");
    let (said, graph) =
        flow(&nameless, "events: [contacts.Update], ignore_own: true", "steps: [{ id: a, transform: 1 }]\n");
    expect("no own_user", &said, &["F0469 3:"]);
    assert_eq!(graph, None);
}

#[test]
fn a_secret_stands_in_the_address_or_a_header() {
    for (place, good) in [("query.code", true), ("header.x-key", true), ("body.code", false), ("header.a b", false)] {
        let connections = CRM.replace("in: header.x-key", &format!("in: '{place}'"));
        let (said, _) = flow(&connections, "events: [contacts.Update]", "steps: [{ id: a, transform: 1 }]\n");
        let expected: &[&str] = if good { &[] } else { &["F0470 2:"] };
        expect(place, &said, expected);
    }
}

const PAYERS: &str = r#"{ "type": "object", "x-extends": "dataverse.contacts", "x-alternate-keys": [["new_payer"], ["new_shop", "new_number"]],
  "properties": { "new_payer": { "type": ["string", "null"] }, "new_shop": { "type": ["string", "null"] }, "new_number": { "type": ["integer", "null"] } } }"#;

fn of_call(call: &str) -> (Vec<String>, Option<String>) {
    let text = format!(
        "flow: a\ntrigger: {{ webhook: {{ connection: crm, events: [contacts.Update] }} }}\nsteps:\n  - id: it\n    call:\n      {}\n",
        call.replace("; ", "\n      ")
    );
    let compilation = compiled(&[
        ("connections.yaml", CRM),
        ("types/dataverse/contacts.json", PAYERS),
        ("types/dataverse/new_requests.json", REQUESTS),
        ("a/a.flow.yaml", &text),
    ]);
    let reason = compilation.flows[0].graph.as_ref().map(|graph| match &graph.steps[0].kind {
        crate::graph::NodeKind::Call(operation) => operation.repeat.reason.clone(),
        other => panic!("{other:?}"),
    });
    (said(&compilation), reason)
}

#[test]
fn an_upsert_names_its_row_by_an_alternate_key_and_nothing_else() {
    let upsert = "operation: dataverse.upsert; entity: contacts; body: '{ lastname = \"Doe\" }'";
    for (key, expected) in [
        ("'{ new_payer = event.id }'", &[] as &[&str]),
        ("'{ new_shop = \"s\" new_number = 7 }'", &[]),
        ("'{ new_shop = event.id }'", &["F0472 9:"]),
        // What comes out with nothing is the step's to judge when it runs; a column that is not written at all is not.
        ("'{ new_payer = present(event.id) }'", &[]),
        ("'{ new_shop = present(event.id) new_number = 7 }'", &[]),
        ("'{ new_shop = present(event.id) }'", &["F0472 9:"]),
        ("'{ new_payer = 7 }'", &["F0"]),
        ("'{ new_payer = event.id new_number = 7 }'", &["F0472 9:"]),
        ("'{ new_payr = event.id }'", &["F0"]),
        ("'{ contactid = event.id }'", &["F0"]),
    ] {
        expect(key, &of_call(&format!("{upsert}; key: {key}")).0, expected);
    }
    let (said, reason) = of_call(&format!("{upsert}; key: '{{ new_payer = event.id }}'"));
    assert_eq!((said, reason.as_deref()), (vec![], Some("writing the same again changes nothing")));
    let without = "operation: dataverse.upsert; entity: accounts; key: event.id; body: '{ name = \"x\" }'";
    expect("no key", &of_call(without).0, &["F0471 8:"]);
}

#[test]
fn a_create_needs_nothing_to_be_safe() {
    for (call, reason) in [
        (
            "operation: dataverse.create; entity: contacts; body: '{ lastname = event.id }'",
            "the row's id is made of the step's key: a repeat meets its own row",
        ),
        (
            "operation: dataverse.create; entity: contacts; body: '{ lastname = event.id }'; find_by: [lastname]",
            "a retry looks for its own row by lastname after 0s",
        ),
        (
            "operation: dataverse.create; entity: new_requests; body: '{ new_status = 2 }'",
            "the row's id is made of the step's key: a repeat meets its own row",
        ),
        ("operation: dataverse.delete; entity: contacts; key: event.id", "writing the same again changes nothing"),
        (
            "operation: dataverse.associate; entity: accounts; key: event.id; navigation: contact_customer_accounts; row: '\"/contacts({event.id})\"'",
            "writing the same again changes nothing",
        ),
    ] {
        let (said, found) = of_call(call);
        assert_eq!((said, found.as_deref()), (vec![], Some(reason)), "{call}");
    }
}

#[test]
fn a_change_set_begins_with_any_create_and_ties_the_rest_to_it() {
    let set = "operation: dataverse.changeset; writes:; - { id: header, operation: dataverse.create, entity: salesorders, body: '{ name = event.id }' };\
               \x20 - { id: line, operation: dataverse.create, entity: salesorderdetails, body: '{ quantity = 1 }', refer: { salesorderid: header } }";
    let (said, reason) = of_call(&set.replace(";  -", "; -"));
    assert_eq!(said, [] as [&str; 0]);
    let expected = "it is one transaction, done when its first write `header` is: the row's id is made of the step's key: a repeat meets its own row";
    assert_eq!(reason.as_deref(), Some(expected));
    let untied = set.replace(", refer: { salesorderid: header }", "").replace(";  -", "; -");
    let (said, _) = of_call(&untied);
    expect("no order", &said, &["F0363 "]);
}

#[test]
fn rows_that_were_never_told_of_are_listed_where_the_flow_says_what_one_event_is() {
    let webhook = "events: [contacts.Create, contacts.Update], reconcile: { every: 15m, lookback: 2d }";
    let (said, graph) = flow(CRM, webhook, "  dedupe: event.id\nsteps: [{ id: a, transform: 1 }]\n");
    assert_eq!(said, [] as [&str; 0]);
    assert!(graph.unwrap().contains(r#""reconcile":{"every":"15m","lookback":"2d"}"#));
}
