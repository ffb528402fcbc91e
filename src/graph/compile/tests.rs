//! Small flows and what is said about them; a good one and how it is shown.

mod calls;
mod changeset;
mod dataverse;
mod finops;
mod verbs;

use crate::catalog::Catalog;
use crate::graph::ExecutionGraph;
use crate::graph::project::{Compilation, compile, recompile};
use crate::graph::render;
use crate::model::Project;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

const ROOT: &str = "project: p\nversion: 1\nsettings: { soon: { type: text, default: soon }, pause: { type: text, default: 10m }, unset: { type: int } }\nlinks: { payer: {} }\ntotals: { spend: {} }\nrates: { daily: { source: ecb, file: tables/rates.csv } }\n";
const SHOP: &str = "{ system: stripe, mode: live, api_key: env://K }";
const D365: &str = "{ system: finops, base_url: https://a.example, company: usmf, \
                    tenant: 8c1d2b1e-0000-4000-8000-000000000000, client_id: env://I, client_secret: env://S }";

/// Compiles these files beside a project with one connection to each system.
pub(super) fn compiled(files: &[(&str, &str)]) -> Compilation {
    let connections = format!("connections:\n  shop: {SHOP}\n  d365: {D365}\n");
    let mut texts = BTreeMap::from([
        ("flowctl.yaml".to_string(), Arc::from(ROOT)),
        ("connections.yaml".to_string(), Arc::from(connections)),
        ("tables/rates.csv".to_string(), Arc::from("Date,USD\n2026-10-30,1.1172\n")),
    ]);
    texts.extend(files.iter().map(|(path, text)| (path.to_string(), Arc::from(*text))));
    let (project, sources, found) = Project::from_files(&texts);
    assert_eq!(found, []);
    let effective = project.effective(None).expect("the base");
    compile(&project, &effective, sources, &Catalog::bundled())
}

/// `code line:column message`.
fn said(compilation: &Compilation) -> Vec<String> {
    let line = |finding: &crate::diagnostics::Diagnostic| {
        let place = compilation.sources.position(finding.primary.as_ref().expect("a place").span);
        format!("{} {}:{} {}", finding.code, place.line, place.column, finding.message)
    };
    compilation.findings.iter().map(line).collect()
}

/// What is said about a flow that has these lines from its second on.
pub(super) fn findings(lines: &str) -> Vec<String> {
    let compilation = compiled(&[("a/a.flow.yaml", &format!("flow: a\n{lines}"))]);
    let said = said(&compilation);
    assert_eq!(compilation.flows[0].graph.is_none(), !said.is_empty(), "{said:?}");
    said
}

/// The same for a flow with these steps, of which the first is line 4.
fn of_steps(steps: &str) -> Vec<String> {
    findings(&format!("{TRIGGER}steps:\n{steps}"))
}

const TRIGGER: &str = "trigger: { webhook: { connection: shop, events: [charge.succeeded] } }\n";

/// Every finding begins with its line of `expected`.
pub(super) fn expect(what: &str, found: &[String], expected: &[&str]) {
    let same = found.len() == expected.len() && found.iter().zip(expected).all(|(found, part)| found.starts_with(part));
    assert!(same, "{what}\n  said: {found:#?}\n  expected: {expected:#?}");
}

#[test]
fn steps_have_their_order() {
    for (steps, expected) in [
        (
            "  - { id: a, transform: 1 }\n  - { id: a, transform: 2 }\n",
            &["F0350 5:11 there are two steps `a`"] as &[&str],
        ),
        (
            "  - { id: a, transform: steps.b + 1 }\n  - { id: b, transform: 1 }\n",
            &["F0351 4:31 step `b` has not run here"],
        ),
        ("  - { id: a, transform: steps.a }\n", &["F0351 4:31 step `a` has not run here"]),
        // A step's name in a text is no use of it.
        ("  - { id: a, transform: '\"steps.b\" + oops' }\n  - { id: b, transform: 1 }\n", &["F0201 4:38 "]),
        ("  - { id: a, stop: { reason: done } }\n  - { id: b, transform: 1 }\n", &["F0352 5:11 step `b` never runs"]),
        ("  - { id: a, when: 1 == 2, stop: { reason: done } }\n  - { id: b, transform: 1 }\n", &[]),
        (
            "  - id: a\n    branch:\n      cases: [{ when: 1 == 2, steps: [{ id: x, fail: { code: c, message: m } }] }]\n      else: { steps: [{ id: y, stop: { reason: r } }] }\n  - { id: b, transform: 1 }\n",
            &["F0352 8:11 step `b` never runs"],
        ),
        (
            "  - { id: a, call: { operation: stripe.charges.update, key: '\"ch_1\"', body: '{ description = \"x\" }' } }\n  - { id: b, stop: { reason: done, release: true } }\n",
            &["F0371 5:45 `release` stands behind a writing step"],
        ),
        (
            "  - id: a\n    branch:\n      cases: [{ when: 1 == 2, result: 1 }]\n      else: { result: '\"x\"' }\n",
            &["F0375 6:7 the cases give different types: "],
        ),
        (
            "  - id: a\n    transform: 1\n    on_error:\n      - { when: 1 == 2, then: continue, result: '\"x\"' }\n",
            &["F0375 7:9 the step and its `on_error` give different types"],
        ),
        (
            "  - { id: a, for_each: { items: '1', as: x, key: x, steps: [] } }\n",
            &["F0376 4:33 `items` is a list, got int"],
        ),
        (
            "  - id: a\n    transform: 1\n    on_error:\n      - { when: 1 == 2, result: 3 }\n",
            &["F0377 7:33 `result` stands without `then: continue`"],
        ),
        ("  - { id: a, timeout: 3s, transform: 1 }\n", &["F0366 4:23 only a lookup or call has `timeout` and `retry`"]),
    ] {
        expect(steps, &of_steps(steps), expected);
    }
}

#[test]
fn operations_are_held_to_the_catalogue() {
    let lookup = |params: &str| of_steps(&format!("  - id: a\n    lookup:\n      operation: {params}\n"));
    for (params, expected) in [
        ("stripe.charges.get\n      key: event.data.object.id", &[] as &[&str]),
        ("stripe.charge.get\n      key: '\"x\"'", &["F0355 6:18 there is no operation `stripe.charge.get`"]),
        ("finops.update", &["F0356 6:18 `finops.update` writes: it belongs under `call`"]),
        ("finops.list\n      all: true", &["F0359 6:18 `finops.list` needs `entity`"]),
        (
            "finops.list\n      entity: Nothing\n      all: true",
            &["F0357 7:15 Dynamics 365 Finance and Operations has no entity `Nothing`"],
        ),
        ("finops.list\n      entity: CustomersV3", &["F0359 6:18 `finops.list` needs one of: where, all"]),
        ("finops.get\n      entity: CustomersV3", &["F0359 6:18 `finops.get` needs `key`"]),
        ("finops.list\n      entity: CustomersV3\n      al: true", &["F0358 8:7 `finops.list` has no parameter `al`"]),
        (
            "finops.list\n      entity: CustomersV3\n      all: true\n      select: [CustomerAccount, Nam]",
            &["F0360 9:33 `CustomersV3` has no column `Nam`"],
        ),
        (
            "finops.list\n      entity: CDSSalesOrderLinesV2\n      where: row.SalesOrderLineStatus < \"Delivered\"",
            &["F0364 8:14 Dynamics 365 Finance and Operations cannot be asked with `<`"],
        ),
        (
            "finops.list\n      connection: shop\n      entity: CustomersV3\n      all: true",
            &["F0354 7:19 connection `shop` is of system stripe, not finops"],
        ),
        (
            "finops.list\n      connection: d356\n      entity: CustomersV3\n      all: true",
            &["F0354 7:19 there is no connection `d356`"],
        ),
        (
            "finops.list\n      entity: CustomersV3\n      all: true\n      limit: { setting: soon }",
            &["F0368 9:25 setting `soon` is text, a whole number is needed here"],
        ),
        (
            "finops.list\n      entity: CustomersV3\n      all: true\n      cache: { setting: soon }",
            &["F0368 9:25 setting `soon` is text, a duration such as `15m` is needed here"],
        ),
        (
            "finops.list\n      entity: CustomersV3\n      all: true\n    retry: { jitter: 2 }",
            &["F0360 9:22 a number from 0 to 1 is needed, got 2"],
        ),
    ] {
        expect(params, &lookup(params), expected);
    }
    let steps = "  - { id: a, lookup: { operation: finops.list, entity: CustomersV3, all: true } }\n";
    let several = format!("connections:\n  shop: {SHOP}\n  d365: {D365}\n  other: {D365}\n");
    let none = format!("connections:\n  shop: {SHOP}\n");
    for (connections, expected) in [
        (several, "F0354 4:35 there are several connections to Dynamics 365 Finance and Operations"),
        (none, "F0354 4:35 there is no connection to Dynamics 365 Finance and Operations"),
    ] {
        let flow = format!("flow: a\n{TRIGGER}steps:\n{steps}");
        let found = said(&compiled(&[("connections.yaml", &connections), ("a/a.flow.yaml", &flow)]));
        expect(&connections, &found, &[expected]);
    }
}

#[test]
fn a_write_can_be_repeated_or_is_refused() {
    let create = |entity: &str, rest: &str| {
        of_steps(&format!(
            "  - id: a\n    call:\n      operation: finops.create\n      entity: {entity}\n      {rest}\n"
        ))
    };
    for (entity, rest, expected) in [
        (
            "SalesOrderHeadersV2",
            "body: '{ OrderingCustomerAccountNumber = \"1\" }'",
            &["F0361 6:18 a retry of `finops.create` could make a second row"] as &[&str],
        ),
        (
            "SalesOrderHeadersV2",
            "body: '{ OrderingCustomerAccountNumber = \"1\" }'\n      find_by: [CustomersOrderReference]",
            &["F0362 8:13 `CustomersOrderReference` of `SalesOrderHeadersV2` is never assigned"],
        ),
        (
            "SalesOrderHeadersV2",
            "body: '{ CustomersOrderReference = \"1\" }'\n      find_by: [CustomersOrderReference]",
            &["F0363 8:13 `OrderingCustomerAccountNumber` of `SalesOrderHeadersV2` is never assigned"],
        ),
        (
            "SalesOrderHeadersV2",
            "body: '{ OrderingCustomerAccountNumber = \"1\", CustomersOrderReference = event.id }'\n      find_by: [CustomersOrderReference]",
            &[],
        ),
        (
            "CDSSalesOrderLinesV2",
            "body: '{ SalesOrderNumber = \"1\", ProductNumber = \"2\" }'",
            &["F0372 8:13 `LineCreationSequenceNumber` of `CDSSalesOrderLinesV2` is never assigned"],
        ),
        (
            "ReleasedProductsV2",
            "body: '{ ItemNumber = \"1\" }'",
            &["F0357 7:15 `finops.create` cannot be used with `ReleasedProductsV2`"],
        ),
    ] {
        expect(rest, &create(entity, rest), expected);
    }
    let read = of_steps("  - { id: a, call: { operation: finops.list, entity: CustomersV3, all: true } }\n");
    expect("a call that reads", &read, &["F0356 4:33 `finops.list` reads: it belongs under `lookup`"]);
}

/// What a new row must have counts where it is assigned on every path, through mappings, branches and spreads.
#[test]
fn what_the_engine_keeps_is_declared() {
    let step = |verb: &str, operation: &str, params: &str| {
        format!("  - id: a\n    {verb}:\n      operation: {operation}\n      {params}\n")
    };
    for (verb, operation, params, expected) in [
        ("lookup", "links.get", "link: payer\n      key: event.id", &[] as &[&str]),
        (
            "lookup",
            "links.get",
            "link: { setting: soon }\n      key: event.id",
            &["F0424 7:24 there is no link `soon`"],
        ),
        ("lookup", "links.get", "link: payr\n      key: event.id", &["F0424 7:13 there is no link `payr`"]),
        ("lookup", "links.get", "link: payer\n      key: 12", &["F0205 8:12 "]),
        ("lookup", "links.get", "link: payer", &["F0359 6:18 `links.get` needs `key`"]),
        (
            "lookup",
            "links.put",
            "link: payer\n      key: event.id\n      value: event.id",
            &["F0356 6:18 `links.put` writes"],
        ),
        ("lookup", "links.got", "link: payer\n      key: event.id", &["F0355 6:18 there is no operation `links.got`"]),
        ("call", "links.put", "link: payer\n      key: event.id\n      value: event.id", &[]),
        ("call", "links.put", "link: payer\n      key: event.id\n      value: event.created", &["F0205 9:14 "]),
        (
            "call",
            "links.delete",
            "link: payer\n      key: event.id\n      connection: shop",
            &["F0425 9:19 `links.delete` has no connection"],
        ),
        ("call", "totals.add", "total: spend\n      key: event.id\n      value: event.data.object.amount", &[]),
        (
            "call",
            "totals.add",
            "total: spent\n      key: event.id\n      value: 1",
            &["F0424 7:14 there is no total `spent`"],
        ),
        ("lookup", "rates.get", "rate: daily\n      from: '\"EUR\"'\n      to: event.data.object.currency", &[]),
        (
            "lookup",
            "rates.get",
            "rate: dayly\n      from: '\"EUR\"'\n      to: '\"USD\"'",
            &["F0424 7:13 there is no table of rates `dayly`"],
        ),
    ] {
        let steps = step(verb, operation, params);
        expect(&steps, &of_steps(&steps), expected);
    }
}

/// What is dropped cannot be read, wherever its type is spoken of; it can still be written.
#[test]
fn what_is_dropped_cannot_be_read() {
    let steps = "steps:\n  - { id: a, transform: event.data.object.billing_details.email }\n  - { id: b, transform: event.data.object.id }\n";
    let map = "fn mail(c: stripe.charge) -> text? = c.billing_details.email?\nmapping m(c: stripe.charge) -> finops.CustomersV3 {\n  PrimaryContactEmail = c.id\n}\n";
    let said_of = |drop: &str| {
        let root = format!("project: p\nversion: 1\ndrop: [{drop}]\n");
        let flow = format!("flow: a\nuse: [b.map]\n{TRIGGER}{steps}");
        let mut said = said(&compiled(&[("flowctl.yaml", &root), ("a/a.flow.yaml", &flow), ("a/b.map", map)]));
        said.retain(|said| said.starts_with("F0428"));
        said.sort();
        said
    };
    let both = ["F0428 1:56 `email` is dropped", "F0428 5:59 `email` is dropped"];
    expect("deep", &said_of("'$..email', '$..PrimaryContactEmail'"), &both);
    expect("whole", &said_of("'$.data.object.billing_details.email'"), &both);
    expect("other", &said_of("'$.data.object.receipt_email', '$.email'"), &[]);
    expect(
        "all",
        &said_of("'$.data.object.billing_details'"),
        &["F0428 1:40 `billing_details` is", "F0428 5:43 `billing_details` is"],
    );
}

/// Without its value there is nothing that could run, and nothing is wrong with the flow.
#[test]
fn a_setting_without_a_value_is_no_error_of_the_flow() {
    let steps = "steps:\n  - id: a\n    lookup:\n      operation: finops.list\n      entity: CustomersV3\n      all: true\n      limit: { setting: NAME }\n";
    for (name, found) in [("unset", &[] as &[&str]), ("unsaid", &["F0368 9:25 there is no setting `unsaid`"])] {
        let flow = format!("flow: a\n{TRIGGER}{}", steps.replace("NAME", name));
        let compilation = compiled(&[("a/a.flow.yaml", &flow)]);
        expect(name, &said(&compilation), found);
        assert!(compilation.flows[0].graph.is_none());
    }
}

#[test]
fn how_long_is_kept_makes_sense() {
    let said_of =
        |store: &str| said(&compiled(&[("flowctl.yaml", &format!("project: p\nversion: 1\nstore: {{ {store} }}\n"))]));
    expect("both", &said_of("retain: 90d, retain_failed: 365d, max_size: 20GB"), &[]);
    expect("short", &said_of("retain: 90d, retain_failed: 30d"), &["F0429 3:38 `retain_failed` is shorter"]);
    expect("usual", &said_of("retain_failed: 30d"), &["F0429 3:25 `retain_failed` is shorter"]);
}

#[test]
fn files_of_rates_are_read() {
    let said_of = |rates: &str, file: &str| {
        let root = format!("project: p\nversion: 1\nrates: {{ daily: {{ {rates} }} }}\n");
        said(&compiled(&[("flowctl.yaml", &root), ("tables/rates.csv", file)]))
    };
    let good = "Date,USD\n2026-10-30,1.1172\n";
    expect("good", &said_of("source: ecb, file: tables/rates.csv", good), &[]);
    expect("nowhere", &said_of("source: ecb", good), &["F0426 3:17 the rates `daily` come from nowhere"]);
    let url = "source: openexchangerates, url: 'https://rates.example/latest.json";
    expect("feed", &said_of(&format!("{url}', every: 1h, max_age: 2d"), good), &[]);
    expect("both", &said_of("source: ecb, file: tables/rates.csv, url: secret://rates/url", good), &[]);
    expect("key", &said_of(&format!("{url}?app_id=abc'"), good), &["F0400 3:51 a secret stands here in clear"]);
    let clear = url.replace("https", "http");
    expect("clear", &said_of(&format!("{clear}'"), good), &["F0426 3:51 rates that anybody on the way"]);
    expect("file", &said_of("source: ecb, file: rates.csv", good), &["F0426 3:38 there is no file `rates.csv`"]);
    let bad = "Date,USD\n2026-10-30,one\n";
    expect("bad", &said_of("source: ecb, file: tables/rates.csv", bad), &["F0427 2:1 \"one\" is no rate of USD"]);
}

#[test]
fn a_required_column_is_assigned_on_every_path() {
    let definitions = "mapping always(id: text) -> finops.SalesOrderHeadersV2 {
  OrderingCustomerAccountNumber = \"1\"
  CustomersOrderReference = id
}
mapping both(id: text) -> finops.SalesOrderHeadersV2 {
  CustomersOrderReference = id
  if id == \"1\" { OrderingCustomerAccountNumber = \"1\" } else { OrderingCustomerAccountNumber = \"2\" }
}
mapping sometimes(id: text) -> finops.SalesOrderHeadersV2 {
  CustomersOrderReference = id
  if id == \"1\" { OrderingCustomerAccountNumber = \"1\" }
}
mapping never(id: text) -> finops.SalesOrderHeadersV2 {
  CustomersOrderReference = id
}
mapping left_out(id: text) -> finops.SalesOrderHeadersV2 {
  ...always(id)
  OrderingCustomerAccountNumber = missing
}
mapping spread(id: text) -> finops.SalesOrderHeadersV2 {
  ...always(id)
}
mapping half_spread(id: text) -> finops.SalesOrderHeadersV2 {
  ...sometimes(id)
}
";
    let never = "F0363 9:13 `OrderingCustomerAccountNumber` of `SalesOrderHeadersV2` is never assigned";
    let sometimes = "F0363 9:13 `OrderingCustomerAccountNumber` of `SalesOrderHeadersV2` is not assigned on every path";
    for (body, expected) in [
        ("always(event.id)", None),
        ("both(event.id)", None),
        ("spread(event.id)", None),
        ("{ ...never(event.id)  OrderingCustomerAccountNumber = \"1\" }", None),
        ("if event.id == \"x\" then always(event.id) else both(event.id)", None),
        ("never(event.id)", Some(never)),
        ("sometimes(event.id)", Some(sometimes)),
        ("half_spread(event.id)", Some(sometimes)),
        ("{ ...never(event.id) }", Some(never)),
        ("if event.id == \"x\" then always(event.id) else never(event.id)", Some(sometimes)),
        ("left_out(event.id)", Some("F0363 9:13 `OrderingCustomerAccountNumber` of `SalesOrderHeadersV2` is n")),
    ] {
        let flow = format!(
            "flow: a\n{TRIGGER}use: [a.map]\nsteps:\n  - id: a\n    call:\n      operation: finops.create\n      entity: SalesOrderHeadersV2\n      body: '{body}'\n      find_by: [CustomersOrderReference]\n"
        );
        let found: Vec<String> = said(&compiled(&[("a/a.map", definitions), ("a/a.flow.yaml", &flow)]));
        let errors: Vec<String> = found.into_iter().filter(|found| !found.starts_with("F0442")).collect();
        expect(body, &errors, expected.as_slice());
    }
}

#[test]
fn triggers_and_files_are_known() {
    for (lines, expected) in [
        (
            "trigger: { webhook: { connection: shop, events: [charge.done] } }\nsteps: []\n",
            &["F0365 2:50 Stripe has no event `charge.done`"] as &[&str],
        ),
        (
            "trigger: { webhook: { connection: shop, events: [] } }\nsteps: []\n",
            &["F0365 2:21 a webhook trigger names at least one event"],
        ),
        (
            "trigger: { webhook: { connection: shap, events: [charge.succeeded] } }\nsteps: []\n",
            &["F0354 2:35 there is no connection `shap`"],
        ),
        (
            "trigger: { webhook: { connection: shop, events: [charge.succeeded] }, sequence: '1' }\nsteps: []\n",
            &["F0374 2:81 `sequence` stands without `order_by`"],
        ),
        // At the door there is no step and no run.
        (
            "trigger: { webhook: { connection: shop, events: [charge.succeeded] }, when: run.id == \"\" }\nsteps: []\n",
            &["F0201 2:77 "],
        ),
        (
            &format!("{TRIGGER}use: [b.map, ../../c.map]\nsteps: []\n"),
            &["F0369 3:7 there is no file `a/b.map`", "F0369 3:14 `../../c.map` leaves the project"],
        ),
    ] {
        expect(lines, &findings(lines), expected);
    }
}

/// Places inside `|` blocks and quoted texts are those in the file.
#[test]
fn places_in_slots_are_places_in_the_file() {
    let body = "  - id: a\n    call:\n      operation: stripe.charges.update\n      key: event.data.object.id\n      body: |\n        {\n          // é\n          description = event.data.object.idd\n        }\n";
    expect(body, &of_steps(body), &["F0204 11:43 stripe.charge has no field `idd`"]);
    let lines = "  - id: a\n    transform: |-\n      1 +\n\n      steps.b\n  - { id: b, transform: 1 }\n";
    expect(lines, &of_steps(lines), &["F0351 8:13 step `b` has not run here"]);
    let hole = "  - id: a\n    stop: { reason: 'it''s {event.data.object.idd}' }\n";
    expect(hole, &of_steps(hole), &["F0204 5:47 stripe.charge has no field `idd`"]);
    let cut = "  - id: a\n    transform: 1 + #2\n";
    let compilation = compiled(&[("a/a.flow.yaml", &format!("flow: a\n{TRIGGER}steps:\n{cut}"))]);
    assert!(compilation.findings[0].secondary.iter().any(|label| label.text == "to YAML, ` #` begins a comment"));
}

const GOOD: &str = r#"flow: good
description: All verbs once.
trigger:
  webhook: { connection: shop, events: [charge.succeeded] }
  when: event.data.object.paid
  dedupe: event.data.object.id
steps:
  - id: found
    lookup:
      operation: finops.list
      entity: CustomersV3
      where: row.NameAlias == event.data.object.id
      limit: 2
  - id: checked
    branch:
      cases:
        - when: steps.found.count() > 1
          steps:
            - { id: told, alert: { severity: warning, code: several, title: 'several "{event.data.object.id}"' } }
            - { id: refused, fail: { code: several, message: several } }
        - when: steps.found.count() == 0
          steps: [{ id: ended, stop: { reason: nobody } }]
      else:
        result: steps.found[0].CustomerAccount
  - id: each
    for_each:
      items: steps.found
      as: customer
      key: customer.CustomerAccount
      steps:
        - id: order
          when: steps.checked != ""
          call:
            operation: finops.create
            entity: SalesOrderHeadersV2
            body: |
              { OrderingCustomerAccountNumber = customer.CustomerAccount, CustomersOrderReference = event.data.object.id }
            find_by: [CustomersOrderReference]
          on_error:
            - { when: error.class == "data", then: continue }
"#;

fn good() -> (Arc<ExecutionGraph>, Vec<(String, String)>) {
    let mut compilation = compiled(&[("a/a.flow.yaml", GOOD)]);
    assert_eq!(said(&compilation), Vec::<String>::new());
    let flow = compilation.flows.remove(0);
    (flow.graph.expect("a graph"), flow.revision)
}

const MERMAID: &str = r#"flowchart TD
  n0(["shop: charge.succeeded"])
  n1{"when"}
  n0 --> n1
  n2(["skipped"])
  n1 -->|"no"| n2
  n3[/"found<br/>finops.list CustomersV3"/]
  n1 -->|"yes"| n3
  n4{"checked"}
  n3 --> n4
  n5>"told<br/>alert several"]
  n4 -->|"case 1"| n5
  n6(["refused<br/>fail several"])
  n5 --> n6
  n7(["ended<br/>stop"])
  n4 -->|"case 2"| n7
  n8{{"each<br/>for each customer"}}
  n4 -->|"else"| n8
  n9[["order (when …)<br/>finops.create SalesOrderHeadersV2<br/>a retry looks for its own row by CustomersOrderReference after 3m"]]
  n8 -->|"each"| n9
  n9 -.-> n8
  n10(["succeeded"])
  n8 -->|"done"| n10
"#;

#[test]
fn a_good_flow_is_drawn() {
    let (graph, revision) = good();
    assert_eq!(render::mermaid(&graph), MERMAID);
    // The graph of its revision is the same, whatever the files say by then.
    let again = recompile(&revision, &Catalog::bundled()).expect("a good revision");
    assert_eq!(render::mermaid(&again), MERMAID);
    assert_eq!(render::json(&again), render::json(&graph));
}

#[test]
fn a_good_flow_is_told_to_programs() {
    let shown = render::json(&good().0);
    let trigger = json!({
        "webhook": { "connection": "shop", "events": ["charge.succeeded"] },
        "when": true, "dedupe": true, "order_by": false, "sequence": false,
    });
    let found = json!({
        "id": "found", "result": "list<finops.CustomersV3>", "when": false,
        "lookup": {
            "operation": "finops.list", "connection": "d365", "entity": "CustomersV3",
            "params": ["where", "limit"], "repeat": "it only reads",
        },
    });
    let told = json!({ "id": "told", "result": "missing", "when": false, "alert": { "code": "several" } });
    let refused = json!({ "class": "data", "code": "several" });
    let refused = json!({ "id": "refused", "result": "missing", "when": false, "fail": refused });
    let ended = json!({ "id": "ended", "result": "missing", "when": false, "stop": { "release": false } });
    let checked = json!({
        "id": "checked", "result": "text", "when": false,
        "branch": { "cases": [[told, refused], [ended]], "else": [] },
    });
    let order = json!({
        "id": "order", "result": "finops.SalesOrderHeadersV2?", "when": true,
        "call": {
            "operation": "finops.create", "connection": "d365", "entity": "SalesOrderHeadersV2",
            "params": ["body", "find_by"],
            "repeat": "a retry looks for its own row by CustomersOrderReference after 3m",
        },
        "on_error": [{ "then": "continue", "steps": [] }],
    });
    let each = json!({
        "id": "each", "result": "list<{ order: finops.SalesOrderHeadersV2? }>", "when": false,
        "for_each": { "as": "customer", "concurrency": 1, "steps": [order] },
    });
    let expected = json!({
        "flow": "good", "description": "All verbs once.", "trigger": trigger,
        "steps": [found, checked, each], "on_failure": [], "result": null,
    });
    assert_eq!(shown, expected);
}
