//! `flowctl graph FLOW`.

use super::{End, output, project};
use crate::graph::render;
use std::path::PathBuf;

/// Shows the execution graph of a flow, and why each writing step may be repeated.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl graph stripe-charge-to-sales-order flows\n  flowctl graph stripe-charge-to-sales-order flows --format json"
)]
pub struct Args {
    /// The flow's name.
    flow: String,
    /// The project's folder.
    #[arg(default_value = ".")]
    path: PathBuf,
    #[arg(long, default_value = "mermaid")]
    format: Format,
    /// The values of this environment.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    Mermaid,
    Json,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let project = project::load(&args.path, args.env.as_deref())?;
    let graph = project.flow(&args.flow)?;
    match args.format {
        Format::Mermaid => output::print(&render::mermaid(&graph))?,
        Format::Json => output::print(&format!("{}\n", serde_json::to_string_pretty(&render::json(&graph))?))?,
    }
    Ok(End::Fine)
}
