//! The secret store: a file with one sealed entry for each name, and its key somewhere else.
//!
//! Each value is sealed by itself (ChaCha20-Poly1305, a random nonce) together with its name and the time when it was
//! set, so that entries cannot be exchanged or renamed. Names and times stand in clear; values are opened one by one,
//! when a connection is made. Invariants: no message holds a value or a key; the file is replaced as a whole or not at
//! all, and only its owner can read it; a wrong key is told from a file that somebody changed.
//!
//! What it is not: it hands out nothing over the network and does not remember old values, but for the one that
//! [`SecretStore::renew`] keeps beside the new one.

mod file;
mod key;
mod named;
#[cfg(test)]
mod tests;

pub use key::{Key, KeyPlace};
pub use named::unknown;

use super::secret::Secret;
use crate::diagnostics::{Code, did_you_mean};
use file::{Entry, StoreFile};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// The store's name in a project's folder.
pub const FILE: &str = "secrets.sealed";
/// Another place for it, such as a data directory.
pub const FILE_VARIABLE: &str = "FLOWCTL_SECRETS_FILE";
/// What the name of the value before the last one ends in.
const OLD: &str = "_old";

const LONGEST_NAME: usize = 200;
const LONGEST_VALUE: usize = 16 << 10;
const MOST_NAMES: usize = 1000;

/// The environment of the process.
pub type Env<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Why a secret cannot be read or kept. Never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    #[error("there is no secret store at {path}")]
    NoStore { path: String },
    #[error("the secret store has no `{name}`{}", .meant.as_ref().map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default())]
    NotThere { name: String, meant: Option<String> },
    #[error("there is no key for the secret store: {} is not set, and {file} cannot be read: {why}", key::VARIABLE)]
    NoKey { file: String, why: String },
    #[error("{whence} holds no key: a key is 32 bytes, as 64 hexadecimal digits or in base64")]
    NoSuchKey { whence: String },
    #[error("the key file {file} stands inside the project, beside what it opens")]
    KeyInside { file: String },
    #[error("{whence} holds another key than the one that {path} was sealed with")]
    WrongKey { whence: String, path: String },
    #[error("`{name}` in {path} was changed by somebody who does not have the key, or the file is damaged")]
    Tampered { name: String, path: String },
    #[error("{path} is no secret store: {why}")]
    Damaged { path: String, why: String },
    #[error("{path}: {why}")]
    Io { path: String, why: String },
    #[error("{0}")]
    Unfit(String),
}

impl SecretsError {
    /// The page that explains it.
    pub fn code(&self) -> Code {
        match self {
            SecretsError::NoStore { .. } | SecretsError::NotThere { .. } => Code::F0455,
            SecretsError::NoKey { .. }
            | SecretsError::NoSuchKey { .. }
            | SecretsError::KeyInside { .. }
            | SecretsError::WrongKey { .. } => Code::F0457,
            SecretsError::Tampered { .. } | SecretsError::Damaged { .. } => Code::F0458,
            SecretsError::Io { .. } => Code::F0454,
            SecretsError::Unfit(_) => Code::F0459,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            SecretsError::NoStore { .. } | SecretsError::NotThere { .. } => {
                "`flowctl secrets set NAME` puts one there, `flowctl secrets list` shows the names"
            }
            SecretsError::NoKey { .. } | SecretsError::WrongKey { .. } => {
                "set FLOWCTL_SECRETS_KEY, or FLOWCTL_SECRETS_KEY_FILE to the file with the key"
            }
            SecretsError::NoSuchKey { .. } => "`openssl rand -hex 32` makes one",
            SecretsError::KeyInside { .. } => {
                "whoever gets the folder gets both: move it, and name it in FLOWCTL_SECRETS_KEY_FILE"
            }
            SecretsError::Tampered { .. } | SecretsError::Damaged { .. } => {
                "take the file from a backup, or set the secret again"
            }
            SecretsError::Io { .. } => "is it there, and may flowctl read it?",
            SecretsError::Unfit(_) => "a secret is one line of text",
        }
    }
}

/// What is known of an entry without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub set_at: Timestamp,
}

/// The store as it was when it was read.
#[derive(Debug)]
pub struct SecretStore {
    path: PathBuf,
    file: StoreFile,
}

impl SecretStore {
    /// Where the store of a project is.
    pub fn place(root: &Path, env: Env<'_>) -> PathBuf {
        env(FILE_VARIABLE).filter(|path| !path.is_empty()).map_or_else(|| root.join(FILE), PathBuf::from)
    }

    /// Reads the file; nothing is opened yet.
    pub fn read(path: &Path) -> Result<SecretStore, SecretsError> {
        let file = StoreFile::read(path)?;
        let file = file.ok_or_else(|| SecretsError::NoStore { path: path.display().to_string() })?;
        Ok(SecretStore { path: path.to_path_buf(), file })
    }

    /// The names with the times when they were set.
    pub fn names(&self) -> Vec<Listed> {
        let entries = self.file.secrets.iter();
        entries.map(|(name, entry)| Listed { name: name.clone(), set_at: entry.set_at }).collect()
    }

    /// Whether there is one of that name.
    pub fn has(&self, name: &str) -> bool {
        self.file.secrets.contains_key(name)
    }

    /// A value, opened.
    pub fn open(&self, name: &str, key: &Key) -> Result<Secret, SecretsError> {
        let Some(entry) = self.file.secrets.get(name) else { return Err(self.not_there(name)) };
        let tampered = || SecretsError::Tampered { name: name.to_owned(), path: self.path.display().to_string() };
        let bytes = key.open(name, entry).ok_or_else(tampered)?;
        std::str::from_utf8(&bytes).map(Secret::new).map_err(|_| tampered())
    }

    /// The key that it was sealed with.
    pub fn key(&self, root: &Path, env: Env<'_>) -> Result<Key, SecretsError> {
        let place = KeyPlace::of(&self.file.key, env);
        let key = place.read(root)?;
        if key.id() != self.file.key {
            let (whence, path) = (place.to_string(), self.path.display().to_string());
            return Err(SecretsError::WrongKey { whence, path });
        }
        Ok(key)
    }

    fn not_there(&self, name: &str) -> SecretsError {
        let meant = did_you_mean(name, self.file.secrets.keys().map(String::as_str)).map(str::to_owned);
        SecretsError::NotThere { name: name.to_owned(), meant }
    }
}

/// What `secret://NAME` stands for in that project.
pub fn read(root: &Path, name: &str, env: Env<'_>) -> Result<Secret, SecretsError> {
    let store = SecretStore::read(&SecretStore::place(root, env))?;
    if !store.has(name) {
        return Err(store.not_there(name));
    }
    store.open(name, &store.key(root, env)?)
}

/// The store's file as it is, for whoever wants to know whether it changed. Empty where there is none.
pub fn bytes(root: &Path, env: Env<'_>) -> Vec<u8> {
    std::fs::read(SecretStore::place(root, env)).unwrap_or_default()
}

/// What a change of the store did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// A key was made, and stands there now.
    pub new_key: Option<PathBuf>,
    /// The key before it, which still opens older copies of the store.
    pub old_key: Option<PathBuf>,
    /// The name under which the value before this one is kept.
    pub kept_as: Option<String>,
}

/// Puts a value there, in the place of the one before it. Makes store and key where there are none.
pub fn set(root: &Path, name: &str, value: &str, env: Env<'_>, now: Timestamp) -> Result<Changed, SecretsError> {
    fits(name, value)?;
    change(root, env, |file, key| {
        file.secrets.insert(name.to_owned(), key.seal(name, value, now)?);
        Ok(None)
    })
}

/// Puts a value there and keeps the one before it as `NAME_old`: both hold until the provider uses the new one.
pub fn renew(root: &Path, name: &str, value: &str, env: Env<'_>, now: Timestamp) -> Result<Changed, SecretsError> {
    fits(name, value)?;
    let old = format!("{name}{OLD}");
    fits(&old, value)?;
    let store = SecretStore::read(&SecretStore::place(root, env))?;
    let before = store.open(name, &store.key(root, env)?)?;
    change(root, env, |file, key| {
        file.secrets.insert(name.to_owned(), key.seal(name, value, now)?);
        file.secrets.insert(old.clone(), key.seal(&old, before.expose(), now)?);
        Ok(Some(old))
    })
}

/// Takes one out.
pub fn remove(root: &Path, name: &str, env: Env<'_>) -> Result<(), SecretsError> {
    let path = SecretStore::place(root, env);
    let _lock = file::lock(&path)?;
    let mut store = SecretStore::read(&path)?;
    if store.file.secrets.remove(name).is_none() {
        return Err(store.not_there(name));
    }
    store.file.write(&path)
}

/// Seals everything with a new key. A key in the environment is somebody else's to make: the new one is taken from
/// `FLOWCTL_SECRETS_NEW_KEY`.
pub fn change_key(root: &Path, env: Env<'_>) -> Result<Changed, SecretsError> {
    let path = SecretStore::place(root, env);
    let _lock = file::lock(&path)?;
    let store = SecretStore::read(&path)?;
    let (old, old_place) = (store.key(root, env)?, KeyPlace::of(&store.file.key, env));
    let (new, made) = match &old_place {
        KeyPlace::Variable(_) => (key::next(env)?, None),
        KeyPlace::File(file) => {
            let new = Key::generate()?;
            // Where somebody names the file, the key takes the old one's place once the store is sealed with it.
            let made = match key::is_named(env) {
                true => beside(file, &new),
                false => KeyPlace::own(&new.id(), env),
            };
            (new, Some(made))
        }
    };
    let mut file = StoreFile::new(new.id());
    for Listed { name, set_at } in store.names() {
        let value = store.open(&name, &old)?;
        file.secrets.insert(name.clone(), new.seal(&name, value.expose(), set_at)?);
    }
    // The key first: a store that nobody can open would be lost.
    if let Some(made) = &made {
        new.write(made, root)?;
    }
    file.write(&path)?;
    let (KeyPlace::File(named), Some(made)) = (old_place, made) else { return Ok(Changed::default()) };
    if !key::is_named(env) {
        return Ok(Changed { new_key: Some(made), old_key: Some(named), kept_as: None });
    }
    let kept = beside(&named, &old);
    std::fs::rename(&named, &kept).map_err(|error| file::io(&named, &error))?;
    std::fs::rename(&made, &named).map_err(|error| file::io(&made, &error))?;
    Ok(Changed { new_key: Some(named), old_key: Some(kept), kept_as: None })
}

/// A file of its own for a key, beside the one that is named.
fn beside(file: &Path, key: &Key) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!("{name}.{}", key.id()))
}

fn change(
    root: &Path,
    env: Env<'_>,
    work: impl FnOnce(&mut StoreFile, &Key) -> Result<Option<String>, SecretsError>,
) -> Result<Changed, SecretsError> {
    let path = SecretStore::place(root, env);
    let _lock = file::lock(&path)?;
    let mut made = None;
    let (mut file, key) = match SecretStore::read(&path) {
        Ok(store) => {
            let key = store.key(root, env)?;
            // A store that was changed behind our back is not sealed anew.
            for Listed { name, .. } in store.names() {
                store.open(&name, &key)?;
            }
            (store.file, key)
        }
        Err(SecretsError::NoStore { .. }) => {
            let (key, file) = key::first(root, env)?;
            made = file;
            (StoreFile::new(key.id()), key)
        }
        Err(error) => return Err(error),
    };
    let kept_as = work(&mut file, &key)?;
    if file.secrets.len() > MOST_NAMES {
        return Err(SecretsError::Unfit(format!("the secret store is full: it takes {MOST_NAMES} names")));
    }
    if let Some(made) = &made {
        key.write(made, root)?;
    }
    file.write(&path)?;
    Ok(Changed { new_key: made, old_key: None, kept_as })
}

/// Whether the store takes a value under a name.
fn fits(name: &str, value: &str) -> Result<(), SecretsError> {
    let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let unfit = |why: String| Err(SecretsError::Unfit(why));
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(of_name) {
        let name: String = name.chars().take(40).collect();
        return unfit(format!(
            "{name:?} is no name of a secret: letters, digits and `_ - . /`, at most {LONGEST_NAME}"
        ));
    }
    if value.trim().is_empty() {
        return unfit(format!("the value for `{name}` is empty"));
    }
    if value.chars().any(char::is_control) {
        return unfit(format!("the value for `{name}` holds a line break or another control character"));
    }
    if value.len() > LONGEST_VALUE {
        return unfit(format!("the value for `{name}` is longer than {} KiB", LONGEST_VALUE >> 10));
    }
    Ok(())
}

/// What an entry's seal covers beside its value.
fn bound(name: &str, set_at: Timestamp) -> Vec<u8> {
    format!("flowctl secret 1\0{name}\0{set_at}").into_bytes()
}

impl Key {
    fn seal(&self, name: &str, value: &str, set_at: Timestamp) -> Result<Entry, SecretsError> {
        let (nonce, sealed) = self.encrypt(&bound(name, set_at), value.as_bytes())?;
        Ok(Entry { set_at, nonce, sealed })
    }

    fn open(&self, name: &str, entry: &Entry) -> Option<Vec<u8>> {
        self.decrypt(&bound(name, entry.set_at), &entry.nonce, &entry.sealed)
    }
}
