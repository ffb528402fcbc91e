//! Records that keep the order of their fields.
use super::{Text, Value};
use std::sync::Arc;

/// Fields in their order of first assignment. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Record {
    fields: Arc<Vec<(Text, Value)>>,
}
