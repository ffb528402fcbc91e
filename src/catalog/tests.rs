//! The bundled files are held to the format; what the format can say beyond them is shown on small systems here.

use super::*;
use crate::diagnostics::{Severity, Sources};
use crate::language::types::{Form, Kind, Type, TypeSource};
use crate::value::{Record, Text, Value};
use std::time::Duration;

fn record(fields: &[(&str, Value)]) -> Value {
    Value::Record(fields.iter().map(|(name, value)| (Text::from(*name), value.clone())).collect::<Record>())
}

fn text(text: &str) -> Value {
    Value::Text(Text::from(text))
}

fn no_headers(_: &str) -> Option<&'static str> {
    None
}

/// An F&O error body around that message.
fn fo_error(message: &str) -> Value {
    let inner = record(&[("message", text(message))]);
    record(&[(
        "error",
        record(&[("code", text("")), ("message", text("An error has occurred.")), ("innererror", inner)]),
    )])
}

fn stripe_error(kind: &str, code: Option<&str>, message: &str) -> Value {
    let mut error = vec![("type", text(kind)), ("message", text(message))];
    error.extend(code.map(|code| ("code", text(code))));
    record(&[("error", record(&error))])
}

fn types() -> Types {
    Types::bundled(&Catalog::bundled())
}

#[test]
fn everything_bundled_loads() {
    Catalog::load(SYSTEMS, TYPES).unwrap();
}

#[test]
fn every_file_of_the_folders_is_bundled() {
    let files = |folder: &str, end: &str| {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(folder);
        let files =
            walkdir::WalkDir::new(&root).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
        let names = files.map(|entry| entry.path().strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
        let mut names: Vec<_> = names.map(|name| name.strip_suffix(end).unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(files("systems", ".yaml"), SYSTEMS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    assert_eq!(files("types", ".json"), TYPES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}

/// Into structs, a name twice in one map goes unnoticed; into a YAML value it does not.
#[test]
fn no_file_has_a_name_twice() {
    for (name, text) in SYSTEMS {
        serde_yaml::from_str::<serde_yaml::Value>(text).unwrap_or_else(|error| panic!("{name}.yaml: {error}"));
    }
}

#[test]
fn what_flows_ask_for_is_there() {
    let catalog = Catalog::bundled();
    let (system, create) = catalog.operation("finops.create").unwrap();
    assert_eq!((system.name.as_str(), create.short_name(), create.writes()), ("finops", "create", true));
    assert_eq!(system.http.as_ref().unwrap().timeout, Some(Duration::from_secs(180)));
    assert!(catalog.entity("finops", "CDSSalesOrderLinesV2").unwrap().is_chosen());
    assert!(!catalog.entity("finops", "SalesOrderHeadersV2").unwrap().is_chosen());

    assert_eq!(create.repeat(true, false).unwrap().by, RepeatBy::Key);
    let by_key = create.repeat(false, true).unwrap();
    assert_eq!((by_key.by, by_key.settle), (RepeatBy::FindBy, Some(Duration::from_secs(180))));
    assert_eq!(create.idempotency_header(), None);

    let (_, update) = catalog.operation("stripe.charges.update").unwrap();
    assert_eq!(update.repeat(false, false).unwrap().remembers, Some(Duration::from_secs(24 * 3600)));
    assert_eq!(update.idempotency_header(), Some(("Idempotency-Key", Some(255))));

    let (group, name) = catalog.system("stripe").unwrap().event("charge.succeeded").unwrap();
    let event = &group.types[name];
    assert_eq!((name, event.ty.as_str()), ("charge.succeeded", "stripe.charge"));
    assert_eq!(group.own, Own::IdempotencyKey(Place::try_from("body.request.idempotency_key".to_owned()).unwrap()));
    assert!(catalog.operation("finops.nothing").is_none() && catalog.operation("finops").is_none());
}

#[test]
fn a_key_is_written_key_whatever_its_name() {
    let catalog = Catalog::bundled();
    let (_, get) = catalog.operation("stripe.charges.get").unwrap();
    assert_eq!(get.param("key").unwrap().0, "id");
    assert!(get.param("id").is_none());
    assert_eq!(get.param_names().collect::<Vec<_>>(), ["key", "expand", "account"]);
}

#[test]
fn what_an_operation_takes_from_another_is_there() {
    let catalog = Catalog::bundled();
    let (_, find) = catalog.operation("finops.find").unwrap();
    assert_eq!(find.result().exactly, Some(Exactly::One));
    assert_eq!(find.http.as_ref().unwrap().path.to_string(), "{entity}");
    assert_eq!(find.paging.as_deref(), Some("odata"));
    assert!(find.needs_one_of.is_empty() && find.param("where").unwrap().1.required);
}

#[test]
fn names_people_use_lead_to_the_real_ones() {
    let catalog = Catalog::bundled();
    let finops = catalog.system("finops").unwrap();
    assert!(finops.entity_help("/data/SalesOrders").ends_with("`SalesOrderHeadersV2`"));
    assert!(finops.entity_help("customers").ends_with("`CustomersV3`"));
    assert_eq!(finops.entity_help("CustomerV3"), "did you mean `CustomersV3`?");
    assert!(finops.entity_help("GeneralJournalEntries").contains("LedgerJournalHeaders"));
    let stripe = catalog.system("stripe").unwrap();
    assert!(stripe.event_help("payment_intent.cancelled").ends_with("`payment_intent.canceled`"));
    assert_eq!(stripe.event_help("charge.suceeded"), "did you mean `charge.succeeded`?");
    assert!(stripe.event_help("charge.disputed").ends_with("`charge.dispute.created`"));
    assert!(finops.entity_help("/data/CreditNotes").contains("CDSFreeTextInvoiceHeaders"));
    assert_eq!(catalog.operation_help("finops.creat", true), "did you mean `finops.create`?");
    assert_eq!(
        catalog.operation_help("finops.xyz", true),
        "operations of this system: finops.create, finops.update, finops.delete, finops.changeset, finops.service, \
         finops.request"
    );
    assert_eq!(catalog.system_help("stripes"), "did you mean `stripe`?");
}

// ---- errors

fn finops(status: u16, body: &Value) -> Classified {
    let catalog = Catalog::bundled();
    catalog.system("finops").unwrap().classify(None, status, body, &no_headers)
}

#[test]
fn an_infolog_names_its_first_cause() {
    let error = finops(
        400,
        &fo_error(
            "Write failed for table row of type 'SalesOrderLineV3Entity'. Infolog: Warning: Item number 1000 not found.; \
             Error: Update has been canceled..",
        ),
    );
    assert_eq!(error.message, "Item number 1000 not found");
    assert_eq!((error.class, error.code.as_str(), error.undone), (ErrorClass::Data, "not_found", true));
}

#[test]
fn a_general_entry_in_front_is_not_the_cause() {
    let error = finops(
        400,
        &fo_error("Infolog: Error: Update has been canceled.; Error: Field Site; Warehouse must be filled in."),
    );
    assert_eq!(error.message, "Field Site; Warehouse must be filled in");
    assert_eq!(error.code, "missing_field");
    let error = finops(400, &fo_error("Infolog: Error: Update has been canceled.."));
    assert_eq!((error.message.as_str(), error.code.as_str()), ("Update has been canceled", "refused"));
}

#[test]
fn a_locked_journal_is_tried_again_and_was_not_written() {
    let error = finops(
        400,
        &fo_error(
            "Write failed for table row of type 'LedgerJournalLineEntity'. Infolog: Error: Cannot edit a record in Ledger \
             journal table (LedgerJournalTable).\\nAn update conflict occurred due to another user process..",
        ),
    );
    assert_eq!((error.class, error.code.as_str(), error.undone), (ErrorClass::Unavailable, "journal_locked", true));
    assert!(error.hint.is_some());
}

#[test]
fn an_existing_row_may_be_ours() {
    let error = finops(500, &fo_error("Infolog: Error: Cannot create a record. The record already exists."));
    assert_eq!((error.class, error.is), (ErrorClass::Data, Is::MaybeDone));
}

#[test]
fn a_server_error_without_infolog_leaves_the_work_open() {
    for body in [Value::Missing, text("<html>"), fo_error("The server is busy")] {
        let error = finops(500, &body);
        assert_eq!((error.class, error.code.as_str(), error.undone), (ErrorClass::Unavailable, "http_500", false));
    }
    assert_eq!(finops(502, &Value::Missing).message, "Dynamics 365 Finance and Operations answered 502");
    assert_eq!(finops(504, &Value::Missing).class, ErrorClass::Timeout);
}

#[test]
fn a_throttled_answer_says_when_to_come_back() {
    let catalog = Catalog::bundled();
    let system = catalog.system("finops").unwrap();
    let wait = |headers: &'static [(&'static str, &'static str)]| {
        let find = move |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let error = system.classify(None, 429, &Value::Missing, &find);
        assert_eq!(error.class, ErrorClass::Throttled);
        error.wait
    };
    assert_eq!(wait(&[("Retry-After", "12")]), Some(Duration::from_secs(12)));
    let date = &[("Retry-After", "Sun, 01 Nov 2026 12:00:30 GMT"), ("Date", "Sun, 01 Nov 2026 12:00:00 GMT")];
    assert_eq!(wait(date), Some(Duration::from_secs(30)));
    assert_eq!(wait(&[("Retry-After", "Sun, 01 Nov 2026 12:00:30 GMT")]), None);
    assert_eq!(wait(&[("Retry-After", "soon")]), None);
    assert_eq!(wait(&[]), None);
}

#[test]
fn stripe_says_itself_whether_to_try_again() {
    let catalog = Catalog::bundled();
    let system = catalog.system("stripe").unwrap();
    let ask = |status, body: &Value, retry: Option<&'static str>, replayed: Option<&'static str>| {
        let find = move |name: &str| match name {
            "Stripe-Should-Retry" => retry,
            "Idempotent-Replayed" => replayed,
            "Request-Id" => Some("req_1"),
            _ => None,
        };
        system.classify(None, status, body, &find)
    };
    let body = stripe_error("invalid_request_error", Some("resource_missing"), "No such customer: 'cus_x'");
    let error = ask(404, &body, None, None);
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Data, "resource_missing"));
    assert_eq!((error.message.as_str(), error.trace.as_deref()), ("No such customer: 'cus_x'", Some("req_1")));

    let same_key = stripe_error("idempotency_error", None, "Keys for idempotent requests …");
    assert_eq!(ask(400, &same_key, None, None).code, "idempotency_error");
    assert_eq!(ask(400, &same_key, Some("true"), None).class, ErrorClass::Unavailable);
    assert_eq!(ask(409, &Value::Missing, None, None).class, ErrorClass::Unavailable);
    let lock = stripe_error("invalid_request_error", Some("lock_timeout"), "This object cannot be accessed right now");
    assert_eq!(ask(429, &lock, None, None).class, ErrorClass::Throttled);
    assert_eq!(ask(429, &lock, Some("false"), None).class, ErrorClass::Data);
    assert!(!ask(500, &Value::Missing, None, None).stored);
    assert!(ask(500, &Value::Missing, Some("false"), None).stored, "a repeat would bring back the same");
    assert!(ask(500, &Value::Missing, None, Some("true")).stored);
    assert_eq!(ask(401, &Value::Missing, Some("false"), None).class, ErrorClass::Auth);
}

// ---- payload types

fn field(ty: &Type, name: &str) -> Type {
    ty.fields().unwrap().fields.get(name).unwrap_or_else(|| panic!("no field {name}")).ty.clone()
}

#[test]
fn types_say_null_missing_and_options() {
    let charge = types().payload("stripe.charge").unwrap();
    assert_eq!(charge.to_string(), "stripe.charge");
    assert_eq!(field(&charge, "amount"), Type::int());
    assert_eq!(field(&charge, "customer"), Type::text().or_null());
    assert_eq!(field(&charge, "receipt_email"), Type::text().or_null().or_missing());
    assert_eq!(field(&charge, "metadata"), Type::map(Type::text()));
    let status = field(&charge, "status");
    let facts = status.facts.unwrap();
    assert!(facts.closed);
    assert_eq!(
        facts.options.iter().map(|(value, _)| value.as_str()).collect::<Vec<_>>(),
        ["succeeded", "pending", "failed"]
    );
}

#[test]
fn parts_of_a_type_have_names() {
    let types = types();
    assert_eq!(types.payload("stripe.charge.billing_details.address").unwrap().to_string(), "stripe.address");
    assert!(!types.payload("stripe.charge.outcome").unwrap().null, "the name means the value that is there");
    assert_eq!(types.payload("stripe.charge.outcome.risk_score"), Some(Type::int()));
    let element = types.payload("stripe.balance_transaction.fee_detail");
    assert_eq!(element.as_ref().and_then(|ty| ty.fields()).unwrap().fields.len(), 5);
    assert_eq!(element.is_some(), types.payload("stripe.balance_transaction.fee_details").is_some());
    assert!(types.payload("stripe.charge.statu").is_none());
    assert!(types.payload("stripe").is_none() && types.payload("").is_none());
}

#[test]
fn fo_dates_are_written_at_noon_and_enums_keep_their_name() {
    let header = types().payload("finops.SalesOrderHeadersV2").unwrap();
    let date = field(&header, "RequestedShippingDate");
    assert_eq!((date.kind.clone(), date.missing), (Kind::Date, true));
    assert_eq!(date.facts.unwrap().form, Some(Form::Noon));
    assert_eq!(field(&header, "SalesOrderStatus").facts.unwrap().enum_name.as_deref(), Some("SalesStatus"));
    assert_eq!(field(&header, "CustomersOrderReference"), Type::text());
}

#[test]
fn an_event_holds_its_own_payload_in_the_envelope() {
    let catalog = Catalog::bundled();
    let types = Types::bundled(&catalog);
    let stripe = catalog.system("stripe").unwrap();
    let (group, name) = stripe.event("charge.captured").unwrap();
    let event = types.event(stripe, group, name);
    assert_eq!(field(&event, "id"), Type::text());
    assert_eq!(field(&field(&event, "data"), "object").to_string(), "stripe.charge");
}

#[test]
fn types_of_an_entity_in_hand() {
    let catalog = Catalog::bundled();
    let types = Types::bundled(&catalog);
    let system = catalog.system("finops").unwrap();
    let line = catalog.entity("finops", "CDSSalesOrderLinesV2");
    let resolve = |ty: &str| types.resolve(&TypeRef::try_from(ty.to_owned()).unwrap(), system, line);

    let key = resolve("key").unwrap();
    assert_eq!(key.to_string(), "{ dataAreaId: text?, SalesOrderNumber: text, LineCreationSequenceNumber: int }");
    let body = resolve("body").unwrap();
    assert!(field(&body, "SalesOrderNumber").missing, "what a create needs stands at the entity");
    assert!(!body.fields().unwrap().fields.contains_key("InventoryLotId"), "read-only columns are not written");
    assert_eq!(resolve("partial<body>"), resolve("body"));
    assert_eq!(resolve("list<row>").unwrap().to_string(), "list<finops.CDSSalesOrderLinesV2>");
    assert_eq!(resolve("list<text>"), Some(Type::list(Type::text())));
    assert_eq!(resolve("none"), None);
    assert_eq!(resolve("stripe.chargee"), None);
}

fn project(files: &[(&str, &str)]) -> (Types, Vec<String>) {
    let mut sources = Sources::default();
    for (path, text) in files {
        sources.add(*path, *text);
    }
    let (types, diagnostics) = Types::new(&Catalog::bundled(), sources.iter());
    let found = diagnostics.iter().map(|found| {
        assert_eq!(found.severity, Severity::Error);
        let place = found.primary.as_ref().map(|label| sources.position(label.span).to_string());
        format!("{} {}: {}", found.code, place.unwrap_or_default(), found.message)
    });
    (types, found.collect())
}

#[test]
fn a_project_extends_a_bundled_type() {
    let custom = r#"{ "type": "object", "x-extends": "finops.CustomersV3",
        "properties": { "ContosoStripeId": { "type": "string", "maxLength": 20 }, "SalesMemo": { "type": "integer" } } }"#;
    let (types, found) = project(&[("types/finops/CustomersV3.json", custom), ("flows/readme.json", "{")]);
    assert_eq!(found, Vec::<String>::new());
    let customer = types.payload("finops.CustomersV3").unwrap();
    assert_eq!(field(&customer, "ContosoStripeId").facts.unwrap().max_length, Some(20));
    assert_eq!(field(&customer, "SalesMemo"), Type::int().or_missing());
    assert_eq!(field(&customer, "CustomerAccount"), Type::text());
}

#[test]
fn a_project_makes_types_of_its_own() {
    let order = r##"{ "type": "object", "properties": {
        "lines": { "type": "array", "items": { "$ref": "#/$defs/line" } }, "payer": { "$ref": "stripe.customer" } },
        "required": ["lines"],
        "$defs": { "line": { "type": "object", "properties": { "price": { "type": "string", "format": "decimal" } }, "required": ["price"] } } }"##;
    let (types, found) = project(&[("types/stripe/basket.json", order)]);
    assert_eq!(found, Vec::<String>::new());
    let basket = types.payload("stripe.basket").unwrap();
    assert_eq!(field(&basket, "lines").to_string(), "list<stripe.basket.line>");
    let price = types.payload("stripe.basket.line.price").unwrap();
    assert_eq!((price.kind.clone(), price.facts.unwrap().form), (Kind::Decimal, Some(Form::DecimalText)));
    assert_eq!(field(&basket, "payer").to_string(), "stripe.customer?");
}

#[test]
fn findings_in_a_project_stand_at_their_place() {
    let found = |path: &str, text: &str| project(&[(path, text)]).1.join("\n");
    assert_eq!(
        found("types/stripe/a.json", "{ \"type\": \"object\",\n  \"patern\": 1 }"),
        "F0420 types/stripe/a.json:2:10: unknown field `patern`, expected one of `$schema`, `title`, `description`, `type`, \
         `format`, `$ref`, `$defs`, `properties`, `required`, `additionalProperties`, `items`, `enum`, `maxLength`, \
         `readOnly`, `writeOnly`, `x-form`, `x-options`, `x-enum`, `x-scale`, `x-known`, `x-extends`, \
         `x-logical-name`, `x-key`, `x-alternate-keys`"
    );
    let required = found("types/stripe/a.json", r#"{ "type": "object", "properties": {}, "required": ["b"] }"#);
    assert_eq!(required, "F0421 types/stripe/a.json:1:52: `required` of `stripe.a` names `b`, which is no property");
    let unknown = found("types/stripe/a.json", r#"{ "$ref": "stripe.nobody" }"#);
    assert_eq!(unknown, "F0421 types/stripe/a.json:1:11: `stripe.a` refers to `stripe.nobody`, which is not there");
    let circle = found("types/stripe/a.json", r#"{ "type": "object", "properties": { "b": { "$ref": "stripe.a" } } }"#);
    assert!(circle.contains("is part of itself"), "{circle}");
    assert!(found("types/strip/a.json", "{}").contains("there is no system `strip`"));
    assert!(found("types/stripe/a.json", r#"{ "x-extends": "stripe.b" }"#).contains("extends `stripe.a`"));
    let extends = r#"{ "type": "object", "x-extends": "dataverse.salesorder", "properties": {} }"#;
    assert_eq!(
        found("types/dataverse/salesorder.json", extends),
        "F0423 types/dataverse/salesorder.json:1:34: there is no bundled type `dataverse.salesorder` to extend"
    );
    let key = found("types/dataverse/new_a.json", r#"{ "type": "object", "x-key": ["new_b"], "properties": {} }"#);
    assert_eq!(
        key,
        "F0421 types/dataverse/new_a.json:1:31: a key of `dataverse.new_a` names `new_b`, which is no column that can be read"
    );
    let bind =
        r#"{ "type": "object", "x-extends": "dataverse.contacts", "x-alternate-keys": [["ownerid@odata.bind"]] }"#;
    assert!(found("types/dataverse/contacts.json", bind).contains("which is no column"), "{bind}");
    let inside = found(
        "types/paypal/a.json",
        r#"{ "type": "object", "properties": { "b": { "type": "string", "x-key": ["b"] } } }"#,
    );
    assert!(inside.contains("`x-key` stands at the top of a file, not in `paypal.a.b`"), "{inside}");
    for text in [
        "{",
        "",
        "[]",
        "{\"type\": \"array\"}",
        "{\"type\": [\"string\", \"integer\"]}",
        "{\"type\": \"string\", \"x-form\": \"noon\"}",
    ] {
        assert!(!found("types/stripe/a.json", text).is_empty(), "{text}");
    }
}

#[test]
fn a_company_brings_its_own_tables_and_columns() {
    let own = r#"{ "type": "object", "x-logical-name": "new_claim", "x-key": ["new_claimid"],
        "x-alternate-keys": [["new_number"], ["new_shop", "new_order"]],
        "properties": {
            "new_claimid": { "type": "string", "format": "uuid", "readOnly": true },
            "new_number": { "type": "string", "maxLength": 20 }, "new_shop": { "type": "string" },
            "new_order": { "type": "string" }, "new_state": { "type": "integer", "x-options": { "1": "Open", "2": "Closed" } }
        },
        "required": ["new_claimid", "new_number"] }"#;
    let column = r#"{ "type": "object", "x-extends": "dataverse.salesorders", "x-alternate-keys": [["new_channelorder"]],
        "properties": { "new_channelorder": { "type": ["string", "null"], "maxLength": 50 } } }"#;
    let (types, findings) =
        project(&[("types/dataverse/new_claims.json", own), ("types/dataverse/salesorders.json", column)]);
    assert!(findings.is_empty(), "{findings:?}");
    let claim = types.payload("dataverse.new_claims").unwrap();
    assert!(claim.fields().unwrap().fields["new_claimid"].read_only);
    let order = types.payload("dataverse.salesorders").unwrap();
    let fields = &order.fields().unwrap().fields;
    assert_eq!(fields["new_channelorder"].ty.facts.as_ref().unwrap().max_length, Some(50));
    assert!(fields["totalamount"].read_only && fields["pricelevelid@odata.bind"].write_only);
}

// ---- the format beyond what is bundled

const PAY: &str = r#"
system: pay
title: Pay
connection: { mode: { type: text, one_of: [sandbox, live], required: true }, id: { type: text, required: true } }
http:
  base: { sandbox: 'https://sandbox.pay.example', live: 'https://pay.example' }
  auth: { kind: oauth2_client_credentials, url: /v1/oauth2/token, credentials: basic }
errors:
  code: ['$.details[0].issue', '$.name']
  message: ['$.details[0].description', '$.message']
  by_status: { '429': { class: throttled, wait: 5s }, '422': { class: data } }
paging:
  pages: { rows: '$.items', page: query.page, from: 1, size: { query.page_size: 1000 }, total: '$.total_pages' }
  links: { next: '$.links[?@.rel == "next"].href' }
operations:
  get: { title: One, does: read, params: { id: { kind: expr, type: text, in: path, required: true, key: true } }, http: { method: GET, path: '/x/{id}' }, result: { type: any } }
  capture:
    title: Take the money
    does: write
    params: { id: { kind: expr, type: text, in: path, required: true, key: true } }
    http: { method: POST, path: '/x/{id}/capture', headers: { Prefer: return=representation } }
    result: { type: any }
    limits: { body.items: { at_most: 15000 } }
    repeat: [{ by: header, header: Pay-Request-Id, at_most: 108, remembers: 6h, find: { operation: get, key: id, done: { '$.status': COMPLETED } } }]
    errors: { by_code: { ALREADY_CAPTURED: { class: data, is: done, known: K } } }
  many: { title: Many, does: read, paging: pages, params: { event_type: { kind: expr, type: text, in: query }, start_time: { kind: expr, type: time, in: query } }, http: { method: GET, path: /x }, result: { type: list<any>, at: '$.items' } }
events:
  match: body.event_type
  id: [body.id, body.kind]
  at: resource
  own: none
  verify: { code: pay_signature }
  delivery: { tries: 25, over: 3d, order: none }
  created: body.create_time
  reconcile: { operation: many, by: event_type, from: start_time, keeps: 30d }
  types: { REFUNDED: { type: stripe.charge, also: [REVERSED], instead_of: [REFUND.COMPLETED] } }
"#;

#[test]
fn the_format_says_more_than_is_bundled() {
    let catalog = Catalog::load(&[("pay", PAY)], TYPES).unwrap();
    let pay = catalog.system("pay").unwrap();
    let http = pay.http.as_ref().unwrap();
    assert_eq!(http.base.of_mode(Some("live")).unwrap().to_string(), "https://pay.example");
    assert_eq!(http.base.of_mode(None), None);
    assert!(matches!(&pay.paging["pages"].next, NextPage::Number { first: 1, .. }));
    assert!(matches!(&pay.paging["links"].next, NextPage::Link(_)));

    let (_, capture) = catalog.operation("pay.capture").unwrap();
    let issue = record(&[("issue", text("ALREADY_CAPTURED")), ("description", text("Captured before"))]);
    let body = record(&[("name", text("UNPROCESSABLE")), ("details", Value::from(vec![issue]))]);
    let error = pay.classify(Some(capture), 422, &body, &no_headers);
    assert_eq!(
        (error.code.as_str(), error.message.as_str(), error.is),
        ("ALREADY_CAPTURED", "Captured before", Is::Done)
    );
    assert_eq!(pay.classify(None, 422, &body, &no_headers).is, Is::None);
    assert_eq!(pay.classify(None, 429, &body, &no_headers).wait, Some(Duration::from_secs(5)));
    let find = capture.repeat(false, false).unwrap().find.as_ref().unwrap();
    assert!(find.is_done(&record(&[("status", text("COMPLETED"))])));
    assert!(!find.is_done(&record(&[("status", text("APPROVED"))])) && !find.is_done(&Value::Missing));

    let pay = catalog.system("pay").unwrap();
    let (group, name) = pay.event("REVERSED").unwrap();
    assert_eq!((name, &group.own, group.id.len()), ("REFUNDED", &Own::Unknown, 2));
    assert!(matches!(&group.reconcile, Reconcile::List(listing) if listing.operation == "many"));
    assert!(pay.event_help("REFUND.COMPLETED").ends_with("`REFUNDED`"));
}

#[test]
fn events_in_groups_share_how_they_are_verified() {
    let events = "events:\n  business: { match: body.a, names: any, id: body.b, own: { body.user: own_user } }\n  \
        data: { match: body.c, names: '{entity}.{Create|Update}', decode: { code: context }, id: body.d, gives: { depth: int } }\n  \
        verify: { shared_secret: [query, header] }\n";
    let system = System::read(&format!("system: x\ntitle: X\noperations: {{}}\n{events}")).unwrap();
    assert_eq!(system.events.len(), 2);
    for group in system.events.values() {
        assert_eq!(group.verify, Some(Verify::SharedSecret(vec![SecretPlace::Query, SecretPlace::Header])));
    }
    assert!(matches!(&system.events["business"].own, Own::User { key, .. } if key == "own_user"));
}

#[test]
fn mistakes_in_a_file_are_found() {
    let problems = |from: &str, to: &str| {
        assert!(PAY.contains(from));
        Catalog::load(&[("pay", &PAY.replacen(from, to, 1))], TYPES).unwrap_err().join("\n")
    };
    assert!(problems("does: read", "does: red").contains("red"));
    assert!(problems("title: Pay", "titel: Pay").contains("titel"));
    assert!(problems("result: { type: any }", "result: { type: pay.thing }").contains("there is no type pay.thing"));
    assert!(problems("paging: pages", "paging: page").contains("there is no paging page"));
    assert!(problems("/x/{id}", "/x/{key}").contains("names key, which is no parameter"));
    assert!(problems("operation: get,", "operation: capture,").contains("find writes"));
    assert!(problems("key: id", "key: number").contains("find takes number"));
    assert!(problems("key: id", "number: id").contains("find gives get a number"));
    let windows = "paging: pages, windows: { from: start_time, to: end_time, at_most: 31d }";
    assert!(problems("paging: pages", windows).contains("windows names end_time"));
    assert!(problems("paging: pages", &windows.replace("31d", "0s")).contains("at least a second"));
    assert!(problems("header: Pay-Request-Id, ", "").contains("names no header"));
    assert!(problems("by: event_type", "by: kind").contains("many has no parameter kind"));
    assert!(problems("  created: body.create_time\n", "").contains("when an event happened"));
    assert!(problems("remembers: 6h", "remembers: 6 hours").contains("no duration"));
    assert!(problems("'$.total_pages'", "'.total_pages'").contains("no path"));
    assert!(problems("https://pay.example", "https://{host}").contains("no key of the connection"));
    assert!(problems("verify: { code: pay_signature }", "verify: {}").contains("verify"));
    assert!(problems("repeat: [{ by: header", "x: [{ by: header").contains('x'));
}

#[test]
fn small_texts_of_the_format() {
    let rate = |text: &str| Rate::try_from(text.to_owned());
    assert_eq!(rate("20/s"), Ok(Rate { count: 20, per: Duration::from_secs(1) }));
    assert_eq!(rate("6000/5m"), Ok(Rate { count: 6000, per: Duration::from_secs(300) }));
    for bad in ["20", "0/s", "20/0s", "/s", "20/", "x/s"] {
        assert!(rate(bad).is_err(), "{bad}");
    }
    let template = Template::try_from("{entity}({key})".to_owned()).unwrap();
    assert_eq!(template.fill(|name| Some(name.to_uppercase())), Ok("ENTITY(KEY)".to_owned()));
    assert_eq!(template.fill(|_| None), Err("entity"));
    assert!(Template::try_from("{entity".to_owned()).is_err());
    for bad in ["", "list<row", "a b", "list<>"] {
        assert!(TypeRef::try_from(bad.to_owned()).is_err(), "{bad}");
    }
    for bad in ["a.b", "$.", "$x", "$[a]", "$[", "$.a[?@.b=1]"] {
        assert!(Path::try_from(bad.to_owned()).is_err(), "{bad}");
    }
    for bad in ["", "body", "cookie.a", "response.body.x"] {
        assert!(Place::try_from(bad.to_owned()).is_err(), "{bad}");
    }
}

#[test]
fn paths_find_values() {
    let link = |rel, href| record(&[("rel", text(rel)), ("href", text(href))]);
    let links = Value::from(vec![link("self", "/a"), link("next", "/b")]);
    let body = record(&[("links", links), ("@odata.nextLink", text("/c"))]);
    let find = |path: &str| match Path::try_from(path.to_owned()).unwrap().find(&body) {
        Some(Value::Text(text)) => Some(text.to_string()),
        _ => None,
    };
    assert_eq!(find("$.links[?@.rel == \"next\"].href").as_deref(), Some("/b"));
    assert_eq!(find("$.links[0].href").as_deref(), Some("/a"));
    assert_eq!(find("$[\"@odata.nextLink\"]").as_deref(), Some("/c"));
    assert_eq!(find("$.links[7].href"), None);
    assert_eq!(find("$.links.href"), None);
    assert!(Path::try_from("$".to_owned()).unwrap().find(&body).is_some());
}
