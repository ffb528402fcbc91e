//! The plain types that the [`Store`](super::Store) trait speaks in.

mod event;
mod id;
mod list;
mod people;
mod revision;
mod run;

pub use event::*;
pub use id::*;
pub use list::*;
pub use people::*;
pub use revision::*;
pub use run::*;
