//! `environments/NAME.yaml`: values per environment. Trees, because they are laid over others before they are read.

use super::read::{Keyed, Spanned, model};
use super::test::Data;
use super::values::Referable;

model! {
    /// What differs in one environment. Flows and mappings are the same everywhere.
    pub struct EnvironmentFile: "an environment" {
        /// Address under which the provider reaches our webhooks.
        public_url: Option<Spanned<Referable>>,
        /// Values of settings that flowctl.yaml declares.
        settings: Keyed<Data> = Keyed::default(),
        /// Leaves of existing connections: maps merge, lists replace.
        connections: Keyed<Data> = Keyed::default(),
    }
}
