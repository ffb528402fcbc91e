//! Change sets, and flows that call flows.

use super::*;

const SET: &str = "
flow: batch
trigger:
  webhook: { connection: stripe, events: [charge.succeeded] }
steps:
  - id: set
    call:
      operation: finops.changeset
      writes:
        - id: header
          operation: finops.create
          entity: SalesOrderHeadersV2
          body: '{ OrderingCustomerAccountNumber = \"B-1\", CustomersOrderReference = event.data.object.id }'
          find_by: [CustomersOrderReference]
        - id: line
          each: { items: '[{ n = 1 }, { n = 2 }]', as: item, key: item.n }
          operation: finops.create
          entity: CDSSalesOrderLinesV2
          body: '{ SalesOrderNumber = event.id, LineCreationSequenceNumber = item.n, ProductNumber = \"RYE\" }'
  - id: rest
    call:
      operation: flow.run
      flow: child
      wait: true
      with: '{ number = steps.set.header.SalesOrderNumber }'
  - { id: said, transform: steps.rest.result }
";
const CHILD: &str = "
flow: child
trigger: { flow: { params: { number: text, day: date? } }, when: 'event.number != \"\"' }
steps: [{ id: loud, transform: event.number.upper() }]
result: steps.loud
";

fn bakery() -> Bakery {
    let files = [
        ("flowctl.yaml", PROJECT),
        ("connections.yaml", CONNECTIONS),
        ("set.flow.yaml", SET),
        ("child.flow.yaml", CHILD),
        ("tests/bread.json", EVENT),
    ];
    Bakery::of(Project::from_files(&files.map(|(path, text)| (path.to_string(), text.into())).into()))
}

fn case(flow: &str, text: &str) -> Vec<String> {
    let given = if flow == "batch" { "given: { event: { file: bread.json } }\n" } else { "" };
    let text = format!("flow: {flow}\n{given}cases:\n  - name: it\n{}", indented(text));
    let verdicts = bakery().run("tests/a.test.yaml", &text).unwrap_or_else(|| panic!("cannot be read:\n{text}"));
    verdicts[0].failures.iter().map(|failure| format!("{} {}", failure.code, failure.message)).collect()
}

const ANSWERS: &str = "
answers:
  set/header: { value: { SalesOrderNumber: SO-1 } }
  set/line/1: { value: {} }
  set/line/2: { value: {} }
  rest: { value: { run: r, state: succeeded, result: LOUD } }
";

#[test]
fn the_writes_of_a_set_are_answered_and_expected_one_by_one() {
    let expect = "
expect:
  run: succeeded
  steps: { said: LOUD }
  calls:
    - step: set
      attempts: 1
      writes:
        - { id: header, body_has: { CustomersOrderReference: ch_1 } }
        - { id: line/1, body: { SalesOrderNumber: evt_1, LineCreationSequenceNumber: 1, ProductNumber: RYE } }
        - { id: line/2 }
    - { step: rest, body: { number: SO-1 } }
";
    assert_eq!(case("batch", &format!("{ANSWERS}{expect}")), Vec::<String>::new());
    for (from, to, with) in [
        ("{ id: line/2 }", "{ id: line/3 }", "set: id"),
        ("        - { id: line/2 }\n", "", "also writes `line/2`"),
        ("LineCreationSequenceNumber: 1,", "LineCreationSequenceNumber: 7,", "LineCreationSequenceNumber"),
        ("{ id: line/2 }", "{ id: line/2, bod: {} }", "a write has no `bod`"),
    ] {
        let failures = case("batch", &format!("{ANSWERS}{}", expect.replace(from, to)));
        assert!(failures.iter().any(|failure| failure.contains(with)), "{with}: {failures:#?}");
    }
}

#[test]
fn a_set_whose_answer_is_lost_is_found_by_its_first_write() {
    let found = "
answers:
  set: [{ drop: after }, { found: { SalesOrderNumber: SO-9 } }]
  rest: { value: { run: r, state: succeeded, result: LOUD } }
expect:
  run: succeeded
  calls: [{ step: set, attempts: 1, adopted: true }, { step: rest, body: { number: SO-9 } }]
";
    assert_eq!(case("batch", found), Vec::<String>::new());
    let lost = "
answers:
  set: [{ drop: after }, { found: missing }]
  set/header: { value: { SalesOrderNumber: SO-1 } }
  set/line/1: { value: {} }
  set/line/2: { value: {} }
  rest: { value: { run: r, state: dead_letter } }
expect:
  run: { dead_letter: { step: rest, class: data, code: run_failed } }
  calls_include: [{ step: set, attempts: 2, adopted: false }]
";
    assert_eq!(case("batch", lost), Vec::<String>::new());
    let refused = "
answers: { set: { status: 400, body: { error: { innererror: { message: 'Infolog: Error: no' } } } } }
expect: { run: { dead_letter: { step: set, class: data } }, calls_include: [{ step: set, attempts: 1 }] }
";
    assert_eq!(case("batch", refused), Vec::<String>::new());
}

#[test]
fn a_called_flow_is_tested_with_what_it_is_given() {
    let good = "event: { number: so-1 }\nexpect: { run: succeeded, steps: { loud: SO-1 }, calls: [] }\n";
    assert_eq!(case("child", good), Vec::<String>::new());
    let skipped = "event: { number: '' }\nexpect: { run: skipped }\n";
    assert_eq!(case("child", skipped), Vec::<String>::new());
    for (event, with) in [
        ("{ number: 1 }", "`number` is number 1, expected text"),
        ("{ nummer: so-1 }", "there is no `nummer`; did you mean `number`?"),
        ("{ day: 2026-03-01 }", "`number` is missing, expected text"),
    ] {
        let failures = case("child", &format!("event: {event}\nexpect: {{ run: succeeded }}\n"));
        assert!(failures.iter().any(|failure| failure.contains(with)), "{with}: {failures:#?}");
    }
}
