//! Records that keep the order of their fields.

use super::text::{Name, Range, same};
use super::{Text, Value};
use std::collections::HashMap;
use std::iter::Zip;
use std::slice;
use std::sync::{Arc, OnceLock};

/// From this many fields on, names are found by hash, so that a hostile body costs no more than its length.
const INDEXED: usize = 128;

/// Fields in their order of first assignment. Cloning is cheap; changing a shared one copies it first.
#[derive(Clone)]
pub struct Record(Repr);

type Entry = (Text, Value);

#[derive(Clone)]
enum Repr {
    /// As it was gathered, below [`INDEXED`] fields: one piece of memory, whose first place says where the names are. The
    /// first change makes it the other.
    Whole(Arc<[Place]>),
    Open(Arc<Fields>),
}

/// Where a field is gathered, by the reader and by whoever makes a record. Its value is written where it stays until the
/// record is made: one that is put together elsewhere is moved in larger pieces than it was written in, and the processor
/// waits for its own writes.
///
/// The names of a record are parts of one text, the body or what the mapping writes: one owner to count. Where such a name
/// stands in quotes with a colon behind them, it is one that needs no escapes.
pub(crate) enum Place {
    /// What the names are parts of, and what [`Record::iter`] made of them: one word, or each place grows.
    #[expect(clippy::box_collection)]
    Owner(Arc<str>, OnceLock<Box<Vec<Text>>>),
    Field(Range, Value),
}

impl Place {
    pub(crate) const EMPTY: Place = Place::Field(Range::NONE, Value::Missing);

    pub(crate) fn owner(owner: &Arc<str>) -> Place {
        Place::Owner(owner.clone(), OnceLock::new())
    }

    /// The value of a field.
    #[inline]
    pub(crate) fn value(&self) -> &Value {
        match self {
            Place::Field(_, value) => value,
            Place::Owner(..) => &Value::Missing,
        }
    }

    /// The same, to write it.
    #[inline]
    pub(crate) fn value_mut(&mut self) -> &mut Value {
        if let Place::Owner(..) = self {
            *self = Place::EMPTY;
        }
        match self {
            Place::Field(_, value) => value,
            Place::Owner(..) => unreachable!("emptied just now"),
        }
    }

    #[inline]
    pub(crate) fn name(&self) -> Range {
        match self {
            Place::Field(name, _) => *name,
            Place::Owner(..) => Range::NONE,
        }
    }

    /// Gives a field its name.
    #[inline]
    pub(crate) fn call(&mut self, name: Range) {
        if let Place::Field(known, _) = self {
            *known = name;
        }
    }

    #[inline]
    pub(crate) fn take(&mut self) -> Place {
        std::mem::replace(self, Place::EMPTY)
    }
}

#[derive(Clone, Default)]
struct Fields {
    entries: Vec<Entry>,
    /// Name to position, from [`INDEXED`] fields on.
    index: Option<HashMap<Text, usize>>,
}

/// The places of a record that was gathered.
#[derive(Clone, Copy)]
struct Whole<'r> {
    owner: &'r Arc<str>,
    #[expect(clippy::box_collection)]
    texts: &'r OnceLock<Box<Vec<Text>>>,
    fields: &'r [Place],
}

impl<'r> Whole<'r> {
    /// `None`: it has no fields.
    #[inline]
    fn of(places: &'r [Place]) -> Option<Whole<'r>> {
        match places.split_first() {
            Some((Place::Owner(owner, texts), fields)) => Some(Whole { owner, texts, fields }),
            _ => None,
        }
    }

    /// The names as texts of their own, for those who want them: made once.
    fn names(self) -> &'r [Text] {
        self.texts.get_or_init(|| {
            let names = self.fields.iter().map(|field| Text::at(self.owner, field.name()));
            Box::new(names.collect())
        })
    }

    fn place(self, name: &str) -> Option<usize> {
        let is_same = |field: &Place| {
            let known = field.name();
            known.len() == name.len() && same(known.bytes(self.owner.as_bytes()), name.as_bytes())
        };
        self.fields.iter().position(is_same)
    }
}

/// The name of a field, for those who visit it.
#[derive(Clone, Copy)]
pub(crate) struct FieldName<'r> {
    owner: &'r [u8],
    range: Range,
    /// Whether it is one of a record that was gathered.
    whole: bool,
}

impl<'r> FieldName<'r> {
    #[inline]
    pub(crate) fn bytes(self) -> &'r [u8] {
        self.range.bytes(self.owner)
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        self.range.len()
    }

    /// The name as JSON has it, `"name":`, where it stands so in its owner: in a body that was read, and in what code
    /// writes (see [`Place`]).
    #[inline]
    pub(crate) fn written(self) -> Option<&'r [u8]> {
        let around = self.range.around()?;
        let written = self.owner.get(around)?;
        (self.whole && matches!(written, [b'"', .., b'"', b':'])).then_some(written)
    }
}

/// The fields of a record, in their order.
enum Iter<'r> {
    Whole(Zip<slice::Iter<'r, Text>, slice::Iter<'r, Place>>),
    Open(slice::Iter<'r, Entry>),
}

impl<'r> Iterator for Iter<'r> {
    type Item = (&'r Text, &'r Value);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Whole(fields) => fields.next().map(|(name, field)| (name, field.value())),
            Iter::Open(entries) => entries.next().map(|(name, value)| (name, value)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Iter::Whole(fields) => fields.size_hint(),
            Iter::Open(entries) => entries.size_hint(),
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Whole(fields) => fields.next_back().map(|(name, field)| (name, field.value())),
            Iter::Open(entries) => entries.next_back().map(|(name, value)| (name, value)),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}

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

    /// The same of places, the first of them the owner of the names. They are empty afterwards.
    #[inline]
    pub(crate) fn gathered(places: &mut [Place]) -> Record {
        match places.len() {
            0..=1 => Record::new(),
            2..=INDEXED => Record(Repr::Whole(places.iter_mut().map(Place::take).collect())),
            _ => Record(Repr::Whole(places.iter_mut().map(Place::take).collect())).opened(),
        }
    }

    /// Whether both are the same memory.
    #[inline]
    pub(super) fn is_one_with(&self, other: &Record) -> bool {
        match (&self.0, &other.0) {
            (Repr::Whole(a), Repr::Whole(b)) => Arc::ptr_eq(a, b),
            (Repr::Open(a), Repr::Open(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    fn opened(&self) -> Record {
        Record::from_distinct(self.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    fn place(&self, name: &str) -> Option<usize> {
        match &self.0 {
            Repr::Whole(places) => Whole::of(places)?.place(name),
            Repr::Open(fields) => match &fields.index {
                Some(index) => index.get(name).copied(),
                None => fields.entries.iter().position(|(known, _)| known.is(name)),
            },
        }
    }

    /// The value of the field at a place.
    #[inline]
    fn value(&self, place: usize) -> Option<&Value> {
        match &self.0 {
            Repr::Whole(places) => places.get(place + 1).map(Place::value),
            Repr::Open(fields) => fields.entries.get(place).map(|(_, value)| value),
        }
    }

    fn change(&mut self) -> &mut Fields {
        if let Repr::Whole(_) = &self.0 {
            *self = self.opened();
        }
        match &mut self.0 {
            Repr::Open(fields) => Arc::make_mut(fields),
            Repr::Whole(_) => unreachable!("opened just now"),
        }
    }

    /// The field's value, where there is one.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.value(self.place(name)?)
    }

    /// The value of the field at a place, where its name is the one that is wanted.
    #[inline]
    pub(crate) fn at(&self, place: usize, name: &Name) -> Option<&Value> {
        match &self.0 {
            Repr::Whole(places) => {
                let Whole { owner, fields, .. } = Whole::of(places)?;
                match fields.get(place)? {
                    Place::Field(known, value) if name.is(owner, *known) => Some(value),
                    _ => None,
                }
            }
            Repr::Open(fields) => {
                let (known, value) = fields.entries.get(place)?;
                name.is(known.owner(), known.range()).then_some(value)
            }
        }
    }

    /// Where a field is and its value.
    pub(crate) fn find(&self, name: &str) -> Option<(usize, &Value)> {
        let place = self.place(name)?;
        self.value(place).map(|value| (place, value))
    }

    /// Visits the fields without making their names texts, until one fails.
    #[inline]
    pub(crate) fn each<E>(&self, mut visit: impl FnMut(FieldName<'_>, &Value) -> Result<(), E>) -> Result<(), E> {
        match &self.0 {
            Repr::Whole(places) => match Whole::of(places) {
                Some(Whole { owner, fields, .. }) => fields.iter().try_for_each(|field| {
                    let name = FieldName { owner: owner.as_bytes(), range: field.name(), whole: true };
                    visit(name, field.value())
                }),
                None => Ok(()),
            },
            Repr::Open(fields) => fields.entries.iter().try_for_each(|(name, value)| {
                let name = FieldName { owner: name.owner().as_bytes(), range: name.range(), whole: false };
                visit(name, value)
            }),
        }
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
        match &self.0 {
            Repr::Whole(places) => match Whole::of(places) {
                Some(whole) => Iter::Whole(whole.names().iter().zip(whole.fields)),
                None => Iter::Open([].iter()),
            },
            Repr::Open(fields) => Iter::Open(fields.entries.iter()),
        }
    }

    pub fn keys(&self) -> impl Iterator<Item = &Text> {
        self.iter().map(|(name, _)| name)
    }

    pub fn values(&self) -> impl Iterator<Item = &Value> {
        (0..self.len()).filter_map(|place| self.value(place))
    }

    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Whole(places) => places.len().saturating_sub(1),
            Repr::Open(fields) => fields.entries.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

/// The same fields with the same values, in any order.
impl PartialEq for Record {
    fn eq(&self, other: &Record) -> bool {
        let is_in_both = |name: FieldName<'_>, value: &Value| {
            let there = std::str::from_utf8(name.bytes()).ok().and_then(|name| other.get(name));
            if there == Some(value) { Ok(()) } else { Err(()) }
        };
        self.len() == other.len() && self.each(is_in_both).is_ok()
    }
}

impl FromIterator<(Text, Value)> for Record {
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(fields: I) -> Record {
        let mut record = Record::new();
        fields.into_iter().for_each(|(name, value)| record.set(name, value));
        record
    }
}
