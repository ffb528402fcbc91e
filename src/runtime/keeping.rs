//! The house is kept: what is older than the project wants goes, and what is too much. A day at a time, in pieces that
//! hold up nobody; every hour, because a runtime that is started often must not put it off for ever.

use super::Inner;
use crate::graph::Severity;
use crate::model::project::Keeping;
use crate::store::{Dropped, NewAlert, Retention, StoreError};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The first time, so that a start is not slower for it.
const FIRST: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(3600);
const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(super) async fn keep_house(inner: Arc<Inner>, stop: CancellationToken) {
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = EVERY;
        tokio::select! {
            () = stop.cancelled() => return,
            outcome = once(&inner, Timestamp::now()) => match outcome {
                Ok(dropped) if dropped == Dropped::default() => {}
                Ok(Dropped { runs, events, kept, forgotten }) => {
                    tracing::info!(runs, events, kept, forgotten, "What was kept long enough is dropped.");
                }
                Err(error) => tracing::error!(%error, "What was kept long enough could not be dropped."),
            }
        }
    }
}

async fn once(inner: &Inner, now: Timestamp) -> Result<Dropped, StoreError> {
    let keeping = **inner.keeping.load();
    let mut dropped = inner.store.drop_periods(retention(&keeping, now), now).await?;
    let Some(most) = keeping.max_size else { return Ok(dropped) };
    let mut early = false;
    while inner.store.size().await? > most {
        // Today's is never dropped: it is what is being worked on.
        let Some(oldest) = inner.store.oldest().await? else { break };
        let next = oldest.checked_add(DAY).unwrap_or(Timestamp::MAX);
        if next > now {
            break;
        }
        let failed_before = retention(&keeping, now).failed_before;
        let more = inner.store.drop_periods(Retention { settled_before: next, failed_before }, now).await?;
        early |= more.runs + more.events > 0;
        dropped = sum(dropped, more);
    }
    if early {
        tell(inner, most, now).await?;
    }
    Ok(dropped)
}

fn retention(keeping: &Keeping, now: Timestamp) -> Retention {
    let before = |age: Duration| {
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        now.checked_sub(age).unwrap_or(Timestamp::MIN)
    };
    Retention { settled_before: before(keeping.retain), failed_before: before(keeping.retain_failed) }
}

fn sum(a: Dropped, b: Dropped) -> Dropped {
    Dropped {
        runs: a.runs + b.runs,
        events: a.events + b.events,
        kept: a.kept + b.kept,
        forgotten: a.forgotten + b.forgotten,
    }
}

async fn tell(inner: &Inner, most: u64, now: Timestamp) -> Result<(), StoreError> {
    let alert = NewAlert {
        flow: None,
        run: None,
        severity: Severity::Warning,
        code: "store_too_large".into(),
        title: "Runs were dropped before their time, because the store is too large".into(),
        detail: Some(format!("`store.max_size` of flowctl.yaml allows {} MB", most / 1_000_000)),
    };
    inner.store.raise(alert, now).await.map(|_| ())
}
