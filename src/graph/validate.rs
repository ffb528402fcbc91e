//! All that can be said of a project before it runs: what its files say, in the base and in every environment.
//!
//! The runtime's own compiler and nothing beside it: what is good here loads there. Deliberately without the network,
//! environment variables and the secret store: those are `flowctl check`'s. Each finding is said once, in whatever many
//! environments it holds.

use super::project::{Compilation, Flow, compile};
use crate::catalog::Catalog;
use crate::diagnostics::{Code, Diagnostic, Label, Severity, Sources, Span};
use crate::model::load::{CONNECTIONS_FILE, PROJECT_FILE};
use crate::model::{Effective, Project};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// In how many flows the use of a broken file is shown.
const MOST_PLACES: usize = 2;

/// A project with what there is to say of it.
pub struct Validation {
    pub findings: Vec<Diagnostic>,
    pub sources: Arc<Sources>,
    /// As they are in the environment that was named, or in the base.
    pub flows: Vec<Flow>,
}

/// Checks a project as [`Project::load`] gave it: in that environment, or in the base and in every one. An environment
/// that there is not is the error.
#[expect(clippy::result_large_err, reason = "asked once, when a project is opened")]
pub fn validate(
    project: &Project,
    sources: Sources,
    found: Vec<Diagnostic>,
    environment: Option<&str>,
    catalog: &Catalog,
) -> Result<Validation, Diagnostic> {
    let first = project.effective(environment)?;
    let Compilation { flows, sources: all, findings, .. } = compile(project, &first, sources.clone(), catalog);
    let mut said = Said::default();
    said.say_all(found.into_iter().chain(findings));
    if environment.is_some() || project.environments.is_empty() {
        said.say_all(first.unset.clone());
    }
    let mut compiled = vec![first];
    for name in project.environments.keys().filter(|_| environment.is_none()) {
        let effective = project.effective(Some(name))?;
        said.say_all(effective.unset.clone());
        let findings = match compiled.iter().any(|known| compile_the_same(known, &effective)) {
            true => effective.check(catalog),
            false => compile(project, &effective, sources.clone(), catalog).findings,
        };
        findings.into_iter().for_each(|finding| said.say_in(finding, name));
        compiled.push(effective);
    }
    if said.findings.iter().all(|finding| finding.severity != Severity::Error) {
        said.say_all(unused_settings(project, &all));
    }
    Ok(Validation { findings: without_consequences(said.findings, &all), sources: all, flows })
}

/// Settings that no flow and no mapping reads, as notes. Read from the texts: a name in a comment counts as a use.
fn unused_settings(project: &Project, sources: &Sources) -> Vec<Diagnostic> {
    let declared = project.file.iter().flat_map(|file| file.settings.iter());
    let texts = sources.iter().filter(|(_, one)| one.path.ends_with(".flow.yaml") || one.path.ends_with(".map"));
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for (_, source) in texts.filter(|(_, one)| !one.path.starts_with("std:")) {
        for (at, word) in source.text.match_indices("setting") {
            let rest = &source.text[at + word.len()..];
            let rest = match rest.strip_prefix("s") {
                Some(rest) => match rest.strip_prefix('?').unwrap_or(rest).strip_prefix('.') {
                    Some(rest) => rest,
                    // Given away as a whole: whoever gets it may read any.
                    None => return vec![],
                },
                None => rest.trim_start_matches([':', ' ', '"', '\'']),
            };
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            used.insert(&rest[..end]);
        }
    }
    let unused = declared.filter(|(name, _)| !used.contains(&*name.text));
    unused
        .map(|(name, _)| {
            let message = format!("the setting `{}` is never used", name.text);
            Diagnostic::note(Code::F0441, message, name.span)
                .help("take it out, or use it: `settings.NAME` in an expression")
        })
        .collect()
}

/// Leaves out what only follows from a mistake in another file, which has its own finding: the connections of a file that
/// cannot be read are not unknown ones, and that a mapping file has errors is said once, for all flows that use it.
fn without_consequences(findings: Vec<Diagnostic>, sources: &Sources) -> Vec<Diagnostic> {
    let file = |finding: &Diagnostic| finding.primary.as_ref().map(|label| sources.get(label.span.file).path);
    let has_errors = |findings: &[Diagnostic], wanted: &dyn Fn(&str) -> bool| {
        let own = |one: &&Diagnostic| one.severity == Severity::Error && one.code != Code::F0228;
        findings.iter().filter(own).any(|one| file(one).is_some_and(|path| wanted(&path)))
    };
    let no_settings = has_errors(&findings, &|path| path == PROJECT_FILE);
    let no_connections = has_errors(&findings, &|path| path == CONNECTIONS_FILE);
    let no_type = |name: &str| has_errors(&findings, &|path| path == format!("types/{}.json", name.replace('.', "/")));
    let follows = |finding: &Diagnostic| match finding.code {
        Code::F0354 => no_connections,
        Code::F0368 => no_settings,
        Code::F0204 => no_settings && finding.message.starts_with("settings has no field"),
        Code::F0203 => finding.message.split('`').nth(1).is_some_and(no_type),
        _ => false,
    };
    let mut kept: Vec<Diagnostic> = findings.iter().filter(|one| !follows(one)).cloned().collect();
    // What only says that a file is to be mended says so in its help: once, with the first places.
    let mut said: BTreeMap<Vec<String>, (usize, usize)> = BTreeMap::new();
    let all = std::mem::take(&mut kept);
    for finding in all.iter() {
        if finding.code != Code::F0228 {
            kept.push(finding.clone());
            continue;
        }
        let mends = |path: &str| finding.help.iter().any(|help| *help == format!("mend {path} first"));
        match said.get_mut(&finding.help) {
            Some((place, others)) => {
                *others += 1;
                let label = finding.primary.clone().filter(|_| *others <= MOST_PLACES);
                if let (Some(first), Some(label)) = (kept.get_mut(*place), label) {
                    first.secondary.push(Label { text: "here, too".into(), ..label });
                }
            }
            None if has_errors(&all, &mends) => {
                said.insert(finding.help.clone(), (kept.len(), 0));
                kept.push(finding.clone());
            }
            None => {}
        }
    }
    for (place, others) in said.into_values().filter(|(_, others)| *others > MOST_PLACES) {
        if let Some(first) = kept.get_mut(place) {
            first.help.push(format!("{} more flows use it", others - MOST_PLACES));
        }
    }
    kept
}

/// Whether all that flows are compiled from is equal, so that the same would be said of them.
fn compile_the_same(a: &Effective, b: &Effective) -> bool {
    let facts = |effective: &Effective| -> Vec<_> {
        let all = effective.connections.iter();
        all.map(|(name, connection)| {
            let settle = connection.limits.as_ref().and_then(|limits| limits.settle.as_ref());
            (name.clone(), connection.system.to_string(), settle.map(|settle| settle.value.clone()))
        })
        .collect()
    };
    a.settings == b.settings && a.files == b.files && facts(a) == facts(b)
}

/// What has been said, each thing once.
#[derive(Default)]
struct Said {
    findings: Vec<Diagnostic>,
    known: HashSet<(&'static str, Option<Span>, String)>,
}

impl Said {
    fn say_all(&mut self, findings: impl IntoIterator<Item = Diagnostic>) {
        for finding in findings {
            self.say(finding);
        }
    }

    /// Whether it had not been said yet.
    fn say(&mut self, finding: Diagnostic) -> bool {
        let place = finding.primary.as_ref().map(|label| label.span);
        let new = self.known.insert((finding.code.0, place, finding.message.clone()));
        if new {
            self.findings.push(finding);
        }
        new
    }

    /// What only holds in one environment says in which.
    fn say_in(&mut self, finding: Diagnostic, environment: &str) {
        if self.say(finding)
            && let Some(last) = self.findings.last_mut()
        {
            last.help.insert(0, format!("so it is in the environment `{environment}`"));
        }
    }
}

impl Validation {
    /// Keeps what concerns these files or folders, as paths from the project's root, and tells how much else was found:
    /// their own findings and those of what their flows are made of.
    pub fn narrow(&mut self, wanted: &[String]) -> usize {
        let below = |path: &str, folder: &String| {
            folder.is_empty()
                || path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let means = |path: &str| wanted.iter().any(|folder| below(path, folder));
        let made_of: BTreeSet<&str> = self
            .flows
            .iter()
            .filter(|flow| means(&flow.path))
            .flat_map(|flow| flow.revision.iter().map(|(name, _)| name.as_str()))
            .collect();
        // Every flow stands on these.
        let ground = |path: &str| path == PROJECT_FILE || path == CONNECTIONS_FILE || path.starts_with("environments/");
        let sources = &self.sources;
        let concerns = |finding: &Diagnostic| {
            let mut places = finding.primary.iter().chain(&finding.secondary).peekable();
            places.peek().is_none()
                || places.any(|label| {
                    let path = &sources.get(label.span.file).path;
                    means(path) || ground(path) || made_of.contains(&**path)
                })
        };
        let before = self.findings.len();
        let kept: Vec<Diagnostic> =
            std::mem::take(&mut self.findings).into_iter().filter(|one| concerns(one)).collect();
        self.findings = kept;
        before - self.findings.len()
    }
}
