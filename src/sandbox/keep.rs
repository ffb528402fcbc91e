//! State that survives a restart: one JSON file a stand-in, written whole whenever something may have changed.

use super::server::Standin;
use crate::value::json;
use std::path::PathBuf;

/// A stand-in's file.
pub struct Keep {
    file: PathBuf,
}

impl Keep {
    /// Goes on from what the file holds; without one the stand-in is as it begins.
    pub fn open(file: PathBuf, standin: &dyn Standin) -> std::io::Result<Keep> {
        match std::fs::read(&file) {
            Ok(bytes) => {
                let state = json::parse(&bytes);
                let state = state.map_err(|why| std::io::Error::other(format!("{}: {why}", file.display())))?;
                standin.restore(&state);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Keep { file })
    }

    /// Writes what the stand-in knows now. Where that fails the next write may do better; a stand-in goes on.
    pub fn write(&self, standin: &dyn Standin) {
        let Some(text) = standin.snapshot().and_then(|state| json::write(&state).ok()) else { return };
        let beside = self.file.with_extension("new");
        if let Err(error) = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, &self.file)) {
            tracing::warn!(file = %self.file.display(), %error, "a stand-in's state could not be written");
        }
    }
}

/// Writes at the end of a request, however it ends.
pub struct Kept<'k> {
    pub keep: Option<&'k Keep>,
    pub standin: &'k dyn Standin,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if let Some(keep) = self.keep {
            keep.write(self.standin);
        }
    }
}
