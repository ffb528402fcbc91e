//! `flowctl eval`.

use super::{End, output, project};
use crate::diagnostics::render;
use crate::language::check::SlotScope;
use crate::language::evaluate::{Context, Limits};
use crate::language::types::Type;
use crate::language::{Expression, Inputs, SourceText};
use crate::value::{Text, Value, json};
use anyhow::Context as _;
use std::path::{Path, PathBuf};

/// Tries an expression or a mapping on a payload.
///
/// Payloads are JSON files. With an expression, the first is `event` (of type any), others are `input2`, `input3`; a
/// mapping or fn takes them as its arguments, in order.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl eval '1.10 + 2'\n  flowctl eval 'event.data.object.amount' --input charge.json\n  flowctl eval --mapping flows/stripe-dynamics-365/charge.map#NAME --input charge.json"
)]
pub struct Args {
    /// The expression.
    #[arg(required_unless_present = "mapping", conflicts_with = "mapping")]
    expression: Option<String>,
    /// A mapping or fn: FILE#NAME.
    #[arg(long, value_name = "FILE#NAME")]
    mapping: Option<String>,
    /// A JSON file; `-` reads stdin.
    #[arg(long, value_name = "FILE")]
    input: Vec<PathBuf>,
    /// `std:NAME` libraries that the expression uses.
    #[arg(long, value_name = "LIBRARY")]
    r#use: Vec<String>,
    /// The values of this environment.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let inputs: Vec<Value> = args.input.iter().map(|path| read(path)).collect::<anyhow::Result<_>>()?;
    match (&args.mapping, &args.expression) {
        (Some(mapping), _) => {
            let (file, name) = mapping.split_once('#').context("--mapping takes FILE#NAME")?;
            let project = project::load(Path::new(file), args.env.as_deref())?;
            let root = crate::model::load::find_root(Path::new(file)).context("the file stands in no project")?;
            let path = Path::new(file).canonicalize()?;
            let path = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let types = &project.compilation.types;
            let scope = scope_inputs(&project, types);
            let scope = SlotScope {
                library: &project.compilation.library,
                inputs: &scope,
                uses: &[],
                variables: &[],
                facts: &[],
            };
            let Some(routine) = scope.routine(&path, name) else {
                project.tell();
                anyhow::bail!("there is no mapping or fn {name} in {path}, or it has errors");
            };
            let wanted = routine.routine.params.len();
            if wanted != inputs.len() {
                anyhow::bail!(
                    "{name} takes {wanted} argument{}, --input names {}",
                    if wanted == 1 { "" } else { "s" },
                    inputs.len()
                );
            }
            evaluate(&routine, &inputs, &project.effective.settings, &project.compilation.sources)
        }
        (None, Some(text)) => expression(text, &inputs, &args.r#use),
        (None, None) => anyhow::bail!("nothing to evaluate"),
    }
}

fn scope_inputs<'a>(project: &'a project::Compiled, types: &'a crate::catalog::Types) -> Inputs<'a> {
    Inputs { files: &project.effective.files, types, settings: project.effective.settings_type.clone() }
}

/// An expression by itself, outside any project.
fn expression(text: &str, inputs: &[Value], uses: &[String]) -> anyhow::Result<End> {
    let catalog = crate::catalog::Catalog::bundled();
    let types = crate::catalog::Types::bundled(&catalog);
    let mut sources = crate::diagnostics::Sources::default();
    let file = sources.add("<expression>", text);
    let files = Default::default();
    let settings = std::sync::Arc::new(crate::language::types::RecordType::shape([]));
    let scope = Inputs { files: &files, types: &types, settings };
    let (library, mut findings) = crate::language::Library::compile(&scope, &mut sources);
    let variables: Vec<(Text, Type)> = (0..inputs.len())
        .map(|n| (Text::from(if n == 0 { "event".to_string() } else { format!("input{}", n + 1) }), Type::any()))
        .collect();
    let scope = SlotScope { library: &library, inputs: &scope, uses, variables: &variables, facts: &[] };
    let (checked, more) = scope.expression(&SourceText::file(file, text.into()), None);
    findings.extend(more);
    if !findings.is_empty() {
        output::tell(render::text(&findings, &sources, output::colour()).trim_end());
    }
    match checked {
        Some(checked) => evaluate(&checked.expression, inputs, &Value::Record(Default::default()), &sources),
        None => Ok(End::Findings),
    }
}

fn evaluate(
    expression: &Expression,
    inputs: &[Value],
    settings: &Value,
    sources: &crate::diagnostics::Sources,
) -> anyhow::Result<End> {
    match expression.evaluate(inputs, &Context { settings, limits: &Limits::default() }) {
        Ok(Value::Missing) => output::tell("missing"),
        Ok(Value::Text(text)) => output::print(&format!("{text}\n"))?,
        Ok(value) => output::print(&format!("{}\n", json::write_pretty(&value)?))?,
        Err(error) => {
            let finding = crate::diagnostics::Diagnostic::error(error.number, error.message.clone(), error.span);
            let finding = error.trace.iter().fold(finding, |finding, span| finding.also(*span, "called here"));
            output::tell(render::text(&[finding], sources, output::colour()).trim_end());
            return Ok(End::Findings);
        }
    }
    Ok(End::Fine)
}

fn read(path: &Path) -> anyhow::Result<Value> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes)?;
        bytes
    } else {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
    };
    json::parse(&bytes).map_err(|error| anyhow::anyhow!("{} is not JSON: {error}", path.display()))
}
