//! `flowctl eval`: tries an expression or a mapping on a payload.
//!
//! - [`subject`] what is evaluated: an expression by itself or with a project's mappings, or one of its mappings
//! - [`input`] payloads: read, named, held against the types that they are given to
//! - [`explain`] how a result came about, field by field
//! - [`listing`] what a `.map` file holds
//! - [`watch`] the same again after every save
//!
//! Everything is read anew each time; what came of it is text, and only `main` and `watch` print.

mod explain;
mod input;
mod listing;
mod subject;
mod watch;

use super::{End, output};
use crate::diagnostics::{Diagnostic, Severity, Sources, render};
use crate::language::evaluate::{Context, EvalError, Limits};
use crate::language::explain::{Account, explain};
use crate::value::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use subject::Prepared;

/// Tries an expression or a mapping on a payload.
///
/// A payload is a JSON file, or JSON as it stands. An expression sees the first as `event`, others as `input2`,
/// `input3`, or each by the name it is given; a mapping or fn takes them as its arguments, in order or by name.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  flowctl eval '1.10 + 2'
  flowctl eval 'event.data.object.amount' --input charge.json
  flowctl eval 'paid(charge).currency' --use flows/stripe-dynamics-365/charge.map --input charge=charge.json
  flowctl eval flows/stripe-dynamics-365/charge.map
  flowctl eval flows/stripe-dynamics-365/charge.map#new_customer --input charge.json --watch
  flowctl eval flows/stripe-dynamics-365/charge.map#new_customer --input charge.json --explain")]
pub struct Args {
    /// An expression; FILE.map#NAME for a mapping or fn; FILE.map for a list of those it holds.
    #[arg(value_name = "EXPR | FILE.map[#NAME]", required_unless_present = "mapping", conflicts_with = "mapping")]
    #[arg(allow_hyphen_values = true)]
    what: Option<String>,
    /// A mapping or fn, as FILE.map#NAME.
    #[arg(long, value_name = "FILE#NAME")]
    mapping: Option<String>,
    /// A JSON file, `-` for stdin, or JSON: `account='"US-001"'`. A parameter that may be missing can be left out.
    #[arg(long, value_name = "[NAME=]FILE|JSON")]
    input: Vec<String>,
    /// What the expression uses: a .map file of a project, or a `std:NAME` library.
    #[arg(long, value_name = "FILE.map|std:NAME", conflicts_with = "mapping")]
    r#use: Vec<String>,
    /// Another value of a setting.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// The values of this environment.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// How the result is written: for a person (a text as it is), or as one line of JSON.
    #[arg(long, default_value = "text")]
    format: Format,
    /// Evaluates again whenever the project or an input is saved, and shows what changed in the result.
    #[arg(long)]
    watch: bool,
    /// Shows for every field of the result what made it: its assignment, what was read, rows, fns, which way was
    /// taken; of one field only with `--explain=Lines[0].Price`.
    #[arg(long, value_name = "FIELD", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    explain: Option<String>,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What came of one evaluation, written out.
struct Outcome {
    /// For stdout.
    data: String,
    /// For stderr.
    told: String,
    fine: bool,
    /// Everything that was read.
    sources: Arc<Sources>,
    /// The project's root, where there is one, and the files of inputs.
    root: Option<PathBuf>,
    files: Vec<PathBuf>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    if args.watch {
        return watch::main(&args);
    }
    let outcome = once(&args)?;
    if !outcome.told.is_empty() {
        output::tell(outcome.told.trim_end());
    }
    output::print(&outcome.data)?;
    Ok(if outcome.fine { End::Fine } else { End::Findings })
}

/// Reads everything and evaluates.
fn once(args: &Args) -> anyhow::Result<Outcome> {
    let inputs = input::parse(&args.input)?;
    let files = inputs.iter().filter_map(|input| input.file.clone()).collect();
    let prepared = subject::prepare(args, &inputs)?;
    let root = prepared.root;
    let mut written = Written { format: args.format, data: String::new(), findings: prepared.findings, told: vec![] };
    match prepared.what {
        Prepared::List(listing) => written.data = listing,
        Prepared::Nothing => {}
        Prepared::Evaluate { expression, values, settings } => {
            let context = Context { settings: &settings, limits: &Limits::default() };
            match &args.explain {
                None => written.result(expression.evaluate(&values, &context)),
                Some(field) => {
                    let mut account = explain(&expression, &values, &context);
                    if !field.is_empty() {
                        explain::narrow(&mut account, field)?;
                    }
                    written.account(account, &prepared.sources)?;
                }
            }
        }
    }
    let (data, told, fine) = written.finish(&prepared.sources)?;
    Ok(Outcome { data, told, fine, sources: prepared.sources, root, files })
}

/// What is to be said, while it is put together.
struct Written {
    format: Format,
    data: String,
    findings: Vec<Diagnostic>,
    told: Vec<String>,
}

impl Written {
    fn account(&mut self, account: Account, sources: &Sources) -> anyhow::Result<()> {
        self.data = match self.format {
            Format::Text => explain::text(&account, sources),
            Format::Json => format!("{}\n", explain::for_programs(&account, sources)?),
        };
        if let Err(error) = &account.result {
            self.failed(error);
        }
        Ok(())
    }

    fn failed(&mut self, error: &EvalError) {
        let finding = Diagnostic::error(error.number, error.message.clone(), error.span);
        self.findings.push(error.trace.iter().fold(finding, |finding, span| finding.also(*span, "called here")));
    }

    fn result(&mut self, result: Result<Value, EvalError>) {
        let written = match (self.format, &result) {
            (_, Ok(Value::Missing)) => return self.told.push("missing".into()),
            (Format::Text, Ok(Value::Text(text))) => Ok(text.to_string()),
            (Format::Text, Ok(value)) => json::write_pretty(value),
            (Format::Json, Ok(value)) => json::write(value),
            (_, Err(error)) => return self.failed(error),
        };
        match written {
            Ok(text) => self.data = format!("{text}\n"),
            Err(why) => self.findings.push(Diagnostic::general(crate::diagnostics::Code::F0606, why.to_string())),
        }
    }

    /// Findings go to stdout only where a program reads them and something failed.
    fn finish(mut self, sources: &Sources) -> anyhow::Result<(String, String, bool)> {
        let fine = self.findings.iter().all(|finding| finding.severity != Severity::Error);
        if self.format == Format::Json && !fine {
            let list: serde_json::Value = serde_json::from_str(&render::json(&self.findings, sources))?;
            // Beside what an account tells of the time before.
            let before = self.data.trim_end().strip_suffix('}').map_or("{".to_string(), |before| format!("{before},"));
            return Ok((format!("{before}\"findings\":{list}}}\n"), String::new(), false));
        }
        self.told.insert(0, render::text(&self.findings, sources, output::colour()).trim_end().to_string());
        self.told.retain(|part| !part.is_empty());
        Ok((self.data, self.told.join("\n"), fine))
    }
}
