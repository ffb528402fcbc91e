//! Ids that an answer holds as the whole objects they name, where the request asks for it.
//!
//! Which fields can be asked for stands in the catalogue, by payload type; a path goes through objects and lists.

use super::Types;
use super::scalar::TypeRef;
use super::system::System;
use crate::language::types::{Kind, Type, TypeSource};
use indexmap::IndexMap;
use serde::Deserialize;
use std::sync::Arc;

/// How a system is asked for whole objects instead of their ids.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expand {
    /// The list in the query: `expand` is sent as `expand[0]=…`.
    pub query: String,
    /// Where the rows of a list stand, in front of each path: `data`.
    pub rows: String,
    /// Most objects that one path goes through.
    pub depth: usize,
    /// By payload type: its fields that can be asked for, and what they then hold.
    pub types: IndexMap<String, IndexMap<String, TypeRef>>,
}

/// A path that cannot be asked for: the part that is wrong, and what can stand there.
#[derive(Debug, PartialEq)]
pub struct Unexpandable {
    pub part: String,
    pub known: Vec<String>,
}

impl Expand {
    /// The type of an answer with the object at `path` in it.
    pub fn apply(&self, types: &Types, system: &System, ty: &Type, path: &str) -> Result<Type, Unexpandable> {
        let parts: Vec<&str> = path.split('.').collect();
        self.at(types, system, ty, &parts)
    }

    fn at(&self, types: &Types, system: &System, ty: &Type, path: &[&str]) -> Result<Type, Unexpandable> {
        let record = match &ty.kind {
            Kind::List(of) => {
                let of = self.at(types, system, of, path)?;
                return Ok(Type { kind: Kind::List(Arc::new(of)), ..ty.clone() });
            }
            // Whatever it is, it holds what was asked for.
            Kind::Any => return Ok(ty.clone()),
            Kind::Record(record) => Some(record),
            _ => None,
        };
        let table = record.and_then(|record| self.types.get(record.name.as_deref()?));
        let unknown = || Unexpandable {
            part: path.first().unwrap_or(&"").to_string(),
            known: table.into_iter().flat_map(|table| table.keys().cloned()).collect(),
        };
        let (Some(record), Some((first, rest))) = (record, path.split_first()) else { return Err(unknown()) };
        let field = record.fields.get(*first).ok_or_else(unknown)?;
        let target = table.and_then(|table| table.get(*first)).and_then(|ty| types.resolve(ty, system, None));
        let inside = match (target, rest) {
            (Some(object), []) => object,
            (Some(object), rest) => self.at(types, system, &object, rest)?,
            (None, []) => return Err(unknown()),
            (None, rest) => self.at(types, system, &field.ty, rest)?,
        };
        // What holds no id is there only where it is asked for; an id may be absent all the same.
        let only_then = rest.is_empty() && field.ty.kind != Kind::Text;
        let inside = match only_then {
            true => inside,
            false => Type { missing: field.ty.missing, null: field.ty.null, ..inside },
        };
        let mut record = record.as_ref().clone();
        if let Some(field) = record.fields.get_mut(*first) {
            field.ty = inside;
        }
        Ok(Type { kind: Kind::Record(Arc::new(record)), ..ty.clone() })
    }

    /// What does not fit in the catalogue's own table, one sentence each.
    pub(super) fn problems(&self, types: &Types, system: &System) -> Vec<String> {
        let mut problems = vec![];
        for (name, fields) in &self.types {
            let ty = types.payload(name);
            for (field, target) in fields {
                if ty.as_ref().and_then(Type::fields).is_none_or(|record| !record.fields.contains_key(field.as_str())) {
                    problems.push(format!("expand: {name} has no field {field}"));
                }
                if types.resolve(target, system, None).is_none() {
                    problems.push(format!("expand: there is no type {target}"));
                }
            }
        }
        problems
    }
}
