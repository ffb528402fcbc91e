//! That right expectations pass and, above all, that wrong ones fail.

mod calls;
mod sentences;
mod verbs;

use super::*;
use crate::diagnostics::{FileId, Severity};
use crate::model::read;
use crate::model::test::TestFile;
use crate::model::yaml::{self, Node, NodeKind};
use std::collections::BTreeMap;
use std::path::Path;

const PROJECT: &str = "
project: bakery
version: 1
settings:
  pool: { type: text, default: DAILY, one_of: [DAILY, FEAST] }
";
const CONNECTIONS: &str = "
connections:
  stripe: { system: stripe, mode: sandbox, api_key: env://KEY, webhook: { path: /hooks/stripe, secrets: [env://HOOK] } }
  d365:
    { system: finops, base_url: 'https://d365.example', company: bkry, tenant: 8c1d2b1e-0000-4000-8000-000000000000, client_id: env://ID, client_secret: env://SECRET }
  crm:
    { system: dataverse, base_url: 'https://crm.example', tenant: 8c1d2b1e-0000-4000-8000-000000000000, client_id: env://ID, client_secret: env://SECRET }
";
const FLOW: &str = "
flow: bread-orders
use: [bread.map]
trigger:
  webhook: { connection: stripe, events: [charge.succeeded], ignore_own: true }
  when: event.data.object.paid
  dedupe: event.data.object.id
  order_by: event.data.object.currency
  sequence: event.created
steps:
  - id: baker
    lookup: { operation: stripe.customers.get, key: event.data.object.customer, blank_key: missing, on_missing: continue }
  - id: nobody
    when: steps.baker == missing
    stop: { reason: nobody baked }
  - id: shelf
    lookup:
      operation: finops.list
      entity: ReleasedProductsV2
      where: row.ItemNumber == \"RYE\"
      limit: 2
  - id: basket
    call:
      operation: finops.create
      entity: SalesOrderHeadersV2
      body: basket(event.data.object, settings.pool)
      find_by: [CustomersOrderReference]
  - id: loaves
    for_each:
      items: steps.shelf
      as: loaf
      key: loaf.ItemNumber
      steps:
        - id: sold
          call: { operation: finops.create, entity: CDSSalesOrderLinesV2, body: 'sold(loaf, steps.basket.SalesOrderNumber)' }
on_failure:
  - id: burnt
    alert: { severity: error, code: burnt, title: 'Charge {event.data.object.id} burnt', detail: '{error.message}' }
";
const MAP: &str = "
mapping basket(charge: stripe.charge, pool: text) -> finops.SalesOrderHeadersV2 {
  OrderingCustomerAccountNumber = \"B-1\"
  CustomersOrderReference       = charge.id
  SalesOrderPoolId              = pool
  RequestedShippingDate         = from_unix(charge.created).in_zone(\"UTC\").date()
}

mapping sold(loaf: finops.ReleasedProductsV2, order: text) -> finops.CDSSalesOrderLinesV2 {
  SalesOrderNumber           = order
  LineCreationSequenceNumber = 1
  ProductNumber              = loaf.ItemNumber
  SalesPrice                 = 4.50
}

fn price(grams: decimal, each: decimal) -> decimal = if grams > 0 then grams * each else fail(\"no bread weighs {grams}\")
";
const EVENT: &str = r#"{ "id": "evt_1", "type": "charge.succeeded", "created": 1772440205, "livemode": false, "data": { "object": { "id": "ch_1", "currency": "eur", "created": 1772440200, "paid": true, "customer": "cus_1", "amount": 450 } } }"#;
const GIVEN: &str = "
given:
  event: { file: bread.json }
  answers:
    baker: { value: { id: cus_1 } }
    shelf: { rows: [{ ItemNumber: RYE }] }
    basket: { value: { SalesOrderNumber: SO-7 } }
    loaves/RYE/sold: { value: {} }
";

/// A project in memory and its rehearsal.
struct Bakery {
    project: Project,
    effective: Effective,
    compilation: Compilation,
    catalog: Catalog,
}

impl Bakery {
    fn of(project: (Project, crate::diagnostics::Sources, Vec<Diagnostic>)) -> Bakery {
        let (project, sources, findings) = project;
        assert!(findings.is_empty(), "{findings:#?}");
        let catalog = Catalog::bundled();
        let effective = project.effective(None).unwrap();
        let compilation = compile(&project, &effective, sources, &catalog);
        let errors = compilation.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let errors: Vec<_> = errors.map(|finding| &finding.message).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        Bakery { project, effective, compilation, catalog }
    }

    fn open() -> Bakery {
        let files = [
            ("flowctl.yaml", PROJECT),
            ("connections.yaml", CONNECTIONS),
            ("bread.flow.yaml", FLOW),
            ("bread.map", MAP),
            ("tests/bread.json", EVENT),
        ];
        Bakery::of(Project::from_files(&files.map(|(path, text)| (path.to_string(), text.into())).into()))
    }

    fn rehearsal(&self) -> Rehearsal<'_> {
        Rehearsal::new(&self.project, &self.effective, &self.compilation, &self.catalog)
    }

    /// What the cases of a test file come to; an unreadable one to nothing.
    fn run(&self, path: &str, text: &str) -> Option<Vec<Verdict>> {
        Some(self.rehearsal().file(&source(path, text)?))
    }

    /// The failures of one case with the shared answers.
    fn case(&self, case: &str) -> Vec<String> {
        let text = format!("flow: bread-orders{GIVEN}cases:\n  - name: it\n{}", indented(case));
        let verdicts = self.run("tests/bread.test.yaml", &text).unwrap_or_else(|| panic!("cannot be read:\n{text}"));
        assert_eq!(verdicts.len(), 1);
        verdicts[0].failures.iter().map(|failure| format!("{} {}", failure.code, failure.message)).collect()
    }

    fn passes(&self, case: &str) {
        assert_eq!(self.case(case), Vec::<String>::new(), "{case}");
    }

    fn fails(&self, case: &str, with: &str) {
        let failures = self.case(case);
        assert!(failures.iter().any(|failure| failure.contains(with)), "{case}\nexpected: {with}\ngot: {failures:#?}");
    }
}

fn source(path: &str, text: &str) -> Option<TestSource> {
    let file = FileId(u32::MAX);
    let tests: TestFile = read::read(&yaml::parse(file, text).ok()?).ok()?;
    Some(TestSource { path: path.to_owned(), file, tests })
}

fn indented(text: &str) -> String {
    text.trim_matches('\n').lines().map(|line| format!("    {line}\n")).collect()
}

#[test]
fn what_happens_is_what_is_expected() {
    Bakery::open().passes(
        "
expect:
  run: succeeded
  waited: 0s
  alerts: []
  steps: { baker: { id: cus_1 }, nobody: missing, loaves: [{ sold: { created: true } }] }
  calls:
    - step: basket
      attempts: 1
      adopted: false
      body: { OrderingCustomerAccountNumber: B-1, CustomersOrderReference: ch_1, SalesOrderPoolId: DAILY, RequestedShippingDate: 2026-03-02, CurrencyCode: missing }
    - { step: loaves/RYE/sold, body_has: { SalesPrice: 4.5, SalesOrderNumber: SO-7 } }
",
    );
}

#[test]
fn what_is_expected_wrongly_fails() {
    let bakery = Bakery::open();
    bakery.fails("expect: { run: skipped }", "expected skipped, but the run succeeded");
    bakery.fails("expect: { calls: [{ step: basket }] }", "`calls` has no `loaves/RYE/sold`");
    bakery.fails(
        "expect: { calls: [{ step: loaves/RYE/sold }, { step: basket }] }",
        "expected `loaves/RYE/sold`, got `basket`",
    );
    bakery.fails("expect: { calls: [{ step: basket }, { step: loaves/RYE/sold }, { step: basket }] }", "fewer times");
    bakery.fails(
        "expect: { calls_include: [{ step: basket, body: { CustomersOrderReference: ch_1 } }] }",
        "`basket: body.SalesOrderPoolId` is not expected",
    );
    bakery.fails("expect: { calls_include: [{ step: basket, attempts: 2 }] }", "expected 2, got 1");
    bakery.fails("expect: { calls_include: [{ step: basket, adopted: true }] }", "expected true, got false");
    bakery.fails("expect: { calls_include: [{ step: basket, key: SO-7 }] }", "key`: expected \"SO-7\", got missing");
    bakery.fails(
        "expect: { calls_include: [{ step: loaves/RYE/sold, body_has: { SalesPrice: 4.51 } }] }",
        "expected 4.51, got 4.50",
    );
    bakery.fails(
        "expect: { calls_include: [{ step: loaves/RYE/sold, body_has: { SalesPrice: '4.50' } }] }",
        "expected \"4.50\", got 4.50",
    );
    bakery.fails(
        "expect: { calls_include: [{ step: loaves/RYE/sold, body_has: { SalesPrice: missing } }] }",
        "expected missing",
    );
    bakery.fails(
        "expect: { calls_include: [{ step: basket, body_has: { RequestedShippingDate: 2026-03-03 } }] }",
        "2026-03-03",
    );
    bakery.fails("expect: { calls_include: [{ step: baskt }] }", "F0503 the flow has no step `baskt`");
    bakery.fails("expect: { calls_include: [{ step: sold }] }", "F0503");
    bakery.fails("expect: { calls_include: [{ step: baker }] }", "`baker` writes nothing");
    bakery.fails(
        "expect: { calls_include: [{ step: loaves/OAT/sold }] }",
        "`loaves/OAT/sold` was expected to write and did not",
    );
    bakery.fails("expect: { steps: { bakr: missing } }", "F0503");
    bakery.fails("expect: { steps: { baker: { id: cus_1, name: x } } }", "`steps.baker.name`");
    bakery.fails("expect: { alerts: [{ code: burnt }] }", "was expected and not raised");
    bakery.fails("expect: { waited: 1s }", "expected 1s, got 0s");
    bakery.fails("expect: { run: { succeeded: yes } }", "nothing more to say");
    bakery.fails("expect: { run: suceeded }", "no run ends as `suceeded`");
    bakery.fails("expect: { value: 1 }", "what a mapping gives");
}

#[test]
fn nothing_passes_by_expecting_nothing() {
    let bakery = Bakery::open();
    for nothing in ["expect: {}", "expect: { steps: {} }", "expect: { calls_include: [] }"] {
        bakery.fails(nothing, "F0506");
    }
    let unpaid = "event: { with: { data.object.paid: false } }\n";
    bakery.fails(&format!("{unpaid}expect: {{ calls: [] }}"), "was skipped");
    bakery.fails(&format!("{unpaid}expect: {{ steps: {{ baker: missing }} }}"), "was skipped");
    bakery.passes(&format!("{unpaid}expect: {{ run: skipped, calls: [] }}"));
    let twice = format!("flow: bread-orders{GIVEN}cases:\n{0}{0}", "  - { name: it, expect: { run: succeeded } }\n");
    let twice = bakery.run("tests/bread.test.yaml", &twice).unwrap();
    assert!(twice[0].passed() && twice[1].failures[0].code == Code::F0510, "{twice:#?}");
    let none = bakery.run("tests/bread.test.yaml", "flow: bread-orders\ncases: []\n").unwrap();
    assert!(none.len() == 1 && !none[0].passed());
    let other = bakery
        .run("tests/bread.test.yaml", "flow: bread-order\ncases: [{ name: x, expect: { run: succeeded } }]")
        .unwrap();
    assert!(other[0].failures[0].help[0].contains("bread-orders"), "{other:#?}");
}

#[test]
fn every_step_asked_has_an_answer_and_every_own_answer_is_used() {
    let bakery = Bakery::open();
    let rye_and_oat = "answers: { shelf: { rows: [{ ItemNumber: RYE }, { ItemNumber: OAT }] } }\n";
    bakery.fails(&format!("{rye_and_oat}expect: {{ run: succeeded }}"), "F0501 `loaves/OAT/sold` was asked");
    bakery.fails("answers: { loaves/OAT/sold: { value: {} } }\nexpect: { run: succeeded }", "F0502 `loaves/OAT/sold`");
    bakery.fails(
        "answers: { baker: [{ value: { id: a } }, { value: { id: b } }] }\nexpect: { run: succeeded }",
        "F0502 `baker` was answered once",
    );
    bakery.fails("answers: { baker: never }\nexpect: { run: succeeded }", "should never happen");
    bakery.fails("answers: { baker: { status: 503 } }\nexpect: { run: succeeded }", "once more after its only answer");
    bakery.fails("answers: { bakr: { value: {} } }\nexpect: { run: succeeded }", "F0503");
    bakery.fails("answers: { nobody: { value: {} } }\nexpect: { run: succeeded }", "asks nobody");
    bakery.fails("answers: { baker: { valeu: {} } }\nexpect: { run: succeeded }", "no `valeu`");
    bakery.fails("answers: { baker: { value: {}, rows: [] } }\nexpect: { run: succeeded }", "no `rows`");
    bakery.fails("answers: { baker: { found: missing } }\nexpect: { run: succeeded }", "is sent here, not looked for");
    bakery.fails("answers: { shelf: { value: {} } }\nexpect: { run: succeeded }", "gives a list");
    let last = "answers: { baker: { rows: [] }, shelf: never }\n";
    bakery.passes(&format!(
        "{last}expect: {{ run: {{ stopped: nobody baked }}, steps: {{ baker: missing }}, calls: [] }}"
    ));
    bakery
        .fails(&format!("{last}expect: {{ run: {{ stopped: nobody }} }}"), "expected \"nobody\", got \"nobody baked\"");
}

#[test]
fn answers_are_read_through_the_catalogue_and_time_passes_only_where_the_run_waits() {
    let bakery = Bakery::open();
    bakery.passes("answers: { basket: [{ status: 429, headers: { retry-after: 7 } }, { value: { SalesOrderNumber: SO-7 } }] }\nexpect: { run: succeeded, waited: 7s, calls_include: [{ step: basket, attempts: 2 }] }");
    bakery.passes("answers: { basket: [{ status: 503 }, { found: missing }, { status: 503 }, { found: { SalesOrderNumber: SO-9 } }] }\nexpect: { run: succeeded, waited: 6m, calls: [{ step: basket, attempts: 2, adopted: true }, { step: loaves/RYE/sold, body_has: { SalesOrderNumber: SO-9 } }] }");
    bakery.passes("answers: { baker: { status: 404 } }\nexpect: { run: stopped }");
    bakery.passes(
        "answers: { baker: { status: 200, body: { id: cus_2 } } }\nexpect: { steps: { baker: { id: cus_2 } } }",
    );
    bakery.passes(
        "answers: { shelf: { status: 200, body: { value: [] } } }\nexpect: { steps: { shelf: [], loaves: [] } }",
    );
    bakery.passes("answers: { shelf: { pages: [[], [{ ItemNumber: RYE }]] } }\nexpect: { steps: { shelf: [{ ItemNumber: RYE }] } }");
    bakery.passes("answers: { basket: [{ drop: before }, { value: { SalesOrderNumber: SO-7 } }] }\nexpect: { waited: 1s, calls_include: [{ step: basket, attempts: 2, adopted: false }] }");
    bakery.passes("answers: { basket: [{ timeout: after }, { found: { SalesOrderNumber: SO-7 } }] }\nexpect: { waited: 3m, calls_include: [{ step: basket, attempts: 1, adopted: true }] }");
    bakery.fails(
        "answers: { basket: [{ drop: after }, { value: { SalesOrderNumber: SO-7 } }] }\nexpect: { run: succeeded }",
        "may have been done and is looked for",
    );
    let refused = "answers: { basket: { status: 500, body: { error: { innererror: { message: 'Infolog: Error: Field Site must be filled in.' } } } } }\n";
    bakery.passes(&format!("{refused}expect: {{ run: {{ dead_letter: {{ step: basket, class: data, code: missing_field }} }}, calls: [{{ step: basket }}], alerts: [{{ severity: error, code: burnt, title: Charge ch_1 burnt }}] }}"));
    bakery.fails(&format!("{refused}expect: {{ run: dead_letter, alerts: [] }}"), "the alert");
    bakery.fails(
        &format!("{refused}expect: {{ run: dead_letter, alerts: [{{ cod: missing }}] }}"),
        "an alert has no `cod`",
    );
    bakery
        .fails(&format!("{refused}expect: {{ run: dead_letter, alerts: [{{ code: other }}] }}"), "expected \"other\"");
    bakery.fails(&format!("{refused}expect: {{ run: {{ dead_letter: {{ step: baskt }} }} }}"), "F0503");
    bakery.fails(
        &format!("{refused}expect: {{ run: {{ dead_letter: {{ class: config }} }} }}"),
        "expected \"config\", got \"data\"",
    );
    bakery.fails(&format!("{refused}expect: {{ run: {{ dead_letter: {{ cause: x }} }} }}"), "has no `cause`");
    bakery.fails(&format!("{refused}expect: {{ calls: [{{ step: basket }}] }}"), "became a dead letter at `basket`");
}

#[test]
fn a_found_row_is_compared_where_the_key_was_chosen() {
    let bakery = Bakery::open();
    let sold = |found: &str| format!("answers: {{ loaves/RYE/sold: [{{ drop: after }}, {{ found: {found} }}] }}\n");
    bakery.passes(&format!(
        "{}expect: {{ run: succeeded, calls_include: [{{ step: loaves/RYE/sold, adopted: true }}] }}",
        sold("{ SalesPrice: 4.5 }")
    ));
    bakery.passes(&format!(
        "{}expect: {{ run: {{ dead_letter: {{ step: loaves/RYE/sold, code: key_taken }} }} }}",
        sold("{ SalesPrice: 4.51 }")
    ));
}

#[test]
fn earlier_events_make_duplicates_and_newer_ones_supersede() {
    let bakery = Bakery::open();
    bakery.passes("before: [{}]\nexpect: { run: duplicate, calls: [] }");
    bakery.passes("before: [{ event: { with: { data.object.id: ch_0 } } }]\nexpect: { run: succeeded }");
    bakery.passes(
        "before: [{ event: { with: { data.object.id: ch_0, created: 1772440206 } } }]\nexpect: { run: superseded }",
    );
    bakery.passes("before: [{ event: { with: { data.object.paid: false } } }]\nexpect: { run: succeeded }");
    bakery.passes("trigger: { own: true }\nexpect: { run: ignored }");
    bakery.fails("before: [{ evnt: {} }]\nexpect: { run: duplicate }", "no `evnt`");
    bakery.fails("trigger: { onw: true }\nexpect: { run: ignored }", "no `onw`");
    bakery.fails("event: { with: { type: charge.failed } }\nexpect: { run: succeeded }", "never comes to this flow");
}

#[test]
fn settings_and_data_are_checked_too() {
    let bakery = Bakery::open();
    bakery.passes("settings: { pool: FEAST }\nexpect: { calls_include: [{ step: basket, body_has: { SalesOrderPoolId: FEAST } }] }");
    bakery.fails("settings: { pool: FAST }\nexpect: { run: succeeded }", "F0403");
    bakery.fails("settings: { pol: FEAST }\nexpect: { run: succeeded }", "F0402");
    bakery.fails("event: { file: bred.json }\nexpect: { run: succeeded }", "F0505");
    bakery.fails("event: { file: ../../bread.json }\nexpect: { run: succeeded }", "out of the project");
    bakery.fails("event: { with: { data.objct.paid: true } }\nexpect: { run: succeeded }", "no `objct`");
    bakery.fails("event: { with: { id.x: true } }\nexpect: { run: succeeded }", "would stand in a text");
    bakery.passes("answers: { baker: { with: { value.id: cus_3 } } }\nexpect: { steps: { baker: { id: cus_3 } } }");
    bakery
        .fails("answers: { loaves/OAT/sold: { with: { value.x: 1 } } }\nexpect: { run: succeeded }", "nothing shared");
    bakery.passes("answers: { shelf: { rows: { repeat: { ItemNumber: RYE }, times: 2 } } }\nexpect: { run: { dead_letter: { step: loaves, code: iteration_key } } }");
    bakery.fails("answers: { shelf: { rows: { repeat: { a: { repeat: 1, times: 1000 } }, times: 1000 } } }\nexpect: { run: succeeded }", "at most 250000");
}

#[test]
fn a_mapping_alone_gives_its_value_or_its_error() {
    let bakery = Bakery::open();
    let price = "mapping: bread.map#price\n";
    bakery.passes(&format!("{price}args: [1000000000000000.1, 0.1]\nexpect: {{ value: 100000000000000.01 }}"));
    bakery.fails(
        &format!("{price}args: [1000000000000000.1, 0.1]\nexpect: {{ value: 100000000000000.02 }}"),
        "expected 100000000000000.02",
    );
    bakery.passes(&format!("{price}args: [0, 1]\nexpect: {{ error: {{ code: failed, message: no bread }} }}"));
    bakery.fails(
        &format!("{price}args: [0, 1]\nexpect: {{ error: {{ code: type }} }}"),
        "expected \"type\", got \"failed\"",
    );
    bakery.fails(&format!("{price}args: [0, 1]\nexpect: {{ error: {{ message: some bread }} }}"), "error.message");
    bakery.fails(&format!("{price}args: [0, 1]\nexpect: {{ value: 0 }}"), "got the error failed");
    bakery.fails(&format!("{price}args: [1, 1]\nexpect: {{ error: {{ code: failed }} }}"), "expected an error, got 1");
    bakery.fails(&format!("{price}args: [1]\nexpect: {{ value: 1 }}"), "takes 2 arguments, got 1");
    bakery.fails(&format!("{price}args: [1, 1]\nexpect: {{ value: 1, run: succeeded }}"), "`run` is of a run");
    bakery.fails("mapping: bread.map#prize\nargs: []\nexpect: { value: 1 }", "F0509");
    bakery.fails("mapping: bred.map#price\nargs: []\nexpect: { value: 1 }", "F0509");
    let order = "mapping: bread.map#sold\nargs: [{ ItemNumber: RYE }, SO-1]\n";
    bakery.passes(&format!("{order}expect: {{ value_has: {{ ProductNumber: RYE, LineAmount: missing }} }}"));
    bakery
        .fails(&format!("{order}expect: {{ value: {{ ProductNumber: RYE }} }}"), "`value.SalesPrice` is not expected");
}

/// The bundled tests with one thing changed in what a case expects: that case must fail. A change that no case notices
/// would be an expectation that nobody looks at.
#[test]
fn no_expectation_of_the_bundled_tests_can_be_changed_unnoticed() {
    let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let bundled = Bakery::of(Project::load(&flows));
    let rehearsal = bundled.rehearsal();
    let mut changes = 0;
    for tested in &bundled.project.tests {
        let text = bundled.compilation.sources.get(tested.file).text;
        let whole = rehearsal.file(tested);
        assert!(whole.iter().all(Verdict::passed), "{whole:#?}");
        let tree = yaml::parse(tested.file, &text).unwrap();
        let (key, cases) = tree.entry("cases").unwrap();
        let NodeKind::Sequence(cases) = &cases.kind else { panic!("cases are a list") };
        // Each by itself: reading all of them for every change would take long.
        let head = &text[..key.span.start as usize];
        for case in cases {
            let (from, to) = (case.span.start as usize, case.span.end as usize);
            let mut spans = BTreeMap::new();
            places(case.get("expect").unwrap(), &mut spans);
            for ((start, end), replacement) in spans {
                let changed = format!("{}{replacement}{}", &text[from..start], &text[end..to]);
                let Some(changed) = source(&tested.path, &format!("{head}cases:\n  - {changed}\n")) else { continue };
                let verdict = rehearsal.file(&changed).remove(0);
                let was = &text[start..end];
                assert!(!verdict.passed(), "{was:?} became {replacement} unnoticed in: {}", verdict.name);
                changes += 1;
            }
        }
    }
    assert!(changes > 100, "only {changes} changes");
}

/// Every key and scalar with another text in its place.
fn places(node: &Node, spans: &mut BTreeMap<(usize, usize), &'static str>) {
    match &node.kind {
        NodeKind::Scalar(_) => drop(spans.insert((node.span.start as usize, node.span.end as usize), "77.5")),
        NodeKind::Sequence(items) => items.iter().for_each(|item| places(item, spans)),
        NodeKind::Mapping(entries) => {
            for (key, value) in entries {
                spans.insert((key.span.start as usize, key.span.end as usize), "Misspelt");
                places(value, spans);
            }
        }
    }
}

const KEEPING: &str = "
flow: spend
trigger: { webhook: { connection: stripe, events: [charge.succeeded] } }
steps:
  - id: known
    lookup: { operation: links.get, link: payer, key: event.id, on_missing: continue }
  - id: rate
    lookup: { operation: rates.get, rate: daily, from: '\"EUR\"', to: '\"USD\"' }
    on_error:
      - when: error.code == \"rate_stale\"
        then: stop
  - id: sum
    lookup: { operation: totals.get, total: spend, key: event.id }
  - id: tied
    call: { operation: links.put, link: payer, key: event.id, value: 'steps.known ?? \"new\"' }
  - id: spent
    call: { operation: totals.add, total: spend, key: event.id, value: steps.sum * steps.rate.rate }
  - id: day
    transform: steps.rate.day
";

#[test]
fn what_the_engine_keeps_is_answered_like_any_step() {
    let root = format!(
        "{PROJECT}links: {{ payer: {{}} }}\ntotals: {{ spend: {{}} }}\nrates: {{ daily: {{ source: ecb, file: r.csv }} }}\n"
    );
    let files = [
        ("flowctl.yaml", root.as_str()),
        ("connections.yaml", CONNECTIONS),
        ("r.csv", "Date,USD\n2026-10-30,1.1\n"),
        ("a.flow.yaml", KEEPING),
        ("bread.json", EVENT),
    ];
    let bakery = Bakery::of(Project::from_files(&files.map(|(path, text)| (path.to_string(), text.into())).into()));
    let case = |answers: &str, expect: &str| {
        let common = "sum: { value: 10 }, tied: { value: {} }, spent: { value: {} }, rate: { value: { rate: 1.1, day: 2026-10-30 } }";
        let text = format!(
            "flow: spend\ngiven:\n  event: {{ file: bread.json }}\n  answers: {{ {common} }}\ncases:\n  - name: it\n    answers: {{ {answers} }}\n    expect: {expect}\n"
        );
        let verdicts = bakery.run("a.test.yaml", &text).unwrap_or_else(|| panic!("cannot be read:\n{text}"));
        verdicts[0].failures.iter().map(|failure| format!("{} {}", failure.code, failure.message)).collect::<Vec<_>>()
    };
    let nothing = Vec::<String>::new();
    let calls = |value: &str| {
        format!(
            "{{ steps: {{ day: 2026-10-30 }}, calls: [{{ step: tied, key: evt_1, value: {value} }}, {{ step: spent, key: evt_1, value: 11.0, attempts: 1 }}] }}"
        )
    };
    assert_eq!(case("known: { rows: [] }", &calls("new")), nothing);
    assert_eq!(case("known: { rows: [old] }", &calls("old")), nothing);
    assert_eq!(case("known: { value: old }", &calls("old")), nothing);
    assert_ne!(case("known: { value: old }", &calls("new")), nothing);
    let stale = "known: { value: old }, rate: { error: { class: config, code: rate_stale } }";
    assert_eq!(case(stale, "{ run: { stopped: the answer of this case }, calls: [] }"), nothing);
    for (answers, why) in [
        ("known: { drop: after }", "asks flowctl itself"),
        ("known: { value: old }, tied: { value: C-1 }", "gives nothing"),
        ("known: { value: old }, tied: { drop: after }", "gives nothing"),
        ("known: { value: old }, tied: never", "should never happen"),
        ("known: { error: { class: data } }", "an error is"),
    ] {
        let failures = case(answers, "{ run: succeeded }");
        assert!(failures.iter().any(|failure| failure.contains(why)), "{answers}: {failures:?}");
    }
}

#[test]
fn what_is_dropped_is_not_there_in_tests_either() {
    let root = format!("{PROJECT}drop: ['$..sku', '$.data.object.currency']\n");
    let flow = "
flow: spend
trigger: { webhook: { connection: stripe, events: [charge.succeeded] } }
steps:
  - id: known
    lookup: { operation: stripe.customers.get, key: event.data.object.customer }
  - id: seen
    transform: '{ keys = event.data.object.metadata.keys()  known = steps.known.metadata.keys() }'
";
    let event = EVENT.replace("\"paid\"", "\"metadata\": { \"sku\": \"A\", \"kept\": \"1\" }, \"paid\"");
    let files = [
        ("flowctl.yaml", root.as_str()),
        ("connections.yaml", CONNECTIONS),
        ("a.flow.yaml", flow),
        ("bread.json", event.as_str()),
    ];
    let bakery = Bakery::of(Project::from_files(&files.map(|(path, text)| (path.to_string(), text.into())).into()));
    let test = "flow: spend\ncases:\n  - name: it\n    event: { file: bread.json }\n    answers: { known: { value: { id: cus_1, metadata: { sku: A, other: b } } } }\n    expect: { steps: { seen: { keys: [kept], known: [other] } } }\n";
    let verdicts = bakery.run("a.test.yaml", test).unwrap();
    assert!(verdicts[0].passed(), "{:#?}", verdicts[0].failures);
}

/// What is said of the cases of a flow that asks by itself.
fn asked(trigger: &str, transform: &str, cases: &str) -> Vec<String> {
    let flow = format!("flow: own\ntrigger:\n  {trigger}\nsteps: [{{ id: a, transform: '{transform}' }}]\n");
    let texts: BTreeMap<String, Arc<str>> = [
        ("flowctl.yaml", PROJECT),
        ("connections.yaml", CONNECTIONS),
        ("own/own.flow.yaml", &flow),
        ("own/tests/own.test.yaml", &format!("flow: own\ncases:\n{cases}")),
    ]
    .iter()
    .map(|(path, text)| (path.to_string(), Arc::from(*text)))
    .collect();
    let (project, sources, found) = Project::from_files(&texts);
    assert_eq!(found, []);
    let effective = project.effective(None).unwrap();
    let catalog = Catalog::bundled();
    let compilation = compile(&project, &effective, sources, &catalog);
    assert_eq!(compilation.findings, []);
    let verdicts = Rehearsal::new(&project, &effective, &compilation, &catalog).file(&project.tests[0]);
    verdicts.into_iter().flat_map(|verdict| verdict.failures).map(|failure| failure.message).collect()
}

#[test]
fn what_a_flow_asks_for_itself_is_rehearsed_like_what_comes() {
    let said = asked(
        "schedule: { cron: '@daily', zone: UTC }",
        "{ day = event.scheduled_at.in_zone(\"Europe/Oslo\").date(), id = trigger.id, kind = trigger.type, first = event.previous_at? == missing }",
        "
  - name: a tick
    event: { scheduled_at: '2026-03-01T23:30:00Z' }
    expect: { run: succeeded, steps: { a: { day: '2026-03-02', id: '2026-03-01T23:30:00Z', kind: schedule, first: true } } }
  - name: the same tick once more
    event: { scheduled_at: '2026-03-01T23:30:00Z' }
    before: [{ event: { scheduled_at: '2026-03-01T23:30:00Z' } }]
    expect: { run: duplicate }
",
    );
    assert_eq!(said, Vec::<String>::new());
    let said = asked(
        "poll: { operation: finops.list, entity: SalesOrderHeadersV2, every: 5m, cursor: OrderCreationDateTime }",
        "trigger.id + \" \" + trigger.connection",
        "
  - name: a row
    event: { dataAreaId: bkry, SalesOrderNumber: SO-1, OrderCreationDateTime: '2026-03-02T09:00:00Z' }
    expect: { steps: { a: bkry/SO-1@2026-03-02T09:00:00Z d365 } }
",
    );
    assert_eq!(said, Vec::<String>::new());
    let said = asked(
        "poll: { operation: dataverse.changes, entity: contacts, every: 5m }",
        "match event.message { \"Update\" => event.target.lastname + \" \" + trigger.connection \"Delete\" => \"gone \" + event.id }",
        "
  - name: a changed row
    event: { message: Update, entity: contacts, id: c-1, target: { contactid: c-1, '@odata.etag': 'W/\"7\"', lastname: Doe } }
    expect: { steps: { a: Doe crm } }
  - name: a deleted row, after its change
    before: [{ event: { message: Update, entity: contacts, id: c-1, target: { contactid: c-1, '@odata.etag': 'W/\"7\"', lastname: Doe } } }]
    event: { message: Delete, entity: contacts, id: c-1 }
    expect: { steps: { a: gone c-1 } }
  - name: the same version once more
    event: { message: Update, entity: contacts, id: c-1, target: { contactid: c-1, '@odata.etag': 'W/\"7\"', lastname: Doe } }
    before: [{ event: { message: Update, entity: contacts, id: c-1, target: { contactid: c-1, '@odata.etag': 'W/\"7\"', lastname: Doe } } }]
    expect: { run: duplicate }
",
    );
    assert_eq!(said, Vec::<String>::new());
    let said = asked(
        "file: { path: inbox/*.csv }",
        "event.rows.sum(r => decimal(r[\"amount\"]))",
        "
  - name: a file
    event: { name: a.csv, path: own/inbox/a.csv, size: 3, sha256: ab, rows: [{ amount: '1.10' }, { amount: '2.20' }] }
    expect: { steps: { a: 3.30 } }
",
    );
    assert_eq!(said, Vec::<String>::new());
}
