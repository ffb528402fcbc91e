//! A folder, or texts in memory, as a [`Project`].
//!
//! What a file is, its name says. A file with errors is not in the project, and the others are: one bad file does not
//! hold up the rest.

use super::connections::ConnectionsFile;
use super::cores::on_all_cores;
use super::environment::EnvironmentFile;
use super::flow::Flow;
use super::project::ProjectFile;
use super::read::{Read, Reader};
use super::test::TestFile;
use super::yaml;
use crate::diagnostics::{Code, Diagnostic, FileId, Sources, Span};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file that is read.
const MAX_BYTES: u64 = 16 << 20;
/// Marks the root of a project.
pub const PROJECT_FILE: &str = "flowctl.yaml";
/// The systems that a project speaks to.
pub const CONNECTIONS_FILE: &str = "connections.yaml";

/// The files of a project, read. Paths are relative to its root, with `/`.
#[derive(Debug, Default)]
pub struct Project {
    /// `None` where it has errors.
    pub file: Option<ProjectFile>,
    pub connections: Option<ConnectionsFile>,
    pub environments: BTreeMap<String, EnvironmentFile>,
    pub flows: Vec<FlowFile>,
    /// Flow files with errors: their path, and the flow's name where it could be read.
    pub broken: BTreeMap<String, Option<String>>,
    pub tests: Vec<TestSource>,
    /// Mappings, scripts, tables, payload types and test data: `.map`, `.rhai`, `.csv`, `.json`.
    pub files: BTreeMap<String, FileId>,
}

/// One flow and the file it stands in.
#[derive(Debug)]
pub struct FlowFile {
    pub path: String,
    pub file: FileId,
    pub flow: Flow,
}

/// The tests of one file.
#[derive(Debug)]
pub struct TestSource {
    pub path: String,
    pub file: FileId,
    pub tests: TestFile,
}

/// The nearest folder with a `flowctl.yaml`: `start` itself or one above it.
pub fn find_root(start: &Path) -> Option<PathBuf> {
    let start = start.canonicalize().ok()?;
    start.ancestors().find(|folder| folder.join(PROJECT_FILE).is_file()).map(Path::to_path_buf)
}

/// Whether what a walk met belongs to the project where it began: no hidden folder, no `target`, no project inside.
pub fn belongs(entry: &walkdir::DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let folder = entry.file_type().is_dir();
    entry.depth() == 0
        || !(name.starts_with('.') || (folder && (name == "target" || entry.path().join(PROJECT_FILE).is_file())))
}

/// A relative path, resolved below `folder`. `None`: it leaves the project.
pub fn join(folder: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder from which a flow takes files. What is dropped there comes and goes and is no part of the project.
fn inbox(path: &str, text: &str) -> Option<String> {
    // Few flows do: the others are not parsed twice.
    if !path.ends_with(".flow.yaml") || !text.contains("file:") {
        return None;
    }
    let flow = yaml::parse(FileId(0), text).ok()?;
    let files = flow.get("trigger")?.get("file")?.get("path")?.scalar()?.text.clone();
    let place = join(path.rsplit_once('/').map_or("", |(folder, _)| folder), &files)?;
    Some(place.rsplit_once('/')?.0.to_string())
}

impl Project {
    /// Its name; empty where `flowctl.yaml` has errors.
    pub fn name(&self) -> &str {
        self.file.as_ref().map_or("", |file| file.project.as_str())
    }

    /// The project in which `start` stands. Leaves out hidden folders, `target`, projects inside, and links that lead out
    /// of it; a link to what is hidden inside it is how Kubernetes mounts files.
    pub fn load(start: &Path) -> (Project, Sources, Vec<Diagnostic>) {
        let Some(root) = find_root(start) else {
            let message = format!("no {PROJECT_FILE} in {} or a folder above it", start.display());
            let finding = Diagnostic::general(Code::F0330, message)
                .help("name the folder of a project; flowctl.yaml marks its root");
            return (Project::default(), Sources::default(), vec![finding]);
        };
        let mut findings = vec![];
        let mut texts = BTreeMap::new();
        // Tables and test data stand between what may be dropped for a flow to take: flows say which is which.
        let mut data = vec![];
        let take = |path: String,
                    from: &Path,
                    findings: &mut Vec<Diagnostic>,
                    texts: &mut BTreeMap<String, Arc<str>>| match text(from) {
            Ok(text) => drop(texts.insert(path, text)),
            Err((code, why)) => findings.push(Diagnostic::general(code, format!("{path}: {why}"))),
        };
        let stays = |entry: &walkdir::DirEntry| {
            !entry.path_is_symlink() || entry.path().canonicalize().is_ok_and(|target| target.starts_with(&root))
        };
        let walk = walkdir::WalkDir::new(&root).follow_links(true).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(|entry| belongs(entry) && stays(entry)) {
            let entry = match entry {
                Ok(entry) => entry,
                // Editors keep their locks as links to nowhere; a link in a circle is nobody's file either.
                Err(error) if error.path().is_some_and(Path::is_symlink) => continue,
                Err(error) => {
                    findings.push(Diagnostic::general(Code::F0331, format!("cannot read: {error}")));
                    continue;
                }
            };
            let relative = entry.path().strip_prefix(&root).unwrap_or(entry.path());
            let path = relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
            if !entry.file_type().is_file() || kind(&path) == Kind::Other {
                continue;
            }
            if path.ends_with(".csv") || path.ends_with(".json") {
                data.push((path, entry.into_path()));
            } else {
                take(path, entry.path(), &mut findings, &mut texts);
            }
        }
        let inboxes: Vec<String> = texts.iter().filter_map(|(path, text)| inbox(path, text)).collect();
        let dropped =
            |path: &str| inboxes.iter().any(|folder| path.rsplit_once('/').is_some_and(|(of, _)| of == folder));
        for (path, from) in data.into_iter().filter(|(path, _)| !dropped(path)) {
            take(path, &from, &mut findings, &mut texts);
        }
        let (project, sources, more) = Project::from_files(&texts);
        findings.extend(more);
        (project, sources, findings)
    }

    /// The project of these texts, by path.
    pub fn from_files(texts: &BTreeMap<String, Arc<str>>) -> (Project, Sources, Vec<Diagnostic>) {
        let mut project = Project::default();
        let mut sources = Sources::default();
        let mut findings = vec![];
        if !texts.contains_key(PROJECT_FILE) {
            findings.push(Diagnostic::general(Code::F0330, format!("no {PROJECT_FILE} in the project")));
        }
        // Most of a project's files are its flows: they are read first, on all cores.
        let files: Vec<(&String, &Arc<str>, FileId)> =
            texts.iter().map(|(path, text)| (path, text, sources.add(path.as_str(), text.clone()))).collect();
        let flow_files: Vec<(&Arc<str>, FileId)> =
            files.iter().filter(|(path, ..)| kind(path) == Kind::Flow).map(|(_, text, file)| (*text, *file)).collect();
        let read_flow = |_: &mut (), n: usize| {
            let mut findings = vec![];
            let read = flow_files.get(n).map(|(text, file)| read::<Flow>(*file, text, &mut findings));
            (read.unwrap_or_default(), findings)
        };
        let mut flows = on_all_cores(flow_files.len(), || (), read_flow).into_iter();
        for (path, text, file) in files {
            let before = findings.len();
            match kind(path) {
                Kind::Project => project.file = read(file, text, &mut findings).0,
                Kind::Connections => project.connections = read(file, text, &mut findings).0,
                Kind::Environment(name) => {
                    project
                        .environments
                        .extend(read(file, text, &mut findings).0.map(|values| (name.to_string(), values)));
                }
                Kind::Flow => {
                    let (read, more) = flows.next().unwrap_or_default();
                    findings.extend(more);
                    match read {
                        (Some(flow), _) => project.flows.push(FlowFile { path: path.clone(), file, flow }),
                        (None, name) => drop(project.broken.insert(path.clone(), name)),
                    }
                }
                Kind::Test => {
                    let tests = read(file, text, &mut findings).0;
                    project.tests.extend(tests.map(|tests| TestSource { path: path.clone(), file, tests }));
                }
                Kind::Text => {
                    project.files.insert(path.clone(), file);
                }
                Kind::Misnamed(suffix) => findings.push(
                    Diagnostic::warning(Code::F0335, "this file is not read", Span::new(file, 0, 0))
                        .help(format!("its name has to end with {suffix}")),
                ),
                Kind::Other => {}
            }
            // Payloads of tests may hold what only looks like a secret.
            if !path.ends_with(".json") && !path.ends_with(".test.yaml") {
                let known: Vec<Span> =
                    findings[before..].iter().filter(|one| one.code == Code::F0400).filter_map(place).collect();
                let secrets = super::clear::secrets(file, text);
                let inside = |one: &Diagnostic, known: &Span| {
                    place(one).is_some_and(|one| known.start <= one.start && one.end <= known.end)
                };
                findings.extend(secrets.into_iter().filter(|one| !known.iter().any(|known| inside(one, known))));
            }
        }
        project.add_alert_flows(&mut sources, &mut findings);
        project.refuse_doubled_flows(&mut findings);
        findings.extend(project.environment_findings());
        (project, sources, findings)
    }

    fn add_alert_flows(&mut self, sources: &mut Sources, findings: &mut Vec<Diagnostic>) {
        let flows = self.connections.as_ref().map(super::alerts::flows).unwrap_or_default();
        for (path, text) in flows {
            let file = sources.add(path.as_str(), Arc::<str>::from(text.as_str()));
            let flow = read(file, &text, findings).0;
            self.flows.extend(flow.map(|flow| FlowFile { path, file, flow }));
        }
    }

    fn refuse_doubled_flows(&mut self, findings: &mut Vec<Diagnostic>) {
        let mut first: BTreeMap<Arc<str>, Span> = BTreeMap::new();
        self.flows.retain(|flow| {
            let name = &flow.flow.flow;
            let Some(before) = first.get(name.as_str()) else {
                first.insert(name.value.0.clone(), name.span);
                return true;
            };
            findings.push(
                Diagnostic::error(Code::F0334, format!("two files hold the flow `{}`", name.as_str()), name.span)
                    .label("again here")
                    .also(*before, "first here")
                    .help("a flow's name is its identity: give one of the two another name"),
            );
            false
        });
    }
}

fn place(finding: &Diagnostic) -> Option<Span> {
    finding.primary.as_ref().map(|label| label.span)
}

/// The model of a file, and the name that a flow gives itself even where the rest has errors.
fn read<T: Read>(file: FileId, text: &str, findings: &mut Vec<Diagnostic>) -> (Option<T>, Option<String>) {
    let node = match yaml::parse(file, text) {
        Ok(node) => node,
        Err(errors) => {
            findings.extend(errors);
            return (None, None);
        }
    };
    let name = node.get("flow").and_then(|name| name.scalar()).map(|name| name.text.to_string());
    let mut reader = Reader::default();
    let model = T::read(&node, &mut reader).filter(|_| reader.findings.is_empty());
    findings.extend(reader.findings);
    (model, name)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'p> {
    Project,
    Connections,
    Environment(&'p str),
    Flow,
    Test,
    /// Read by somebody else.
    Text,
    /// Almost one of ours; with the end that its name should have.
    Misnamed(&'static str),
    Other,
}

fn kind(path: &str) -> Kind<'_> {
    match path {
        PROJECT_FILE => return Kind::Project,
        CONNECTIONS_FILE => return Kind::Connections,
        "flowctl.yml" | "connections.yml" => return Kind::Misnamed(".yaml"),
        _ => {}
    }
    if let Some(name) = path.strip_prefix("environments/").filter(|name| !name.contains('/')) {
        match name.rsplit_once('.') {
            Some((name, "yaml")) => return Kind::Environment(name),
            Some((_, "yml")) => return Kind::Misnamed(".yaml"),
            _ => {}
        }
    }
    let ends = [
        (".flow.yaml", Kind::Flow),
        (".test.yaml", Kind::Test),
        (".flow.yml", Kind::Misnamed(".flow.yaml")),
        (".test.yml", Kind::Misnamed(".test.yaml")),
        (".map", Kind::Text),
        (".rhai", Kind::Text),
        (".csv", Kind::Text),
        (".json", Kind::Text),
    ];
    ends.into_iter().find(|(end, _)| path.ends_with(end)).map_or(Kind::Other, |(_, kind)| kind)
}

/// The text of a file; what is wrong with it where there is none.
pub fn text(path: &Path) -> Result<Arc<str>, (Code, String)> {
    use std::io::Read;
    let unreadable = |error: std::io::Error| (Code::F0331, format!("cannot be read: {error}"));
    let mut bytes = vec![];
    std::fs::File::open(path).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err((Code::F0333, format!("larger than {} MiB", MAX_BYTES >> 20)));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            Err((Code::F0332, format!("not UTF-8 (line {line})")))
        }
    }
}
