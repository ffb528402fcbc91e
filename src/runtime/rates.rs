//! Feeds of exchange rates: asked when the runtime starts and every few hours, each by itself.
//!
//! What a feed gave is used until it gives something else, also across a restart: the last good answer is in the store.
//! How old a rate may be is the table's `max_age`, asked where a rate is used. Invariants: what cannot be read changes
//! nothing and raises an alert, which ends when it can be read again; an address that holds a key is never shown, and what
//! one address gave is never taken for what another gives.

use super::Inner;
use crate::connectors::{Secret, http, read_reference};
use crate::graph::Severity;
use crate::model::rates::{Feed, Table, parse_feed};
use crate::model::values::Referable;
use crate::store::{AlertFilter, By, CursorMove, NewAlert, Page, StoreError};
use bytes::Bytes;
use jiff::Timestamp;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often it is looked whether a feed is due: a reload may bring another one.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a feed could not be read.
const AGAIN_AFTER: Duration = Duration::from_secs(300);
const PATIENCE: Duration = Duration::from_secs(30);
const ALERT: &str = "rates_unreachable";
/// Longest answer that is kept for the next start.
const LONGEST_KEPT: usize = 4 << 20;
/// In the place of a flow's name, which cannot be empty: what is kept is nobody's alone.
const NOBODY: &str = "";

/// What a feed gave.
pub struct Answer {
    pub table: Table,
    bytes: Bytes,
}

/// Asks until `stop`.
pub(super) async fn keep_fed(inner: Arc<Inner>, stop: CancellationToken) {
    let Ok(client) = http::client() else { return };
    let mut asked: HashMap<String, (Feed, Instant)> = HashMap::new();
    loop {
        let feeds = inner.feeds.load_full();
        asked.retain(|name, (feed, _)| feeds.iter().any(|known| known.name == *name && known == feed));
        for feed in feeds.iter() {
            if asked.get(&feed.name).is_some_and(|(_, next)| Instant::now() < *next) {
                continue;
            }
            if !inner.fed.load().contains_key(&feed.name) {
                inner.recall(feed).await;
            }
            let read = tokio::select! {
                () = stop.cancelled() => return,
                read = fetch(feed, &inner.root, &super::env, &client) => read,
            };
            let wait = match read {
                Ok(Answer { table, bytes }) => {
                    tracing::info!(rates = feed.name, day = ?table.last_day(), "The feed was read.");
                    inner.feed(&feed.name, table);
                    if let Err(error) = inner.keep_answer(feed, &bytes).await {
                        tracing::warn!(rates = feed.name, %error, "What the feed gave cannot be kept for the next start.");
                    }
                    mended(&inner, feed).await;
                    feed.every
                }
                Err(why) => {
                    tracing::error!(
                        rates = feed.name,
                        why,
                        "The feed could not be read; what it gave before stays in use."
                    );
                    tell(&inner, feed, why).await;
                    feed.every.min(AGAIN_AFTER)
                }
            };
            asked.insert(feed.name.clone(), (feed.clone(), Instant::now() + wait));
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// What a feed gives now.
pub async fn fetch(
    feed: &Feed,
    root: &Path,
    env: &(dyn Fn(&str) -> Option<String> + Sync),
    client: &reqwest::Client,
) -> Result<Answer, String> {
    let address = match &feed.url.value {
        Referable::Text(text) => Secret::new(text),
        Referable::Reference(reference) => {
            read_reference(reference, root, &|name| env(name)).map_err(|error| error.to_string())?
        }
    };
    let url = url::Url::parse(address.expose()).map_err(|_| "its `url` is no address".to_owned())?;
    let answer = http::send(client.get(url), PATIENCE).await.map_err(|error| error.to_string())?;
    match parse_feed(feed.source, &answer.body, feed.max_age) {
        Ok(table) if answer.is_success() => Ok(Answer { table, bytes: answer.body }),
        Ok(_) => Err(format!("it answered {}", answer.status)),
        Err(why) if answer.is_success() => Err(why),
        Err(why) => Err(format!("it answered {}: {why}", answer.status)),
    }
}

impl Inner {
    /// Files and feeds together.
    pub(super) fn set_rates(&self) {
        let fed = self.fed.load();
        let files = (**self.files_rates.load()).clone();
        self.executor.set_rates(fed.iter().fold(files, |rates, (name, table)| rates.with_feed(name, table)));
    }

    fn feed(&self, name: &str, table: Table) {
        let mut fed = (**self.fed.load()).clone();
        fed.insert(name.to_owned(), Arc::new(table));
        self.fed.store(Arc::new(fed));
        self.set_rates();
        self.executor.wake();
    }

    /// Uses what the feed gave before the last end, until it gives something else.
    async fn recall(&self, feed: &Feed) {
        let kept = match self.store.cursor(NOBODY.to_owned(), cursor(feed)).await {
            Ok(kept) => kept,
            Err(error) => return tracing::error!(rates = feed.name, %error, "What the feed gave cannot be read back."),
        };
        let Some((whose, text)) = kept.as_deref().and_then(|kept| kept.split_once('\n')) else { return };
        if whose != address(feed) {
            return;
        }
        match parse_feed(feed.source, text.as_bytes(), feed.max_age) {
            Ok(table) => {
                tracing::info!(rates = feed.name, day = ?table.last_day(), "What the feed gave last is in use until it answers.");
                self.feed(&feed.name, table);
            }
            Err(why) => tracing::warn!(rates = feed.name, why, "What the feed gave last cannot be read any more."),
        }
    }

    /// Keeps an answer for the next start, where it is another.
    async fn keep_answer(&self, feed: &Feed, bytes: &[u8]) -> Result<(), StoreError> {
        let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST_KEPT) else {
            return Ok(());
        };
        let from = self.store.cursor(NOBODY.to_owned(), cursor(feed)).await?;
        let to = format!("{}\n{text}", address(feed));
        if from.as_ref() != Some(&to) {
            let (flow, name) = (NOBODY.to_owned(), cursor(feed));
            self.store.accept_all(vec![], CursorMove { flow, name, from, to, at: Timestamp::now() }).await?;
        }
        Ok(())
    }
}

fn cursor(feed: &Feed) -> String {
    format!("rates/{}", feed.name)
}

/// The feed's address as it is written: where it holds a key, that is a reference.
fn address(feed: &Feed) -> String {
    let written = match &feed.url.value {
        Referable::Text(text) => text.to_string(),
        Referable::Reference(reference) => reference.to_string(),
    };
    format!("{} {written}", feed.source.as_str())
}

fn title(feed: &Feed) -> String {
    format!("The feed of the rates `{}` cannot be read", feed.name)
}

async fn tell(inner: &Inner, feed: &Feed, why: String) {
    let alert = NewAlert {
        flow: None,
        run: None,
        severity: Severity::Warning,
        code: ALERT.to_owned(),
        title: title(feed),
        detail: Some(format!("{why}. What it gave before stays in use until it is older than `max_age`.")),
    };
    if let Err(error) = inner.store.raise(alert, Timestamp::now()).await {
        tracing::error!(%error, "The alert could not be raised.");
    }
}

async fn mended(inner: &Inner, feed: &Feed) {
    let open = AlertFilter { open: Some(true), flow: None, code: Some(ALERT.into()) };
    let Ok(alerts) = inner.store.alerts(open, Page::first(100)).await else { return };
    for alert in alerts.items.into_iter().filter(|alert| alert.title == title(feed)) {
        let by = By { actor: "flowctl".into(), reason: "the feed can be read again".into(), at: Timestamp::now() };
        if let Err(error) = inner.store.close_alert(alert.id, by).await {
            tracing::error!(%error, "The alert could not be closed.");
        }
    }
}
