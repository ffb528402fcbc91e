//! What starts a run: the door for provider webhooks, with each provider's own verification.
//!
//! An event is verified on its raw bytes, then kept with its runs in one durable transaction, then answered. Nothing
//! here executes a step.

pub mod ingress;
pub mod listener;
mod privacy;
pub mod server;
pub mod stripe;
#[cfg(test)]
mod tests;
