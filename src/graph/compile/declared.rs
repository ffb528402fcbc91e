//! Names that flowctl.yaml declares: links, totals, tables of rates. An operation of the engine itself takes one.

use super::{Work, text};
use crate::catalog::ParamKind;
use crate::diagnostics::{Code, Diagnostic, did_you_mean};
use crate::model::project::ProjectFile;
use crate::model::slot::Configurable;
use crate::model::values::Word;
use crate::model::yaml::Node;
use crate::value::Value;
use std::collections::BTreeSet;

/// What a project declares by name.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    links: BTreeSet<String>,
    totals: BTreeSet<String>,
    rates: BTreeSet<String>,
}

impl Declared {
    /// What flowctl.yaml says.
    pub fn of(file: Option<&ProjectFile>) -> Declared {
        let Some(file) = file else { return Declared::default() };
        Declared {
            links: file.links.names().map(str::to_string).collect(),
            totals: file.totals.names().map(str::to_string).collect(),
            rates: file.rates.names().map(str::to_string).collect(),
        }
    }

    fn of_kind(&self, kind: ParamKind) -> (&'static str, &'static str, &BTreeSet<String>) {
        match kind {
            ParamKind::Total => ("total", "totals", &self.totals),
            ParamKind::Rate => ("table of rates", "rates", &self.rates),
            _ => ("link", "links", &self.links),
        }
    }
}

impl Work<'_> {
    /// The name, where it is declared.
    pub(super) fn declared_param(&mut self, kind: ParamKind, node: &Node) -> Option<Value> {
        let written: Configurable<Word> = self.read(node)?;
        let name = self.word(&written)?;
        let (what, key, known) = self.compiler.declared.of_kind(kind);
        if known.contains(name.as_str()) {
            return Some(Value::Text(text(&name)));
        }
        let finding = Diagnostic::error(Code::F0424, format!("there is no {what} `{name}`"), written.span());
        let names = known.iter().map(String::as_str);
        self.say(match did_you_mean(&name, names.clone()) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(written.span(), meant),
            None if known.is_empty() => finding.help(format!("declare it in flowctl.yaml: {key}: {{ {name}: … }}")),
            None => {
                finding.help(format!("flowctl.yaml declares below `{key}`: {}", names.collect::<Vec<_>>().join(", ")))
            }
        });
        None
    }
}
