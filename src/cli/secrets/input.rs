//! A value from stdin, or from a person who is asked for it and does not see it.

use anyhow::Context;
use std::io::{ErrorKind, IsTerminal, Read};

/// More than any secret that the store takes.
const LONGEST: u64 = 64 << 10;

/// The value for `name`.
pub(super) fn value(name: &str) -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        let _alive = outlive_interrupt()?;
        return match rpassword::prompt_password(format!("Value for {name}: ")) {
            Ok(value) if value.is_empty() => anyhow::bail!("nothing was entered"),
            Ok(value) => Ok(value),
            Err(error) if error.kind() == ErrorKind::Interrupted => anyhow::bail!("nothing was entered"),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                eprintln!();
                anyhow::bail!("nothing was entered")
            }
            Err(error) => Err(error).context("the terminal cannot be asked; pipe the value into the command"),
        };
    }
    let mut bytes = vec![];
    std::io::stdin().lock().take(LONGEST).read_to_end(&mut bytes).context("stdin cannot be read")?;
    let text = String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("the value is not UTF-8"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Ctrl-C ends the prompt and not the process, which would leave the terminal without its echo: `rpassword` raises the signal
/// before it puts the terminal back. Holds from here on.
fn outlive_interrupt() -> anyhow::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    #[cfg(unix)]
    let _heard =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).context("Ctrl-C cannot be heard")?;
    drop(entered);
    Ok(runtime)
}
