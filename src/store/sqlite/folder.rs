//! The folder of an embedded store: its lock, its file, and the version of what is in it.
//!
//! Beside them stands whether the store is in use. A file that is suddenly empty, or whose log is gone although nobody
//! put it away, is damage: it must not be taken for a new store, or for one in which nothing happened lately.

use super::query::{execute, one};
use super::rows::At;
use crate::store::{StoreError, sql};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The version of the schema that this binary writes.
pub(super) const VERSION: i64 = 1;
/// Beside the store: whether it is in use.
const STATE: &str = "store.state";
const IN_USE: &str = "in use";
const PUT_AWAY: &str = "put away";
/// KiB of pages that the writer keeps in memory.
const CACHE: i64 = 8192;
/// The log goes into the file when it has so many pages: what changes again and again goes there once.
const LOG_PAGES: i64 = 4000;
const SCHEMA: &str = include_str!("schema.sql");

fn io(what: &str, path: &Path, error: impl std::fmt::Display) -> StoreError {
    StoreError::Io(format!("{what} {}: {error}", path.display()))
}

/// A folder that is ours as long as this lives.
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder where needed and takes its lock. The lock ends with the process, however it ends.
    pub(super) fn lock(path: &Path) -> Result<Folder, StoreError> {
        std::fs::create_dir_all(path).map_err(|e| io("cannot make the folder", path, e))?;
        let file = path.join("store.lock");
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&file);
        let mut lock = options.map_err(|e| io("cannot open", &file, e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = lock.take(20).read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(StoreError::Locked { pid });
            }
            Err(TryLockError::Error(e)) => return Err(io("cannot lock", &file, e)),
        }
        let write =
            lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| writeln!(lock, "{}", std::process::id()));
        write.map_err(|e| io("cannot write", &file, e))?;
        Ok(Folder { path: path.to_owned(), _lock: lock })
    }

    pub(super) fn file(&self) -> PathBuf {
        self.path.join("store.db")
    }

    /// The writing connection, with the schema in place and the runs of an earlier process taken back.
    pub(super) fn open(&self) -> Result<Connection, StoreError> {
        self.is_whole()?;
        let connection = Connection::open(self.file())?;
        connection.busy_timeout(super::BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(128);
        connection.pragma_update(None, "page_size", 4096)?;
        let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
        if !mode.eq_ignore_ascii_case("wal") {
            return Err(StoreError::Io(format!("{} does not allow a write-ahead log", self.path.display())));
        }
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "temp_store", "memory")?;
        connection.pragma_update(None, "cache_size", -CACHE)?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        self.migrate(&connection)?;
        execute(&connection, sql::TAKE_BACK, params![At(Timestamp::now())])?;
        self.note(IN_USE);
        // The file's own name has to be on disk too. Not every system can sync a folder.
        if let Ok(folder) = File::open(&self.path) {
            let _ = folder.sync_all();
        }
        Ok(connection)
    }
}

impl Folder {
    fn migrate(&self, connection: &Connection) -> Result<(), StoreError> {
        let tables: i64 = connection.query_row("select count(*) from sqlite_schema", [], |row| row.get(0))?;
        if tables == 0 {
            if self.noted().is_some() {
                return Err(self.damaged("is empty, and was not"));
            }
            connection.execute_batch(&format!("begin immediate; {SCHEMA} commit;"))?;
            return Ok(());
        }
        let not_ours =
            |_| StoreError::Corrupt("the file has no schema version: it is not a store of flowctl".to_owned());
        let found = one(connection, sql::SCHEMA_VERSION, [], |row| row.get::<_, Option<i64>>(0)).map_err(not_ours)?;
        match found.flatten() {
            Some(VERSION) => Ok(()),
            Some(found) if found > VERSION => Err(StoreError::Newer { found, known: VERSION }),
            _ => Err(StoreError::Corrupt("the schema version cannot be read".to_owned())),
        }
    }

    /// Nothing is missing that must be there.
    fn is_whole(&self) -> Result<(), StoreError> {
        match self.noted().as_deref() {
            Some(_) if !self.file().exists() => Err(self.damaged("is gone")),
            Some(IN_USE) if !self.log().exists() => {
                Err(self.damaged("has lost its log store.db-wal, and with it what was kept last"))
            }
            _ => Ok(()),
        }
    }

    fn damaged(&self, how: &str) -> StoreError {
        let path = self.path.join("store.db");
        StoreError::Corrupt(format!(
            "{} {how}. Restore the latest backup into an empty folder; only where this is meant, remove {STATE} beside it",
            path.display()
        ))
    }

    fn log(&self) -> PathBuf {
        self.path.join("store.db-wal")
    }

    /// What was noted last; nothing where no store was ever made here.
    fn noted(&self) -> Option<String> {
        std::fs::read_to_string(self.path.join(STATE)).ok().map(|text| text.trim().to_owned())
    }

    /// Renamed into its place, so that it is never half written. Lost with the power it is only less to tell damage by.
    fn note(&self, state: &str) {
        let beside = self.path.join("store.state.new");
        let written = std::fs::write(&beside, format!("{state}\n"));
        if let Err(error) = written.and_then(|()| std::fs::rename(&beside, self.path.join(STATE))) {
            tracing::warn!(%error, "whether the store is in use could not be noted");
        }
    }
}

impl Drop for Folder {
    /// The connections have ended before, and the last of them has taken the log into the file.
    fn drop(&mut self) {
        if self.noted().is_some() && !self.log().exists() {
            self.note(PUT_AWAY);
        }
    }
}
