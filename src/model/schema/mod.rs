//! JSON Schemas of our files, for editors: from the structs of this module, in the shape that editors understand.
//!
//! What the structs cannot say (which operations exist, with which parameters) comes from outside, as plain
//! descriptions. The schemas say what the reader says, and a test holds both to that; expressions and names are the
//! compiler's. Same input, same text, byte for byte.

mod catalog;
mod open;
mod shape;
#[cfg(test)]
mod tests;

pub use open::{ConnectionKey, KeyKind, OperationSchema, ParamKind, ParamSchema, SystemSchema};
pub(super) use shape::{exactly_one, require, short_form};

use super::connections::ConnectionsFile;
use super::environment::EnvironmentFile;
use super::flow::Flow;
use super::project::ProjectFile;
use super::test::TestFile;
use crate::catalog::Catalog;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use std::collections::BTreeMap;

/// The schemas of a binary with this catalogue.
pub fn of(catalog: &Catalog) -> BTreeMap<String, String> {
    schemas(&catalog::operations(catalog), &catalog::systems(catalog))
}

/// The schemas by file name (`flow.schema.json`), each ending with a line break.
pub fn schemas(operations: &[OperationSchema], systems: &[SystemSchema]) -> BTreeMap<String, String> {
    BTreeMap::from([
        file::<Flow>("flow", operations, systems),
        file::<ProjectFile>("project", operations, systems),
        file::<ConnectionsFile>("connections", operations, systems),
        file::<EnvironmentFile>("environment", operations, systems),
        file::<TestFile>("test", operations, systems),
    ])
}

fn file<T: JsonSchema>(name: &str, operations: &[OperationSchema], systems: &[SystemSchema]) -> (String, String) {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(shape::mend));
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".into(), format!("flowctl {name}").into());
    open::fill(&mut schema, operations, systems);
    shape::say_types(&mut schema);
    // Writing a tree of texts and whole numbers into memory cannot fail.
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    (format!("{name}.schema.json"), text + "\n")
}
