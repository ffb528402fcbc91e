//! The catalogue as the schemas describe it: operations with their parameters, systems with their connections' keys.

use super::{ConnectionKey, KeyKind, OperationSchema, ParamKind, ParamSchema, SystemSchema, schemas};
use crate::catalog::{self, Catalog, Operation, System};
use std::collections::BTreeMap;

/// The schemas by file name, completed with what the catalogue knows.
pub fn schemas_of(catalog: &Catalog) -> BTreeMap<String, String> {
    let operations: Vec<OperationSchema> =
        catalog.systems().flat_map(|system| system.operations.values().map(|one| operation(system, one))).collect();
    let systems: Vec<SystemSchema> = catalog.systems().map(system_schema).collect();
    schemas(&operations, &systems)
}

fn operation(system: &System, operation: &Operation) -> OperationSchema {
    let can = |name: &&String| {
        system.entities.get(*name).is_some_and(|entity| entity.can.iter().any(|can| can == operation.short_name()))
    };
    let params = operation.params.iter().map(|(name, param)| ParamSchema {
        name: if param.key { "key".into() } else { name.clone() },
        kind: match param.kind {
            catalog::ParamKind::Expr | catalog::ParamKind::Filter => ParamKind::Expr,
            catalog::ParamKind::Columns => ParamKind::Columns,
            catalog::ParamKind::Literal => ParamKind::Literal,
            catalog::ParamKind::Writes => ParamKind::Writes,
            catalog::ParamKind::Entity => ParamKind::Name(system.entities.keys().filter(can).cloned().collect()),
            _ => ParamKind::Name(vec![]),
        },
        required: param.required,
        description: param.description.clone().unwrap_or_else(|| described(param)),
    });
    OperationSchema {
        name: operation.name.clone(),
        title: operation.title.clone(),
        writes: operation.writes(),
        params: params.collect(),
    }
}

fn described(param: &catalog::Param) -> String {
    match (param.kind, &param.ty) {
        (catalog::ParamKind::Filter, _) => "A condition over `row`.".into(),
        (catalog::ParamKind::Entity, _) => "The entity set.".into(),
        (catalog::ParamKind::Columns, _) => "Names of columns.".into(),
        (_, Some(ty)) => format!("Of type {ty}."),
        _ => String::new(),
    }
}

fn system_schema(system: &System) -> SystemSchema {
    let connection = system.connection.iter().map(|(name, key)| ConnectionKey {
        name: name.clone(),
        kind: match &key.one_of {
            _ if key.secret => KeyKind::Secret,
            Some(values) => KeyKind::OneOf(values.clone()),
            None => KeyKind::Text,
        },
        required: key.required,
        description: key.description.clone().unwrap_or_default(),
    });
    SystemSchema { name: system.name.clone(), title: system.title.clone(), connection: connection.collect() }
}
