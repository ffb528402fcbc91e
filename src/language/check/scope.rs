//! Names in their three worlds: functions, types, values. What a file defines is a [`FileScope`]; what a body or slot
//! can see by name is [`Names`].

use super::Assigned;
use super::scripts::ScriptInfo;
use crate::diagnostics::Span;
use crate::language::types::{RecordType, Type, TypeSource};
use crate::value::{Text, Value};
use indexmap::IndexMap;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// The names that one file defines. A type of `None` had a finding of its own.
#[derive(Default)]
pub struct FileScope {
    pub(super) functions: IndexMap<Text, Arc<FunctionInfo>>,
    pub(super) types: IndexMap<Text, Option<Type>>,
    pub(super) tables: IndexMap<Text, Arc<TableInfo>>,
    /// The file, or one that it uses, has errors: its code must not be called.
    pub(super) broken: bool,
    /// Some of its definitions could not be read.
    pub(super) incomplete: bool,
    /// Names of definitions that could not be read: nothing is said of what uses them.
    pub(super) unread: BTreeSet<Text>,
    /// How often something that uses this file has found a name in it.
    pub(super) asked: AtomicUsize,
}

impl Clone for FileScope {
    /// The same names, of which nothing has been asked yet.
    fn clone(&self) -> FileScope {
        let FileScope { functions, types, tables, broken, incomplete, unread, .. } = self;
        FileScope {
            functions: functions.clone(),
            types: types.clone(),
            tables: tables.clone(),
            broken: *broken,
            incomplete: *incomplete,
            unread: unread.clone(),
            asked: AtomicUsize::new(0),
        }
    }
}

impl FileScope {
    /// The names of its mappings and fns, as they stand in it.
    pub(in crate::language) fn routines(&self) -> Vec<Text> {
        self.functions.keys().cloned().collect()
    }
}

/// A `fn` or `mapping` as its callers see it.
pub(super) struct FunctionInfo {
    pub name: Text,
    pub span: Span,
    /// Its place among the program's routines.
    pub routine: usize,
    pub params: Vec<(Text, Option<Type>)>,
    pub result: Option<Type>,
    pub assigned: OnceLock<Option<Assigned>>,
    pub used: AtomicBool,
}

/// A table as its readers see it.
pub(super) struct TableInfo {
    pub name: Text,
    pub span: Span,
    /// Its place among the program's tables.
    pub table: usize,
    pub keys: Vec<Option<Type>>,
    /// What `t[key]` gives, with `else missing` worked in.
    pub value: Option<Type>,
    /// `else fail`.
    pub fails: bool,
    pub used: AtomicBool,
    /// Every value of its rows.
    pub values: OnceLock<Arc<Vec<Value>>>,
}

/// A file whose names are in scope.
pub(super) struct Used<'a> {
    pub path: &'a str,
    pub scope: &'a FileScope,
    pub used: Cell<bool>,
}

impl Used<'_> {
    fn note(&self) {
        self.used.set(true);
        self.scope.asked.fetch_add(1, Ordering::Relaxed);
    }
}

/// What can be named outside of a body's own parameters and lets.
pub(super) struct Names<'a> {
    pub own: Option<&'a FileScope>,
    pub used: Vec<Used<'a>>,
    pub scripts: IndexMap<Text, Arc<ScriptInfo>>,
    pub scripts_used: Cell<u64>,
    pub types: &'a dyn TypeSource,
    pub settings: Arc<RecordType>,
    /// A file that may define more than is known: it, or what it should be, has errors. Then nothing is said about
    /// unknown names, except in slots, which name the file.
    pub incomplete: Option<String>,
}

/// What a name means.
pub(super) enum Lookup<T> {
    Found(T),
    /// In a file that has errors.
    Broken(String),
    /// Of a definition that could not be read, which has its finding.
    Unread,
    /// Two used files define it.
    Clash(String, String),
    Nothing,
}

impl<'a> Names<'a> {
    /// Looks `name` up: the file's own first, then what it uses.
    fn find<T>(&self, name: &str, pick: impl Fn(&'a FileScope) -> Option<T>) -> Lookup<T> {
        if let Some(found) = self.own.and_then(&pick) {
            return Lookup::Found(found);
        }
        if self.own.is_some_and(|own| own.unread.contains(name)) {
            return Lookup::Unread;
        }
        if let Some(used) = self.used.iter().find(|used| used.scope.unread.contains(name)) {
            used.note();
            return match self.own {
                Some(_) => Lookup::Unread,
                None => Lookup::Broken(used.path.to_string()),
            };
        }
        let mut hits = self.used.iter().filter_map(|used| pick(used.scope).map(|found| (used, found)));
        let Some((used, found)) = hits.next() else { return Lookup::Nothing };
        used.note();
        if let Some((other, _)) = hits.next() {
            other.note();
            return Lookup::Clash(used.path.to_string(), other.path.to_string());
        }
        // Inside the library broken files are still checked against; a slot must not run their code.
        if used.scope.broken && self.own.is_none() {
            return Lookup::Broken(used.path.to_string());
        }
        Lookup::Found(found)
    }

    pub fn function(&self, name: &str) -> Lookup<&'a Arc<FunctionInfo>> {
        let found = self.find(name, |scope| scope.functions.get(name));
        if let Lookup::Found(function) = &found {
            function.used.store(true, Ordering::Relaxed);
        }
        found
    }

    pub fn table(&self, name: &str) -> Lookup<&'a Arc<TableInfo>> {
        let found = self.find(name, |scope| scope.tables.get(name));
        if let Lookup::Found(table) = &found {
            table.used.store(true, Ordering::Relaxed);
        }
        found
    }

    pub fn type_named(&self, name: &str) -> Lookup<Option<Type>> {
        self.find(name, |scope| scope.types.get(name).cloned())
    }

    pub fn script(&self, name: &str) -> Option<&Arc<ScriptInfo>> {
        let (index, _, script) = self.scripts.get_full(name)?;
        self.scripts_used.set(self.scripts_used.get() | 1 << index.min(63));
        Some(script)
    }

    fn scopes(&self) -> impl Iterator<Item = &'a FileScope> {
        self.own.into_iter().chain(self.used.iter().map(|used| used.scope))
    }

    /// Names of functions, for suggestions.
    pub fn function_names(&self) -> Vec<&'a str> {
        let built_in = crate::language::functions::ALL.iter().map(|function| function.name);
        self.scopes().flat_map(|scope| scope.functions.keys()).map(|name| &**name).chain(built_in).collect()
    }

    /// Names of tables, for suggestions.
    pub fn table_names(&self) -> Vec<&'a str> {
        self.scopes().flat_map(|scope| scope.tables.keys()).map(|name| &**name).collect()
    }

    /// Names of types that files define, for suggestions.
    pub fn type_names(&self) -> Vec<&'a str> {
        self.scopes().flat_map(|scope| scope.types.keys()).map(|name| &**name).collect()
    }
}
