//! `type` definitions of all files, each resolved when it is first needed.

use super::files::{Loaded, type_defs};
use super::resolve::{self, built_in};
use super::scope::FileScope;
use crate::diagnostics::{Code as Number, Diagnostic, Span};
use crate::language::ast::TypeDef;
use crate::language::types::{Kind, Type, TypeSource};
use crate::value::Text;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Resolves the types of all files into their scopes. Gives also which file needed which of those that it uses.
pub(super) fn resolve_all(
    files: &[Loaded],
    source: &dyn TypeSource,
    findings: &mut [Vec<Diagnostic>],
) -> (Vec<FileScope>, BTreeSet<(usize, usize)>) {
    let mut types = Types { files, source, done: HashMap::new(), doing: vec![], used: BTreeSet::new() };
    let scopes = types.all(findings);
    (scopes, types.used)
}

struct Types<'a> {
    files: &'a [Loaded],
    source: &'a dyn TypeSource,
    done: HashMap<(usize, Text), (Option<Type>, Vec<Diagnostic>)>,
    doing: Vec<(usize, Text)>,
    used: BTreeSet<(usize, usize)>,
}

impl<'a> Types<'a> {
    fn all(&mut self, findings: &mut [Vec<Diagnostic>]) -> Vec<FileScope> {
        let files = self.files;
        let mut scopes = vec![];
        for (at, file) in files.iter().enumerate() {
            let unread = file.tree.unread.iter().map(|name| name.text.clone()).collect();
            let mut scope = FileScope { unread, ..FileScope::default() };
            for written in type_defs(file) {
                scope.types.insert(written.name.text.clone(), self.definition(at, written));
            }
            scopes.push(scope);
        }
        for ((file, _), (_, more)) in std::mem::take(&mut self.done) {
            findings[file].extend(more);
        }
        scopes
    }

    fn definition(&mut self, file: usize, written: &'a TypeDef) -> Option<Type> {
        let key = (file, written.name.text.clone());
        if let Some((done, _)) = self.done.get(&key) {
            return done.clone();
        }
        if self.doing.contains(&key) {
            let message = format!("the type `{}` holds itself", written.name.text);
            let finding = Diagnostic::error(Number::F0214, message, written.name.span)
                .help("types are not recursive: use `any` inside");
            self.done.insert(key, (None, vec![finding]));
            return None;
        }
        self.doing.push(key.clone());
        let mut findings = vec![];
        let mut ty = resolve::resolve(
            &written.ty,
            &mut |name, span, findings| self.named(file, name, span, findings),
            &mut findings,
        );
        self.doing.pop();
        // It was found to hold itself.
        if self.done.contains_key(&key) {
            return None;
        }
        if let Some(Type { kind: Kind::Record(record), .. }) = &mut ty
            && record.name.is_none()
        {
            Arc::make_mut(record).name = Some(written.name.text.clone());
        }
        self.done.insert(key, (ty.clone(), findings));
        ty
    }

    fn named(&mut self, file: usize, name: &Text, span: Span, findings: &mut Vec<Diagnostic>) -> Option<Type> {
        let files = self.files;
        let find = |file: usize| type_defs(&files[file]).find(|one| one.name.text == *name);
        if let Some(own) = find(file) {
            return self.definition(file, own);
        }
        let unread = |file: usize| files[file].tree.unread.iter().any(|one| one.text == *name);
        if unread(file) || files[file].uses.iter().any(|(used, _)| unread(*used)) {
            return None;
        }
        let hits: Vec<(usize, &TypeDef)> =
            files[file].uses.iter().filter_map(|(used, _)| Some((*used, find(*used)?))).collect();
        self.used.extend(hits.iter().map(|(used, _)| (file, *used)));
        match hits.as_slice() {
            [] => {}
            [(used, written)] => return self.definition(*used, written),
            [(one, _), (two, _), ..] => {
                findings.push(resolve::clash("type", name, span, &files[*one].path, &files[*two].path));
                return None;
            }
        }
        let found = built_in(name).or_else(|| self.source.payload(name));
        let incomplete = files[file].incomplete || files[file].uses.iter().any(|(used, _)| files[*used].incomplete);
        if found.is_none() && (!incomplete || name.contains('.')) {
            let own: Vec<&str> = type_defs(&files[file]).map(|one| &*one.name.text).collect();
            findings.push(resolve::unknown_type(name, span, &own, self.source));
        }
        found
    }
}
