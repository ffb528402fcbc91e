//! A project's own part of the catalogue: columns and tables in `types/SYSTEM/NAME.json`, beside the bundled ones.
//!
//! A file with the name of a bundled type adds to it; another with an `x-key` is a table, which operations, triggers and
//! connectors then know like any other. The bundled catalogue itself never changes.

use super::Catalog;
use super::payload::{Problem, Types};
use super::schema::Schema;
use super::system::{Entity, System};
use crate::diagnostics::{Code, Diagnostic, FileId, Source, Span, did_you_mean};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

impl Catalog {
    /// This catalogue with what a project's `types/SYSTEM/NAME.json` add, and what is wrong with them.
    pub fn of_project<'f>(
        &self,
        project: impl IntoIterator<Item = (FileId, &'f Source)>,
    ) -> (Catalog, Vec<Diagnostic>) {
        let mut diagnostics = vec![];
        let mut own = vec![];
        for (file, source) in project {
            match project_schema(self, file, source) {
                Ok(Some((name, schema))) => own.push((name, schema, file, source)),
                Ok(None) => {}
                Err(diagnostic) => diagnostics.push(*diagnostic),
            }
        }
        if own.is_empty() {
            return (self.clone(), diagnostics);
        }
        let mut schemas: BTreeMap<String, Schema> = self.schemas.as_ref().clone();
        let mut files: BTreeMap<String, (FileId, &Source)> = BTreeMap::new();
        for (name, schema, file, source) in own {
            files.insert(name.clone(), (file, source));
            match schemas.get_mut(&name) {
                Some(bundled) => bundled.extend(schema),
                None => drop(schemas.insert(name, schema)),
            }
        }
        let (types, more) = Types::of(&schemas, &files);
        diagnostics.extend(more);
        let mut systems = self.systems.as_ref().clone();
        systems.values_mut().for_each(|system| system.take_tables(&schemas));
        let types = Arc::new(OnceLock::from(types));
        (Catalog { systems: Arc::new(systems), schemas: Arc::new(schemas), types }, diagnostics)
    }
}

impl System {
    /// What the payload types say of tables: names and alternate keys of those that are known, and those that only the
    /// project knows.
    pub(super) fn take_tables(&mut self, schemas: &BTreeMap<String, Schema>) {
        for entity in self.entities.values_mut() {
            if let Some(schema) = schemas.get(&entity.ty) {
                entity.logical_name = schema.logical_name.clone();
                entity.alternate_keys = schema.alternate_keys.clone();
            }
        }
        if self.own_tables.is_empty() {
            return;
        }
        let prefix = format!("{}.", self.name);
        for (ty, schema) in schemas.range(prefix.clone()..).take_while(|(ty, _)| ty.starts_with(&prefix)) {
            let name = &ty[prefix.len()..];
            if schema.key.is_empty() || self.entities.contains_key(name) {
                continue;
            }
            let entity = Entity {
                name: name.to_owned(),
                logical_name: schema.logical_name.clone(),
                alternate_keys: schema.alternate_keys.clone(),
                title: schema.title.clone(),
                key: schema.key.clone(),
                ty: ty.clone(),
                can: self.own_tables.clone(),
                chosen: vec![],
                assigned: schema.key.clone(),
                required: vec![],
                one_at_a_time: None,
                instead_of: vec![],
            };
            self.entities.insert(name.to_owned(), entity);
        }
    }
}

/// A project's `types/SYSTEM/NAME.json`, read. Other files are nobody's business here.
fn project_schema(
    catalog: &Catalog,
    file: FileId,
    source: &Source,
) -> Result<Option<(String, Schema)>, Box<Diagnostic>> {
    let path = source.path.strip_prefix("types/").and_then(|path| path.strip_suffix(".json"));
    let Some((system, name)) = path.and_then(|path| path.split_once('/')) else { return Ok(None) };
    let start = Span::new(file, 0, 0);
    let systems = systems(catalog);
    if !systems.contains(system) {
        let known = systems.iter().copied();
        let mut diagnostic = Diagnostic::error(Code::F0422, format!("there is no system `{system}`"), start);
        if let Some(meant) = did_you_mean(system, known) {
            diagnostic = diagnostic.help(format!("did you mean types/{meant}/{name}.json?"));
        }
        return Err(Box::new(diagnostic));
    }
    let full = format!("{system}.{}", name.replace('/', "."));
    match serde_json::from_str::<Schema>(&source.text) {
        Ok(schema) => match &schema.extends {
            Some(extends) if *extends != full => {
                let problem = Problem::new(format!("this file extends `{full}`, by its name"), Some(extends.clone()));
                Err(Box::new(problem.in_file(file, &source.text)))
            }
            Some(_) if !catalog.schemas.contains_key(&full) => {
                Err(Box::new(nothing_to_extend(catalog, system, &full, file, &source.text)))
            }
            _ => Ok(Some((full, schema))),
        },
        Err(error) => {
            let at = offset(&source.text, error.line(), error.column());
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            let diagnostic = Diagnostic::error(Code::F0420, message, Span::new(file, at, at))
                .help("payload types are written in a small part of JSON Schema; see docs/catalogue.md");
            Err(Box::new(diagnostic))
        }
    }
}

/// Whose types there are: systems that flows can call, and those of which only the payloads are known.
fn systems(catalog: &Catalog) -> BTreeSet<&str> {
    let typed = catalog.schemas.keys().filter_map(|name| Some(name.split_once('.')?.0));
    catalog.systems().map(|system| system.name.as_str()).chain(typed).collect()
}

fn nothing_to_extend(catalog: &Catalog, system: &str, full: &str, file: FileId, text: &str) -> Diagnostic {
    let place = Problem::new("", Some(full.to_owned())).in_file(file, text).primary;
    let span = place.map_or(Span::new(file, 0, 0), |label| label.span);
    let message = format!("there is no bundled type `{full}` to extend");
    let known = catalog.schemas.keys().map(String::as_str).filter(|name| name.starts_with(&format!("{system}.")));
    let diagnostic = Diagnostic::error(Code::F0423, message, span);
    match did_you_mean(full, known) {
        Some(meant) => {
            diagnostic.help(format!("did you mean `{meant}`, in a file types/{}.json?", meant.replace('.', "/")))
        }
        None => diagnostic.help("a type of your own is written without `x-extends`"),
    }
}

/// The byte where serde_json's line and column (both from 1, columns in bytes) are.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}
