use super::*;
use crate::diagnostics::{Diagnostic, Sources};
use crate::model::read::{Read, Reader};
use crate::model::yaml::{self, Core, Node, NodeKind};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

fn param(name: &str, kind: ParamKind, required: bool) -> ParamSchema {
    ParamSchema { name: name.into(), kind, required, description: format!("The {name}.") }
}

fn operation(name: &str, writes: bool, params: &[(&str, ParamKind, bool)]) -> OperationSchema {
    let params = params.iter().map(|(name, kind, required)| param(name, kind.clone(), *required)).collect();
    OperationSchema { name: name.into(), title: format!("What {name} does"), writes, polled: false, params }
}

fn operations() -> Vec<OperationSchema> {
    use ParamKind::*;
    let entity = || ("entity", Name(vec!["CustomersV3".into()]), true);
    vec![
        operation("paypal.orders.get", false, &[("key", Expr, true)]),
        operation("finops.list", false, &[entity(), ("where", Expr, false), ("all", Literal, false)]),
        operation("finops.create", true, &[entity(), ("body", Expr, true), ("find_by", Columns, false)]),
        operation("dataverse.create", true, &[entity(), ("body", Expr, true), ("find_by", Columns, false)]),
        operation("dataverse.changeset", true, &[("writes", Writes, true)]),
        operation("flow.run", true, &[("flow", Name(vec![]), true), ("with", Expr, false), ("wait", Literal, false)]),
    ]
}

fn systems() -> Vec<SystemSchema> {
    let key = |name: &str, kind: KeyKind| ConnectionKey {
        name: name.into(),
        kind,
        required: false,
        description: format!("The {name}."),
    };
    let system = |name: &str, connection| SystemSchema { name: name.into(), title: name.to_uppercase(), connection };
    let mode = || key("mode", KeyKind::OneOf(vec!["sandbox".into(), "live".into()]));
    let secret = |name: &str| key(name, KeyKind::Secret);
    let text = |name: &str| key(name, KeyKind::Text);
    vec![
        system("paypal", vec![mode(), text("client_id"), secret("client_secret")]),
        system("stripe", vec![mode(), secret("api_key")]),
        system("finops", vec![text("base_url"), text("company"), text("client_id"), secret("client_secret")]),
    ]
}

fn compiled(text: &str) -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(text).expect("JSON")).expect("a schema")
}

fn validator(kind: &str) -> jsonschema::Validator {
    compiled(&schemas(&operations(), &systems())[&format!("{kind}.schema.json")])
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

fn read_as(kind: &str, node: &Node) -> Vec<Diagnostic> {
    fn findings<T: Read>(node: &Node) -> Vec<Diagnostic> {
        let mut reader = Reader::default();
        T::read(node, &mut reader);
        reader.findings
    }
    match kind {
        "flow" => findings::<Flow>(node),
        "project" => findings::<ProjectFile>(node),
        "connections" => findings::<ConnectionsFile>(node),
        "environment" => findings::<EnvironmentFile>(node),
        _ => findings::<TestFile>(node),
    }
}

/// What our reader says: `code line:column message`.
fn findings(kind: &str, path: &Path, text: &str) -> (Vec<String>, Option<Node>) {
    let mut sources = Sources::default();
    let file = sources.add(path.to_string_lossy().as_ref(), text);
    let (found, node) = match yaml::parse(file, text) {
        Err(found) => (found, None),
        Ok(node) => (read_as(kind, &node), Some(node)),
    };
    let line = |finding: &Diagnostic| {
        let place = sources.position(finding.primary.as_ref().map(|label| label.span).unwrap_or_default());
        format!("{} {}:{} {}", finding.code, place.line, place.column, finding.message)
    };
    (found.iter().map(line).collect(), node)
}

fn files(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/model").join(folder);
    let all =
        walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(|entry| entry.expect("readable").into_path());
    all.filter(|path| path.is_file()).collect()
}

fn kind_of(path: &Path) -> &'static str {
    let path = path.to_string_lossy();
    let kinds = [
        (".flow.yaml", "flow"),
        (".test.yaml", "test"),
        ("flowctl.yaml", "project"),
        ("connections.yaml", "connections"),
    ];
    kinds.into_iter().find(|(end, _)| path.ends_with(end)).map_or("environment", |(_, kind)| kind)
}

#[test]
fn good_files_pass_both_reader_and_schema() {
    let paths = files("good");
    assert!(paths.len() >= 8);
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("readable");
        let (found, node) = findings(kind_of(&path), &path, &text);
        assert_eq!(found, Vec::<String>::new(), "{}", path.display());
        let json = as_json(&node.expect("a tree"));
        let errors: Vec<String> = validator(kind_of(&path))
            .iter_errors(&json)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn bad_files_fail_in_both_reader_and_schema() {
    let paths = files("bad");
    assert!(paths.len() >= 25);
    let mut wrong = vec![];
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("readable");
        let kind = path.parent().and_then(Path::file_name).expect("a folder").to_string_lossy().to_string();
        let (found, node) = findings(&kind, &path, &text);
        let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# ")).collect();
        if found != expected {
            wrong.push(format!("{}: the reader says {found:#?}", path.display()));
        }
        if node.is_none_or(|node| validator(&kind).is_valid(&as_json(&node))) {
            wrong.push(format!("{}: the schema says nothing", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Values of every kind, to be put where others stood.
const OTHERS: &[&str] = &[
    "x",
    "1",
    "-1",
    "1.5",
    "true",
    "null",
    "''",
    "two words",
    "[]",
    "[x]",
    "{}",
    "{ setting: x }",
    "30s",
    "20/s",
    "One",
];

/// All values in a tree, itself included.
fn size(node: &Node) -> usize {
    1 + match &node.kind {
        NodeKind::Sequence(items) => items.iter().map(size).sum(),
        NodeKind::Mapping(entries) => entries.iter().map(|(_, value)| size(value)).sum(),
        NodeKind::Scalar(_) => 0,
    }
}

/// The value at that place, counted as [`size`] does.
fn value_at(node: &mut Node, place: usize) -> &mut Node {
    if place == 0 {
        return node;
    }
    let inside: Vec<&mut Node> = match &mut node.kind {
        NodeKind::Sequence(items) => items.iter_mut().collect(),
        NodeKind::Mapping(entries) => entries.iter_mut().map(|(_, value)| value).collect(),
        NodeKind::Scalar(_) => vec![],
    };
    let mut before = 1;
    for value in inside {
        let size = size(value);
        if place < before + size {
            return value_at(value, place - before);
        }
        before += size;
    }
    panic!("no such place")
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    /// What is changed in a good file is seen by both, or by neither. Without a catalogue: the reader has none.
    #[test]
    fn reader_and_schema_agree(file: usize, place: usize, how in 0..4, other: usize) {
        static SCHEMAS: LazyLock<BTreeMap<String, jsonschema::Validator>> = LazyLock::new(|| {
            schemas(&[], &[]).into_iter().map(|(name, text)| (name, compiled(&text))).collect()
        });
        let paths = files("good");
        let path = &paths[file % paths.len()];
        let text = std::fs::read_to_string(path).expect("readable");
        let mut node = yaml::parse(Default::default(), &text).expect("YAML");
        let place = place % size(&node);
        let target = value_at(&mut node, place);
        match &mut target.kind {
            NodeKind::Mapping(entries) if how == 0 && !entries.is_empty() => drop(entries.remove(other % entries.len())),
            NodeKind::Mapping(entries) if how == 1 && !entries.is_empty() => {
                let n = other % entries.len();
                entries[n].0.text = format!("{}x", entries[n].0.text).into();
            }
            _ => *target = yaml::parse(Default::default(), OTHERS[other % OTHERS.len()]).expect("YAML"),
        }
        let kind = kind_of(path);
        let found: Vec<String> = read_as(kind, &node).iter().map(|finding| finding.message.clone()).collect();
        let json = as_json(&node);
        let errors = SCHEMAS[&format!("{kind}.schema.json")].iter_errors(&json);
        let errors: Vec<String> = errors.map(|error| format!("{}: {error}", error.instance_path())).collect();
        let agree = found.is_empty() == errors.is_empty();
        proptest::prop_assert!(agree, "{}:\nreader {found:#?}\nschema {errors:#?}", path.display());
    }
}

#[test]
fn an_operation_brings_its_own_keys() {
    let check = |lookup: &str| {
        let text = format!("flow: a\ntrigger: {{ flow: {{}} }}\nsteps:\n  - id: x\n    lookup: {{ {lookup} }}\n");
        validator("flow").is_valid(&as_json(&yaml::parse(Default::default(), &text).expect("YAML")))
    };
    assert!(check("operation: paypal.orders.get, key: a, on_missing: continue"));
    assert!(!check("operation: paypal.orders.get, kee: a"), "a typo");
    assert!(!check("operation: paypal.orders.get"), "a required parameter");
    assert!(!check("operation: finops.create, entity: CustomersV3, body: a"), "a lookup does not write");
    assert!(!check("operation: paypal.orders.gett, key: a"), "no such operation");
}

#[test]
fn schemas_have_the_shape_that_editors_like() {
    let all = schemas(&operations(), &systems());
    assert_eq!(all, schemas(&operations(), &systems()), "the same each time");
    for (name, text) in &all {
        assert!(text.ends_with("}\n"), "{name}");
        assert!(!text.contains("\"oneOf\""), "{name}: enums are enums");
        assert!(!text.contains("\"null\"\n      ]"), "{name}: an Option is not null");
    }
    let flow: Value = serde_json::from_str(&all["flow.schema.json"]).expect("JSON");
    let step = &flow["$defs"]["Step"];
    assert_eq!(step["required"], serde_json::json!(["id"]));
    assert_eq!(step["additionalProperties"], false);
    assert_eq!(step["properties"]["call"]["$ref"], "#/$defs/Call");
    assert_eq!(step["properties"]["call"]["type"], "object");
    assert!(step["else"]["errorMessage"].as_str().is_some_and(|text| text.starts_with("A step has exactly one of: ")));
    let create = flow["$defs"]["Call"]["allOf"].as_array().and_then(|all| all.first()).expect("an operation");
    assert_eq!(create["if"]["properties"]["operation"]["const"], "finops.create");
    assert_eq!(create["then"]["additionalProperties"], false);
    let severity = &flow["$defs"]["Alert"]["properties"]["severity"];
    assert_eq!(severity["else"]["enum"], serde_json::json!(["info", "warning", "error"]));
    assert!(severity["else"]["enumDescriptions"].is_array());
}

#[test]
fn the_schemas_in_the_repository_are_those_of_the_catalogue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    for (name, text) in of(&Catalog::bundled()) {
        let path = folder.join(&name);
        if std::env::var_os("FLOWCTL_WRITE_SCHEMAS").is_some() {
            std::fs::write(&path, &text).expect("written");
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == text,
            "schemas/{name} is not what the code says: run this test with FLOWCTL_WRITE_SCHEMAS=1"
        );
    }
}

#[test]
fn the_bundled_flows_pass_both_reader_and_schemas() {
    let all = of(&Catalog::bundled());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    for entry in walkdir::WalkDir::new(&root).sort_by_file_name() {
        let path = entry.expect("readable").into_path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("readable");
        let kind = kind_of(&path);
        let (found, node) = findings(kind, &path, &text);
        assert_eq!(found, Vec::<String>::new(), "{}", path.display());
        let json = as_json(&node.expect("a tree"));
        let schema = compiled(&all[&format!("{kind}.schema.json")]);
        let errors: Vec<String> = schema.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn what_only_a_poll_takes_is_offered_to_no_step() {
    let mut all = operations();
    all.push(OperationSchema {
        polled: true,
        ..operation("dataverse.changes", false, &[("entity", ParamKind::Name(vec!["contacts".into()]), true)])
    });
    let validator = compiled(&schemas(&all, &systems())["flow.schema.json"]);
    let flow = |trigger: &str, step: &str| {
        let text = format!("flow: a\ntrigger: {{ {trigger} }}\nsteps: [{{ id: a, {step} }}]\n");
        let value: Value = serde_yaml::from_str(&text).expect("YAML");
        validator.is_valid(&value)
    };
    let asks = "operation: dataverse.changes, entity: contacts";
    assert!(flow(&format!("poll: {{ {asks}, every: 5m }}"), "transform: 1"));
    assert!(!flow("schedule: { cron: '@daily', zone: UTC }", &format!("lookup: {{ {asks} }}")));
}
