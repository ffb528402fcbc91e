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

const ASK: &str = "
- id: shelf
  lookup: { operation: finops.list, entity: ReleasedProductsV2, all: true }
- id: approval
  approve:
    title: Bake {steps.shelf.count()} loaves
    expires: 2d
    items: steps.shelf
    key: row.ItemNumber
- id: baked
  transform: steps.approval.items.map(loaf => loaf.ItemNumber)
";

#[test]
fn persons_answer_in_tests_too() {
    let answers = |answer: &str| {
        format!(
            "answers: {{ shelf: {{ rows: [{{ ItemNumber: RYE }}, {{ ItemNumber: OAT }}] }}, approval: {answer} }}\n"
        )
    };
    let yes = answers("{ approved: { by: ada, without: [OAT] } }");
    passes(
        ASK,
        &format!(
            "{yes}expect: {{ run: succeeded, waited: 0s, steps: {{ baked: [RYE], approval: {{ by: ada, reason: no reason given, at: 2026-01-01T00:00:00Z, items: [{{ ItemNumber: RYE }}] }} }} }}"
        ),
    );
    fails(ASK, &format!("{yes}expect: {{ steps: {{ baked: [RYE, OAT] }} }}"), "steps.baked");
    let no = answers("{ rejected: { by: ada, reason: burnt } }");
    passes(
        ASK,
        &format!("{no}expect: {{ run: {{ stopped: 'rejected by ada: burnt' }}, steps: {{ baked: missing }} }}"),
    );
    fails(ASK, &format!("{no}expect: {{ run: succeeded }}"), "was stopped: rejected by ada: burnt");
    passes(ASK, &format!("{}expect: {{ run: {{ stopped: approval expired }}, waited: 2d }}", answers("expired")));
    for (answer, with) in [
        ("{ approved: { by: ada, without: [BUN] } }", "asks about no item `BUN`"),
        ("{ approved: { bye: ada } }", "no `bye` here"),
        ("{ rejected: { without: [RYE] } }", "no `without` here"),
        ("{ value: {} }", "which asks a person"),
        ("never", "should never happen"),
    ] {
        fails(ASK, &format!("{}expect: {{ run: succeeded }}", answers(answer)), with);
    }
    fails(ASK, "answers: { shelf: { approved: { by: ada } } }\nexpect: { run: succeeded }", "asks a system, no person");
    fails(
        &ASK.replace("    expires: 2d\n", ""),
        &format!("{}expect: {{ run: stopped }}", answers("expired")),
        "never expires",
    );
}

const AGAIN: &str = "
- id: known
  lookup: { operation: finops.get, entity: CustomersV3, key: '\"C-1\"' }
- id: change
  call:
    operation: finops.update
    entity: CustomersV3
    key: '\"C-1\"'
    body: '{ NameAlias = steps.known.NameAlias }'
    reread: known
";

#[test]
fn a_conflict_reads_again_in_tests_too() {
    let answers = "answers: { known: [{ value: { NameAlias: old } }, { value: { NameAlias: new } }], change: [{ status: 412 }, { value: {} }] }\n";
    passes(
        AGAIN,
        &format!(
            "{answers}expect: {{ run: succeeded, calls: [{{ step: change, body: {{ NameAlias: old }} }}, {{ step: change, body: {{ NameAlias: new }} }}] }}"
        ),
    );
    let once = answers.replace(", { value: { NameAlias: new } }", "");
    fails(AGAIN, &format!("{once}expect: {{ run: succeeded }}"), "`known` was asked once more");
}

const CACHED: &str = "
- id: lines
  for_each:
    items: '[1, 2, 3]'
    as: n
    key: n
    steps:
      - { id: pause, wait: { for: 40m } }
      - { id: found, lookup: { operation: stripe.charges.get, key: event.data.object.id, cache: 1h } }
";

#[test]
fn a_cached_result_is_used_again_while_it_is_fresh() {
    // Asked at 40 minutes, used at 80, too old at 120.
    passes(
        CACHED,
        "answers: { lines/1/found: { value: { id: a } }, lines/3/found: { value: { id: c } } }\nexpect: { run: succeeded, waited: 2h, steps: { lines/2/found: { id: a }, lines/3/found: { id: c } } }",
    );
    fails(
        CACHED,
        "answers: { lines/1/found: { value: { id: a } } }\nexpect: { run: succeeded }",
        "`lines/3/found` was asked",
    );
}
