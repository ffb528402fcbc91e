//! `flowctl validate`: the runtime's compiler on the command line, with places that can be trusted.

mod support;

use support::process::{Finished, finish, flowctl};
use support::project::{FLOW_FILE, MAP_FILE, Project};

fn validate(project: &Project, more: &[&str]) -> Finished {
    let root = project.root();
    finish(flowctl(&[&["validate", &root.to_string_lossy()], more].concat()))
}

fn findings(project: &Project) -> Vec<serde_json::Value> {
    let finished = validate(project, &["--format", "json"]);
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"))
}

/// `code line:column` of the findings in a file.
fn places(project: &Project, path: &str) -> Vec<String> {
    let all = findings(project);
    let here = all.iter().filter(|finding| finding["path"] == path);
    here.map(|finding| {
        format!("{} {}:{}", finding["code"].as_str().expect("a code"), finding["line"], finding["column"])
    })
    .collect()
}

/// Line and column of a text that stands once in a file, counted by hand.
fn place(project: &Project, path: &str, part: &str) -> (usize, usize) {
    let text = project.read(path);
    let at = text.find(part).unwrap_or_else(|| panic!("no {part:?}"));
    let line = text[..at].matches('\n').count() + 1;
    let column = text[..at].rsplit('\n').next().expect("a line").chars().count() + 1;
    (line, column)
}

#[test]
fn the_bundled_flows_are_good() {
    let flows = format!("{}/flows", env!("CARGO_MANIFEST_DIR"));
    let finished = finish(flowctl(&["validate", &flows, "--deny", "warnings"]));
    finished.said(0, &["1 flow"]);
    assert_eq!(finished.stdout, "");
    let json = finish(flowctl(&["validate", &flows, "--format", "json"]));
    json.said(0, &[]);
    assert_eq!(json.stdout.trim(), "[]");
    assert_eq!(json.stderr, "");
}

#[test]
fn json_has_what_a_program_needs() {
    let project = Project::copied();
    project.change(MAP_FILE, "= total.currency", "= totl.currency");
    let finished = validate(&project, &["--format", "json"]);
    assert_eq!(finished.code, Some(1));
    let all: Vec<serde_json::Value> = serde_json::from_str(&finished.stdout).expect("a list");
    let finding = all.iter().find(|finding| finding["message"].to_string().contains("totl")).expect("the finding");
    let (line, column) = place(&project, MAP_FILE, "totl.currency");
    assert_eq!(finding["severity"], "error");
    assert_eq!(finding["path"], MAP_FILE);
    assert_eq!((&finding["line"], &finding["column"]), (&line.into(), &column.into()));
    assert_eq!((&finding["end_line"], &finding["end_column"]), (&line.into(), &(column + 4).into()));
    let code = finding["code"].as_str().expect("a code");
    assert!(code.len() == 5 && code.starts_with('F'), "{code}");
    assert!(finding.to_string().contains("total"), "a suggestion: {finding}");
    let explained = finish(flowctl(&["explain", code]));
    explained.said(0, &[]);
    assert!(explained.stdout.len() > 50, "{explained:?}");
}

#[test]
fn warnings_pass_unless_denied() {
    let project = Project::copied();
    let map = project.read(MAP_FILE);
    project.write(
        MAP_FILE,
        &format!("{map}\nfn unused(a: int) -> int = a\ntable nothing: text -> text {{ else => \"\" }}\n"),
    );
    let all = findings(&project);
    assert!(!all.is_empty() && all.iter().all(|finding| finding["severity"] == "warning"), "{all:?}");
    assert_eq!(validate(&project, &[]).code, Some(0));
    assert_eq!(validate(&project, &["--deny", "warnings"]).code, Some(1));
}

#[test]
fn text_names_file_line_and_column() {
    let project = Project::copied();
    project.change(FLOW_FILE, "key: event.data.object.customer", "key: event.data.object.custmer");
    let (line, column) = place(&project, FLOW_FILE, "custmer");
    let finished = validate(&project, &[]);
    finished.said(1, &[&format!("{FLOW_FILE}:{line}:{column}"), "customer"]);
    assert_eq!(finished.stdout, "", "findings for people go to stderr");
}

/// What stands in a `|` block loses its indent before it is parsed; the place is the file's all the same.
#[test]
fn places_inside_a_block_are_those_of_the_file() {
    let project = Project::copied();
    let written = "      key: |\n        { CustomerAccount = steps.named }\n";
    let longer = "      key: |\n        // wörter vor der Stelle\n\n        { CustomerAccount = steps.nomed }\n";
    project.change(FLOW_FILE, written, longer);
    let (line, column) = place(&project, FLOW_FILE, "nomed");
    let found = places(&project, FLOW_FILE);
    assert!(
        found.iter().any(|found| found.ends_with(&format!(" {line}:{column}"))),
        "{line}:{column} is not in {found:?}"
    );
}

#[test]
fn places_behind_escapes_and_wide_letters_are_those_of_the_file() {
    let project = Project::copied();
    let written = "message: 'several F&O customers could be the buyer of {event.data.object.id}: write";
    project.change(
        FLOW_FILE,
        written,
        "message: 'several \u{1f600} F&O customers — it''s {event.data.object.iid}: write",
    );
    let (line, column) = place(&project, FLOW_FILE, "iid}");
    let found = places(&project, FLOW_FILE);
    assert!(
        found.iter().any(|found| found.ends_with(&format!(" {line}:{column}"))),
        "{line}:{column} is not in {found:?}"
    );
}

#[test]
fn a_mistake_in_one_environment_is_found_without_naming_it() {
    let project = Project::copied();
    project.write("environments/prod.yaml", "settings:\n  zone: Europe/Oslo\n  unknown_produkt: reject\n");
    let finished = validate(&project, &[]);
    finished.said(1, &["environments/prod.yaml:3:3", "unknown_product"]);
}

#[test]
fn one_mistake_brings_no_others_along() {
    let project = Project::copied();
    let good = project.read(MAP_FILE);
    for (from, to) in [
        ("fn buyer(", "fn buyer(("),
        ("= total.currency", "= total.curency"),
        ("fn account_in(charge: stripe.charge,", "fn account_in(charge: stripe.chargee,"),
        ("\"JPY\"               => 150000", "\"JPY\"               => \"150000\""),
    ] {
        project.write(MAP_FILE, &good);
        project.change(MAP_FILE, from, to);
        let all = findings(&project);
        let (mistakes, rest): (Vec<_>, Vec<_>) = all.iter().partition(|finding| finding["path"] == MAP_FILE);
        assert!(
            matches!(mistakes.len(), 1 | 2) && mistakes.iter().all(|m| m["severity"] == "error"),
            "{to:?}: {all:?}"
        );
        // That the flow uses a file with errors is said once.
        assert_eq!(rest.iter().map(|finding| finding["code"].as_str()).collect::<Vec<_>>(), [Some("F0228")], "{to:?}");
    }
}

#[test]
fn where_there_is_nothing_to_validate_it_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().to_string_lossy().to_string();
    finish(flowctl(&["validate", &empty])).said(2, &["flowctl.yaml", &empty]);
    finish(flowctl(&["validate", &format!("{empty}/absent")])).said(2, &["absent", "does not exist"]);
    finish(flowctl(&["validate", "--formt", "json"])).said(2, &["--format"]);
    finish(flowctl(&["validate", &format!("{}/flows", env!("CARGO_MANIFEST_DIR")), "--env", "absent"]))
        .said(2, &["absent"]);
}
