//! `flowctl.yaml`: the project's name, settings, links, totals, retention and masks.

use super::read::{Named, Spanned, model, words};
use super::settings::Setting;
use super::values::{Count, Duration, FlowName, JsonPath, Referable, Size, Word};
use crate::diagnostics::{Code, Diagnostic};
use crate::value::paths::Paths;
use std::sync::Arc;
use std::time;

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
        mask: Vec<Spanned<JsonPath>> = vec![],
        /// JSONPaths of what is removed at the door, before anything sees it.
        drop: Vec<Spanned<JsonPath>> = vec![],
        /// JSONPaths of what `flowctl erase` finds a person by.
        subject: Vec<Spanned<JsonPath>> = vec![],
    }

    /// Something that has only a name and a description.
    pub struct Described: "this" {
        /// What it holds, in a sentence.
        description: Option<Spanned<Word>>,
    }

    /// A table of exchange rates.
    pub struct RateTable: "a rate table" {
        /// Who publishes the rates, and so how they are written.
        source: Spanned<RateSource>,
        /// File of the project that holds them; beside `url`, what it says goes before what the feed says.
        file: Option<Spanned<Word>>,
        /// Address at which they are asked for; one that holds a key is named: `secret://NAME`.
        url: Option<Spanned<Referable>>,
        /// How often `url` is asked (6h unless written).
        every: Option<Spanned<Duration>>,
        /// How old a rate may be.
        max_age: Option<Spanned<Duration>>,
    }

    /// How long runs and their payloads are kept.
    pub struct Store: "`store`" {
        /// How long a run that ended well is kept: 90d unless written.
        retain: Option<Spanned<Duration>>,
        /// How long a run that failed is kept: 365d unless written.
        retain_failed: Option<Spanned<Duration>>,
        /// How much the store may hold; what ended well and is oldest goes first, before its time.
        max_size: Option<Spanned<Size>>,
    }
}

words! {
    /// Who publishes rates.
    pub enum RateSource {
        /// The European Central Bank: CSV files, CSV and XML feeds.
        Ecb = "ecb",
        /// openexchangerates.org and what is written as it writes: JSON.
        Openexchangerates = "openexchangerates",
    }
}

/// Which data are nobody's business.
#[derive(Clone, Debug, Default)]
pub struct Privacy {
    /// Kept whole, shown masked.
    pub mask: Arc<Paths>,
    /// Removed before anything sees it.
    pub drop: Paths,
    /// Who is meant.
    pub subject: Paths,
}

impl ProjectFile {
    /// What it says of private data.
    pub fn privacy(&self) -> Privacy {
        let paths =
            |written: &[Spanned<JsonPath>]| Paths::new(written.iter().map(|path| path.value.0.clone()).collect());
        Privacy { mask: Arc::new(paths(&self.mask)), drop: paths(&self.drop), subject: paths(&self.subject) }
    }
}

/// How long, and how much, is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    pub retain: time::Duration,
    /// Never shorter than `retain`.
    pub retain_failed: time::Duration,
    pub max_size: Option<u64>,
}

impl Default for Keeping {
    fn default() -> Keeping {
        let days = |count: u64| time::Duration::from_secs(count * 24 * 3600);
        Keeping { retain: days(90), retain_failed: days(365), max_size: None }
    }
}

impl ProjectFile {
    /// What it says of the store, the rest as usual.
    pub fn keeping(&self) -> Keeping {
        let usual = Keeping::default();
        let Some(store) = &self.store else { return usual };
        let retain = store.retain.as_ref().map_or(usual.retain, |retain| retain.value.0);
        let failed = store.retain_failed.as_ref().map_or(usual.retain_failed, |retain| retain.value.0);
        Keeping {
            retain,
            retain_failed: failed.max(retain),
            max_size: store.max_size.as_ref().map(|size| size.value.0),
        }
    }

    /// What of it makes no sense.
    pub fn check(&self) -> Option<Diagnostic> {
        let store = self.store.as_ref()?;
        let failed = store.retain_failed.as_ref().filter(|failed| failed.value.0 < self.keeping().retain)?;
        let message = "`retain_failed` is shorter than `retain`";
        let finding = Diagnostic::error(Code::F0429, message, failed.span);
        let finding = match store.retain {
            Some(_) => finding,
            None => {
                let days = Keeping::default().retain.as_secs() / (24 * 3600);
                finding.help(format!("`retain` is {days}d unless it is written"))
            }
        };
        Some(
            finding.help("what failed is kept at least as long as what ended well: somebody may still have to mend it"),
        )
    }
}
