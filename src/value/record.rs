//! Records that keep the order of their fields.

use super::{Text, Value};
use std::sync::Arc;

/// Fields in their order of first assignment. Cloning is cheap; changing a shared one copies it first.
#[derive(Clone, Debug, Default)]
pub struct Record {
    fields: Arc<Vec<(Text, Value)>>,
}

impl Record {
    pub fn new() -> Record {
        Record::default()
    }

    pub fn with_capacity(fields: usize) -> Record {
        Record { fields: Arc::new(Vec::with_capacity(fields)) }
    }

    /// The field's value, where there is one.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(known, _)| known.as_str() == name).map(|(_, value)| value)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a field; one that is there keeps its place.
    pub fn set(&mut self, name: Text, value: Value) {
        let fields = Arc::make_mut(&mut self.fields);
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => fields.push((name, value)),
        }
    }

    /// Adds a field that is known not to be there: for readers that have checked.
    pub(super) fn push(&mut self, name: Text, value: Value) {
        Arc::make_mut(&mut self.fields).push((name, value));
    }

    /// The field's value, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let place = self.fields.iter().position(|(known, _)| known.as_str() == name)?;
        Some(&mut Arc::make_mut(&mut self.fields)[place].1)
    }

    /// Takes a field out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let place = self.fields.iter().position(|(known, _)| known.as_str() == name)?;
        Some(Arc::make_mut(&mut self.fields).remove(place).1)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Text, &Value)> + ExactSizeIterator {
        self.fields.iter().map(|(name, value)| (name, value))
    }

    pub fn keys(&self) -> impl Iterator<Item = &Text> {
        self.fields.iter().map(|(name, _)| name)
    }

    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.fields.iter().map(|(_, value)| value)
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl FromIterator<(Text, Value)> for Record {
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(fields: I) -> Record {
        let mut record = Record::new();
        fields.into_iter().for_each(|(name, value)| record.set(name, value));
        record
    }
}
