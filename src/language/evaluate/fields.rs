//! A record while it is written out: keys in order of first assignment, missing leaves out.

use crate::value::{Record, Text, Value};
use std::collections::HashMap;

/// From this many fields on, names are found by hash. Most records have few, and a look at each is faster.
const INDEXED: usize = 64;

/// The fields of one `{ … }`.
///
/// A target is assigned once on every path: the checker sees to that. So names are looked for only behind a spread and
/// inside `a.b = …`.
#[derive(Default)]
pub(super) struct Fields {
    entries: Vec<(Text, Entry)>,
    /// Whether a spread brought fields that an assignment may replace.
    spread: bool,
    /// Where each name is, from [`INDEXED`] fields on.
    index: Option<HashMap<Text, usize>>,
}

enum Entry {
    /// Missing keeps the place of a field that is left out.
    Value(Value),
    /// Filled by `a.b = …` alone.
    Nested(Box<Fields>),
}

impl Fields {
    pub(super) fn with_capacity(fields: usize) -> Fields {
        Fields { entries: Vec::with_capacity(fields), ..Fields::default() }
    }

    /// `a.b = value`. Missing leaves the field out, and takes out what a spread brought.
    pub(super) fn assign(&mut self, path: &[Text], value: Value) {
        match path {
            [] => {}
            [name] => match self.taken(name) {
                Some(at) => self.entries[at].1 = Entry::Value(value),
                None if matches!(value, Value::Missing) => {}
                None => self.push(name, Entry::Value(value)),
            },
            [name, rest @ ..] => self.nested(name).assign(rest, value),
        }
    }

    /// `...record`: replaces; a key that is there keeps its place.
    pub(super) fn spread(&mut self, record: &Record) {
        self.spread = true;
        for (name, value) in record.iter() {
            match self.place(name) {
                Some(at) => self.entries[at].1 = Entry::Value(value.clone()),
                None => self.push(name, Entry::Value(value.clone())),
            }
        }
    }

    /// Where a name is that is assigned as a whole.
    fn taken(&self, name: &Text) -> Option<usize> {
        debug_assert!(self.spread || self.place(name).is_none(), "`{name}` is assigned twice");
        self.spread.then(|| self.place(name)).flatten()
    }

    fn place(&self, name: &Text) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.entries.iter().position(|(known, _)| known == name),
        }
    }

    fn push(&mut self, name: &Text, entry: Entry) {
        let at = self.entries.len();
        self.entries.push((name.clone(), entry));
        match &mut self.index {
            Some(index) => {
                index.insert(name.clone(), at);
            }
            None if at + 1 == INDEXED => {
                let places = self.entries.iter().enumerate();
                self.index = Some(places.map(|(at, (name, _))| (name.clone(), at)).collect());
            }
            None => {}
        }
    }

    fn nested(&mut self, name: &Text) -> &mut Fields {
        let at = self.place(name).unwrap_or_else(|| {
            self.push(name, Entry::Nested(Box::default()));
            self.entries.len() - 1
        });
        let entry = &mut self.entries[at].1;
        if let Entry::Value(value) = entry {
            let mut fields = Fields::default();
            if let Value::Record(record) = value {
                fields.spread(record);
            }
            *entry = Entry::Nested(Box::new(fields));
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
        Record::from_distinct(fields.collect())
    }
}
