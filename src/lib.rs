//! flowctl: a declarative flow engine.
//!
//! How a text becomes a run, and where to find each part; text flows one way and a module uses only what stands
//! above it in this list:
//!
//! 1. [`diagnostics`]: what can be said about a file: a numbered finding with its place, and its renderings.
//! 2. [`value`]: exact numbers, missing and null, verbatim JSON in and out.
//! 3. [`language`]: the mapping language: parse → check → compile → evaluate. No I/O, no YAML.
//! 4. [`catalog`]: what is known of each system: operations, entities, events, payload types.
//! 5. [`model`]: YAML files as typed models, with a span for every key and value.
//! 6. [`graph`]: model + mappings + catalogue → the execution graph.
//! 7. [`store`]: what is durable: events, runs, journal, revisions.
//! 8. [`engine`]: the run state machine and what drives it.
//! 9. [`connectors`]: the systems spoken over HTTP.
//! 10. [`triggers`]: what starts a run.
//! 11. [`sandbox`]: local stand-ins of the systems, for the demo and for tests.
//! 12. [`console`]: the admin API.
//! 13. [`cli`]: one file per command.

pub mod catalog;
pub mod cli;
pub mod connectors;
pub mod console;
pub mod diagnostics;
pub mod engine;
pub mod graph;
pub mod language;
pub mod model;
pub mod sandbox;
pub mod store;
pub mod triggers;
pub mod value;
