//! `reread`: the earlier lookup of the same list that a write goes back to when what was read no longer holds.

use super::parallel::{any, writes};
use super::{Work, text};
use crate::diagnostics::{Code, Diagnostic};
use crate::model::flow::{Step, Verb};
use crate::value::Text;

impl Work<'_> {
    /// The lookup that the step at `n` of a list names.
    pub(super) fn reread(&mut self, list: &[Step], n: usize) -> Option<Text> {
        let Verb::Call(call) = &list.get(n)?.verb else { return None };
        let named = call.reread.as_ref()?;
        let above = list.get(..n)?;
        let found = above.iter().position(|step| step.id.value.0 == named.value.0);
        let lookup = found.and_then(|at| above.get(at)).and_then(|step| match &step.verb {
            Verb::Lookup(lookup) => Some(lookup),
            _ => None,
        });
        let Some((at, lookup)) = found.zip(lookup) else {
            let message = format!("`{}` is no lookup above this step in its list", named.value.0);
            let finding = Diagnostic::error(Code::F0383, message, named.span);
            self.say(finding.help("`reread` goes back to a `lookup` of the same list of steps"));
            return None;
        };
        if let Some(cache) = &lookup.cache {
            let message = format!("`{}` is cached: read again, it would give the same", named.value.0);
            self.say(Diagnostic::error(Code::F0383, message, named.span).also(cache.span(), "its `cache`"));
        }
        let between = above.get(at..)?;
        let releases = |step: &Step| matches!(&step.verb, Verb::Stop(stop) if stop.release.as_ref().is_some_and(|flag| flag.value.0));
        if writes(between) && any(between, &releases) {
            let message = "going back passes a `stop` with `release` behind a step that writes";
            let finding = Diagnostic::error(Code::F0371, message, named.span);
            self.say(finding.help("the same event could then write a second time; stop without `release`"));
        }
        Some(text(&named.value.0))
    }
}
