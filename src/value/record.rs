//! Records that keep the order of their fields.

use super::{Text, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// From this many fields on, names are found by hash.
const INDEXED: usize = 128;

/// Fields in their order of first assignment, each name once, none of them missing. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Record(Arc<Fields>);

#[derive(Clone, Default)]
struct Fields {
    entries: Vec<(Text, Value)>,
    /// Name to position, for records of at least [`INDEXED`] fields.
    index: Option<HashMap<Text, usize>>,
}

impl Record {
    pub fn new() -> Record {
        Record::default()
    }

    pub fn with_capacity(fields: usize) -> Record {
        Record(Arc::new(Fields { entries: Vec::with_capacity(fields), index: None }))
    }

    /// For the reader, which has seen to it that each name stands once and nothing is missing.
    pub(super) fn distinct(entries: Vec<(Text, Value)>) -> Record {
        let mut fields = Fields { entries, index: None };
        fields.index_again();
        Record(Arc::new(fields))
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.entries.get(self.0.position(name)?).map(|(_, value)| value)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.0.position(name).is_some()
    }

    /// Assigns a field. One that is there keeps its place; a missing value takes it out.
    pub fn set(&mut self, name: Text, value: Value) {
        if matches!(value, Value::Missing) {
            self.remove(&name);
            return;
        }
        let fields = Arc::make_mut(&mut self.0);
        match fields.position(&name).and_then(|at| fields.entries.get_mut(at)) {
            Some(entry) => entry.1 = value,
            None => fields.push(name, value),
        }
    }

    /// Takes a field out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.0.position(name)?;
        let fields = Arc::make_mut(&mut self.0);
        let (_, value) = fields.entries.remove(at);
        fields.index_again();
        Some(value)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Text, &Value)> {
        self.0.entries.iter().map(|(name, value)| (name, value))
    }

    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Text> {
        self.0.entries.iter().map(|(name, _)| name)
    }

    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// Whether both are the same fields in memory: equal without looking.
    pub(super) fn same(&self, other: &Record) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Fields {
    fn position(&self, name: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.entries.iter().position(|(known, _)| known.as_str() == name),
        }
    }

    fn push(&mut self, name: Text, value: Value) {
        if let Some(index) = &mut self.index {
            index.insert(name.clone(), self.entries.len());
        }
        self.entries.push((name, value));
        if self.index.is_none() {
            self.index_again();
        }
    }

    fn index_again(&mut self) {
        self.index = (self.entries.len() >= INDEXED)
            .then(|| self.entries.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect());
    }
}

impl<N: Into<Text>, V: Into<Value>> FromIterator<(N, V)> for Record {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Record {
        let mut record = Record::new();
        for (name, value) in fields {
            record.set(name.into(), value.into());
        }
        record
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
