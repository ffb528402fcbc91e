//! A value from stdin, or from a person who is asked for it and does not see it.

use anyhow::Context;
use std::io::{IsTerminal, Read};
use std::process::{Command, Stdio};

/// More than any secret that the store takes.
const LONGEST: u64 = 64 << 10;

/// Switches the terminal's echo off while a line is read, and on again whatever ends it.
const ASK: &str = r#"trap 'stty echo' EXIT INT TERM; stty -echo; IFS= read -r line; printf '%s' "$line""#;

/// The value for `name`.
pub(super) fn value(name: &str) -> anyhow::Result<String> {
    let mut bytes = vec![];
    if std::io::stdin().is_terminal() {
        eprint!("Value for {name}: ");
        let asked = Command::new("sh").args(["-c", ASK]).stdin(Stdio::inherit()).stdout(Stdio::piped()).output();
        eprintln!();
        let asked = asked.context("the terminal cannot be asked; pipe the value into the command")?;
        anyhow::ensure!(asked.status.success(), "nothing was entered");
        bytes = asked.stdout;
    } else {
        std::io::stdin().lock().take(LONGEST).read_to_end(&mut bytes).context("stdin cannot be read")?;
    }
    let text = String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("the value is not UTF-8"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
