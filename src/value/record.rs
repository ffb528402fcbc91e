//! Records that keep the order of their fields.

use super::{Text, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// From this many fields on, names are found by hash, so that a hostile body costs no more than its length.
const INDEXED: usize = 128;

/// Fields in their order of first assignment. Cloning is cheap; changing a shared one copies it first.
#[derive(Clone)]
pub struct Record(Repr);

type Entry = (Text, Value);

/// Where a field is gathered, by the reader and by whoever makes a record. Its name and value are written where they stay
/// until the record is made: one that is put together elsewhere is moved in larger pieces than it was written in, and the
/// processor waits for its own writes.
#[derive(Default)]
pub(crate) struct Place {
    pub(crate) name: Option<Text>,
    pub(crate) value: Value,
}

#[derive(Clone)]
enum Repr {
    /// As it was gathered: one piece of memory, below [`INDEXED`] fields. The first change makes it the other.
    Whole(Arc<[Entry]>),
    Open(Arc<Fields>),
}

#[derive(Clone, Default)]
struct Fields {
    entries: Vec<Entry>,
    /// Name to position, from [`INDEXED`] fields on.
    index: Option<HashMap<Text, usize>>,
}

impl Record {
    pub fn new() -> Record {
        Record::default()
    }

    pub fn with_capacity(fields: usize) -> Record {
        Record::from_distinct(Vec::with_capacity(fields))
    }

    /// Fields whose names the caller knows to be different ones.
    pub(crate) fn from_distinct(entries: Vec<Entry>) -> Record {
        let mut fields = Fields { entries, index: None };
        fields.index_again();
        Record(Repr::Open(Arc::new(fields)))
    }

    /// The same of places, which are empty afterwards.
    #[inline]
    pub(crate) fn gathered(places: &mut [Place]) -> Record {
        let take = |place: &mut Place| (place.name.take().unwrap_or_default(), std::mem::take(&mut place.value));
        match places.len() {
            0..INDEXED => Record(Repr::Whole(places.iter_mut().map(take).collect())),
            _ => Record::from_distinct(places.iter_mut().map(take).collect()),
        }
    }

    #[inline]
    fn entries(&self) -> &[Entry] {
        match &self.0 {
            Repr::Whole(entries) => entries,
            Repr::Open(fields) => &fields.entries,
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        if let Repr::Open(fields) = &self.0
            && let Some(index) = &fields.index
        {
            return index.get(name).copied();
        }
        self.entries().iter().position(|(known, _)| known.is(name))
    }

    fn change(&mut self) -> &mut Fields {
        if let Repr::Whole(entries) = &self.0 {
            self.0 = Repr::Open(Arc::new(Fields { entries: entries.to_vec(), index: None }));
        }
        match &mut self.0 {
            Repr::Open(fields) => Arc::make_mut(fields),
            Repr::Whole(_) => unreachable!("made just now"),
        }
    }

    /// The field's value, where there is one.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries().get(self.place(name)?).map(|(_, value)| value)
    }

    /// The value of the field at a place, where its name is the one that is wanted.
    #[inline]
    pub(crate) fn at(&self, place: usize, wanted: impl FnOnce(&Text) -> bool) -> Option<&Value> {
        self.entries().get(place).filter(|(name, _)| wanted(name)).map(|(_, value)| value)
    }

    /// Where a field is and its value.
    pub(crate) fn find(&self, name: &Text) -> Option<(usize, &Value)> {
        let entries = self.entries();
        let place = match &self.0 {
            Repr::Open(fields) if fields.index.is_some() => self.place(name)?,
            _ => entries.iter().position(|(known, _)| known == name)?,
        };
        entries.get(place).map(|(_, value)| (place, value))
    }

    pub fn contains(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// Sets a field; one that is there keeps its place.
    pub fn set(&mut self, name: Text, value: Value) {
        match self.get_mut(&name) {
            Some(old) => *old = value,
            None => self.change().push(name, value),
        }
    }

    /// The field's value, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let place = self.place(name)?;
        self.change().entries.get_mut(place).map(|(_, value)| value)
    }

    /// Takes a field out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let place = self.place(name)?;
        let fields = self.change();
        let (_, value) = fields.entries.remove(place);
        fields.index_again();
        Some(value)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Text, &Value)> + ExactSizeIterator {
        self.entries().iter().map(|(name, value)| (name, value))
    }

    pub fn keys(&self) -> impl Iterator<Item = &Text> {
        self.entries().iter().map(|(name, _)| name)
    }

    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.entries().iter().map(|(_, value)| value)
    }

    pub fn len(&self) -> usize {
        self.entries().len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }
}

impl Fields {
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
        self.index = (self.entries.len() >= INDEXED).then(places);
    }
}

impl Default for Record {
    fn default() -> Record {
        Record(Repr::Whole(Arc::default()))
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
