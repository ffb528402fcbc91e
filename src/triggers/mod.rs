//! What starts a run: the door for provider webhooks, with each provider's own verification, and the triggers that ask
//! by themselves: schedules, polls, reconciliation, files.
//!
//! - [`ingress`] one delivery in, one answer out; [`server`], [`listener`] and [`tls`] speak HTTP; [`stripe`], [`paypal`]
//!   and [`shared_secret`] verify
//! - [`intake`] what is kept of an event, and what each flow makes of it
//! - [`askers`] the flows that ask by themselves, each tended on its own: [`schedule`], [`poll`], [`changes`],
//!   [`reconcile`], [`files`]
//!
//! An event is verified on its raw bytes (or asked for by ourselves), then kept with its runs in one durable
//! transaction, then answered. Nothing here executes a step.

pub mod askers;
pub mod changes;
pub mod files;
pub mod hmac;
pub mod ingress;
pub mod intake;
pub mod listener;
pub mod paypal;
pub mod poll;
mod privacy;
pub mod rate;
pub mod reader;
pub mod reconcile;
pub mod schedule;
pub mod server;
pub mod settlement;
pub mod shared_secret;
pub mod stripe;
#[cfg(test)]
mod tests;
pub mod tls;
