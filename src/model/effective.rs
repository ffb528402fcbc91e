//! What holds in one environment: the values of settings, and connections with the environment's leaves laid over them.

use super::connections::Connection;
use super::load::Project;
use super::read::{Named, Read, Reader, Spanned, read};
use super::settings::{self, Setting};
use super::slot::Configurable;
use super::values::Referable;
use super::yaml::{Node, NodeKind};
use crate::diagnostics::{Code, Diagnostic, FileId, Severity, did_you_mean};
use crate::language::types::RecordType;
use crate::value::{Text, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A project as it is in one environment.
#[derive(Clone, Debug)]
pub struct Effective {
    /// `None`: the base values.
    pub environment: Option<String>,
    pub public_url: Option<Spanned<Referable>>,
    pub connections: BTreeMap<String, Connection>,
    /// The type of `settings`.
    pub settings_type: Arc<RecordType>,
    /// Those settings that have a value, in the order in which they are declared.
    pub settings: Vec<(Text, Value)>,
    /// Settings without a value: a note at `validate`, an error at `run`.
    pub unset: Vec<Diagnostic>,
    /// The project's files, `tables/ENVIRONMENT/x.csv` in the place of `tables/x.csv`.
    pub files: BTreeMap<String, FileId>,
    /// Where the values of settings were written.
    written: BTreeMap<String, Node>,
}

impl Project {
    /// The project as it is in that environment. Its findings were among those of loading the project.
    pub fn effective(&self, environment: Option<&str>) -> Result<Effective, Diagnostic> {
        if let Some(name) = environment.filter(|name| !self.environments.contains_key(*name)) {
            let finding = Diagnostic::general(Code::F0404, format!("there is no environment `{name}`"));
            let known = self.environments.keys().map(String::as_str);
            return Err(match did_you_mean(name, known.clone()) {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                None if self.environments.is_empty() => finding.help(format!("it would be environments/{name}.yaml")),
                None => finding.help(format!("there are: {}", known.collect::<Vec<_>>().join(", "))),
            });
        }
        Ok(self.layer(environment, &mut vec![]))
    }

    /// What is wrong with the values of settings and connections, in the base and in every environment.
    pub(super) fn environment_findings(&self) -> Vec<Diagnostic> {
        let mut findings = vec![];
        self.layer(None, &mut findings);
        for name in self.environments.keys() {
            self.layer(Some(name), &mut findings);
        }
        findings
    }

    fn layer(&self, environment: Option<&str>, findings: &mut Vec<Diagnostic>) -> Effective {
        let layer = environment.and_then(|name| self.environments.get(name));
        let none = Named::default();
        let declared = self.file.as_ref().map_or(&none, |file| &file.settings);
        let mut effective = Effective {
            environment: environment.map(str::to_string),
            public_url: None,
            connections: BTreeMap::new(),
            settings_type: Arc::new(settings::record_type(declared)),
            settings: vec![],
            unset: vec![],
            files: self.files.clone(),
            written: BTreeMap::new(),
        };
        if let Some(layer) = layer {
            for (name, _) in layer.settings.iter().filter(|(name, _)| declared.get(&name.text).is_none()) {
                // Settings that could not be read are not settings that do not exist.
                if self.file.is_some() {
                    findings.push(unknown("setting", name, declared.names(), "flowctl.yaml declares settings"));
                }
            }
        }
        for (name, setting) in declared.iter() {
            let over = layer.and_then(|layer| layer.settings.get(&name.text));
            let node = over.or(setting.default.as_ref()).map(|data| &data.0).filter(|node| !node.is_null());
            effective.set(&name.text, name.span, setting, node, findings);
        }
        if let Some(base) = &self.connections {
            effective.public_url = layer.and_then(|layer| layer.public_url.clone()).or(base.public_url.clone());
            for (name, connection) in base.connections.iter() {
                let over = layer.and_then(|layer| layer.connections.get(&name.text));
                let model = match over {
                    None => Some(connection.model.clone()),
                    Some(over) => {
                        let mut reader = Reader::default();
                        let model = Connection::read(&overlay(&connection.node, &over.0), &mut reader);
                        findings.extend(reader.findings);
                        model
                    }
                };
                effective.connections.extend(model.map(|model| (name.text.to_string(), model)));
            }
            for (name, _) in layer.iter().flat_map(|layer| layer.connections.iter()) {
                if base.connections.get(&name.text).is_none() {
                    let known = base.connections.names();
                    findings.push(unknown("connection", name, known, "connections.yaml declares connections"));
                }
            }
        }
        if let Some(environment) = environment {
            let inside = format!("tables/{environment}/");
            for (path, file) in &self.files {
                if let Some((before, after)) =
                    path.split_once(&inside).filter(|(before, _)| before.is_empty() || before.ends_with('/'))
                {
                    effective.files.insert(format!("{before}tables/{after}"), *file);
                }
            }
        }
        effective
    }
}

fn unknown<'a>(
    what: &str,
    name: &super::yaml::Key,
    known: impl Iterator<Item = &'a str>,
    declares: &str,
) -> Diagnostic {
    let finding = Diagnostic::error(Code::F0402, format!("there is no {what} `{}`", name.text), name.span);
    match did_you_mean(&name.text, known) {
        Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(name.span, meant),
        None => finding.help(format!("{declares}; an environment only gives values")),
    }
}

/// `over` in the place of `base`: mappings merge, anything else replaces.
fn overlay(base: &Node, over: &Node) -> Node {
    let (NodeKind::Mapping(old), NodeKind::Mapping(new)) = (&base.kind, &over.kind) else { return over.clone() };
    let mut entries = old.clone();
    for (key, value) in new {
        match entries.iter_mut().find(|(known, _)| known.text == key.text) {
            Some((_, known)) => *known = overlay(known, value),
            None => entries.push((key.clone(), value.clone())),
        }
    }
    Node { span: over.span, kind: NodeKind::Mapping(entries) }
}

impl Effective {
    fn set(
        &mut self,
        name: &str,
        declared: crate::diagnostics::Span,
        setting: &Setting,
        node: Option<&Node>,
        findings: &mut Vec<Diagnostic>,
    ) {
        let Some(node) = node else {
            let environment = self.environment.as_deref().map_or(String::new(), |name| format!(" in `{name}`"));
            let message = format!("the setting `{name}` has no value{environment}");
            self.unset.push(
                Diagnostic::note(Code::F0406, message, declared)
                    .help("give it a `default`, or a value in an environment"),
            );
            return;
        };
        match setting.value(node) {
            Ok(value) => {
                self.settings.push((name.into(), value));
                self.written.insert(name.into(), node.clone());
            }
            Err(finding) => findings.push(finding),
        }
    }

    /// The value: the one written, or the setting's. A setting without a value is a note, all else an error.
    pub fn resolve<T>(&self, value: &Configurable<T>) -> Result<T, Diagnostic>
    where
        T: Clone,
        Spanned<T>: Read,
    {
        let name = match value {
            Configurable::Given(given) => return Ok(given.value.clone()),
            Configurable::Setting(name) => name,
        };
        let Some(node) = self.written.get(name.as_str()) else {
            if self.settings_type.fields.contains_key(name.as_str()) {
                let message = format!("the setting `{}` has no value", name.as_str());
                return Err(Diagnostic::note(Code::F0406, message, name.span));
            }
            let finding = Diagnostic::error(Code::F0405, format!("there is no setting `{}`", name.as_str()), name.span);
            let known = self.settings_type.fields.keys().map(Text::as_str);
            return Err(match did_you_mean(name, known) {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(name.span, meant),
                None => finding.help("settings are declared in flowctl.yaml"),
            });
        };
        read::<Spanned<T>>(node).map(|value| value.value).map_err(|found| {
            let why = found.into_iter().find(|finding| finding.severity == Severity::Error);
            let why = why.map_or(String::new(), |finding| format!(": {}", finding.message));
            Diagnostic::error(Code::F0405, format!("the setting `{}` does not fit here{why}", name.as_str()), name.span)
                .also(node.span, "its value")
        })
    }
}
