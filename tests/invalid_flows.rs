//! Broken projects and what is said about them: `tests/invalid_flows/*.md`, as `README.md` there tells.
//!
//! A case is a small project and its findings as a person sees them, to the letter. `UPDATE=1 cargo test --test
//! invalid_flows` writes what is said now into the chapters, for a person to read in the diff. Every diagnostic of the
//! model, the flow compiler and the tests has to be shown somewhere.

use flowctl::catalog::Catalog;
use flowctl::diagnostics::{ALL, Diagnostic, Severity, Sources, render};
use flowctl::engine::rehearsal::Rehearsal;
use flowctl::graph::project::compile;
use flowctl::graph::validate::validate;
use flowctl::model::Project;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Codes that no project's text alone brings about: where they are tested instead.
const ELSEWHERE: &[(&str, &str)] = &[
    ("F0331", "nowhere: who runs the tests may read everything"),
    ("F0332", "tests/validate.rs: not UTF-8"),
    ("F0333", "tests/validate.rs: a file that is too large"),
    ("F0404", "tests/validate.rs: `--env` names it"),
    ("F0511", "tests/flow_tests.rs: `--update` says it"),
    ("F0451", "src/connectors/tests/configs.rs: when the process starts"),
    ("F0453", "src/connectors/secret.rs: when the process starts"),
    ("F0454", "src/connectors/secret.rs: when the process starts"),
    ("F0455", "src/connectors/secret.rs: when the process starts"),
    ("F0456", "src/connectors/secret.rs: when the process starts"),
    ("F0457", "src/connectors/secrets/tests.rs: when the store is opened"),
    ("F0458", "src/connectors/secrets/tests.rs: when the store is opened"),
    ("F0459", "src/connectors/secrets/tests.rs: when a secret is set"),
    ("F0617", "tests/registration.rs: when webhooks are registered"),
];
/// How many cases there are at least that no project gets away with.
const AT_LEAST: usize = 80;

/// A part of a chapter: what is kept as it stands, or the findings of a case.
enum Part {
    Kept(String),
    /// The lines between the fences of `text`.
    Findings {
        of: Box<Case>,
        shown: String,
    },
}

#[derive(Clone)]
struct Case {
    title: String,
    line: usize,
    files: BTreeMap<String, String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid_flows")
}

fn chapters() -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut chapters: Vec<(String, String)> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("UTF-8"))
        })
        .collect();
    chapters.sort();
    chapters
}

/// The files that every case has unless it brings its own: those of README.md.
fn base() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(folder().join("README.md")).expect("README.md");
    let mut files = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(path) = line.strip_prefix("```yaml ") {
            let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            files.insert(path.to_string(), format!("{}\n", inside.join("\n")));
        }
    }
    assert_eq!(files.keys().map(String::as_str).collect::<Vec<_>>(), ["connections.yaml", "flowctl.yaml"]);
    files
}

/// A chapter in parts: `## ` begins a case, a fence with a path is a file of it, one of `text` what is said about it.
fn parts(chapter: &str, text: &str, base: &BTreeMap<String, String>) -> Vec<Part> {
    let mut parts = vec![];
    let mut kept = String::new();
    let mut case: Option<Case> = None;
    let mut lines = text.lines().enumerate();
    while let Some((n, line)) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            case = Some(Case { title: title.to_string(), line: n + 1, files: base.clone() });
        }
        let ticks = line.len() - line.trim_start_matches('`').len();
        if ticks < 3 {
            kept.push_str(&format!("{line}\n"));
            continue;
        }
        let fence = &line[..ticks];
        let mut inside = String::new();
        let mut closed = false;
        for (_, line) in lines.by_ref() {
            if line == fence {
                closed = true;
                break;
            }
            inside.push_str(&format!("{line}\n"));
        }
        assert!(closed, "{chapter}:{}: this block is not closed", n + 1);
        let case = case.as_mut().unwrap_or_else(|| panic!("{chapter}:{}: a block before the first case", n + 1));
        match line[ticks..].split_once(' ') {
            Some((kind, path)) => {
                // Line ends and what else Markdown would not keep are written as in Rust.
                let text = match kind {
                    "escaped" => {
                        inside.trim_end_matches('\n').replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t")
                    }
                    _ => inside.clone(),
                };
                case.files.insert(path.to_string(), text);
                kept.push_str(&format!("{line}\n{inside}{fence}\n"));
            }
            None => {
                assert_eq!(&line[ticks..], "text", "{chapter}:{}: a file has a path, findings are `text`", n + 1);
                kept.push_str(&format!("{line}\n"));
                parts.push(Part::Kept(std::mem::take(&mut kept)));
                parts.push(Part::Findings { of: Box::new(case.clone()), shown: inside });
                kept.push_str(&format!("{fence}\n"));
            }
        }
    }
    parts.push(Part::Kept(kept));
    parts
}

impl Case {
    /// All that `flowctl validate` and `flowctl test` say about it.
    fn findings(&self) -> (Vec<Diagnostic>, Arc<Sources>) {
        let texts = self.files.iter().filter(|(_, text)| text.trim() != "(none)");
        let texts = texts.map(|(path, text)| (path.clone(), Arc::from(text.as_str()))).collect();
        let catalog = Catalog::bundled();
        let (project, sources, found) = Project::from_files(&texts);
        let mut validation = validate(&project, sources.clone(), found, None, &catalog).expect("the base");
        if !project.tests.is_empty() {
            let effective = project.effective(None).expect("the base");
            let compilation = compile(&project, &effective, sources, &catalog);
            let rehearsal = Rehearsal::new(&project, &effective, &compilation, &catalog);
            let verdicts = project.tests.iter().flat_map(|source| rehearsal.file(source));
            validation.findings.extend(verdicts.flat_map(|verdict| verdict.failures));
        }
        (validation.findings, validation.sources)
    }

    fn said(&self) -> String {
        let (findings, sources) = self.findings();
        match render::text(&findings, &sources, false) {
            nothing if nothing.is_empty() => "nothing\n".into(),
            text => text.lines().map(|line| format!("{}\n", line.trim_end())).collect(),
        }
    }
}

#[test]
fn what_is_said_is_what_the_chapters_show() {
    let base = base();
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    let mut wrong = vec![];
    for (name, text) in chapters().into_iter().filter(|(name, _)| name != "README.md") {
        let mut new = String::new();
        for part in parts(&name, &text, &base) {
            match part {
                Part::Kept(text) => new.push_str(&text),
                Part::Findings { of, shown } => {
                    let said = of.said();
                    if said != shown {
                        wrong.push(format!("{name}:{} {}\n{}", of.line, of.title, differences(&shown, &said)));
                    }
                    new.push_str(&said);
                }
            }
        }
        if update && new != text {
            std::fs::write(folder().join(&name), new).expect("written");
        }
    }
    assert!(
        update || wrong.is_empty(),
        "{} cases, UPDATE=1 writes what is said now\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn differences(shown: &str, said: &str) -> String {
    format!("--- shown\n{shown}--- said now\n{said}")
}

/// Every case has findings, and no two cases are the same project.
#[test]
fn a_case_is_a_project_with_its_findings() {
    let base = base();
    let mut seen: BTreeMap<Vec<(String, String)>, String> = BTreeMap::new();
    let mut wrong = vec![];
    for (name, text) in chapters().into_iter().filter(|(name, _)| name != "README.md") {
        let titles = text.lines().filter(|line| line.starts_with("## ")).count();
        let parts = parts(&name, &text, &base);
        let shown = parts.iter().filter(|part| matches!(part, Part::Findings { .. })).count();
        if titles != shown {
            wrong.push(format!("{name}: {titles} cases, {shown} blocks of `text`"));
        }
        for part in parts {
            let Part::Findings { of, .. } = part else { continue };
            let here = format!("{name}:{} {}", of.line, of.title);
            if let Some(before) = seen.insert(of.files.into_iter().collect(), here.clone()) {
                wrong.push(format!("{here}: the same project as {before}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A code that no case shows could be said at the wrong place, or be said by nobody any more.
#[test]
fn every_code_of_model_flow_and_test_has_a_case() {
    let text: String = chapters().into_iter().filter(|(name, _)| name != "README.md").map(|(_, text)| text).collect();
    let shown = |code: &str| ["error", "warning", "note"].iter().any(|word| text.contains(&format!("{word}[{code}]")));
    let codes: Vec<&str> = ALL.iter().map(|(code, _)| code.0).collect();
    let ours = codes.iter().filter(|code| ["F03", "F04", "F05"].iter().any(|area| code.starts_with(area)));
    let without: Vec<&str> =
        ours.filter(|code| !shown(code) && ELSEWHERE.iter().all(|(known, _)| known != *code)).copied().collect();
    assert!(without.is_empty(), "no case shows {}", without.join(", "));
    let needless: Vec<&str> =
        ELSEWHERE.iter().map(|(code, _)| *code).filter(|code| shown(code) || !codes.contains(code)).collect();
    assert!(needless.is_empty(), "shown by a case, or no code: {}", needless.join(", "));
}

#[test]
fn there_are_many_invalid_ones() {
    let base = base();
    let mut invalid = 0;
    for (name, text) in chapters().into_iter().filter(|(name, _)| name != "README.md") {
        for part in parts(&name, &text, &base) {
            let Part::Findings { shown, .. } = part else { continue };
            invalid += usize::from(shown.lines().any(|line| line.starts_with("error[")));
        }
    }
    assert!(invalid >= AT_LEAST, "only {invalid}");
}

/// Only what the binary says, too, counts: a few cases go through it.
#[test]
fn the_binary_says_the_same() {
    let base = base();
    let mut tried = 0;
    for (name, text) in chapters().into_iter().filter(|(name, _)| name != "README.md") {
        let first = parts(&name, &text, &base).into_iter().find_map(|part| match part {
            Part::Findings { of, .. } if !of.files.keys().any(|path| path.ends_with(".test.yaml")) => Some(of),
            _ => None,
        });
        let Some(case) = first else { continue };
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in case.files.iter().filter(|(_, text)| text.trim() != "(none)") {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_flowctl"))
            .args(["validate", &folder.path().to_string_lossy()])
            .env("NO_COLOR", "1")
            .output()
            .expect("it runs");
        let said: String =
            String::from_utf8_lossy(&output.stderr).lines().map(|line| format!("{}\n", line.trim_end())).collect();
        assert_eq!(said, case.said(), "{name}: {}", case.title);
        let (findings, _) = case.findings();
        let bad = findings.iter().any(|finding| finding.severity == Severity::Error);
        assert_eq!(output.status.code(), Some(i32::from(bad)), "{name}: {}", case.title);
        tried += 1;
    }
    assert!(tried > 3, "{tried}");
}
