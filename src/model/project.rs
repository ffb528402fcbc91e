//! `flowctl.yaml`: the project's name, settings, links, totals, retention and masks.

use super::read::{Named, Spanned, model};
use super::settings::Setting;
use super::values::{Count, Duration, FlowName, Word};

model! {
    /// Marks the root of a project and holds what is true of all its flows.
    pub struct ProjectFile: "flowctl.yaml" {
        /// Name of the project; part of every idempotency key, so it is never changed.
        project: Spanned<FlowName>,
        /// Language version of the whole project.
        version: Spanned<Count>,
        /// Typed values that may differ by environment; read as `settings.NAME`.
        settings: Named<Setting> = Named::default(),
        /// Durable key → value tables.
        links: Named<Described> = Named::default(),
        /// Durable sums.
        totals: Named<Described> = Named::default(),
        /// Exchange rates.
        rates: Named<RateTable> = Named::default(),
        /// How long runs and their payloads are kept.
        store: Option<Store>,
        /// JSONPaths of what is shown and logged masked.
        mask: Vec<Spanned<Word>> = vec![],
        /// JSONPaths of what is removed at the door, before anything sees it.
        drop: Vec<Spanned<Word>> = vec![],
        /// JSONPaths of what `flowctl erase` finds a person by.
        subject: Vec<Spanned<Word>> = vec![],
    }

    /// Something that has only a name and a description.
    pub struct Described: "this" {
        /// What it holds, in a sentence.
        description: Option<Spanned<Word>>,
    }

    /// A table of exchange rates.
    pub struct RateTable: "a rate table" {
        /// Who publishes the rates.
        source: Spanned<Word>,
        /// File of the project that holds them.
        file: Spanned<Word>,
        /// How old a rate may be.
        max_age: Option<Spanned<Duration>>,
    }

    /// How long runs and their payloads are kept.
    pub struct Store: "`store`" {
        /// How long a run that ended well is kept.
        retain: Option<Spanned<Duration>>,
        /// How long a run that failed is kept.
        retain_failed: Option<Spanned<Duration>>,
    }
}
