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
    finished.said(0, &["flows, nothing to say"]);
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

/// What ends how, in a table: a script branches on it.
#[test]
fn the_exit_status_says_what_was_found() {
    let good = Project::copied();
    let warned = Project::copied();
    warned.write(MAP_FILE, &format!("{}\nfn unused(a: int) -> int = a\n", warned.read(MAP_FILE)));
    let noted = Project::copied();
    noted.change("flowctl.yaml", "settings:\n", "settings:\n  idle: { type: int, default: 1 }\n");
    let wrong = Project::copied();
    wrong.change(FLOW_FILE, "key: event.data.object.customer", "key: event.data.object.custmer");
    let wrong_in_prod = Project::copied();
    wrong_in_prod.write("environments/prod.yaml", "settings: { zon: UTC }\n");
    wrong_in_prod.write("environments/test.yaml", "settings: { zone: UTC }\n");
    let table: &[(&str, &Project, &[&str], i32)] = &[
        ("good", &good, &[], 0),
        ("good, warnings denied", &good, &["--deny", "warnings"], 0),
        ("a note", &noted, &[], 0),
        ("a note, warnings denied", &noted, &["--deny", "warnings"], 0),
        ("a warning", &warned, &[], 0),
        ("a warning, warnings denied", &warned, &["--deny", "warnings"], 1),
        ("an error", &wrong, &[], 1),
        ("an error, warnings denied", &wrong, &["--deny", "warnings"], 1),
        ("an error in some environment", &wrong_in_prod, &[], 1),
        ("an environment that there is not", &good, &["--env", "absent"], 2),
        ("an option that there is not", &good, &["--denny", "warnings"], 2),
        ("a format that there is not", &good, &["--format", "xml"], 2),
        ("a path that there is not", &good, &["/absent/at/all"], 2),
    ];
    for (what, project, more, code) in table {
        assert_eq!(validate(project, more).code, Some(*code), "{what}");
        if ["good", "a warning, warnings denied", "an error"].contains(what) {
            for format in ["json", "sarif", "github", "junit"] {
                let with = [more.to_vec(), vec!["--format", format]].concat();
                assert_eq!(validate(project, &with).code, Some(*code), "{what}, {format}");
            }
        }
    }
}

/// A path of the project means what stands there and what it is made of.
#[test]
fn paths_narrow_what_is_said() {
    let project = Project::copied();
    project.write("other/other.flow.yaml", "flow: other\ntrigger: { webhook: { connection: stripe, events: [charge.succeeded] } }\nsteps: [{ id: a, transform: oops }]\n");
    let of = |paths: &[&str]| {
        let paths: Vec<String> = paths.iter().map(|path| project.root().join(path).to_string_lossy().into()).collect();
        let mut args = vec!["validate"];
        args.extend(paths.iter().map(String::as_str));
        finish(flowctl(&args))
    };
    of(&["."]).said(1, &["oops", "other/other.flow.yaml:3:"]);
    of(&["other"]).said(1, &["oops"]);
    of(&["other/other.flow.yaml", FLOW_FILE]).said(1, &["oops"]);
    of(&[FLOW_FILE]).said(0, &["1 finding elsewhere in the project not shown"]);
    // A flow stands on its mappings and on the root's files.
    project.change(MAP_FILE, "= total.currency", "= totl.currency");
    of(&[FLOW_FILE]).said(1, &["totl", "elsewhere"]);
    of(&["other"]).said(1, &["oops"]);
    project.change("connections.yaml", "system: finops", "system: finop");
    of(&["other"]).said(1, &["finop"]);
}

/// SARIF as its schema has it, in what we write.
#[test]
fn sarif_is_of_version_2_1_0() {
    let place = serde_json::json!({
        "type": "object", "required": ["artifactLocation", "region"],
        "properties": {
            "artifactLocation": { "type": "object", "required": ["uri"], "properties": { "uri": { "type": "string", "format": "uri-reference", "pattern": "^[^/ \\\\]" }, "uriBaseId": { "const": "%SRCROOT%" } }, "additionalProperties": false },
            "region": { "type": "object", "required": ["startLine", "startColumn", "endLine", "endColumn"],
                "properties": { "startLine": { "type": "integer", "minimum": 1 }, "startColumn": { "type": "integer", "minimum": 1 }, "endLine": { "type": "integer", "minimum": 1 }, "endColumn": { "type": "integer", "minimum": 1 } }, "additionalProperties": false },
        },
        "additionalProperties": false,
    });
    let text = serde_json::json!({ "type": "object", "required": ["text"], "properties": { "text": { "type": "string" }, "markdown": { "type": "string" } }, "additionalProperties": false });
    let location = serde_json::json!({ "type": "object", "properties": { "id": { "type": "integer", "minimum": 0 }, "physicalLocation": place, "message": text }, "additionalProperties": false });
    let replacement = serde_json::json!({ "type": "object", "required": ["deletedRegion"], "properties": { "deletedRegion": place["properties"]["region"], "insertedContent": text }, "additionalProperties": false });
    let change = serde_json::json!({ "type": "object", "required": ["artifactLocation", "replacements"], "properties": { "artifactLocation": place["properties"]["artifactLocation"], "replacements": { "type": "array", "minItems": 1, "items": replacement } }, "additionalProperties": false });
    let result = serde_json::json!({
        "type": "object", "required": ["message", "ruleId", "ruleIndex", "level", "locations"],
        "properties": {
            "ruleId": { "type": "string" }, "ruleIndex": { "type": "integer", "minimum": 0 }, "level": { "enum": ["none", "note", "warning", "error"] }, "message": text,
            "locations": { "type": "array", "items": location }, "relatedLocations": { "type": "array", "items": location },
            "fixes": { "type": "array", "items": { "type": "object", "required": ["artifactChanges"], "properties": { "artifactChanges": { "type": "array", "minItems": 1, "items": change } }, "additionalProperties": false } },
        },
        "additionalProperties": false,
    });
    let rule = serde_json::json!({ "type": "object", "required": ["id"], "properties": { "id": { "type": "string" }, "shortDescription": text, "help": text }, "additionalProperties": false });
    let driver = serde_json::json!({ "type": "object", "required": ["name"], "properties": { "name": { "const": "flowctl" }, "semanticVersion": { "type": "string" }, "rules": { "type": "array", "uniqueItems": true, "items": rule } }, "additionalProperties": false });
    let schema = serde_json::json!({
        "type": "object", "required": ["version", "runs"],
        "properties": {
            "$schema": { "type": "string", "format": "uri" }, "version": { "const": "2.1.0" },
            "runs": { "type": "array", "minItems": 1, "maxItems": 1, "items": { "type": "object", "required": ["tool", "results"], "properties": {
                "tool": { "type": "object", "required": ["driver"], "properties": { "driver": driver }, "additionalProperties": false },
                "columnKind": { "enum": ["utf16CodeUnits", "unicodeCodePoints"] }, "results": { "type": "array", "items": result } }, "additionalProperties": false } },
        },
        "additionalProperties": false,
    });
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let project = Project::copied();
    project.change(MAP_FILE, "= total.currency", "= total.curency");
    project.write("other flow/ä.flow.yaml", "flow: a\nflow: b\n");
    let finished = validate(&project, &["--format", "sarif"]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(1), ""));
    let log: serde_json::Value = serde_json::from_str(&finished.stdout).expect("JSON");
    let wrong: Vec<String> =
        schema.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{log:#}");
    let run = &log["runs"][0];
    let results = run["results"].as_array().expect("results");
    assert!(results.len() >= 3, "{results:#?}");
    for result in results {
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
    let twice = results.iter().find(|result| result["ruleId"] == "F0301").expect("the doubled key");
    let location = &twice["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "other%20flow/%C3%A4.flow.yaml");
    assert_eq!((&location["region"]["startLine"], &location["region"]["startColumn"]), (&2.into(), &1.into()));
    assert_eq!(twice["relatedLocations"].as_array().map(Vec::len), Some(1));
    assert!(
        results
            .iter()
            .any(|result| result["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"]
                == "currency")
    );
}

/// Paths are those from the folder where it was called: a pull request finds its files.
#[test]
fn programs_get_paths_from_where_they_stand() {
    let project = Project::copied();
    project.change(FLOW_FILE, "key: event.data.object.customer", "key: event.data.object.custmer");
    let above = project.root().parent().expect("a folder").to_path_buf();
    let name = project.root().file_name().expect("a name").to_string_lossy().into_owned();
    for format in ["github", "sarif", "junit"] {
        let mut command = flowctl(&["validate", &name, "--format", format]);
        command.current_dir(&above);
        let finished = finish(command);
        assert!(finished.stdout.contains(&format!("{name}/{FLOW_FILE}")), "{format}: {}", finished.stdout);
    }
    let github = validate(&project, &["--format", "github"]).stdout;
    assert!(github.lines().count() == 1 && github.starts_with("::error file="), "{github}");
    let junit = validate(&project, &["--format", "junit"]).stdout;
    assert!(junit.contains("failures=\"1\"") && junit.matches("<testcase ").count() > 3, "{junit}");
}

/// Nothing is asked of anybody: it works where there is no network at all, and without the secrets.
#[test]
fn it_works_without_a_network() {
    let flows = format!("{}/flows", env!("CARGO_MANIFEST_DIR"));
    let isolated = |args: &[&str]| {
        let mut command = std::process::Command::new("unshare");
        command.args(["--map-root-user", "--net"]).args(args);
        command
    };
    let possible = isolated(&["true"]).output().is_ok_and(|output| output.status.success());
    let mut command = match possible {
        true => isolated(&[env!("CARGO_BIN_EXE_flowctl")]),
        // Not everywhere may one make a network of one's own; then a proxy that nobody answers has to do.
        false => std::process::Command::new(env!("CARGO_BIN_EXE_flowctl")),
    };
    command
        .args(["validate", &flows, "--deny", "warnings"])
        .env("https_proxy", "http://127.0.0.1:9")
        .env("NO_COLOR", "1");
    finish(command).said(0, &["nothing to say"]);
}

#[test]
fn it_tells_why_a_repeat_is_safe() {
    let flows = format!("{}/flows", env!("CARGO_MANIFEST_DIR"));
    let finished = finish(flowctl(&["validate", &flows, "--explain-repeats"]));
    finished.said(0, &[]);
    assert!(finished.stdout.contains("finops.create: a retry looks for its own row by"), "{}", finished.stdout);
    assert!(finished.stdout.contains(": it only reads"), "{}", finished.stdout);
}

/// F0331, F0332, F0333: what is wrong with a file before its text is known.
#[test]
fn files_that_cannot_be_read_are_named() {
    let project = Project::copied();
    let write = |path: &str, bytes: &[u8]| std::fs::write(project.root().join(path), bytes).expect("written");
    write("latin.map", b"fn f(a: int) -> text = \"caf\xe9\"\n");
    finish(flowctl(&["validate", &project.root().to_string_lossy()]))
        .said(1, &["F0332", "latin.map", "not UTF-8 (line 1)"]);
    write("latin.map", &vec![b' '; (16 << 20) + 1]);
    finish(flowctl(&["validate", &project.root().to_string_lossy()]))
        .said(1, &["F0333", "latin.map", "larger than 16 MiB"]);
    std::fs::remove_file(project.root().join("latin.map")).expect("removed");
    std::fs::create_dir(project.root().join("locked")).expect("made");
    std::os::unix::fs::symlink("/proc/self/mem", project.root().join("locked/a.map")).expect("linked");
    // Links are not followed: nothing is read there, and nothing is wrong.
    finish(flowctl(&["validate", &project.root().to_string_lossy()])).said(0, &["nothing to say"]);
}
