//! A record while it is written out: keys in order of first assignment, missing leaves out.

use crate::value::{Place, Record, Text, Value};
use std::collections::HashMap;

/// From this many fields on, names are found by hash. Most records have few, and a look at each is faster.
const INDEXED: usize = 64;

/// The fields of one `{ … }`.
///
/// A target is assigned once on every path: the checker sees to that. So names are looked for only behind a spread and
/// inside `a.b = …`.
#[derive(Default)]
pub(super) struct Fields {
    /// The fields, then empty places. Missing keeps the place of a field that is left out.
    places: Vec<Place>,
    /// How many of them are fields.
    used: usize,
    /// What `a.b = …` alone fills, by its place among the fields.
    nested: Vec<(usize, Fields)>,
    /// Whether a spread brought fields that an assignment may replace.
    spread: bool,
    /// Where each name is, from [`INDEXED`] fields on.
    index: Option<HashMap<Text, usize>>,
}

impl Fields {
    /// `places` are empty ones of a record before, for as many fields as are likely.
    pub(super) fn new(mut places: Vec<Place>, fields: usize) -> Fields {
        if places.len() < fields {
            places.resize_with(fields, Place::default);
        }
        Fields { places, ..Fields::default() }
    }

    /// Where the value of an assignment is written, behind which [`Fields::assigned`] is called. `None`: not simply in the
    /// next place.
    #[inline]
    pub(super) fn place(&mut self, path: &[Text]) -> Option<&mut Value> {
        match path {
            [name] if !self.spread => {
                debug_assert!(self.find(name).is_none(), "`{name}` is assigned twice");
                Some(&mut self.next().value)
            }
            _ => None,
        }
    }

    /// `path = …` has its value, in its place or `elsewhere`. Missing leaves the field out, and takes out what a spread
    /// brought.
    #[inline]
    pub(super) fn assigned(&mut self, path: &[Text], elsewhere: &mut Value) {
        match path {
            [name] if !self.spread => {
                if !matches!(self.next().value, Value::Missing) {
                    self.add(name);
                }
            }
            _ => self.assign(path, std::mem::take(elsewhere)),
        }
    }

    fn assign(&mut self, path: &[Text], value: Value) {
        match path {
            [] => {}
            [name] => match self.find(name) {
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
            match self.find(name) {
                Some(at) => self.replace(at, value.clone()),
                None => self.push(name, value.clone()),
            }
        }
    }

    fn fields(&self) -> &[Place] {
        self.places.get(..self.used).unwrap_or_default()
    }

    fn find(&self, name: &Text) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.fields().iter().position(|field| field.name.as_ref() == Some(name)),
        }
    }

    /// The first empty place.
    #[inline]
    fn next(&mut self) -> &mut Place {
        if self.used == self.places.len() {
            self.places.resize_with(2 * self.used + 4, Place::default);
        }
        &mut self.places[self.used]
    }

    fn push(&mut self, name: &Text, value: Value) {
        self.next().value = value;
        self.add(name);
    }

    /// What lies in the first empty place becomes a field.
    #[inline]
    fn add(&mut self, name: &Text) {
        let place = self.next();
        drop(std::mem::replace(&mut place.name, Some(name.clone())));
        self.used += 1;
        if self.used >= INDEXED {
            self.index_last();
        }
    }

    /// Takes the last field into the index; when it is the first that needs one, all of them.
    fn index_last(&mut self) {
        let mut index = self.index.take().unwrap_or_default();
        for (at, field) in self.fields().iter().enumerate().skip(index.len()) {
            index.extend(field.name.clone().map(|name| (name, at)));
        }
        self.index = Some(index);
    }

    fn replace(&mut self, at: usize, value: Value) {
        self.nested.retain(|(place, _)| *place != at);
        self.places[at].value = value;
    }

    fn nested(&mut self, name: &Text) -> &mut Fields {
        let at = self.find(name).unwrap_or_else(|| {
            self.push(name, Value::Missing);
            self.used - 1
        });
        let among = self.nested.iter().rposition(|(place, _)| *place == at).unwrap_or_else(|| {
            let mut fields = Fields::default();
            if let Value::Record(record) = std::mem::take(&mut self.places[at].value) {
                fields.spread(&record);
            }
            self.nested.push((at, fields));
            self.nested.len() - 1
        });
        &mut self.nested[among].1
    }

    /// The record, whose places are empty then. A nested one in which nothing was assigned is left out.
    pub(super) fn finish(&mut self) -> Record {
        let used = std::mem::take(&mut self.used);
        if !self.spread && self.nested.is_empty() {
            return Record::gathered(&mut self.places[..used]);
        }
        for (at, mut fields) in self.nested.drain(..) {
            let record = fields.finish();
            if !record.is_empty() {
                self.places[at].value = Value::Record(record);
            }
        }
        let fields = self.places.drain(..used).filter(|field| !matches!(field.value, Value::Missing));
        Record::from_distinct(fields.map(|field| (field.name.unwrap_or_default(), field.value)).collect())
    }

    /// The empty places, for the next record.
    pub(super) fn places(self) -> Vec<Place> {
        self.places
    }
}
