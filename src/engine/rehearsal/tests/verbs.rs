//! Waiting, lists beside each other, approvals and reading again, in tests of flows.

use super::*;

const HEAD: &str = "
flow: late-bread
trigger:
  webhook: { connection: stripe, events: [charge.succeeded] }
steps:
";

/// The failures of one case of a flow with these steps.
fn case(steps: &str, case: &str) -> Vec<String> {
    let flow = format!("{HEAD}{}", indented(steps));
    let files = [
        ("flowctl.yaml", PROJECT),
        ("connections.yaml", CONNECTIONS),
        ("late.flow.yaml", &flow),
        ("bread.map", MAP),
        ("tests/bread.json", EVENT),
    ];
    let files: BTreeMap<String, std::sync::Arc<str>> =
        files.into_iter().map(|(path, text)| (path.to_string(), text.into())).collect();
    let (project, sources, findings) = Project::from_files(&files);
    let bakery = Bakery::of((project, sources, findings));
    let test = format!(
        "flow: late-bread\ngiven: {{ event: {{ file: bread.json }} }}\ncases:\n  - name: it\n{}",
        indented(case)
    );
    let verdicts = bakery.run("tests/late.test.yaml", &test).unwrap_or_else(|| panic!("cannot be read:\n{test}"));
    verdicts[0].failures.iter().map(|failure| format!("{} {}", failure.code, failure.message)).collect()
}

fn passes(steps: &str, test: &str) {
    assert_eq!(case(steps, test), Vec::<String>::new(), "{test}");
}

fn fails(steps: &str, test: &str, with: &str) {
    let failures = case(steps, test);
    assert!(failures.iter().any(|failure| failure.contains(with)), "{test}\nexpected: {with}\ngot: {failures:#?}");
}

const POLL: &str = "
- id: soon
  wait: { for: 90s }
- id: payout
  wait:
    lookup: { operation: stripe.charges.get, key: event.data.object.id }
    until: row.status == \"succeeded\"
    every: 10m
    at_most: 25m
";

#[test]
fn the_clock_moves_while_a_run_waits() {
    let answers = |rows: &str| format!("answers: {{ payout: [{rows}] }}\n");
    let (no, yes) = ("{ value: { status: pending } }", "{ value: { status: succeeded } }");
    passes(
        POLL,
        &format!(
            "{}expect: {{ run: succeeded, waited: 90s, steps: {{ soon: missing, payout: {{ status: succeeded }} }} }}",
            answers(yes)
        ),
    );
    passes(POLL, &format!("{}expect: {{ run: succeeded, waited: 21m30s }}", answers(&format!("{no}, {no}, {yes}"))));
    passes(
        POLL,
        &format!(
            "{}expect: {{ waited: 26m30s, run: {{ dead_letter: {{ step: payout, class: timeout, code: wait_expired }} }} }}",
            answers(&format!("{no}, {no}, {no}, {no}"))
        ),
    );
    passes(
        POLL,
        &format!("{}expect: {{ run: succeeded, waited: 11m31s }}", answers(&format!("{no}, {{ status: 503 }}, {yes}"))),
    );
    fails(POLL, &format!("{}expect: {{ run: succeeded }}", answers(no)), "once more after its only answer");
    fails(POLL, &format!("answers: {{ soon: {{ value: 1 }} }}\n{}", "expect: { run: succeeded }"), "asks nobody");
}

const BOTH: &str = "
- id: both
  parallel:
    lists:
      - - { id: one, lookup: { operation: stripe.customers.get, key: event.data.object.customer } }
      - - { id: two, lookup: { operation: stripe.charges.get, key: event.data.object.id } }
        - { id: three, transform: steps.two.id }
- { id: four, transform: '\"{steps.one.id} {steps.three}\"' }
";

#[test]
fn lists_beside_each_other_are_answered_by_step() {
    passes(
        BOTH,
        "answers: { one: { value: { id: cus_1 } }, two: { value: { id: ch_1 } } }\nexpect: { steps: { four: cus_1 ch_1 } }",
    );
    passes(
        BOTH,
        "answers: { one: { status: 404 }, two: { value: { id: ch_1 } } }\nexpect: { run: { dead_letter: { step: one } }, steps: { three: missing } }",
    );
}
