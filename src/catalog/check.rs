//! Whether the catalogue's files fit together: every name that one part uses is there in another.
//!
//! These are findings about our own files, for whoever edits them; the tests run them over everything bundled.

use super::operation::{Does, Operation, ParamKind, ParamPlace, RepeatBy};
use super::payload::Types;
use super::scalar::{Template, TypeRef};
use super::system::{Auth, Base, System};
use super::{Catalog, Reconcile};
use crate::diagnostics::Diagnostic;
use crate::language::types::TypeSource;
use std::collections::BTreeMap;

/// One sentence a problem.
pub(super) fn problems(catalog: &Catalog) -> Vec<String> {
    let (types, diagnostics) = Types::of(&catalog.schemas, &BTreeMap::new());
    let mut problems: Vec<String> = diagnostics.into_iter().map(|Diagnostic { message, .. }| message).collect();
    for (name, schema) in catalog.schemas.iter() {
        if schema.known.is_none() {
            problems.push(format!("{name}: x-known has to say how the file's facts are known"));
        }
    }
    for system in catalog.systems.values() {
        let found = Checked { system, types: &types }.problems();
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", system.name)));
    }
    problems
}

struct Checked<'c> {
    system: &'c System,
    types: &'c Types,
}

impl Checked<'_> {
    fn problems(&self) -> Vec<String> {
        let mut problems = vec![];
        self.http(&mut problems);
        self.entities(&mut problems);
        for (name, operation) in &self.system.operations {
            let mut found = vec![];
            self.operation(operation, &mut found);
            problems.extend(found.into_iter().map(|problem| format!("{name}: {problem}")));
        }
        self.events(&mut problems);
        problems.extend(self.system.expand.iter().flat_map(|expand| expand.problems(self.types, self.system)));
        problems
    }

    fn http(&self, problems: &mut Vec<String>) {
        let Some(http) = &self.system.http else { return };
        // A header whose key is absent is not sent.
        for name in http.headers.values().flat_map(Template::names) {
            if !self.system.connection.contains_key(name) {
                problems.push(format!("`{{{name}}}` is no key of the connection"));
            }
        }
        let mut templates: Vec<&Template> = vec![];
        match &http.base {
            Base::One(base) => templates.push(base),
            Base::ByMode(modes) => templates.extend(modes.values()),
        }
        match &http.auth {
            Auth::Bearer { token } => templates.push(token),
            Auth::Hmac { secret, .. } => templates.push(secret),
            Auth::ByConnection => {}
            Auth::Oauth2ClientCredentials { url, scope, .. } => templates.extend([url].into_iter().chain(scope)),
        }
        for name in templates.into_iter().flat_map(Template::names) {
            match self.system.connection.get(name) {
                None => problems.push(format!("`{{{name}}}` is no key of the connection")),
                Some(key) if !key.required && key.default.is_none() => {
                    problems.push(format!("`{{{name}}}` may be absent: it is neither required nor has it a default"));
                }
                Some(_) => {}
            }
        }
    }

    fn entities(&self, problems: &mut Vec<String>) {
        for (name, entity) in &self.system.entities {
            let Some(ty) = self.types.payload(&entity.ty) else {
                problems.push(format!("{name}: there is no type {}", entity.ty));
                continue;
            };
            let has = |column: &String| ty.fields().is_some_and(|record| record.fields.contains_key(column.as_str()));
            let columns = [&entity.key, &entity.chosen, &entity.assigned, &entity.required];
            for column in columns.into_iter().flatten().chain(&entity.one_at_a_time) {
                if !has(column) {
                    problems.push(format!("{name}: {} has no column {column}", entity.ty));
                }
            }
            let is_company = |column: &&String| self.system.company.as_ref() == Some(column);
            let left = entity.key.iter().filter(|column| !is_company(column) && !entity.chosen.contains(column));
            if entity.is_chosen() && left.count() > 0 {
                problems.push(format!("{name}: chosen lists the whole key or nothing"));
            }
            for operation in entity.can.iter().filter(|can| !self.system.operations.contains_key(*can)) {
                problems.push(format!("{name}: there is no operation {operation}"));
            }
        }
    }

    fn operation(&self, operation: &Operation, problems: &mut Vec<String>) {
        let system = self.system;
        for (name, param) in &operation.params {
            if let Some(ty) = &param.ty {
                self.ty(ty, problems);
            }
            if param.kind == ParamKind::Expr && param.ty.is_none() {
                problems.push(format!("{name} has no type"));
            }
            let in_path = operation.http.as_ref().is_some_and(|http| http.path.names().any(|used| used == name));
            if (param.place == Some(ParamPlace::Path)) && !in_path {
                problems.push(format!("{name} stands in the path, which does not name it"));
            }
        }
        for name in &operation.needs_one_of {
            if !operation.params.contains_key(name) {
                problems.push(format!("needs_one_of names {name}, which is no parameter"));
            }
        }
        if let Some(http) = &operation.http {
            for name in http.path.names().filter(|name| !operation.params.contains_key(*name)) {
                problems.push(format!("the path names {name}, which is no parameter"));
            }
        }
        if let Some(paging) = operation.paging.as_ref().filter(|paging| !system.paging.contains_key(*paging)) {
            problems.push(format!("there is no paging {paging}"));
        }
        match &operation.result {
            Some(result) => self.ty(&result.ty, problems),
            None => problems.push("it does not say what it gives".to_owned()),
        }
        match (operation.does, operation.repeat.is_empty()) {
            (Does::Write, true) => problems.push("a write says why it may be repeated".to_owned()),
            (Does::Read, false) => problems.push("a read needs no repeat".to_owned()),
            _ => {}
        }
        if let Some(windows) = &operation.windows {
            for name in [&windows.from, &windows.to].into_iter().filter(|name| !operation.params.contains_key(*name)) {
                problems.push(format!("windows names {name}, which is no parameter"));
            }
        }
        for entry in &operation.repeat {
            if entry.by == RepeatBy::Header && entry.header.is_none() {
                problems.push("repeat by header names no header".to_owned());
            }
            let Some(find) = &entry.find else { continue };
            let Some(name) = &find.operation else { continue };
            match system.operations.get(name) {
                Some(reading) if reading.writes() => problems.push(format!("find writes: {name}")),
                Some(reading) => {
                    // The entity of the row that tells stands there itself.
                    let entity = find.with.get("entity");
                    if let Some(entity) = entity.filter(|entity| !system.entities.contains_key(*entity)) {
                        problems.push(format!("find names {entity}, which is no entity"));
                    }
                    for param in find.with.keys().filter(|param| reading.param(param).is_none()) {
                        problems.push(format!("find gives {name} a {param}, which it does not have"));
                    }
                    let made = entry.by == RepeatBy::MadeKey;
                    let known = |source: &str| {
                        source == "find_by" || source == "made" && made || operation.params.contains_key(source)
                    };
                    let of_write = find.with.iter().filter(|(param, _)| *param != "entity");
                    for (_, source) in of_write.filter(|(_, source)| !known(source)) {
                        problems.push(format!("find takes {source}, which is no parameter"));
                    }
                }
                None => problems.push(format!("find names {name}, which is no operation")),
            }
        }
    }

    fn events(&self, problems: &mut Vec<String>) {
        for (name, group) in &self.system.events {
            let types = group.types.values().map(|event| &event.ty).chain(&group.envelope);
            for ty in types.filter(|ty| self.types.payload(ty).is_none()) {
                problems.push(format!("events {name}: there is no type {ty}"));
            }
            if group.matches.is_some() == group.always.is_some() {
                problems
                    .push(format!("events {name}: either `match` says where the name stands or `always` what it is"));
            }
            // Where a connection has no webhook, nothing comes in that would have to be verified.
            if group.verify.is_none() && !self.system.webhook.is_empty() {
                problems.push(format!("events {name}: it does not say how they are verified"));
            }
            for (field, given) in &group.gives {
                let mut found = vec![];
                self.ty(&given.ty, &mut found);
                problems.extend(found.into_iter().map(|problem| format!("events {name}: {field}: {problem}")));
            }
            if let Reconcile::Rows(listing) = &group.reconcile
                && self.system.operations.get(&listing.operation).is_none_or(|it| it.params.get("where").is_none())
            {
                problems.push(format!("events {name}: {} lists no rows by a condition", listing.operation));
            }
            let Reconcile::List(listing) = &group.reconcile else { continue };
            let Some(operation) = self.system.operations.get(&listing.operation) else {
                problems.push(format!("events {name}: there is no operation {}", listing.operation));
                continue;
            };
            let params = [Some(&listing.from), listing.by.as_ref(), listing.to.as_ref()];
            for param in params.into_iter().flatten().filter(|param| !operation.params.contains_key(*param)) {
                problems.push(format!("events {name}: {} has no parameter {param}", listing.operation));
            }
            if group.created.is_none() {
                problems.push(format!("events {name}: reconcile needs to know when an event happened (`created`)"));
            }
        }
    }

    fn ty(&self, ty: &TypeRef, problems: &mut Vec<String>) {
        let entity = self.system.entities.values().next();
        let by_itself = matches!(ty, TypeRef::Writes | TypeRef::Type | TypeRef::None);
        if !by_itself && self.types.resolve(ty, self.system, entity).is_none() {
            problems.push(format!("there is no type {ty}"));
        }
    }
}
