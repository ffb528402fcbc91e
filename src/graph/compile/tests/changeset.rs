//! Several writes, all or nothing.

use super::*;
use crate::graph::{NodeKind, RepeatBy};

fn set(writes: &str) -> String {
    format!("  - id: s\n    call:\n      operation: finops.changeset\n      writes:\n{writes}")
}

const HEADER: &str = "        - id: header
          operation: finops.create
          entity: SalesOrderHeadersV2
          body: '{ OrderingCustomerAccountNumber = \"C\", CustomersOrderReference = event.id }'
          find_by: [CustomersOrderReference]
";
const LINES: &str = "        - id: line
          each: { items: '[1, 2]', as: n, key: n }
          operation: finops.create
          entity: CDSSalesOrderLinesV2
          body: '{ SalesOrderNumber = \"S\", LineCreationSequenceNumber = n, ProductNumber = \"P\" }'
";

#[test]
fn a_change_set_is_found_by_its_first_write() {
    let flow = format!("flow: a\n{TRIGGER}steps:\n{}", set(&format!("{HEADER}{LINES}")));
    let compilation = compiled(&[("a/a.flow.yaml", &flow)]);
    assert_eq!(said(&compilation), [] as [&str; 0]);
    let graph = compilation.flows[0].graph.clone().unwrap();
    let NodeKind::Call(operation) = &graph.steps[0].kind else { panic!() };
    assert_eq!(operation.repeat.by, RepeatBy::FindBy);
    assert!(operation.repeat.reason.starts_with("it is one transaction, done when its first write `header` is: "));
    let ty = operation.result.to_string();
    assert_eq!(ty, "{ header: finops.SalesOrderHeadersV2, line: list<finops.CDSSalesOrderLinesV2>? }");
    assert!(render::mermaid(&graph).contains("finops.changeset<br/>it is one transaction"));
    let uses = |text: &str| {
        of_steps(&format!("{}  - id: x\n    transform: |\n      {text}\n", set(&format!("{HEADER}{LINES}"))))
    };
    expect("rows", &uses("steps.s.header.SalesOrderNumber"), &[]);
    expect("lines", &uses("steps.s.line?.count()"), &[]);
}

#[test]
fn a_change_set_that_could_not_be_found_again_is_refused() {
    let update = "        - { id: u, operation: finops.update, entity: SalesOrderHeadersV2, key: '\"S\"', body: '{ Email = \"x\" }' }\n";
    let unfound = HEADER.replace("          find_by: [CustomersOrderReference]\n", "");
    for (writes, expected) in [
        (update.to_string(), &["F0465 8:17 nothing tells whether `u` was done"] as &[&str]),
        (LINES.to_string(), &["F0465 8:15 nothing tells whether `line` was done"]),
        (unfound.clone(), &["F0361 9:22 "]),
        (format!("{HEADER}{}", unfound.replace("header", "second")), &[]),
        (format!("{HEADER}{HEADER}"), &["F0350 13:15 there are two writes `header`"]),
        (HEADER.replace("finops.create", "finops.list"), &["F0464 9:22 `finops.list` cannot stand in this change set"]),
        (format!("{HEADER}          refer: {{ x: y }}\n"), &["F0466 13:20 this system knows no references"]),
        (HEADER.replace("entity: Sales", "entity: Sale"), &["F0357 10:19 "]),
        ("        []\n".to_string(), &["F0465 8:9 a change set has at least one write"]),
    ] {
        expect(&writes, &of_steps(&set(&writes)), expected);
    }
}

#[test]
fn find_by_has_to_name_what_tells_runs_and_items_apart() {
    let create = |body: &str| {
        format!(
            "operation: finops.create, entity: SalesOrderHeadersV2, find_by: [CustomersOrderReference], body: '{{ OrderingCustomerAccountNumber = \"C\", CustomersOrderReference = {body} }}'"
        )
    };
    let alone = |body: &str| format!("  - {{ id: a, call: {{ {} }} }}\n", create(body));
    let dedupe = |body: &str| {
        let trigger =
            "trigger: { webhook: { connection: shop, events: [charge.succeeded] }, dedupe: event.data.object.id }\n";
        format!("{trigger}steps:\n{}", alone(body))
    };
    let each = |body: &str| {
        format!(
            "  - id: l\n    for_each:\n      items: '[\"x\", \"y\"]'\n      as: it\n      key: it\n      steps:\n        - {{ id: a, call: {{ {} }} }}\n",
            create(body)
        )
    };
    for (what, said, expected) in [
        ("constant", of_steps(&alone("\"X\"")), Some("nothing in this body comes from the event")),
        ("id", of_steps(&alone("event.id")), None),
        (
            "other",
            findings(&dedupe("event.type")),
            Some("nothing in this body comes from `event.data.object.id`, which `dedupe` names"),
        ),
        ("same", findings(&dedupe("event.data.object.id")), None),
        ("item", of_steps(&each("\"{event.id} {it}\"")), None),
        ("no item", of_steps(&each("event.id")), Some("nothing in this body comes from `it`")),
    ] {
        let same = match expected {
            None => said.is_empty(),
            Some(part) => matches!(&said[..], [one] if one.starts_with("F0467") && one.contains(part)),
        };
        assert!(same, "{what}: {said:#?}");
    }
}
