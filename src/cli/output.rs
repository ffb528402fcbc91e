//! stdout carries data, stderr the rest. A closed pipe ends a command quietly.

use super::End;
use crate::diagnostics::{Diagnostic, Sources, render};
use anyhow::Context;
use std::io::Write;
use std::path::Path;

/// Writes data to stdout. `flowctl … | head` is no error.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Writes a line for the person to stderr; nobody reading it is no error.
pub fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Shows findings to the person.
pub fn tell_findings(findings: &[Diagnostic], sources: &Sources) {
    if !findings.is_empty() {
        tell(render::text(findings, sources, colour()).trim_end());
    }
}

/// Whether stderr is a terminal that wants colours.
pub fn colour() -> bool {
    use std::io::IsTerminal;
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes generated files into a folder, which is made where it is not there.
pub fn write_files<N: AsRef<str>, T: AsRef<str>>(
    folder: &Path,
    files: impl IntoIterator<Item = (N, T)>,
) -> anyhow::Result<End> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, text) in files {
        let path = folder.join(name.as_ref());
        std::fs::write(&path, text.as_ref()).with_context(|| format!("cannot write {}", path.display()))?;
        tell(&format!("wrote {}", path.display()));
    }
    Ok(End::Fine)
}

/// Puts the text in the place of the file, all at once.
pub fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let path = path.canonicalize()?;
    let permissions = std::fs::metadata(&path)?.permissions();
    if permissions.readonly() {
        anyhow::bail!("it is read-only");
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        file.set_permissions(permissions)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)
    };
    let written = write();
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    Ok(written?)
}
