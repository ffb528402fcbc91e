//! Says that something in a folder changed. Never what: editors rename, Kubernetes swaps a symlink, a save is many
//! events, so whoever listens reads everything again and compares.
//!
//! The store changes all the time and often lies in the project: it is not watched at all.

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// Saves within this time are one.
const SETTLED: Duration = Duration::from_millis(100);

/// How often a listener should look again without being told: network mounts report nothing.
pub const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Watches until it is dropped.
pub struct Watch {
    changed: Arc<Notify>,
    folder: Option<PathBuf>,
    without: Option<PathBuf>,
    watching: Mutex<Watching>,
}

struct Watching {
    watcher: RecommendedWatcher,
    /// What is watched of the folder and the folders around what is left out.
    known: BTreeSet<PathBuf>,
}

impl Watch {
    /// Watches a folder and everything below it but `without`.
    pub fn start(folder: &Path, without: Option<PathBuf>) -> notify::Result<Watch> {
        Watch::over(Some(folder), &[], without)
    }

    /// Watches a folder and everything below it but `without`, and what stands directly in other folders.
    pub fn over(folder: Option<&Path>, flat: &[&Path], without: Option<PathBuf>) -> notify::Result<Watch> {
        let changed = Arc::new(Notify::new());
        let tell = changed.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Our own reading is an event, too; a failed watch (a full queue) may have missed something.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                tell.notify_one();
            }
        })?;
        for folder in flat {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        let watching = Mutex::new(Watching { watcher, known: BTreeSet::new() });
        let watch = Watch { changed, folder: folder.map(Path::to_owned), without, watching };
        watch.look_around()?;
        Ok(watch)
    }

    /// Waits until something changed and nothing more does for a moment, or until it is time to look again.
    pub async fn changed(&self) {
        let _ = timeout(LOOK_AGAIN, async {
            self.changed.notified().await;
            while timeout(SETTLED, self.changed.notified()).await.is_ok() {}
        })
        .await;
        // What is new may have folders; one that cannot be watched is looked at again all the same.
        let _ = self.look_around();
    }

    fn look_around(&self) -> notify::Result<()> {
        let mut watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        self.folder.as_deref().map_or(Ok(()), |folder| watching.watch(folder, self.without.as_deref()))
    }
}

impl Watching {
    /// Watches what is not watched yet.
    fn watch(&mut self, folder: &Path, without: Option<&Path>) -> notify::Result<()> {
        if Some(folder) == without {
            return Ok(());
        }
        if without.is_none_or(|without| !without.starts_with(folder)) {
            return self.add(folder, RecursiveMode::Recursive);
        }
        self.add(folder, RecursiveMode::NonRecursive)?;
        self.known.retain(|known| known.exists());
        for entry in std::fs::read_dir(folder).map_err(notify::Error::io)?.flatten() {
            if entry.path().is_dir() {
                self.watch(&entry.path(), without)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, folder: &Path, mode: RecursiveMode) -> notify::Result<()> {
        if !self.known.contains(folder) {
            self.watcher.watch(folder, mode)?;
            self.known.insert(folder.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether something is seen soon.
    async fn sees(watch: &Watch) -> bool {
        timeout(Duration::from_secs(3), watch.changed()).await.is_ok()
    }

    #[tokio::test]
    async fn what_is_left_out_is_not_seen_and_new_folders_are() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (store, flows) = (root.join(".flowctl"), root.join("flows"));
        std::fs::create_dir(&store).unwrap();
        let watch = Watch::start(&root, Some(store.clone())).unwrap();
        std::fs::write(store.join("store.db"), "1").unwrap();
        std::fs::write(store.join("store.db"), "2").unwrap();
        assert!(!sees(&watch).await, "the store");
        std::fs::create_dir(&flows).unwrap();
        assert!(sees(&watch).await, "a folder");
        std::fs::write(flows.join("a.flow.yaml"), "1").unwrap();
        assert!(sees(&watch).await, "a file in it");
        std::fs::remove_dir_all(&flows).unwrap();
        assert!(sees(&watch).await);
        std::fs::create_dir(&flows).unwrap();
        assert!(sees(&watch).await);
        std::fs::write(flows.join("a.flow.yaml"), "2").unwrap();
        assert!(sees(&watch).await, "a folder that was replaced");
    }
}
