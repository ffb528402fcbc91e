//! Runs events through execution graphs: durably, effectively once, and honestly where that cannot be known.
//!
//! - [`door`] what a flow makes of an event, before anything runs
//! - [`machine`] the pure state machine of one run: what is done, sent, looked for, waited for
//! - [`journal`] its entries as the store keeps them
//! - [`connector`] what is asked of a system's side
//! - [`revisions`] the live graphs, and the pinned ones of runs that began earlier
//! - [`rehearsal`] tests beside the flows: door and machine with given answers
//! - [`own`] what the engine reads and keeps itself: links, totals, rates
//! - [`inbox`] keeps what comes through the door, and begins it at once where there is room
//! - [`executor`] claims runs from the store and does what their machines say; [`driver`] one of them; [`operate`]
//!   what a person does to them
//!
//! Deliberately without HTTP and files: connectors and triggers stand below. Invariant: what a machine records is
//! durable before what follows it is done.

// A step's error is told once, in full: it may be large.
#![allow(clippy::result_large_err)]

mod approvals;
mod cache;
pub mod connector;
pub mod door;
mod driver;
pub mod executor;
pub mod inbox;
pub mod journal;
pub mod machine;
pub mod operate;
mod own;
mod places;
pub mod rehearsal;
pub mod revisions;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use connector::Connector;
pub use executor::{Config, Connectors, Executor};
pub use inbox::{Inbox, Seen};
pub use operate::{CommandError, Preview, Resumed};
pub use revisions::{Live, Revisions};
