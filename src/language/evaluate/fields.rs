//! A record while it is written out: keys in order of first assignment, missing leaves out.

use crate::value::{Place, Record, Text, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// From this many fields on, names are found by hash. Most records have few, and a look at each is faster.
const INDEXED: usize = 64;

/// The fields of one `{ … }`.
///
/// A target is assigned once on every path: the checker sees to that. So names are looked for only behind a spread and
/// inside `a.b = …`; before that comes, the names are parts of one text, as code has them, and a field only takes the next
/// place.
pub(super) struct Fields {
    /// The owner of the names, then the fields, then empty places.
    places: Vec<Place>,
    /// How many of them are fields.
    used: usize,
    /// The fields from the first spread or `a.b = …` on.
    open: Option<Box<Open>>,
}

impl Fields {
    /// `places` are empty ones of a record before, for as many fields as are likely.
    pub(super) fn new(mut places: Vec<Place>, fields: usize) -> Fields {
        if places.len() < fields + 2 {
            places.resize_with(fields + 2, || Place::EMPTY);
        }
        Fields { places, used: 0, open: None }
    }

    /// Whether a target simply is the next field: its name is a part of the same text as the others.
    #[inline(always)]
    pub(super) fn takes(&mut self, path: &[Text]) -> bool {
        let ([name], None) = (path, &self.open) else { return false };
        match self.places.first_mut() {
            Some(Place::Owner(owner, _)) if Arc::ptr_eq(owner, name.owner()) => true,
            Some(first) if self.used == 0 => {
                *first = Place::owner(name.owner());
                true
            }
            _ => false,
        }
    }

    /// Where the value of the next field is written.
    #[inline(always)]
    pub(super) fn place(&mut self) -> &mut Value {
        self.next().value_mut()
    }

    /// The value that was written there belongs to that target. Missing leaves it out.
    #[inline(always)]
    pub(super) fn keep(&mut self, path: &[Text]) {
        if let ([name], Place::Field(known, value)) = (path, self.next())
            && !matches!(value, Value::Missing)
        {
            *known = name.range();
            self.used += 1;
        }
    }

    /// `path = value` of any other target. Missing leaves it out, and takes out what a spread brought.
    pub(super) fn assign(&mut self, path: &[Text], value: Value) {
        self.open().assign(path, value);
    }

    /// `...record`: replaces; a key that is there keeps its place.
    pub(super) fn spread(&mut self, record: &Record) {
        self.open().spread(record);
    }

    /// The first empty place.
    #[inline]
    fn next(&mut self) -> &mut Place {
        let at = self.used + 1;
        if at >= self.places.len() {
            self.places.resize_with(2 * at + 4, || Place::EMPTY);
        }
        &mut self.places[at]
    }

    fn open(&mut self) -> &mut Open {
        let used = std::mem::take(&mut self.used);
        let places = &mut self.places;
        self.open.get_or_insert_with(|| {
            let mut open = Box::<Open>::default();
            if used > 0 {
                open.spread(&Record::gathered(&mut places[..=used]));
            }
            open
        })
    }

    /// The record, whose places are empty then. A nested one in which nothing was assigned is left out.
    pub(super) fn finish(&mut self) -> Record {
        match self.open.take() {
            Some(open) => open.finish(),
            None => {
                let used = std::mem::take(&mut self.used);
                Record::gathered(&mut self.places[..=used])
            }
        }
    }

    /// The empty places, for the next record.
    pub(super) fn places(self) -> Vec<Place> {
        self.places
    }
}

/// Fields that are found by their names.
#[derive(Default)]
struct Open {
    /// Missing keeps the place of a field that is left out.
    entries: Vec<(Text, Value)>,
    /// What `a.b = …` alone fills, by its place among the entries.
    nested: Vec<(usize, Open)>,
    /// Where each name is, from [`INDEXED`] fields on.
    index: Option<HashMap<Text, usize>>,
}

impl Open {
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

    fn spread(&mut self, record: &Record) {
        for (name, value) in record.iter() {
            match self.find(name) {
                Some(at) => self.replace(at, value.clone()),
                None => self.push(name, value.clone()),
            }
        }
    }

    fn replace(&mut self, at: usize, value: Value) {
        self.nested.retain(|(place, _)| *place != at);
        self.entries[at].1 = value;
    }

    fn find(&self, name: &Text) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.entries.iter().position(|(known, _)| known == name),
        }
    }

    fn push(&mut self, name: &Text, value: Value) {
        self.entries.push((name.clone(), value));
        if self.entries.len() >= INDEXED {
            self.index_last();
        }
    }

    /// Takes the last entry into the index; when it is the first that needs one, all of them.
    fn index_last(&mut self) {
        let known = self.index.as_ref().map_or(0, HashMap::len);
        let new = self.entries.iter().enumerate().skip(known);
        self.index.get_or_insert_default().extend(new.map(|(at, (name, _))| (name.clone(), at)));
    }

    fn nested(&mut self, name: &Text) -> &mut Open {
        let at = self.find(name).unwrap_or_else(|| {
            self.push(name, Value::Missing);
            self.entries.len() - 1
        });
        let among = self.nested.iter().rposition(|(place, _)| *place == at).unwrap_or_else(|| {
            let mut open = Open::default();
            if let Value::Record(record) = std::mem::take(&mut self.entries[at].1) {
                open.spread(&record);
            }
            self.nested.push((at, open));
            self.nested.len() - 1
        });
        &mut self.nested[among].1
    }

    fn finish(mut self) -> Record {
        for (at, open) in self.nested {
            let record = open.finish();
            if !record.is_empty() {
                self.entries[at].1 = Value::Record(record);
            }
        }
        self.entries.retain(|(_, value)| !matches!(value, Value::Missing));
        Record::from_distinct(self.entries)
    }
}
