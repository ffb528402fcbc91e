//! `approve`: what a person is asked.

use super::scope::Scope;
use super::{Work, text};
use crate::diagnostics::{Code, Diagnostic};
use crate::graph::{Approve, NodeKind};
use crate::language::types::{Field, Kind, RecordType, Type};
use crate::model::flow;

impl Work<'_> {
    pub(super) fn approve(&mut self, approve: &flow::Approve, scope: &Scope) -> (Option<NodeKind>, Option<Type>) {
        let title = self.template(&approve.title, scope);
        let detail = approve.detail.as_ref().map(|detail| self.template(detail, scope));
        let expires = approve.expires.as_ref().map(|time| self.duration(time));
        if let Some(alone) = approve.items.as_ref().xor(approve.key.as_ref()) {
            let finding = Diagnostic::error(Code::F0382, "`items` and `key` belong together", alone.span);
            self.say(finding.help("`key` names an item, over `row`: so a person can take it out"));
        }
        let list = approve.items.as_ref().map(|items| self.slot(items, scope, None));
        let mut row = None;
        if let (Some(Some((slot, _))), Some(items)) = (&list, &approve.items) {
            row = match &slot.expression.result().kind {
                Kind::List(element) => Some((**element).clone()),
                Kind::Any => Some(Type::any()),
                _ => {
                    let message = format!("`items` is a list, got {}", slot.expression.result());
                    self.say(Diagnostic::error(Code::F0376, message, items.span));
                    None
                }
            };
        }
        let mut seen = scope.clone();
        seen.bound.push((text("row"), row.clone().unwrap_or_else(Type::any)));
        let key = approve.key.as_ref().map(|key| self.slot(key, &seen, None));
        let mut answer = RecordType::shape([("by", Type::text()), ("at", Type::time()), ("reason", Type::text())]);
        if approve.items.is_some() {
            answer.fields.insert(text("items"), Field::plain(Type::list(row.unwrap_or_else(Type::any))));
        }
        let ty = Some(Type::record(answer));
        let items = match (list, key) {
            (Some(Some((list, _))), Some(Some((key, _)))) => Some((list, key)),
            (None, None) => None,
            _ => return (None, ty),
        };
        let kind = match (title, detail, expires) {
            (_, Some(None), _) | (_, _, Some(None)) | (None, ..) => None,
            (Some(title), detail, expires) => Some(NodeKind::Approve(Box::new(Approve {
                title,
                detail: detail.flatten(),
                roles: approve.roles.iter().map(|role| text(role)).collect(),
                expires: expires.flatten(),
                items,
            }))),
        };
        (kind, ty)
    }
}
