//! The catalogue, as descriptions for editors.

use super::open::{ConnectionKey, KeyKind, OperationSchema, ParamKind, ParamSchema, SystemSchema};
use crate::catalog::{self, Catalog, KeyType, Operation, System};

pub(super) fn operations(catalog: &Catalog) -> Vec<OperationSchema> {
    let described = catalog.operations().filter_map(|operation| catalog.operation(&operation.name));
    described.map(|(system, operation)| describe(system, operation)).collect()
}

fn describe(system: &System, operation: &Operation) -> OperationSchema {
    let params = operation.params.iter().map(|(name, param)| ParamSchema {
        // What is marked as the key is written `key:`.
        name: if param.key { "key".into() } else { name.clone() },
        kind: match param.kind {
            catalog::ParamKind::Expr | catalog::ParamKind::Filter | catalog::ParamKind::Path => ParamKind::Expr,
            catalog::ParamKind::Literal | catalog::ParamKind::Repeat => ParamKind::Literal,
            catalog::ParamKind::Entity => ParamKind::Name(entities(system, operation)),
            catalog::ParamKind::Columns | catalog::ParamKind::Expand => ParamKind::Columns,
            catalog::ParamKind::Writes => ParamKind::Writes,
            catalog::ParamKind::Paging => ParamKind::Paging,
            _ => ParamKind::Name(vec![]),
        },
        required: param.required,
        description: param.description.clone().unwrap_or_default(),
    });
    OperationSchema {
        name: operation.name.clone(),
        title: operation.title.clone(),
        writes: operation.writes(),
        polled: operation.tells_changes(),
        params: params.collect(),
    }
}

/// The entities that the operation can take.
fn entities(system: &System, operation: &Operation) -> Vec<String> {
    let can = |entity: &&catalog::Entity| entity.can.iter().any(|name| name == operation.short_name());
    system.entities.values().filter(can).map(|entity| entity.name.clone()).collect()
}

pub(super) fn systems(catalog: &Catalog) -> Vec<SystemSchema> {
    let key = |(name, key): (&String, &catalog::ConnectionKey)| ConnectionKey {
        name: name.clone(),
        kind: match (&key.one_of, key.secret, key.ty) {
            (Some(words), _, _) => KeyKind::OneOf(words.clone()),
            (None, true, KeyType::Texts) => KeyKind::Secrets,
            (None, true, _) => KeyKind::Secret,
            (None, false, KeyType::Texts) => KeyKind::Texts,
            (None, false, _) => KeyKind::Text,
        },
        required: key.required,
        description: key.description.clone().unwrap_or_default(),
    };
    let system = |system: &System| SystemSchema {
        name: system.name.clone(),
        title: system.title.clone(),
        connection: system.connection.iter().map(key).collect(),
    };
    // What flowctl does itself needs no connection.
    catalog.systems().filter(|system| system.http.is_some()).map(system).collect()
}
