//! The bundled mappings on whole payloads: parsed, checked, evaluated and held against what F&O takes. Beside them the
//! mappings of other integrations, in `tests/mappings/`.

#[path = "mappings/cases.rs"]
mod cases;

use flowctl::catalog::{Catalog, Types};
use flowctl::diagnostics::{Severity, Sources};
use flowctl::language::check::SlotScope;
use flowctl::language::evaluate::{Context, EvalError, Limits};
use flowctl::language::shape::conform;
use flowctl::language::types::{RecordType, Type, TypeSource};
use flowctl::language::{Inputs, Library};
use flowctl::value::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

struct Project {
    sources: Sources,
    files: BTreeMap<String, flowctl::diagnostics::FileId>,
    types: Types,
    library: Library,
}

const FOLDER: &str = "stripe-dynamics-365";

fn settings() -> Arc<RecordType> {
    let texts = ["zone", "customer_group", "unknown_product", "unknown_item", "review_pool"];
    let mut fields: Vec<(&str, Type)> = texts.into_iter().map(|name| (name, Type::text())).collect();
    fields.push(("prices_include_tax", Type::bool()));
    Arc::new(RecordType::shape(fields))
}

fn inputs<'a>(files: &'a BTreeMap<String, flowctl::diagnostics::FileId>, types: &'a Types) -> Inputs<'a> {
    Inputs { files, types, settings: settings() }
}

impl Project {
    fn load() -> Project {
        let mut sources = Sources::default();
        let mut files = BTreeMap::new();
        for name in ["charge.map", "risk.rhai", "tables/products.csv"] {
            let path = format!("{FOLDER}/{name}");
            let text = std::fs::read_to_string(format!("{}/flows/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            files.insert(path.clone(), sources.add(path, text));
        }
        let types = Types::bundled(&Catalog::bundled());
        let (library, findings) = Library::compile(&inputs(&files, &types), &mut sources);
        let errors: Vec<String> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| {
                let place = finding.primary.as_ref().map(|label| sources.position(label.span).to_string());
                format!("{} {} {}", place.unwrap_or_default(), finding.code, finding.message)
            })
            .collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
        Project { sources, files, types, library }
    }

    fn run(&self, name: &str, args: &[Value]) -> Result<Value, EvalError> {
        let inputs = inputs(&self.files, &self.types);
        let scope = SlotScope { library: &self.library, inputs: &inputs, uses: &[], variables: &[], facts: &[] };
        let expression = scope.routine(&format!("{FOLDER}/charge.map"), name).unwrap();
        let settings = read(
            r#"{"zone":"Europe/Oslo","customer_group":"30","unknown_product":"write_in","unknown_item":"MISC","review_pool":"REVIEW","prices_include_tax":true}"#,
        );
        expression.evaluate(args, &Context { settings: &settings, limits: &Limits::default() })
    }

    /// The body as it goes out: what the mapping gives, in the form that F&O wants.
    fn body(&self, name: &str, args: &[Value], ty: &str) -> String {
        let value =
            self.run(name, args).unwrap_or_else(|error| panic!("{}: {error}", self.sources.position(error.span)));
        json::write(&conform(&value, &self.types.payload(ty).unwrap()).unwrap()).unwrap()
    }
}

fn read(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn charge(more: &str) -> Value {
    read(&format!(
        r#"{{"id":"ch_3Nabc","object":"charge","amount":4200,"amount_captured":4200,"currency":"usd","created":1772406000,
            "customer":"cus_9","description":null,"paid":true,"status":"succeeded","receipt_email":null,
            "billing_details":{{"email":" Ada@Example.com","name":"Ada  King Lovelace","phone":null,
              "address":{{"line1":"1 Main St","line2":"","city":"Oslo","state":null,"postal_code":"0150","country":"NO"}}}},
            "payment_method_details":{{"type":"card","card":{{"wallet":null}}}},
            "outcome":{{"risk_level":"normal"}}{more}}}"#
    ))
}

const LINES: &str = r#","metadata":{"items":"TSHIRT:2:15.00, MUG:1:12.00","order_number":"1001"},"shipping":null"#;

#[test]
fn a_charge_becomes_an_order_header() {
    let body = Project::load().body(
        "charge_to_order",
        &[charge(LINES), Value::Missing, Value::from("US-001")],
        "finops.SalesOrderHeadersV2",
    );
    assert_eq!(
        body,
        concat!(
            r#"{"OrderingCustomerAccountNumber":"US-001","CurrencyCode":"USD","CustomersOrderReference":"ch_3Nabc","#,
            r#""CustomerRequisitionNumber":"1001","CustomerPaymentMethodName":"CARD","SalesOrderName":"Ada King Lovelace","#,
            r#""Email":"ada@example.com","RequestedShippingDate":"2026-03-02T12:00:00Z","ArePricesIncludingSalesTax":"Yes","#,
            r#""IsDeliveryAddressOrderSpecific":"No"}"#
        )
    );
}

#[test]
fn a_charge_becomes_lines_that_add_up() {
    let project = Project::load();
    let lines = project.run("charge_lines", &[charge(LINES)]).unwrap();
    let sku = |n: usize| lines.as_list().unwrap()[n].get("sku").clone();
    assert_eq!((sku(0), sku(1)), (Value::from("TSHIRT"), Value::from("MUG")));
    assert_eq!(json::write(lines.as_list().unwrap()[0].get("amount")).unwrap(), "30");
    let wrong = LINES.replace("12.00", "11.00");
    let error = project.run("charge_lines", &[charge(&wrong)]).unwrap_err();
    assert_eq!((error.code.as_str(), error.number.0), ("failed", "F1006"));
    assert_eq!(error.message, "the lines of ch_3Nabc come to 41, but 42.00 USD was charged");
}

#[test]
fn a_charge_becomes_a_customer() {
    let body = Project::load().body("new_customer", &[charge(LINES), Value::Missing], "finops.CustomersV3");
    assert!(body.contains(r#""PersonFirstName":"Ada King","PersonLastName":"Lovelace""#), "{body}");
    assert!(
        body.contains(
            r#""AddressStreet":"1 Main St","AddressCity":"Oslo","AddressZipCode":"0150","AddressCountryRegionId":"NOR""#
        ),
        "{body}"
    );
    assert!(!body.contains("AddressState") && !body.contains("PrimaryContactPhone"), "{body}");
}

#[test]
fn a_script_decides_with_exact_numbers() {
    let project = Project::load();
    let order = project.run("charge_to_order", &[charge(LINES), Value::Missing, Value::from("US-001")]).unwrap();
    assert_eq!(order.get("SalesOrderPoolId"), &Value::Missing);
    let charge = json::write(&charge(LINES)).unwrap().replace("\"normal\"", "\"elevated\"");
    let order = project.run("charge_to_order", &[read(&charge), Value::Missing, Value::from("US-001")]).unwrap();
    assert_eq!(order.get("SalesOrderPoolId"), &Value::from("REVIEW"));
}

#[test]
fn an_error_names_its_place_in_the_file() {
    let project = Project::load();
    let broken = json::write(&charge(LINES)).unwrap().replace("4200", "\"4200\"");
    let error = project.run("charge_lines", &[read(&broken)]).unwrap_err();
    assert_eq!(error.code.as_str(), "type");
    assert!(error.message.starts_with("`charge.amount_captured` is text \"4200\", expected int"), "{}", error.message);
    let place = project.sources.position(error.span);
    assert_eq!(&*place.path, "stripe-dynamics-365/charge.map");
    assert_eq!(error.trace.len(), 1);
}

#[test]
fn a_payout_becomes_a_balanced_journal() {
    cases::run("payout-journal");
}

#[test]
fn vendors_are_paid_by_paypal() {
    cases::run("vendor-payouts");
}

#[test]
fn a_web_order_comes_into_the_crm() {
    cases::run("order-to-crm");
}

#[test]
fn customers_are_the_same_on_both_sides() {
    cases::run("two-way-customers");
}

#[test]
fn invoices_of_three_generations_are_booked() {
    cases::run("invoice-to-finance");
}

#[test]
fn a_paypal_order_is_booked_and_reconciled() {
    cases::run("paypal-to-finance");
}
