//! Triggers that start runs by themselves: what is refused, and what a good one becomes.

use super::tests::{compiled, expect, findings};
use crate::graph::render;

fn of_trigger(trigger: &str) -> Vec<String> {
    findings(&format!("trigger:\n  {trigger}\nsteps:\n  - {{ id: a, transform: 1 }}\n"))
}

#[test]
fn a_schedule_is_read_with_its_zone() {
    for (trigger, expected) in [
        ("schedule: { cron: '30 6 * * 1-5', zone: Europe/Oslo }", &[] as &[&str]),
        ("schedule: { cron: '@daily', zone: UTC, catch_up: false }", &[]),
        ("schedule: { cron: '30 6 * *', zone: UTC }", &["F0480 3:21 `30 6 * *` is no schedule: "]),
        ("schedule: { cron: '61 6 * * *', zone: UTC }", &["F0480 3:21 "]),
        ("schedule: { cron: '0 0 30 2 *', zone: UTC }", &["F0480 3:21 `0 0 30 2 *` never comes"]),
        ("schedule: { cron: '@daily', zone: Europe/Olso }", &["F0481 3:37 `Europe/Olso` is no time zone"]),
        ("schedule: { cron: '@daily', zone: '+01:00' }", &["F0481 3:37 "]),
        ("schedule: { cron: { setting: soon }, zone: UTC }", &["F0480 3:32 `soon` is no schedule"]),
        (
            "schedule: { cron: '@daily', zone: UTC, catch_up: { setting: soon } }",
            &["F0368 3:63 setting `soon` is text"],
        ),
    ] {
        expect(trigger, &of_trigger(trigger), expected);
    }
}

#[test]
fn what_a_schedule_gives_is_typed() {
    let flow = |step: &str| {
        findings(&format!(
            "trigger: {{ schedule: {{ cron: '@daily', zone: UTC }} }}\nsteps:\n  - {{ id: a, transform: '{step}' }}\n"
        ))
    };
    expect("a time", &flow("event.scheduled_at.in_zone(\"UTC\").date()"), &[]);
    expect("a first time has none before", &flow("event.previous_at?"), &[]);
    expect("a typo", &flow("event.sheduled_at"), &["F0204 4:32 "]);
    expect("no connection", &flow("trigger.connection? ?? \"\""), &[]);
}

const POLL: &str = "operation: finops.list, entity: SalesOrderHeadersV2, every: 5m";

#[test]
fn a_poll_asks_for_rows_by_a_column_that_grows() {
    for (rest, expected) in [
        ("cursor: OrderCreationDateTime", &[] as &[&str]),
        ("cursor: OrderCreationDateTime, where: row.CurrencyCode == settings.soon", &[]),
        ("cursor: OrderCreationDateTime, select: [CurrencyCode], from: 'parse_time(\"2026-01-01T00:00:00Z\")'", &[]),
        ("cursor: OrderCreationDateTme", &["F0483 3:83 `SalesOrderHeadersV2` has no column `OrderCreationDateTme`"]),
        ("cursor: CurrencyCode", &["F0483 3:83 `CurrencyCode` is a text: "]),
        ("cursor: OrderTotalAmount", &["F0484 3:83 nothing says from which `OrderTotalAmount` on"]),
        ("cursor: OrderTotalAmount, from: 0", &[]),
        ("cursor: OrderCreationDateTime, from: '\"soon\"'", &["F0219 3:113 "]),
        ("cursor: OrderCreationDateTime, limit: 5", &["F0485 3:106 a poll has no `limit`"]),
        ("cursor: OrderCreationDateTime, all: true, sort: [CurrencyCode]", &["F0485 3:106 ", "F0485 3:117 "]),
        ("cursor: OrderCreationDateTime, where: row.CurrencyCode == event.currency", &["F0201 3:133 "]),
        ("cursor: OrderCreationDateTime, where: row.CurrencyKode == \"x\"", &["F0204 "]),
    ] {
        expect(rest, &of_trigger(&format!("poll: {{ {POLL}, {rest} }}")), expected);
    }
    let every =
        "poll: { operation: finops.list, entity: SalesOrderHeadersV2, every: 0s, cursor: OrderCreationDateTime }";
    expect("every", &of_trigger(every), &["F0491 3:71 `every` is no time at all"]);
    let one = "poll: { operation: stripe.charges.get, key: '\"ch_1\"', every: 5m, cursor: created }";
    expect("one row", &of_trigger(one), &["F0482 3:22 `stripe.charges.get` cannot be polled"]);
    let writes = "poll: { operation: stripe.charges.update, every: 5m, cursor: created }";
    expect("a write", &of_trigger(writes), &["F0356 3:22 "]);
}

#[test]
fn reconcile_asks_as_far_as_the_provider_remembers() {
    let webhook = |reconcile: &str| format!("webhook: {{ connection: shop, events: [charge.succeeded], {reconcile} }}");
    for (reconcile, expected) in [
        ("reconcile: { every: 15m, lookback: 3d }", &[] as &[&str]),
        ("reconcile: { every: 15m, lookback: 31d }", &["F0487 3:95 Stripe keeps events for 4w2d, not 4w3d"]),
        ("reconcile: { every: 2d, lookback: 1h }", &["F0487 3:94 every 2d it is asked only 1h back"]),
        ("reconcile: { every: 0s, lookback: 1h }", &["F0491 3:80 `every` is no time at all"]),
        ("columns: [amount]", &["F0490 3:70 Stripe does not say which columns an update touched"]),
    ] {
        expect(reconcile, &of_trigger(&webhook(reconcile)), expected);
    }
}

#[test]
fn files_are_taken_from_a_folder_of_their_own() {
    for (trigger, expected) in [
        ("file: { path: inbox/*.csv }", &[] as &[&str]),
        ("file: { path: ../inbox/orders-*.json, settle: 1m }", &[]),
        ("file: { path: inbox/*, reader: json }", &[]),
        ("file: { path: inbox/*.csv, reader: xml }", &["F0489 3:38 there is no reader `xml`"]),
        ("file: { path: inbox/* }", &["F0489 3:17 the file's name does not say how it is read"]),
        ("file: { path: /var/inbox/*.csv }", &["F0488 3:17 `/var/inbox/*.csv` is no path inside the project"]),
        ("file: { path: ../../inbox/*.csv }", &["F0488 3:17 `../../inbox/*.csv` leaves the project"]),
        ("file: { path: '*.csv' }", &["F0488 3:17 `*.csv` stands in a folder with files of the project"]),
        ("file: { path: tables/*.csv }", &["F0488 3:17 "]),
        ("file: { path: in*/a.csv }", &["F0488 3:17 `in*/a.csv` has a pattern that is not known"]),
        ("file: { path: 'inbox/[ab].csv' }", &["F0488 3:17 "]),
        ("file: { path: inbox/ }", &["F0488 3:17 `inbox/` names no file"]),
        ("file: { path: { setting: soon } }", &["F0368 3:28 `path` stands in the flow itself"]),
        ("file: { path: inbox/*.csv, settle: 0s }", &["F0491 3:38 `settle` is no time at all"]),
    ] {
        expect(trigger, &of_trigger(trigger), expected);
    }
    let flow = "flow: a\ntrigger: { file: { path: ../maps/*.csv } }\nsteps: [{ id: a, transform: 1 }]\n";
    let compilation = compiled(&[("a/a.flow.yaml", flow), ("maps/a.map", "fn one() -> int = 1\n")]);
    assert_eq!(compilation.findings.iter().map(|finding| finding.code.0).collect::<Vec<_>>(), ["F0488"]);
}

#[test]
fn each_is_shown() {
    let shown = |trigger: &str| {
        let flow = format!("flow: a\ntrigger:\n  {trigger}\nsteps: [{{ id: a, transform: 1 }}]\n");
        let compilation = compiled(&[("a/a.flow.yaml", &flow)]);
        let graph = compilation.flows[0].graph.clone().unwrap_or_else(|| panic!("{:?}", compilation.findings));
        (render::mermaid(&graph).lines().nth(1).unwrap().trim().to_owned(), render::json(&graph)["trigger"].to_string())
    };
    for (trigger, label, json) in [
        (
            "schedule: { cron: '30 6 * * *', zone: Europe/Oslo }",
            r#"n0(["schedule: 30 6 * * * Europe/Oslo"])"#,
            r#""schedule":{"ticks":"30 6 * * * Europe/Oslo","catch_up":true}"#,
        ),
        (
            "poll: { operation: finops.list, entity: SalesOrderHeadersV2, every: 5m, cursor: OrderCreationDateTime }",
            r#"n0(["poll: finops.list SalesOrderHeadersV2<br/>every 5m by OrderCreationDateTime"])"#,
            r#""cursor":"OrderCreationDateTime","key":["dataAreaId","SalesOrderNumber"]"#,
        ),
        (
            "file: { path: inbox/*.csv }",
            r#"n0(["files: a/inbox/*.csv"])"#,
            r#""file":{"folder":"a/inbox","name":"*.csv","reader":"csv","settle":"10s"}"#,
        ),
        (
            "webhook: { connection: shop, events: [charge.succeeded], reconcile: { every: 15m, lookback: 3d } }",
            r#"n0(["shop: charge.succeeded<br/>asked every 15m"])"#,
            r#""reconcile":{"every":"15m","lookback":"3d"}"#,
        ),
    ] {
        let (node, all) = shown(trigger);
        assert_eq!(node, label);
        assert!(all.contains(json), "{json} is not in {all}");
    }
}
