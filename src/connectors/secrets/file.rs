//! The store's file: JSON with what may be seen in clear. Written whole, beside the old one and then in its place.

use super::SecretsError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

/// The format's version.
const VERSION: u32 = 1;
/// Longest file that is read.
const LONGEST: u64 = 32 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoreFile {
    flowctl_secrets: u32,
    /// Which key it was sealed with.
    pub key: String,
    pub secrets: BTreeMap<String, Entry>,
}

/// One sealed value.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub set_at: Timestamp,
    #[serde(serialize_with = "write_bytes", deserialize_with = "read_bytes")]
    pub nonce: Vec<u8>,
    #[serde(serialize_with = "write_bytes", deserialize_with = "read_bytes")]
    pub sealed: Vec<u8>,
}

fn write_time<S: Serializer>(at: &Timestamp, output: S) -> Result<S::Ok, S::Error> {
    output.collect_str(at)
}

fn read_time<'de, D: Deserializer<'de>>(input: D) -> Result<Timestamp, D::Error> {
    String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
}

fn write_bytes<S: Serializer>(bytes: &[u8], output: S) -> Result<S::Ok, S::Error> {
    output.serialize_str(&STANDARD.encode(bytes))
}

fn read_bytes<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<u8>, D::Error> {
    STANDARD.decode(String::deserialize(input)?).map_err(serde::de::Error::custom)
}

impl StoreFile {
    /// An empty one for that key.
    pub fn new(key: String) -> StoreFile {
        StoreFile { flowctl_secrets: VERSION, key, secrets: BTreeMap::new() }
    }

    /// `None` where there is no file.
    pub fn read(path: &Path) -> Result<Option<StoreFile>, SecretsError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(path, &error)),
        };
        let mut bytes = vec![];
        file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| io(path, &error))?;
        let damaged = |why: String| SecretsError::Damaged { path: path.display().to_string(), why };
        if bytes.len() as u64 > LONGEST {
            return Err(damaged(format!("it is longer than {} MiB", LONGEST >> 20)));
        }
        // The parser's own words could repeat what stands there.
        let read: StoreFile = serde_json::from_slice(&bytes)
            .map_err(|error| damaged(format!("line {}, column {}", error.line(), error.column())))?;
        if read.flowctl_secrets != VERSION {
            return Err(damaged(format!("it has version {}, this flowctl reads {VERSION}", read.flowctl_secrets)));
        }
        Ok(Some(read))
    }

    /// In the place of the one that is there: all at once, for its owner alone.
    pub fn write(&self, path: &Path) -> Result<(), SecretsError> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| SecretsError::Io { path: path.display().to_string(), why: error.to_string() })?;
        text.push('\n');
        replace(path, text.as_bytes())
    }
}

/// Writes a file that only its owner can read, all at once.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), SecretsError> {
    // Where the file is a link, what it leads to is replaced.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)?;
        // The name is durable when its folder is.
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|error| {
        let _ = std::fs::remove_file(&temporary);
        io(&path, &error)
    })
}

/// One writer at a time: holds the store's folder until it is dropped.
pub(super) fn lock(path: &Path) -> Result<File, SecretsError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let held = File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
    held.map_err(|error| io(folder, &error))
}

pub(super) fn io(path: &Path, error: &std::io::Error) -> SecretsError {
    SecretsError::Io { path: path.display().to_string(), why: error.to_string() }
}
