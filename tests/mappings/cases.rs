//! Whole integrations' mappings, each a project in its own folder: compiled as a project is, without a single finding,
//! and evaluated on payloads.
//!
//! `cases.md` in the folder has a section per case: list lines `- NAME: TYPE = FILE` name payloads (from `payloads/`),
//! `- NAME.path = JSON` changes one of them or a setting for this case; a `map` block is the expression, the `json` block
//! behind it what goes out, to the letter, and an `error` block the `error.code` and a part of the message. `BLESS=1`
//! writes what was got into the file.

use flowctl::catalog::{Catalog, Types};
use flowctl::diagnostics::{FileId, Source, Sources, render};
use flowctl::language::check::SlotScope;
use flowctl::language::evaluate::{Context, Limits};
use flowctl::language::shape::conform;
use flowctl::language::types::{Type, TypeSource};
use flowctl::language::{Inputs, Library, SourceText};
use flowctl::model::{Effective, Project};
use flowctl::value::{Record, Text, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

struct Compiled {
    folder: PathBuf,
    sources: Sources,
    effective: Effective,
    types: Types,
    library: Library,
}

fn texts(folder: &Path, root: &Path, found: &mut BTreeMap<String, Arc<str>>) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        match path.is_dir() {
            true if name != "payloads" => texts(&path, root, found),
            false if name != "cases.md" => {
                found.insert(name, std::fs::read_to_string(&path).unwrap().into());
            }
            _ => {}
        }
    }
}

fn compile(name: &str) -> Compiled {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mappings").join(name);
    let mut found = BTreeMap::new();
    texts(&folder, &folder, &mut found);
    let (project, mut sources, mut findings) = Project::from_files(&found);
    let effective = project.effective(None).unwrap();
    let own: Vec<(FileId, Source)> = effective.files.values().map(|file| (*file, sources.get(*file))).collect();
    let (types, more) = Types::new(&Catalog::bundled(), own.iter().map(|(file, source)| (*file, source)));
    findings.extend(more);
    let inputs = Inputs { files: &effective.files, types: &types, settings: effective.settings_type.clone() };
    let (library, more) = Library::compile(&inputs, &mut sources);
    findings.extend(more);
    findings.extend(library.unused_tables());
    assert!(findings.is_empty(), "{}", render::text(&findings, &sources, false));
    Compiled { folder, sources, effective, types, library }
}

impl Compiled {
    /// What a case gives, in the words of `cases.md`: `json …` or `error …`.
    fn gives(&mut self, case: &Case) -> (&'static str, String) {
        let mut payloads: Vec<(Text, Type, Value)> = vec![];
        let mut settings = self.effective.settings.clone();
        for line in &case.given {
            let (place, value) = line.split_once(" = ").unwrap_or_else(|| panic!("{line}"));
            if let Some((name, ty)) = place.split_once(": ") {
                let bytes = std::fs::read(self.folder.join("payloads").join(value)).unwrap();
                let ty = ty
                    .strip_prefix("list<")
                    .and_then(|of| of.strip_suffix('>'))
                    .map_or_else(|| self.types.payload(ty), |of| self.types.payload(of).map(Type::list));
                payloads.push((name.into(), ty.unwrap(), json::parse(&bytes).unwrap()));
                continue;
            }
            let (name, path) = place.split_once('.').unwrap();
            let steps: Vec<&str> = path.split('.').collect();
            let new = if value == "missing" { Value::Missing } else { json::parse(value.as_bytes()).unwrap() };
            match payloads.iter_mut().find(|(known, ..)| **known == *name) {
                Some((.., payload)) => *payload = with(payload, &steps, &new),
                None if name == "settings" => settings = with(&settings, &steps, &new),
                None => panic!("there is no payload {name}"),
            }
        }
        let variables: Vec<(Text, Type)> = payloads.iter().map(|(name, ty, _)| (name.clone(), ty.clone())).collect();
        let values: Vec<Value> = payloads.into_iter().map(|(.., value)| value).collect();
        let inputs =
            Inputs { files: &self.effective.files, types: &self.types, settings: self.effective.settings_type.clone() };
        let maps = self.effective.files.keys().filter(|path| path.ends_with(".map"));
        let standard = ["paypal", "stripe", "finops", "dataverse"].map(|name| format!("std:{name}"));
        let uses: Vec<String> = maps.cloned().chain(standard).collect();
        let scope =
            SlotScope { library: &self.library, inputs: &inputs, uses: &uses, variables: &variables, facts: &[] };
        let file = self.sources.add(case.title.as_str(), case.expression.as_str());
        let (checked, findings) = scope.expression(&SourceText::file(file, case.expression.as_str().into()), None);
        let checked = checked.unwrap_or_else(|| panic!("{}", render::text(&findings, &self.sources, false)));
        match checked.expression.evaluate(&values, &Context { settings: &settings, limits: &Limits::default() }) {
            Ok(Value::Missing) => ("json", "missing".into()),
            Ok(value) => match conform(&value, checked.expression.result()) {
                Ok(body) => ("json", json::write_pretty(&body).unwrap()),
                Err(error) => ("error", format!("data {error}")),
            },
            Err(error) => ("error", format!("{} {}", error.code.as_str(), error.message)),
        }
    }
}

/// The value with another one at a place in it; `missing` takes the field out.
fn with(value: &Value, steps: &[&str], new: &Value) -> Value {
    let Some((step, rest)) = steps.split_first() else { return new.clone() };
    match value {
        Value::List(items) => {
            let mut items = items.to_vec();
            let n: usize = step.parse().unwrap();
            items[n] = with(&items[n], rest, new);
            Value::from(items)
        }
        Value::Record(record) => {
            let old = record.get(step).cloned().unwrap_or_else(|| Value::Record(Record::default()));
            let changed = with(&old, rest, new);
            let others = record.iter().filter(|(name, _)| ***name != **step);
            let fields = others.map(|(name, value)| (name.clone(), value.clone()));
            let added = (changed != Value::Missing).then(|| (Text::from(*step), changed));
            Value::Record(fields.chain(added).collect())
        }
        other => panic!("{step} of {other:?}"),
    }
}

struct Case {
    title: String,
    given: Vec<String>,
    expression: String,
    /// Kind and text of the block with what is expected.
    expected: (String, String),
}

fn cases(text: &str) -> Vec<Case> {
    let mut found: Vec<Case> = vec![];
    for section in text.split("\n## ").skip(1) {
        let (title, mut rest) = section.split_once('\n').unwrap();
        let given: Vec<String> = rest.lines().filter_map(|line| line.strip_prefix("- ")).map(str::to_owned).collect();
        let mut blocks = vec![];
        while let Some((_, opened)) = rest.split_once("```") {
            let (kind, opened) = opened.split_once('\n').unwrap();
            let (block, after) = opened.split_once("```").unwrap();
            blocks.push((kind.to_owned(), block.trim_end().to_owned()));
            rest = after;
        }
        let mut blocks = blocks.into_iter();
        let (_, expression) = blocks.next().unwrap_or_else(|| panic!("{title}: no expression"));
        let expected = blocks.next().unwrap_or_default();
        found.push(Case { title: title.trim().to_owned(), given, expression, expected });
    }
    assert!(!found.is_empty());
    found
}

/// Runs the cases of a folder; all that fail are shown.
pub fn run(name: &str) {
    let mut project = compile(name);
    let path = project.folder.join("cases.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, _) = text.split_once("\n## ").unwrap();
    let (mut blessed, mut failures) = (format!("{}\n", head.trim_end()), vec![]);
    for case in cases(&text) {
        let (kind, got) = project.gives(&case);
        let fits = match kind {
            "error" => {
                let (code, part) = case.expected.1.split_once(' ').unwrap_or((&case.expected.1, ""));
                case.expected.0 == "error" && got.starts_with(&format!("{code} ")) && got.contains(part)
            }
            _ => case.expected == (kind.to_owned(), got.clone()),
        };
        if !fits {
            failures
                .push(format!("{}: got {kind}\n{got}\nexpected {}\n{}", case.title, case.expected.0, case.expected.1));
        }
        let given: String = case.given.iter().map(|line| format!("- {line}\n")).collect();
        let shown = if fits { &case.expected.1 } else { &got };
        blessed.push_str(&format!(
            "\n## {}\n\n{given}\n```map\n{}\n```\n\n```{kind}\n{shown}\n```\n",
            case.title, case.expression
        ));
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, blessed).unwrap();
    } else {
        assert!(failures.is_empty(), "tests/mappings/{name}/cases.md:\n{}", failures.join("\n\n"));
    }
}
