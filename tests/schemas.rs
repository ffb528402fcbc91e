//! The schemas that editors use say what the loader says, with the real catalogue and on every file that we have.

#[path = "schemas/flows.rs"]
mod flows;
mod support;

use flowctl::catalog::Catalog;
use flowctl::diagnostics::{Code, Severity, Sources};
use flowctl::model::Project;
use flowctl::model::yaml::{self, Core, Node, NodeKind};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::process::{finish, flowctl};

const KINDS: [&str; 5] = ["connections", "environment", "flow", "project", "test"];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let all =
        walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(|entry| entry.expect("readable").into_path());
    all.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
}

fn kind_of(path: &Path) -> &'static str {
    let name = path.file_name().expect("a name").to_string_lossy();
    match name.as_ref() {
        "flowctl.yaml" => "project",
        "connections.yaml" => "connections",
        name if name.ends_with(".flow.yaml") => "flow",
        name if name.ends_with(".test.yaml") => "test",
        _ => "environment",
    }
}

/// Where a file of that kind stands in a project.
fn place_of(kind: &str) -> &'static str {
    match kind {
        "project" => "flowctl.yaml",
        "connections" => "connections.yaml",
        "flow" => "a/a.flow.yaml",
        "test" => "a/a.test.yaml",
        _ => "environments/a.yaml",
    }
}

/// What the loader says of a file in its place in a project.
fn loaded(kind: &str, text: &str) -> Vec<String> {
    let mut files: BTreeMap<String, Arc<str>> = BTreeMap::new();
    files.insert("flowctl.yaml".into(), "project: p\nversion: 1\n".into());
    files.insert(place_of(kind).into(), text.into());
    let (project, sources, mut found): (_, Sources, _) = Project::from_files(&files);
    found.extend(
        project.effective(None).map_or_else(|finding| vec![finding], |effective| effective.check(&Catalog::bundled())),
    );
    let errors = found.into_iter().filter(|finding| finding.severity == Severity::Error);
    errors
        .filter(|finding| {
            let path = finding.primary.as_ref().map(|label| sources.get(label.span.file).path.to_string());
            // What another file would have to declare (a setting, a connection) is no matter of this one's shape.
            path.as_deref() == Some(place_of(kind)) && finding.code != Code::F0402
        })
        .map(|finding| finding.message)
        .collect()
}

fn as_json(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Sequence(items) => items.iter().map(as_json).collect(),
        NodeKind::Mapping(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.text.to_string(), as_json(value))).collect())
        }
        NodeKind::Scalar(scalar) => match scalar.core() {
            Core::Null => Value::Null,
            Core::Bool(flag) => flag.into(),
            Core::Number => serde_json::from_str(&scalar.text).expect("a JSON number"),
            Core::NotFinite | Core::Text => Value::String(scalar.text.to_string()),
        },
    }
}

/// What the committed schema of its kind says of a file.
fn by_schema(kind: &str, text: &str) -> Vec<String> {
    let schema = std::fs::read_to_string(repository(&format!("schemas/{kind}.schema.json"))).expect("a schema");
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).expect("JSON")).expect("a schema");
    match yaml::parse(Default::default(), text) {
        Err(found) => found.into_iter().map(|finding| finding.message).collect(),
        Ok(node) => {
            let json = as_json(&node);
            schema.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect()
        }
    }
}

#[test]
fn the_committed_schemas_are_those_that_the_command_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    finish(flowctl(&["schema", "--write", &folder.path().to_string_lossy()])).said(0, &[]);
    let mut written: Vec<String> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into())
        .collect();
    written.sort();
    assert_eq!(written, KINDS.map(|kind| format!("{kind}.schema.json")));
    for name in written {
        let ours = std::fs::read_to_string(repository("schemas").join(&name)).unwrap_or_default();
        let made = std::fs::read_to_string(folder.path().join(&name)).expect("written");
        assert!(ours == made, "schemas/{name} is old: run `flowctl schema --write schemas`");
    }
    for kind in KINDS {
        let printed = finish(flowctl(&["schema", kind]));
        printed.said(0, &[]);
        assert_eq!(
            printed.stdout,
            std::fs::read_to_string(repository(&format!("schemas/{kind}.schema.json"))).expect("there")
        );
    }
    finish(flowctl(&["schema", "flows"])).said(2, &["flows"]);
}

#[test]
fn the_bundled_files_pass_both_and_name_their_schema() {
    let paths = yaml_files(&repository("flows"));
    assert!(paths.len() >= 4, "{paths:?}");
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("readable");
        let kind = kind_of(&path);
        assert_eq!(loaded(kind, &text), Vec::<String>::new(), "{}", path.display());
        assert_eq!(by_schema(kind, &text), Vec::<String>::new(), "{}", path.display());
        let first = text.lines().next().unwrap_or_default();
        let named = first
            .strip_prefix("# yaml-language-server: $schema=")
            .unwrap_or_else(|| panic!("{}: {first}", path.display()));
        let schema = path.parent().expect("a folder").join(named).canonicalize();
        let expected = repository(&format!("schemas/{kind}.schema.json")).canonicalize().expect("there");
        assert_eq!(schema.ok(), Some(expected), "{} names {named}", path.display());
    }
}

#[test]
fn what_is_bad_is_bad_to_both() {
    let paths = yaml_files(&repository("tests/model/bad"));
    assert!(paths.len() >= 25);
    let mut wrong = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("readable");
        let kind = path.parent().and_then(Path::file_name).expect("a folder").to_string_lossy().to_string();
        if loaded(&kind, &text).is_empty() {
            wrong.push(format!("{}: the loader takes it", path.display()));
        }
        if by_schema(&kind, &text).is_empty() {
            wrong.push(format!("{}: the schema takes it", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Single mistakes in the bundled files, of the kinds that people make.
#[test]
fn a_mistake_in_a_good_file_is_seen_by_both() {
    let flow = std::fs::read_to_string(repository("flows").join(support::project::FLOW_FILE)).expect("readable");
    let project = std::fs::read_to_string(repository("flows/flowctl.yaml")).expect("readable");
    let connections = std::fs::read_to_string(repository("flows/connections.yaml")).expect("readable");
    let test = std::fs::read_to_string(repository("flows/stripe-dynamics-365/tests/charge-to-sales-order.test.yaml"))
        .expect("readable");
    let mistakes: &[(&str, &str, &str, &str)] = &[
        ("flow", &flow, "trigger:\n", "triger:\n"),
        ("flow", &flow, "flow: stripe-charge-to-sales-order", "flow: Stripe Charge"),
        ("flow", &flow, "  - id: header\n", "  - id: Header\n"),
        ("flow", &flow, "  - id: header\n", "  - \n"),
        ("flow", &flow, "on_missing: continue\n\n  - id: named", "on_missing: maybe\n\n  - id: named"),
        (
            "flow",
            &flow,
            "      concurrency: 4\n      steps:\n        - id: product",
            "      concurrency: four\n      steps:\n        - id: product",
        ),
        ("flow", &flow, "    transform: charge_lines(event.data.object)", "    transform: [charge_lines]"),
        (
            "flow",
            &flow,
            "    transform: charge_lines(event.data.object)",
            "    transform: a\n    call: { operation: b }",
        ),
        (
            "flow",
            &flow,
            "        result: steps.new_customer.CustomerAccount",
            "        resultt: steps.new_customer.CustomerAccount",
        ),
        ("project", &project, "version: 1", "version: '1.5'"),
        ("project", &project, "type: bool,", "type: boolean,"),
        ("connections", &connections, "  d365:\n    system: finops", "  d365:\n    sytem: finops"),
        ("connections", &connections, "path: /hooks/stripe", "pth: /hooks/stripe"),
        ("connections", &connections, "api_key: env://STRIPE_API_KEY", "api_key: sk_live_in_clear"),
        (
            "test",
            &test,
            "    expect:\n      run: succeeded\n      steps: { account: US-001 }",
            "    expects:\n      run: succeeded\n      steps: { account: US-001 }",
        ),
        ("test", &test, "      waited: 2s", "      waited: soon"),
    ];
    let mut wrong = Vec::new();
    for (kind, text, from, to) in mistakes {
        assert!(text.contains(from), "{from:?} is in the {kind} file");
        let text = text.replacen(from, to, 1);
        if loaded(kind, &text).is_empty() {
            wrong.push(format!("{to:?}: the loader takes it"));
        }
        if by_schema(kind, &text).is_empty() {
            wrong.push(format!("{to:?}: the schema takes it"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Flows at random, good ones and ones with a slip: what the loader refuses the schema refuses, too, and what the schema
/// refuses does not compile. More of them with `FLOWS=100000 cargo test --test schemas`, others with `FLOWS_SEED=2`.
#[test]
fn schema_and_loader_say_the_same_of_flows_at_random() {
    let given =
        |name: &str, unless: u64| std::env::var(name).map_or(unless, |number| number.parse().expect("a number"));
    let (flows, seed) = (given("FLOWS", 300), given("FLOWS_SEED", 1));
    let schema = std::fs::read_to_string(repository("schemas/flow.schema.json")).expect("a schema");
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).expect("JSON")).expect("a schema");
    let catalog = Catalog::bundled();
    let (mut wrong, mut good, mut bad) = (Vec::new(), 0, 0);
    for n in 0..flows {
        let mut maker = flows::Maker::new(seed.wrapping_mul(1_000_003).wrapping_add(n));
        let mut piece = maker.flow();
        for _ in 0..n % 3 {
            piece = maker.slip(&piece);
        }
        let text = flows::yaml(&piece);
        let by_loader = loaded("flow", &text);
        let by_schema: Vec<String> = match yaml::parse(Default::default(), &text) {
            Err(found) => found.into_iter().map(|finding| finding.message).collect(),
            Ok(node) => {
                let json = as_json(&node);
                schema.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect()
            }
        };
        if by_schema.is_empty() {
            good += 1
        } else {
            bad += 1
        }
        let differ = match (by_loader.is_empty(), by_schema.is_empty()) {
            (false, true) => true,
            (true, false) => compiled(&text, &catalog).1.is_empty(),
            _ => false,
        };
        if differ {
            wrong.push(format!("loader {by_loader:?}\nschema {by_schema:?}\n{text}"));
        }
    }
    println!("{good} good and {bad} bad flows");
    let shown = wrong.iter().take(8).cloned().collect::<Vec<_>>().join("\n----\n");
    assert!(wrong.is_empty(), "{} of {flows}:\n{shown}", wrong.len());
    assert!(good > flows / 4 && bad > flows / 4, "{good} good, {bad} bad");
}

/// A flow in a small project, and the errors in it.
fn compiled(text: &str, catalog: &Catalog) -> (Option<flowctl::graph::project::Flow>, Vec<String>) {
    let files: BTreeMap<String, Arc<str>> = BTreeMap::from([
        ("flowctl.yaml".into(), "project: p\nversion: 1\n".into()),
        ("connections.yaml".into(), CONNECTIONS.into()),
        ("a/a.flow.yaml".into(), text.into()),
    ]);
    let (project, sources, mut found) = Project::from_files(&files);
    let effective = project.effective(None).expect("an environment");
    let compiled = flowctl::graph::project::compile(&project, &effective, sources, catalog);
    found.extend(compiled.findings);
    let errors = found.iter().filter(|finding| finding.severity == Severity::Error);
    let errors = errors.map(|finding| format!("{} {}", finding.code, finding.message)).collect();
    (compiled.flows.into_iter().next(), errors)
}

const CONNECTIONS: &str = "connections:
  stripe:
    system: stripe
    mode: sandbox
    api_key: env://KEY
    webhook: { path: /hooks/stripe, secrets: [env://WHSEC] }
  d365:
    system: finops
    base_url: https://contoso.example
    company: usmf
    tenant: 8c1d2b1e-0000-4000-8000-000000000000
    client_id: env://ID
    client_secret: env://SECRET
";

/// What `validate` takes, a runtime loads: also from the sources alone that a revision is, where the project is long
/// another, and to the same graph.
#[test]
fn what_is_valid_is_loaded_from_its_revision() {
    let catalog = Catalog::bundled();
    let (mut valid, mut refused) = (0, BTreeMap::<String, usize>::new());
    for n in 0..150 {
        let mut maker = flows::Maker::new(7_000_003 + n);
        let text = flows::yaml(&maker.flow());
        let (flow, errors) = compiled(&text, &catalog);
        let flow = flow.unwrap_or_else(|| panic!("{errors:?}\n{text}"));
        assert_eq!(errors.is_empty(), flow.graph.is_some(), "{errors:?}\n{text}");
        let Some(graph) = flow.graph else {
            for error in errors {
                *refused.entry(error).or_default() += 1;
            }
            continue;
        };
        valid += 1;
        let again = flowctl::graph::project::recompile(&flow.revision, &catalog);
        let again = again.unwrap_or_else(|findings| panic!("{findings:?}\n{text}"));
        let drawn = |graph: &flowctl::graph::ExecutionGraph| flowctl::graph::render::mermaid(graph);
        assert_eq!(drawn(&graph), drawn(&again), "{text}");
    }
    println!("{valid} of 150 are valid; refused: {refused:#?}");
    assert!(valid > 75, "{valid} valid: {refused:#?}");
}
