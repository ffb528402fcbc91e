//! The demo as a person runs it: the real binary, everything over real HTTP, its verdict by its exit status.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn demo(temporary: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowctl"));
    command.arg("demo").args(arguments).current_dir(temporary).env("TMPDIR", temporary).env("TMP", temporary);
    // Nothing is configured, and a proxy is no way to this machine itself.
    for name in
        ["STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "D365_URL", "D365_TENANT", "D365_CLIENT_ID", "D365_CLIENT_SECRET"]
    {
        command.env_remove(name);
    }
    command.env("HTTP_PROXY", "http://127.0.0.1:9").env("http_proxy", "http://127.0.0.1:9");
    command.output().expect("flowctl starts")
}

#[test]
fn every_event_ends_where_it_should() {
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(temporary.path(), &["--json"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}\n{}", String::from_utf8_lossy(&output.stdout));
    let facts: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(facts["as_expected"], true);
    let events = facts["events"].as_array().unwrap();
    let of = |name: &str| events.iter().find(|event| event["case"] == name).unwrap_or_else(|| panic!("no case {name}"));
    let runs =
        |name: &str| of(name)["runs"].as_array().unwrap().iter().map(|run| run["state"].clone()).collect::<Vec<_>>();

    for (name, orders) in [
        ("usd_card", 1),
        ("jpy_card", 1),
        ("duplicate", 1),
        ("told_again", 1),
        ("forged", 0),
        ("throttled", 1),
        ("answer_lost", 1),
        ("unknown_product", 1),
        ("guest", 1),
        ("uncaptured", 0),
    ] {
        assert_eq!(of(name)["orders"].as_array().unwrap().len(), orders, "{name}");
    }
    assert_eq!(events.len(), 10);
    assert_eq!(of("duplicate")["orders"], of("usd_card")["orders"]);
    assert_eq!(of("duplicate")["kept"], 1);
    assert_eq!(of("told_again")["orders"], of("usd_card")["orders"]);
    assert_eq!(runs("told_again"), ["duplicate"]);
    assert_eq!(of("forged")["status"], 401);
    assert_eq!(of("forged")["kept"], 0);
    assert_eq!(runs("uncaptured"), ["skipped"]);
    assert_eq!(of("throttled")["finops_answers"], serde_json::json!([429, 201]));
    assert_eq!(of("answer_lost")["finops_answers"], serde_json::json!([null]), "asked once, found, not made again");
    assert_eq!(of("usd_card")["written_back"], of("usd_card")["orders"][0]);

    let orders = facts["dynamics"]["orders"].as_array().unwrap();
    assert_eq!(orders.len(), 6);
    let yen = orders.iter().find(|order| order["charge"] == "ch_3DemoJpyCard").unwrap();
    assert_eq!((&yen["currency"], &yen["lines"][0]["amount"]), (&"JPY".into(), &"5000".into()));
    let unknown = orders.iter().find(|order| order["charge"] == "ch_3DemoUnknown").unwrap();
    assert_eq!((&unknown["lines"][1]["product"], &unknown["lines"][1]["text"]), (&"MISC".into(), &"SKATEBOARD".into()));
    assert_eq!(facts["dynamics"]["new_customers"].as_array().unwrap().len(), 1);
    assert!(stderr.contains("All runs are at their end."), "{stderr}");

    let payout = &facts["acts"][0];
    assert_eq!((&payout["act"], &payout["as_expected"]), (&"stripe_payout".into(), &true.into()), "{payout}");
    assert_eq!(payout["runs"], serde_json::json!({ "succeeded": 1, "duplicate": 1 }));
    assert_eq!(payout["faults"].as_array().unwrap().len(), 10);
    for effect in payout["effects"].as_array().unwrap() {
        assert_eq!(effect["found"], 1, "{effect}");
    }
    let refunds = facts["acts"].as_array().unwrap().last().unwrap();
    assert_eq!((&refunds["act"], &refunds["as_expected"]), (&"refunds".into(), &true.into()), "{refunds}");
    assert_eq!((refunds["effects"].as_array().unwrap().len(), &refunds["runs"]["succeeded"]), (9, &3.into()));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "the demo cleans up");
}

#[test]
fn the_table_is_for_people() {
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(temporary.path(), &[]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{table}");
    assert!(table.contains("All is as it should be."), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 110), "{table}");
}

#[test]
fn help_reads_like_a_manual() {
    let output = Command::new(env!("CARGO_BIN_EXE_flowctl")).args(["demo", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for part in ["Examples:", "flowctl demo --json", "--serve", "exit status"] {
        assert!(help.contains(part), "{part} is not in\n{help}");
    }
}
