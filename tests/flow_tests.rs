//! `flowctl test` as people and their builds run it.

use std::fs;
use std::path::Path;
use std::process::Command;

struct Outcome {
    status: i32,
    stdout: String,
    stderr: String,
}

fn flowctl(folder: &Path, args: &[&str]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_flowctl")).args(args).current_dir(folder).output().unwrap();
    Outcome {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

const FLOW: &str = "
flow: thanks
trigger: { webhook: { connection: stripe, events: [charge.succeeded] } }
steps:
  - id: noted
    call:
      operation: stripe.charges.update
      key: event.data.object.id
      body: |
        { metadata = { thanked = \"yes\" } }
";
const TESTS: &str = "
flow: thanks
given:
  event: { id: evt_1, object: event, type: charge.succeeded, created: 1772440205, livemode: false, data: { object: { id: ch_1 } } }
  answers: { noted: { value: { id: ch_1 } } }
cases:
  - name: said & <done>
    expect: { run: succeeded, calls: [{ step: noted, key: ch_1, body: { metadata: { thanked: 'yes' } } }] }
";
const CONNECTIONS: &str = "
connections:
  stripe: { system: stripe, mode: sandbox, api_key: env://KEY, webhook: { path: /hooks/stripe, secrets: [env://HOOK] } }
";

/// A small project of one's own.
fn project(tests: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    for (name, text) in [
        ("flowctl.yaml", "project: thanks\nversion: 1\n"),
        ("connections.yaml", CONNECTIONS),
        ("thanks.flow.yaml", FLOW),
        ("thanks.test.yaml", tests),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn the_bundled_flows_pass_their_tests() {
    let run = flowctl(Path::new(env!("CARGO_MANIFEST_DIR")), &["test", "flows"]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.ends_with(" passed, 0 failed\n"), "{}", run.stdout);
    assert!(run.stdout.contains("  ok    "), "{}", run.stdout);
}

#[test]
fn a_wrong_expectation_ends_with_1_and_shows_its_line() {
    let folder = project(&TESTS.replace("'yes'", "'no'"));
    let run = flowctl(folder.path(), &["test"]);
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("FAIL  said & <done>"), "{}", run.stdout);
    assert!(run.stdout.contains("`noted: body.metadata.thanked`: expected \"no\", got \"yes\""), "{}", run.stdout);
    assert!(run.stdout.contains("thanks.test.yaml:8:"), "{}", run.stdout);
    assert!(run.stdout.ends_with("0 passed, 1 failed\n"), "{}", run.stdout);
}

#[test]
fn a_flow_or_its_tests_stand_for_its_tests() {
    let folder = project(TESTS);
    for path in [".", "thanks.flow.yaml", "thanks.test.yaml"] {
        let run = flowctl(folder.path(), &["test", path]);
        assert_eq!((run.status, run.stdout.lines().last()), (0, Some("1 passed, 0 failed")), "{path}: {}", run.stderr);
    }
}

#[test]
fn no_test_no_project_and_no_such_path_are_wrong_usage() {
    let folder = project(TESTS);
    let run = flowctl(folder.path(), &["test", "empty"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("no test in"), "{}", run.stderr);
    assert_eq!(flowctl(folder.path(), &["test", "nowhere"]).status, 2);
    assert_eq!(flowctl(folder.path(), &["test", "--format", "html"]).status, 2);
    assert_eq!(flowctl(tempfile::tempdir().unwrap().path(), &["test"]).status, 2);
}

#[test]
fn a_test_file_or_flow_with_errors_has_failed() {
    let unreadable = flowctl(project(&TESTS.replace("expect:", "expct:")).path(), &["test"]);
    assert_eq!(unreadable.status, 1, "{}", unreadable.stderr);
    assert!(unreadable.stdout.contains("(the file cannot be read)"), "{}", unreadable.stdout);
    assert!(unreadable.stdout.ends_with("0 passed, 1 failed\n"), "{}", unreadable.stdout);

    let folder = project(TESTS);
    fs::write(folder.path().join("thanks.flow.yaml"), FLOW.replace("charges.update", "charges.updte")).unwrap();
    let broken = flowctl(folder.path(), &["test"]);
    assert_eq!(broken.status, 1);
    assert!(broken.stdout.contains("F0507"), "{}", broken.stdout);
    assert!(broken.stderr.contains("charges.update"), "{}", broken.stderr);
}

#[test]
fn programs_read_json_and_junit() {
    let folder = project(&TESTS.replace("'yes'", "'no'"));
    let run = flowctl(folder.path(), &["test", "--format", "json"]);
    assert_eq!(run.status, 1);
    let all: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&all["passed"], &all["failed"]), (&0.into(), &1.into()));
    let case = &all["cases"][0];
    assert_eq!(
        (&case["name"], &case["file"], &case["flow"]),
        (&"said & <done>".into(), &"thanks.test.yaml".into(), &"thanks".into())
    );
    assert_eq!(case["failures"][0]["code"], "F0500");

    let run = flowctl(folder.path(), &["test", "--format", "junit"]);
    assert_eq!(run.status, 1);
    assert!(run.stdout.starts_with("<?xml"), "{}", run.stdout);
    assert!(run.stdout.contains("<testsuites name=\"flowctl test\" tests=\"1\" failures=\"1\">"), "{}", run.stdout);
    assert!(run.stdout.contains("name=\"said &amp; &lt;done&gt;\""), "{}", run.stdout);
    assert!(run.stdout.contains("<failure type=\"F0500\" message=\""), "{}", run.stdout);
    assert!(run.stdout.trim_end().ends_with("</testsuites>"), "{}", run.stdout);
}

/// What `--update` makes of the cases of `thanks`, and how it ends.
fn updated(cases: &str) -> (String, Outcome) {
    let folder = project(&format!("{}{cases}", TESTS.split_inclusive("cases:\n").next().unwrap()));
    let run = flowctl(folder.path(), &["test", "--update"]);
    let text = fs::read_to_string(folder.path().join("thanks.test.yaml")).unwrap();
    (text.split_once("cases:\n").unwrap().1.to_owned(), run)
}

#[test]
fn update_changes_what_differs_and_nothing_else() {
    let cases = "  - name: a value    # as it was
    expect: { run: succeeded, calls: [{ step: noted, key: ch_1, body: { metadata: { thanked: 'no' } } }] }  # kept

  - name: fields, in lines
    expect:
      run:   { dead_letter: { step: noted } }
      calls:
        - step: noted
          attempts: 3     # how often
          body:
            metadata:
              other: 1
  - name: a list that has to grow
    expect:
      calls: []
      alerts: [{ code: none }]
  - name: a list that has to shrink
    expect: { calls: [{ step: noted, key: ch_1 }, { step: noted, key: \"ch_2\" }], waited: 3s }
  - name: nothing was written
    expect: { steps: { noted: } }
  - name: no alerts
    expect:
      alerts:
        - { code: none }
      waited: 1h
";
    let (text, run) = updated(cases);
    let expected = "  - name: a value    # as it was
    expect: { run: succeeded, calls: [{ step: noted, key: ch_1, body: { metadata: { thanked: 'yes' } } }] }  # kept

  - name: fields, in lines
    expect:
      run:   succeeded
      calls:
        - step: noted
          attempts: 1     # how often
          body:
            metadata:
              other: missing
              thanked: 'yes'
  - name: a list that has to grow
    expect:
      calls:
        - { step: noted, key: ch_1, body: { metadata: { thanked: 'yes' } } }
      alerts: []
  - name: a list that has to shrink
    expect: { calls: [{ step: noted, key: ch_1 }], waited: 0s }
  - name: nothing was written
    expect: { steps: { noted: { id: ch_1 } } }
  - name: no alerts
    expect:
      alerts: []
      waited: 0s
";
    assert_eq!(text, expected, "{}{}", run.stdout, run.stderr);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.starts_with("thanks.test.yaml:8\n  -    expect: { run: succeeded"), "{}", run.stdout);
    assert!(run.stdout.contains("\n  +              thanked: 'yes'\n"), "{}", run.stdout);
    assert!(run.stdout.ends_with("6 passed, 0 failed\n"), "{}", run.stdout);
    let (again, run) = updated(&text);
    assert_eq!((again, run.stdout.starts_with("thanks.test.yaml\n")), (text, true));
}

#[test]
fn update_says_what_it_does_not_rewrite_and_why() {
    for (case, why) in [
        ("{ calls: [{ step: noted, body: { file: body.json } }] }", "it stands in `body.json`"),
        (
            "\n      calls:\n        - step: noted\n          body:\n            - 1  # one\n            - 2\n",
            "a comment in it",
        ),
        (
            "\n      steps: { noted: &it { id: x } }\n      calls: [{ step: noted, value: *it }]\n",
            "an alias repeats it",
        ),
        ("{ steps: { noted: { repeat: 1, times: 3 } } }", "changed by hand"),
        ("\n      steps:\n        noted:\n          id: |\n            ch_2\n", "a text in a block"),
        ("{ calls_include: [{ step: thanked }] }", "no step"),
    ] {
        let cases = format!("  - name: it\n    expect: {case}\n");
        let folder = project(&format!("{}{cases}", TESTS.split_inclusive("cases:\n").next().unwrap()));
        fs::write(folder.path().join("body.json"), "{}").unwrap();
        let before = fs::read_to_string(folder.path().join("thanks.test.yaml")).unwrap();
        let run = flowctl(folder.path(), &["test", "--update"]);
        let after = fs::read_to_string(folder.path().join("thanks.test.yaml")).unwrap();
        assert_eq!((after, run.status), (before, 1), "{case}: {}{}", run.stdout, run.stderr);
        assert!(format!("{}{}", run.stderr, run.stdout).contains(why), "{case}: {}{}", run.stdout, run.stderr);
    }
}

#[test]
fn update_keeps_the_ends_of_lines_and_the_mark_at_the_start() {
    let text = format!("\u{feff}{}", TESTS.replace("'yes'", "'no'").replace('\n', "\r\n"));
    let folder = project(&text);
    let run = flowctl(folder.path(), &["test", "--update"]);
    let after = fs::read_to_string(folder.path().join("thanks.test.yaml")).unwrap();
    assert_eq!((after, run.status), (text.replace("'no'", "'yes'"), 0), "{}{}", run.stdout, run.stderr);
}

const COVERED: [(&str, &str); 3] = [
    (
        "thanks.flow.yaml",
        "flow: thanks
use: [thanks.map]
trigger: { webhook: { connection: stripe, events: [charge.succeeded] } }
steps:
  - id: kind
    branch:
      cases:
        - when: event.data.object.amount > 1000
          result: '\"big\"'
      else:
        result: '\"small\"'
  - id: noted
    call:
      operation: stripe.charges.update
      key: event.data.object.id
      body: |
        {
          metadata = {
            tone   = tone[steps.kind]
            size   = size(event.data.object.amount)
            who    = who(event.data.object.billing_details?.name?)
            number = \"{number(event.data.object.id)}\"
          }
        }
    on_error:
      - when: error.status == 404
        steps:
          - id: gone
            alert: { severity: warning, code: gone, title: The charge is gone }
        then: continue
",
    ),
    (
        "thanks.map",
        "table tone: text -> text {
  \"big\"   => \"warm\"
  \"small\" => \"kind\"
  else    => \"plain\"
}

fn size(amount: decimal) -> text =
  if amount > 1000
    then \"L\"
    else \"S\"

fn who(name: text?) -> text =
  name
    ?? \"you\"

fn number(id: text) -> decimal =
  decimal(id)
    catch 0
",
    ),
    (
        "thanks.test.yaml",
        "flow: thanks
given:
  event: { id: evt_1, object: event, type: charge.succeeded, created: 1772440205, livemode: false, data: { object: { id: '12', amount: 5000, billing_details: { name: Ann } } } }
  answers: { noted: { value: { id: ch_1 } } }
cases:
  - name: big
    expect:
      calls:
        - step: noted
          body_has:
            metadata:
              tone: warm
              size: L
              who: Ann
              number: '12'
  - name: small
    event: { with: { data.object: { id: ch_1, amount: 10 } } }
    expect:
      calls:
        - step: noted
          body_has:
            metadata:
              tone: kind
              size: S  # small
              who: you
              number: '0'
  - name: gone
    answers: { noted: { status: 404 } }
    expect:
      run: succeeded
      alerts: [{ code: gone }]
",
    ),
];

/// What is not covered when that is taken out of the tests.
fn uncovered(without: &str) -> Vec<String> {
    let folder = project("");
    for (name, text) in COVERED {
        fs::write(folder.path().join(name), text.replace(without, "")).unwrap();
    }
    let run = flowctl(folder.path(), &["test", "--coverage"]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    let report = run.stdout.split_once("3 passed, 0 failed\n").unwrap().1;
    report.lines().filter(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn only_what_an_expectation_would_miss_is_covered() {
    let left = "1  `else` of `tone`: no test takes it: table tone: text -> text {…";
    let unnoticed = "taken, but no test fails without it";
    assert_eq!(uncovered("nothing of this"), [left]);
    for (without, uncovers) in [
        ("              size: S  # small\n", format!("10  arm: {unnoticed}: \"S\"")),
        ("              who: you\n", format!("14  right of `??` or `catch`: {unnoticed}: \"you\"")),
        ("              who: Ann\n", format!("13  left of `??`: {unnoticed}: name")),
        ("              number: '12'\n", format!("17  left of `catch`: {unnoticed}: decimal(id)")),
        ("              number: '0'\n", format!("18  right of `??` or `catch`: {unnoticed}: 0")),
        ("      alerts: [{ code: gone }]\n", format!("28  step `gone`: {unnoticed}: id: gone…")),
    ] {
        let mut found = uncovered(without);
        found.retain(|line| !line.starts_with(left));
        assert_eq!(found, [uncovers], "{without}");
    }
}

#[test]
fn coverage_for_other_tools_stands_alone() {
    let folder = project("");
    for (name, text) in COVERED {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let run = flowctl(folder.path(), &["test", "--coverage=lcov"]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.starts_with("TN:\nSF:thanks.flow.yaml\nDA:5,1\n"), "{}", run.stdout);
    let map = run.stdout.split_once("SF:thanks.map\n").unwrap().1;
    assert!(map.contains("DA:9,1\nDA:10,1\n") && map.ends_with("end_of_record\n"), "{map}");
    assert!(run.stderr.contains("3 passed, 0 failed"), "{}", run.stderr);
}

/// The blocks of docs/testing.md: those with a file's name above are that file, those that begin with a case belong to
/// the file of tests that came last.
#[test]
fn the_examples_of_the_page_run() {
    let page = include_str!("../docs/testing.md");
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tests")).unwrap();
    let mut files: Vec<(String, String)> = vec![];
    for block in page.split("\n```").skip(1).step_by(2) {
        let (_, text) = block.split_once('\n').unwrap();
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        if let Some(name) = first.strip_prefix("# ") {
            files.push((name.to_owned(), rest.to_owned()));
        } else if first.starts_with("- name: ") {
            let tests = files.iter_mut().find(|(name, _)| name == "tests/bread.test.yaml").unwrap();
            tests.1.push_str(&format!("\n{text}"));
        }
    }
    for (name, text) in &files {
        fs::write(folder.path().join(name), format!("{text}\n")).unwrap();
    }
    let run = flowctl(folder.path(), &["test"]);
    assert!(run.status == 0 && run.stderr.is_empty(), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.ends_with("19 passed, 0 failed\n"), "{}", run.stdout);
    let run = flowctl(folder.path(), &["test", "tests/bread.test.yaml", "--coverage"]);
    let shown = run.stdout.split_once("0 failed\n\n").unwrap().1;
    assert!(page.contains(shown), "{shown}");
}

/// Values as they are written in YAML: what they are as an expression, and what as data. Both as JSON; the ones that are no
/// expression stand in `invalid_flows/scalars.md`.
const SCALARS: &[(&str, Option<&str>, &str)] = &[
    ("1.10", Some("1.10"), "1.10"),
    ("-1.50", Some("-1.50"), "-1.50"),
    ("0.1000000000000000055", Some("0.1000000000000000055"), "0.1000000000000000055"),
    ("12345678901234567890", Some("12345678901234567890"), "12345678901234567890"),
    ("true", Some("true"), "true"),
    ("True", None, "true"),
    ("1_000", Some("1000"), r#""1_000""#),
    ("1e3", None, "1000"),
    ("0123", None, r#""0123""#),
    ("no", None, r#""no""#),
    ("on", None, r#""on""#),
    ("2026-03-01", None, r#""2026-03-01""#),
    ("2026-03-01T09:00:00Z", None, r#""2026-03-01T09:00:00Z""#),
    ("~", None, "null"),
    ("'1.10'", Some("1.10"), r#""1.10""#),
    (r#"'"0123"'"#, Some(r#""0123""#), r#""\"0123\"""#),
    (r#""\"no\"""#, Some(r#""no""#), r#""\"no\"""#),
    (r#"'"Brød 🥖 {1.10}"'"#, Some(r#""Brød 🥖 1.10""#), r#""\"Brød 🥖 {1.10}\"""#),
    ("brød🥖", None, r#""brød🥖""#),
];

#[test]
fn values_are_what_they_are_written_as() {
    let mut flow = FLOW.replace("steps:\n", "use: [same.map]\nsteps:\n");
    let mut tests = TESTS.replace("run: succeeded,", "run: succeeded, steps: {},");
    let mut steps = String::new();
    for (n, (written, slot, data)) in SCALARS.iter().enumerate() {
        if let Some(slot) = slot {
            flow.push_str(&format!("  - {{ id: s{n}, description: 'Brød 🥖', transform: {written} }}\n"));
            steps.push_str(&format!("s{n}: {slot}, "));
        }
        tests.push_str(&format!(
            "  - {{ name: data {n}, mapping: same.map#same, args: [{written}], expect: {{ value: {data} }} }}\n"
        ));
    }
    tests = tests.replace("steps: {}", &format!("steps: {{ {steps} }}"));
    for end in ["\n", "\r\n"] {
        let folder = project("");
        let files =
            [("thanks.flow.yaml", &*flow), ("thanks.test.yaml", &*tests), ("same.map", "fn same(v: any) -> any = v\n")];
        for (name, text) in files {
            fs::write(folder.path().join(name), text.replace('\n', end)).unwrap();
        }
        let run = flowctl(folder.path(), &["test"]);
        let all = format!("{} passed, 0 failed\n", SCALARS.len() + 1);
        assert!(run.status == 0 && run.stdout.ends_with(&all), "{}{}", run.stdout, run.stderr);
    }
}
