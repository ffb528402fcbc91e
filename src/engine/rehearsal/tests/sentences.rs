//! What the contract says of settings in the place of values, of `on_error`, `on_failure` and of what a `when` narrows:
//! each sentence as a flow that would end otherwise if it were not true.

use super::*;

const SETTINGS: &str = "
  pause:   { type: text, default: 90s }
  patient: { type: text, default: 2h }
  most:    { type: int, default: 1 }
  beside:  { type: int, default: 2 }
";

const HEAD: &str = "flow: late-bread
trigger:
  webhook: { connection: stripe, events: [charge.succeeded] }
";

/// The failures of one case of a flow with these keys below its trigger.
fn case(flow: &str, case: &str) -> Vec<String> {
    let (project, flow) = (format!("{PROJECT}{}", &SETTINGS[1..]), format!("{HEAD}{flow}"));
    let files = [
        ("flowctl.yaml", project.as_str()),
        ("connections.yaml", CONNECTIONS),
        ("late.flow.yaml", &flow),
        ("bread.map", MAP),
        ("tests/bread.json", EVENT),
    ];
    let files: BTreeMap<String, std::sync::Arc<str>> =
        files.into_iter().map(|(path, text)| (path.to_string(), text.into())).collect();
    let bakery = Bakery::of(Project::from_files(&files));
    let test = format!(
        "flow: late-bread\ngiven: {{ event: {{ file: bread.json }} }}\ncases:\n  - name: it\n{}",
        indented(case)
    );
    let verdicts = bakery.run("tests/late.test.yaml", &test).unwrap_or_else(|| panic!("cannot be read:\n{test}"));
    verdicts[0].failures.iter().map(|failure| format!("{} {}", failure.code, failure.message)).collect()
}

#[track_caller]
fn ends(flow: &str, test: &str) {
    assert_eq!(case(flow, test), Vec::<String>::new(), "{flow}\n{test}");
}

#[test]
fn a_value_may_be_a_settings() {
    ends(
        "steps:\n  - id: nap\n    wait: { for: { setting: pause } }\n  - id: shelf\n    lookup: { operation: finops.list, entity: ReleasedProductsV2, all: true, limit: { setting: most } }\n  - id: nobody\n    lookup: { operation: stripe.customers.get, key: '\"cus_9\"', on_missing: continue }\n    timeout: { setting: pause }\n    retry: { for: { setting: patient }, initial: { setting: pause }, max: 1h, factor: 2, jitter: 0 }\n  - id: told\n    alert: { severity: warning, code: odd, title: Look }\n",
        "answers:\n  shelf: { rows: [{ ItemNumber: RYE }] }\n  nobody: [{ status: 503 }, { status: 503 }, { status: 404 }]\nexpect:\n  run: succeeded\n  waited: 6m\n  steps: { nobody: missing }\n  alerts: [{ severity: warning }]\n",
    );
    // Two at a time: the third begins when the first has ended, not after the second.
    let each = "steps:\n  - id: all\n    for_each:\n      items: '[1, 2, 3, 4]'\n      as: n\n      key: n\n      concurrency: { setting: beside }\n      steps: [{ id: nap, wait: { for: { setting: pause } } }]\n";
    ends(each, "expect: { run: succeeded, waited: 3m }");
}

const TRY: &str = "steps:
  - id: before
    transform: 1 + 1
  - id: order
    call:
      operation: finops.create
      entity: SalesOrderHeadersV2
      body: '{ OrderingCustomerAccountNumber = \"B-1\", CustomersOrderReference = event.data.object.id }'
      find_by: [CustomersOrderReference]
";
const REFUSED: &str = "answers: { order: { status: 400, body: { error: { code: odd, message: burnt bread } } } }\n";

/// "the first `when` that holds runs its `steps`, then `fail` (default), `continue` with `result` as `steps.id`, or `stop`"
#[test]
fn the_first_that_holds_and_what_follows_it() {
    let with = |then: &str| {
        format!(
            "{TRY}    on_error:\n      - when: error.class == \"conflict\"\n        steps: [{{ id: wrong, alert: {{ severity: info, code: a, title: A }} }}]\n      - when: error.class == \"data\" and error.message.contains(\"burnt\")\n        steps: [{{ id: right, alert: {{ severity: info, code: b, title: '{{error.step}} {{error.attempts}} {{steps.before}}' }} }}]\n{then}      - when: true\n        steps: [{{ id: late, alert: {{ severity: info, code: c, title: C }} }}]\n  - id: after\n    transform: steps.order\n"
        )
    };
    let told = "alerts: [{ code: b, title: order 1 2 }]";
    let dead = "run: { dead_letter: { step: order, class: data } }";
    ends(&with(""), &format!("{REFUSED}expect: {{ {dead}, {told} }}"));
    ends(&with("        then: fail\n"), &format!("{REFUSED}expect: {{ {dead}, {told} }}"));
    let kept = "        then: continue\n        result: '{ SalesOrderNumber = \"none\", created = false }'\n";
    let steps = "steps: { order: { SalesOrderNumber: none, created: false }, after: { SalesOrderNumber: none, created: false } }";
    ends(&with(kept), &format!("{REFUSED}expect: {{ run: succeeded, {told}, {steps} }}"));
    ends(&with("        then: stop\n"), &format!("{REFUSED}expect: {{ run: {{ stopped: burnt bread }}, {told} }}"));
}

/// "No match: dead letter." A condition that fails itself does not hold.
#[test]
fn none_that_holds_is_a_dead_letter() {
    let flow = format!(
        "{TRY}    on_error:\n      - when: decimal(error.message) > 0\n        then: continue\n      - when: error.status == 500\n        then: continue\n"
    );
    ends(&flow, &format!("{REFUSED}expect: {{ run: {{ dead_letter: {{ step: order, class: data }} }}, alerts: [] }}"));
}

/// A step of the handling that fails is what the run fails with, unless it is handled itself; nothing of what should have
/// followed happens.
#[test]
fn a_failure_inside_the_handling_counts() {
    let handling = |more: &str| {
        format!(
            "{TRY}    on_error:\n      - when: true\n        steps:\n          - id: looked\n            lookup: {{ operation: stripe.charges.get, key: event.data.object.id }}\n{more}          - id: told\n            alert: {{ severity: info, code: told, title: T }}\n        then: continue\n        result: '{{ SalesOrderNumber = \"none\", created = false }}'\n"
        )
    };
    let answers = REFUSED.replace(" }\n", ", looked: { status: 404 } }\n");
    ends(&handling(""), &format!("{answers}expect: {{ run: {{ dead_letter: {{ step: looked }} }}, alerts: [] }}"));
    let handled = "            on_error: [{ when: true, then: continue }]\n";
    ends(&handling(handled), &format!("{answers}expect: {{ run: succeeded, alerts: [{{ code: told }}] }}"));
    // So does the result that cannot be made.
    let broken = handling("").replace(
        "'{ SalesOrderNumber = \"none\", created = false }'",
        "'{ SalesOrderNumber = text(decimal(error.message)), created = false }'",
    );
    let found = REFUSED.replace(" }\n", ", looked: { value: { id: ch_1 } } }\n");
    ends(
        &broken,
        &format!("{found}expect: {{ run: {{ dead_letter: {{ step: order }} }}, alerts: [{{ code: told }}] }}"),
    );
}

/// "`on_failure` runs anew each time the run fails …, and its own failure changes nothing"; "`error` and `steps` in scope";
/// "outcome_unknown: never given to `on_error`; `on_failure` runs".
#[test]
fn when_the_run_has_failed() {
    let told = "on_failure:\n  - id: told\n    alert: { severity: error, code: failed, title: '{error.step} {error.class} {steps.before ?? 0}', detail: '{error.message}' }\n";
    let dead = "run: { dead_letter: { step: order, class: data } }";
    ends(
        &format!("{TRY}{told}"),
        &format!(
            "{REFUSED}expect: {{ {dead}, alerts: [{{ code: failed, title: order data 2, detail: burnt bread }}] }}"
        ),
    );
    let fails = format!(
        "{TRY}on_failure:\n  - id: looked\n    lookup: {{ operation: stripe.charges.get, key: event.data.object.id }}\n  - id: told\n    alert: {{ severity: error, code: failed, title: T }}\n"
    );
    let answers = REFUSED.replace(" }\n", ", on_failure/1/looked: { status: 404 } }\n");
    ends(&fails, &format!("{answers}expect: {{ {dead}, alerts: [] }}"));
    // A stop is no failure.
    let stops =
        format!("steps:\n  - id: enough\n    stop: {{ reason: enough }}\n{}", told.replace(" {steps.before ?? 0}", ""));
    ends(&stops, "expect: { run: { stopped: enough }, alerts: [] }");
}

/// "A `when` (of a step or case) narrows for the rest of that step or case; a `stop` or `fail` under `when: c` narrows what
/// follows by `not c`."
#[test]
fn what_is_known_after_a_condition() {
    let find = "  - id: baker\n    lookup: { operation: stripe.customers.get, key: event.data.object.customer, blank_key: missing, on_missing: continue }\n";
    let there = "answers: { baker: { value: { id: cus_1, email: b@x.example } } }\n";
    let gone = "answers: { baker: { status: 404 } }\n";
    let own = format!("steps:\n{find}  - id: mail\n    when: steps.baker != missing\n    transform: steps.baker.id\n");
    ends(&own, &format!("{there}expect: {{ run: succeeded, steps: {{ mail: cus_1 }} }}"));
    ends(&own, &format!("{gone}expect: {{ run: succeeded, steps: {{ mail: missing }} }}"));
    let case = format!(
        "steps:\n{find}  - id: who\n    branch:\n      cases:\n        - when: steps.baker != missing\n          steps: [{{ id: mail, transform: steps.baker.id }}]\n          result: steps.mail\n      else: {{ result: '\"nobody\"' }}\n"
    );
    ends(&case, &format!("{there}expect: {{ steps: {{ who: cus_1 }} }}"));
    ends(&case, &format!("{gone}expect: {{ steps: {{ who: nobody }} }}"));
    for (verb, end) in [
        ("stop: { reason: nobody baked }", "run: { stopped: nobody baked }"),
        ("fail: { code: nobody, message: nobody baked }", "run: { dead_letter: { step: none, code: nobody } }"),
    ] {
        let flow = format!(
            "steps:\n{find}  - id: none\n    when: steps.baker == missing\n    {verb}\n  - id: mail\n    transform: steps.baker.id\n"
        );
        ends(&flow, &format!("{there}expect: {{ run: succeeded, steps: {{ mail: cus_1 }} }}"));
        ends(&flow, &format!("{gone}expect: {{ {end}, steps: {{ mail: missing }} }}"));
    }
}
