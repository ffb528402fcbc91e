//! The properties of `tests/properties/`, for the fuzz targets.

#[path = "../../tests/properties/mod.rs"]
mod properties;

pub use properties::{evaluate, format, json, parse};
