//! flowctl: a declarative flow engine.
//!
//! How a text becomes a run, and where to find each part; text flows one way and a module uses only what stands
//! above it in this list:
//!
//! 1. [`diagnostics`]: what can be said about a file: a numbered finding with its place, and its renderings.
//! 2. [`telemetry`]: logs and metrics.
//! 3. [`value`]: exact numbers, missing and null, verbatim JSON in and out.
//! 4. [`language`]: the mapping language: parse → check → compile → evaluate. No I/O, no YAML.
//! 5. [`catalog`]: what is known of each system: operations, entities, events, payload types.
//! 6. [`model`]: YAML files as typed models, with a span for every key and value.
//! 7. [`graph`]: model + mappings + catalogue → the execution graph.
//! 8. [`store`]: what is durable: events, runs, journal, revisions.
//! 9. [`engine`]: the run state machine and what drives it.
//! 10. [`connectors`]: the systems spoken over HTTP.
//! 11. [`triggers`]: what starts a run.
//! 12. [`sandbox`]: local stand-ins of the systems, for the demo and for tests.
//! 13. [`console`]: the admin API.
//! 14. [`runtime`]: the process as a whole, and its reload.
//! 15. [`cli`]: one file per command.

pub mod catalog;
pub mod cli;
pub mod connectors;
pub mod console;
pub mod diagnostics;
pub mod engine;
pub mod graph;
pub mod language;
pub mod model;
pub mod runtime;
pub mod sandbox;
pub mod store;
pub mod telemetry;
pub mod triggers;
pub mod value;
