//! Change sets: several writes that are one transaction.
//!
//! Its first write is a create that can be found again, by `find_by` or by a key that the flow chooses: the whole set was
//! done when that is found. The entries behind it need no such thing.

use super::scope::Scope;
use super::{Work, text};
use crate::catalog::{Param as Declared, Refer, System};
use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use crate::graph::{self, Member, Repeat, RepeatBy};
use crate::language::types::{Field, Kind, RecordType, Type};
use crate::model::flow::{Each, Write};
use crate::model::read::Spanned;
use crate::model::slot::Configurable;
use crate::model::values::Word;
use crate::model::yaml::Node;
use crate::value::Text;

/// Why the whole may be repeated, and what it gives: a record of its entries' rows. Of a set that was found done only the
/// first row is known.
pub(super) fn judge(members: &[Member]) -> (Option<Repeat>, Option<Type>) {
    let Some(first) = members.first() else { return (None, None) };
    let why = format!(
        "it is one transaction, done when its first write `{}` is: {}",
        first.id, first.operation.repeat.reason
    );
    let repeat = Repeat { reason: why, ..first.operation.repeat.clone() };
    let fields = members.iter().enumerate().map(|(n, member)| {
        let row = member.operation.result.clone();
        let ty = if member.each.is_some() { Type::list(row) } else { row };
        (member.id.clone(), Field::plain(if n == 0 { ty } else { ty.or_missing() }))
    });
    (Some(repeat), Some(Type::record(RecordType { name: None, fields: fields.collect() })))
}

impl Work<'_> {
    pub(super) fn members(
        &mut self,
        system: &System,
        declared: &Declared,
        node: &Node,
        connection: Option<&Configurable<Word>>,
        scope: &Scope,
    ) -> Option<Vec<Member>> {
        let written: Vec<Write> = self.read(node)?;
        if written.is_empty() {
            self.say(Diagnostic::error(Code::F0465, "a change set has at least one write", node.span));
            return None;
        }
        let mut members: Vec<Option<Member>> = vec![];
        let mut ids: Vec<(Text, bool, Span)> = vec![];
        for (n, write) in written.iter().enumerate() {
            let id = text(&write.id);
            if let Some((_, _, first)) = ids.iter().find(|(known, ..)| *known == id) {
                let finding = Diagnostic::error(Code::F0350, format!("there are two writes `{id}`"), write.id.span);
                self.say(finding.also(*first, "the first"));
            }
            self.behind_first = n > 0;
            let refer = self.refer(write, declared, &ids);
            members.push(self.member(system, declared, write, refer, connection, scope));
            self.behind_first = false;
            ids.push((id, write.each.is_some(), write.id.span));
        }
        let members: Option<Vec<Member>> = members.into_iter().collect();
        let members = members?;
        let first = members.first()?;
        let found = matches!(first.operation.repeat.by, RepeatBy::Key | RepeatBy::FindBy | RepeatBy::Made);
        if first.each.is_some() || !found {
            let span = written.first().map_or(node.span, |write| write.id.span);
            let finding =
                Diagnostic::error(Code::F0465, format!("nothing tells whether `{}` was done", first.id), span);
            self.say(finding.help(
                "begin a change set with one create that has `find_by` or a key of its own: a retry looks for that",
            ));
            return None;
        }
        Some(members)
    }

    fn member(
        &mut self,
        system: &System,
        declared: &Declared,
        write: &Write,
        refer: Option<Vec<(Text, Text)>>,
        connection: Option<&Configurable<Word>>,
        scope: &Scope,
    ) -> Option<Member> {
        let allowed: Vec<String> = declared.of.iter().map(|name| format!("{}.{name}", system.name)).collect();
        if !allowed.iter().any(|name| **name == *write.operation.as_str()) {
            let message = format!("`{}` cannot stand in this change set", write.operation.value.0);
            let finding = Diagnostic::error(Code::F0464, message, write.operation.span);
            self.say(match did_you_mean(&write.operation, allowed.iter().map(String::as_str)) {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                None => finding.help(format!("what can: {}", allowed.join(", "))),
            });
            return None;
        }
        let mut inner = scope.clone();
        let each = match &write.each {
            Some(each) => Some(self.each(each, &mut inner)?),
            None => None,
        };
        // A lookup is required by the name under which it is written.
        let named = |column: &Text| [column.clone(), Text::from(format!("{column}@odata.bind"))];
        self.referred = refer.iter().flatten().flat_map(|(column, _)| named(column)).collect();
        let operation = self.operation(&write.operation, connection, &write.params, &inner, true);
        self.referred.clear();
        Some(Member { id: text(&write.id), operation: operation?, each, refer: refer? })
    }

    fn each(&mut self, each: &Each, scope: &mut Scope) -> Option<graph::Each> {
        let items = self.slot(&each.items, scope, None);
        let element = match items.as_ref().map(|(slot, _)| &slot.expression.result().kind) {
            Some(Kind::List(element)) => (**element).clone(),
            Some(Kind::Any) | None => Type::any(),
            Some(_) => {
                let ty = items.as_ref().map(|(slot, _)| slot.expression.result().to_string()).unwrap_or_default();
                let message = format!("`items` is a list, got {ty}");
                self.say(Diagnostic::error(Code::F0376, message, each.items.span));
                return None;
            }
        };
        scope.bound.push((text(&each.item), element));
        let key = self.slot(&each.key, scope, None);
        Some(graph::Each { items: items?.0, item: text(&each.item), key: key?.0 })
    }

    /// Lookups that name the rows of earlier entries. `None`: one of them is wrong.
    fn refer(
        &mut self,
        write: &Write,
        declared: &Declared,
        before: &[(Text, bool, Span)],
    ) -> Option<Vec<(Text, Text)>> {
        let Some(refer) = &write.refer else { return Some(vec![]) };
        let mut found = vec![];
        let mut good = true;
        for (column, entry) in refer.iter() {
            let entry: &Spanned<_> = entry;
            let problem = match before.iter().find(|(id, ..)| **id == *entry.value.0) {
                _ if declared.refer != Some(Refer::OdataBind) => {
                    Some(("this system knows no references between writes".to_owned(), column.span))
                }
                None => Some((format!("there is no write `{}` before this one", entry.value.0), entry.span)),
                Some((_, true, _)) => Some((format!("`{}` is many rows", entry.value.0), entry.span)),
                Some(_) => None,
            };
            match problem {
                Some((message, span)) => {
                    good = false;
                    self.say(Diagnostic::error(Code::F0466, message, span));
                }
                None => found.push((Text::from(&*column.text), text(entry))),
            }
        }
        good.then_some(found)
    }
}
