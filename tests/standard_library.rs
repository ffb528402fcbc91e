//! The pages of functions are those that the command writes, their examples hold, and the library keeps its own rules.

#[path = "specification/harness.rs"]
mod harness;
mod support;

use flowctl::catalog::{Catalog, Types};
use flowctl::diagnostics::Sources;
use flowctl::language::functions::ALL;
use flowctl::language::types::RecordType;
use flowctl::language::{Inputs, Library, standard};
use std::path::Path;
use support::process::{finish, flowctl};

const PAGES: [&str; 2] = ["functions.md", "standard-library.md"];

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap_or_default()
}

#[test]
fn the_committed_pages_are_those_that_the_command_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    finish(flowctl(&["functions", "--write", &folder.path().to_string_lossy()])).said(0, &[]);
    for name in PAGES {
        let made = std::fs::read_to_string(folder.path().join(name)).expect("written");
        assert!(page(name) == made, "docs/{name} is old: run `flowctl functions --write docs`");
    }
}

#[test]
fn the_examples_of_the_pages_hold() {
    for name in PAGES {
        let failures = harness::check(&format!("docs/{name}"), &page(name));
        assert!(failures.is_empty(), "{} failing:\n{}", failures.len(), failures.join("\n"));
    }
}

#[test]
fn the_library_is_without_findings() {
    let catalog = std::sync::Arc::new(Catalog::bundled());
    let (files, types) = (Default::default(), Types::bundled(&catalog));
    let settings = std::sync::Arc::new(RecordType::shape([]));
    let inputs = Inputs { files: &files, types: &types, settings };
    let (_, findings) = Library::compile(&inputs, &mut Sources::default());
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn what_the_library_offers_is_shown_by_examples() {
    for module in standard::modules() {
        assert!(module.about.ends_with('.'), "std:{}: a sentence at the top of the file", module.name);
        for function in module.functions {
            let name = format!("{} of std:{}", function.name, module.name);
            assert!(function.summary.ends_with('.'), "{name}: a sentence, got {:?}", function.summary);
            assert!(function.examples.contains(&format!("{}(", function.name)), "{name}: an example that calls it");
            assert!(ALL.iter().all(|one| one.name != function.name), "{name} hides the built-in one");
        }
    }
}

#[test]
fn every_country_is_found_by_its_codes_and_its_name() {
    // Rows of one line and rows broken over several alike.
    let text = include_str!("../src/language/std/address.map").split_whitespace().collect::<Vec<_>>().join(" ");
    let texts = |row: &str| row.split('"').skip(1).step_by(2).take(3).map(|one| format!("{one:?}")).collect::<Vec<_>>();
    let rows: Vec<String> =
        text.split("=> { two = ").skip(1).map(|row| format!("[{}]", texts(row).join(", "))).collect();
    assert_eq!(rows.len(), 249);
    let holds = "country2(c[1]) == c[0] and country2(c[2].lower()) == c[0] and country3(c[0]) == c[1] and country_name(c[1]) == c[2]";
    let chapter = format!(
        "```map steps=100000\nuse \"std:address\"\n\n[{}].filter(c => not ({holds}))  // => []\n```\n",
        rows.join(", ")
    );
    assert_eq!(harness::check("countries", &chapter), Vec::<String>::new());
}

#[test]
fn the_command_lists_and_explains() {
    let listed = finish(flowctl(&["functions"]));
    listed.said(0, &[]);
    let modules = standard::modules();
    let offered = modules.iter().flat_map(|module| &module.functions).map(|function| function.name.as_str());
    for name in ALL.iter().map(|function| function.name).chain(offered) {
        assert!(listed.stdout.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}");
    }
    let explained = finish(flowctl(&["functions", "country2"]));
    explained.said(0, &[]);
    for part in ["use \"std:address\"", "country2(country: text?) -> text?", "country2(\"NOR\")  // => \"NO\""] {
        assert!(explained.stdout.contains(part), "{part}: {}", explained.stdout);
    }
    finish(flowctl(&["functions", "contry2"])).said(2, &["contry2", "country2"]);
    finish(flowctl(&["functions", "zzzzzz"])).said(2, &["zzzzzz", "lists all"]);
    let json = finish(flowctl(&["functions", "--format", "json"]));
    json.said(0, &[]);
    let entries: Vec<serde_json::Value> = serde_json::from_str(&json.stdout).expect("JSON");
    assert!(entries.len() > ALL.len());
    assert!(
        entries
            .iter()
            .any(|entry| entry["name"] == "round" && entry["signatures"].as_array().expect("list").len() == 2)
    );
    assert!(entries.iter().any(|entry| entry["name"] == "phone" && entry["use"] == "std:contact"));
}

/// The pages of systems below their heads are what the catalogue says.
#[test]
fn the_pages_of_systems_are_those_of_the_catalogue() {
    let folder = tempfile::tempdir().expect("a folder");
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/systems");
    let made = folder.path().join("systems");
    std::fs::create_dir(&made).expect("a folder");
    for entry in std::fs::read_dir(&docs).expect("docs/systems") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), made.join(entry.file_name())).expect("copied");
    }
    let write = std::process::Command::new(env!("CARGO_BIN_EXE_flowctl"))
        .args(["operations", "--write"])
        .arg(folder.path())
        .status();
    assert!(write.expect("it runs").success());
    for entry in std::fs::read_dir(&made).expect("pages") {
        let entry = entry.expect("an entry");
        let (now, then) =
            (std::fs::read_to_string(entry.path()), std::fs::read_to_string(docs.join(entry.file_name())));
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(now.ok() == then.ok(), "docs/systems/{name} is old: run `flowctl operations --write docs`");
    }
}
