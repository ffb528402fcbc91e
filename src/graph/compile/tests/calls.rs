//! Flows that call flows.

use super::*;
use crate::graph::{NodeKind, TriggerKind};

const CHILD: &str = "flow: child
trigger:
  flow: { params: { id: text, day: date, note: text? } }
  dedupe: event.id
steps:
  - { id: twice, transform: '{ id = event.id, days = [event.day] }' }
result: steps.twice
";

/// A flow `a` with these steps, beside `child` and one that is started by events.
fn calling(steps: &str) -> Compilation {
    let caller = format!("flow: a\n{TRIGGER}steps:\n{steps}");
    let other = format!("flow: other\n{TRIGGER}steps: []\n");
    compiled(&[("a.flow.yaml", &caller), ("child.flow.yaml", CHILD), ("other.flow.yaml", &other)])
}

fn call(lines: &str) -> String {
    format!("  - id: x\n    call:\n      operation: flow.run\n{lines}")
}

#[test]
fn a_call_is_checked_against_the_flow_that_it_calls() {
    for (lines, expected) in [
        ("      flow: chid\n      with: '{ id = \"1\" }'\n", &["F0460 7:13 there is no flow `chid`"] as &[&str]),
        ("      flow: other\n", &["F0460 7:13 the flow `other` is not called by flows"]),
        ("      flow: child\n", &["F0462 6:18 the called flow has to be given: id, day"]),
        ("      with: '{ id = \"1\" }'\n", &["F0359 6:18 `flow.run` needs `flow`"]),
        (
            "      flow: child\n      with: '{ id = 1, day = from_unix(event.created).in_zone(\"UTC\").date() }'\n",
            &["F02"],
        ),
        (
            "      flow: child\n      with: '{ id = event.id, day = from_unix(event.created).in_zone(\"UTC\").date(), nota = \"x\" }'\n",
            &["F02"],
        ),
        (
            "      flow: child\n      connection: shop\n      with: '{ id = event.id, day = from_unix(event.created).in_zone(\"UTC\").date() }'\n",
            &["F0463 8:19 `flow.run` has no connection"],
        ),
        (
            "      flow: child\n      wiht: 1\n      with: '{ id = event.id, day = from_unix(event.created).in_zone(\"UTC\").date() }'\n",
            &["F0358 8:7 `flow.run` has no parameter `wiht`"],
        ),
    ] {
        expect(lines, &said(&calling(&call(lines))), expected);
    }
}

const GOOD: &str = "      flow: child
      with: |
        { id = event.id, day = from_unix(event.created).in_zone(\"UTC\").date() }
";

#[test]
fn a_call_gives_what_the_called_flow_gives() {
    for (wait, used, expected) in [
        ("", "steps.x.run", &[] as &[&str]),
        ("", "steps.x.result", &["F0"]),
        ("      wait: true\n", "steps.x.result.id.upper()", &[]),
        ("      wait: true\n", "\"{steps.x.result.days[0]}\"", &[]),
        ("      wait: true\n", "steps.x.result.idd", &["F0"]),
        ("      wait: true\n", "steps.x.state == \"succeeded\"", &[]),
    ] {
        let steps = format!("{}  - id: y\n    transform: |\n      {used}\n", call(&format!("{GOOD}{wait}")));
        expect(&steps, &said(&calling(&steps)), expected);
    }
}

#[test]
fn a_call_is_shown_with_why_it_may_be_repeated() {
    let compilation = calling(&call(&format!("{GOOD}      wait: true\n")));
    assert_eq!(said(&compilation), [] as [&str; 0]);
    let graph = compilation.flows[0].graph.clone().unwrap();
    let NodeKind::Call(operation) = &graph.steps[0].kind else { panic!() };
    assert_eq!(operation.result.to_string().matches("result:").count(), 1, "{}", operation.result);
    let drawn = render::mermaid(&graph);
    assert!(drawn.contains("flow.run child<br/>the called run is known by this step's key"), "{drawn}");
    let child = compilation.flows[1].graph.clone().unwrap();
    let TriggerKind::Flow { params } = &child.trigger.kind else { panic!() };
    assert_eq!(params.to_string(), "{ id: text, day: date, note: text? }");
    assert!(render::mermaid(&child).contains("called with { id: text"));
    // The revision holds what the types come from, and knows which of its flows is its own.
    let names: Vec<&str> = compilation.flows[0].revision.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"child.flow.yaml") && !names.contains(&"other.flow.yaml"), "{names:?}");
    let again = recompile(&compilation.flows[0].revision, &Catalog::bundled()).expect("a good revision");
    assert_eq!(render::json(&again), render::json(&graph));
    let alone = recompile(&compilation.flows[1].revision, &Catalog::bundled()).expect("a good revision");
    assert_eq!(alone.flow.as_str(), "child");
}

#[test]
fn flows_do_not_wait_for_each_other_in_a_circle() {
    let flow = |name: &str, calls: &str, wait: bool| {
        format!(
            "flow: {name}\ntrigger: {{ flow: {{ params: {{}} }} }}\nsteps:\n  - id: x\n    call: {{ operation: flow.run, flow: {calls}, wait: {wait} }}\n"
        )
    };
    let three = |wait| {
        let files = [flow("one", "two", true), flow("two", "three", true), flow("three", "one", wait)];
        compiled(&[("1.flow.yaml", &files[0]), ("2.flow.yaml", &files[1]), ("3.flow.yaml", &files[2])])
    };
    let circle = three(true);
    expect("circle", &said(&circle), &["F0461 5:40 these flows wait for each other: one → two → three → one"]);
    assert!(circle.flows[2].graph.is_none());
    let fine = three(false);
    expect("no circle", &said(&fine), &[]);
    let own = flow("one", "one", true);
    expect(
        "itself",
        &said(&compiled(&[("1.flow.yaml", &own)])),
        &["F0461 5:40 these flows wait for each other: one → one"],
    );
}
