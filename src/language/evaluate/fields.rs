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
    /// Missing keeps the place of a field that is left out.
    entries: Vec<(Text, Value)>,
    /// What `a.b = …` alone fills, by its place among the entries.
    nested: Vec<(usize, Fields)>,
    /// Whether a spread brought fields that an assignment may replace.
    spread: bool,
    /// Where each name is, from [`INDEXED`] fields on.
    index: Option<HashMap<Text, usize>>,
}

impl Fields {
    pub(super) fn with_capacity(fields: usize) -> Fields {
        Fields { entries: Vec::with_capacity(fields), ..Fields::default() }
    }

    /// `a.b = value`. Missing leaves the field out, and takes out what a spread brought.
    #[inline]
    pub(super) fn assign(&mut self, path: &[Text], value: Value) {
        match path {
            [name] if !self.spread => {
                debug_assert!(self.place(name).is_none(), "`{name}` is assigned twice");
                if !matches!(value, Value::Missing) {
                    self.push(name, value);
                }
            }
            _ => self.assign_within(path, value),
        }
    }

    fn assign_within(&mut self, path: &[Text], value: Value) {
        match path {
            [] => {}
            [name] => match self.place(name) {
                Some(at) => self.replace(at, value),
                None if matches!(value, Value::Missing) => {}
                None => self.push(name, value),
            },
            [name, rest @ ..] => self.nested(name).assign(rest, value),
        }
    }

    /// `...record`: replaces; a key that is there keeps its place.
    pub(super) fn spread(&mut self, record: &Record) {
        self.spread = true;
        for (name, value) in record.iter() {
            match self.place(name) {
                Some(at) => self.replace(at, value.clone()),
                None => self.push(name, value.clone()),
            }
        }
    }

    fn replace(&mut self, at: usize, value: Value) {
        self.nested.retain(|(place, _)| *place != at);
        self.entries[at].1 = value;
    }

    fn place(&self, name: &Text) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.entries.iter().position(|(known, _)| known == name),
        }
    }

    #[inline]
    fn push(&mut self, name: &Text, value: Value) {
        self.entries.push((name.clone(), value));
        if self.entries.len() >= INDEXED {
            self.index_last();
        }
    }

    /// Takes the last entry into the index; when it is the first that needs one, all of them.
    fn index_last(&mut self) {
        let count = self.entries.len();
        let known = self.index.as_ref().map_or(0, |_| count - 1);
        let new = self.entries.iter().enumerate().skip(known);
        self.index.get_or_insert_default().extend(new.map(|(at, (name, _))| (name.clone(), at)));
    }

    fn nested(&mut self, name: &Text) -> &mut Fields {
        let at = self.place(name).unwrap_or_else(|| {
            self.push(name, Value::Missing);
            self.entries.len() - 1
        });
        let among = self.nested.iter().rposition(|(place, _)| *place == at).unwrap_or_else(|| {
            let mut fields = Fields::default();
            if let Value::Record(record) = std::mem::replace(&mut self.entries[at].1, Value::Missing) {
                fields.spread(&record);
            }
            self.nested.push((at, fields));
            self.nested.len() - 1
        });
        &mut self.nested[among].1
    }

    /// The record. A nested one in which nothing was assigned is left out.
    pub(super) fn finish(self) -> Value {
        Value::Record(self.record())
    }

    fn record(mut self) -> Record {
        if self.spread || !self.nested.is_empty() {
            for (at, fields) in self.nested {
                let record = fields.record();
                if !record.is_empty() {
                    self.entries[at].1 = Value::Record(record);
                }
            }
            self.entries.retain(|(_, value)| !matches!(value, Value::Missing));
        }
        Record::from_distinct(self.entries)
    }
}
