//! Keys beside a table's own: the ones its payload type names (`x-alternate-keys`), whole and nothing else.

use super::Work;
use super::operation::Bound;
use crate::catalog::Entity;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::language::check::Assigned;
use crate::value::Text;

impl Work<'_> {
    pub(super) fn no_alternate_key(&mut self, bound: &Bound<'_>, entity: &Entity, span: Span) {
        let message = format!("`{}` has no alternate key", entity.name);
        let help = format!(
            "say in types/{}/{}.json which one was defined in {}: \"x-alternate-keys\": [[\"new_orderid\"]]",
            bound.system.name, entity.name, bound.system.title
        );
        self.say(Diagnostic::error(Code::F0471, message, span).help(help));
    }

    /// The columns that a key assigns have to be those of one alternate key, on every path.
    pub(super) fn check_alternate_key(&mut self, entity: &Entity, assigned: &Assigned, span: Span) {
        let has = |names: &[Text], column: &String| names.iter().any(|name| name.as_str() == column);
        let is_it = |key: &&Vec<String>| {
            key.len() == assigned.always.len() && key.iter().all(|column| has(&assigned.always, column))
        };
        // `sometimes` names every column that is assigned anywhere.
        let only = assigned.sometimes.iter().all(|column| assigned.always.contains(column));
        if only && entity.alternate_keys.iter().any(|key| is_it(&key)) {
            return;
        }
        let names: Vec<&str> = assigned.always.iter().chain(&assigned.sometimes).map(Text::as_str).collect();
        let message = format!("{} is no alternate key of `{}`", listed(names), entity.name);
        let known: Vec<String> =
            entity.alternate_keys.iter().map(|key| listed(key.iter().map(String::as_str).collect())).collect();
        let help = format!("assign, always and alone: {}", known.join(", or "));
        self.say(Diagnostic::error(Code::F0472, message, span).help(help));
    }
}

fn listed(mut names: Vec<&str>) -> String {
    let mut seen = vec![];
    names.retain(|name| {
        !seen.contains(name) && {
            seen.push(*name);
            true
        }
    });
    if names.is_empty() { "nothing".into() } else { format!("`{}`", names.join("` and `")) }
}
