//! Runs events through execution graphs, durably.

pub mod connector;
pub mod door;
pub mod journal;
pub mod machine;
pub mod rehearsal;
