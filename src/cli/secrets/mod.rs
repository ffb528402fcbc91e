//! `flowctl secrets …`: what `secret://NAME` stands for. Values come from stdin or are asked for without showing them;
//! none is ever printed.

mod input;
mod list;
mod remove;
mod rotate;
mod set;

use super::End;
use crate::connectors::secrets::{Changed, SecretsError};
use crate::model::load::find_root;
use std::path::PathBuf;

/// Keeps the secrets that connections name with secret://NAME, sealed in a file of the project.
///
/// The file is `secrets.sealed` in the project's folder, or where FLOWCTL_SECRETS_FILE says. Its key is kept apart: in
/// FLOWCTL_SECRETS_KEY, in the file that FLOWCTL_SECRETS_KEY_FILE names, or below ~/.config/flowctl/keys, where the
/// first `set` puts it.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl secrets set stripe/restricted_key\n  pass stripe/whsec | flowctl secrets set stripe/whsec\n  flowctl secrets list\n  flowctl secrets rotate stripe/whsec      the new one; the one before stays as stripe/whsec_old\n  flowctl secrets rotate                   another key for the whole store"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Set(set::Args),
    List(list::Args),
    Rotate(rotate::Args),
    Remove(remove::Args),
}

pub fn main(args: Args) -> anyhow::Result<End> {
    match args.command {
        Command::Set(args) => set::main(args),
        Command::List(args) => list::main(args),
        Command::Rotate(args) => rotate::main(args),
        Command::Remove(args) => remove::main(args),
    }
}

/// Which project's store.
#[derive(clap::Args)]
struct Project {
    /// The project's folder, or one inside it.
    #[arg(long, value_name = "DIR", default_value = ".")]
    project: PathBuf,
}

impl Project {
    fn root(&self) -> anyhow::Result<PathBuf> {
        let folder = self.project.display();
        find_root(&self.project)
            .ok_or_else(|| anyhow::anyhow!("no flowctl.yaml in {folder} or a folder above it; name one with --project"))
    }
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// An error of the store as a command says it.
fn told(error: SecretsError) -> anyhow::Error {
    anyhow::anyhow!("{error}\n  {} (flowctl explain {})", error.help(), error.code())
}

/// What a person has to know of a new key.
fn tell_keys(changed: &Changed) {
    if let Some(key) = &changed.new_key {
        super::output::tell(&format!(
            "The key stands in {}. Keep a copy of it elsewhere: without it nobody can open the store.",
            key.display()
        ));
    }
    if let Some(key) = &changed.old_key {
        super::output::tell(&format!(
            "The key before it opens older copies of the store: {}. Delete it when there are none.",
            key.display()
        ));
    }
}
