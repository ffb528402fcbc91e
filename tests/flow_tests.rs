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
