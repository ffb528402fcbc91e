//! `flowctl secrets` and a runtime that reads `secret://`: nothing is ever shown, a change is taken without a restart.

mod support;

use flowctl::sandbox::credentials;
use flowctl::sandbox::webhooks::Sender;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::events::Charge;
use support::process::{Finished, Setup, finish, flowctl};
use support::project::Project;

const KEY: &str = "0101010101010101010101010101010101010101010101010101010101010101";

/// `flowctl secrets …` of that project, with that text on stdin.
fn secrets(root: &Path, args: &[&str], input: &str) -> Finished {
    let root = root.to_string_lossy().to_string();
    let mut all = vec!["secrets"];
    all.extend(args);
    all.extend(["--project", &root]);
    let mut command = flowctl(&all);
    command.env("FLOWCTL_SECRETS_KEY", KEY);
    with_input(command, input)
}

fn with_input(mut command: Command, input: &str) -> Finished {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(input.as_bytes()).expect("written");
    std::io::Seek::rewind(&mut file).expect("rewound");
    command.stdin(Stdio::from(file));
    finish(command)
}

#[test]
fn values_come_from_stdin_and_are_never_shown() {
    let project = Project::copied();
    let root = project.root();
    secrets(&root, &["set", "stripe/key"], "rk_test_5ecret\n").said(0, &["secret://stripe/key is set"]);
    secrets(&root, &["rotate", "stripe/key"], "rk_test_5ecret2\n")
        .said(0, &["secret://stripe/key_old until you remove it"]);
    let listed = secrets(&root, &["list", "--format", "json"], "");
    listed.said(0, &[]);
    let names: Vec<serde_json::Value> = serde_json::from_str(&listed.stdout).expect("JSON");
    assert_eq!(
        (names.len(), names[0]["name"].as_str(), names[1]["name"].as_str()),
        (2, Some("stripe/key"), Some("stripe/key_old"))
    );
    for (args, input) in [(&["list"][..], ""), (&["remove", "stripe/key_old"], ""), (&["set", "x"], "5ecret\n5ecret\n")]
    {
        let said = secrets(&root, args, input);
        assert!(!format!("{}{}", said.stdout, said.stderr).contains("5ecret"), "{said:?}");
    }
    assert!(!project.read("secrets.sealed").contains("5ecret"));
    // A value is no argument: it would stand in the shell's history and in the list of processes.
    secrets(&root, &["set", "a", "value"], "").said(2, &["unexpected argument"]);
    secrets(&root, &["set", "b c"], "x").said(2, &["is no name of a secret", "F0459"]);
    secrets(&root, &["remove", "gone"], "").said(2, &["has no `gone`", "F0455"]);
    // Without its key, or with another, the store is of no use to anybody.
    let place = root.to_string_lossy().to_string();
    let mut other = flowctl(&["secrets", "set", "x", "--project", &place]);
    other.env("FLOWCTL_SECRETS_KEY", KEY.replace('1', "2"));
    with_input(other, "y").said(2, &["another key", "F0457"]);
    let mut none = flowctl(&["secrets", "set", "x", "--project", &place]);
    none.env_remove("FLOWCTL_SECRETS_KEY").env("HOME", place.replace("/project", "/home"));
    with_input(none, "y").said(2, &["FLOWCTL_SECRETS_KEY is not set", "F0457"]);
    project.change("secrets.sealed", "\"stripe/key\"", "\"stripe/other\"");
    secrets(&root, &["set", "x"], "y").said(2, &["was changed by somebody", "F0458"]);
}

/// The key file that the first `set` makes is used from then on; a typo in a name is found before anything runs.
#[test]
fn a_store_of_its_own_and_names_that_it_does_not_have() {
    let project = Project::copied();
    let home = tempfile::tempdir().expect("a folder");
    let place = project.root().to_string_lossy().to_string();
    let run = |args: &[&str], input: &str| {
        let mut command = flowctl(args);
        command.env_remove("FLOWCTL_SECRETS_KEY").env_remove("XDG_CONFIG_HOME").env("HOME", home.path());
        with_input(command, input)
    };
    run(&["secrets", "set", "stripe/key", "--project", &place], "rk_test_x")
        .said(0, &["The key stands in", "Keep a copy"]);
    run(&["secrets", "set", "stripe/whsec", "--project", &place], "whsec_x").said(0, &[]);
    run(&["secrets", "rotate", "--project", &place], "").said(0, &["sealed with the new key", "The key before it"]);
    let said = run(&["validate", &place], "");
    assert!(!said.stderr.contains("F0455"), "{}", said.stderr);
    project.change("connections.yaml", "env://STRIPE_API_KEY", "secret://stripe/kye");
    project.change(
        "connections.yaml",
        "[env://STRIPE_WEBHOOK_SECRET]",
        "[secret://stripe/whsec, secret://stripe/whsec_old]",
    );
    run(&["validate", &place], "")
        .said(0, &["warning[F0455]: the secret store has no `stripe/kye`", "did you mean `stripe/key`?"]);
    run(&["validate", &place, "--deny", "warnings"], "").said(1, &["F0455"]);
    // Of two secrets of a webhook one is enough.
    assert_eq!(run(&["validate", &place], "").stderr.matches("F0455").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_takes_new_secrets_from_the_store_while_it_runs() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    project.change("connections.yaml", "env://STRIPE_API_KEY", "secret://stripe/key");
    project.change(
        "connections.yaml",
        "[env://STRIPE_WEBHOOK_SECRET]",
        "[secret://stripe/whsec, secret://stripe/whsec_old]",
    );
    let root = project.root();
    secrets(&root, &["set", "stripe/key"], credentials::STRIPE_KEY).said(0, &[]);
    secrets(&root, &["set", "stripe/whsec"], "whsec_first").said(0, &[]);
    let setup = Setup::of(&project);
    // Without the key nothing starts, and it says what to do.
    let mut without = setup.command();
    without.env_remove("FLOWCTL_SECRETS_KEY").env("HOME", "/nonexistent");
    finish(without).said(1, &["F0457", "FLOWCTL_SECRETS_KEY is not set"]);
    let setup = Setup { env: vec![("FLOWCTL_SECRETS_KEY", KEY)], ..setup };
    let runtime = setup.start().await;
    let charge = Charge::new(1, None);
    charge.known_to(&sandbox);
    let send = |secret: &str| Sender::new(runtime.hook(), secret).expect("a sender");
    let event = charge.event();
    assert_eq!(send("whsec_first").send(&event).await.expect("an answer"), 200);
    assert_eq!(send("whsec_second").send(&event).await.expect("an answer"), 401);
    // Both hold while the provider changes over; then only the new one.
    secrets(&root, &["rotate", "stripe/whsec"], "whsec_second").said(0, &[]);
    let takes = async |secret: &str, status: u16| {
        let begun = Instant::now();
        while send(secret).send(&event).await.expect("an answer") != status {
            assert!(begun.elapsed() < Duration::from_secs(20), "{secret} is not answered {status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    takes("whsec_second", 200).await;
    assert_eq!(send("whsec_first").send(&event).await.expect("an answer"), 200);
    secrets(&root, &["remove", "stripe/whsec_old"], "").said(0, &[]);
    takes("whsec_first", 401).await;
    assert_eq!(send("whsec_second").send(&event).await.expect("an answer"), 200);
    let log = std::fs::read_to_string(project.log()).expect("a log");
    assert!(!log.contains("whsec_first") && !log.contains(credentials::STRIPE_KEY) && !log.contains(KEY), "{log}");
}
