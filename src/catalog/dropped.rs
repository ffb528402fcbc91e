//! Payload types without what a project drops: a mapping that reads it does not compile.

use super::{Catalog, Types};
use crate::language::types::{Kind, RecordType, Type};
use crate::value::paths::{Down, Paths, Place};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Types {
    /// The same types, with every field marked that the paths name in an event or an answer.
    pub fn dropping(&self, drop: &Paths, catalog: &Catalog) -> Types {
        // A part of a file is no root: only what is dropped at any depth is dropped there.
        let inside = Paths::new(drop.iter().filter(|path| path.is_anywhere()).cloned().collect());
        let below = below_envelopes(drop, catalog);
        let is_whole = |name: &str| name.split('.').count() == 2;
        let types = self.iter().map(|(name, ty)| {
            let mut marked = marked(ty, &if is_whole(name) { drop } else { &inside }.enter());
            if let Some(more) = below.get(name.as_str()) {
                marked = self::marked(&marked, &more.enter());
            }
            (name.clone(), marked)
        });
        Types::from_map(types.collect())
    }
}

/// What is left of the paths inside the payloads of events: `$.data.object.email` is `$.email` of every payload there.
fn below_envelopes<'c>(drop: &Paths, catalog: &'c Catalog) -> BTreeMap<&'c str, Paths> {
    let mut below: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for group in catalog.systems().flat_map(|system| system.events.values()) {
        let Some(at) = &group.at else { continue };
        let at: Vec<&str> = at.split('.').collect();
        let left: Vec<_> = drop.iter().filter_map(|path| path.below(&at)).collect();
        if !left.is_empty() {
            for event in group.types.values() {
                below.entry(&event.ty).or_default().extend(left.iter().cloned());
            }
        }
    }
    below.into_iter().map(|(name, paths)| (name, Paths::new(paths))).collect()
}

fn marked(ty: &Type, place: &Place<'_>) -> Type {
    match &ty.kind {
        Kind::Record(record) => {
            let fields = record.fields.iter().map(|(name, field)| {
                let mut field = field.clone();
                match place.down(Down::Field(name)) {
                    Some(below) if below.is_named() => {
                        field.dropped = true;
                        field.ty.missing = true;
                    }
                    Some(below) => field.ty = marked(&field.ty, &below),
                    None => {}
                }
                (name.clone(), field)
            });
            let record = RecordType { name: record.name.clone(), fields: fields.collect() };
            Type { kind: Kind::Record(Arc::new(record)), ..ty.clone() }
        }
        Kind::List(element) => match place.down(Down::Element(None)) {
            Some(below) => Type { kind: Kind::List(Arc::new(marked(element, &below))), ..ty.clone() },
            None => ty.clone(),
        },
        _ => ty.clone(),
    }
}
