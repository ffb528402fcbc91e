//! The files of a project as typed models, in which every key and value that somebody may have to complain about has its
//! place.
//!
//! - [`yaml`] a text as a tree with places; what of YAML we take
//! - [`read`] tree → model, all mistakes of a file at once; [`slot`] and [`values`] what stands under keys
//! - [`project`], [`connections`], [`environment`], [`flow`], [`test`]: one kind of file each
//! - [`settings`] and [`effective`]: what holds in one environment; [`check`]: its connections against the catalogue
//! - [`rates`]: files of exchange rates; [`alerts`]: the flows that come with connections of that system
//! - [`load`]: a folder, or texts in memory, as a [`Project`]
//! - [`schema`]: the same structs as JSON Schemas for editors
//!
//! Deliberately not here: what names mean. Whether an operation exists, an expression parses or a step is known is the
//! compiler's to say, with the places that this module kept.

pub mod alerts;
pub mod check;
mod clear;
pub mod connections;
pub mod cores;
pub mod effective;
pub mod environment;
pub mod flow;
pub mod load;
pub mod project;
pub mod rates;
pub mod read;
pub mod schema;
pub mod settings;
pub mod slot;
pub mod test;
pub mod values;
pub mod yaml;

pub use effective::Effective;
pub use load::{FlowFile, Project, TestSource};

#[cfg(test)]
mod tests;
