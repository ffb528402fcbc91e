//! `wait`, `parallel`, and which lookups begin together.

use super::*;

const LOOK: &str = "lookup: { operation: stripe.charges.get, key: event.data.object.id }";
const WRITE: &str = "call: { operation: stripe.charges.update, key: '\"ch_1\"', body: '{ description = \"x\" }' }";

#[test]
fn what_is_waited_for_is_checked() {
    let row = |more: &str| {
        format!(
            "  - id: a\n    wait:\n      lookup: {{ operation: stripe.charges.get, key: event.data.object.id{more} }}\n"
        )
    };
    let rest = "      until: row.status == \"succeeded\"\n      every: 10m\n      at_most: 48h\n";
    for (steps, expected) in [
        ("  - { id: a, wait: { for: 10m } }\n  - { id: b, transform: steps.a == missing }\n".into(), &[] as &[&str]),
        ("  - { id: a, wait: { for: { setting: pause } } }\n".into(), &[]),
        (
            "  - { id: a, wait: { for: { setting: soon } } }\n".into(),
            &["F0368 4:38 setting `soon` is text, a duration such as `15m` is needed here"],
        ),
        (
            "  - { id: a, wait: { until: from_unix(event.created) } }\n  - { id: b, transform: steps.a.in_zone(\"UTC\") }\n".into(),
            &[],
        ),
        ("  - { id: a, wait: { until: event.id } }\n".into(), &["F0205 4:29 this takes time, got text"]),
        (format!("{}{rest}  - {{ id: b, transform: steps.a.status }}\n", row("")), &[]),
        (format!("{}{rest}  - {{ id: b, transform: steps.a.statos }}\n", row("")), &["F0204 10:33 "]),
        (format!("{}{}", row(""), rest.replace("row.status", "row.statos")), &["F0204 7:18 "]),
        (format!("{}{}", row(""), rest.replace("10m", "0s")), &["F0380 8:14 `every` is at least 1s"]),
        (format!("{}{rest}", row(", cache: 1h")), &["F0380 6:82 a lookup that is waited for has no `cache`"]),
        (
            format!("{}{rest}", row(", blank_key: missing")),
            &["F0380 6:86 a lookup that is waited for has no `blank_key`"],
        ),
        // Having waited for it, it is there.
        (
            format!(
                "{}{}  - {{ id: b, transform: steps.a.status }}\n",
                row(", on_missing: continue"),
                rest.replace("row.status == \"succeeded\"", "row != missing")
            ),
            &[],
        ),
        ("  - { id: a, timeout: 3s, wait: { for: 1s } }\n".into(), &["F0366 4:23 "]),
    ] {
        expect(&steps, &of_steps(&steps), expected);
    }
}

#[test]
fn lists_beside_each_other_see_only_what_stands_above() {
    let lists = |a: &str, b: &str, after: &str| {
        format!("  - id: p\n    parallel:\n      lists:\n        - [{a}]\n        - [{b}]\n{after}")
    };
    for (steps, expected) in [
        (
            lists(
                "{ id: a, transform: 1 }",
                "{ id: b, transform: '\"x\"' }",
                "  - { id: c, transform: steps.a + 1 }\n",
            ),
            &[] as &[&str],
        ),
        (
            lists("{ id: a, transform: 1 }", "{ id: b, transform: steps.a }", ""),
            &["F0351 8:38 step `a` has not run here"],
        ),
        (
            lists("{ id: a, transform: steps.b }", "{ id: b, transform: 1 }", ""),
            &["F0351 7:38 step `b` has not run here"],
        ),
        (lists("{ id: a, transform: 1 }", "{ id: a, transform: 1 }", ""), &["F0350 8:18 there are two steps `a`"]),
        (lists("{ id: a, transform: 1 }", "", ""), &["F0381 6:7 `parallel` has two lists or more"]),
        (
            "  - { id: p, parallel: { lists: [[{ id: a, transform: 1 }]] } }\n".into(),
            &["F0381 4:24 `parallel` has two lists or more"],
        ),
        (
            lists("{ id: a, stop: { reason: r } }", "{ id: b, transform: 1 }", "  - { id: c, transform: 1 }\n"),
            &["F0352 9:11 step `c` never runs"],
        ),
        // What a `stop` has sorted out holds behind it.
        (
            format!(
                "  - {{ id: found, lookup: {{ operation: stripe.charges.get, key: event.id, on_missing: continue }} }}\n{}",
                lists(
                    "{ id: a, when: steps.found == missing, stop: { reason: r } }",
                    "{ id: b, transform: 1 }",
                    "  - { id: c, transform: steps.found.id }\n"
                )
            ),
            &[],
        ),
        (
            lists(
                "{ id: a, stop: { reason: r, release: true }, when: event.id == \"x\" }",
                &format!("{{ id: b, {WRITE} }}"),
                "",
            ),
            &["F0371 7:49 `release` stands behind a writing step"],
        ),
        (
            format!(
                "  - id: each\n    for_each:\n      items: '[1, 2]'\n      as: x\n      key: x\n      steps:\n        - {{ id: s, when: x == 2, stop: {{ reason: r, release: true }} }}\n        - {{ id: w, {WRITE} }}\n"
            ),
            &["F0371 10:62 `release` stands behind a writing step"],
        ),
    ] {
        expect(&steps, &of_steps(&steps), expected);
    }
}

#[test]
fn only_adjacent_lookups_that_do_not_use_one_another_begin_together() {
    let find = |id: &str, text: &str| {
        format!("{{ id: {id}, lookup: {{ operation: finops.list, entity: CustomersV3, where: {text} }} }}")
    };
    let uses = |step: &str| find("u", &format!("row.NameAlias == steps.{step}.id"));
    let own = || find("o", "row.NameAlias == event.data.object.id");
    for (steps, together) in [
        (vec![format!("{{ id: a, {LOOK} }}"), format!("{{ id: b, {LOOK} }}"), own()], vec!["b", "o"]),
        (vec![format!("{{ id: a, {LOOK} }}"), uses("a"), format!("{{ id: b, {LOOK} }}")], vec!["b"]),
        (vec![format!("{{ id: a, {LOOK} }}"), format!("{{ id: b, {LOOK} }}"), uses("a")], vec!["b"]),
        (
            vec![format!("{{ id: a, {LOOK} }}"), "{ id: t, transform: 1 }".into(), format!("{{ id: b, {LOOK} }}")],
            vec![],
        ),
        (vec![format!("{{ id: a, {LOOK} }}"), format!("{{ id: b, when: steps.a.paid, {LOOK} }}")], vec![]),
        (
            vec![
                format!("{{ id: a, {LOOK} }}"),
                "{ id: b, lookup: { operation: stripe.charges.get, key: 'steps.keys().first() ?? \"\"' } }".into(),
            ],
            vec![],
        ),
        (
            vec![
                format!("{{ id: a, {LOOK} }}"),
                format!(
                    "{{ id: b, {LOOK}, on_error: [{{ when: true == true, steps: [{{ id: c, transform: 1 }}] }}] }}"
                ),
                format!("{{ id: d, {LOOK} }}"),
            ],
            vec![],
        ),
    ] {
        let lines: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
        let flow = format!("flow: a\n{TRIGGER}steps:\n{lines}");
        let compilation = compiled(&[("a/a.flow.yaml", &flow)]);
        let graph = compilation.flows[0].graph.clone().unwrap_or_else(|| panic!("{:?}", said(&compilation)));
        let found: Vec<&str> = graph.steps.iter().filter(|node| node.together).map(|node| node.id.as_str()).collect();
        assert_eq!(found, together, "{lines}");
    }
}

const DRAWN: &str = r#"  n1("soon<br/>wait 10m")
  n0 --> n1
  n2("paid<br/>wait for stripe.charges.get<br/>every 10m, at most 2d")
  n1 --> n2
  n3{{"both<br/>parallel"}}
  n2 --> n3
  n4["a<br/>transform"]
  n3 --> n4
  n5["b<br/>transform"]
  n3 --> n5
  n6(["succeeded"])
  n4 --> n6
  n5 --> n6
"#;

#[test]
fn they_are_drawn_and_told() {
    let flow = format!(
        "flow: a\n{TRIGGER}steps:
  - {{ id: soon, wait: {{ for: 10m }} }}
  - id: paid
    wait:
      lookup: {{ operation: stripe.charges.get, key: event.data.object.id }}
      until: row.status == \"succeeded\"
      every: 10m
      at_most: 48h
  - id: both
    parallel:
      lists:
        - [{{ id: a, transform: 1 }}]
        - [{{ id: b, transform: 2 }}]
"
    );
    let compilation = compiled(&[("a/a.flow.yaml", &flow)]);
    let graph = compilation.flows[0].graph.clone().unwrap_or_else(|| panic!("{:?}", said(&compilation)));
    let drawn = render::mermaid(&graph);
    assert!(drawn.ends_with(DRAWN), "{drawn}");
    let told = render::json(&graph);
    assert_eq!(told["steps"][0]["wait"], json!({ "for": "10m" }));
    assert_eq!(told["steps"][1]["wait"]["at_most"], "2d");
    assert_eq!(told["steps"][1]["wait"]["lookup"]["operation"], "stripe.charges.get");
    assert_eq!(told["steps"][2]["parallel"]["lists"][1][0]["id"], "b");
}
