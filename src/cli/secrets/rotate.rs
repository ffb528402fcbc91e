//! `flowctl secrets rotate [NAME]`.

use super::{Project, env, input, tell_keys, told};
use crate::cli::{End, output};
use crate::connectors::secrets;
use jiff::Timestamp;

/// Replaces a secret and keeps the one before it as NAME_old; without a name, seals the whole store with a new key.
///
/// While a provider changes over, both the new and the old secret of a webhook hold:
/// `secrets: [secret://stripe/whsec, secret://stripe/whsec_old]`. `flowctl secrets remove stripe/whsec_old` ends it; the
/// connection can stay as it is.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl secrets rotate stripe/whsec\n  flowctl secrets rotate\n  FLOWCTL_SECRETS_NEW_KEY=$(openssl rand -hex 32) flowctl secrets rotate"
)]
pub struct Args {
    /// The secret that is replaced: its new value comes from stdin, or is asked for.
    name: Option<String>,
    #[command(flatten)]
    project: Project,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let root = args.project.root()?;
    let Some(name) = args.name else {
        let changed = secrets::change_key(&root, &env).map_err(told)?;
        output::tell("Everything in the store is sealed with the new key.");
        tell_keys(&changed);
        return Ok(End::Fine);
    };
    let value = input::value(&name)?;
    let changed = secrets::renew(&root, &name, &value, &env, Timestamp::now()).map_err(told)?;
    let kept = changed.kept_as.as_deref().unwrap_or_default();
    output::tell(&format!("secret://{name} is set; the one before it is secret://{kept} until you remove it."));
    Ok(End::Fine)
}
