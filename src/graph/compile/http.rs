//! Parameters that a flow writes where the catalogue cannot know: a path, the type of an answer, why a repeat is safe.

use super::Work;
use super::scope::Scope;
use crate::catalog::System;
use crate::diagnostics::{Code, Diagnostic};
use crate::graph::{Repeat, RepeatBy, Slot};
use crate::language::types::Type;
use crate::model::flow::TypeText;
use crate::model::read::Spanned;
use crate::model::slot::Template;
use crate::model::values::Word;
use crate::model::yaml::Node;
use crate::value::{Text, Value};
use std::time::Duration;

/// How long a key is taken to be known where nobody says it: what the providers that do say promise at least.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

impl Work<'_> {
    /// A path with `{holes}`, each of them one encoded part.
    pub(super) fn path_param(&mut self, node: &Node, scope: &Scope) -> Option<Slot> {
        let template: Template = self.read(node)?;
        let Template { text, span, cut } = &template;
        if let Some(sign) = text.text.chars().find(|c| matches!(c, '?' | '#')).filter(|_| !text.text.contains('{')) {
            let finding = Diagnostic::error(Code::F0615, format!("a path has no `{sign}`"), *span);
            self.say(finding.help("the query is a record below `params:`"));
            return None;
        }
        self.compile(text, *span, *cut, scope, |slots| slots.path(text)).map(|(slot, _)| slot)
    }

    /// The type of the answer.
    pub(super) fn type_param(&mut self, node: &Node, scope: &Scope) -> Option<Type> {
        let written: TypeText = self.read(node)?;
        let variables = scope.variables();
        let (ty, mut findings) = self.slot_scope(&variables, scope).written_type(&written.text);
        self.findings.append(&mut findings);
        ty
    }

    /// What the flow knows of repeats, and the word with which it says so.
    pub(super) fn repeat_param(&mut self, system: &System, node: &Node) -> Option<(Repeat, Value)> {
        let word: Spanned<Word> = self.read(node)?;
        let (by, remembers, reason) = match word.as_str() {
            "set" => (RepeatBy::Set, None, "the flow says that the same request again changes nothing".to_owned()),
            "none" => (
                RepeatBy::None,
                None,
                "nothing tells whether it was done: an uncertain attempt waits for a person".to_owned(),
            ),
            written => match written.strip_prefix("header.").filter(|name| crate::model::check::is_name(name)) {
                Some(name) => (
                    RepeatBy::Header,
                    Some(REMEMBERED),
                    format!("the flow says that {} knows a repeat by {name}", system.title),
                ),
                None => {
                    let message = format!("`{written}` is no reason why a repeat is safe");
                    let help = "header.NAME: the system knows a repeat by that header · set: the same again changes nothing · none";
                    self.say(Diagnostic::error(Code::F0615, message, word.span).help(help));
                    return None;
                }
            },
        };
        let repeat = Repeat { by, settle: Duration::ZERO, remembers, look: false, reason };
        Some((repeat, Value::Text(Text::from(word.as_str()))))
    }
}
