//! `flowctl explain CODE`.

use super::{End, output};
use crate::diagnostics::{self, did_you_mean};

/// Explains a diagnostic code: what it means and how to mend it.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  flowctl explain F0201")]
pub struct Args {
    /// The code, as in `error[F0201]`. Without one, all codes are listed.
    code: Option<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let Some(code) = args.code else {
        let lines: Vec<String> = diagnostics::ALL.iter().map(|(_, page)| format!("{}\n", title(page))).collect();
        output::print(&lines.concat())?;
        return Ok(End::Fine);
    };
    match diagnostics::explain(&code) {
        Some(page) => output::print(page)?,
        None => {
            let known = diagnostics::ALL.iter().map(|(code, _)| code.0);
            let hint =
                did_you_mean(&code.to_uppercase(), known).map(|c| format!(" Did you mean {c}?")).unwrap_or_default();
            anyhow::bail!("there is no code {code}.{hint} `flowctl explain` lists all.");
        }
    }
    Ok(End::Fine)
}

/// `F0201: a name that nothing defines`.
fn title(page: &str) -> &str {
    page.lines().next().unwrap_or_default().trim_start_matches("# ")
}
