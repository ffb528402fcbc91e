//! Whether `find_by` can name what `dedupe` and the iteration keys name: two runs, or two items, whose rows look the same
//! to a search would find each other's.
//!
//! Which column comes from where is not followed through the mapping. What is certain is said: a body that reads nothing
//! of what tells two runs or items apart cannot have a column that does.

use super::Work;
use super::scope::Scope;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::value::Text;

impl Work<'_> {
    pub(super) fn check_found(&mut self, reads: &[Vec<Text>], scope: &Scope, span: Span) {
        let help = "assign one of the `find_by` columns from it: a retry would find the row of another";
        if !names(reads, &self.dedupe_reads) {
            let named = match self.dedupe_reads.first() {
                Some(path) => format!("`{}`, which `dedupe` names", shown(path)),
                None => "the event, which tells runs apart".to_owned(),
            };
            let message = format!("nothing in this body comes from {named}");
            self.say(Diagnostic::error(Code::F0467, message, span).help(help));
        }
        for (item, key) in &scope.items {
            let of_item = |read: &Vec<Text>| read.first() == Some(item) || is_derived(read);
            let of_key = key.iter().any(|key| reads.iter().any(|read| overlaps(read, key)));
            if !reads.iter().any(of_item) && !of_key {
                let message =
                    format!("nothing in this body comes from `{item}`: the rows of two items would look the same");
                self.say(Diagnostic::error(Code::F0467, message, span).help(help));
            }
        }
    }
}

/// Whether something read may carry one of the wanted paths.
fn names(reads: &[Vec<Text>], wanted: &[Vec<Text>]) -> bool {
    let of_event = |read: &Vec<Text>| matches!(read.first().map(Text::as_str), Some("event" | "trigger"));
    let found = |read: &Vec<Text>| match wanted {
        [] => of_event(read),
        wanted => wanted.iter().any(|path| overlaps(read, path)),
    };
    // A loop's item and a step's result come from somewhere; from where is not followed.
    reads.iter().any(|read| found(read) || !of_event(read))
}

fn is_derived(read: &[Text]) -> bool {
    read.first().is_some_and(|root| root.as_str() == "steps")
}

/// Whether one is the beginning of the other.
fn overlaps(a: &[Text], b: &[Text]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b)
}

fn shown(path: &[Text]) -> String {
    path.iter().map(Text::as_str).collect::<Vec<_>>().join(".")
}
