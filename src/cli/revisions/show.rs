//! `flowctl revisions show REVISION`.

use crate::cli::End;
use crate::cli::admin::{Admin, plain, text, time};
use crate::cli::table::table;

/// Shows what a revision was compiled from.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl revisions show 3f2a9c\n  flowctl revisions show 3f2a9c --source order.map | diff - order.map"
)]
pub struct Args {
    #[command(flatten)]
    admin: Admin,
    /// The revision, or the beginning of its hash.
    revision: String,
    /// Only the text of this source.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let answer = args.admin.get(&format!("/api/revisions/{}", args.revision), &[])?;
    if let Some(name) = &args.source {
        crate::cli::admin::outcome(&answer)?;
        let detail = answer.value()?;
        let sources = detail.get("sources").as_list().unwrap_or_default();
        let source = sources.iter().find(|source| text(source, "name") == *name);
        let known = || sources.iter().map(|source| text(source, "name")).collect::<Vec<_>>().join(", ");
        let source = source.ok_or_else(|| anyhow::anyhow!("the revision has no source {name}; it has: {}", known()))?;
        let whole = source.get("text").as_text().map(|text| text.to_string()).unwrap_or_default();
        crate::cli::output::print(&whole)?;
        return Ok(End::Fine);
    }
    args.admin.show(&answer, |detail| {
        let sources = detail.get("sources").as_list().unwrap_or_default();
        let rows: Vec<_> = sources
            .iter()
            .map(|source| {
                let lines = source.get("text").as_text().map_or(0, |text| text.lines().count());
                [plain(&text(source, "name")), lines.to_string()]
            })
            .collect();
        format!(
            "revision {}\nflow     {}\nmade     {}\nlanguage {}\n\n{}",
            text(detail, "revision"),
            text(detail, "flow"),
            time(detail, "created_at"),
            text(detail, "language_version"),
            table(["SOURCE", "LINES"], &rows, "no sources")
        )
    })
}
