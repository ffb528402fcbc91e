//! What holds in one environment: the values of settings, and connections with the environment's leaves laid over them.

use super::connections::Connection;
use super::environment::EnvironmentFile;
use super::load::Project;
use super::read::{Keyed, Named, Read, Reader, Spanned};
use super::settings;
use super::test::Data;
use super::values::Referable;
use super::yaml::{Key, Node, NodeKind};
use crate::diagnostics::{Code, Diagnostic, FileId, did_you_mean};
use crate::language::types::RecordType;
use crate::value::{Record, Text, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A project as it is in one environment.
#[derive(Clone, Debug)]
pub struct Effective {
    /// `None`: the base values.
    pub environment: Option<String>,
    pub public_url: Option<Spanned<Referable>>,
    pub connections: BTreeMap<String, Connection>,
    /// The type of `settings`: every setting is there, because `run` does not begin while one has no value.
    pub settings_type: Arc<RecordType>,
    /// Those settings that have a value: a record in the order in which they are declared.
    pub settings: Value,
    /// Settings without a value, as notes: fine for `validate`, not for `run`.
    pub unset: Vec<Diagnostic>,
    /// The project's files, `tables/ENVIRONMENT/x.csv` in the place of `tables/x.csv`.
    pub files: BTreeMap<String, FileId>,
}

impl Project {
    /// The project as it is in that environment. What is wrong with it was said when the project was loaded.
    #[expect(clippy::result_large_err, reason = "asked once, when a project is opened")]
    pub fn effective(&self, environment: Option<&str>) -> Result<Effective, Diagnostic> {
        let Some(name) = environment else { return Ok(self.layered(None, &mut vec![])) };
        if let Some(layer) = self.environments.get(name) {
            return Ok(self.layered(Some((name, layer)), &mut vec![]));
        }
        let finding = Diagnostic::general(Code::F0404, format!("there is no environment `{name}`"));
        let known = self.environments.keys().map(String::as_str);
        Err(match did_you_mean(name, known.clone()) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")),
            None if self.environments.is_empty() => finding.help(format!("it would be environments/{name}.yaml")),
            None => finding.help(format!("there are: {}", known.collect::<Vec<_>>().join(", "))),
        })
    }

    /// The same with other values of settings, as a test gives them.
    pub fn with_settings(&self, effective: &Effective, written: &Keyed<Data>) -> (Effective, Vec<Diagnostic>) {
        let (mut effective, mut findings) = (effective.clone(), vec![]);
        let Value::Record(mut values) = effective.settings else { return (effective, findings) };
        let none = Named::default();
        let declared = self.file.as_ref().map_or(&none, |file| &file.settings);
        for (name, node) in written.iter() {
            match declared.get(&name.text).map(|setting| setting.value(&node.0, &mut findings)) {
                Some(Some(value)) => values.set(Text::from(&*name.text), value),
                Some(None) => {}
                None => findings.push(unknown("setting", name, declared.names(), "flowctl.yaml")),
            }
        }
        effective.settings = Value::Record(values);
        (effective, findings)
    }

    /// What is wrong with the values of settings and with connections, in the base and in every environment.
    pub(super) fn environment_findings(&self) -> Vec<Diagnostic> {
        let mut findings = vec![];
        self.layered(None, &mut findings);
        for (name, layer) in &self.environments {
            let mut more = vec![];
            self.layered(Some((name, layer)), &mut more);
            // What is wrong in the base is wrong in all.
            more.retain(|finding| !findings.contains(finding));
            findings.append(&mut more);
        }
        findings
    }

    fn layered(&self, environment: Option<(&str, &EnvironmentFile)>, findings: &mut Vec<Diagnostic>) -> Effective {
        let layer = environment.map(|(_, layer)| layer);
        let name = environment.map(|(name, _)| name);
        let (settings, unset) = self.settings(layer, name, findings);
        let none = Named::default();
        let public_url = |file: Option<&Option<Spanned<Referable>>>| file.cloned().flatten();
        Effective {
            environment: name.map(str::to_string),
            public_url: public_url(layer.map(|layer| &layer.public_url))
                .or(public_url(self.connections.as_ref().map(|base| &base.public_url))),
            connections: self.layered_connections(layer, findings),
            settings_type: Arc::new(settings::record_type(self.file.as_ref().map_or(&none, |file| &file.settings))),
            settings: Value::Record(settings),
            unset,
            files: self.layered_files(name),
        }
    }

    fn settings(
        &self,
        layer: Option<&EnvironmentFile>,
        environment: Option<&str>,
        findings: &mut Vec<Diagnostic>,
    ) -> (Record, Vec<Diagnostic>) {
        let (mut values, mut unset) = (Record::new(), vec![]);
        // Settings that could not be read are not settings that do not exist.
        let Some(declared) = self.file.as_ref().map(|file| &file.settings) else { return (values, unset) };
        for (name, _) in layer.iter().flat_map(|layer| layer.settings.iter()) {
            if declared.get(&name.text).is_none() {
                findings.push(unknown("setting", name, declared.names(), "flowctl.yaml"));
            }
        }
        for (name, setting) in declared.iter() {
            findings.extend(setting.bad_choices());
            let written = layer.and_then(|layer| layer.settings.get(&name.text)).or(setting.default.as_ref());
            let Some(node) = written.map(|data| &data.0).filter(|node| !node.is_null()) else {
                let place = environment.map_or(String::new(), |name| format!(" in `{name}`"));
                let message = format!("the setting `{}` has no value{place}", name.text);
                let note = Diagnostic::note(Code::F0406, message, name.span);
                unset.push(note.help("give it a `default`, or a value in the environment"));
                continue;
            };
            if let Some(value) = setting.value(node, findings) {
                values.set(Text::from(&*name.text), value);
            }
        }
        (values, unset)
    }

    fn layered_connections(
        &self,
        layer: Option<&EnvironmentFile>,
        findings: &mut Vec<Diagnostic>,
    ) -> BTreeMap<String, Connection> {
        let mut connections = BTreeMap::new();
        let Some(base) = self.connections.as_ref().map(|file| &file.connections) else { return connections };
        for (name, connection) in base.iter() {
            let model = match layer.and_then(|layer| layer.connections.get(&name.text)) {
                None => Some(connection.model.clone()),
                Some(over) => {
                    let mut reader = Reader::default();
                    let model = Connection::read(&overlay(&connection.node, &over.0), &mut reader);
                    findings.extend(reader.findings);
                    model
                }
            };
            connections.extend(model.map(|model| (name.text.to_string(), model)));
        }
        for (name, _) in layer.iter().flat_map(|layer| layer.connections.iter()) {
            if base.get(&name.text).is_none() {
                findings.push(unknown("connection", name, base.names(), "connections.yaml"));
            }
        }
        connections
    }

    fn layered_files(&self, environment: Option<&str>) -> BTreeMap<String, FileId> {
        let mut files = self.files.clone();
        let Some(environment) = environment else { return files };
        let own = format!("tables/{environment}/");
        for (path, file) in &self.files {
            let parts = path.split_once(&own).filter(|(folder, _)| folder.is_empty() || folder.ends_with('/'));
            if let Some((folder, table)) = parts {
                files.insert(format!("{folder}tables/{table}"), *file);
            }
        }
        files
    }
}

fn unknown<'a>(what: &str, name: &Key, known: impl Iterator<Item = &'a str>, declares: &str) -> Diagnostic {
    let finding = Diagnostic::error(Code::F0402, format!("there is no {what} `{}`", name.text), name.span);
    match did_you_mean(&name.text, known) {
        Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(name.span, meant),
        None => finding.help(format!("{declares} declares each {what}; here it is only given a value")),
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
