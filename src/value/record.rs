//! Records that keep the order of their fields.

use super::{Text, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// From this many fields on, names are found by hash, so that a hostile body costs no more than its length.
const INDEXED: usize = 128;

/// Fields in their order of first assignment. Cloning is cheap; changing a shared one copies it first.
#[derive(Clone, Default)]
pub struct Record {
    fields: Arc<Fields>,
}

#[derive(Clone, Default)]
struct Fields {
    entries: Vec<(Text, Value)>,
    /// Name to position, from [`INDEXED`] fields on. Boxed, because hardly a record has one.
    index: Option<Box<HashMap<Text, usize>>>,
}

impl Record {
    pub fn new() -> Record {
        Record::default()
    }

    pub fn with_capacity(fields: usize) -> Record {
        Record { fields: Arc::new(Fields { entries: Vec::with_capacity(fields), index: None }) }
    }

    /// Fields whose names the caller knows to be different ones.
    pub(crate) fn from_distinct(entries: Vec<(Text, Value)>) -> Record {
        let mut fields = Fields { entries, index: None };
        fields.index_again();
        Record { fields: Arc::new(fields) }
    }

    /// The field's value, where there is one.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let place = self.fields.place(name)?;
        self.fields.entries.get(place).map(|(_, value)| value)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.fields.place(name).is_some()
    }

    /// Sets a field; one that is there keeps its place.
    pub fn set(&mut self, name: Text, value: Value) {
        match self.get_mut(&name) {
            Some(old) => *old = value,
            None => Arc::make_mut(&mut self.fields).push(name, value),
        }
    }

    /// The field's value, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let place = self.fields.place(name)?;
        Arc::make_mut(&mut self.fields).entries.get_mut(place).map(|(_, value)| value)
    }

    /// Takes a field out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let place = self.fields.place(name)?;
        let fields = Arc::make_mut(&mut self.fields);
        let (_, value) = fields.entries.remove(place);
        fields.index_again();
        Some(value)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Text, &Value)> + ExactSizeIterator {
        self.fields.entries.iter().map(|(name, value)| (name, value))
    }

    pub fn keys(&self) -> impl Iterator<Item = &Text> {
        self.fields.entries.iter().map(|(name, _)| name)
    }

    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.fields.entries.iter().map(|(_, value)| value)
    }

    pub fn len(&self) -> usize {
        self.fields.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.entries.is_empty()
    }
}

impl Fields {
    fn place(&self, name: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.entries.iter().position(|(known, _)| known.as_bytes() == name.as_bytes()),
        }
    }

    fn push(&mut self, name: Text, value: Value) {
        match &mut self.index {
            Some(index) => {
                index.insert(name.clone(), self.entries.len());
                self.entries.push((name, value));
            }
            None => {
                self.entries.push((name, value));
                self.index_again();
            }
        }
    }

    fn index_again(&mut self) {
        let places = || self.entries.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect();
        self.index = (self.entries.len() >= INDEXED).then(|| Box::new(places()));
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(Text, Value)> for Record {
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(fields: I) -> Record {
        let mut record = Record::new();
        fields.into_iter().for_each(|(name, value)| record.set(name, value));
        record
    }
}
