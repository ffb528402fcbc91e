//! A copy of the store while it works: one consistent state, written by SQLite itself.
//!
//! The copy is a store as any other: `store.db` in a folder of its own. A connection apart holds its own snapshot, so that
//! neither the writer nor the readers wait.

use crate::store::StoreError;
use rusqlite::{Connection, OpenFlags, params};
use std::fs::File;
use std::path::{Path, PathBuf};

pub(super) async fn write(from: PathBuf, to: PathBuf) -> Result<u64, StoreError> {
    let written = tokio::task::spawn_blocking(move || copy(&from, &to)).await;
    written.map_err(|error| StoreError::Io(format!("the backup did not finish: {error}")))?
}

fn copy(from: &Path, to: &Path) -> Result<u64, StoreError> {
    let io = |error: std::io::Error| StoreError::Io(format!("cannot write {}: {error}", to.display()));
    if to.exists() {
        return Err(StoreError::Conflict(format!("{} is there already: a backup replaces nothing", to.display())));
    }
    let name = to.to_str().ok_or_else(|| StoreError::Conflict(format!("{} is not UTF-8", to.display())))?;
    // Under another name until it is whole, so that nobody takes half a backup for one.
    let partial = format!("{name}.partial");
    let _ = std::fs::remove_file(&partial);
    let made = (|| {
        let connection = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(super::BUSY_TIMEOUT)?;
        connection.execute("vacuum into $1", params![partial])?;
        File::open(&partial).and_then(|file| file.sync_all()).map_err(io)?;
        std::fs::rename(&partial, to).map_err(io)?;
        // The name has to be on disk, too. Not every system can sync a folder.
        if let Some(folder) = to.parent().and_then(|folder| File::open(folder).ok()) {
            let _ = folder.sync_all();
        }
        Ok(std::fs::metadata(to).map_err(io)?.len())
    })();
    if made.is_err() {
        let _ = std::fs::remove_file(&partial);
    }
    made
}
