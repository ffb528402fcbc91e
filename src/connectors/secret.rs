//! Secrets and where they come from: `env://`, `file://`, `secret://`.
//!
//! A [`Secret`] shows itself as `***`; its text is asked for by name where a request is made, nowhere else. No message
//! of this module holds a value.

use super::secrets::{self, SecretsError};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::model::values::Reference;
use std::fmt;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Longest file that is read for a reference.
const LONGEST_FILE: u64 = 64 << 10;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    pub fn new(text: &str) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for whoever signs, verifies or sends.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a reference gives nothing. Names what was looked for, never what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error("the environment variable {0} is not set")]
    Unset(Arc<str>),
    #[error("the file {path} cannot be read: {why}")]
    File { path: Arc<str>, why: String },
    #[error("secret://{name}: {why}")]
    Store { name: Arc<str>, why: SecretsError },
    #[error("{reference} {why}")]
    Unusable { reference: String, why: &'static str },
}

impl ReferenceError {
    /// Whether it is only that the secret store does not have it.
    pub fn is_not_stored(&self) -> bool {
        matches!(self, ReferenceError::Store { why: SecretsError::NotThere { .. }, .. })
    }

    /// As a finding about `key` of a connection.
    pub fn finding(&self, connection: &str, key: &str, span: Span) -> Diagnostic {
        let (code, help) = match self {
            ReferenceError::Unset(_) => (Code::F0453, "set it where flowctl runs"),
            ReferenceError::File { .. } => {
                (Code::F0454, "a relative path begins at the project's root and stays below it")
            }
            ReferenceError::Store { why, .. } => (why.code(), why.help()),
            ReferenceError::Unusable { .. } => (Code::F0456, "it is one line of text"),
        };
        Diagnostic::error(code, format!("`{key}` of connection `{connection}`: {self}"), span).help(help)
    }
}

/// What a reference stands for.
pub fn read_reference(
    reference: &Reference,
    root: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Secret, ReferenceError> {
    let text = match reference {
        Reference::Env(name) => env(name).ok_or_else(|| ReferenceError::Unset(name.clone()))?,
        Reference::File(path) => {
            read_file(root, path).map_err(|why| ReferenceError::File { path: path.clone(), why })?
        }
        Reference::Secret(name) => {
            let found = secrets::read(root, name, env);
            return found.map_err(|why| ReferenceError::Store { name: name.clone(), why });
        }
    };
    let unusable = |why| Err(ReferenceError::Unusable { reference: reference.to_string(), why });
    if text.trim().is_empty() {
        return unusable("is empty");
    }
    if text.chars().any(char::is_control) {
        return unusable("holds a line break or another control character");
    }
    Ok(Secret::new(&text))
}

/// The file's text without its last line break.
pub(super) fn read_file(root: &Path, path: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(place(root, path)?).map_err(|error| error.to_string())?;
    file.take(LONGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(format!("it is longer than {} KiB", LONGEST_FILE >> 10));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_string())?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

/// A path of one's own machine, or one below the project's root.
fn place(root: &Path, path: &str) -> Result<PathBuf, String> {
    let path = Path::new(path);
    if path.components().any(|part| part == Component::ParentDir) {
        return Err("a path does not go up with `..`".into());
    }
    Ok(root.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reference: &str, root: &Path) -> Result<Secret, ReferenceError> {
        let reference = Reference::parse(reference).unwrap().unwrap();
        read_reference(&reference, root, &|name| match name {
            "KEY" => Some("rk_test_1".into()),
            "LINES" => Some("a\nb".into()),
            "EMPTY" => Some(" ".into()),
            _ => None,
        })
    }

    #[test]
    fn references_are_read_and_never_shown() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("keys")).unwrap();
        std::fs::write(root.path().join("keys/stripe"), "rk_test_2\r\n").unwrap();
        std::fs::write(root.path().join("long"), "x".repeat(70_000)).unwrap();
        let secret = read("env://KEY", root.path()).unwrap();
        assert_eq!((secret.expose(), format!("{secret} {secret:?}").as_str()), ("rk_test_1", "*** ***"));
        assert_eq!(read("file://keys/stripe", root.path()).unwrap().expose(), "rk_test_2");
        assert_eq!(read("env://GONE", root.path()), Err(ReferenceError::Unset("GONE".into())));
        let said = read("secret://a/b", root.path()).unwrap_err().to_string();
        assert!(said.starts_with("secret://a/b: there is no secret store at "), "{said}");
        for reference in ["file://../keys", "file://long", "file://gone", "env://LINES", "env://EMPTY"] {
            let said = read(reference, root.path()).unwrap_err().to_string();
            assert!(!said.contains("a\nb") && !said.contains("xxx"), "{said}");
        }
    }
}
