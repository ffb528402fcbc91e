//! The store's key, and where it is kept: in the environment, or in a file outside the project.

use super::file::{io, replace};
use super::{Env, SecretsError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Holds the key itself.
pub(super) const VARIABLE: &str = "FLOWCTL_SECRETS_KEY";
/// The same while it is replaced.
const NEXT_VARIABLE: &str = "FLOWCTL_SECRETS_NEW_KEY";
/// Names the file with it.
const FILE_VARIABLE: &str = "FLOWCTL_SECRETS_KEY_FILE";

const LENGTH: usize = 32;
const LONGEST_FILE: u64 = 4096;

/// 32 random bytes. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; LENGTH]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Key {
    pub fn generate() -> Result<Key, SecretsError> {
        let mut bytes = [0; LENGTH];
        random(&mut bytes)?;
        Ok(Key(bytes))
    }

    /// 64 hexadecimal digits, or base64.
    pub fn parse(text: &str) -> Option<Key> {
        let text = text.trim();
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        let hex = || {
            let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
                [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
                _ => None,
            });
            pairs.collect::<Option<Vec<u8>>>().filter(|bytes| bytes.len() == LENGTH)
        };
        let bytes = hex().or_else(|| STANDARD.decode(text).ok())?;
        Some(Key(bytes.try_into().ok()?))
    }

    /// Tells keys apart and nothing else.
    pub fn id(&self) -> String {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), b"flowctl secrets: which key");
        tag.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Writes it where only its owner can read it.
    pub(super) fn write(&self, path: &Path, root: &Path) -> Result<(), SecretsError> {
        if let Some(folder) = path.parent() {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(folder).map_err(|error| io(folder, &error))?;
            outside(path, root)?;
        }
        let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        replace(path, format!("{hex}\n").as_bytes())
    }

    pub(super) fn encrypt(&self, bound: &[u8], value: &[u8]) -> Result<(Vec<u8>, Vec<u8>), SecretsError> {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce)?;
        let mut sealed = value.to_vec();
        let key = self.sealing().ok_or_else(failed)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), &mut sealed)
            .map_err(|_| failed())?;
        Ok((nonce.to_vec(), sealed))
    }

    pub(super) fn decrypt(&self, bound: &[u8], nonce: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = sealed.to_vec();
        let length = self.sealing()?.open_in_place(nonce, Aad::from(bound), &mut bytes).ok()?.len();
        bytes.truncate(length);
        Some(bytes)
    }

    fn sealing(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&CHACHA20_POLY1305, &self.0).ok().map(LessSafeKey::new)
    }
}

fn random(bytes: &mut [u8]) -> Result<(), SecretsError> {
    SystemRandom::new().fill(bytes).map_err(|_| failed())
}

fn failed() -> SecretsError {
    SecretsError::Unfit("this machine gives no random numbers".into())
}

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In the environment; its text.
    Variable(Hidden),
    File(PathBuf),
}

/// The text of the variable, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyPlace::Variable(_) => f.write_str(VARIABLE),
            KeyPlace::File(file) => write!(f, "{}", file.display()),
        }
    }
}

impl KeyPlace {
    /// Where the key with that id should be.
    pub(super) fn of(id: &str, env: Env<'_>) -> KeyPlace {
        if let Some(text) = env(VARIABLE).filter(|text| !text.trim().is_empty()) {
            return KeyPlace::Variable(Hidden(text));
        }
        KeyPlace::File(named(env).unwrap_or_else(|| KeyPlace::own(id, env)))
    }

    /// The file that `secrets set` makes for a key: one's own, outside every project.
    pub(super) fn own(id: &str, env: Env<'_>) -> PathBuf {
        // The id comes out of a file: nothing in it may lead elsewhere.
        let id: String = id.chars().filter(char::is_ascii_hexdigit).take(32).collect();
        let folder = env("XDG_CONFIG_HOME").filter(|folder| Path::new(folder).is_absolute()).map(PathBuf::from);
        let folder = folder.or_else(|| Some(Path::new(&env("HOME")?).join(".config")));
        folder.unwrap_or_else(|| PathBuf::from("/etc")).join("flowctl/keys").join(format!("{id}.key"))
    }

    pub(super) fn read(&self, root: &Path) -> Result<Key, SecretsError> {
        let text = match self {
            KeyPlace::Variable(text) => text.0.clone(),
            KeyPlace::File(path) => {
                outside(path, root)?;
                let mut text = String::new();
                let file = std::fs::File::open(path);
                let read = file.and_then(|file| file.take(LONGEST_FILE).read_to_string(&mut text));
                read.map_err(|error| SecretsError::NoKey { file: path.display().to_string(), why: error.to_string() })?;
                text
            }
        };
        Key::parse(&text).ok_or_else(|| SecretsError::NoSuchKey { whence: self.to_string() })
    }
}

fn named(env: Env<'_>) -> Option<PathBuf> {
    env(FILE_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Whether somebody says which file holds the key.
pub(super) fn is_named(env: Env<'_>) -> bool {
    named(env).is_some()
}

/// The key of a store that is about to be made, and the file that it has to be written to.
pub(super) fn first(root: &Path, env: Env<'_>) -> Result<(Key, Option<PathBuf>), SecretsError> {
    match KeyPlace::of("", env) {
        place @ KeyPlace::Variable(_) => Ok((place.read(root)?, None)),
        place @ KeyPlace::File(_) if is_named(env) => match place.read(root) {
            Err(SecretsError::NoKey { file, .. }) if !Path::new(&file).exists() => {
                Ok((Key::generate()?, Some(file.into())))
            }
            read => Ok((read?, None)),
        },
        KeyPlace::File(_) => {
            let key = Key::generate()?;
            let file = KeyPlace::own(&key.id(), env);
            Ok((key, Some(file)))
        }
    }
}

/// The key that takes the place of the one in the environment.
pub(super) fn next(env: Env<'_>) -> Result<Key, SecretsError> {
    let Some(text) = env(NEXT_VARIABLE) else {
        return Err(SecretsError::Unfit(format!(
            "the key stands in {VARIABLE}: put the one that shall take its place into {NEXT_VARIABLE}"
        )));
    };
    Key::parse(&text).ok_or_else(|| SecretsError::NoSuchKey { whence: NEXT_VARIABLE.into() })
}

/// Beside the store it would be worth nothing.
fn outside(path: &Path, root: &Path) -> Result<(), SecretsError> {
    let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).ok();
    let folder = path.parent().and_then(whole).or_else(|| whole(path));
    match folder.zip(whole(root)).is_some_and(|(folder, root)| folder.starts_with(root)) {
        true => Err(SecretsError::KeyInside { file: path.display().to_string() }),
        false => Ok(()),
    }
}
