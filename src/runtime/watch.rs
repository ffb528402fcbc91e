//! Says that something in a folder changed. Never what: editors rename, Kubernetes swaps a symlink, a save is many
//! events, so whoever listens reads everything again and compares.

use notify::{RecursiveMode, event::EventKind};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Saves within this time are one.
const SETTLED: Duration = Duration::from_millis(100);

/// How often a listener should look again without being told: network mounts report nothing.
pub const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Watches until it is dropped.
pub struct Watch {
    changed: Arc<Notify>,
    _debouncer: Debouncer<notify::RecommendedWatcher, RecommendedCache>,
}

impl Watch {
    /// Watches a folder and everything below it but `without` (the store, which changes all the time).
    pub fn start(folder: &Path, without: Option<PathBuf>) -> notify::Result<Watch> {
        Watch::over(Some(folder), &[], without)
    }

    /// Watches a folder and everything below it but `without`, and what stands directly in other folders.
    pub fn over(folder: Option<&Path>, flat: &[&Path], without: Option<PathBuf>) -> notify::Result<Watch> {
        let changed = Arc::new(Notify::new());
        let tell = changed.clone();
        let mut debouncer = new_debouncer(SETTLED, None, move |events: DebounceEventResult| {
            // Our own reading is an event, too; a failed watch (a full queue) may have missed something.
            let read_only = |kind: &EventKind| matches!(kind, EventKind::Access(_));
            let inside = |path: &PathBuf| without.as_ref().is_some_and(|without| path.starts_with(without));
            let ours = |paths: &[PathBuf]| !paths.is_empty() && paths.iter().all(inside);
            let changed = match events {
                Ok(events) => events.iter().any(|event| !read_only(&event.kind) && !ours(&event.paths)),
                Err(_) => true,
            };
            if changed {
                tell.notify_one();
            }
        })?;
        if let Some(folder) = folder {
            debouncer.watch(folder, RecursiveMode::Recursive)?;
        }
        for folder in flat {
            debouncer.watch(folder, RecursiveMode::NonRecursive)?;
        }
        Ok(Watch { changed, _debouncer: debouncer })
    }

    /// Waits until something changed, or until it is time to look again.
    pub async fn changed(&self) {
        let _ = tokio::time::timeout(LOOK_AGAIN, self.changed.notified()).await;
    }
}
