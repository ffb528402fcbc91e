//! A record while it is written out: keys in order of first assignment, missing leaves out.

use crate::value::{Record, Text, Value};
use indexmap::IndexMap;

/// The fields of one `{ … }`.
#[derive(Default)]
pub(super) struct Fields {
    entries: IndexMap<Text, Entry>,
}

enum Entry {
    Value(Value),
    /// Filled by `a.b = …` alone.
    Nested(Fields),
}

impl Fields {
    /// `a.b = value`. Missing leaves the field out, and takes out what a spread brought.
    pub(super) fn assign(&mut self, path: &[Text], value: Value) {
        match path {
            [] => {}
            [name] => {
                if !matches!(value, Value::Missing) || self.entries.contains_key(name) {
                    self.entries.insert(name.clone(), Entry::Value(value));
                }
            }
            [name, rest @ ..] => self.nested(name).assign(rest, value),
        }
    }

    /// `...record`: replaces; a key that is there keeps its place.
    pub(super) fn spread(&mut self, record: &Record) {
        for (name, value) in record.iter() {
            self.entries.insert(name.clone(), Entry::Value(value.clone()));
        }
    }

    fn nested(&mut self, name: &Text) -> &mut Fields {
        let entry = self.entries.entry(name.clone()).or_insert_with(|| Entry::Nested(Fields::default()));
        if let Entry::Value(value) = entry {
            let mut fields = Fields::default();
            if let Value::Record(record) = value {
                fields.spread(record);
            }
            *entry = Entry::Nested(fields);
        }
        match entry {
            Entry::Nested(fields) => fields,
            Entry::Value(_) => unreachable!("replaced above"),
        }
    }

    /// The record. A nested one in which nothing was assigned is left out.
    pub(super) fn finish(self) -> Value {
        Value::Record(self.record())
    }

    fn record(self) -> Record {
        let fields = self.entries.into_iter().filter_map(|(name, entry)| match entry {
            Entry::Value(Value::Missing) => None,
            Entry::Value(value) => Some((name, value)),
            Entry::Nested(fields) => {
                let record = fields.record();
                (!record.is_empty()).then(|| (name, Value::Record(record)))
            }
        });
        fields.collect()
    }
}
